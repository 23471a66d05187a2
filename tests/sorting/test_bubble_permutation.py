"""The matrix of a relaxed bubble sort: the sheet, 50 digits, enumeration of erratum P-26, rounds, extremes, shapes."""

from __future__ import annotations

import itertools
import tracemalloc

import exact_networks as exact
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl import boundary
from refimpl.sorting import bubble_permutation, bubble_sort_by, network_permutation, soft_median, transposition
from refimpl.sorting.transposition import MOST, transpositions

seeds = st.integers(0, 2**32 - 1)

SHEET = 1e-12  # the sheet prints 12 digits
VALUE = 64.0  # gauged ulp: up to 10 rounds, each with a weight to 4 ulp and two roundings
GRADIENT = 2048.0  # gauged ulp: each round multiplies by a Jacobian at arguments off by their rounding; n columns
HARD = 1e6  # times a gap of at least 1: every e is 0, 1 or (at ties) 1/2
GOLDEN = [
    ([3.0, 1.0, 2.0, 0.0], 4, [0.164287699494, 1.019017317591, 1.980982682409, 2.835712300506]),
    ([3.0, 1.0, 2.0], 3, [1.147021441734, 2.011349704671, 2.841628853595]),
]


def layers(n: int, steps: int) -> list[list[tuple[int, int]]]:
    return [[(i, i + 1) for i in range(j % 2, n - 1, 2)] for j in range(steps)]


@pytest.mark.parametrize(("a", "steps", "want"), GOLDEN)
def test_sorted_values_are_those_of_the_sheet(a: list[float], steps: int, want: list[float]) -> None:
    p = bubble_permutation(np.array(a), steepness=2.0, steps=steps)
    assert np.abs(p @ a - want).max() < SHEET
    same_bits(p, bubble_permutation(np.array(a), steepness=2.0))  # n rounds are the default


