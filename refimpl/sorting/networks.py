"""Comparator networks: which wires meet, in which order.

A network is a list of layers, a layer a list of disjoint pairs ``(i, j)``: the minimum goes to wire i, the maximum to
wire j. Wires count from 0; a sorting network leaves the values ascending. Every comparator of ``odd_even`` and
``bitonic`` points upward (i < j), which is what makes them right for every n: think of n wires as the low end of more
wires that hold +infinity. An upward comparator never moves such a value, so it may be left out. The widespread bitonic
construction lets half of its comparators point downward and then deletes wires; that does not sort n = 22.

Source: Knuth, The Art of Computer Programming 3, section 5.3.4; Petersen, thesis, sections 3.2 and 4.2.1.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from refimpl.boundary import Gate
from refimpl.jit import kernel

Layer: TypeAlias = list[tuple[int, int]]
Network: TypeAlias = list[Layer]

NAMES = ("odd_even", "bitonic")


def odd_even(n: int) -> Network:
    """Odd-even transposition network: n layers of neighbours, n(n-1)/2 comparators.

    Parameters
    ----------
    n : int >= 1
        Number of wires.

    Returns
    -------
    list of layers, each a list of pairs (wire of the minimum, wire of the maximum)

    Examples
    --------
    >>> odd_even(3)
    [[(0, 1)], [(1, 2)], [(0, 1)]]
    """
    return list(_odd_even(_count("sorting.odd_even", "n", n)))


def _odd_even(n: int) -> Iterator[Layer]:
    for parity in range(n):
        layer = [(i, i + 1) for i in range(parity % 2, n - 1, 2)]
        if layer:
            yield layer


def bitonic(n: int) -> Network:
    """Bitonic network for any n: K(K+1)/2 layers with K = ceil(log2 n), every comparator upward.

    Merging blocks of S wires begins by comparing each wire with its mirror image in the block, so that both halves
    need no reversal; the later layers of the merge compare wires S/4, S/8, ... 1 apart.

    Parameters
    ----------
    n : int >= 1
        Number of wires; need not be a power of two.

    Returns
    -------
    list of layers, each a list of pairs (wire of the minimum, wire of the maximum)

    Examples
    --------
    >>> bitonic(4)
    [[(0, 1), (2, 3)], [(0, 3), (1, 2)], [(0, 1), (2, 3)]]
    """
    return list(_bitonic(_count("sorting.bitonic", "n", n)))


def _bitonic(n: int) -> Iterator[Layer]:
    for merge in range((n - 1).bit_length()):
        size = 2 << merge
        mirrored = [(start + j, start + size - 1 - j) for start in range(0, n, size) for j in range(size // 2)]
        yield [(i, j) for i, j in mirrored if j < n]
        for sub in reversed(range(merge)):
            apart = 1 << sub
            strided = [(start + j, start + j + apart) for start in range(0, n, 2 * apart) for j in range(apart)]
            yield [(i, j) for i, j in strided if j < n]


def splitter(n: int, k: int) -> Network:
    """Splitter selection network: brings the k largest of n values, in order, to the last k wires.

    A cascade on the wires that may still hold rank r (r = 0 is the largest) halves their number per layer: the winner
    keeps the lowest rank it may have, a wire that lost b times may at best hold a rank raised by 2^b - 1. Wires whose
    rank is settled, or at least k, take no further part. Wires before the last k end in no particular order.

    Parameters
    ----------
    n : int >= 1
        Number of wires.
    k : int, 1 <= k <= n
        How many of the largest values are wanted.

    Returns
    -------
    list of layers, each a list of pairs (wire of the minimum, wire of the maximum)

    Source
    ------
    Petersen, thesis, section 4.2.1 (layer counts: n = 1024, k = 5: 22; n = 10450, k = 5: 27).

    Examples
    --------
    >>> splitter(4, 1)
    [[(1, 3), (0, 2)], [(2, 3), (0, 1)]]
    """
    n = _count("sorting.splitter", "n", n)
    k = _count("sorting.splitter", "k", k)
    if k > n:
        Gate("sorting.splitter").refuse("k", f"is {k}", f"at most n = {n}")
    best_rank = [0] * n  # the lowest rank a wire's value may still turn out to have
    free_layer = [0] * n  # the first layer in which the wire has no partner yet
    network: Network = []
    for settled in range(k):
        quiet = True
        for rank in reversed(range(settled, k)):
            wires = [wire for wire in range(n) if best_rank[wire] == rank]
            if len(wires) < 2:
                continue
            quiet = False
            start = max(free_layer[wire] for wire in wires)
            depth = (len(wires) - 1).bit_length()
            network.extend([] for _ in range(start + depth - len(network)))
            for step in range(depth):
                half = 1 << (depth - step - 1)
                for origin in range(0, len(wires), 2 * half):
                    for j in range(origin, min(origin + half, len(wires) - half)):
                        large, small = wires[j], wires[j + half]
                        network[start + step].append((n - 1 - small, n - 1 - large))
            for j, wire in enumerate(wires):
                best_rank[wire] += 2 ** j.bit_count() - 1
                free_layer[wire] = start + depth
        if quiet:
            break
    return [layer for layer in network if layer]


class Comparators(NamedTuple):
    """A network as kernels read it: comparator c compares wires first[c] and second[c], in layer order."""

    first: NDArray[np.uint64]  # (C,) wire that receives the minimum (unsigned: no index counts from the end)
    second: NDArray[np.uint64]  # (C,) wire that receives the maximum
    starts: NDArray[np.uint64]  # (L + 1,) layer l is comparators starts[l] to starts[l + 1]
    low: NDArray[np.uint64]  # (C,) inputs below low[c] cannot have reached the wires of comparator c,
    high: NDArray[np.uint64]  # (C,) nor can inputs from high[c] on
    wires: int
    name: str  # "odd_even", "bitonic" or "custom"


def comparators(gate: Gate, network: str | Sequence[Sequence[Sequence[int]]], n: int) -> Comparators:
    """The comparators of a named network, or of a list of layers of pairs once it is found valid for n wires."""
    if isinstance(network, str):
        gate.choice("network", network, NAMES)
        layers = _odd_even if network == "odd_even" else _bitonic
        return _kept.get((network, n), lambda: _flatten(network, layers(n), n))
    return _flatten("custom", _validated(gate, network, n), n)


def _flatten(name: str, layers: Iterable[Layer], n: int) -> Comparators:
    """Layer by layer: a pair in a list takes ten times the memory of a pair in an array."""
    arrays = [np.zeros((0, 2), np.uint64), *(np.array(layer, np.uint64) for layer in layers)]
    first, second = np.concatenate(arrays).T.copy()
    return wired(name, first, second, np.cumsum([len(array) for array in arrays], dtype=np.uint64), n)


def wired(
    name: str, first: NDArray[np.uint64], second: NDArray[np.uint64], starts: NDArray[np.uint64], n: int
) -> Comparators:
    """The comparators with the inputs that reach them; from now on the arrays are read-only."""
    low, high = np.empty_like(first), np.empty_like(first)
    reached(first, second, low, high, np.arange(n, dtype=np.uint64), np.arange(1, n + 1, dtype=np.uint64))
    for shared in (first, second, starts, low, high):  # networks are kept, and public as residuals
        shared.setflags(write=False)
    return Comparators(first, second, starts, low, high, n, name)


KEPT_BYTES = 2**27  # bitonic for n = 2^15: 79 MB; splitter for n = 10^6, k = 5: 96 MB, 11 s to make again


class Kept:
    """Networks that are not made again: those asked for last, of so many bytes together."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._networks: dict[Hashable, Comparators] = {}  # the one asked for last is the last
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(_bytes(network) for network in self._networks.values())

    def get(self, key: Hashable, make: Callable[[], Comparators]) -> Comparators:
        """The network of that key, made where it is not kept; one larger than all that may be kept is not."""
        with self._lock:
            found = self._networks.pop(key, None)
            if found is not None:
                self._networks[key] = found
                return found
        made = make()  # outside of the lock: it may take seconds
        if _bytes(made) <= self.most:
            with self._lock:
                self._networks.pop(key, None)
                self._networks[key] = made
                while self.size > self.most:
                    del self._networks[next(iter(self._networks))]
        return made


