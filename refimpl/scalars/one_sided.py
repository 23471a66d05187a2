"""The five laws that are not symmetric, at unit scale: ``name(x) -> (F, 1 - F, f)``, and ``name_dpdf(x)``, the slope f'."""

from __future__ import annotations

import math

from refimpl.jit import scalar
from refimpl.scalars.extended import exp_pair, exp_sum, two_product, two_sum
from refimpl.scalars.incomplete_gamma import gamma_density, gamma_density_slope, incomplete_gamma
from refimpl.scalars.normal_tail import scaled_tail

HALF_PI = 1.5707963267948966
HALF_PI_LOW = 6.123233995736766e-17  # pi/2 - HALF_PI
ONE_OVER_SQRT_2PI = 0.3989422804014327
SQRT_HALF = 0.7071067811865476


@scalar
def gumbel_max(x: float) -> tuple[float, float, float]:
    """F = e^-t, S = 1 - e^-t, f = e^(-x-t), t = e^-x; for x < 0 t is needed as a pair, being an exponent up to 700."""
    if x < -7.0:
        return 0.0, 1.0, 0.0
    if x > 800.0:
        return 1.0, 0.0, 0.0
    t, t_lo = exp_pair(-x) if x < 0.0 else (math.exp(-x), 0.0)
    s, s_lo = two_sum(-x, -t)
    return exp_sum(-t, -t_lo), -math.expm1(-t), exp_sum(s, s_lo - t_lo)


@scalar
def gumbel_max_dpdf(x: float) -> float:
    """The slope f' = f (e^-x - 1), with f = h^2, as f underflows before f' does."""
    if x < -7.0 or x > 800.0:
        return 0.0
    t, t_lo = exp_pair(-x) if x < 0.0 else (math.exp(-x), 0.0)
    s, s_lo = two_sum(-x, -t)
    h = exp_sum(0.5 * s, 0.5 * (s_lo - t_lo))
    return h * math.expm1(-x) * h


@scalar
def gumbel_min(x: float) -> tuple[float, float, float]:
    """The reversed gumbel_max: F(x) = S_max(-x). As printed in the thesis, (A.12) decreases."""
    lower, upper, density = gumbel_max(-x)
    return upper, lower, density


@scalar
def gumbel_min_dpdf(x: float) -> float:
    """f'(x) = -f_max'(-x)."""
    return -gumbel_max_dpdf(-x)


@scalar
def exponential(x: float) -> tuple[float, float, float]:
    """F = 1 - e^-x, S = f = e^-x for x > 0; f(0) = 1/2."""
    if x < 0.0:
        return 0.0, 1.0, 0.0
    e = math.exp(-x)
    return -math.expm1(-x), e, 0.5 if x == 0.0 else e


@scalar
def exponential_dpdf(x: float) -> float:
    """The slope f' = -e^-x for x > 0; -1/2 at the kink x = 0."""
    if x < 0.0:
        return 0.0
    return -0.5 if x == 0.0 else -math.exp(-x)


@scalar
def half_reciprocal(x: float) -> tuple[float, float]:
    """1/(2x) for x > 0 as (hi, lo); beyond x = 1 it is no longer an exponent that needs the second part."""
    q = 0.5 / x
    if x > 1.0:
        return q, 0.0
    p, p_lo = two_product(q, x)
    return q, ((0.5 - p) - p_lo) / x


@scalar
def levy(x: float) -> tuple[float, float, float]:
    """F = erfc(1/sqrt(2x)), S = erf(1/sqrt(2x)), f = e^(-1/2x) / sqrt(2 pi x^3) for x > 0.

    F is twice the normal tail at 1/sqrt x; in f, e^(-1/2x) = h^2, as it underflows before f does.
    """
    if x < 6e-4:
        return 0.0, 1.0, 0.0
    q, q_lo = half_reciprocal(x)
    r = 1.0 / math.sqrt(x)
    h = exp_sum(-0.5 * q, -0.5 * q_lo)
    return 2.0 * exp_sum(-q, -q_lo) * scaled_tail(r), math.erf(SQRT_HALF * r), h * (ONE_OVER_SQRT_2PI * r / x) * h


@scalar
def levy_dpdf(x: float) -> float:
    """The slope f' = f (1-3x)/(2x^2); 1-2x is exact near the zero x = 1/3."""
    if x < 6e-4 or x > 1e150:
        return 0.0
    q, q_lo = half_reciprocal(x)
    h = exp_sum(-0.5 * q, -0.5 * q_lo)
    return h * (ONE_OVER_SQRT_2PI / (x * math.sqrt(x)) * (((1.0 - 2.0 * x) - x) * 0.5 / (x * x))) * h


@scalar
def gamma(x: float, p: float) -> tuple[float, float, float]:
    """F = P(p, x), S = Q(p, x), f = x^(p-1) e^-x / Gamma(p) for x > 0; f(0) = 0 for every p."""
    lower, upper = incomplete_gamma(x, p)
    return lower, upper, gamma_density(x, p)


@scalar
def gamma_dpdf(x: float, p: float) -> float:
    """The slope f' = f (p-1-x)/x for x > 0."""
    return gamma_density_slope(x, p)
