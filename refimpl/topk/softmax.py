"""The numerators of a softmax, row by row, in a form that loses no digits where one score is far above the others."""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Array, Float
from refimpl.jit import kernel, reduction
from refimpl.scalars.exponential import exponential


@reduction
def total(e: Float, row: int, low: int, high: int) -> float:
    found = 0.0
    for j in range(low, high):
        found += e[row, j]
    return found


@kernel
def softmax_rows(x: Array, e: Float, peak: Float, top: Array, tail: Float, start: int, stop: int) -> None:
    """E = exp(x - peak); tail is their sum without the peak's own 1, so that a small cross entropy keeps its digits."""
    n = x.shape[1]
    for row in range(start, stop):
        best = 0
        for j in range(1, n):
            if x[row, j] > x[row, best]:
                best = j
        peak[row], top[row] = x[row, best], best
        for j in range(n):
            e[row, j] = exponential(np.float64(x[row, j]) - peak[row])
        tail[row] = total(e, row, 0, best) + total(e, row, best + 1, n)