def _bytes(network: Comparators) -> int:
    return sum(array.nbytes for array in network[:5])


_kept = Kept(KEPT_BYTES)


@kernel
def reached(
    first: NDArray[np.uint64], second: NDArray[np.uint64], low: NDArray[np.uint64], high: NDArray[np.uint64],
    least: NDArray[np.uint64], most: NDArray[np.uint64],
) -> None:  # fmt: skip
    """For every comparator, the least range of inputs that holds all whose value may have reached it.

    ``least`` and ``most`` hold that range of every wire; they start as the wire alone, and are written over.
    """
    for c in range(first.size):
        i, j = first[c], second[c]
        low[c] = least[i] = least[j] = min(least[i], least[j])
        high[c] = most[i] = most[j] = max(most[i], most[j])


def _validated(gate: Gate, network: Any, n: int) -> Network:
    expected = f"a name ({', '.join(NAMES)}) or a list of layers, each a list of pairs of wires below n = {n}"
    try:
        layers = [[(operator.index(i), operator.index(j)) for i, j in layer] for layer in network]
    except (TypeError, ValueError):
        gate.refuse("network", f"is a {type(network).__name__} that does not hold pairs of wires", expected, TypeError)
    for number, layer in enumerate(layers):
        met: set[int] = set()
        for i, j in layer:
            if not (0 <= i < n and 0 <= j < n):
                gate.refuse("network", f"has the pair ({i}, {j}) in layer {number}", f"wires 0 to {n - 1}, for n = {n}")
            if i == j or i in met or j in met:
                gate.refuse(
                    "network", f"uses a wire twice in layer {number}, at ({i}, {j})", "disjoint pairs in a layer"
                )
            met |= {i, j}
    return [layer for layer in layers if layer]


def _count(name: str, argument: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        Gate(name).refuse(argument, f"is {value!r}", "a whole number >= 1")
    return int(value)
