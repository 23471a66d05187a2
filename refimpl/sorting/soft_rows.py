"""What the passes of SoftSort do with one row: its weights, from the exponentials of a block of rows, and its sums.

With power 1 a row follows from one above it, the head of its block, whose score r is at most REACH tau larger. With
f = exp((r - s_[i]) / tau), the weights of scores above r are those of the head divided by f, and of scores below s_[i]
those multiplied by f; in between they are 1 / (f w_rj). The three are told apart by a minimum. One row of exponentials
serves the block. With power 2 each row is a block of its own.
"""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Array, Float, Index
from refimpl.jit import inlined, reduction
from refimpl.scalars.distances import distance, sides
from refimpl.scalars.exponential import exponential

REACH = 2.0  # of a block, in tau: f has up to as many ulps more


@inlined
def block(top: Float, row: Index, head: Index, last: Index, tau: float, squared: bool) -> Index:
    """The first rank that the block of rank ``head`` does not reach, or the last one asked about."""
    end = head + np.uint64(1)
    while end < last and not squared and (top[row, head] - top[row, end]) / tau <= REACH:
        end += np.uint64(1)
    return end


@inlined
def begin(s: Float, row: Index, r: float, tau: float, squared: bool, below: Float, above: Float) -> None:
    """The exponentials of a block: w_rj for scores below r and 1 / w_rj; infinity and w_rj for the others."""
    for j in range(np.uint64(below.size)):
        below[j], above[j] = sides(exponential(-distance(r - s[row, j], tau, squared)), s[row, j] >= r)


@inlined
def factors(below: Float, above: Float, o: Index, part: float) -> tuple[float, float]:
    """f and 1 / f of the row that belongs to score o of the block, times ``part``."""
    return above[o] * part, min(below[o], above[o]) * part


@reduction
def total(below: Float, above: Float, f: float, inverse_f: float) -> float:
    """The sum of the weights of a row."""
    found = 0.0
    for j in range(np.uint64(below.size)):
        found += min(below[j] * f, above[j] * inverse_f)
    return found


@inlined
def write(below: Float, above: Float, f: float, inverse_f: float, p: Array, row: Index, i: Index) -> None:
    """One row of P: its sum is in the factors."""
    for j in range(np.uint64(below.size)):
        p[row, i, j] = min(below[j] * f, above[j] * inverse_f)


@reduction
def against(below: Float, above: Float, f: float, inverse_f: float, g: Array, row: Index, i: Index) -> float:
    """The sum of the products of a row of P with g."""
    found = 0.0
    for j in range(np.uint64(below.size)):
        found += min(below[j] * f, above[j] * inverse_f) * g[row, i, j]
    return found


@reduction
def sums(e: Float, s: Float, row: Index, at: float, narrow: float) -> tuple[float, float]:
    """The sums of e_ij and of e_ij D_ij over j."""
    found, by_distance = 0.0, 0.0
    for j in range(np.uint64(e.size)):
        found += e[j]
        by_distance += e[j] * ((at - s[row, j]) * narrow)
    return found, by_distance


@inlined
def alone(s: Float, top: Float, row: Index, i: Index) -> bool:
    """No score beside rank i is equal to its own, so that none is. Of the last of some ranks this is not known."""
    one, at, k = np.uint64(1), top[row, i], np.uint64(top.shape[1])
    above = i > 0 and top[row, i - one] == at
    below = top[row, i + one] == at if i + one < k else k < np.uint64(s.shape[1])
    return not (above or below)


@inlined
def equals(s: Float, top: Float, row: Index, rank: Index) -> tuple[int, int]:
    """How many ranks before i, and how many scores in all, have the score of rank i."""
    i = np.int64(rank)
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
