"""The split top-k loss against 50 digits, closed forms, E-21 and the difftopk package's formulas."""

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
from refimpl.topk import topk_loss, topk_split_loss
from validation.mutants.build import build
from validation.mutants.corpus.topk_losses import SPLIT_CASES

seeds = st.integers(0, 2**32 - 1)
VARIANTS = ("split", "normalised", "mixed")
every_variant = pytest.mark.parametrize("variant", VARIANTS)
VALUE = 8.0  # ulps of 1: two logarithms, sums of at most 4 products and of 7 exponentials
GRADIENT = 16.0  # ulps of the largest slope
MASS = np.array([0.25, 0.5, 0.25])


def stochastic(rng: np.random.Generator, *shape: int) -> Any:
    found = rng.uniform(0.05, 1.0, shape)
    return found / found.sum(-1, keepdims=True)


@every_variant
@given(seed=seeds)
def test_values_and_all_slopes_against_50_digits(variant: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth, n = int(rng.integers(1, 5)), int(rng.integers(1, 8))
    x, matrix, y = rng.normal(0.0, 2.0, n), stochastic(rng, depth, n), int(rng.integers(n))
    weights = rng.multinomial(64, rng.dirichlet(np.ones(depth))) / 64

    def of_x(flat: list[Any]) -> Any:
        return exact.split(
            flat, exact.rows(list(map(exact.mpf, matrix.ravel().tolist())), n), y, weights.tolist(), variant
        )

    def of_matrix(flat: list[Any]) -> Any:
        return exact.split(list(map(exact.mpf, x.tolist())), exact.rows(flat, n), y, weights.tolist(), variant)

    loss, pullback = topk_split_loss.vjp(x, matrix, y, weights, variant=variant)
    agree(loss, exact.value(of_x, x), VALUE, gauge=1.0)
    gx, gmatrix = pullback(np.array(-1.7))
    slopes = -1.7 * exact.gradient(of_x, x), -1.7 * exact.gradient(of_matrix, matrix)
    agree(gx, slopes[0], GRADIENT, gauge=1.7)
    agree(gmatrix, slopes[1], GRADIENT, gauge=np.abs(slopes[1]).max())


def test_the_minimum_as_printed_is_not_0() -> None:
    """E-21: .3466 for [.5, 0, 0, 0, .5]; the normalised loss is 0 there."""
    x, matrix, weights = np.array([900.0, 0.0, 1.0, 2.0, 3.0, 4.0]), np.eye(6)[:5], [0.5, 0.0, 0.0, 0.0, 0.5]
    agree(topk_split_loss(x, matrix, 0, weights), math.log(2.0) / 2.0, 1.0)
    assert abs(topk_split_loss(x, matrix, 0, weights) - 0.3466) < 5e-5
    assert topk_split_loss(x, matrix, 0, weights, variant="normalised") == 0.0
    assert topk_split_loss(x, matrix, 0, weights, variant="mixed") == 0.0


def test_normalised_and_split_have_one_gradient() -> None:
    rng = np.random.default_rng(0)
    x, matrix, label = rng.normal(size=(5, 6)), stochastic(rng, 5, 3, 6), rng.integers(6, size=5)
    g = rng.standard_normal(5)
    one = topk_split_loss.vjp(x, matrix, label, MASS)[1](g)
    other = topk_split_loss.vjp(x, matrix, label, MASS, variant="normalised")[1](g)
    agree(one.x, other.x, 0.0)
    agree(one.P_k, other.P_k, 4.0)


def difftopk(x: Any, matrix: Any, label: Any, weights: Any, mode: str) -> Any:
    """The formulas of difftopk 0.2.0, losses.py, top1_mode "sm" and "smce", row by row; columns are ranks there."""
    softmax = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    mixed = sum(weights[k] * matrix[:, : k + 1].sum(1) for k in range(1, len(weights)))
    rows = np.arange(len(label))
    if mode == "sm":
        return -np.log((weights[0] * softmax + mixed)[rows, label] * (1 - 2e-7) + 1e-7)
    second = -np.log(mixed[rows, label] * (1 - 2e-7) + 1e-7)
    return -weights[0] * np.log(softmax[rows, label]) + sum(weights[1:]) * second


@pytest.mark.parametrize(("variant", "mode"), [("split", "smce"), ("mixed", "sm")])
def test_variants_are_those_of_difftopk_up_to_its_epsilon(variant: str, mode: str) -> None:
    rng = np.random.default_rng(1)
    x, matrix, label = rng.normal(size=(8, 6)), stochastic(rng, 8, 3, 6), rng.integers(6, size=8)
    epsilon = 1e-7 / 0.03  # relative to the least probability here
    found = topk_split_loss(x, matrix, label, MASS, variant=variant)
    assert np.abs(found - difftopk(x, matrix, label, MASS, mode)).max() < epsilon


def test_mixed_with_a_softmax_for_the_first_row_is_the_plain_loss() -> None:
    rng = np.random.default_rng(2)
    x, matrix = rng.normal(size=5), stochastic(rng, 3, 5)
    matrix[0] = np.exp(x) / np.exp(x).sum()
    agree(topk_split_loss(x, matrix, 3, MASS, variant="mixed"), topk_loss(matrix, 3, MASS), 16.0)


# terms without weight ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["split", "normalised"])
@pytest.mark.parametrize("matrix", [np.full((1, 3), math.nan), np.zeros((2, 3))])
def test_without_a_second_term_the_loss_is_softmax_cross_entropy(variant: str, matrix: Any) -> None:
    x, weights = np.array([0.3, -1.0, 2.0]), np.eye(len(matrix))[0]
    loss, pullback = topk_split_loss.vjp(x, matrix, 1, weights, variant=variant)
    s = np.exp(x) / np.exp(x).sum()
    agree(loss, -math.log(s[1]), 4.0)
    g = pullback(np.array(2.0))
    agree(g.x, 2.0 * (s - [0.0, 1.0, 0.0]), 4.0, gauge=1.0)
    same_bits(g.P_k, np.zeros_like(matrix))


@every_variant
def test_without_a_first_term_scores_have_no_say(variant: str) -> None:
    matrix = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    loss, pullback = topk_split_loss.vjp(np.full(3, math.nan), matrix, 1, [0.0, 1.0], variant=variant)
    same_bits(loss, topk_loss(matrix, 1, [0.0, 1.0]))
    assert not pullback(np.array(1.0)).x.any()


@every_variant
def test_below_the_floor_the_matrix_has_no_gradient(variant: str) -> None:
    x = np.array([-800.0, 0.0, 1.0])  # softmax 0 for the label, in "mixed" too
    loss, pullback = topk_split_loss.vjp(x, np.eye(3)[[1, 2]], 0, [0.5, 0.5], variant=variant)
    least = -math.log(1e-12)
    constant = 0.5 * math.log(0.5) if variant == "normalised" else 0.0
    first = 0.0 if variant == "mixed" else 0.5 * (801.0 + math.log1p(math.exp(-1.0)))
    agree(loss, first + (least if variant == "mixed" else 0.5 * least) + constant, 4.0)
    assert not pullback(np.array(1.0)).P_k.any()


# extremes ------------------------------------------------------------------------------------------------------------


@every_variant
@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0]])
@pytest.mark.parametrize("gap", [1.0, 40.0, 300.0])
def test_a_small_cross_entropy_keeps_its_digits(gap: float, weights: list[float], variant: str) -> None:
    x = np.array([0.0, gap, -1.0])
    loss, pullback = topk_split_loss.vjp(x, np.ones((len(weights), 3)), 1, weights, variant=variant)
    others = np.array([math.exp(-gap), math.exp(-1.0 - gap)])
    total = math.fsum(others)
    agree(loss, math.log1p(total), 4.0)
    want = np.array([others[0], -total, others[1]]) / (1.0 + total)
    agree(pullback(np.array(1.0)).x, want, 4.0)


