"""Any operator inside a framework: our forward and backward passes, its autograd. Frameworks are optional extras.

``torch.function(operator)``    a differentiable function of torch tensors
"""
