"""SoftSort: the sheet, 50 digits, equal scores, blocks of rows, extremes."""

from __future__ import annotations

import math

import exact_soft_sort as exact
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import agree, same_bits

from refimpl import boundary
from refimpl.sorting import soft_sort, swap

seeds = st.integers(0, 2**32 - 1)
every_power = pytest.mark.parametrize("power", [1, 2])

SHEET = 1e-11  # the sheet prints 12 digits
VALUE = 16.0  # ulp of 1: as declared
GRADIENT = 64.0  # gauged ulp: as declared
SCORES = np.array([0.9, 0.1, 0.5, 0.2])


def pulled(s: np.ndarray, g: np.ndarray, tau: float, power: int) -> None:
    """Value and gradients against 50 digits, each gradient gauged by the sum of its terms."""
    p, pullback = soft_sort.vjp(s, tau=tau, power=power)
    want, per_s, per_tau = exact.soft_sort(s, tau, power)
    agree(p, want, VALUE, gauge=1.0)
    grads = pullback(g)
    size = np.abs(g) @ np.ones(len(s)) @ np.abs(per_s).sum(1).max(-1)
    agree(grads.s, np.einsum("ij,ijk->k", g, per_s), GRADIENT, gauge=1.0 + size)
    agree(grads.tau, (g * per_tau).sum(), GRADIENT, gauge=1.0 + np.abs(g * per_tau).sum())


def test_row_0_and_vjp_are_those_of_the_sheet() -> None:
    p, pullback = soft_sort.vjp(SCORES, tau=0.3)
    assert np.abs(p[0] - [0.699274998645, 0.04858804026, 0.184326888399, 0.067810072697]).max() < SHEET
    want = [0.829952247431, 0.669806176042, -1.120775150898, -0.378983272576]
    assert np.abs(pullback(np.eye(4)).s - want).max() < SHEET


