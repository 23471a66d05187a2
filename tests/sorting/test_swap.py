"""The relaxed swap against 50 digits, closed forms and its laws of appendix C."""

from __future__ import annotations

import math

import exact_networks as exact
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl.scalars.swaps import CDFS
from refimpl.sorting import swap

seeds = st.integers(0, 2**32 - 1)
every_cdf = pytest.mark.parametrize("cdf", CDFS)
smooth = pytest.mark.parametrize("cdf", exact.CDFS)

VALUE = 8.0  # ulp of the larger input: one tail to 4 ulp, a product, a sum
GRADIENT = 32.0  # gauged ulp: the slope to 8 ulp, at an argument rounded to 1 that a tail magnifies by up to |y| < 8
BOUND = 1.0 + 1e-12  # the supremum is approached from below; rounding may step over it

# sup x f(-x) at beta = 1: equation sheet, section 3, sigmoid.* ; W(1/e) for the logistic sigmoid
ERRORS = {
    "logistic": 0.2784645427610738,
    "reciprocal": 0.25,
    "cauchy": 1.0 / math.pi,
    "optimal": 1.0 / 16.0,
    "gaussian": 0.169971,
    "laplace": 0.183940,
    "hyperbolic_secant": 0.143296,
    "uniform": 1.0 / 8.0,
    "cubic_hermite": 0.087019,
    "wigner": 0.101097,
}
PRINTED = 5e-7  # half a unit of the last printed digit
SLOPES = {"logistic": 1 / 4, "reciprocal": 1.0, "cauchy": 1 / math.pi, "optimal": 1.0}  # f'(0) / beta
MONOTONE = ("reciprocal", "cauchy", "optimal")


def keywords(cdf: str, beta: float, lam: float = 0.3) -> dict[str, object]:
    return {"cdf": cdf, "beta": beta, **({"lam": lam} if cdf == "art" else {})}


@smooth
@given(seed=seeds)
def test_values_and_full_jacobian_against_50_digits(cdf: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0.0, 2.0, 2)
    beta = float(np.exp(rng.uniform(math.log(0.1), math.log(8.0) - math.log(1.0 + abs(b - a)))))
    lam = float(rng.uniform(0.05, 0.7))
    if swap.margin(a, b, **keywords(cdf, beta, lam)) < 1e-6:
        return

    def f(v: list[mpf]) -> tuple[mpf, mpf]:
        return exact.swap(cdf, *v)

    want, jacobian = exact.jacobian(f, [a, b, beta, lam])
    y, pullback = swap.vjp(a, b, **keywords(cdf, beta, lam))
    agree(np.array(y), want, VALUE, gauge=max(abs(a), abs(b)))
    for row, g in enumerate(np.eye(2)):
        grads = [grad for grad in pullback(g) if grad is not None]
        agree(grads, jacobian[row, : len(grads)], GRADIENT, gauge=1.0 + np.abs(jacobian[row]).max())


@every_cdf
@given(seed=seeds)
def test_outputs_are_ordered_stay_inside_and_keep_the_sum(cdf: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0.0, 10.0 ** rng.integers(-5, 6), (2, 50))
    low, high = swap(a, b, **keywords(cdf, float(10.0 ** rng.uniform(-6, 6))))
    assert (low <= high).all()
    assert (np.minimum(a, b) <= low).all()
    assert (high <= np.maximum(a, b)).all()
    agree(low + high, a + b, 4.0, gauge=np.abs(a) + np.abs(b))


@every_cdf
def test_equal_inputs_stay_as_they_are(cdf: str) -> None:
    x = np.array([0.0, 1.5, -1e308, 5e-324, 3.7])
    same_bits(tuple(swap(x, x, **keywords(cdf, 2.0))), (x, x))


@pytest.mark.parametrize("cdf", ERRORS)
@pytest.mark.parametrize("beta", [0.25, 1.0, 16.0])
def test_the_error_is_bounded_and_the_bound_is_reached(cdf: str, beta: float) -> None:
    d = np.concatenate([np.linspace(0.0, 6.0, 6001), np.geomspace(6.0, 1e7, 500)]) / beta
    low, _ = swap(np.zeros_like(d), d, **keywords(cdf, beta))
    worst = low.max() * beta
    slack = PRINTED if str(ERRORS[cdf]) == f"{ERRORS[cdf]:.6f}".rstrip("0") else 0.0
    assert worst <= ERRORS[cdf] * BOUND + slack
    assert worst >= ERRORS[cdf] * (1.0 - 1e-5)


@pytest.mark.parametrize("cdf", SLOPES)
def test_slope_at_a_tie_is_that_of_the_sheet(cdf: str) -> None:
    """At a = b the swap is an average, and gbeta is 0; f'(0) shows in the second difference of min."""
    _, residuals = swap.forward(np.array([1.0]), np.array([1.0]), cdf=cdf, beta=3.0)
    agree(residuals.slope, [3.0 * SLOPES[cdf]], 2.0)
    agree(residuals.alpha, [0.5], 0.0)


