"""fast_sort and fast_rank: golden values, exact Jacobians, kinks, extremes, sizes."""

from __future__ import annotations

import functools
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

from refimpl.boundary import set_threads
from refimpl.scalars import geometric
from refimpl.sorting import arrangement, fast_rank, fast_sort
from refimpl.sorting.isotonic import STEEPEST
from validation.mutants.build import build
from validation.mutants.corpus.fast import MUTANTS

seeds = st.integers(0, 2**32 - 1)
each = pytest.mark.parametrize("op", [fast_sort, fast_rank], ids=lambda op: op.name)
both = pytest.mark.parametrize("regularization", ["l2", "kl"])

VALUE, GRADIENT = 16.0, 64.0  # ulps of the largest entry, as declared
PRINTED = 2e-12  # the sheet prints twelve digits
T4 = np.array([0.9, 0.1, 0.5, 0.2])
NOISE = 1e-20  # 60 digits, divided by a step of 1e-20, are off by 1e-40: 1e-4 ulp of this
KEPT = 1e-13  # of the sum of magnitudes: a sum of 10^6 rounded terms

GOLD = [  # equation sheet, section 3
    (fast_sort, "l2", 4.0, [0.783333333333, 0.533333333333, 0.283333333333, 0.1], [1 / 3, 0, 1 / 3, 1 / 3]),
    (fast_sort, "kl", 4.0, [0.803961959219, 0.553961959219, 0.303961959219, 0.1],
     [0.461487623389, 0, 0.309344404955, 0.229167971656]),
    (fast_rank, "l2", 0.5, [1.55, 3.15, 2.35, 2.95], [-1.5, 0.5, 0.5, 0.5]),
    (fast_rank, "kl", 0.5, [1, 3.848837981187, 2, 3.151162018813], [0, 0, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "regularization", "eps", "y", "row"), GOLD)
def test_golden_values(op: Any, regularization: str, eps: float, y: list[float], row: list[float]) -> None:
    got, pullback = op.vjp(T4, eps=eps, regularization=regularization)
    assert np.abs(got - y).max() < PRINTED
    assert np.abs(pullback(np.eye(4)[0]).theta - row).max() < PRINTED


# 50 digits: the projection found by trying every partition, its Jacobian by differences of closed forms ---------------


def average(values: list[mpf], kl: bool) -> mpf:
    if not kl:
        return mpmath.fsum(values) / len(values)
    top = max(values)
    return top + mpmath.log(mpmath.fsum(mpmath.exp(v - top) for v in values))


def exact(name: str, theta: list[mpf], eps: mpf, kl: bool) -> list[mpf]:
    """The regression by its max-min formula, which knows no blocks."""
    n, ranks = len(theta), name == "fast_rank"
    order = sorted(range(n), key=lambda i: theta[i] if ranks else -theta[i])
    ladder = [mpf(n - k) for k in range(n)]
    if ranks:
        z, w = [-theta[i] / eps for i in order], [mpmath.log(r) for r in ladder] if kl else ladder
    else:
        z, w = [r / eps for r in ladder], [theta[i] for i in order]

    @functools.cache
    def run(first: int, last: int) -> mpf:
        return average(z[first:last], kl) - average(w[first:last], kl)

    v = [max(min(run(a, b) for a in range(k + 1)) for b in range(k + 1, n + 1)) for k in range(n)]
    y = [a - b for a, b in zip(z, v, strict=True)]
    if not ranks:
        return y
    found = [mpf(0)] * n
    for i, one in zip(order, y, strict=True):
        found[i] = mpmath.exp(one) if kl else one
    return found


def jacobian(f: Callable[[list[mpf]], list[mpf]], at: list[float], room: float) -> tuple[np.ndarray, np.ndarray]:
    """The value and the whole Jacobian by central differences of 60 digits."""
    with mpmath.workdps(60):
        h = min(mpf(10) ** -20, mpf(room) / 4)
        columns = []
        for k in range(len(at)):
            up, down = ([mpf(a) + (sign * h if i == k else 0) for i, a in enumerate(at)] for sign in (1, -1))
            columns.append([(a - b) / (2 * h) for a, b in zip(f(up), f(down), strict=True)])
        return np.array(f([mpf(a) for a in at]), float), np.array(columns, float).T


@each
@both
@given(seed=seeds)
def test_values_and_full_jacobian_against_60_digits(op: Any, regularization: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta, eps = rng.normal(0.0, 2.0, rng.integers(1, 6)), float(np.exp(rng.uniform(-3.0, 3.0)))
    room = op.margin(theta, eps=eps, regularization=regularization)
    if room < 1e-9:
        return
    want, rows = jacobian(
        lambda v: exact(op.name, v[:-1], v[-1], regularization == "kl"), [*map(float, theta), eps], room
    )
    y, pullback = op.vjp(theta, eps=eps, regularization=regularization)
    agree(y, want, VALUE, gauge=np.abs(want).max())
    for k, g in enumerate(np.eye(theta.size)):
        pulled = pullback(g)
        agree(pulled.theta, rows[k, :-1], GRADIENT, gauge=max(np.abs(rows[:, :-1]).max(), NOISE))
        agree(pulled.eps, rows[k, -1], GRADIENT, gauge=np.abs(rows[:, -1]).max() + (np.abs(want) / eps).max())


@each
@both
@given(seed=seeds)
def test_the_margin_is_honest(op: Any, regularization: str, seed: int) -> None:
    """Moves of theta and eps by less than the margin leave the partition and the order as they are."""
    rng = np.random.default_rng(seed)
    theta, eps = rng.normal(0.0, 2.0, 6), float(np.exp(rng.uniform(-2.0, 2.0)))
    room = op.margin(theta, eps=eps, regularization=regularization)
    _, here = op.forward(theta, eps=eps, regularization=regularization)
    for _ in range(20):
        move = 0.99 * room * rng.choice([-1.0, 1.0], 7)
        _, there = op.forward(theta + move[:-1], eps=eps + move[-1], regularization=regularization)
        count = int(here.blocks[0])
        assert int(there.blocks[0]) == count
        assert (here.starts[0, : count + 1] == there.starts[0, : count + 1]).all()


# the package's wrong gradient (BUGS: fast-soft-sort, SoftSort with kl) -------------------------------------------------


def test_the_wrong_softmax_of_fast_soft_sort_is_that_of_the_ladder() -> None:
    """Ascending sort of (0, 1, 3) at strength 10, cotangent e0: printed [.367, .332, .301], right [.705, .259, .035].

    Its ascending sort is minus the descending one of -x, and e0 is the smallest value: our e2 at -x, sign kept.
    """
    x, strength = np.array([0.0, 1.0, 3.0]), 10.0
    _, pullback = fast_sort.vjp(-x, eps=strength, regularization="kl")
    (mutant,) = (one for one in MUTANTS if "fast-soft-sort" in one.name)
    _, mutated = build(mutant)[1](-x, eps=strength, regularization="kl")
    assert np.abs(mutated(np.array([1.0, 0.0, 0.0])).theta - [0.367, 0.332, 0.301]).max() < 1e-3
    right = pullback(np.array([1.0, 0.0, 0.0])).theta
    assert np.abs(right - [0.705, 0.259, 0.035]).max() < 1e-3  # three digits are printed
    ladder = np.exp(np.array([3.0, 2.0, 1.0]) / strength)
    assert np.abs(ladder / ladder.sum() - [0.367, 0.332, 0.301]).max() < 1e-3
    weights = np.exp(-x)
    agree(right, weights / weights.sum(), GRADIENT)


# statements of the sheet ---------------------------------------------------------------------------------------------


def test_l2_sort_is_exact_up_to_gaps_of_1_over_eps() -> None:
    theta = np.array([3.0, 1.0, 2.5, -0.5])  # gaps 0.5, 1.5, 1.5
    for eps, hard in ((0.5, True), (1.0 / 1.5 * (1.0 - 1e-12), True), (1.0 / 1.5 * (1.0 + 1e-6), False)):
        y = fast_sort(theta, eps=eps)
        assert (np.abs(y - np.sort(theta)[::-1]).max() <= 1e-15) == hard


def test_l2_ranks_are_exact_from_gaps_of_eps_on() -> None:
    """The direction is the other one: ranks are hard if no gap of theta is smaller than eps."""
    theta = np.array([3.0, 1.0, 2.5, -0.5])
    assert np.abs(fast_rank(theta, eps=0.5) - [1, 3, 2, 4]).max() <= 1e-15
    assert np.abs(fast_rank(theta, eps=0.5001) - [1, 3, 2, 4]).max() > 1e-5


def test_the_error_has_no_bound() -> None:
    for far in (10.0, 1e3, 1e6):
        agree(fast_sort(np.array([far, 0.0]), eps=1.0), [(far + 1.0) / 2.0, (far - 1.0) / 2.0], 1.0)


@both
def test_limits(regularization: str) -> None:
    n, mean = 4, T4.mean()
    high, low = 1e12, 1e-12
    agree(fast_sort(T4, eps=low, regularization=regularization), np.sort(T4)[::-1], 0.0)
    agree(fast_rank(T4, eps=low, regularization=regularization), [1.0, 4.0, 2.0, 3.0], 0.0)
    wanted = mean if regularization == "l2" else np.log(np.exp(T4).mean())
    assert np.abs(fast_sort(T4, eps=high, regularization=regularization) - wanted).max() < 4.0 / high
    assert np.abs(fast_rank(T4, eps=high, regularization=regularization) - (n + 1) / 2).max() < 4.0 / high


# ties and kinks ------------------------------------------------------------------------------------------------------


@both
def test_tied_ranks_share_their_mean_and_their_gradient(regularization: str) -> None:
    theta = np.array([2.0, 0.0, 2.0, 2.0, 0.0])
    r, pullback = fast_rank.vjp(theta, eps=1e-3, regularization=regularization)
    agree(r, [2.0, 4.5, 2.0, 2.0, 4.5], 2.0)
    pulled = pullback(np.array([1.0, 0.0, 0.0, 0.0, 0.0])).theta
    factor = 2.0 if regularization == "kl" else 1.0  # r = 2 there
    agree(pulled, np.array([-2 / 3, 0.0, 1 / 3, 1 / 3, 0.0]) * factor * 1e3, 8.0, gauge=1e3)


@both
def test_tied_values_keep_the_order_of_their_indices(regularization: str) -> None:
    _, pullback = fast_sort.vjp(np.array([1.0, 5.0, 1.0, 1.0]), eps=0.1, regularization=regularization)
    agree(pullback(np.array([10.0, 1.0, 2.0, 3.0])).theta, [1.0, 10.0, 2.0, 3.0], 0.0)


def test_blocks_of_equal_value_are_merged() -> None:
    """theta = (1, 0), eps = 1: both blocks have v = 1. The Jacobian is that of one block."""
    y, pullback = fast_sort.vjp(np.array([1.0, 0.0]), eps=1.0)
    agree(y, [1.0, 0.0], 0.0)
    agree(pullback(np.array([1.0, 0.0])).theta, [0.5, 0.5], 0.0)
    r, pullback = fast_rank.vjp(np.array([1.0, 0.0]), eps=1.0)
    agree(r, [1.0, 2.0], 0.0)
    agree(pullback(np.array([1.0, 0.0])).theta, [-0.5, 0.5], 0.0)


# the order -----------------------------------------------------------------------------------------------------------


@given(seed=seeds)
def test_rows_are_sorted_stably_whatever_they_hold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    rows = np.stack(
        [
            rng.standard_normal(n),
            rng.integers(-3, 4, n).astype(float),  # ties
            1.0 + 2.0**-52 * rng.integers(0, 50, n),  # differ in bits that the keys lose
            rng.standard_normal(n) * 10.0 ** rng.integers(-320, 308, n),
            np.where(rng.random(n) < 0.5, 0.0, -0.0),
        ]
    )
    for op, sign in ((fast_sort, -1.0), (fast_rank, 1.0)):
        _, residuals = op.forward(rows, eps=1.0, regularization="kl")
        want = np.argsort(sign * rows, axis=-1, kind="stable")
        assert (residuals.order == want).all()


def test_rows_whose_keys_agree_are_sorted_by_argsort(monkeypatch: pytest.MonkeyPatch) -> None:
    theta = 1.0 + 2.0**-52 * np.random.default_rng(0).permutation(5000)[None, :].repeat(3, 0)
    theta[1] = np.arange(5000.0)
    _, residuals = fast_rank.forward(theta, eps=1.0)
    assert (residuals.order == np.argsort(theta, axis=-1, kind="stable")).all()
    monkeypatch.setattr(arrangement, "PATIENCE", 0)  # compiled already: the constant is only for readers
    assert (np.diff(residuals.x, axis=-1) >= 0).all()


# extremes ------------------------------------------------------------------------------------------------------------

RESOLVED = 2e-323  # rows that reach 2^1021 are scaled by 1/4
EDGE = np.array([0.0, -0.0, 5e-324, 1e-308, 1.0, -1.0, 1e154, 1e308, -1e308, 1.7e308, -1.7e308])


@each
@both
@pytest.mark.parametrize("eps", [5e-324, 1e-310, 1e-300, 1e-160, 1.0, 1e160, 1e300, 1.7e308])
def test_extreme_finite_inputs_give_finite_outputs(op: Any, regularization: str, eps: float) -> None:
    rng = np.random.default_rng(0)
    for theta in (EDGE, rng.permutation(EDGE), EDGE[:4], EDGE[7:], np.full(5, 1.7e308), rng.choice(EDGE, (40, 6))):
        y, pullback = op.vjp(theta, eps=eps, regularization=regularization)
        assert np.isfinite(y).all()
        if op is fast_sort:
            assert (y <= theta.max(-1, keepdims=True) + RESOLVED).all()
            assert (y >= theta.min(-1, keepdims=True) - RESOLVED).all()
        pulled = pullback(rng.standard_normal(theta.shape))
        assert np.isfinite(pulled.eps)
        assert np.isfinite(pulled.theta).all()


@each
@pytest.mark.parametrize("eps", [1e-300, 1e-10, 1.0, 1e10, 1e300])
@pytest.mark.parametrize("size", [1e-300, 1e-100, 1.0, 1e100, 1e308])
@both
def test_values_at_every_scale_are_those_of_the_definition(
    op: Any, regularization: str, size: float, eps: float
) -> None:
    theta = size * np.array([0.9, -1.0, 0.5, 0.25])
    want = op.oracle(theta, eps=eps, regularization=regularization)
    agree(op(theta, eps=eps, regularization=regularization), want, 4.0 * VALUE, gauge=np.abs(want).max())


@each
@both
def test_a_gradient_of_eps_beyond_all_floats_is_the_largest_float(op: Any, regularization: str) -> None:
    most, g = np.finfo(np.float64).max, np.array([[1.0, -3.0, 0.5]])
    theta, eps = np.array([[1.0, -1.0, 3.0]]) * (1e-301 if op is fast_rank else 5e307), 1e-300  # one block
    one = op.vjp(theta, eps=eps, regularization=regularization)[1](1e300 * g).eps
    assert abs(one) == most
    for rows in (2, 3, 7, 1000):
        many = op.vjp(np.repeat(theta, rows, 0), eps=eps, regularization=regularization)[1]
        same_bits(many(np.repeat(1e300 * g, rows, 0)).eps, one)  # no warning, no infinity
        signs = np.resize([1.0, -1.0], rows)[:, None]
        assert many(np.repeat(1e300 * g, rows, 0) * signs).eps == (one if rows % 2 else 0.0)
    own = op.vjp(np.repeat(theta, 3, 0), eps=np.full(3, eps), regularization=regularization)[1]
    same_bits(own(np.repeat(1e300 * g, 3, 0)).eps, np.full(3, one))


def test_eps_below_1e_300_and_its_gradient_in_a_batch() -> None:
    theta = np.array([[1e308, -1e308, 3.0]] * 3)
    pullback = fast_sort.vjp(theta, eps=1e-300, regularization="kl")[1]
    assert np.isfinite(pullback(np.random.default_rng(1).standard_normal((3, 3))).eps)


@pytest.mark.parametrize(("g", "eps"), [(1.0, 1e-310), (1e308, 0.1)])
@both
def test_a_gradient_of_theta_beyond_all_floats_is_the_largest_float(regularization: str, g: float, eps: float) -> None:
    pulled = fast_rank.vjp(np.ones(2), eps=eps, regularization=regularization)[1](np.array([g, 0.0]))
    most = np.finfo(np.float64).max
    same_bits(pulled.theta, np.array([-most, most]))
    same_bits(pulled.eps, np.float64(0.0))


@each
@both
def test_a_shift_costs_no_digits(op: Any, regularization: str) -> None:
    theta = np.round(np.random.default_rng(1).standard_normal(9) * 2.0**20) / 2.0**20  # the shifted sum is exact
    eps = 3.0 if op is fast_sort else 0.3
    y = op(theta, eps=eps, regularization=regularization)
    far = op(theta + 2.0**30, eps=eps, regularization=regularization)
    if op is fast_rank:
        same_bits(far, y)
    else:
        assert np.abs((far - 2.0**30) - y).max() <= 2.0**-22  # half an ulp of 2^30, and the clip's


@each
@both
def test_nan_makes_its_row_nan_and_no_other(op: Any, regularization: str) -> None:
    theta = np.random.default_rng(2).standard_normal((3, 5))
    theta[1, 3] = np.nan
    clean, hit = theta[[0, 2]], [1]
    y, pullback = op.vjp(theta, eps=np.full(3, 0.7), regularization=regularization)
    g = np.random.default_rng(3).standard_normal((3, 5))
    pulled = pullback(g)
    assert np.isnan(y[hit]).all()
    assert np.isnan(pulled.theta[hit]).all()
    assert np.isnan(pulled.eps[hit]).all()
    want, pull_clean = op.vjp(clean, eps=np.full(2, 0.7), regularization=regularization)
    same_bits(y[[0, 2]], want)
    same_bits(pulled.theta[[0, 2]], pull_clean(g[[0, 2]]).theta)
    one, pullback = op.vjp(np.array([np.nan]), eps=1.0, regularization=regularization)
    assert np.isnan([one[0], pullback(np.ones(1)).theta[0], pullback(np.ones(1)).eps]).all()


# sizes ---------------------------------------------------------------------------------------------------------------


@each
@both
@pytest.mark.parametrize("hard", [False, True])
def test_a_million_values(op: Any, regularization: str, hard: bool) -> None:
    """Laws that need no other implementation: order, sums, and gradients that sum as they must."""
    n = 10**6
    rng = np.random.default_rng(4)
    theta, g = rng.standard_normal(n), rng.standard_normal(n)
    if op is fast_sort:
        eps = 1e-3 if hard else 1e6
    else:
        eps = 1e-8 if hard else 1.0
    y, pullback = op.vjp(theta, eps=eps, regularization=regularization)
    pulled = pullback(g)
    assert np.isfinite(pulled.theta).all()
    assert np.isfinite(pulled.eps)
    if op is fast_sort:
        assert (np.diff(y) <= 1e-12).all()
        if regularization == "l2":
            assert abs(math.fsum(y) - math.fsum(theta)) <= KEPT * n
        else:
            assert abs(math.log(math.fsum(np.exp(y)) / math.fsum(np.exp(theta)))) <= KEPT
        assert abs(math.fsum(pulled.theta) - math.fsum(g)) <= KEPT * n
    else:
        assert abs(math.fsum(y) - n * (n + 1) / 2) <= KEPT * n * n
        assert (np.diff(y[np.argsort(-theta)]) >= -1e-9).all()
        assert abs(math.fsum(pulled.theta)) <= KEPT * np.abs(pulled.theta).sum()


@both
def test_one_block_of_a_million_keeps_its_digits(regularization: str) -> None:
    theta = np.random.default_rng(5).standard_normal(10**6) + 1e3
    y = fast_sort(theta, eps=1e30, regularization=regularization)
    if regularization == "l2":
        want = math.fsum(theta) / theta.size
    else:
        want = 1e3 + math.log(math.fsum(np.exp(theta - 1e3)) / theta.size)
    agree(y, np.full(theta.size, want), 4.0)


def test_a_mean_of_numbers_whose_sum_overflows() -> None:
    theta = np.full(1000, 1.7e308)
    theta[0] = 1.6e308
    agree(fast_sort(theta, eps=1e300), np.full(1000, 1.7e308 - 1e304), 4.0)


# scalars -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [1e-300, 1e-8, 0.01, 0.3, 0.49999, 0.5, 0.7, 2.0, 30.0, 1e5, 1e300])
def test_width_and_its_slope_against_50_digits(x: float) -> None:
    with mpmath.workdps(700):
        t = mpf(x)
        small = x < 1e-100
        want = t * t / 6 if small else t - mpmath.log(2 * t) + mpmath.log1p(-mpmath.exp(-2 * t) if x < 1e5 else 0)
        slope = t / 3 if small else (mpmath.coth(t) if x < 1e5 else 1) - 1 / t
        want, slope = float(want), float(slope)
    agree(geometric.width(x), want, 8.0, gauge=x * 0.1)
    agree(geometric.width_slope(x), slope, 16.0)  # coth x - 1 / x loses three bits at 1/2


def test_the_steepest_width_is_finite() -> None:
    assert STEEPEST * 1e8 < math.inf


# shapes, dtypes, threads ---------------------------------------------------------------------------------------------


@each
@both
@given(seed=seeds)
def test_rows_are_single_calls_and_eps_broadcasts(op: Any, regularization: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta, g = rng.standard_normal((2, 2, 3, 7))
    eps = np.exp(rng.normal(size=(3,)))
    y, pullback = op.vjp(theta, eps=eps, regularization=regularization)
    pulled, total = pullback(g), np.zeros(3)
    for at in np.ndindex(2, 3):
        one, pull = op.vjp(theta[at], eps=float(eps[at[1]]), regularization=regularization)
        same_bits(y[at], one)
        same_bits(pulled.theta[at], pull(g[at]).theta)
        total[at[1]] += float(pull(g[at]).eps)
    agree(pulled.eps, total, 4.0, gauge=np.abs(total).max())


@each
@both
def test_the_same_bits_over_threads_and_splits(op: Any, regularization: str, eager_threads: None) -> None:
    rng = np.random.default_rng(6)
    theta, g = rng.standard_normal((2, 9, 300))
    found = []
    for threads in (1, 2, 5):
        set_threads(threads)
        y, pullback = op.vjp(theta, eps=0.5, regularization=regularization)
        found.append((y, pullback(g).theta, pullback(g).eps))
    same_bits(found[1], found[0])
    same_bits(found[2], found[0])


@each
@both
def test_float32_is_the_rounded_float64_answer(op: Any, regularization: str) -> None:
    rng = np.random.default_rng(7)
    theta, g = rng.standard_normal((2, 4, 20)).astype(np.float32)
    y, pullback = op.vjp(theta, eps=2.0, regularization=regularization)
    want, pull_wide = op.vjp(theta.astype(float), eps=2.0, regularization=regularization)
    same_bits(y, want.astype(np.float32))
    pulled, wide = pullback(g), pull_wide(g.astype(float))
    same_bits(pulled.theta, wide.theta.astype(np.float32))
    same_bits(pulled.eps, wide.eps)


@each
@both
def test_layouts(op: Any, regularization: str) -> None:
    theta = np.random.default_rng(8).standard_normal((4, 6))
    want = op(theta, eps=1.5, regularization=regularization)
    locked = theta.copy()
    locked.flags.writeable = False
    wide = np.zeros((4, 12))
    wide[:, ::2] = theta
    for other in (locked, np.asfortranarray(theta), wide[:, ::2], theta.astype(">f8")):
        same_bits(op(other, eps=1.5, regularization=regularization), want)
    assert op(np.array([3, 1, 2]), eps=1, regularization=regularization).dtype == np.float64


@each
def test_sizes_at_the_ends(op: Any) -> None:
    y, pullback = op.vjp(np.array([[2.5], [1.0]]), eps=1.0)
    agree(y, [[2.5], [1.0]] if op is fast_sort else [[1.0], [1.0]], 0.0)
    agree(pullback(np.ones((2, 1))).theta, np.full((2, 1), float(op is fast_sort)), 0.0)
    y, pullback = op.vjp(np.zeros((0, 3)), eps=1.0)
    assert (y.shape, pullback(np.zeros((0, 3))).theta.shape, float(pullback(np.zeros((0, 3))).eps)) == (
        (0, 3),
        (0, 3),
        0.0,
    )
    with pytest.raises(
        ValueError, match=rf"{op.id}: argument 'theta' has shape \(2, 0\): nothing to sort; expected at"
    ):
        op(np.zeros((2, 0)), eps=1.0)


@each
def test_bad_inputs_are_named(op: Any) -> None:
    for wrong, text in (
        ({"eps": 0.0}, "'eps' holds 0.0; expected finite values > 0"),
        ({"eps": np.ones(2)}, r"'eps' has shape \(2,\); expected a number, or a shape that broadcasts to \(\)"),
        ({"eps": 1.0, "regularization": "ln"}, "'regularization' is 'ln'; expected one of l2, kl"),
    ):
        with pytest.raises(ValueError, match=f"{op.id}: argument {text}"):
            op(T4, **wrong)
    _, pullback = op.vjp(T4, eps=1.0)
    with pytest.raises(ValueError, match=rf"{op.id}: argument 'cotangent' has shape \(3,\)"):
        pullback(np.ones(3))