@every_power
@given(seed=seeds, n=st.integers(1, 6))
def test_vjp_against_50_digits(power: int, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    s, g = rng.normal(0.0, 1.5, n), rng.standard_normal((n, n))
    pulled(s, g, float(np.exp(rng.uniform(-3.0, 2.0))), power)


@every_power
def test_full_jacobian_against_50_digits(power: int) -> None:
    s = np.array([0.4, -1.3, 2.2, 0.9, 0.1])
    for g in np.eye(25):
        pulled(s, g.reshape(5, 5), 0.7, power)


def test_two_scores_are_the_logistic_swap() -> None:
    """Row 0 is the softened argmax, row 1 the argmin; beta = 1 / tau."""
    s, tau = np.array([0.3, 1.1]), 0.4
    low, high = swap(s[:1], s[1:], cdf="logistic", beta=1.0 / tau)
    p, pullback = soft_sort.vjp(s, tau=tau)
    agree(p @ s, np.array([high[0], low[0]]), 8.0)
    _, pull_swap = swap.vjp(s[:1], s[1:], cdf="logistic", beta=1.0 / tau)
    g = np.array([0.7, -1.9])  # of P s; P itself gets g s', and s gets P' g besides
    ga, gb, gbeta, _ = pull_swap((g[1:], g[:1]))
    grads = pullback(np.outer(g, s))
    agree(grads.s + p.T @ g, np.array([ga[0], gb[0]]), 16.0, gauge=4.0)
    agree(grads.tau, -gbeta / tau**2, 16.0, gauge=4.0)


# equal scores --------------------------------------------------------------------------------------------------------

TIED = {
    "a pair": [1.0, 0.3, 1.0],
    "two pairs": [0.2, 1.0, 0.2, 1.0, -0.4],
    "three": [0.5, 0.5, 1.5, 0.5, -1.0],
    "all": [1.5, 1.5, 1.5, 1.5],
    "zeros of either sign": [0.0, -0.0, 1.0, 0.0],
}


@every_power
@pytest.mark.parametrize("name", TIED)
def test_the_gradient_at_a_tie_is_the_mean_over_the_orders(name: str, power: int) -> None:
    s = np.array(TIED[name])
    pulled(s, np.random.default_rng(1).standard_normal((len(s), len(s))), 0.7, power)


@every_power
def test_at_a_pair_it_is_the_mean_of_both_sides(power: int) -> None:
    """Central differences along random directions: two scores meet, and leave in either order."""
    rng = np.random.default_rng(0)
    s, g, h = np.array([0.5, 1.0, 0.5, -0.2]), rng.standard_normal((4, 4)), 1e-7
    gs = soft_sort.vjp(s, tau=0.6, power=power)[1](g).s
    for u in rng.standard_normal((8, 4)):
        sides = [(soft_sort(s + side * u, tau=0.6, power=power) * g).sum() for side in (h, -h)]
        assert abs((sides[0] - sides[1]) / (2.0 * h) - gs @ u) < 1e-5  # truncation h: f'' jumps; rounding 1e-15 / h


@every_power
@given(seed=seeds)
def test_equal_scores_have_equal_columns_and_gradients_follow_a_permutation(power: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    s, order = rng.integers(0, 4, n).astype(float), rng.permutation(n)
    g = rng.standard_normal((n, n))
    p, pullback = soft_sort.vjp(s, tau=0.8, power=power)
    moved, pull_moved = soft_sort.vjp(s[order], tau=0.8, power=power)
    agree(moved, p[:, order], 4.0, gauge=1.0)
    agree(pull_moved(g[:, order]).s, pullback(g).s[order], GRADIENT, gauge=np.abs(g).sum())
    for a in range(n):
        twins = np.flatnonzero(s == s[a])
        same_bits(p[:, twins], np.repeat(p[:, [a]], twins.size, axis=1))
        g[:, twins] = g[:, [a]]
    gs = pullback(g).s
    for a in range(n):
        agree(gs[s == s[a]], np.full((s == s[a]).sum(), gs[a]), GRADIENT, gauge=np.abs(g).sum())
    agree(pullback(g).s.sum(), 0.0, GRADIENT, gauge=np.abs(g).sum())


# blocks of rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [1e-3, 0.03, 0.4, 3.0, 1e3])
@pytest.mark.parametrize("n", [2, 31, 64, 65, 200])
def test_rows_do_not_notice_their_block(n: int, tau: float) -> None:
    """Against rows with exponentials of their own: from a block for each row to one for all, and over groups of 64."""
    rng = np.random.default_rng(n)
    s, g = rng.normal(0.0, 1.0, n), rng.standard_normal((n, n))
    p, pullback = soft_sort.vjp(s, tau=tau)
    order = np.argsort(-s)
    d = s[order][:, None] - s[None, :]
    w = np.exp(-np.abs(d) / tau)
    want = w / w.sum(1, keepdims=True)
    agree(p, want, VALUE, gauge=want.max(1, keepdims=True))
    z = want * (g - (g * want).sum(1, keepdims=True))
    e = z * np.sign(d) / tau
    gs = e.sum(0)
    gs[order] -= e.sum(1)
    agree(pullback(g).s, gs, GRADIENT, gauge=np.abs(e).sum(0).max() + np.abs(e).sum(1).max())
    agree(pullback(g).tau, (e * d).sum() / tau, GRADIENT, gauge=np.abs(e * d / tau).sum())


def test_small_entries_keep_their_relative_accuracy() -> None:
    s = np.array([0.0, 80.0, 81.0, 160.0, 240.0, 241.5])
    want, _, _ = exact.soft_sort(s, 1.0, 1)
    assert want.min() < 1e-100
    agree(soft_sort(s, tau=1.0), want, 4 * 241.5)  # a distance of 241 is off by as many ulp of 1


# extremes ------------------------------------------------------------------------------------------------------------

EDGE = np.array([1e308, -1e308, 1.7e308, -1.7e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])
TAUS = [5e-324, 1e-320, 1e-300, 1e-20, 1.0, 1e20, 1e154, 1e300, 1.7e308]


@every_power
@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("s", [EDGE, EDGE[4:8], EDGE[4:8] * 1e-10, np.zeros(3), np.array([1e155, 0.0, 3e154])])
def test_extreme_finite_input_gives_finite_results(s: np.ndarray, tau: float, power: int) -> None:
    p, pullback = soft_sort.vjp(s, tau=tau, power=power)
    agree(p.sum(1), np.ones(s.size), VALUE)
    for grad in pullback(np.random.default_rng(0).standard_normal((s.size, s.size))):
        assert np.isfinite(grad).all()


@pytest.mark.parametrize(
    ("s", "tau", "power"),
    [([1.7e308, -1.7e308, 0.0], 1e308, 1), ([3e154, 0.0, 1e154], 1e308, 2), ([1e-160, 0.0, 3e-160], 1e-320, 2),
     ([5e-324, 0.0, 2e-323], 5e-324, 1), ([1.7e308, -1.7e308, 0.0], 1.7e308, 1)],
)  # fmt: skip
def test_values_are_right_where_differences_or_squares_leave_the_range(s: list[float], tau: float, power: int) -> None:
    want, _, _ = exact.soft_sort(s, tau, power)
    agree(soft_sort(np.array(s), tau=tau, power=power), want, VALUE, gauge=1.0)


@pytest.mark.parametrize(("s", "tau", "power"), [([1.7e308, -1.7e308, 0.0], 1e308, 1), ([3e154, 0.0, 1e154], 1e308, 2)])
def test_gradients_are_right_there_too(s: list[float], tau: float, power: int) -> None:
    g = np.random.default_rng(0).standard_normal((3, 3))
    _, per_s, per_tau = exact.soft_sort(s, tau, power)
    grads = soft_sort.vjp(np.array(s), tau=tau, power=power)[1](g)
    for got, want in ((grads.s, np.einsum("ij,ijk->k", g, per_s)), (grads.tau, (g * per_tau).sum())):
        agree(got, want, GRADIENT, gauge=np.abs(g).sum() * max(np.abs(per_s).max(), np.abs(per_tau).max()))


def test_an_infinite_slope_is_the_largest_number() -> None:
    """Two equal scores at tau = 1e-320: the slope of P is 1e320 / 4."""
    grads = soft_sort.vjp(np.zeros(2), tau=1e-320)[1](np.array([[1.0, -1.0], [0.0, 0.0]]))
    same_bits(grads.s, np.array([1.0, -1.0]) * np.finfo(float).max)


@every_power
def test_limits_of_tau(power: int) -> None:
    s = np.random.default_rng(0).normal(size=(4, 19))
    want = np.zeros((4, 19, 19))
    np.put_along_axis(want, np.argsort(-s)[..., None], 1.0, axis=-1)
    same_bits(soft_sort(s, tau=1e-300, power=power), want)
    agree(soft_sort(s, tau=1e300, power=power), np.full((4, 19, 19), 1.0 / 19.0), 4.0)


@every_power
@given(seed=seeds, n=st.integers(1, 30))
def test_rows_sum_to_1_and_p_s_is_descending(power: int, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    s = rng.normal(0.0, 1.0, n)
    p = soft_sort(s, tau=float(np.exp(rng.uniform(-4.0, 3.0))), power=power)
    agree(p.sum(1), np.ones(n), VALUE)
    assert (p >= 0.0).all()
    agree(p @ s, -np.sort(-(p @ s)), 16.0, gauge=np.abs(s).sum())
    agree(p[np.arange(n), np.argsort(-s)], p.max(1), 4.0)


def test_nan_makes_its_batch_row_nan_and_no_other() -> None:
    s = np.array([[0.3, np.nan, -1.0], [0.3, 0.7, -1.0]])
    p, pullback = soft_sort.vjp(s, tau=np.array([0.5, 0.5]))
    clean, pull_clean = soft_sort.vjp(s[1:], tau=0.5)
    g = np.random.default_rng(0).standard_normal((2, 3, 3))
    grads, wanted = pullback(g), pull_clean(g[1:])
    for got, want in ((p, clean[0]), (grads.s, wanted.s[0]), (grads.tau, wanted.tau)):
        assert np.isnan(got[0]).all()
        same_bits(got[1], want)


# shapes, dtypes, threads ---------------------------------------------------------------------------------------------


@every_power
def test_one_score_gives_1_and_nothing_back(power: int) -> None:
    p, pullback = soft_sort.vjp(np.array([[2.5], [1.0]]), tau=1.0, power=power)
    same_bits(p, np.ones((2, 1, 1)))
    grads = pullback(np.full((2, 1, 1), 3.0))
    assert not grads.s.any()
    assert grads.tau == 0.0


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 4)])
def test_empty_batches_come_back_empty(shape: tuple[int, ...]) -> None:
    p, pullback = soft_sort.vjp(np.zeros(shape), tau=2.0)
    assert p.shape == (*shape, shape[-1])
    assert pullback(p).s.shape == shape
    assert pullback(p).tau == 0.0


