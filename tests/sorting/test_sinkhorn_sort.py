"""Sinkhorn sorting: the sheet, 50 digits, the ways back against each other, closed forms, extremes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl import boundary
from refimpl.scalars.exponential import exponential
from refimpl.sorting import NotConverged, sinkhorn_sort
from refimpl.sorting.sinkhorn_iterations import dot, gather, step_g
from refimpl.sorting.sinkhorn_problem import DEFAULT_TOL, setup, standardised

seeds = st.integers(0, 2**32 - 1)
X4 = np.array([0.9, 0.1, 0.5, 0.2])
SQUASH = "zscore_logistic"

SHEET = 5.1e-9  # half a unit of the eighth digit
VALUE = 64.0  # gauged ulp: an exponent of up to 50 rounds to 50 ulp of an entry
GRADIENT = 1024.0  # gauged ulp: sums of n entries over T iterations, that cancel
STEP = mpf("1e-20")  # of central differences at 60 digits: 1e-40 of truncation, 1e-40 of rounding
WAYS = 1e-10  # of the largest entry: what an error of 1e-13 in the plan may do to an implicit gradient


def exact_plan(
    x: Sequence[mpf], y: Sequence[mpf], eps: mpf, iterations: int, squash: bool = False
) -> list[mpf]:  # fmt: skip
    """P, row by row, by the iteration as the sheet has it."""
    n = len(x)
    if squash:
        mean = sum(x) / n
        std = mpmath.sqrt(sum((v - mean) ** 2 for v in x) / n)
        x = [1 / (1 + mpmath.exp((mean - v) / std)) for v in x]
    f, g = [mpf(0)] * n, [mpf(0)] * n
    cost = [[(a - b) ** 2 for b in y] for a in x]
    for _ in range(iterations):
        f = [-eps * mpmath.log(n * sum(mpmath.exp((g[j] - cost[i][j]) / eps) for j in range(n))) for i in range(n)]
        g = [-eps * mpmath.log(n * sum(mpmath.exp((f[i] - cost[i][j]) / eps) for i in range(n))) for j in range(n)]
    return [n * mpmath.exp((f[i] + g[j] - cost[i][j]) / eps) for j in range(n) for i in range(n)]


def jacobian(x: np.ndarray, y: np.ndarray, eps: float, iterations: int, squash: bool) -> tuple[np.ndarray, np.ndarray]:
    """P and its derivatives in x, targets and eps, by differences of 60 digits."""
    n = x.size
    with mpmath.workdps(60):
        point = [mpf(float(v)) for v in (*x, *y, eps)]

        def at(v: Sequence[mpf]) -> list[mpf]:
            return exact_plan(v[:n], v[n : 2 * n], v[2 * n], iterations, squash)

        columns = []
        for k in range(2 * n + 1):
            ends = []
            for sign in (1, -1):
                moved = list(point)
                moved[k] += sign * STEP
                ends.append(at(moved))
            columns.append([float((a - b) / (2 * STEP)) for a, b in zip(*ends, strict=True)])
        return np.array([float(v) for v in at(point)]).reshape(n, n), np.array(columns).T


def ascending(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    return np.cumsum(rng.uniform(0.1, 0.5, shape), axis=-1)


def test_the_matrix_is_that_of_the_sheet() -> None:
    want = [
        [3.7897e-5, 0.00459205, 0.18345413, 0.81191592],
        [0.58814766, 0.34407055, 0.06636378, 0.00141800],
        [0.02501400, 0.21060218, 0.58460850, 0.17977532],
        [0.38680045, 0.44073521, 0.16557358, 0.00689076],
    ]
    assert np.abs(sinkhorn_sort(X4, eps=0.1, tol=1e-12).T - want).max() < SHEET


@given(seed=seeds, n=st.integers(2, 4), iterations=st.integers(1, 5), squash=st.booleans())
def test_values_and_full_jacobian_against_60_digits(seed: int, n: int, iterations: int, squash: bool) -> None:
    rng = np.random.default_rng(seed)
    x, y, eps = rng.normal(0.4, 0.6, n), ascending(rng, n), float(np.exp(rng.uniform(-1.5, 1.0)))
    if squash and np.ptp(x) < 0.05:
        return
    want, slopes = jacobian(x, y, eps, iterations, squash)
    p, pullback = sinkhorn_sort.vjp(
        x, eps=eps, iterations=iterations, targets=y, squash=SQUASH if squash else None
    )  # fmt: skip
    agree(p, want, VALUE, gauge=1.0)
    gauge = max(1.0, np.abs(slopes).max())
    for entry, g in enumerate(np.eye(n * n)):
        grads = pullback(g.reshape(n, n))
        agree(np.concatenate([grads.x, grads.targets, [grads.eps]]), slopes[entry], GRADIENT, gauge=gauge)


@pytest.mark.parametrize("squash", [None, SQUASH])
@pytest.mark.parametrize("n", [3, 8, 40])
def test_implicit_is_the_limit_of_unrolled(n: int, squash: str | None) -> None:
    rng = np.random.default_rng(n)
    x, y, eps = rng.normal(0.4, 0.6, (2, n)), ascending(rng, n) / n, np.array([0.5, 1.0])
    how = {"eps": eps, "targets": y, "squash": squash}
    p, pullback = sinkhorn_sort.vjp(x, **how, tol=1e-13, backward="implicit")
    many, pull_many = sinkhorn_sort.vjp(x, **how, iterations=400)
    assert np.abs(p - many).max() < 1e-12
    g = rng.standard_normal(p.shape)
    for ours, theirs in zip(pullback(g), pull_many(g), strict=True):
        assert np.abs(ours - theirs).max() < WAYS * max(1.0, np.abs(theirs).max())


def test_implicit_against_60_digits() -> None:
    x, y = np.array([0.4, -0.1, 0.8]), np.array([0.0, 0.3, 1.0])
    _, slopes = jacobian(x, y, 0.7, 120, False)
    _, pullback = sinkhorn_sort.vjp(x, eps=0.7, targets=y, tol=1e-14, backward="implicit")
    for entry, g in enumerate(np.eye(9)):
        grads = pullback(g.reshape(3, 3))
        assert np.abs(np.concatenate([grads.x, grads.targets, [grads.eps]]) - slopes[entry]).max() < WAYS


@pytest.mark.parametrize("eps", [2.0, 0.4, 0.05, 0.01, 0.003])
def test_symmetric_values_have_the_gradient_of_the_limit_however_hard_the_plan(eps: float) -> None:
    """Their plan is there after one iteration: a logistic swap, whose entries and slopes are known down to 1e-140."""
    x, g = np.array([0.0, 1.0]), np.random.default_rng(3).standard_normal((2, 2))
    p, pullback = sinkhorn_sort.vjp(x, eps=eps)
    small = 1.0 / (1.0 + math.exp(1.0 / eps))
    slope = small * (1.0 - small) / eps * (g[0, 1] + g[1, 0] - g[0, 0] - g[1, 1])
    agree(p[0, 1], small, 128.0)
    agree(pullback(g).x, np.array([slope, -slope]), 256.0)


def test_a_tolerance_asks_for_the_limit_and_a_number_for_these_iterations() -> None:
    g = np.random.default_rng(4).standard_normal((4, 4))

    def pulled(**how: Any) -> np.ndarray:
        return sinkhorn_sort.vjp(X4, eps=0.4, **how)[1](g).x

    for goal in ({}, {"tol": 1e-6}, {"tol": 1e-6, "iterations": 100}):
        same_bits(pulled(**goal), pulled(**goal, backward="implicit"))
        assert (pulled(**goal) != pulled(**goal, backward="unrolled")).any()
    same_bits(pulled(iterations=4), pulled(iterations=4, backward="unrolled"))


@pytest.mark.parametrize("eps", [1e-3, 1e-2, 0.1])
def test_implicit_of_a_plan_that_has_not_converged_is_no_explosion(eps: float) -> None:
    """The equations are balanced for the sums that the plan has; with 1 in their place they would be indefinite."""
    rng = np.random.default_rng(0)
    for n in (3, 5, 9):
        x, g = rng.uniform(0.0, 1.0, n), rng.standard_normal((n, n))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)
            _, pullback = sinkhorn_sort.vjp(x, eps=eps, iterations=7, backward="implicit")
        assert np.abs(pullback(g).x).max() < 10.0 * n / eps


# what is true of the plan ---------------------------------------------------------------------------------------------


@given(seed=seeds, n=st.integers(1, 20), iterations=st.integers(1, 30))
def test_rows_sum_to_1_after_any_number_of_iterations(seed: int, n: int, iterations: int) -> None:
    rng = np.random.default_rng(seed)
    p = sinkhorn_sort(rng.normal(size=n), eps=float(np.exp(rng.uniform(-7.0, 2.0))), iterations=iterations)
    agree(p.sum(-1), np.ones(n), 8.0 + n)
    assert (p >= 0.0).all()


def test_columns_sum_to_1_in_the_limit_and_not_before() -> None:
    assert np.abs(sinkhorn_sort(X4, eps=0.1, iterations=1).sum(-2) - 1.0).max() > 0.1
    assert np.abs(sinkhorn_sort(X4, eps=0.1, tol=1e-13).sum(-2) - 1.0).max() <= 1.1e-13


@given(seed=seeds)
def test_two_values_are_a_logistic_swap(seed: int) -> None:
    """Without squash, beta = (y_2 - y_1) / eps; with it nothing depends on the distance (E-17)."""
    rng = np.random.default_rng(seed)
    x, y, eps = rng.normal(size=2), np.array([-0.5, rng.uniform(0.0, 1.0)]), rng.uniform(1.5, 4.0)
    p = sinkhorn_sort(x, eps=eps, targets=y, iterations=2000)
    alpha = 1.0 / (1.0 + np.exp(-(y[1] - y[0]) * (x[1] - x[0]) / eps))
    agree(p, [[alpha, 1.0 - alpha], [1.0 - alpha, alpha]], VALUE, gauge=1.0)
    far, pullback = sinkhorn_sort.vjp(10.0 * x, eps=eps, iterations=5, squash=SQUASH)
    agree(far, sinkhorn_sort(x, eps=eps, iterations=5, squash=SQUASH), 4.0, gauge=1.0)
    assert not pullback(rng.standard_normal((2, 2))).x.any()


def test_a_small_eps_gives_the_permutation_of_argsort() -> None:
    x = np.array([0.61, 0.05, 0.98, 0.34])
    p = sinkhorn_sort(x, eps=2e-3, tol=1e-6)
    want = np.zeros((4, 4))
    want[np.arange(4), np.argsort(x)] = 1.0
    assert np.abs(p - want).max() < 1e-5


def test_what_cold_and_warm_rows_share() -> None:
    """Factors leave their range many times at eps 1e-3; the plan is that of logarithms alone."""
    x, y, eps = np.random.default_rng(0).normal(0.5, 1.0, 6), np.linspace(0.0, 1.0, 6), 3e-3
    with mpmath.workdps(60):
        want = exact_plan([mpf(v) for v in x], [mpf(v) for v in y], mpf(eps), 40)
        found = sinkhorn_sort(x, eps=eps, iterations=40).ravel()
        assert max(abs(float(a - mpf(b))) for a, b in zip(want, found, strict=True)) < 1e-12


def test_far_values_keep_their_digits() -> None:
    """At x = 1e6 the square of x over eps is 1e13; 60 digits say what is right."""
    x, y = 1e6 + np.array([0.25, 0.5, -0.25]), np.linspace(0.0, 1.0, 3)
    with mpmath.workdps(80):
        want = exact_plan([mpf(v) for v in x], [mpf(v) for v in y], mpf("0.5"), 60)
    agree(sinkhorn_sort(x, eps=0.5, iterations=60).ravel(), [float(v) for v in want], VALUE, gauge=1.0)


# conventions ----------------------------------------------------------------------------------------------------------


def test_one_value_gives_1_and_no_gradient() -> None:
    p, pullback = sinkhorn_sort.vjp(np.array([[2.5], [1.0]]), eps=0.3, iterations=3, targets=np.array([0.4]))
    same_bits(p, np.ones((2, 1, 1)))
    for gradient in pullback(np.full((2, 1, 1), 3.0)):
        assert not gradient.any()


def test_equal_values_squash_to_one_half_without_a_gradient() -> None:
    for value in (0.1, -1e308, 5e-324, 0.0):
        x = np.full(3, value)
        z, spread, _ = standardised(x[None], np)
        assert not z.any()
        assert not spread.any()
        p, pullback = sinkhorn_sort.vjp(x, eps=0.3, iterations=4, squash=SQUASH)
        agree(p, np.full((3, 3), 1.0 / 3.0), 4.0)
        assert not pullback(np.random.default_rng(0).standard_normal((3, 3))).x.any()


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 4)])
def test_empty_batches_come_back_empty(shape: tuple[int, ...]) -> None:
    p, pullback = sinkhorn_sort.vjp(np.zeros(shape), eps=2.0)
    assert p.shape == (*shape, shape[-1])
    assert pullback(p).x.shape == shape


def test_nan_stays_in_its_row() -> None:
    x = np.array([[0.3, np.nan, 0.1], [0.3, 0.2, 0.1]])
    p, pullback = sinkhorn_sort.vjp(x, eps=np.array([0.5, 0.5]), iterations=4)
    g = np.random.default_rng(0).standard_normal((2, 3, 3))
    same_bits(p[1], sinkhorn_sort(x[1], eps=0.5, iterations=4))
    assert np.isnan(p[0]).all()
    grads = pullback(g)
    assert np.isnan(grads.x[0]).all()
    assert np.isnan(grads.eps[0])
    same_bits(grads.x[1], sinkhorn_sort.vjp(x[1], eps=0.5, iterations=4)[1](g[1]).x)


EDGES = (
    [1e308, -1e308, 3e307], [-1.79e308, 1.79e308, 0.0], [5e-324, 1e-310, -1e-308], [1e6, 1e6 + 0.3, 0.1], [0.9, 0.1, 0.5],
)  # fmt: skip


@pytest.mark.parametrize("squash", [None, SQUASH])
@pytest.mark.parametrize("eps", [5e-324, 1e-300, 1e-3, 0.5, 1e300, 1.79e308])
@pytest.mark.parametrize("x", EDGES)
def test_finite_input_gives_finite_output(x: list[float], eps: float, squash: str | None) -> None:
    g = np.random.default_rng(0).standard_normal((3, 3))
    for targets in (None, np.array([-1.7e308, 1e308, 1.7e308]), np.array([5e-324, 1e-323, 1e-300])):
        p, pullback = sinkhorn_sort.vjp(np.array(x), eps=eps, iterations=5, targets=targets, squash=squash)
        agree(p.sum(-1), np.ones(3), 8.0)
        assert all(np.isfinite(part).all() for part in pullback(g) if part is not None)


def test_iterations_alone_are_exactly_so_many_and_never_warn() -> None:
    for iterations in (1, 7):
        _, residuals = sinkhorn_sort.forward(X4, eps=1e-3, iterations=iterations)
        assert residuals.done.tolist() == [iterations]


def test_a_tolerance_stops_each_row_where_it_is_reached() -> None:
    x = np.stack([X4, X4])
    p, residuals = sinkhorn_sort.forward(x, eps=np.array([0.05, 5.0]), tol=1e-6)
    slow, fast = residuals.done.tolist()
    assert slow > fast
    assert np.abs(p.sum(-2) - 1.0).max() <= 1.01e-6
    before = sinkhorn_sort(X4, eps=0.05, iterations=slow - 1)
    assert np.abs(before.sum(-2) - 1.0).max() > 1e-6


def test_neither_goal_means_the_default_tolerance() -> None:
    assert np.abs(sinkhorn_sort(X4, eps=0.1).sum(-2) - 1.0).max() <= 1.01 * DEFAULT_TOL


@pytest.mark.parametrize("goal", [{"tol": 1e-9}, {"backward": "implicit"}])
def test_a_goal_that_is_missed_is_said(goal: dict[str, object]) -> None:
    said = r"sorting\.sinkhorn_sort: after 3 iterations the largest row error is .*, above 1e-09; give more iterations"
    with pytest.warns(NotConverged, match=said):
        sinkhorn_sort(X4, eps=0.05, iterations=3, **goal)
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotConverged)
        with pytest.raises(NotConverged):
            sinkhorn_sort(X4, eps=0.05, iterations=3, **goal)


# shapes, dtypes, threads ----------------------------------------------------------------------------------------------


def test_parameters_broadcast_and_their_gradients_are_summed() -> None:
    rng = np.random.default_rng(0)
    x, y, eps = rng.normal(0.4, 0.5, (2, 3, 4)), ascending(rng, (3, 4)), np.array([[0.5], [1.5]])
    p, pullback = sinkhorn_sort.vjp(x, eps=eps, targets=y, iterations=4)
    g = rng.standard_normal(p.shape)
    grads = pullback(g)
    wide_y, wide_eps = np.zeros(x.shape), np.zeros((2, 3))
    for i in np.ndindex(2, 3):
        one, pull_one = sinkhorn_sort.vjp(x[i], eps=eps[i[0], 0], targets=y[i[1]], iterations=4)
        same_bits(p[i], one)
        part = pull_one(g[i])
        same_bits(grads.x[i], part.x)
        wide_y[i], wide_eps[i] = part.targets, part.eps
    agree(grads.targets, wide_y.sum(0), 8.0, gauge=np.abs(wide_y).sum())
    agree(grads.eps, wide_eps.sum(1, keepdims=True), 8.0, gauge=np.abs(wide_eps).sum())


def test_float32_is_the_rounded_float64_answer() -> None:
    rng = np.random.default_rng(5)
    x, g = rng.normal(size=(2, 9)).astype(np.float32), rng.standard_normal((2, 9, 9)).astype(np.float32)
    p, pullback = sinkhorn_sort.vjp(x, eps=0.2, iterations=6)
    want, pull_wide = sinkhorn_sort.vjp(x.astype(float), eps=0.2, iterations=6)
    same_bits(p, want.astype(np.float32))
    same_bits(pullback(g).x, pull_wide(g.astype(float)).x.astype(np.float32))


def test_strided_and_read_only_input() -> None:
    x = np.random.default_rng(1).normal(size=(6, 8))[::2, ::-2]
    want = sinkhorn_sort(np.ascontiguousarray(x), eps=0.3, iterations=5)
    x.flags.writeable = False
    same_bits(sinkhorn_sort(x, eps=0.3, iterations=5), want)
    same_bits(sinkhorn_sort(np.asfortranarray(x), eps=0.3, iterations=5), want)


@pytest.mark.usefixtures("eager_threads")
def test_same_bits_for_any_number_of_threads_and_any_split() -> None:
    rng = np.random.default_rng(2)
    x, g = rng.normal(size=(7, 6)), rng.standard_normal((7, 6, 6))
    how = {"eps": 0.1, "tol": 1e-4}
    boundary.set_threads(1)
    p, pullback = sinkhorn_sort.vjp(x, **how)
    grads = pullback(g)
    for threads in (2, 3, 7):
        boundary.set_threads(threads)
        again, pull_again = sinkhorn_sort.vjp(x, **how)
        same_bits(again, p)
        same_bits(pull_again(g).x, grads.x)
    for row in range(7):
        same_bits(sinkhorn_sort.vjp(x[row], **how)[1](g[row]).x, grads.x[row])


@pytest.mark.parametrize("n", [4, 5, 8, 12])
def test_bits_do_not_depend_on_where_arrays_lie(n: int) -> None:
    """A sum beside a store may be taken in another order where the compiler's check of addresses fails."""
    rng = np.random.default_rng(n)
    x, f, y, found = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n), set()
    for gap in range(12):
        for order in (("x", "f", "k", "g", "y"), ("k", "x", "f", "y", "g"), ("f", "k", "x", "g", "y")):
            memory, at, part = np.empty(2 * n * n + 100), 0, {}
            for name in order:
                size = n * n if name == "k" else n
                part[name], at = memory[at : at + size], at + size + gap
            part["x"][:], part["f"][:], part["y"][:] = x, f, y
            step_g(part["x"], part["y"], part["f"], part["g"], part["k"].reshape(n, n))
            found.add(part["k"].tobytes() + part["g"].tobytes())
    assert len(found) == 1


