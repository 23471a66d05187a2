"""Comparator networks by the 0-1 principle: a network sorts everything if it sorts all vectors of zeros and ones.

A wire is a Python integer whose bits are that wire in as many 0-1 vectors; the minimum is AND, the maximum OR.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.sorting import bitonic, network_permutation, odd_even, splitter
from refimpl.sorting.networks import Network

Wires = list[int]

ROUNDING = 16 * 2.0**-52  # entries of P in [0, 1] after at most ten layers, each of which rounds twice
RANDOM_VECTORS = 4096

# evidence/peers.md, P1: sizes up to 256 at which the widespread construction does not sort
WRONG_SIZES = [
    22, 38, *range(42, 47), 54, 70, *range(74, 79), *range(82, 95), 102, *range(106, 111), 118, 134, *range(138, 143),
    *range(146, 159), *range(162, 191), 198, *range(202, 207), *range(210, 223), 230, *range(234, 239), 246,
]  # fmt: skip


def run(network: Network, wires: Wires) -> Wires:
    wires = list(wires)
    for layer in network:
        for i, j in layer:
            wires[i], wires[j] = wires[i] & wires[j], wires[i] | wires[j]
    return wires


def ascending(wires: Wires) -> bool:
    return all(lower & ~upper == 0 for lower, upper in itertools.pairwise(wires))


def every_vector(n: int) -> Wires:
    """Bit v of wire i is bit i of v, for v = 0 ... 2^n - 1."""
    ones = (1 << (1 << n)) - 1
    return [ones // ((1 << (1 << i)) + 1) << (1 << i) for i in range(n)]


def packed(vectors: np.ndarray) -> Wires:
    """A (n, V) array of truth values."""
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(vectors, axis=1, bitorder="little")]


def random_vectors(n: int, seed: int = 0) -> Wires:
    """Vectors with every share of ones, not only about half."""
    rng = np.random.default_rng([n, seed])
    return packed(rng.random((n, RANDOM_VECTORS)) < rng.random(RANDOM_VECTORS))


def structured_vectors(n: int) -> Wires:
    """Ones at one place, at two places, in one block; and the same with zeros."""
    wire = np.arange(n)[:, None]
    i, j = np.triu_indices(n)
    ones = np.concatenate([(wire == i) | (wire == j), (i <= wire) & (wire <= j)], axis=1)
    return packed(np.concatenate([ones, ~ones], axis=1))


def arrows(n: int) -> Network:
    """The textbook bitonic network for n = 2^K (thesis, figure 3.2): half of its comparators point downward."""
    network = []
    for block in range(n.bit_length() - 1):
        for apart in (1 << sub for sub in reversed(range(block + 1))):
            lower = [q for q in range(n) if not q & apart]
            network.append([(q + apart, q) if q >> (block + 1) & 1 else (q, q + apart) for q in lower])
    return network


def widespread(n: int) -> Network:
    """What diffsort and difftopk make of it when n is no power of two: the first wires are deleted."""
    whole = 1 << (n - 1).bit_length()
    gone = whole - n
    return [[(i - gone, j - gone) for i, j in layer if min(i, j) >= gone] for layer in arrows(whole)]


named = pytest.mark.parametrize("network", [odd_even, bitonic], ids=lambda network: network.__name__)


# they sort -----------------------------------------------------------------------------------------------------------


def test_all_vectors_are_all_vectors() -> None:
    assert [[wire >> v & 1 for v in range(8)] for wire in every_vector(3)] == [
        [0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1],
    ]  # fmt: skip


@named
@pytest.mark.parametrize("n", range(1, 17))
def test_every_zero_one_vector_is_sorted(network: object, n: int) -> None:
    assert ascending(run(network(n), every_vector(n)))  # type: ignore[operator]


@pytest.mark.parametrize("n", range(2, 257))
def test_bitonic_sorts_random_and_structured_vectors(n: int) -> None:
    assert ascending(run(bitonic(n), random_vectors(n)))
    assert ascending(run(bitonic(n), structured_vectors(n)))


@pytest.mark.parametrize("n", [*range(17, 65), 100, 127, 128, 129, 170, 255, 256])
def test_odd_even_sorts_random_and_structured_vectors(n: int) -> None:
    assert ascending(run(odd_even(n), random_vectors(n)))
    if n < 100:
        assert ascending(run(odd_even(n), structured_vectors(n)))


@pytest.mark.parametrize("n", range(3, 9))
def test_odd_even_needs_all_its_layers(n: int) -> None:
    assert not ascending(run(odd_even(n)[:-1], every_vector(n)))


def chosen(network: Network, wires: Wires, n: int, k: int) -> bool:
    """Do the last k wires end as those of a sorting network?"""
    return run(network, wires)[n - k :] == run(odd_even(n), wires)[n - k :]


@pytest.mark.parametrize("n", range(1, 13))
def test_the_splitter_selects_the_k_largest_of_every_vector(n: int) -> None:
    vectors = every_vector(n)
    for k in range(1, n + 1):
        assert chosen(splitter(n, k), vectors, n, k), k


@pytest.mark.parametrize(("n", "k"), [(16, 5), (22, 5), (50, 5), (64, 3), (100, 10)])
def test_the_splitter_selects_from_larger_inputs(n: int, k: int) -> None:
    assert chosen(splitter(n, k), random_vectors(n), n, k)
    assert chosen(splitter(n, k), structured_vectors(n), n, k)


def test_a_splitter_for_all_ranks_sorts() -> None:
    for n in range(1, 13):
        assert ascending(run(splitter(n, n), every_vector(n)))


# and the usual construction does not ----------------------------------------------------------------------------------


@functools.cache
def failing_sizes() -> list[int]:
    def fails(n: int) -> bool:
        network = widespread(n)
        return not (ascending(run(network, random_vectors(n))) and ascending(run(network, structured_vectors(n))))

    return [n for n in range(2, 257) if fails(n)]


def test_deleting_the_first_wires_of_the_textbook_network_fails_at_108_sizes() -> None:
    assert len(WRONG_SIZES) == 108
    assert failing_sizes() == WRONG_SIZES


def test_the_witness_for_22_wires() -> None:
    vector = [1 if wire in (0, 2) else 0 for wire in range(22)]
    assert run(widespread(22), vector)[-4:] == [0, 1, 0, 1]
    assert run(bitonic(22), vector)[-4:] == [0, 0, 1, 1]


def test_smoke_tests_do_not_see_it() -> None:
    block_starts = packed(np.triu(np.ones((23, 23), bool))[:22])  # sorted input, and its reverse
    assert ascending(run(widespread(22), block_starts))
    assert ascending(run(widespread(22), block_starts[::-1]))


def test_the_widespread_network_has_as_many_comparators_as_ours() -> None:
    for n in range(2, 257):
        assert sum(map(len, widespread(n))) == sum(map(len, bitonic(n)))


# counts and form -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "layers"), [(4, 3), (16, 10), (32, 15), (50, 21), (64, 21), (128, 28), (1024, 55), (10450, 105)]
)
def test_bitonic_layers(n: int, layers: int) -> None:
    assert len(bitonic(n)) == layers


@pytest.mark.parametrize(("n", "comparators"), [(16, 80), (50, 492), (1000, 27268), (1024, 28160)])
def test_bitonic_comparators(n: int, comparators: int) -> None:
    assert sum(map(len, bitonic(n))) == comparators


@pytest.mark.parametrize(("n", "k", "layers"), [(16, 5, 10), (50, 5, 15), (1000, 5, 22), (1024, 5, 22), (10450, 5, 27)])
def test_splitter_layers(n: int, k: int, layers: int) -> None:
    assert len(splitter(n, k)) == layers


def test_odd_even_has_n_layers_and_every_pair_of_neighbours_as_often_as_the_sheet_says() -> None:
    assert odd_even(5) == [[(0, 1), (2, 3)], [(1, 2), (3, 4)]] * 2 + [[(0, 1), (2, 3)]]
    for n in range(3, 40):
        assert len(odd_even(n)) == n
        assert sum(map(len, odd_even(n))) == n * (n - 1) // 2


def test_one_wire_needs_no_comparator() -> None:
    assert odd_even(1) == bitonic(1) == splitter(1, 1) == []


@given(st.integers(1, 300), st.integers(1, 8))
def test_layers_are_full_of_disjoint_upward_pairs(n: int, k: int) -> None:
    for network in (odd_even(n), bitonic(n), splitter(n, min(k, n))):
        for layer in network:
            assert layer, "no empty layers"
            wires = [wire for pair in layer for wire in pair]
            assert len(set(wires)) == len(wires)
            assert all(0 <= i < j < n for i, j in layer)


@pytest.mark.parametrize("build", [odd_even, bitonic, lambda n: splitter(n, 1), lambda n: splitter(3, n)])
@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, "4", None])
def test_counts_must_be_whole_and_positive(build: object, wrong: object) -> None:
    with pytest.raises(ValueError, match=r"sorting\.\w+: argument '[nk]' is .*; expected a whole number >= 1"):
        build(wrong)  # type: ignore[operator]


def test_a_splitter_cannot_select_more_than_there_is() -> None:
    with pytest.raises(ValueError, match=r"sorting\.splitter: argument 'k' is 4; expected at most n = 3"):
        splitter(3, 4)


# relaxed, both forms of the bitonic network are one -------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 4, 8, 16])
@pytest.mark.parametrize("cdf", ["cauchy", "logistic"])
def test_upward_and_textbook_bitonic_have_one_matrix_for_powers_of_two(n: int, cdf: str) -> None:
    x = np.random.default_rng(n).normal(size=n)
    upward = network_permutation(x, network="bitonic", cdf=cdf, beta=3.0)
    textbook = network_permutation(x, network=arrows(n), cdf=cdf, beta=3.0)
    assert np.abs(upward - textbook).max() < ROUNDING
