"""Any operator inside a framework: our forward and backward passes, its autograd. Frameworks are optional extras.

``torch.function(operator)``    a differentiable function of torch tensors
``jax.function(operator)``      a differentiable function of JAX arrays, under jit, grad and vmap

Import the one you use (``import refimpl.bridges.jax``); the framework itself is imported when ``function`` is called.
"""