def test_the_tape_is_all_that_grows_with_the_iterations() -> None:
    x = np.random.default_rng(0).normal(size=(3, 5))
    kept = [sinkhorn_sort.forward(x, eps=0.3, iterations=t)[1] for t in (2, 200)]
    sizes = [sum(np.asarray(part).nbytes for part in (*r.problem[:7], r.done)) for r in kept]
    assert sizes[0] == sizes[1]
    assert all(r.plan is None for r in kept)


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        ({"iterations": True}, ValueError, "argument 'iterations' is True; expected a whole number >= 1"),
        ({"tol": float("nan")}, ValueError, "argument 'tol' is nan; expected a finite number > 0"),
        ({"targets": np.float64(1.0)}, ValueError, "argument 'targets' has shape"),
        ({"squash": "zscore"}, ValueError, "argument 'squash' is 'zscore'; expected one of zscore_logistic"),
        ({"backward": "both"}, ValueError, "argument 'backward' is 'both'; expected one of unrolled, implicit"),
        ({"eps": None}, TypeError, "argument 'eps' is missing"),
    ],
)
def test_refusals_name_the_argument(wrong: dict[str, object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refused:
        sinkhorn_sort(X4, **{"eps": 0.5, "iterations": 3, **wrong})
    assert str(refused.value).startswith("sorting.sinkhorn_sort: " + text)


def test_pieces_of_the_iteration_are_what_they_say() -> None:
    k, w, into = np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, -1.0]), np.zeros(3)
    assert dot(k, 1, w) == 3.0 + 8.0 - 5.0
    gather(k, 1, 2.0, into)
    assert into.tolist() == [6.0, 8.0, 10.0]
    assert exponential(0.0) == 1.0
    from refimpl.boundary import Gate

    problem = setup(Gate("x"), np.array([3.0, 5.0]), 0.5, 1, None, None, None, "unrolled")
    agree(problem.x * problem.y.T, 2.0 * np.outer([-0.5, 0.5], [-1.0, 1.0]) / 0.5, 1.0)  # 2 e_j d_i / eps
