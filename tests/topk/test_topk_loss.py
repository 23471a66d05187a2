"""The top-k loss against the sheet, 50 digits and closed forms; labels and weights as users get them wrong."""

from __future__ import annotations

import math
from typing import Any

import exact_losses as exact
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import agree, same_bits

from refimpl import boundary
from refimpl.checking import check
from refimpl.topk import topk_loss
from validation.mutants.build import build
from validation.mutants.corpus.topk_losses import LOSS_CASES

seeds = st.integers(0, 2**32 - 1)
VALUE = 4.0  # ulps: a sum of at most 4 products, a logarithm, away from p = 1
GRADIENT = 8.0  # ulps: the same sum, a reciprocal, two products
PRINTED = 6e-12  # half a unit of the sheet's last digit, and as much again for the matrix it is computed from

SHEET = np.array(
    [
        [0.049549732971, 0.040788763146, 0.591104247613, 0.07893323925, 0.23962401702],
        [0.132310675624, 0.059754111346, 0.155640968499, 0.128736800457, 0.523557444073],
    ]
)
EVEN = np.array([0.5, 0.5])


def stochastic(rng: np.random.Generator, *shape: int) -> Any:
    found = rng.uniform(0.05, 1.0, shape)
    return found / found.sum(-1, keepdims=True)


@pytest.mark.parametrize(("label", "printed"), [(2, 0.40208373361), (4, 0.69034563046)])
def test_the_golden_values_of_the_sheet(label: int, printed: float) -> None:
    assert abs(topk_loss(SHEET, label, EVEN) - printed) < PRINTED


@pytest.mark.parametrize(
    ("weights", "sums"),
    [
        ([0.5, 0.5, 0, 0, 0], [1, 0.5, 0, 0, 0]),
        ([0, 0, 0, 0, 1], [1, 1, 1, 1, 1]),
        ([0.2] * 5, [1, 0.8, 0.6, 0.4, 0.2]),
    ],
)
def test_weights_are_summed_from_the_end(weights: list[float], sums: list[float]) -> None:
    """Figure 4.1. The gradient shows each w_m: -g w_m / p."""
    matrix = np.full((5, 7), 1.0 / 7.0)
    loss, pullback = topk_loss.vjp(matrix, 3, weights)
    p = sum(sums) / 7.0
    agree(loss, -math.log(p), 16.0)
    agree(pullback(np.array(1.0)).P_k[:, 3], -np.array(sums) / p, 16.0, gauge=1.0 / p)


@given(seed=seeds)
def test_values_and_all_slopes_against_50_digits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth, n = int(rng.integers(1, 5)), int(rng.integers(2, 8))
    matrix = stochastic(rng, depth, n) * 0.2  # p <= 0.8
    weights = rng.multinomial(64, rng.dirichlet(np.ones(depth))) / 64
    y = int(rng.integers(n))

    def f(flat: list[Any]) -> Any:
        return exact.loss(exact.rows(flat, n), y, weights.tolist())

    loss, pullback = topk_loss.vjp(matrix, y, weights)
    agree(loss, exact.value(f, matrix), VALUE)
    agree(pullback(np.array(-1.7)).P_k, -1.7 * exact.gradient(f, matrix), GRADIENT)


def test_labels_that_share_a_matrix_add_up_their_gradients() -> None:
    loss, pullback = topk_loss.vjp(SHEET, np.array([[2, 4], [2, 0]]), EVEN)
    g = np.array([[1.0, -2.0], [0.5, 3.0]])
    each = [topk_loss.vjp(SHEET, y, EVEN)[1](np.array(one)).P_k for y, one in zip([2, 4, 2, 0], g.ravel(), strict=True)]
    agree(pullback(g).P_k, sum(each), 2.0, gauge=np.abs(each).max())
    same_bits(loss[0, 0], loss[1, 0])


def test_matrices_and_labels_broadcast_against_each_other() -> None:
    rng = np.random.default_rng(0)
    matrix, label = stochastic(rng, 3, 1, 2, 5), np.array([4, 0, 4, 1])
    loss, pullback = topk_loss.vjp(matrix, label, EVEN)
    wide = np.ascontiguousarray(np.broadcast_to(matrix, (3, 4, 2, 5)))
    want, pull_wide = topk_loss.vjp(wide, np.broadcast_to(label, (3, 4)), EVEN)
    same_bits(loss, want)
    g = rng.standard_normal((3, 4))
    agree(pullback(g).P_k, pull_wide(g).P_k.sum(1, keepdims=True), 8.0, gauge=100.0)


