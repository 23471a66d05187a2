"""Any operator as a differentiable function of torch tensors.

    y = function(sorting.network_sort)(x, cdf="cauchy", beta=beta)      # x, beta: tensors; y.sum().backward() works

Tensors on the CPU and arrays share their memory in both directions; tensors elsewhere are copied to the CPU and back.
Gradients reach every differentiable argument that is a tensor. create_graph=True is refused: a second derivative through
an operator would silently lack a term. torch.func is refused: leading axes are batch axes already.

>>> import torch, refimpl.bridges.torch
>>> from refimpl import sorting
>>> refimpl.bridges.torch.function(sorting.network_sort)(torch.tensor([3.0, 1.0, 2.0]), cdf="logistic", beta=100.0)
tensor([1., 2., 3.])
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.bridges.shapes import names_of_outputs
from refimpl.op import AnyOp


def function(op: AnyOp) -> Callable[..., Any]:
    """The operator for tensors: same arguments, of which any may be tensors; outputs as tensors.

    Parameters
    ----------
    op : operator
        For example ``refimpl.sorting.network_permutation``.

    Returns
    -------
    callable
        Outputs have the dtype that the operator gives (float32 for float32) and the device of the first tensor.

    Raises
    ------
    ModuleNotFoundError
        PyTorch is not installed.

    Examples
    --------
    >>> import torch
    >>> from refimpl import bridges, sorting
    >>> import refimpl.bridges.torch
    >>> sort = bridges.torch.function(sorting.network_sort)
    >>> x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    >>> sort(x, cdf="logistic", beta=100.0)[0].backward()
    >>> x.grad.round(decimals=6).abs()
    tensor([0., 1., 0.])
    """
    try:
        import torch
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("refimpl.bridges.torch needs PyTorch: pip install torch") from missing

    def to_array(tensor: Any) -> Any:
        return tensor.detach().cpu().resolve_neg().numpy()

    def to_tensors(y: Any, device: Any) -> Any:
        tensors = [torch.from_numpy(np.asarray(one)).to(device) for one in (y if isinstance(y, tuple) else (y,))]
        return tuple(tensors) if isinstance(y, tuple) else tensors[0]

    named = names_of_outputs(op)

    class Bridge(torch.autograd.Function):  # type: ignore[misc]
        """``names`` are the arguments that are tensors; ``others`` holds the rest; ``keep`` says if backward may come."""

        @staticmethod
        def forward(ctx: Any, names: tuple[str, ...], others: dict[str, Any], keep: bool, *tensors: Any) -> Any:
            arrays = {name: to_array(tensor) for name, tensor in zip(names, tensors, strict=True)}
            if not keep:
                return to_tensors(op.value(**arrays, **others), tensors[0].device)
            y, ctx.residuals = op.forward(**arrays, **others)
            outputs = to_tensors(y, tensors[0].device)
            ctx.names, ctx.several = names, isinstance(y, tuple)
            ctx.on = [(tensor.device, tensor.dtype) for tensor in tensors]
            # Residuals may share the memory of arguments and of outputs: torch notices writes into what is saved here.
            parts = zip(y, outputs, strict=True) if ctx.several else ((y, outputs),)
            ctx.save_for_backward(*tensors, *(tensor for array, tensor in parts if _shared(array, ctx.residuals)))
            return outputs

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            if torch.is_grad_enabled():
                raise RuntimeError(f"{op.id}: has no second derivative; differentiate without create_graph=True")
            _ = ctx.saved_tensors  # torch refuses here, before anything is computed, if one was written into
            try:
                arrays = tuple(map(to_array, cotangents))
            except RuntimeError as refused:
                advice = "batched gradients (is_grads_batched, vectorize=True) do not work: ask for one at a time"
                raise RuntimeError(f"{op.id}: a cotangent cannot be read; {advice}") from refused
            gradients = op.backward(ctx.residuals, arrays if ctx.several else arrays[0])._asdict()
            found = []
            for name, (device, dtype), needed in zip(ctx.names, ctx.on, ctx.needs_input_grad[3:], strict=True):
                gradient = gradients.get(name) if needed else None
                found.append(None if gradient is None else torch.as_tensor(gradient).to(device, dtype))
            return None, None, None, *found

    def call(*args: Any, **keywords: Any) -> Any:
        given = op.signature.bind(*args, **keywords).arguments
        names = tuple(name for name, value in given.items() if isinstance(value, torch.Tensor))
        if not names:
            raise TypeError(f"{op.id}: no argument is a tensor; call the operator itself for arrays")
        for name in names:
            if given[name].dtype is torch.bfloat16:  # which NumPy does not have
                expected = "float64 or float32: convert with .float()"
                raise TypeError(f"{op.id}: argument {name!r} has dtype torch.bfloat16; expected {expected}")
        others = {name: value for name, value in given.items() if name not in names}
        for name in set(names) - set(op.differentiable):
            if given[name].requires_grad and torch.is_grad_enabled():
                why = next(argument.why_not for argument in op.args if argument.name == name) or "it is no real number"
                raise TypeError(
                    f"{op.id}: argument {name!r} asks for a gradient and has none ({why}); pass it detached"
                )
        keep = torch.is_grad_enabled() and any(given[name].requires_grad for name in names)
        try:
            outputs = Bridge.apply(names, others, keep, *(given[name] for name in names))
            return named(*outputs) if isinstance(outputs, tuple) else outputs
        except RuntimeError as refused:
            if "setup_context" not in str(refused):  # how torch says that a transform of torch.func is active
                raise
            advice = "use leading axes as batch axes, and tensor.backward() or torch.autograd.grad"
            raise RuntimeError(f"{op.id}: does not work inside torch.func (vmap, grad, jacrev ...); {advice}") from None

    functools.update_wrapper(call, op.value)
    call.__name__ = call.__qualname__ = op.name
    return call


def _shared(array: Any, residuals: tuple[Any, ...]) -> bool:
    """Whether an output lies in the memory of a residual, at whatever depth the residuals hold it."""
    return any(
        _shared(array, one)
        if isinstance(one, tuple)
        else isinstance(one, np.ndarray) and np.may_share_memory(array, one)
        for one in residuals
    )
