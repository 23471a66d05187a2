"""The logits of NeuralSort: how far the entries of a row lie below the largest one.

Let t be the scores in descending order. From rank m to rank m + 1, B_j = sum_l |s_j - s_l| changes by
(2m - n) (t_m - t_(m+1)), so the logit (n + 1 - 2i) s_j - B_j of row i falls by (2(m - i) + 1) (t_m - t_(m+1)): it rises
down to rank i and falls from there. The largest logit is that of the i-th largest score; relative to it the others are
the negatives of

    x_ij = sum_(m < i) (s_j - t_m)^+ + (s_j - t_(m+1))^+  +  sum_(m >= i) (t_m - s_j)^+ + (t_(m+1) - s_j)^+.

One of the two sums is empty: the first belongs to scores above t_i, the second to those below. In each the terms are
counted by gaps t_m - t_(m+1), all of one sign: nothing cancels. Equal scores get equal numbers, bit for bit, wherever
they stand.
"""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Array, Float, Index
from refimpl.jit import inlined, kernel

FARTHEST = 800.0  # beyond 745.2, exp(-x) is 0: an infinite x is cut down to this, so that 0 x stays 0


@inlined
def count(t: Float, order: Array, row: Index, high: Index, low: Index, x: Float) -> None:
    """The first sum of row ``high`` for scores above it, the second of row ``low`` for those below, 0 in between."""
    n, one = np.uint64(t.shape[1]), np.uint64(1)
    for q in range(high, low + one):
        x[order[row, q]] = 0.0
    total, weight = 0.0, 1.0
    for back in range(high):
        m = high - one - back
        total += weight * (t[row, m] - t[row, m + one])
        x[order[row, m]] = total
        weight += 2.0
    total, weight = 0.0, 1.0
    for q in range(low + one, n):
        total += weight * (t[row, q - one] - t[row, q])
        x[order[row, q]] = total
        weight += 2.0


@inlined
def down(above: float, c: float, upper: float, lower: float) -> float:
    """The first sum of a row from that of the row above it; upper = lower = infinity adds nothing."""
    return above + (max(c - upper, 0.0) + max(c - lower, 0.0))


@inlined
def distance(above: float, below: float, scale: float, per_tau: float) -> float:
    """x / tau. 1 / tau comes in two factors: for the smallest tau it is no float."""
    return min(((above + below) * scale) * per_tau, FARTHEST)


@kernel
def balance(t: Float, order: Array, row: Index, weights: Float, found: Float) -> None:
    """sum_l sign(s_j - s_l) weights_l for every j, with sign(0) = 0: what lies below s_j less what lies above."""
    n, one = np.uint64(t.shape[1]), np.uint64(1)
    beyond, tied = 0.0, 0.0
    for q in range(n):
        if q > 0 and t[row, q] != t[row, q - one]:
            beyond, tied = beyond + tied, 0.0
        found[order[row, q]] = -beyond
        tied += weights[order[row, q]]
    beyond, tied = 0.0, 0.0
    for back in range(n):
        m = n - one - back
        if back > 0 and t[row, m] != t[row, m + one]:
            beyond, tied = beyond + tied, 0.0
        found[order[row, m]] += beyond
        tied += weights[order[row, m]]