# the floor -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "least"), [(np.float64, 1e-12), (np.float32, 1e-7)])
def test_a_probability_of_0_has_a_finite_loss_and_no_gradient(dtype: Any, least: float) -> None:
    loss, pullback = topk_loss.vjp(np.eye(3, dtype=dtype)[:2], 2, EVEN)
    agree(loss, -math.log(least), 1.0, dtype=np.dtype(dtype).name)
    assert not pullback(np.array(1.0)).P_k.any()


@pytest.mark.parametrize(("p", "share"), [(0.5e-12, 0.0), (1e-12, 0.5), (2e-12, 1.0), (-0.3, 0.0)])
def test_the_slope_at_the_floor_is_the_mean_of_both_sides(p: float, share: float) -> None:
    loss, pullback = topk_loss.vjp(np.array([[p]]), 0, [1.0])
    agree(loss, -math.log(max(p, 1e-12)), 1.0)
    agree(pullback(np.array(1.0)).P_k, [[-share / p if share else 0.0]], 2.0)


# extremes ------------------------------------------------------------------------------------------------------------


def test_rows_that_are_distributions_and_no_more_may_have_a_negative_loss() -> None:
    loss = topk_loss(np.array([[0.9, 0.1], [0.8, 0.2]]), 0, [0.0, 1.0])
    agree(loss, -math.log(1.7), 8.0)


def test_a_certain_class_has_loss_0_without_a_sign() -> None:
    loss = topk_loss(np.eye(4)[:3], 1, [0.0, 0.25, 0.75])
    same_bits(loss, np.array(0.0))


@pytest.mark.parametrize("size", [1e300, 1.7e308])
def test_huge_entries_do_not_overflow(size: float) -> None:
    loss, pullback = topk_loss.vjp(np.full((4, 2), size), 1, [0.0, 0.0, 0.0, 1.0])
    agree(loss, -math.log(size) - math.log(4.0), 4.0)
    agree(pullback(np.array(1e300)).P_k[:, 1], np.full(4, -1e300 / size / 4.0), 8.0)


def test_nan_stays_in_the_label_s_column_and_the_rows_that_count() -> None:
    matrix = np.array([[math.nan, 0.5, 0.2], [0.3, 0.1, math.nan]])
    loss, pullback = topk_loss.vjp(matrix, np.array([0, 1, 2]), [0.5, 0.5])
    assert (np.isnan(loss) == [True, False, True]).all()
    assert (np.isnan(pullback(np.ones(3)).P_k) == [[True, False, True]] * 2).all()
    loss, pullback = topk_loss.vjp(matrix, 2, [1.0, 0.0])  # the second row has no weight
    assert np.isfinite(loss)
    assert np.isfinite(pullback(np.array(1.0)).P_k).all()


# shapes, dtypes, threads ---------------------------------------------------------------------------------------------


def test_float32_is_the_rounded_float64_answer() -> None:
    rng = np.random.default_rng(2)
    matrix, label = stochastic(rng, 6, 3, 5).astype(np.float32), rng.integers(5, size=6)
    g = rng.standard_normal(6).astype(np.float32)
    loss, pullback = topk_loss.vjp(matrix, label, [0.2, 0.3, 0.5])
    want, pull_wide = topk_loss.vjp(matrix.astype(float), label, [0.2, 0.3, 0.5])
    same_bits(loss, want.astype(np.float32))
    same_bits(pullback(g).P_k, pull_wide(g.astype(float)).P_k.astype(np.float32))
    shared = topk_loss.vjp(matrix[0], label, [0.2, 0.3, 0.5])[1](g).P_k  # summed in float64, rounded once
    same_bits(shared, topk_loss.vjp(matrix[0].astype(float), label, [0.2, 0.3, 0.5])[1](g).P_k.astype(np.float32))


def test_layout_does_not_matter_and_nothing_is_written_to() -> None:
    rng = np.random.default_rng(3)
    wide = stochastic(rng, 4, 6, 10)
    view = np.asfortranarray(wide)[:, ::2, ::-1]
    view.flags.writeable = False
    label = np.arange(8)[::2]
    label.flags.writeable = False
    same_bits(topk_loss(view, label, [0.2, 0.3, 0.5]), topk_loss(view.copy(), label.copy(), [0.2, 0.3, 0.5]))


def test_same_bits_on_any_number_of_threads_and_in_any_split(eager_threads: None) -> None:
    rng = np.random.default_rng(4)
    matrix, label, g = stochastic(rng, 37, 3, 11), rng.integers(11, size=37), rng.standard_normal(37)
    boundary.set_threads(1)
    loss, pullback = topk_loss.vjp(matrix, label, [0.2, 0.3, 0.5])
    gradient = pullback(g)
    boundary.set_threads(5)
    again, pull_again = topk_loss.vjp(matrix, label, [0.2, 0.3, 0.5])
    same_bits((again, *pull_again(g)), (loss, *gradient))
    for row in (0, 20, 36):
        alone, pull_alone = topk_loss.vjp(matrix[row], int(label[row]), [0.2, 0.3, 0.5])
        same_bits((alone, *pull_alone(np.array(g[row]))), (loss[row], gradient.P_k[row]))