def test_a_mixture_that_is_a_softmax_has_a_floor_all_the_same() -> None:
    loss, pullback = topk_split_loss.vjp(np.array([0.0, -28.0]), np.ones((1, 2)), 1, [1.0], variant="mixed")
    agree(loss, -math.log(1e-12), 4.0)
    assert not pullback(np.array(1.0)).x.any()
    short = 1.0 - 5e-7  # weights may be off by that; a logarithm sees it
    loss = topk_split_loss(np.array([40.0, 0.0]), np.ones((1, 2)), 0, [short], variant="mixed")
    agree(loss, math.log1p(math.exp(-40.0)) - math.log(short), 4.0)


@every_variant
@pytest.mark.parametrize("size", [1e3, 1e308, 1.7e308])
def test_extreme_scores_give_finite_losses_and_gradients(variant: str, size: float) -> None:
    x, matrix = np.array([size, -size, 0.0, 5e-324]), np.full((2, 4), 0.25)
    for label in range(4):
        loss, pullback = topk_split_loss.vjp(x, matrix, label, [0.5, 0.5], variant=variant)
        assert np.isfinite(loss)
        assert all(np.isfinite(grad).all() for grad in pullback(np.array(1.0)))


def test_a_spread_of_2e308_is_halved_before_it_is_weighed() -> None:
    x = np.array([1e308, -1e308])
    agree(topk_split_loss(x, np.full((2, 2), 0.5), 1, [0.5, 0.5]), 1e308, 2.0)
    assert topk_split_loss(x, np.ones((1, 2)), 1, [1.0]) == np.finfo(float).max