@every_cdf
def test_limits_of_beta(cdf: str) -> None:
    a, b = np.array([1.0, -2.0, 0.25]), np.array([0.5, 3.0, 7.0])
    hard = np.minimum(a, b), np.maximum(a, b)
    low, high = swap(a, b, **keywords(cdf, 1e300))
    assert np.abs(low - hard[0]).max() <= 1e-290
    assert np.abs(high - hard[1]).max() <= 1e-290
    if cdf != "heaviside":  # whose tie is a single point
        low, high = swap(a, b, **keywords(cdf, 1e-300))
        agree(low, (a + b) / 2, 2.0)
        agree(high, (a + b) / 2, 2.0)


@pytest.mark.parametrize("cdf", ["logistic", "art"])
def test_an_input_may_push_the_minimum_down_with_a_light_tailed_sigmoid(cdf: str) -> None:
    _, pullback = swap.vjp(np.array([4.0]), np.array([0.0]), **keywords(cdf, 1.0))
    assert pullback((np.ones(1), np.zeros(1))).a[0] < -0.01


@pytest.mark.parametrize("cdf", MONOTONE)
@given(seed=seeds)
def test_the_jacobian_of_a_monotone_swap_is_doubly_stochastic(cdf: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0.0, 3.0, (2, 20))
    _, pullback = swap.vjp(a, b, cdf=cdf, beta=float(np.exp(rng.uniform(-3, 3))))
    one, zero = np.ones(20), np.zeros(20)
    of_low, of_high = pullback((one, zero)), pullback((zero, one))
    for entry in (of_low.a, of_low.b, of_high.a, of_high.b):
        assert entry.min() >= -1e-15  # optimal: exactly 0 beyond its corner, up to rounding
        assert entry.max() <= 1.0 + 1e-15
    agree(of_low.a + of_low.b, one, 4.0)
    agree(of_low.a + of_high.a, one, 4.0)


# kinks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cdf", "y", "slope"),
    [("uniform", 1.0, 0.25), ("uniform", -1.0, 0.25), ("optimal", 0.25, 1.0), ("cubic_hermite", 1.0, 0.0),
     ("wigner", 1.0, 0.0), ("reciprocal", 0.0, 1.0), ("laplace", 0.0, 0.5), ("heaviside", 0.0, 0.0)],
)  # fmt: skip
def test_at_a_kink_the_slope_is_the_mean_of_both_sides(cdf: str, y: float, slope: float) -> None:
    _, residuals = swap.forward(np.array([0.0]), np.array([y / 2.0]), cdf=cdf, beta=2.0)
    agree(residuals.slope, [2.0 * slope], 1.0)


def test_art_with_lam_0_is_logistic_up_to_its_guard() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 30))
    low, high = swap(a, b, cdf="art", lam=0.0, beta=2.0)
    want = swap(a, b, cdf="logistic", beta=2.0)
    guard = 1e-9  # phi(d) = d / (1 + 1e-10)
    assert np.abs(low - want.min).max() < guard
    assert np.abs(high - want.max).max() < guard


def test_reciprocal_is_the_distribution_at_twice_the_argument() -> None:
    """(3.22) has slope beta, (A.10) slope 1/2: erratum E-10."""
    from refimpl.distributions import cdf

    d = np.linspace(-3.0, 3.0, 13)
    _, residuals = swap.forward(np.zeros(13), d, cdf="reciprocal", beta=1.5)
    agree(residuals.alpha, cdf(2.0 * 1.5 * d, family="reciprocal"), 2.0)


# extremes ------------------------------------------------------------------------------------------------------------


@every_cdf
@pytest.mark.parametrize("beta", [5e-324, 1e-300, 1.0, 1e300, 1.7e308])
def test_extreme_finite_inputs_give_finite_outputs(cdf: str, beta: float) -> None:
    edge = np.array([0.0, -0.0, 5e-324, 1e-308, 1.0, -1.0, 1e154, 1e308, -1e308, 1.7e308, -1.7e308])
    a, b = (side.ravel() for side in np.meshgrid(edge, edge))
    low, high = swap(a, b, **keywords(cdf, beta))
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()
    assert (np.minimum(a, b) <= low).all()
    assert (high <= np.maximum(a, b)).all()


@every_cdf
@pytest.mark.parametrize("beta", [5e-324, 1e-300, 0.01, 1.0, 100.0, 1e300, 1.7e308])
def test_extreme_finite_inputs_give_finite_gradients(cdf: str, beta: float) -> None:
    edge = np.array([0.0, -0.0, 5e-324, 1e-308, 1.0, -1.0, 1e154, 1e308, -1e308, 1.7e308, -1.7e308])
    a, b = (side.ravel() for side in np.meshgrid(edge, edge))
    _, pullback = swap.vjp(a, b, **keywords(cdf, beta))
    for grad in pullback(np.random.default_rng(0).standard_normal((2, a.size))):
        assert grad is None or np.isfinite(grad).all()


