"""EM, EW and EM5 against counting by hand and what chance gives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.sorting import element_match, exact_match

seeds = st.integers(0, 2**32 - 1)
METRICS = (exact_match, element_match)
every_metric = pytest.mark.parametrize("metric", METRICS)
BOUND = 5.0  # standard deviations: chance exceeds it once in two million seeds, and the seed is fixed


def test_by_hand() -> None:
    truth = np.array([[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]])
    scores = np.array([[0.1, 0.2, 0.3], [0.2, 0.1, 0.3], [0.2, 0.3, 0.1], [-9.0, 0.0, 1e9]])
    assert exact_match(scores, truth) == 2 / 4
    assert element_match(scores, truth) == (3 + 1 + 0 + 3) / 12


def test_ranks_not_positions_are_compared() -> None:
    """A cycle and its inverse have argsorts that differ in every place, and so have their ranks."""
    assert element_match([2.0, 3.0, 1.0], [3.0, 1.0, 2.0]) == 0.0
    assert element_match([2.0, 1.0, 3.0, 4.0], [1.0, 2.0, 4.0, 3.0]) == 0.0
    assert element_match([10.0, 30.0, 20.0, 40.0], [10.0, 30.0, 40.0, 20.0]) == 0.5


@given(seed=seeds)
def test_against_counting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lists, n = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    a, b = rng.integers(0, 4, (lists, n)), rng.integers(0, 4, (lists, n))

    def ranks(row: list[int]) -> list[int]:
        return [sum((other, k) < (score, i) for k, other in enumerate(row)) for i, score in enumerate(row)]

    right = [
        [s == t for s, t in zip(ranks(p), ranks(q), strict=True)] for p, q in zip(a.tolist(), b.tolist(), strict=True)
    ]
    assert exact_match(a, b) == sum(map(all, right)) / lists
    assert element_match(a, b) == pytest.approx(sum(map(sum, right)) / (lists * n), rel=1e-15)
    assert exact_match(a, b) <= element_match(a, b)


@given(seed=seeds)
def test_for_two_items_both_are_one(seed: int) -> None:
    a, b = np.random.default_rng(seed).standard_normal((2, 20, 2))
    assert exact_match(a, b) == element_match(a, b)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_random_scores_get_what_chance_gives(n: int) -> None:
    """EM = 1/n!; EW = 1/n, with variance 1/n^2 per list: the number of fixed points has mean and variance 1."""
    lists = 40_000
    a, b = np.random.default_rng(n).standard_normal((2, lists, n))
    em = 1.0 / math.factorial(n)
    assert abs(exact_match(a, b) - em) <= BOUND * math.sqrt(em * (1.0 - em) / lists)
    assert abs(element_match(a, b) - 1.0 / n) <= BOUND / n / math.sqrt(lists)


@pytest.mark.parametrize("n", [1, 3, 4])
def test_over_all_permutations_they_are_exactly_that(n: int) -> None:
    every = np.array(list(itertools.permutations(range(n))))
    truth = np.broadcast_to(np.arange(n), every.shape)
    assert exact_match(every, truth) == 1.0 / math.factorial(n)
    assert element_match(every, truth) == pytest.approx(1.0 / n, rel=1e-15)


def test_em5_is_the_exact_match_of_lists_of_5() -> None:
    """Scores of 30 items from a model of any size, in 6 lists of 5: one list has two items exchanged."""
    truth = np.random.default_rng(0).permutation(30).astype(float)
    scores = np.exp(truth / 10.0)
    scores[[1, 2]] = scores[[2, 1]]
    assert exact_match(scores.reshape(6, 5), truth.reshape(6, 5)) == 5 / 6


@every_metric
def test_only_the_order_counts(metric: Callable[..., float]) -> None:
    x = np.random.default_rng(1).standard_normal((3, 2, 7))
    assert metric(np.exp(3.0 * x), x) == 1.0
    assert metric(x.astype(np.float32), x.astype(np.float32)) == 1.0
    assert metric(np.where(x > 1.0, np.inf, x), x) >= 0.0
    assert isinstance(metric(x, x), float)


@every_metric
def test_ties_go_to_the_lower_index_and_zeros_are_equal(metric: Callable[..., float]) -> None:
    assert metric([0.0, -0.0, 0.0], [1, 2, 3]) == 1.0
    assert metric([1.0, 1.0], [2.0, 1.0]) == 0.0


@every_metric
def test_large_integers_keep_their_order(metric: Callable[..., float]) -> None:
    assert metric(np.array([2**60 + 1, 2**60]), np.array([1.0, 0.0])) == 1.0
    assert metric(np.array([2**63 + 1, 2**63], np.uint64), np.array([True, False])) == 1.0


@every_metric
@pytest.mark.parametrize(
    ("prediction", "truth", "error", "text"),
    [
        ([1.0, np.nan], [1.0, 2.0], ValueError, r"'prediction' is NaN at index \(1,\)"),
        ([1.0, 2.0], [[1.0, np.nan]], ValueError, r"'truth' is NaN at index \(0, 1\)"),
        (np.ones((2, 3)), np.ones(3), ValueError, r"'truth' has shape \(3,\); expected the shape of the prediction"),
        (np.ones((2, 0)), np.ones((2, 0)), ValueError, "no items"),
        (np.ones((0, 2)), np.ones((0, 2)), ValueError, "no lists"),
        (1.0, 1.0, ValueError, "at least 1 axis"),
        (np.ones(2) * 1j, np.ones(2), TypeError, "complex128"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), np.ones(2), TypeError, "masked"),
        (["a", "b"], np.ones(2), TypeError, "expected numbers"),
    ],
)
def test_wrong_input_is_refused(
    metric: Callable[..., float], prediction: object, truth: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=rf"sorting\.{metric.__name__}: argument .*{text}|{text}"):
        metric(prediction, truth)


@every_metric
def test_arrays_on_a_device_are_refused_with_advice(metric: Callable[..., float]) -> None:
    device = type("ndarray", (), {"__module__": "cupy"})
    with pytest.raises(TypeError, match=r"argument 'truth' is a CuPy array; .* convert with \.get\(\)"):
        metric([1.0, 2.0], device())
