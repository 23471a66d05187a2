"""Rounds of odd-even transposition: their comparators, and the checked arguments of the operators that run them.

Round j compares the wires (i, i + 1) with i = j mod 2, j mod 2 + 2, ...; any number of rounds may be asked for. Rounds
without a pair (every second one for n = 2) are left out.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from refimpl.boundary import Array, Gate
from refimpl.sorting.networks import Comparators
from refimpl.sorting.problem import Problem

KEPT = 16  # networks that are not made again; n rounds on n = 1024 wires fill 20 MiB


@functools.lru_cache(maxsize=KEPT)
def transpositions(n: int, rounds: int) -> Comparators:
    """The comparators of so many rounds on n wires."""
    low, high = np.arange(n), np.arange(1, n + 1)
    first, lows, highs = [], [], []
    for parity in range(rounds if n > 1 else 0):
        i = np.arange(parity % 2, n - 1, 2)
        low[i] = low[i + 1] = np.minimum(low[i], low[i + 1])
        high[i] = high[i + 1] = np.maximum(high[i], high[i + 1])
        if i.size:
            first.append(i)
            lows.append(low[i])
            highs.append(high[i])
    starts = np.cumsum([0, *(i.size for i in first)])
    wires, least, most = (
        np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.uint64) for parts in (first, lows, highs)
    )
    network = Comparators(wires, wires + np.uint64(1), starts.astype(np.uint64), least, most, n, "custom")
    for shared in network[:5]:  # kept, and public as residuals
        shared.setflags(write=False)
    return network


def count(gate: Gate, name: str, value: Any, default: int) -> int:
    """A number of rounds."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        gate.refuse(name, f"is {value!r}", "a whole number >= 0, or None")
    return int(value)


def keys(gate: Gate, name: str, value: Any) -> Array:
    """Values to sort: at least one of them, none infinite."""
    array = gate.array(name, value, rank=1)
    if array.shape[-1] == 0:
        gate.refuse(name, f"has shape {array.shape}: nothing to sort", "at least one value along the last axis")
    gate.finite_or_nan(name, array, "finite values: mask them, or stand in a large finite number")
    return array


def problem(
    gate: Gate, name: str, a: Array, batch: tuple[int, ...], steepness: Any, network: Comparators, dtype: np.dtype[Any]
) -> Problem:  # fmt: skip
    """What the network kernels are asked: the keys ``a`` broadcast over ``batch``, with the logistic sigmoid."""
    steepness, shape = gate.parameter("steepness", steepness), (*batch, a.shape[-1])
    beta = gate.spread("steepness", steepness, batch, full=True)
    return Problem(
        x=gate.spread(name, a, shape, full=True).reshape(beta.size, shape[-1]),
        beta=beta,
        lam=np.zeros(beta.size),
        network=network,
        cdf="logistic",
        shapes=(shape, steepness.shape, None),
        dtype=dtype,
    )