@given(seed=seeds, n=st.integers(1, 5), steps=st.integers(0, 8))
def test_value_and_full_jacobian_against_50_digits(seed: int, n: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    a, s = rng.normal(0.0, 1.0, n), float(np.exp(rng.uniform(-1.5, 1.5)))
    want, jacobian = exact.jacobian(
        lambda v: exact.permutation(layers(n, steps), "logistic", v[:n], v[n], mpf(0)), [*a, s]
    )
    p, pullback = bubble_permutation.vjp(a, steepness=s, steps=steps)
    agree(p, want.reshape(n, n), VALUE, gauge=1.0)
    for entry, g in enumerate(np.eye(n * n)):
        grads = pullback(g.reshape(n, n))
        agree(np.append(grads.a, grads.steepness), jacobian[entry], GRADIENT, gauge=1.0)


# rounds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_how_many_rounds_sort_is_found_by_enumeration(n: int) -> None:
    """Erratum P-26: n rounds for n >= 3 and 1 for n = 2; fewer leave some order unsorted, n - 1 for even n as well."""
    orders = np.array(list(itertools.permutations(range(n))), float)

    def all_sorted(steps: int) -> bool:
        p = bubble_permutation(orders, steepness=HARD, steps=steps)
        return bool((np.einsum("brc,bc->br", p, orders) == np.arange(n)).all())

    needed = next(steps for steps in range(n + 1) if all_sorted(steps))
    assert needed == (1 if n == 2 else n)


def test_three_rounds_do_not_sort_four_reversed_values() -> None:
    p = bubble_permutation(np.array([3.0, 2.0, 1.0, 0.0]), steepness=HARD, steps=3)
    assert (p @ [3.0, 2.0, 1.0, 0.0] != np.arange(4.0)).any()
    assert (bubble_permutation(np.array([3.0, 2.0, 1.0, 0.0]), steepness=HARD) == np.eye(4)[::-1]).all()


@pytest.mark.parametrize("n", [1, 2, 3, 7, 130, 260])
def test_n_rounds_are_the_odd_even_network(n: int) -> None:
    rng = np.random.default_rng(n)
    a, g = rng.normal(size=n), rng.standard_normal((n, n))
    p, pullback = bubble_permutation.vjp(a, steepness=2.0)
    want, pull = network_permutation.vjp(a, network="odd_even", cdf="logistic", beta=2.0)
    same_bits(p, want)
    same_bits(tuple(pullback(g)), tuple(pull(g)[:2]))


@pytest.mark.parametrize(("n", "steps"), [(1, 3), (2, 5), (3, 0), (5, 2), (6, 20), (140, 9)])
def test_comparators_are_those_of_a_list_of_layers(n: int, steps: int) -> None:
    from refimpl.boundary import Gate
    from refimpl.sorting.networks import comparators

    want = comparators(Gate("test"), layers(n, steps), n)
    for ours, theirs in zip(transpositions(n, steps)[:5], want[:5], strict=True):
        same_bits(ours, theirs)


def test_two_values_have_one_round_with_a_pair() -> None:
    a = np.array([1.0, 0.3])
    once = bubble_permutation(a, steepness=2.0, steps=1)
    same_bits(bubble_permutation(a, steepness=2.0, steps=2), once)
    assert (bubble_permutation(a, steepness=2.0, steps=3) != once).any()


def test_rounds_without_a_pair_cost_nothing() -> None:
    same_bits(bubble_permutation(np.array([1.0]), steepness=2.0, steps=10**30), np.eye(1))
    assert transpositions(1, 10**30).starts.tolist() == [0]


def test_a_million_rounds_are_tiled_in_little_time_and_memory() -> None:
    """Half a million comparators of 4 numbers, 16 MB; a list of arrays, one a round, takes 10 times that."""
    transpositions(2, 5)  # compiled
    tracemalloc.start()
    try:
        network = transpositions(2, 10**6)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert network.first.size == network.starts.size - 1 == 500_000
    assert peak < 50e6
    same_bits(bubble_permutation(np.array([1.0, 0.3]), steepness=2.0, steps=10**6), np.full((2, 2), 0.5))


@pytest.mark.parametrize(
    ("n", "steps"),
    [(2, 10**30), pytest.param(2, 10**5000, id="2-huge"), (2, 2 * MOST + 1), (3, MOST + 1), (40, 2**63),
     (40, np.uint64(2**63))],
)  # fmt: skip
def test_more_rounds_than_there_may_be_are_refused(n: int, steps: int) -> None:
    a, says = np.zeros(n), r" is [m0-9].*; expected at most [0-9]+ rounds here \(2147483648 .*: ask for fewer"
    with pytest.raises(ValueError, match=r"sorting\.bubble_permutation: argument 'steps'" + says):
        bubble_permutation(a, steepness=1.0, steps=steps)
    with pytest.raises(ValueError, match=r"sorting\.bubble_sort_by: argument 'steps'" + says):
        bubble_sort_by(a[:, None], a, steepness=1.0, steps=steps)
    with pytest.raises(ValueError, match=r"sorting\.soft_median: argument 'rounds'" + says):
        soft_median(a, steepness=1.0, rounds=steps)


def test_too_many_rounds_by_default_are_refused_too() -> None:
    with pytest.raises(ValueError, match=r"'steps' is 65538, the default; expected at most 65535 rounds"):
        bubble_sort_by(np.zeros((65538, 1)), np.zeros(65538), steepness=1.0)


def test_networks_are_kept_up_to_a_number_of_bytes() -> None:
    for steps in range(2000, 2040):  # each about 6 MB
        transpositions(200, steps)
    kept = transposition._kept
    assert 0.8 * kept.most < kept.size <= kept.most == transposition.KEPT_BYTES
    assert transpositions(200, 2039) is transpositions(200, 2039)
    large = transpositions(2, 2**23)
    assert sum(array.nbytes for array in large[:5]) > kept.most
    assert transpositions(2, 2**23) is not large
    assert kept.size <= kept.most


def test_no_rounds_give_the_identity_and_no_gradient() -> None:
    p, pullback = bubble_permutation.vjp(np.array([[3.0, 1.0, 2.0]]), steepness=2.0, steps=0)
    same_bits(p, np.eye(3)[None])
    grads = pullback(np.ones((1, 3, 3)))
    same_bits((grads.a, grads.steepness), (np.zeros((1, 3)), np.array(0.0)))


def test_many_rounds_at_a_small_steepness_average() -> None:
    p = bubble_permutation(np.array([3.0, 1.0, 2.0, 0.0]), steepness=0.5, steps=500)
    agree(p, np.full((4, 4), 0.25), 500 * VALUE, gauge=1.0)


# laws beside the declared ones, limits, extremes ----------------------------------------------------------------------


@given(seed=seeds, n=st.integers(1, 30), steps=st.integers(0, 40))
def test_doubly_stochastic_for_any_number_of_rounds(seed: int, n: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    p = bubble_permutation(rng.normal(size=n), steepness=float(np.exp(rng.normal(0, 2))), steps=steps)
    agree(p.sum(0), np.ones(n), 4.0 * (1 + steps))
    agree(p.sum(1), np.ones(n), 4.0 * (1 + steps))
    assert (p >= 0.0).all()


def test_small_steepness_gives_the_mean_of_every_pair() -> None:
    p = bubble_permutation(np.array([3.0, 1.0, 2.0, 0.0]), steepness=1e-300, steps=1)
    agree(p, np.kron(np.eye(2), np.full((2, 2), 0.5)), 1.0)


@pytest.mark.parametrize("steepness", [5e-324, 1e-300, 1.0, 1e300, 1.7e308])
def test_extreme_finite_inputs_give_finite_values(steepness: float) -> None:
    edge = np.array([1e308, -1e308, 1.7e308, -1.7e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])
    p = bubble_permutation(edge, steepness=steepness)
    agree(p.sum(1), np.ones(9), VALUE)
    if 1e-300 <= steepness <= 1e300:
        _, pullback = bubble_permutation.vjp(edge, steepness=steepness)
        for grad in pullback(np.random.default_rng(0).standard_normal((9, 9))):
            assert np.isfinite(grad).all()


def test_nan_stays_in_what_its_rounds_reach() -> None:
    a = np.array([[0.3, -1.0, np.nan, 2.0, 0.1], [0.3, -1.0, 0.2, 2.0, 0.1]])
    p = bubble_permutation(a, steepness=1.0, steps=1)  # pairs (0, 1) and (2, 3)
    assert np.isnan(p[0, 2:4, 2:4]).all()
    assert np.isnan(p).sum() == 4


# shapes and dtypes ---------------------------------------------------------------------------------------------------


@given(seed=seeds)
def test_batches_are_their_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, s, g = rng.normal(size=(2, 3, 4)), np.exp(rng.normal(size=(2, 1))), rng.standard_normal((2, 3, 4, 4))
    p, pullback = bubble_permutation.vjp(a, steepness=s, steps=5)
    grads, of_s = pullback(g), np.zeros((2, 3))
    for i, j in np.ndindex(2, 3):
        row, pull = bubble_permutation.vjp(a[i, j], steepness=float(s[i, 0]), steps=5)
        same_bits(p[i, j], row)
        same_bits(grads.a[i, j], pull(g[i, j]).a)
        of_s[i, j] = pull(g[i, j]).steepness
    agree(grads.steepness, of_s.sum(1, keepdims=True), 8.0, gauge=np.abs(of_s).sum())


def test_float32_is_the_rounded_float64_answer() -> None:
    rng = np.random.default_rng(5)
    a, g = rng.normal(size=(2, 7)).astype(np.float32), rng.standard_normal((2, 7, 7)).astype(np.float32)
    p, pullback = bubble_permutation.vjp(a, steepness=2.0)
    want, pull = bubble_permutation.vjp(a.astype(float), steepness=2.0)
    same_bits(p, want.astype(np.float32))
    same_bits(pullback(g).a, pull(g).a.astype(np.float32))
    assert pullback(g).steepness.dtype == np.float64


def test_layouts_do_not_matter_and_inputs_are_left_alone() -> None:
    a = np.random.default_rng(1).normal(size=(3, 8))
    want = bubble_permutation(np.ascontiguousarray(a[:, ::2]), steepness=2.0)
    strided = np.asfortranarray(a)[:, ::2]
    strided.setflags(write=False)
    same_bits(bubble_permutation(strided, steepness=2.0), want)
    same_bits(bubble_permutation(np.array([3, 1, 2]), steepness=2), bubble_permutation([3.0, 1.0, 2.0], steepness=2.0))


@pytest.mark.parametrize("rows", [1, 7])
def test_threads_and_batch_splits_leave_every_bit(eager_threads: None, rows: int) -> None:
    rng = np.random.default_rng(2)
    a, g = rng.normal(size=(rows, 300)), rng.standard_normal((rows, 300, 300))
    found = []
    for threads in (1, 2, 5):
        boundary.set_threads(threads)
        p, pullback = bubble_permutation.vjp(a, steepness=2.0, steps=12)
        found.append((p, *pullback(g)))
    for other in found[1:]:
        same_bits(other, found[0])


@pytest.mark.parametrize("steps", [-1, 2.0, True, "3", np.array([1, 2])])
def test_steps_are_a_whole_number(steps: object) -> None:
    with pytest.raises(ValueError, match=r"sorting\.bubble_permutation: argument 'steps' is .*a whole number >= 0"):
        bubble_permutation(np.array([3.0, 1.0, 2.0]), steepness=1.0, steps=steps)


def test_a_cotangent_of_another_shape_is_refused() -> None:
    _, pullback = bubble_permutation.vjp(np.array([3.0, 1.0, 2.0]), steepness=1.0)
    with pytest.raises(ValueError, match=r"sorting\.bubble_permutation: argument 'cotangent' has shape \(3,\)"):
        pullback(np.ones(3))
