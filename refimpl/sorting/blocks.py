"""Blocks of columns of a network's matrix: which comparators meet a block, and where.

A column belongs to one input. A comparator mixes the columns of the inputs that may have reached its wires, a range
known from the network alone; the part of it that lies in a block is where two rows of the block are mixed.
"""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Array, Float, Index, scratch
from refimpl.jit import kernel
from refimpl.sorting.networks import Comparators

WIDTH = 128  # columns in a block: 1 KiB a wire, long enough to vectorise; at n = 1024 a block takes 1 MiB


@kernel
def start_block(work: Float, left: int) -> None:
    """Columns left, left + 1, ... of the identity."""
    for wire in range(work.shape[0]):
        for k in range(work.shape[1]):
            work[wire, k] = 0.0
    for k in range(min(work.shape[1], work.shape[0] - left)):
        work[left + k, k] = 1.0


@kernel
def meeting(low: Array, high: Array, left: Index, width: Index, met: Array, near: Array, far: Array) -> Index:
    """The comparators that mix columns of the block from left on: met[s] mixes its columns near[s] to far[s]."""
    steps: Index = np.uint64(0)
    for c in range(low.size):
        first, last = max(low[c], left), min(high[c], left + width)
        if first < last:
            met[steps], near[steps], far[steps] = c, first - left, last - left
            steps += np.uint64(1)
    return steps


def reach(network: Comparators) -> tuple[Array, Array, Array, Array]:
    """The network as the matrix kernels take it."""
    return network.first, network.second, network.low, network.high


def fullest(network: Comparators) -> int:
    """How many comparators the block that meets most of them meets."""
    if network.wires <= WIDTH:
        return network.first.size
    lefts = range(0, network.wires, WIDTH)
    return max(int(((network.low < left + WIDTH) & (network.high > left)).sum()) for left in lefts)


def block(network: Comparators) -> tuple[Float, Array, Array, Array]:
    """Room for a block of columns, and for the comparators it meets."""
    met, near, far = np.empty((3, network.first.size), np.uint64)
    return scratch("work", (network.wires, min(network.wires, WIDTH))), met, near, far
