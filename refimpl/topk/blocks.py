"""Blocks of rows of P_k: how wide they are, and what a weight of NaN does to one."""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Float
from refimpl.jit import kernel

WIDTHS = (1, 2, 4, 8, 16, 32)  # rows side by side, known to the compiler; at n = 1024 the widest block takes 256 KiB
GROUP = 128  # rows whose contributions to q are summed in one go; fixed, so that bits do not depend on threads


def width_of(k: int) -> int:
    """The least width that holds k rows, or the largest."""
    return next((width for width in WIDTHS if width >= k), WIDTHS[-1])


def groups_of(k: int) -> int:
    """In how many groups the k rows are summed."""
    return -(-k // GROUP)


@kernel
def smear(work: Float, i: int, j: int) -> None:
    """One comparator whose weights are NaN: rows that are zero in both columns do not depend on them."""
    for m in range(work.shape[1]):
        if work[i, m] != 0.0 or work[j, m] != 0.0:
            work[i, m] = work[j, m] = np.nan
