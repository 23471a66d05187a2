"""Functions of a framework, whose VJP the framework derives, as implementations. The framework is imported only then."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.checking import packing
from refimpl.checking.compare import compare
from refimpl.checking.implementation import (
    Answer,
    Array,
    BadAnswer,
    Gradients,
    Implementation,
    NotOffered,
    describe,
    from_callable,
    name_of,
    numbers_of,
    split,
)
from refimpl.op import AnyOp, Values

TINY = 2.0**-1022  # numbers below are subnormal
FUSED = 2.0**12  # ulps: what another order of the same operations may change; a wrong value is further off


def from_torch(op: AnyOp, function: Callable[..., Any], name: str | None = None) -> Implementation:
    """A function of torch tensors that returns tensors; its VJP is the one torch.autograd derives."""
    try:
        import torch
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("checking a torch function needs PyTorch: pip install torch") from missing

    def run(args: Values) -> Answer:
        dtype = torch.float32 if _single(args) else torch.float64
        tensors = {
            key: torch.tensor(
                np.ascontiguousarray(args[key]).reshape(np.shape(args[key])), dtype=dtype, requires_grad=True
            )
            for key in op.differentiable
            if args.get(key) is not None
        }
        positional, keywords = split(op, {**args, **tensors})
        outputs = function(*positional, **keywords)
        parts = outputs if isinstance(outputs, tuple | list) else (outputs,)
        if not all(isinstance(part, torch.Tensor) for part in parts):
            raise BadAnswer(f"returned {describe(outputs)}; expected a tensor, or a tuple of tensors")
        y = packing.pack(op, tuple(part.detach().cpu().numpy() for part in parts))

        def pull(g: Array) -> Gradients:
            cotangents = [
                torch.tensor(np.array(one), dtype=part.dtype)
                for one, part in zip(packing.parts(op, args, g), parts, strict=True)
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

    return Implementation(name or name_of(function), run, copies=True)


def from_jax(op: AnyOp, function: Callable[..., Any], name: str | None = None) -> Implementation:
    """A function of JAX arrays that returns JAX arrays; its VJP is the one jax.vjp derives.

    float64 arguments are given with x64 enabled, for the length of the call; float32 ones under your own settings. A
    gradient that is cut is zero for JAX, and is judged as that.
    """
    try:
        jax: Any = importlib.import_module("jax")
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("checking a JAX function needs JAX: pip install jax") from missing

    def run(args: Values) -> Answer:
        single = _single(args)
        dtype, setting = (np.float32, contextlib.nullcontext) if single else (np.float64, lambda: _x64(jax))
        names = [key for key in op.differentiable if args.get(key) is not None]
        if any(((np.abs(args[key]) < TINY) & (np.asarray(args[key]) != 0.0)).any() for key in names):
            raise NotOffered("subnormal numbers: XLA's threads take them for 0")

        def of_arrays(*arrays: Any) -> tuple[Any, ...]:
            positional, keywords = split(op, {**args, **dict(zip(names, arrays, strict=True))})
            outputs = function(*positional, **keywords)
            parts = tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)
            if not parts or not all(isinstance(part, jax.Array) for part in parts):
                raise BadAnswer(f"returned {describe(outputs)}; expected a JAX array, or a tuple of JAX arrays")
            return parts

        def packed(parts: tuple[Any, ...]) -> Array:
            return packing.pack(op, tuple(map(np.asarray, parts)))

        with setting():
            arrays = [jax.numpy.array(args[key], dtype) for key in names]
            parts = of_arrays(*arrays)
            y = numbers_of(packed(parts), "y")
        live = [jax.numpy.issubdtype(part.dtype, jax.numpy.floating) for part in parts]

        @functools.cache
        def derived() -> Callable[..., Any]:
            """The VJP. Most calls want the value alone, and tracing takes ten times as long."""
            again, vjp = jax.vjp(of_arrays, *arrays)
            if not _alike(packed(again), y):
                raise BadAnswer("under jax.vjp it returns another value; does the forward rule of a custom_vjp differ?")
            return vjp  # type: ignore[no-any-return]

        def pull(g: Array) -> Gradients:
            if not any(live):
                return dict.fromkeys(names)
            with setting():
                cotangents = tuple(
                    jax.numpy.asarray(one, part.dtype) if real else np.zeros(part.shape, jax.dtypes.float0)
                    for one, part, real in zip(packing.parts(op, args, g), parts, live, strict=True)
                )
                return {key: np.asarray(gradient) for key, gradient in zip(names, derived()(cotangents), strict=True)}

        return Answer(y, pull, y.dtype.name)

    return Implementation(name or name_of(function), run, copies=True, least=TINY * 2.0**52)


def _single(args: Values) -> bool:
    """Whether float32 is given. Networks may be nested lists, which are no arrays."""
    return any(getattr(value, "dtype", None) == np.float32 for value in args.values())


def _alike(again: Array, y: Array) -> bool:
    """One value up to rounding: operations are fused where derivatives are traced."""
    if (again.shape, again.dtype) != (y.shape, y.dtype):
        return False
    gauge = np.abs(np.where(np.isfinite(y), y, 0)).max(initial=0.0)
    return not y.size or compare(again, y, dtype=y.dtype.name, gauge=gauge, ulps=FUSED).ok


def _x64(jax: Any) -> Any:
    """A block inside which JAX computes in float64: its name has changed between versions."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64(True)


FRAMEWORKS: dict[str, Callable[..., Implementation]] = {"numpy": from_callable, "torch": from_torch, "jax": from_jax}
