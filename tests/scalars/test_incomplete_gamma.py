"""Incomplete gamma functions against their power series, summed with as many digits as the cancellation asks for."""

from __future__ import annotations

import math
import sys

import mpmath
import numpy as np
import pytest

from refimpl.scalars.incomplete_gamma import (
    digamma,
    gamma_density,
    gamma_density_slope,
    gamma_shape_slope,
    incomplete_gamma,
)

mpf = mpmath.mpf

RELATIVE = 1e-13  # the exponent is formed in pairs, so this is the rounding of some hundred terms
SHAPE_SLOPE = 1e-11  # log x - psi(p) cancels to 1/sqrt(p) of its terms
SMALLEST_NORMAL = sys.float_info.min
SHAPES = (1e-300, 1e-8, 1e-3, 0.03, 0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 7.3, 9.99, 10.0, 10.99, 11.0, 30.3, 100.0, 1e3)
LARGE_SHAPES = (3e3, 9999.5, 1e4, 12345.6, 2e5)
HUGE_SHAPES = (1e9, 1e14, 1e25)


def exact(x: float, p: float) -> tuple[mpmath.mpf, ...]:
    """P, Q, f, f', dP/dp from P = w sum t_n, t_n = x^n/((p+1)...(p+n)); Q is 1 - P in enough digits to leave 30."""
    tail_digits = max(0.0, (x - p - p * math.log(x / p)) / math.log(10)) if x > p else 0.0
    tail_digits -= min(0.0, math.log10(p))
    with mpmath.workdps(40 + int(tail_digits)):
        point, shape = mpf(x), mpf(p)
        weight = mpmath.exp(shape * mpmath.log(point) - point - mpmath.loggamma(shape + 1))
        factor = mpmath.log(point) - mpmath.digamma(shape + 1)
        term, total, slope, n = mpf(1), mpf(1), factor, 0
        while n < x - p or term > total * mpmath.eps:
            n += 1
            term *= point / (shape + n)
            factor -= 1 / (shape + n)
            total += term
            slope += term * factor
        lower, f = weight * total, weight * shape / point
        return lower, 1 - lower, f, f * (shape - 1 - point) / point, weight * slope


def abscissae(p: float, size: int) -> list[float]:
    """The body of the law, both tails down to underflow, the places where the method changes, and tiny x."""
    random = np.random.default_rng(size)
    sigma = math.sqrt(p)
    body = p + sigma * random.uniform(-38, 38, size)
    near = p + sigma * random.normal(0, 1, size)
    tiny = 10.0 ** random.uniform(-300, 2, size)
    upper = p + 40 * sigma * random.random(size) + 740 * random.random(size) ** 2
    switches = np.array([p, p * (1 - 1e-15), p * (1 + 1e-15), 1.5, np.nextafter(1.5, 0), 1.5 * p, p / 1.5])
    everything = np.concatenate([body, near, tiny, upper, switches])
    if p > 1e5:
        everything = np.concatenate([body, near, switches[:3]])
    return sorted(float(x) for x in everything if 0 < x)


def relative(value: float, reference: mpmath.mpf) -> float:
    """Relative error; 0 where the exact number is not a normal float."""
    if not SMALLEST_NORMAL <= abs(reference) <= sys.float_info.max:
        return 0.0
    return float(abs(mpf(value) / reference - 1))


def worst(p: float, size: int) -> list[tuple[float, float]]:
    """For P, Q, f, f', dP/dp: the largest relative error and where it is."""
    found = [(0.0, 0.0)] * 5
    for x in abscissae(p, size):
        reference = exact(x, p)
        values = (*incomplete_gamma(x, p), gamma_density(x, p), gamma_density_slope(x, p), gamma_shape_slope(x, p))
        for i in range(5):
            found[i] = max(found[i], (relative(values[i], reference[i]), x))
    return found


def exact_large(x: float, p: float) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """P, Q, dP/dp for large p by quadrature of the density from x outwards, t = p + s sqrt(p).

    The density is taken relative to its value at x, because the error that mpmath aims at is absolute.
    """
    with mpmath.workdps(50):
        shape, root = mpf(p), mpmath.sqrt(mpf(p))
        z = (mpf(x) - shape) / root

        def logarithm(s: mpmath.mpf) -> mpmath.mpf:
            return mpmath.log1p(s / root)

        def exponent(s: mpmath.mpf) -> mpmath.mpf:
            return (shape - 1) * logarithm(s) - s * root

        def ratio(s: mpmath.mpf) -> mpmath.mpf:
            return mpmath.exp(exponent(s) - exponent(z))

        at_x = mpmath.exp(exponent(z) + shape * mpmath.log(shape) - shape - mpmath.loggamma(shape)) / root
        psi = mpmath.digamma(shape) - mpmath.log(shape)
        side = -1 if z < 0 else 1
        knots = [z + side * step / (1 + abs(z)) for step in (0, 1, 2, 4, 8, 16, 32, 64, 100)]
        small = side * at_x * mpmath.quad(ratio, knots)
        slope = -at_x * mpmath.quad(lambda s: ratio(s) * (logarithm(s) - psi), knots)
        return (small, 1 - small, slope) if z < 0 else (1 - small, small, slope)


