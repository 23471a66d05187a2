"""Pooling adjacent violators: the one algorithm under soft sorting and soft ranking.

Both operators project onto the permutahedron of w = (w_1 >= ... >= w_n), the convex hull of its permutations. For z
already in descending order the projection is z - v, where v is an isotonic regression,

    l2   minimise sum (v_k - (z_k - w_k))^2         over v_1 >= ... >= v_n,
    kl   minimise sum exp(z_k - v_k) + exp(w_k) v_k over v_1 >= ... >= v_n.

The solution is constant on blocks of neighbours. A block's value is one average of z minus the same average of w,

    v_B = M(z_B) - M(w_B),   M = mean (l2) or log-mean-exp (kl).

Pooling starts with single positions, from the left, and joins two neighbouring blocks while v_left <= v_right. Each
position is joined once: O(n).

In both operators one of z and w is data and the other is a ladder n, n - 1, ..., 1 (its logarithm for kl ranks). The data
stand here in ascending order as x, so that a block's data average is x at its first position plus an offset, and

    v_left <= v_right   where the averages of the data are further apart (sort) or closer (rank) than those of the ladder.

Only differences of x are formed: a shift of the data costs no digits. Offsets of two blocks are joined as they stand
(``sums`` and ``levels``), by convex combinations, or by sums of exponentials of numbers that are not positive: nothing
overflows. The averages that reach the output are formed again, afterwards, from all entries of a block at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from refimpl.boundary import Array, Float
from refimpl.jit import inlined, kernel, reduction, scalar, specialised
from refimpl.scalars.exponential import below_one, exponential
from refimpl.scalars.extended import added
from refimpl.scalars.geometric import width
from refimpl.scalars.swaps import bounded

SORT_L2, SORT_KL, RANK_L2, RANK_KL = range(4)
REGULARIZATIONS = ("l2", "kl")

STEEPEST = 1e300  # 1 / eps at most, for kl: a ladder of 10^7 such steps still has a length
LEAST = 5e-324
TILE = 256  # entries summed in any order; the sums of tiles are added with their rounding errors kept
WIDE = 2.0**960  # beyond this width a block's entries are divided by their number before they are added


@scalar
def steep(eps: float) -> float:
    """The ladder's step."""
    return min(1.0 / eps, STEEPEST)


@scalar
def in_scale(code: int, eps: float, scale: float) -> float:
    """Eps for data times ``scale``: sort(c theta, eps / c) = c sort(theta, eps), rank(c theta, c eps) = rank(theta, eps)."""
    if code < RANK_L2:
        return bounded(eps / scale)
    unit = eps * scale
    return LEAST if unit == 0.0 else unit  # a quarter of the least eps is still an eps


@specialised
def pool_kernel(code: int) -> Callable[..., None]:
    def pool(
        x: Float, eps: Float, scale: Float, starts: Array, blocks: Array, sums: Float, levels: Float, start: int, stop: int
    ) -> None:  # fmt: skip
        """Blocks of rows start to stop: block b of a row is starts[b] to starts[b + 1], b < blocks.

        levels, by block: the offset of the data's average from the block's first entry (l2); the same less that of the
        ladder from its mean (kl sort); S / R with S = sum exp(-(x_k - x_first) / eps), R = sum of the ladder (kl rank).
        sums: for kl, sum of exp(x_first - x_k) - 1 (sort), or S (rank).
        """
        n = x.shape[1]
        for row in range(start, stop):
            unit, top = in_scale(code, eps[row], scale[row]), 0
            step = steep(unit)
            for k in range(n):
                first, size, total, level = k, 1, 0.0, 0.0
                if code == SORT_KL:
                    level = -width(0.5 * step)
                elif code == RANK_KL:
                    total, level = 1.0, 1.0 / (n - k)
                while top > 0:
                    left, left_level = starts[row, top - 1], levels[top - 1]
                    left_size = first - left
                    both = left_size + size
                    gap = x[row, first] - x[row, left]
                    if code == SORT_L2:
                        apart = gap + (level - left_level)
                        if unit * apart < 0.5 * both:
                            break
                        level = left_level + apart * (size / both)
                    elif code == RANK_L2:
                        apart = gap + (level - left_level)
                        if apart > unit * (0.5 * both):
                            break
                        level = left_level + apart * (size / both)
                    elif code == SORT_KL:
                        half = 0.5 * x[row, first] - 0.5 * x[row, left]
                        if 0.25 * both * step > half + 0.5 * (left_level - level):
                            break
                        fade = math.expm1(-gap)
                        total = sums[top - 1] + ((1.0 + fade) * total + size * fade)
                        level = math.log1p(total / both) - width(0.5 * step * both)
                    else:
                        fade = math.exp(-gap / unit)
                        if left_level > fade * level:
                            break
                        total = sums[top - 1] + fade * total
                        level = total / (both * (n - 0.5 * (left + first + size - 1)))
                    first, size = left, both
                    top -= 1
                starts[row, top], sums[top], levels[top] = first, total, level
                top += 1
            starts[row, top], blocks[row] = n, top

    return pool


