"""The losses between permutation matrices against 50 digits, closed forms, and their conventions at the clamp."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl import boundary, sorting
from refimpl.jit import kernel
from refimpl.op import AnyOp
from refimpl.scalars.logarithm import logarithm
from refimpl.sorting import permutation_binary_cross_entropy as binary
from refimpl.sorting import permutation_cross_entropy as cross

seeds = st.integers(0, 2**32 - 1)
LOSSES = (cross, binary)
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda op: op.name)

LOG = 1.0  # ulp: fdlibm's bound for its polynomial and splitting
VALUE = 8.0  # ulp: logarithms to 2, products, a sum of terms of one sign, a division
GRADIENT = 16.0  # ulp of the larger of two terms: a quotient, a product, a difference
PMIN = 1e-12
HARD = np.eye(3)[[1, 0, 2]]


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.uniform(0.01, 0.99, shape)


def exact(loss: AnyOp, p: np.ndarray, q: np.ndarray) -> tuple[mpf, list[mpf], list[mpf], list[mpf]]:
    """The loss of one matrix, its derivatives by P and Q, and the size of the terms of the former; entries inside."""
    n = p.shape[-1]
    with mpmath.workdps(50):
        total, gp, gq, sizes = mpf(0), [], [], []
        for a, b in zip(map(mpf, map(float, p.flat)), map(mpf, map(float, q.flat)), strict=True):
            if loss is cross:
                total -= b * mpmath.log(a) / n
                gp.append(-b / a / n)
                gq.append(-mpmath.log(a) / n)
                sizes.append(b / a / n)
            else:
                total -= (b * mpmath.log(a) + (1 - b) * mpmath.log(1 - a)) / n**2
                gp.append(-(b / a - (1 - b) / (1 - a)) / n**2)
                gq.append(-(mpmath.log(a) - mpmath.log(1 - a)) / n**2)
                sizes.append((b / a + (1 - b) / (1 - a)) / n**2)
        return total, gp, gq, sizes


@kernel
def logarithms(x: np.ndarray, y: np.ndarray) -> None:
    for k in range(np.uint64(x.size)):
        y[k] = logarithm(x[k])


def test_the_logarithm_of_loops_is_right_to_an_ulp() -> None:
    rng = np.random.default_rng(0)
    near_1 = 1.0 + np.concatenate([-(2.0 ** -np.arange(1.0, 53.0)), 2.0 ** -np.arange(1.0, 53.0)])
    x = np.concatenate(
        [rng.random(2000) + 1e-12, 10.0 ** rng.uniform(-12, 0, 2000), near_1, [1e-12, 1.0, 0.5, 2**-0.5]]
    )
    y = np.empty_like(x)
    logarithms(x, y)
    with mpmath.workdps(50):
        want = [float(mpmath.log(mpf(float(number)))) for number in x]
    agree(y, want, LOG)


@every_loss
@given(seed=seeds)
def test_value_and_both_gradients_against_50_digits(loss: AnyOp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    p, q = drawn(rng, n, n), drawn(rng, n, n)
    p = np.where(rng.random(p.shape) < 0.2, p * 10.0 ** rng.uniform(-9, 0), p)
    value, gp, gq, sizes = exact(loss, p, q)
    y, pullback = loss.vjp(p, q)
    agree(y, float(value), VALUE)
    grads = pullback(-1.7)
    agree(grads.P, np.reshape([float(-mpf(1.7) * g) for g in gp], p.shape), GRADIENT,
          gauge=1.7 * np.reshape([float(size) for size in sizes], p.shape))  # fmt: skip
    agree(grads.Q, np.reshape([float(-mpf(1.7) * g) for g in gq], p.shape), GRADIENT,
          gauge=1.7 * (np.abs(np.log(p)) + np.abs(np.log1p(-p))) / n)  # fmt: skip


def test_both_losses_of_the_sheet_differ() -> None:
    """Erratum E-16: (3.12) and the caption of figure 3.1 are two functions with two gradients."""
    p = np.full((4, 4), 0.25)
    q = np.eye(4)
    agree(cross(p, q), math.log(4.0), VALUE)
    agree(binary(p, q), (math.log(4.0) + 3.0 * math.log(4.0 / 3.0)) / 4.0, VALUE)
    agree(cross.vjp(p, q)[1](1.0).P, -q, GRADIENT)
    agree(binary.vjp(p, q)[1](1.0).P, -q / 4.0 + (1.0 - q) / 12.0, GRADIENT)


# the clamp -----------------------------------------------------------------------------------------------------------


@every_loss
def test_a_hard_match_costs_nothing(loss: AnyOp) -> None:
    y, pullback = loss.vjp(HARD, HARD)
    assert (y, np.signbit(y)) == (0.0, False)
    assert np.isfinite(np.concatenate(pullback(1.0))).all()


@pytest.mark.parametrize(("dtype", "pmin"), [(np.float64, 1e-12), (np.float32, 1e-7)])
@every_loss
def test_a_hard_mismatch_costs_the_logarithm_of_the_clamp(loss: AnyOp, dtype: Any, pmin: float) -> None:
    p = HARD[[1, 2, 0]].astype(dtype)
    y = loss(p, HARD.astype(dtype))
    assert y.dtype == dtype
    agree(y, -math.log(pmin) * (1.0 if loss is cross else 2.0 / 3.0), VALUE, dtype=np.dtype(dtype).name)


def test_the_dtype_of_p_alone_decides_the_clamp() -> None:
    agree(cross(np.zeros((1, 1), np.float32), np.ones((1, 1))), -math.log(1e-7), VALUE)
    agree(cross(np.zeros((1, 1)), np.ones((1, 1), np.float32)), -math.log(1e-12), VALUE)
    agree(cross(np.zeros((1, 1), int), np.ones((1, 1), int)), -math.log(1e-12), VALUE)


@every_loss
@pytest.mark.parametrize(
    ("p", "slope"),
    [(2e-12, 5e11), (PMIN, 5e11), (np.nextafter(PMIN, 0.0), 0.0), (5e-324, 0.0), (0.0, 0.0), (-0.0, 0.0), (-1e-6, 0.0)],
)
def test_the_slope_is_that_of_the_clamped_logarithm(loss: AnyOp, p: float, slope: float) -> None:
    """1/P above the clamp, 0 below, and at it the mean of both sides."""
    g = loss.vjp(np.array([[p]]), np.ones((1, 1)))[1](1.0)
    agree(g.P, [[-slope]], GRADIENT)
    assert np.isfinite(g.Q).all()


@pytest.mark.parametrize("p", [1.0, 1.0 - 2.0**-53, 1.0 + 2.0**-52, 1.0 + 1e-6])
def test_above_1_minus_pmin_the_binary_loss_is_flat(p: float) -> None:
    y, pullback = binary.vjp(np.array([[p]]), np.zeros((1, 1)))
    agree(y, -math.log(PMIN), VALUE)
    assert pullback(1.0).P == 0.0


def test_small_entries_keep_their_digits_in_log_1_minus_p() -> None:
    p = 10.0 ** -np.arange(1.0, 20.0)
    y = binary(p[:, None, None], np.zeros((1, 1)))
    with mpmath.workdps(50):
        agree(y, [float(-mpmath.log(1 - mpf(float(number)))) for number in p], VALUE)


def test_entries_near_1_keep_their_digits() -> None:
    p = 1.0 - 2.0 ** -np.arange(1.0, 39.0)
    agree(binary(p[:, None, None], np.zeros((1, 1))), np.arange(1.0, 39.0) * math.log(2.0), VALUE)
    with mpmath.workdps(50):
        agree(cross(p[:, None, None], np.ones((1, 1))), [float(-mpmath.log(mpf(float(v)))) for v in p], VALUE)


# sums ----------------------------------------------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("n", [1, 15, 16, 17, 100, 300])
def test_long_sums_are_as_accurate_as_short_ones(loss: AnyOp, n: int) -> None:
    rng = np.random.default_rng(n)
    p, q = drawn(rng, n, n), drawn(rng, n, n)
    agree(loss(p, q), loss.oracle(p, q), VALUE)


@every_loss
def test_bits_do_not_depend_on_threads_or_batches(loss: AnyOp, eager_threads: None) -> None:
    rng = np.random.default_rng(1)
    p, q, g = drawn(rng, 5, 40, 40), drawn(rng, 40, 40), rng.standard_normal(5)
    boundary.set_threads(1)
    y, pullback = loss.vjp(p, q)
    grads = pullback(g)
    for threads in (2, 3, 7):
        boundary.set_threads(threads)
        again, pull = loss.vjp(p, q)
        same_bits((again, *pull(g)), (y, *grads))
    for k in range(5):
        alone, pull = loss.vjp(p[k], q)
        same_bits((alone, pull(g[k]).P), (y[k], grads.P[k]))


# NaN, shapes, dtypes -------------------------------------------------------------------------------------------------


@every_loss
def test_nan_stays_in_its_matrix_and_its_entry(loss: AnyOp) -> None:
    rng = np.random.default_rng(2)
    p, q = drawn(rng, 2, 3, 3), drawn(rng, 2, 3, 3)
    p[0, 1, 2] = np.nan
    y, pullback = loss.vjp(p, q)
    assert (np.isnan(y) == [True, False]).all()
    grads = pullback(np.ones(2))
    for grad in grads:
        assert (np.isnan(grad) == np.isnan(p)).all()
    y, pullback = loss.vjp(np.nan_to_num(p, nan=0.5), np.where(np.isnan(p), np.nan, q))
    assert (np.isnan(y) == [True, False]).all()
    assert (np.isnan(pullback(np.ones(2)).P) == np.isnan(p)).all()


def test_the_cross_entropy_does_not_ask_for_entries_of_weight_0() -> None:
    p = np.array([[0.5, np.nan], [0.25, 0.75]])
    y, pullback = cross.vjp(p, np.eye(2))
    agree(y, -(math.log(0.5) + math.log(0.75)) / 2.0, VALUE)
    assert np.isfinite(pullback(1.0).P).all()
    assert np.isnan(binary(p, np.eye(2)))


BATCHES = [((), (3,)), ((3,), ()), ((2, 1), (3,)), ((1,), (4,)), ((2, 3), (2, 3))]


@every_loss
@pytest.mark.parametrize(("of_p", "of_q"), BATCHES)
def test_broadcasting_is_that_of_the_expanded_matrices(
    loss: AnyOp, of_p: tuple[int, ...], of_q: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(3)
    p, q = drawn(rng, *of_p, 3, 3), drawn(rng, *of_q, 3, 3)
    batch = np.broadcast_shapes(of_p, of_q)
    wide = [np.array(np.broadcast_to(m, (*batch, 3, 3))) for m in (p, q)]
    y, pullback = loss.vjp(p, q)
    want, pull = loss.vjp(*wide)
    same_bits(y, want)
    g = rng.standard_normal(batch)
    for narrow, full in zip(pullback(g), pull(g), strict=True):
        total = full.reshape(-1, *narrow.shape).sum(0) if narrow.ndim < full.ndim else full
        axes = tuple(k for k in range(narrow.ndim) if total.shape[k] != narrow.shape[k])
        agree(narrow, total.sum(axes, keepdims=True), GRADIENT, gauge=np.abs(full).sum())


@every_loss
def test_float32_is_the_rounded_float64_answer(loss: AnyOp) -> None:
    rng = np.random.default_rng(4)
    p, q = drawn(rng, 4, 5, 5).astype(np.float32), drawn(rng, 5, 5).astype(np.float32)
    g = rng.standard_normal(4).astype(np.float32)
    y, pullback = loss.vjp(p, q)
    want, pull = loss.vjp(p.astype(float), q.astype(float))
    same_bits(y, want.astype(np.float32))
    same_bits(tuple(pullback(g)), tuple(grad.astype(np.float32) for grad in pull(g.astype(float))))


@every_loss
def test_any_layout_gives_the_same_bits_and_the_pullback_keeps_its_own_copy(loss: AnyOp) -> None:
    rng = np.random.default_rng(5)
    p, q = drawn(rng, 2, 4, 4), drawn(rng, 4, 4)
    y, pullback = loss.vjp(p, q)
    grads = pullback(y)
    spread = np.zeros((2, 8, 8))
    spread[:, ::2, ::2] = p
    frozen = q.copy()
    frozen.setflags(write=False)
    for one, other in (
        (spread[:, ::2, ::2], frozen),
        (np.asfortranarray(p), q.T.copy().T),
        (p.astype(">f8"), q.tolist()),
    ):
        again, pull = loss.vjp(one, other)
        same_bits((again, *pull(y)), (y, *grads))
    p[:], q[:] = 0.5, 0.5
    same_bits(tuple(pullback(y)), tuple(grads))


@every_loss
def test_no_matrices_give_no_losses_and_no_gradient(loss: AnyOp) -> None:
    y, pullback = loss.vjp(np.ones((0, 3, 3)), HARD)
    grads = pullback(np.ones(0))
    assert (y.shape, grads.P.shape) == ((0,), (0, 3, 3))
    assert not grads.Q.any()
    assert loss(np.ones((2, 0, 3, 3)), HARD).shape == (2, 0)


@every_loss
@pytest.mark.parametrize("case", [case for case in cross.cases if case.error], ids=lambda case: case.name)
def test_wrong_input_is_refused_by_name(loss: AnyOp, case: Any) -> None:
    with pytest.raises(case.error[0]) as refused:
        loss(**case.args)
    assert str(refused.value).startswith(f"{loss.id}: argument ")
    assert case.error[1] in str(refused.value)


@every_loss
def test_entries_out_of_range_by_rounding_are_taken(loss: AnyOp) -> None:
    assert np.isfinite(loss(HARD * (1.0 + 9e-6) - 9e-7, HARD))
    with pytest.raises(
        ValueError, match=r"argument 'P' holds 1\.00002 at index \(0, 1\); expected entries in \[0, 1\]"
    ):
        loss(HARD * (1.0 + 2e-5), HARD)
    with pytest.raises(ValueError, match=r"argument 'Q' holds -2e-05"):
        loss(HARD, HARD - 2e-5)


@pytest.mark.parametrize(("dtype", "pmin", "printed"), [(np.float64, 1e-12, -2.9e-4), (np.float32, 1e-7, -1.7e-4)])
def test_entries_beyond_0_and_1_take_the_binary_loss_as_far_below_0_as_it_says(
    dtype: Any, pmin: float, printed: float
) -> None:
    s = float(np.float32(0.99999e-5)) if dtype == np.float32 else 1e-5
    inside, outside = np.array([0.0, 1.0]), np.array([-s, 1.0 + s]).astype(dtype)
    low = s * math.log(pmin) - (1.0 + s) * math.log1p(s)
    assert printed == pytest.approx(low, rel=0.02)
    assert binary(outside[1:, None], outside[1:, None]) == pytest.approx(low, rel=0.02)
    assert binary(outside[:1, None], outside[:1, None]) == pytest.approx(low, rel=0.02)
    assert binary(outside[:1, None], outside[1:, None]) == pytest.approx(-math.log(pmin) - low, rel=1e-6)
    for p in np.linspace(outside[0], outside[1], 101, dtype=dtype):
        for q in (*inside.astype(dtype), *outside):
            found = binary(np.full((1, 1), p), np.full((1, 1), q))
            assert 1.01 * low <= found <= -math.log(pmin) - 1.01 * low


@every_loss
@pytest.mark.parametrize("n", [1, 2, 5, 30])
@pytest.mark.parametrize("sorter", ["network", "dense"])
def test_matrices_of_this_library_are_accepted(loss: AnyOp, n: int, sorter: str) -> None:
    rng = np.random.default_rng(n)
    x = rng.standard_normal(n)
    p = sorting.network_permutation(x, beta=20.0) if sorter == "network" else np.full((n, n), 1.0 / n)
    assert loss(p, np.eye(n)[np.argsort(x)]) >= 0.0


@every_loss
def test_descending_the_gradient_finds_the_target(loss: AnyOp) -> None:
    """What the losses are for: scores that sort into the wanted order."""
    x, target = np.array([0.3, -0.2, 0.1, 0.0]), np.eye(4)[[2, 0, 3, 1]]
    step = 0.3 if loss is cross else 1.2
    for _ in range(400):
        p, through = sorting.network_permutation.vjp(x, beta=6.0)
        x = x - step * through(loss.vjp(p, target)[1](1.0).P).x
    assert np.argsort(x).tolist() == [2, 0, 3, 1]


def pull_at(loss: AnyOp, g: Any) -> Callable[[], Any]:
    return lambda: loss.vjp(np.full((2, 3, 3), 0.3), HARD)[1](g)


@every_loss
@pytest.mark.parametrize("wrong", [1.0, np.ones(3), np.ones((2, 3, 3))])
def test_a_cotangent_of_another_shape_is_refused(loss: AnyOp, wrong: Any) -> None:
    with pytest.raises(ValueError, match=rf"{loss.id}: argument 'cotangent' has shape"):
        pull_at(loss, wrong)()


def test_an_entry_of_weight_0_is_not_asked_for() -> None:
    p = np.array([[1.0, np.nan], [0.5, 0.5]])
    agree(sorting.permutation_cross_entropy(p, np.eye(2)), 0.5 * np.log(2.0), 4.0)
