"""Our own implementation as the laws see it, and the way its results are judged. A helper, not a test."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.checking.compare import compare
from refimpl.checking.packing import pack, unpack
from refimpl.law import Runner
from refimpl.op import AnyOp, Array, Values

Calls = tuple[list[Any], Values]  # positional and keyword arguments


def call(op: AnyOp, args: Values) -> Calls:
    """The arguments without a keyword in the signature first, the others by name."""
    plain = [p.name for p in op.signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return [args[name] for name in plain], {name: value for name, value in args.items() if name not in plain}


def value(op: AnyOp, args: Values) -> Any:
    positional, keywords = call(op, args)
    return op(*positional, **keywords)


def vjp(op: AnyOp, args: Values) -> Any:
    positional, keywords = call(op, args)
    return op.vjp(*positional, **keywords)


class Ours(Runner):
    """The reference itself."""

    def __init__(self, op: AnyOp) -> None:
        self.op = op

    def value(self, args: Values) -> Array:
        return pack(self.op, value(self.op, args))

    def pull(self, args: Values, cotangent: Array) -> dict[str, Array]:
        return vjp(self.op, args)[1](unpack(self.op, args, cotangent))._asdict()


def agree(got: Any, want: Any, ulps: float, gauge: Any = None, dtype: str = "float64") -> None:
    """``got`` is within so many gauged ulps of ``want``."""
    found = compare(np.asarray(got), np.asarray(want), ulps=ulps, gauge=gauge, dtype=dtype)
    assert found.ok, found


def same_bits(got: Any, want: Any) -> None:
    """Arrays, or tuples of arrays and None, that agree in dtype, shape and every bit."""
    if isinstance(got, tuple):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            same_bits(one, other)
    elif got is None or want is None:
        assert got is want
    else:
        got, want = np.asarray(got), np.asarray(want)
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert got.tobytes() == want.tobytes()
