"""The conditional swap: sigmoids of a difference, value beside slope.

A sigmoid f with f(d) + f(-d) = 1 decides how much of a swap happens. For the difference d = b - a each function here
returns ``(alpha, abar, slope) = (f(d), f(-d), f'(d))`` at inverse temperature beta. Only the smaller of the two weights
is computed, as the tail of a distribution, with full relative accuracy; the larger one is 1 minus it, which costs at
most half an ulp. A symmetric distribution F gives f(d) = F(beta d).

Source: Petersen, thesis, section 3.3 (3.13), (3.21) to (3.24).
"""

from __future__ import annotations

import math

from refimpl.jit import Switch, scalar
from refimpl.scalars.symmetric import (
    cauchy,
    cubic_hermite,
    gaussian,
    heaviside,
    hyperbolic_secant,
    laplace,
    logistic,
    reciprocal,
    uniform,
    wigner,
)

CDFS = (
    "logistic",
    "reciprocal",
    "cauchy",
    "optimal",
    "art",
    "heaviside",
    "uniform",
    "cubic_hermite",
    "wigner",
    "gaussian",
    "laplace",
    "hyperbolic_secant",
)
ART = CDFS.index("art")
ART_GUARD = 1e-10  # epsilon of (3.13)
DEFAULT_LAM = 0.25  # its exponent: the thesis's choice for small networks
LARGEST = 1.7976931348623157e308


@scalar
def bounded(x: float) -> float:
    """X; where it has overflowed, the largest number of its sign, so that no weight of 0 ever meets an infinity."""
    if x > LARGEST:
        return LARGEST
    if x < -LARGEST:
        return -LARGEST
    return x


@scalar
def within(x: float, low: float, high: float) -> float:
    """X, or the end of the interval that it lies beyond; NaN stays."""
    if x < low:
        return low
    if x > high:
        return high
    return x


@scalar
def difference(a: float, b: float) -> float:
    """b - a, within the range of numbers."""
    return bounded(b - a)


@scalar
def sided(d: float, tail: float, slope: float) -> tuple[float, float, float]:
    """(f(d), f(-d), f'(d)) from the tail f(-|d|)."""
    if d < 0.0:
        return tail, 1.0 - tail, slope
    return 1.0 - tail, tail, slope


@scalar
def logistic_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = 1 / (1 + exp(-beta d)) (3.21)."""
    tail, density = logistic(abs(beta * d))
    return sided(d, tail, beta * density)


@scalar
def reciprocal_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = 1/2 + y / (1 + 2|y|), y = beta d (3.22): slope beta at 0, i.e. the distribution (A.10) at 2 beta d."""
    tail, density = reciprocal(2.0 * abs(beta * d))
    return sided(d, tail, beta * (2.0 * density))


@scalar
def cauchy_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = 1/2 + atan(beta d) / pi (3.23)."""
    tail, density = cauchy(abs(beta * d))
    return sided(d, tail, beta * density)


@scalar
def optimal_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = 1/2 + y for |y| <= 1/4, else 1 - 1/(16 y) and its mirror image, y = beta d (3.24)."""
    y = abs(beta * d)
    if y <= 0.25:
        return sided(d, 0.5 - y, beta)
    return sided(d, 0.0625 / y, beta * (0.0625 / y / y))


@scalar
def art_weights(d: float, beta: float, lam: float) -> tuple[float, float, float]:
    """f = logistic(beta phi(d)), phi(d) = d / (|d|^lam + eps) (3.13)."""
    power = abs(d) ** lam
    guarded = power + ART_GUARD
    tail, density = logistic(beta * (abs(d) / guarded))
    slope = beta * density * (((1.0 - lam) * power + ART_GUARD) / guarded / guarded)
    if slope > LARGEST:  # at a tie, for beta beyond 1e298
        slope = LARGEST
    return sided(d, tail, slope)


@scalar
def art_ratios(d: float, lam: float) -> tuple[float, float]:
    """(phi / phi', (d phi / d lam) / phi'), both over d: what turns d f'(d) into slopes in log beta and lam."""
    power = abs(d) ** lam
    below = (1.0 - lam) * power + ART_GUARD
    log = math.log(abs(d)) if d != 0.0 else 0.0
    return (power + ART_GUARD) / below, -(power / below) * log


@scalar
def heaviside_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = 0, 1/2, 1: the hard swap, with ties shared."""
    tail, density = heaviside(abs(beta * d))
    return sided(d, tail, density)


@scalar
def uniform_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = clip((1 + beta d) / 2, 0, 1)."""
    tail, density = uniform(abs(beta * d))
    return sided(d, tail, beta * density)


@scalar
def cubic_hermite_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = y^2 (3 - 2y), y = clip((1 + beta d) / 2, 0, 1)."""
    tail, density = cubic_hermite(abs(beta * d))
    return sided(d, tail, beta * density)


@scalar
def wigner_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = the integral of the half disc over (-1, beta d)."""
    tail, density = wigner(abs(beta * d))
    return sided(d, tail, beta * density)


@scalar
def gaussian_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = the standard normal distribution at beta d."""
    tail, density = gaussian(abs(beta * d))
    return sided(d, tail, beta * density)


@scalar
def laplace_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = exp(-|beta d|) / 2 below 0, and its mirror image."""
    tail, density = laplace(abs(beta * d))
    return sided(d, tail, beta * density)


@scalar
def hyperbolic_secant_weights(d: float, beta: float) -> tuple[float, float, float]:
    """f = (2 / pi) atan(exp(pi beta d / 2))."""
    tail, density = hyperbolic_secant(abs(beta * d))
    return sided(d, tail, beta * density)


weights = Switch(
    "weights",
    (
        logistic_weights,
        reciprocal_weights,
        cauchy_weights,
        optimal_weights,
        art_weights,
        heaviside_weights,
        uniform_weights,
        cubic_hermite_weights,
        wigner_weights,
        gaussian_weights,
        laplace_weights,
        hyperbolic_secant_weights,
    ),
)


@scalar
def exchange(a: float, b: float, d: float, alpha: float, abar: float) -> tuple[float, float]:
    """(min, max) = (alpha a + abar b, abar a + alpha b), for alpha = f(d), d = b - a.

    Written as the hard minimum plus (and the hard maximum minus) |d| times the smaller weight: the result never leaves
    [a, b], and a wide gap loses no digits. Where b - a is no float, the sums as they stand are as good.
    """
    if abs(d) >= LARGEST:
        low, high = alpha * a + abar * b, abar * a + alpha * b
    elif d >= 0.0:
        low, high = a + d * abar, b - d * abar
    else:
        low, high = b - d * alpha, a + d * alpha
    if low > high:  # by rounding, where both are the mean
        return high, low
    return low, high