@pytest.mark.parametrize("variant", ["split", "normalised"])
def test_nan_in_one_argument_stays_out_of_the_gradient_of_the_other(variant: str) -> None:
    x, matrix = np.array([0.1, math.nan, 0.3]), np.full((2, 3), 0.3)
    loss, pullback = topk_split_loss.vjp(x, matrix, 0, [0.5, 0.5], variant=variant)
    assert np.isnan(loss)
    assert np.isnan(pullback(np.array(1.0)).x).all()
    assert np.isfinite(pullback(np.array(1.0)).P_k).all()
    loss, pullback = topk_split_loss.vjp(np.zeros(3), np.full((2, 3), math.nan), 0, [0.5, 0.5], variant=variant)
    assert np.isnan(loss)
    assert np.isfinite(pullback(np.array(1.0)).x).all()
    assert (np.isnan(pullback(np.array(1.0)).P_k) == [[True, False, False]] * 2).all()


# shapes, dtypes, threads ---------------------------------------------------------------------------------------------


@every_variant
def test_everything_broadcasts_against_everything(variant: str) -> None:
    rng = np.random.default_rng(3)
    x, matrix, label = rng.normal(size=(4, 1, 5)), stochastic(rng, 3, 3, 5), rng.integers(5, size=(2, 1, 1))
    loss, pullback = topk_split_loss.vjp(x, matrix, label, MASS, variant=variant)
    full = [
        np.ascontiguousarray(np.broadcast_to(a, (2, 4, 3, *a.shape[k:]))) for a, k in ((x, 2), (matrix, 1), (label, 3))
    ]
    want, pull_full = topk_split_loss.vjp(full[0], full[1], full[2], MASS, variant=variant)
    same_bits(loss, want)
    g = rng.standard_normal((2, 4, 3))
    gx, gmatrix = pullback(g)
    wide = pull_full(g)
    agree(gx, wide.x.sum((0, 2))[:, None], 16.0, gauge=np.abs(wide.x).sum())
    agree(gmatrix, wide.P_k.sum((0, 1)), 16.0, gauge=np.abs(wide.P_k).sum())


@every_variant
def test_float32_is_the_rounded_float64_answer(variant: str) -> None:
    rng = np.random.default_rng(4)
    x, matrix = rng.normal(size=(6, 5)).astype(np.float32), stochastic(rng, 6, 3, 5).astype(np.float32)
    label, g = rng.integers(5, size=6), rng.standard_normal(6).astype(np.float32)
    loss, pullback = topk_split_loss.vjp(x, matrix, label, MASS, variant=variant)
    want, pull_wide = topk_split_loss.vjp(x.astype(float), matrix.astype(float), label, MASS, variant=variant)
    same_bits(loss, want.astype(np.float32))
    same_bits(tuple(pullback(g)), tuple(grad.astype(np.float32) for grad in pull_wide(g.astype(float))))
    assert topk_split_loss(x, matrix.astype(float), label, MASS).dtype == np.float64


def test_layout_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    x, matrix = np.asfortranarray(rng.normal(size=(4, 10)))[:, ::-2], stochastic(rng, 4, 3, 10)[..., ::2]
    x.flags.writeable = matrix.flags.writeable = False
    label = np.arange(4)
    same_bits(topk_split_loss(x, matrix, label, MASS), topk_split_loss(x.copy(), matrix.copy(), label, MASS))


@every_variant
def test_same_bits_on_any_number_of_threads_and_in_any_split(variant: str, eager_threads: None) -> None:
    rng = np.random.default_rng(6)
    x, matrix = rng.normal(size=(29, 9)), stochastic(rng, 29, 3, 9)
    label, g = rng.integers(9, size=29), rng.standard_normal(29)
    boundary.set_threads(1)
    loss, pullback = topk_split_loss.vjp(x, matrix, label, MASS, variant=variant)
    gradients = pullback(g)
    boundary.set_threads(4)
    again, pull_again = topk_split_loss.vjp(x, matrix, label, MASS, variant=variant)
    same_bits((again, *pull_again(g)), (loss, *gradients))
    alone, pull_alone = topk_split_loss.vjp(x[7], matrix[7], label[7], MASS, variant=variant)
    same_bits((alone, *pull_alone(np.array(g[7]))), (loss[7], gradients.x[7], gradients.P_k[7]))


def test_residuals_are_copies() -> None:
    x, matrix = np.zeros(3), np.full((2, 3), 0.25)
    _, pullback = topk_split_loss.vjp(x, matrix, 0, [0.5, 0.5])
    before = pullback(np.array(1.0))
    x[:], matrix[:] = 9.0, 9.0
    same_bits(tuple(pullback(np.array(1.0))), tuple(before))


@pytest.mark.parametrize("mutant", SPLIT_CASES, ids=lambda mutant: mutant.name)
def test_wrong_rules_that_only_the_named_inputs_show_are_refused(mutant: Any) -> None:
    op, vjp = build(mutant)
    assert check(op, vjp, name=mutant.name, samples=1).verdict == "wrong"