# The averages of a block, from its entries first to last (not included)


@reduction
def offsets_tile(x: Float, row: int, base: float, share: float, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += (x[row, np.uint64(k)] - base) * share
    return total


@kernel
def mean_offset(x: Float, row: int, first: int, last: int) -> float:
    """The mean of x - x[first] over a block."""
    base, size = x[row, first], last - first
    share, rest = 1.0, float(size)
    if x[row, last - 1] - base > WIDE:
        share, rest = 1.0 / rest, 1.0
    total, lost = 0.0, 0.0
    for tile in range(first, last, TILE):
        total, lost = added(total, lost, offsets_tile(x, row, base, share, tile, min(tile + TILE, last)))
    return (total + lost) / rest


@reduction
def fades_tile(x: Float, row: int, base: float, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += below_one(base - x[row, np.uint64(k)])
    return total


@kernel
def log_mean_offset(x: Float, row: int, first: int, last: int) -> float:
    """The logarithm of the mean of exp(x[first] - x) over a block; between -log(size) and 0."""
    total, lost = 0.0, 0.0
    for tile in range(first, last, TILE):
        total, lost = added(total, lost, fades_tile(x, row, x[row, first], tile, min(tile + TILE, last)))
    return math.log1p((total + lost) / (last - first))


# Sums over a block


@reduction
def plain_tile(g: Array, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += g[np.uint64(k)]
    return total


@kernel
def plain_sum(g: Array, first: int, last: int) -> float:
    """The sum of a block's entries."""
    total, lost = 0.0, 0.0
    for tile in range(first, last, TILE):
        total, lost = added(total, lost, plain_tile(g, tile, min(tile + TILE, last)))
    return total + lost


@inlined
def weights_tile(x: Float, row: int, base: float, eps: float, weight: Float, first: int, last: int) -> None:
    for k in range(first, last):
        weight[np.uint64(k)] = exponential((base - x[row, np.uint64(k)]) / eps)


@kernel
def weights_sum(x: Float, row: int, eps: float, weight: Float, first: int, last: int) -> float:
    """weight[k] = exp(-(x_k - x_first) / eps) over a block, and their sum."""
    total, lost = 0.0, 0.0
    for tile in range(first, last, TILE):
        end = min(tile + TILE, last)
        weights_tile(x, row, x[row, first], eps, weight, tile, end)
        total, lost = added(total, lost, plain_tile(weight, tile, end))
    return total + lost


@reduction
def product_tile(g: Array, h: Float, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last):
        total += g[np.uint64(k)] * h[np.uint64(k)]
    return total


@kernel
def product_sum(g: Array, h: Float, first: int, last: int) -> float:
    """The sum of g h over a block."""
    total, lost = 0.0, 0.0
    for tile in range(first, last, TILE):
        total, lost = added(total, lost, product_tile(g, h, tile, min(tile + TILE, last)))
    return total + lost