@pytest.mark.parametrize("beta", [1e-310, 3e-309, 1e-308])
def test_a_difference_that_is_no_float_counts_as_the_largest_and_the_sums_are_right(beta: float) -> None:
    a, b = -1.7e308, 1.7e308
    low, high = swap(a, b, cdf="logistic", beta=beta)
    share = 2.0 / (1.0 + math.exp(beta * np.finfo(np.float64).max))
    agree(low, -1.7e308 * (1.0 - share), 64.0, gauge=1.7e308)
    agree(high, 1.7e308 * (1.0 - share), 64.0, gauge=1.7e308)


@pytest.mark.parametrize("cdf", ["cauchy", "reciprocal", "optimal"])
@pytest.mark.parametrize("d", [1e10, 1e100, 1e150])  # beyond 1e154 slopes underflow, as the docstring says
def test_heavy_tails_keep_the_gradient_of_beta_however_far(cdf: str, d: float) -> None:
    """Min exceeds the hard minimum by c / beta for every large d, so d min / d beta = -c / beta^2 there."""
    _, pullback = swap.vjp(np.array([0.0]), np.array([d]), cdf=cdf, beta=2.0)
    agree(pullback((np.ones(1), np.zeros(1))).beta, -ERRORS[cdf] / 4.0, 1e7)  # 1e7 ulp: the next term is c / (beta d)


@every_cdf
def test_nan_reaches_the_elements_that_hold_it_and_no_others(cdf: str) -> None:
    a, b = np.array([1.0, np.nan, 2.0, 3.0]), np.array([0.0, 1.0, np.nan, 1.0])
    y, pullback = swap.vjp(a, b, **keywords(cdf, 1.0))
    grads = pullback(np.random.default_rng(0).standard_normal((2, 4)))
    hit = np.array([False, True, True, False])
    for result in (*y, *([] if cdf == "heaviside" else [grads.a, grads.b])):
        assert (np.isnan(result) == hit).all()
    assert all(np.isfinite(side[~hit]).all() for side in (grads.a, grads.b))


# shapes and dtypes ---------------------------------------------------------------------------------------------------


@given(seed=seeds)
def test_broadcasting_is_that_of_the_expanded_arrays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(3, 1)), rng.normal(size=(1, 4))
    beta, lam = np.exp(rng.normal(size=(3, 1))), rng.uniform(0.0, 0.8, 4)
    y, pullback = swap.vjp(a, b, cdf="art", beta=beta, lam=lam)
    full = [np.ascontiguousarray(np.broadcast_to(array, (3, 4))) for array in (a, b, beta, lam)]
    want, pull_full = swap.vjp(full[0], full[1], cdf="art", beta=full[2], lam=full[3])
    same_bits(tuple(y), tuple(want))
    g = rng.standard_normal((2, 3, 4))
    grads, wide = pullback(g), pull_full(g)
    agree(grads.a, wide.a.sum(1, keepdims=True), 8.0, gauge=np.abs(wide.a).sum())
    agree(grads.b, wide.b.sum(0, keepdims=True), 8.0, gauge=np.abs(wide.b).sum())
    agree(grads.beta, wide.beta.sum(1, keepdims=True), 8.0, gauge=np.abs(wide.beta).sum())
    agree(grads.lam, wide.lam.sum(0), 8.0, gauge=np.abs(wide.lam).sum())


@pytest.mark.parametrize("cdf", ["cauchy", "art"])
def test_float32_is_the_rounded_float64_answer(cdf: str) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 40)).astype(np.float32)
    g = rng.standard_normal((2, 40)).astype(np.float32)
    y, pullback = swap.vjp(a, b, **keywords(cdf, 2.0))
    want, pull_wide = swap.vjp(a.astype(float), b.astype(float), **keywords(cdf, 2.0))
    same_bits(tuple(y), tuple(side.astype(np.float32) for side in want))
    grads, wide = pullback(g), pull_wide(g.astype(float))
    same_bits((grads.a, grads.b), (wide.a.astype(np.float32), wide.b.astype(np.float32)))
    agree(grads.beta, wide.beta, 2.0)


def test_one_float64_input_makes_the_result_float64() -> None:
    low, high = swap(np.zeros(2, np.float32), np.ones(2), beta=1.0)
    assert low.dtype == high.dtype == np.float64


@pytest.mark.parametrize("wrong", [None, 1.0, np.zeros(3), (np.zeros(3),) * 3])
def test_the_cotangent_is_a_pair(wrong: object) -> None:
    _, pullback = swap.vjp(np.zeros(3), np.ones(3), beta=1.0)
    with pytest.raises((TypeError, ValueError), match=r"sorting\.swap: argument 'cotangent"):
        pullback(wrong)
