"""What the two network operators are asked: their arguments, checked once, and laid out one row per batch entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from refimpl.boundary import Float, Gate, result_dtype
from refimpl.sorting.networks import Comparators, comparators
from refimpl.sorting.swap import sigmoid

NetworkLike: TypeAlias = str | Sequence[Sequence[Sequence[int]]]


class Problem(NamedTuple):
    """Arguments as kernels take them, one row per batch entry."""

    x: Float
    beta: Float
    lam: Float
    network: Comparators
    cdf: str
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]
    dtype: np.dtype[Any]


def setup(gate: Gate, x: Any, network: NetworkLike, cdf: str, beta: Any, lam: Any) -> Problem:
    """Check the arguments shared by the network operators."""
    x = gate.array("x", x, rank=1)
    n = x.shape[-1]
    if n == 0:
        gate.refuse("x", f"has shape {x.shape}: nothing to sort", "at least one value along the last axis")
    gate.finite_or_nan("x", x, "finite values: mask them, or stand in a large finite number")
    wiring = comparators(gate, network, n)
    beta, lam = sigmoid(gate, cdf, beta, lam)
    batch = x.shape[:-1]
    rows = x.size // n
    return Problem(
        x=x.reshape(rows, n).astype(np.float64, copy=False),
        beta=gate.spread("beta", beta, batch, full=True),
        lam=np.zeros(rows) if lam is None else gate.spread("lam", lam, batch, full=True),
        network=wiring,
        cdf=cdf,
        shapes=(x.shape, beta.shape, None if lam is None else lam.shape),
        dtype=result_dtype(x),
    )
