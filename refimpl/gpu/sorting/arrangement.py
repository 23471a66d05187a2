"""What fast_sort and fast_rank share on the device: CuPy's stable argsort along rows, and one thread that pools a row.

Pooling adjacent violators takes one position after the other, so a row is the work of one thread, and neighbouring threads
read numbers that are far apart. A batch of some thousand rows keeps the device busy; a single long row is slower than on
the CPU, by far, and belongs there. The story is in ``refimpl/sorting/isotonic.py`` and ``refimpl/sorting/arrangement.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import device_specialised, empty, per_element, xp
from refimpl.scalars.geometric import width
from refimpl.sorting.arrangement import LARGE, SMALL, Problem, Residuals
from refimpl.sorting.isotonic import RANK_KL, RANK_L2, SORT_KL, SORT_L2, in_scale, steep


@device_specialised
def pool_kernel(code: int) -> Callable[..., None]:
    def pool(
        x: Float, eps: Float, scale: Float, starts: Array, blocks: Array, sums: Float, levels: Float
    ) -> None:  # fmt: skip
        """Thread ``row`` finds the blocks of that row; every row has its own ``sums`` and ``levels``."""
        row = cuda.grid(1)
        if row >= x.shape[0]:
            return
        n, top = x.shape[1], 0
        unit = in_scale(code, eps[row], scale[row])
        step = steep(unit)
        for k in range(n):
            first, size, total, level = k, 1, 0.0, 0.0
            if code == SORT_KL:
                level = -width(0.5 * step)
            elif code == RANK_KL:
                total, level = 1.0, 1.0 / (n - k)
            while top > 0:
                left, left_level = int(starts[row, top - 1]), levels[row, top - 1]
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
                    total = sums[row, top - 1] + ((1.0 + fade) * total + size * fade)
                    level = math.log1p(total / both) - width(0.5 * step * both)
                else:
                    fade = math.exp(-gap / unit)
                    if left_level > fade * level:
                        break
                    total = sums[row, top - 1] + fade * total
                    level = total / (both * (n - 0.5 * (left + first + size - 1)))
                first, size = left, both
                top -= 1
            starts[row, top], sums[row, top], levels[row, top] = first, total, level
            top += 1
        starts[row, top], blocks[row] = n, top

    return pool


def pooled(problem: Problem) -> Residuals:
    """Sort every row, and find its blocks."""
    rows, n = problem.theta.shape
    theta = (1.0 if problem.code >= RANK_L2 else -1.0) * problem.theta.astype(np.float64) + 0.0  # + 0: no negative zero
    order = xp().argsort(theta, axis=-1, kind="stable")
    x = xp().ascontiguousarray(xp().take_along_axis(theta, order, -1))
    extreme = xp().maximum(-x[:, 0], x[:, -1])  # NaN sorts to the end
    scale = xp().where(extreme > LARGE, 0.25, xp().where(extreme < SMALL, 2.0**100, 1.0))
    if problem.code == SORT_KL:
        scale = xp().ones(rows)
    scale = xp().where(xp().isnan(x[:, -1]), np.nan, scale)
    x *= scale[:, None]
    starts, blocks = xp().empty((rows, n + 1), np.int32), xp().empty(rows, np.int64)
    sums, levels = empty((rows, n)), empty((rows, n))
    per_element(pool_kernel(problem.code), rows, x, problem.eps, scale, starts, blocks, sums, levels)
    return Residuals(
        x, order.astype(np.uint32), starts, blocks, scale, problem.eps, problem.regularization, problem.shapes,
        problem.dtype,
    )  # fmt: skip
