"""Right implementations of every operator, by every door there is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from refimpl.checking.doors import Impl
from refimpl.checking.frameworks import FRAMEWORKS
from refimpl.checking.implementation import Implementation, NotOffered, from_callable
from refimpl.op import AnyOp

Make = Callable[[AnyOp], Implementation]


class Door(NamedTuple):
    """``open`` makes the implementations, or says in an ImportError why it cannot."""

    name: str
    what: str
    open: Callable[[], Make]


def plain(op: AnyOp) -> Implementation:
    return from_callable(op, op.vjp, f"{op.id}, a callable")


def rounded_otherwise(op: AnyOp) -> Implementation:
    """The declared oracle for the value, and a pullback whose last digits are others: 3 pull(g / 3)."""

    def vjp(*args: Any, **keywords: Any) -> Any:
        _, pullback = op.vjp(*args, **keywords)
        given = op.signature.bind(*args, **keywords).arguments
        exact = {name: value.astype(np.float64) if _single(value) else value for name, value in given.items()}
        dtype = np.float32 if any(map(_single, given.values())) else np.float64
        y = op.oracle(**exact)

        def pull(g: Any) -> Any:
            third = tuple(one / 3 for one in g) if isinstance(g, tuple) else g / 3
            return {name: None if one is None else 3 * one for name, one in pullback(third)._asdict().items()}

        return tuple(np.asarray(one, dtype) for one in y) if isinstance(y, tuple) else np.asarray(y, dtype), pull

    return from_callable(op, vjp, f"{op.id}, rounded otherwise")


def single_precision(op: AnyOp) -> Implementation:
    """An implementation that knows float32 only: what it gets is rounded, what it gives is float32."""

    def vjp(*args: Any, **keywords: Any) -> Any:
        def rounded(value: Any) -> Any:
            if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
                return value
            single = value.astype(np.float32)
            if (np.isinf(single) & np.isfinite(value)).any():
                raise NotOffered("float32 has no such number")
            return single

        y, pullback = op.vjp(*map(rounded, args), **{name: rounded(value) for name, value in keywords.items()})

        def pull(g: Any) -> Any:
            return pullback(tuple(map(rounded, g)) if isinstance(g, tuple) else rounded(g))

        return (tuple(map(np.float32, y)) if isinstance(y, tuple) else np.float32(y)), pull

    return from_callable(op, vjp, f"{op.id}, float32 only")


def framework(name: str) -> Make:
    """The bridge to a framework, checked as a function of that framework."""
    if name not in FRAMEWORKS:
        raise ImportError(f"refimpl.check has no framework {name!r}")
    importlib.import_module(name)
    bridge = importlib.import_module(f"refimpl.bridges.{name}")
    if name == "jax":
        importlib.import_module("jax").config.update("jax_enable_x64", True)
    return lambda op: FRAMEWORKS[name](op, bridge.function(op), f"{op.id}, {name}")


def program() -> Make:
    """``validation.alarms.serve`` at the other end of two pipes."""
    if find_spec("refimpl.checking.process") is None:
        raise ImportError("there is no refimpl.checking.process")
    impl = Impl("serve").spawn([sys.executable, "-m", "validation.alarms.serve"])

    def make(op: AnyOp) -> Implementation:
        found = impl.get(op)
        assert found is not None, op.id
        return found

    return make


DOORS = (
    Door("callable", "the operator's own `.vjp`", lambda: plain),
    Door("rounded", "the declared oracle, gradients `3 pull(g / 3)`: right, in other bits", lambda: rounded_otherwise),
    Door("float32", "`.vjp` of inputs rounded to float32, answers in float32 alone", lambda: single_precision),
    Door("torch", '`refimpl.bridges.torch.function`, by `framework="torch"`', lambda: framework("torch")),
    Door("jax", '`refimpl.bridges.jax.function`, by `framework="jax"`, in float64', lambda: framework("jax")),
    Door("program", "`python -m validation.alarms.serve`, by JSON lines over pipes", program),
)  # fmt: skip


def _single(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float32
