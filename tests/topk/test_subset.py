"""The subset against a full stable sort, by hand, and on everything that is equal, huge or no number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import agree, same_bits

from refimpl import boundary
from refimpl.checking import check
from refimpl.topk import subset
from validation.mutants.build import build
from validation.mutants.corpus.topk_losses import SUBSET_CASES

seeds = st.integers(0, 2**32 - 1)
X = np.array([0.5, -1.0, 2.0, 0.0, 1.0])


def by_sorting(x: Any, y: int, m: int) -> list[int]:
    """NaN first, then descending, equals by index."""
    others = [j for j in range(len(x)) if j != y]
    others.sort(key=lambda j: (not math.isnan(x[j]), 0.0 if math.isnan(x[j]) else -x[j], j))
    return [y, *others[: m - 1]]


@given(seed=seeds)
def test_it_is_the_top_of_a_stable_sort(seed: int) -> None:
    """Few different scores, so that ties are everywhere; sizes around the block in which scores are compared."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    x = rng.integers(-4, 5, n) / 2.0 if rng.random() < 0.7 else rng.normal(size=n)
    x[rng.random(n) < rng.choice([0.0, 0.05, 1.0])] = rng.choice([math.nan, 0.0, -0.0])
    y, m = int(rng.integers(n)), int(rng.integers(1, n + 1))
    chosen, residuals = subset.forward(x, y, m)
    assert residuals.indices.tolist() == by_sorting(x, y, m)
    same_bits(chosen, x[residuals.indices])


@pytest.mark.parametrize("x", [np.arange(300.0), -np.arange(300.0), np.zeros(300), np.full(300, math.nan)])
@pytest.mark.parametrize("y", [0, 1, 49, 50, 299])
def test_orders_that_are_hard_for_a_heap(x: Any, y: int) -> None:
    assert subset.forward(x, y, 50)[1].indices.tolist() == by_sorting(x, y, 50)


def test_slots_by_hand() -> None:
    same_bits(subset(X, 1, 3), np.array([-1.0, 2.0, 1.0]))
    same_bits(subset(X, 2, 3), np.array([2.0, 1.0, 0.5]))
    same_bits(subset(X, 3, 1), np.array([0.0]))
    same_bits(subset(X, 4, 5), np.array([1.0, 2.0, 0.5, 0.0, -1.0]))


@given(seed=seeds)
def test_the_jacobian_is_a_selection(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    x, y, m = rng.normal(size=n), int(rng.integers(n)), int(rng.integers(1, n + 1))
    _, pullback = subset.vjp(x, y, m)
    jacobian = np.stack([pullback(row).x for row in np.eye(m)])
    same_bits(jacobian, np.eye(n)[by_sorting(x, y, m)])


def test_labels_that_share_scores_add_up_their_gradients() -> None:
    g = np.random.default_rng(0).standard_normal((2, 2, 3))
    label = np.array([[2, 0], [2, 4]])
    _, pullback = subset.vjp(X, label, 3)
    each = [subset.vjp(X, int(y), 3)[1](one).x for y, one in zip(label.ravel(), g.reshape(4, 3), strict=True)]
    agree(pullback(g).x, sum(each), 4.0, gauge=8.0)


def test_indices_fit_take_along_axis() -> None:
    x = np.random.default_rng(1).normal(size=(3, 4, 7))
    chosen, residuals = subset.forward(x, np.array([6, 0, 3, 3]), 5)
    same_bits(chosen, np.take_along_axis(x, residuals.indices, -1))
    assert residuals.indices.dtype == np.int64


def test_whether_the_true_class_is_on_top_does_not_depend_on_m() -> None:
    """In the hard limit: it is in the top k of the subset if and only if it is in the top k, for k < m."""
    rng = np.random.default_rng(2)
    x, label = rng.normal(size=(50, 20)), rng.integers(20, size=50)
    rank = (x > np.take_along_axis(x, label[:, None], -1)).sum(-1)
    for m in (2, 5, 16, 20):
        chosen = subset(x, label, m)
        found = (chosen[:, 1:] > chosen[:, :1]).sum(-1)
        assert ((found < m - 1) <= (found == rank)).all()
        assert (np.minimum(rank, m - 1) == found).all()


def test_float32_scores_are_copied_and_shared_gradients_are_rounded_once() -> None:
    rng = np.random.default_rng(3)
    x, label = rng.normal(size=9).astype(np.float32), np.array([3, 0, 3])
    g = rng.standard_normal((3, 4)).astype(np.float32)
    chosen, pullback = subset.vjp(x, label, 4)
    wide, pull_wide = subset.vjp(x.astype(float), label, 4)
    same_bits(chosen, wide.astype(np.float32))
    same_bits(pullback(g).x, pull_wide(g.astype(float)).x.astype(np.float32))


def test_layout_does_not_matter() -> None:
    x = np.asfortranarray(np.random.default_rng(4).normal(size=(4, 12)))[::-1, ::3]
    x.flags.writeable = False
    same_bits(subset(x, np.arange(4), 3), subset(x.copy(), np.arange(4), 3))


def test_same_bits_on_any_number_of_threads(eager_threads: None) -> None:
    rng = np.random.default_rng(5)
    x, label, g = rng.normal(size=(31, 90)), rng.integers(90, size=31), rng.standard_normal((31, 16))
    boundary.set_threads(1)
    chosen, pullback = subset.vjp(x, label, 16)
    gradient = pullback(g)
    boundary.set_threads(6)
    again, pull_again = subset.vjp(x, label, 16)
    same_bits((again, *pull_again(g)), (chosen, *gradient))
    alone, pull_alone = subset.vjp(x[9], label[9], 16)
    same_bits((alone, *pull_alone(g[9])), (chosen[9], gradient.x[9]))


@pytest.mark.parametrize("size", [5e-324, 1e308])
def test_extreme_scores_are_copied(size: float) -> None:
    x = np.array([size, -size, 0.0, 2.0 * size if size < 1.0 else 1.7e308])
    same_bits(subset(x, 1, 4), x[[1, 3, 0, 2]])


def test_nan_is_chosen_first_and_its_gradient_is_a_number() -> None:
    x = np.array([0.0, math.nan, 2.0, math.nan, 3.0])
    chosen, pullback = subset.vjp(x, 0, 4)
    assert (np.isnan(chosen) == [False, True, True, False]).all()
    same_bits(pullback(np.array([1.0, 2.0, 3.0, 4.0])).x, np.array([1.0, 2.0, 0.0, 3.0, 4.0]))


def test_no_rows() -> None:
    chosen, pullback = subset.vjp(np.zeros((0, 4)), 2, 3)
    assert chosen.shape == (0, 3)
    assert pullback(np.zeros((0, 3))).x.shape == (0, 4)


@pytest.mark.parametrize("m", [np.int64(3), np.uint8(3)])
def test_any_integer_is_an_m(m: Any) -> None:
    same_bits(subset(X, 1, m), subset(X, 1, 3))


@pytest.mark.parametrize(
    ("m", "error"), [(0, ValueError), (6, ValueError), (2.0, TypeError), (True, TypeError), (None, TypeError)]
)
def test_what_is_no_m_is_refused(m: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"topk\.subset: argument 'm' is {m}; expected a whole number from 1 to n = 5"):
        subset(X, 1, m)


@pytest.mark.parametrize("mutant", SUBSET_CASES, ids=lambda mutant: mutant.name)
def test_wrong_rules_that_only_the_named_inputs_show_are_refused(mutant: Any) -> None:
    op, vjp = build(mutant)
    assert check(op, vjp, name=mutant.name, samples=1).verdict == "wrong"
