"""What the sorters are asked: their arguments, checked once, and laid out one row per batch entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from refimpl.boundary import Array, Float, Gate, result_dtype
from refimpl.sorting.networks import Comparators, comparators
from refimpl.sorting.swap import sigmoid

LARGE, SHRUNK = 2.0**500, 2.0**-600  # values beyond the first are multiplied by the second going back

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


class Rows(NamedTuple):
    """One row of values per batch entry, with a parameter of its own."""

    x: Float
    parameter: Float
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    dtype: np.dtype[Any]


def rows_of(gate: Gate, name: str, x: Any, parameter_name: str, parameter: Any) -> Rows:
    """Check values to sort, finite or NaN, and a positive parameter that broadcasts against their batch axes."""
    x = values_to_sort(gate, name, x)
    n, batch = x.shape[-1], x.shape[:-1]
    parameter = gate.parameter(parameter_name, parameter)
    spread = gate.spread(parameter_name, parameter, batch, full=True)
    flat = x.reshape(x.size // n, n).astype(np.float64, copy=False)
    return Rows(flat, spread, (x.shape, parameter.shape), result_dtype(x))


def values_to_sort(gate: Gate, name: str, x: Any) -> Array:
    """At least one value along the last axis, none of them infinite."""
    array = gate.array(name, x, rank=1)
    if array.shape[-1] == 0:
        gate.refuse(name, f"has shape {array.shape}: nothing to sort", "at least one value along the last axis")
    gate.finite_or_nan(name, array, "finite values: mask them, or stand in a large finite number")
    return array


def shrinking(largest: Array) -> Array:
    """By row, from its largest magnitude: a power of two that keeps differences, and their products, finite."""
    return np.where(largest > LARGE, SHRUNK, 1.0)


def setup(
    gate: Gate, x: Any, network: NetworkLike, cdf: str, beta: Any, lam: Any,
    wiring: Callable[[Gate, Any, int], Comparators] = comparators,
) -> Problem:  # fmt: skip
    """Check the arguments shared by the network operators; ``wiring`` makes comparators of ``network``."""
    x = values_to_sort(gate, "x", x)
    n = x.shape[-1]
    wired = wiring(gate, network, n)
    beta, lam = sigmoid(gate, cdf, beta, lam)
    batch = x.shape[:-1]
    rows = x.size // n
    return Problem(
        x=x.reshape(rows, n).astype(np.float64, copy=False),
        beta=gate.spread("beta", beta, batch, full=True),
        lam=np.zeros(rows) if lam is None else gate.spread("lam", lam, batch, full=True),
        network=wired,
        cdf=cdf,
        shapes=(x.shape, beta.shape, None if lam is None else lam.shape),
        dtype=result_dtype(x),
    )