# tests ---------------------------------------------------------------------------------------------------------------

LIMITS = {"P": RELATIVE, "Q": RELATIVE, "f": RELATIVE, "f'": RELATIVE, "dP/dp": SHAPE_SLOPE}


@pytest.mark.parametrize("p", SHAPES)
def test_values_are_accurate(p: float) -> None:
    for (quantity, limit), (error, x) in zip(LIMITS.items(), worst(p, 2 if p < 1e-100 else 12), strict=True):
        assert error <= limit, f"{quantity}({p}, x) is off by {error:.1e} at x = {x!r}"


@pytest.mark.parametrize("p", LARGE_SHAPES)
def test_values_are_accurate_on_both_sides_of_the_uniform_expansion(p: float) -> None:
    for (quantity, limit), (error, x) in zip(LIMITS.items(), worst(p, 4), strict=True):
        assert error <= limit, f"{quantity}({p}, x) is off by {error:.1e} at x = {x!r}"


@pytest.mark.parametrize("p", HUGE_SHAPES)
@pytest.mark.parametrize("z", [-30.0, -1.0, -1e-9, 0.0, 1e-3, 35.0])
def test_values_are_accurate_for_huge_shapes(p: float, z: float) -> None:
    x = p + z * math.sqrt(p)
    lower, upper, slope = exact_large(x, p)
    values = incomplete_gamma(x, p)
    assert relative(values[0], lower) <= RELATIVE
    assert relative(values[1], upper) <= RELATIVE
    if p < 2.0**52:  # beyond, p - 1/2 is rounded
        assert relative(gamma_shape_slope(x, p), slope) <= SHAPE_SLOPE


@pytest.mark.parametrize("x", [1e-12, 0.01, 0.7, 1.4999, 1.5, 2.5, 30.0])
def test_closed_forms(x: float) -> None:
    e = math.exp(-x)
    np.testing.assert_allclose(incomplete_gamma(x, 0.5)[0], math.erf(math.sqrt(x)), rtol=RELATIVE)
    np.testing.assert_allclose(incomplete_gamma(x, 1.0), (-math.expm1(-x), e), rtol=RELATIVE)
    np.testing.assert_allclose(incomplete_gamma(x, 3.0)[1], e * (1 + x + x * x / 2), rtol=RELATIVE)


@pytest.mark.parametrize("x", [1e-300, 1e-20, 1e-3, 0.3])
def test_upper_tends_to_the_exponential_integral(x: float) -> None:
    """Q(p, x)/p -> E_1(x) and dP/dp -> -E_1(x) as p -> 0, where 1 - P would leave nothing."""
    p, integral = 1e-250, float(mpmath.e1(x))
    np.testing.assert_allclose(incomplete_gamma(x, p)[1] / p, integral, rtol=RELATIVE)
    np.testing.assert_allclose(gamma_shape_slope(x, p), -integral, rtol=RELATIVE)


@pytest.mark.parametrize("p", SHAPES + LARGE_SHAPES + HUGE_SHAPES)
def test_the_edges_of_the_domain(p: float) -> None:
    for x in (-math.inf, -1.0, 0.0):
        assert incomplete_gamma(x, p) == (0.0, 1.0)
        assert gamma_density(x, p) == gamma_density_slope(x, p) == gamma_shape_slope(x, p) == 0.0
    for x in (5e-324, 1e-300, 1e-9, 1.0, p, 1e5):
        assert np.isfinite([*incomplete_gamma(x, p), gamma_shape_slope(x, p)]).all()
    for x in (1e300, math.inf):
        assert incomplete_gamma(x, p) == (1.0, 0.0)
        assert gamma_density(x, p) == gamma_density_slope(x, p) == gamma_shape_slope(x, p) == 0.0
    assert np.isnan(incomplete_gamma(math.nan, p)).all()
    assert math.isnan(gamma_density(math.nan, p))
    assert math.isnan(gamma_shape_slope(math.nan, p))


@pytest.mark.parametrize("p", [math.nan, 0.0, -0.5, -math.inf, math.inf])
def test_a_shape_outside_the_domain_gives_nan(p: float) -> None:
    assert np.isnan(incomplete_gamma(1.0, p)).all()
    assert np.isnan([gamma_density(1.0, p), gamma_density_slope(1.0, p), gamma_shape_slope(1.0, p)]).all()


@pytest.mark.parametrize("p", [1e-3, 0.5, 0.999])
@pytest.mark.parametrize("x", [1e-307, 1e-100, 1e-5])
def test_density_of_small_shape_is_finite_near_zero(p: float, x: float) -> None:
    reference = mpf(x) ** (mpf(p) - 1) * mpmath.exp(-mpf(x)) / mpmath.gamma(mpf(p))
    assert relative(gamma_density(x, p), reference) <= RELATIVE


@pytest.mark.parametrize("p", [1e-300, 1e-9, 0.1, 1.0, 5.0, 9.999, 10.0, 1e3, 1e12])
def test_digamma(p: float) -> None:
    assert relative(digamma(p), mpmath.digamma(mpf(p))) <= RELATIVE
