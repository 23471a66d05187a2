"""Selection networks: the comparators that k outputs of a network depend on, and no others.

Row r of P_k belongs to wire n - 1 - r. Going back from the last k wires, a comparator matters if one of its wires is
wanted after it; then both are wanted before it. What is left of the splitter network is about half (its first layers
also rank values that cannot be among the k largest), of the bitonic one for n = 1024, k = 5 it is 85 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Gate
from refimpl.jit import kernel
from refimpl.sorting.networks import KEPT_BYTES, Comparators, Kept, comparators, splitter
from refimpl.topk.counts import wanted

NAMES = ("splitter", "bitonic", "odd_even")

_kept = Kept(KEPT_BYTES)


@kernel
def mark(first: Array, second: Array, needed: Array, kept: Array) -> None:
    """Which comparators change a needed wire; ``needed`` starts as the outputs and ends as the inputs they depend on."""
    size = np.uint64(first.size)
    for undone in range(size):
        c = size - np.uint64(1) - undone
        i, j = first[c], second[c]
        kept[c] = needed[i] or needed[j]
        if kept[c]:
            needed[i] = needed[j] = True


def selecting(gate: Gate, network: Any, n: int, k: Any) -> Comparators:
    """The comparators of a named network, or of layers of pairs, that one of the last k wires depends on."""
    k = wanted(gate, k, n)
    if isinstance(network, str):
        gate.choice("network", network, NAMES)
        return _kept.get((network, n, k), lambda: _named(network, n, k))
    return reaching(comparators(gate, network, n), k)


def _named(name: str, n: int, k: int) -> Comparators:
    whole = comparators(Gate("topk"), splitter(n, k) if name == "splitter" else name, n)
    return reaching(whole, k)._replace(name=name)


def reaching(network: Comparators, k: int) -> Comparators:
    """What is left of a network when only its last k wires are asked for."""
    needed, kept = np.arange(network.wires) >= network.wires - k, np.empty(network.first.size, np.bool_)
    mark(network.first, network.second, needed, kept)
    before = np.concatenate([[0], np.cumsum(kept)])  # how many are kept before comparator c
    starts = np.unique(before[network.starts.astype(np.int64)]).astype(np.uint64)  # layers that keep none are gone
    first, second, low, high = (array[kept] for array in (network.first, network.second, network.low, network.high))
    for shared in (first, second, starts, low, high):
        shared.setflags(write=False)
    return Comparators(first, second, starts, low, high, network.wires, network.name)
