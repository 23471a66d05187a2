"""Any operator as a differentiable function of torch tensors.

    y = function(sorting.network_sort)(x, cdf="cauchy", beta=beta)      # x, beta: tensors; y.backward() works

Tensors on the CPU and arrays share their memory in both directions; tensors elsewhere are copied to the CPU and back.
Gradients reach every differentiable argument that is a tensor. create_graph=True is refused: a second derivative through
an operator would silently lack a term.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.op import AnyOp


def function(op: AnyOp) -> Callable[..., Any]:
    """The operator for tensors: same arguments, of which any may be tensors; same outputs, as a tensor or a tuple of them.

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
        return tensor.detach().cpu().numpy()

    class Bridge(torch.autograd.Function):  # type: ignore[misc]
        """``names`` are the arguments that are tensors; ``others`` holds the rest."""

        @staticmethod
        def forward(ctx: Any, names: tuple[str, ...], others: dict[str, Any], *tensors: Any) -> Any:
            arrays = {name: to_array(tensor) for name, tensor in zip(names, tensors, strict=True)}
            y, ctx.residuals = op.forward(**arrays, **others)
            ctx.save_for_backward(*tensors)  # residuals may share their memory: torch then notices writes into it
            ctx.names, ctx.several = names, isinstance(y, tuple)
            outputs = [torch.from_numpy(np.asarray(one)).to(tensors[0].device) for one in (y if ctx.several else (y,))]
            return tuple(outputs) if ctx.several else outputs[0]

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            if torch.is_grad_enabled():
                raise RuntimeError(f"{op.id}: has no second derivative; differentiate without create_graph=True")
            arrays = tuple(map(to_array, cotangents))
            gradients = op.backward(ctx.residuals, arrays if ctx.several else arrays[0])._asdict()
            found = []
            for name, tensor, needed in zip(ctx.names, ctx.saved_tensors, ctx.needs_input_grad[2:], strict=True):
                gradient = gradients.get(name) if needed else None
                found.append(None if gradient is None else torch.as_tensor(gradient).to(tensor))
            return None, None, *found

    def call(*args: Any, **keywords: Any) -> Any:
        given = op.signature.bind(*args, **keywords).arguments
        names = tuple(name for name, value in given.items() if isinstance(value, torch.Tensor))
        if not names:
            raise TypeError(f"{op.id}: no argument is a tensor; call the operator itself for arrays")
        others = {name: value for name, value in given.items() if name not in names}
        return Bridge.apply(names, others, *(given[name] for name in names))

    functools.update_wrapper(call, op.value)
    call.__name__ = call.__qualname__ = op.name
    return call
