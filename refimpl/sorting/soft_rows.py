"""What the passes of SoftSort do with one row: its weights, from the exponentials of a block of rows, and its sums.

With power 1 a row follows from one above it, the head of its block, whose score r is at most REACH tau larger. With
f = exp((r - s_[i]) / tau), the weights of scores above r are those of the head divided by f, and of scores below s_[i]
those multiplied by f; in between they are 1 / (f w_rj). The three are told apart by a minimum. One row of exponentials
serves the block. With power 2 each row is a block of its own.
"""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Array, Float
from refimpl.jit import inlined, reduction
from refimpl.scalars.distances import distance, sides
from refimpl.scalars.exponential import exponential

REACH = 2.0  # of a block, in tau: f has up to as many ulps more


@inlined
def follow(top: Float, row: int, head: int, i: int, tau: float, squared: bool) -> int:
    """Rank i belongs to the block of rank ``head``, or begins its own."""
    return i if squared or (top[row, head] - top[row, i]) / tau > REACH else head


@inlined
def begin(s: Float, row: int, r: float, tau: float, squared: bool, below: Float, above: Float) -> None:
    """The exponentials of a block: w_rj for scores below r and 1 / w_rj; infinity and w_rj for the others."""
    for j in range(np.uint64(below.size)):
        below[j], above[j] = sides(exponential(-distance(r - s[row, j], tau, squared)), s[row, j] >= r)


@reduction
def weigh(below: Float, above: Float, o: int, w: Float) -> float:
    """The weights of the row that belongs to score o of the block, and their sum."""
    found, f, inverse_f = 0.0, above[o], min(below[o], above[o])
    for j in range(np.uint64(w.size)):
        w[j] = min(below[j] * f, above[j] * inverse_f)
        found += w[j]
    return found


@reduction
def against(below: Float, above: Float, o: int, g: Array, w: Float) -> float:
    """The weights once more, and the sum of their products with g."""
    found, f, inverse_f = 0.0, above[o], min(below[o], above[o])
    for j in range(np.uint64(w.size)):
        w[j] = min(below[j] * f, above[j] * inverse_f)
        found += w[j] * g[j]
    return found


@reduction
def sums(e: Float, s: Float, row: int, at: float, narrow: float) -> tuple[float, float]:
    """The sums of e_ij and of e_ij D_ij over j."""
    found, by_distance = 0.0, 0.0
    for j in range(np.uint64(e.size)):
        found += e[j]
        by_distance += e[j] * ((at - s[row, j]) * narrow)
    return found, by_distance


@inlined
def equals(s: Float, top: Float, row: int, i: int) -> tuple[int, int]:
    """How many ranks before i, and how many scores in all, have the score of rank i."""
    at, k = top[row, i], top.shape[1]
    before, many = 0, 1
    while before < i and top[row, i - 1 - before] == at:
        before += 1
    while i + many < k and top[row, i + many] == at:
        many += 1
    many += before
    if i - before + many == k and k < s.shape[1]:  # there may be more of them, beyond the first k
        many = 0
        for j in range(np.uint64(s.shape[1])):
            many += 1 if s[row, j] == at else 0
    return before, max(many, 1)