@every_power
def test_tau_broadcasts_and_its_gradient_is_summed(power: int) -> None:
    rng = np.random.default_rng(0)
    s, g = rng.normal(size=(2, 3, 4)), rng.standard_normal((2, 3, 4, 4))
    tau = np.array([[0.4], [1.3]])
    p, pullback = soft_sort.vjp(s, tau=tau, power=power)
    want, pull_full = soft_sort.vjp(s, tau=np.broadcast_to(tau, (2, 3)), power=power)
    same_bits(p, want)
    agree(pullback(g).tau, pull_full(g).tau.sum(1, keepdims=True), 8.0, gauge=np.abs(g).sum())
    assert soft_sort.vjp(s, tau=0.4, power=power)[1](g).tau.shape == ()


@every_power
def test_float32_is_the_rounded_float64_answer(power: int) -> None:
    rng = np.random.default_rng(5)
    s, g = rng.normal(size=(2, 17)).astype(np.float32), rng.standard_normal((2, 17, 17)).astype(np.float32)
    p, pullback = soft_sort.vjp(s, tau=0.4, power=power)
    want, pull_wide = soft_sort.vjp(s.astype(float), tau=0.4, power=power)
    same_bits(p, want.astype(np.float32))
    grads, wide = pullback(g), pull_wide(g.astype(float))
    same_bits(grads.s, wide.s.astype(np.float32))
    agree(grads.tau, wide.tau, 4.0, gauge=np.abs(g).sum())  # a vector of float32 is summed in another order