@pytest.mark.parametrize("shape", [(0, 2, 5), (3, 0, 2, 5)])
def test_no_rows(shape: tuple[int, ...]) -> None:
    loss, pullback = topk_loss.vjp(np.ones(shape), 1, EVEN)
    assert loss.shape == shape[:-2]
    assert pullback(np.ones(shape[:-2])).P_k.shape == shape


def test_no_labels() -> None:
    loss, pullback = topk_loss.vjp(SHEET, [], EVEN)
    assert loss.shape == (0,)
    assert not pullback(np.zeros(0)).P_k.any()


# labels and weights --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", [np.uint8(2), np.int64(2), np.array(2), np.array(2, ">i4"), np.array(2, np.uint64)])
def test_every_integer_is_a_label(label: Any) -> None:
    same_bits(topk_loss(SHEET, label, EVEN), topk_loss(SHEET, 2, EVEN))


@pytest.mark.parametrize("label", [[2, 0], (2, 0), np.array([2, 0], np.int8), np.array([2, 9, 0])[::2]])
def test_every_sequence_of_integers_is_one_of_labels(label: Any) -> None:
    same_bits(topk_loss(SHEET, label, EVEN), topk_loss(SHEET, np.array([2, 0]), EVEN))


@pytest.mark.parametrize(
    ("label", "error", "text"),
    [(2.0, TypeError, "has dtype float64; expected integers with 0 <= label < 5; if these are whole numbers"),
     (np.array([1.0]), TypeError, r"convert with \.astype\(int\)"), (True, TypeError, "has dtype bool"),
     (np.eye(5, dtype=bool), TypeError, r"a mask becomes labels with \.argmax\(-1\)"), (None, TypeError, "dtype object"),
     ("2", TypeError, "has dtype <U1"), (np.ma.masked_array([1]), TypeError, "is a masked array"),
     ([[1], [2, 3]], ValueError, "is a ragged sequence"), (5, ValueError, "is 5; expected integers with 0 <= label < 5"),
     (-1, ValueError, "is -1; .*nothing counts from the end"), (10**30, ValueError, f"is {10**30};"),
     (np.array([0, 4, -2, -9]), ValueError, r"holds -2 at index \(2,\)"),
     (np.array([2**63 + 4], np.uint64), ValueError, rf"holds {2**63 + 4} at index \(0,\)"),
     (np.array([[255]], np.uint8), ValueError, r"holds 255 at index \(0, 0\)")],
)  # fmt: skip
def test_what_is_no_label_is_refused(label: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"topk\.topk_loss: argument 'label' .*{text}"):
        topk_loss(SHEET, label, EVEN)


@pytest.mark.parametrize("off", [0.0, 9e-7, -9e-7])
def test_weights_that_add_up_to_1_within_rounding_are_taken_as_they_are(off: float) -> None:
    topk_loss(SHEET, 2, [0.5, 0.5 + off])
    topk_loss(SHEET, 2, np.array([1 / 3, 2 / 3], np.float32))


@pytest.mark.parametrize(
    ("weights", "text"),
    [([0.5, 0.499], "has the sum 0.999"), ([1.5, -0.5], "holds -0.5 at index 1"), ([math.inf, 0.0], "holds inf at index 0"),
     ([1.0], r"has shape \(1,\); expected shape \(2,\)"), (1.0, r"has shape \(\)"), ([0.0, 0.0], "has the sum 0;")],
)  # fmt: skip
def test_weights_that_are_no_distribution_are_refused(weights: Any, text: str) -> None:
    with pytest.raises(ValueError, match=rf"topk\.topk_loss: argument 'weights' .*{text}"):
        topk_loss(SHEET, 2, weights)


def test_a_cotangent_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cotangent.* has shape \(2,\); expected the shape of the output, \(\)"):
        topk_loss.vjp(SHEET, 2, EVEN)[1](np.ones(2))


@pytest.mark.parametrize("mutant", LOSS_CASES, ids=lambda mutant: mutant.name)
def test_wrong_rules_that_only_the_named_inputs_show_are_refused(mutant: Any) -> None:
    op, vjp = build(mutant)
    assert check(op, vjp, name=mutant.name, samples=1).verdict == "wrong"
