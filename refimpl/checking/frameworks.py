"""Functions of a framework, whose VJP the framework derives, as implementations. The framework is imported only then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.checking.implementation import (
    Answer,
    Array,
    BadAnswer,
    Gradients,
    Implementation,
    describe,
    from_callable,
    name_of,
    numbers_of,
    pack,
    split,
)
from refimpl.op import AnyOp, Values


def from_torch(op: AnyOp, function: Callable[..., Any], name: str | None = None) -> Implementation:
    """A function of torch tensors that returns tensors; its VJP is the one torch.autograd derives."""
    try:
        import torch
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("checking a torch function needs PyTorch: pip install torch") from missing

    def run(args: Values) -> Answer:
        dtype = torch.float32 if any(np.asarray(v).dtype == np.float32 for v in args.values()) else torch.float64
        tensors = {
            key: torch.tensor(np.asarray(args[key]), dtype=dtype, requires_grad=True)
            for key in op.differentiable
            if args.get(key) is not None
        }
        positional, keywords = split(op, {**args, **tensors})
        outputs = function(*positional, **keywords)
        parts = outputs if isinstance(outputs, tuple | list) else (outputs,)
        if not all(isinstance(part, torch.Tensor) for part in parts):
            raise BadAnswer(f"returned {describe(outputs)}; expected a tensor, or a tuple of tensors")
        y = (
            pack(tuple(part.detach().cpu().numpy() for part in parts))
            if len(parts) > 1
            else parts[0].detach().cpu().numpy()
        )

        def pull(g: Array) -> Gradients:
            cotangents = [
                torch.tensor(np.array(one), dtype=part.dtype)
                for one, part in zip(g if len(parts) > 1 else (g,), parts, strict=True)
            ]
            live = [(part, one) for part, one in zip(parts, cotangents, strict=True) if part.requires_grad]
            if not live:
                return {key: None for key in tensors}
            grads = torch.autograd.grad(
                [part for part, _ in live], list(tensors.values()), [one for _, one in live],
                retain_graph=True, allow_unused=True,
            )  # fmt: skip
            return {key: None if grad is None else grad.cpu().numpy() for key, grad in zip(tensors, grads, strict=True)}

        return Answer(numbers_of(y, "y"), pull, y.dtype.name)

    return Implementation(name or name_of(function), run)


FRAMEWORKS: dict[str, Callable[..., Implementation]] = {"numpy": from_callable, "torch": from_torch}