def test_strided_read_only_and_whole_numbers() -> None:
    rng = np.random.default_rng(6)
    wide = np.asfortranarray(rng.normal(size=(3, 10)))[:, ::2]
    wide.flags.writeable = False
    same_bits(soft_sort(wide, tau=0.5), soft_sort(np.ascontiguousarray(wide), tau=0.5))
    same_bits(soft_sort(np.array([3, 1, 2]), tau=1), soft_sort(np.array([3.0, 1.0, 2.0]), tau=1.0))


def test_the_pullback_is_of_the_scores_as_they_were() -> None:
    s, g = SCORES.copy(), np.random.default_rng(0).standard_normal((4, 4))
    p, pullback = soft_sort.vjp(s, tau=0.3)
    before = pullback(g)
    s[:], p[:] = 7.0, 7.0
    same_bits(tuple(pullback(g)), tuple(before))


@every_power
@pytest.mark.usefixtures("eager_threads")
def test_threads_and_batches_leave_the_bits_alone(power: int) -> None:
    rng = np.random.default_rng(7)
    s, g = rng.normal(size=(3, 150)), rng.standard_normal((3, 150, 150))
    s[1, 20:40] = s[1, 3]
    tau = np.array([0.02, 0.4, 9.0])
    found = []
    for threads in (1, 2, 3, 7):
        boundary.set_threads(threads)
        p, pullback = soft_sort.vjp(s, tau=tau, power=power)
        found.append((p, *pullback(g)))
        for row in range(3):
            one, pull = soft_sort.vjp(s[row], tau=tau[row], power=power)
            same_bits((one, *pull(g[row])), tuple(part[row] for part in found[-1]))
    for other in found[1:]:
        same_bits(other, found[0])


@pytest.mark.parametrize("power", [0, 0.5, 1.5, 3, True, "2", None, np.ones(2), math.nan])
def test_other_powers_are_refused(power: object) -> None:
    with pytest.raises(ValueError, match=r"sorting\.soft_sort: argument 'power' is .*expected 1 or 2"):
        soft_sort(SCORES, tau=1.0, power=power)


def test_a_power_of_another_type_is_taken() -> None:
    same_bits(soft_sort(SCORES, tau=1.0, power=np.int64(2)), soft_sort(SCORES, tau=1.0, power=2.0))


@pytest.mark.parametrize(
    ("s", "tau", "message"),
    [(np.zeros((2, 0)), 1.0, "nothing to sort"), (np.array([1.0, np.inf]), 1.0, "infinite at index"),
     (SCORES, 0.0, "finite values > 0"), (SCORES, np.ones(3), "broadcasts")],
)  # fmt: skip
def test_bad_input_is_refused(s: np.ndarray, tau: object, message: str) -> None:
    with pytest.raises(ValueError, match=rf"sorting\.soft_sort: argument .*{message}"):
        soft_sort(s, tau=tau)
