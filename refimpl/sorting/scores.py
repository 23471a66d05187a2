"""What the descending sorters are asked: scores, temperature, power, checked once, and the largest scores of a row."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import SINGLE_THREADED, Array, Float, Gate, result_dtype
from refimpl.jit import kernel
from refimpl.sorting.problem import values_to_sort

HUGE = 2.0**1022  # a row with scores beyond is halved: then its differences are finite
FEW = 8  # n / k from which it is cheaper to pass over the scores once than to sort them


class Problem(NamedTuple):
    """Arguments as kernels take them, one row per batch entry."""

    s: Float  # (rows, n), in units of ``unit``; a copy
    tau: Float  # (rows,)
    unit: Float  # (rows,) 1, or 1/2 in rows of huge scores
    k: int
    power: int
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of s and tau
    dtype: np.dtype[Any]


def setup(gate: Gate, s: Any, k: int | None, tau: Any, power: Any) -> Problem:
    """Check the arguments; k is None for all rows, or was checked."""
    s = values_to_sort(gate, "s", s)
    n = s.shape[-1]
    tau = gate.parameter("tau", tau)
    if not isinstance(power, int | float | np.number) or isinstance(power, bool) or power not in (1, 2):
        gate.refuse("power", f"is {power!r}", "1 or 2: below 1 the slope at equal scores is infinite")
    scores = s.reshape(s.size // n, n).astype(np.float64)
    temperatures = gate.spread("tau", tau, s.shape[:-1], full=True)
    unit = np.ones_like(temperatures)
    if s.size > SINGLE_THREADED or not math.isfinite(np.vdot(s, s)):  # few ordinary scores are not asked one by one
        unit = np.where((abs(scores) > HUGE).any(axis=-1), 0.5, 1.0)
        scores *= unit[:, None]
    k = n if k is None else k
    return Problem(scores, temperatures, unit, k, int(power), (s.shape, tau.shape), result_dtype(s))


def largest(s: Float, order: Array, top: Float, start: int, stop: int) -> None:
    """The largest scores of rows start to stop, as many as ``top`` has room for, descending, and where they are."""
    k = top.shape[1]
    if FEW * k <= s.shape[1]:
        insert(s, order, top, start, stop)
    else:
        order[start:stop] = np.argsort(-s[start:stop], axis=-1)[:, :k]
        pick(s, order, top, start, stop)


@kernel
def pick(s: Float, order: Array, top: Float, start: int, stop: int) -> None:
    """The scores in this order."""
    for row in range(start, stop):
        for i in range(top.shape[1]):
            top[row, i] = s[row, order[row, i]]


@kernel
def insert(s: Float, order: Array, top: Float, start: int, stop: int) -> None:
    """By insertion: where few are wanted, most scores are passed over at one comparison. NaN is never larger."""
    last = top.shape[1] - 1
    for row in range(start, stop):
        for i in range(last + 1):
            order[row, i], top[row, i] = 0, -np.inf
        for j in range(s.shape[1]):
            score = s[row, j]
            if score > top[row, last]:
                i = last
                while i > 0 and top[row, i - 1] < score:
                    order[row, i], top[row, i] = order[row, i - 1], top[row, i - 1]
                    i -= 1
                order[row, i], top[row, i] = j, score
