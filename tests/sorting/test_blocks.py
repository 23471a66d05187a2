"""What columns a comparator mixes: against the inputs that do reach its wires, found by following every one of them."""

from __future__ import annotations

import numpy as np
import pytest

from refimpl.boundary import Gate
from refimpl.sorting import bitonic, odd_even, splitter
from refimpl.sorting.blocks import meeting
from refimpl.sorting.networks import Comparators, Network, comparators

NETWORKS = {"odd_even": odd_even, "bitonic": bitonic, "splitter": lambda n: splitter(n, min(n, 3))}
CROSSED: Network = [[(0, 5), (4, 1)], [(1, 0)], [(5, 2), (3, 4)], [(0, 3)]]  # reaches {0, 5} without what lies between


def reached(network: Network, n: int) -> list[set[int]]:
    """For every comparator, in order, the inputs whose value may have reached one of its wires."""
    wires = [{wire} for wire in range(n)]
    found = []
    for layer in network:
        for i, j in layer:
            wires[i] = wires[j] = wires[i] | wires[j]
            found.append(wires[i])
    return found


def wiring(network: Network, n: int) -> Comparators:
    return comparators(Gate("test"), network, n)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 22, 33])
def test_reach_is_the_least_range(name: str, n: int) -> None:
    network = NETWORKS[name](n)
    found, given = reached(network, n), wiring(network, n)
    assert given.low.tolist() == [min(inputs) for inputs in found]
    assert given.high.tolist() == [max(inputs) + 1 for inputs in found]


def test_reach_of_a_network_of_ones_own() -> None:
    found, given = reached(CROSSED, 6), wiring(CROSSED, 6)
    assert given.low.tolist() == [min(inputs) for inputs in found] == [0, 1, 0, 0, 1, 0]
    assert given.high.tolist() == [max(inputs) + 1 for inputs in found] == [6, 5, 6, 6, 5, 6]


@pytest.mark.parametrize("width", [1, 4, 5, 33])
def test_blocks_share_out_every_column_that_a_comparator_mixes(width: int) -> None:
    n = 33
    given = wiring(bitonic(n), n)
    met, near, far = np.empty((3, given.first.size), np.uint64)
    mixed: list[set[int]] = [set() for _ in range(given.first.size)]
    for left in range(0, n, width):
        for step in range(meeting(given.low, given.high, np.uint64(left), np.uint64(width), met, near, far)):
            assert near[step] < far[step] <= width
            columns = range(left + int(near[step]), left + int(far[step]))
            assert not mixed[int(met[step])] & set(columns)
            mixed[int(met[step])] |= set(columns)
    assert mixed == [set(range(int(low), int(high))) for low, high in zip(given.low, given.high, strict=True)]
