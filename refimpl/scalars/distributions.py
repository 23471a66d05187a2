"""The fifteen laws of the family, at unit scale (Petersen 2022, appendix A; A.12 to A.15 as corrected).

With F the distribution function, S = 1 - F and f = F':

* a symmetric law is ``name(a) -> (F(-a), f(a))`` for a = |x| >= 0: both tails are F(-a), never a difference 1 - F;
* any other law is ``name(x) -> (F, S, f)``, with F and S each computed from its own formula;
* ``name_dpdf(x) -> f'(x)``.

NaN gives NaN. At a kink f and f' are the mean of their one-sided values where that is finite.
Tables at the end, in one order: ``tail(code, a)``, ``law(code, x, p)``, ``density_slope(code, x, p)``; p is the shape
of gamma, which alone has one.
"""

from __future__ import annotations

import math

from refimpl.jit import Switch, scalar
from refimpl.scalars.extended import exp_pair, exp_sum, two_product, two_sum
from refimpl.scalars.incomplete_gamma import gamma_density, gamma_density_slope, incomplete_gamma
from refimpl.scalars.normal_tail import scaled_tail

HALF_PI = 1.5707963267948966
HALF_PI_LOW = 6.123233995736766e-17  # pi/2 - HALF_PI
ONE_OVER_SQRT_2PI = 0.3989422804014327
SQRT_HALF = 0.7071067811865476


# symmetric laws ------------------------------------------------------------------------------------------------------


@scalar
def heaviside(a: float) -> tuple[float, float]:
    """F = 0, 1/2, 1 for x < 0, x = 0, x > 0, the value 1/2 being the one that makes a swap symmetric."""
    return (0.0, 0.0) if a > 0.0 else (0.5 + a, a)


@scalar
def heaviside_dpdf(x: float) -> float:
    """The slope f' = 0."""
    return x if math.isnan(x) else 0.0


@scalar
def uniform(a: float) -> tuple[float, float]:
    """F(-a) = (1-a)/2 and f = 1/2 on [0, 1); f(1) = 1/4."""
    if a > 1.0:
        return 0.0, 0.0
    return 0.5 * (1.0 - a), 0.25 if a == 1.0 else 0.5 + 0.0 * a


@scalar
def uniform_dpdf(x: float) -> float:
    """The slope f' = 0."""
    return x if math.isnan(x) else 0.0


@scalar
def cubic_hermite(a: float) -> tuple[float, float]:
    """F(-a) = y^2 (3-2y), y = (1-a)/2, and f = 3/4 (1-a^2) on [0, 1]; 1-a is exact where it is small."""
    if a > 1.0:
        return 0.0, 0.0
    y = 0.5 * (1.0 - a)
    return y * y * (3.0 - 2.0 * y), 0.75 * (1.0 - a) * (1.0 + a)


@scalar
def cubic_hermite_dpdf(x: float) -> float:
    """The slope f' = -3/2 x inside; half of that at +-1."""
    a = math.fabs(x)
    if a > 1.0:
        return 0.0
    return -0.75 * x if a == 1.0 else -1.5 * x


@scalar
def wigner(a: float) -> tuple[float, float]:
    """F(-a) = 1/2 - (a sqrt(1-a^2) + asin a)/pi and f = 2/pi sqrt(1-a^2) on [0, 1].

    The three terms cancel as a -> 1. There, with y = 1-a, the tail is y^(3/2) (2^(5/2)/3pi) 2F1(-1/2, 3/2; 5/2; y/2);
    the last two factors are a polynomial in y: Chebyshev interpolant of degree 12 over y < 1/2, error below 1e-16.
    """
    if a > 1.0:
        return 0.0, 0.0
    y = 1.0 - a
    root = math.sqrt(y * (1.0 + a))
    if a < 0.5:
        return 0.5 - (a * root + math.asin(a)) / math.pi, root / HALF_PI
    c = -4.983580011614492e-07
    c = (c * y + 4.179775774742315e-07) * y + -1.3665290320705348e-06
    c = (c * y + -1.4466320589257664e-06) * y + -4.991752211416099e-06
    c = (c * y + -1.3296210470307787e-05) * y + -3.847222505135267e-05
    c = (c * y + -0.00011835512095792381) * y + -0.00039964330809333186
    c = (c * y + -0.0015630491574807226) * y + -0.008038538537174497
    c = (c * y + -0.0900316316157101) * y + 0.6002108774380707
    return y * math.sqrt(y) * c, root / HALF_PI


@scalar
def wigner_dpdf(x: float) -> float:
    """The slope f' = -(2/pi) x/sqrt(1-x^2) inside; at +-1 it is infinite on one side, 0 on the other: we choose 0."""
    if math.fabs(x) >= 1.0:
        return 0.0
    return -x / (HALF_PI * math.sqrt((1.0 - x) * (1.0 + x)))


@scalar
def gaussian(a: float) -> tuple[float, float]:
    """F(-a) = erfc(a/sqrt 2)/2, f = e^(-a^2/2)/sqrt(2 pi); a rounded a^2/2 would cost 400 ulp at a = 37."""
    if a > 40.0:
        return 0.0, 0.0
    hi, lo = two_product(0.5 * a, a)
    e = exp_sum(-hi, -lo)
    return e * scaled_tail(a), e * ONE_OVER_SQRT_2PI


@scalar
def gaussian_dpdf(x: float) -> float:
    """The slope f' = -x f, with e^(-x^2/2) = h^2, as f underflows before f' does."""
    if math.fabs(x) > 40.0:
        return 0.0
    hi, lo = two_product(0.25 * x, x)
    h = exp_sum(-hi, -lo)
    return -x * h * (ONE_OVER_SQRT_2PI * h)


@scalar
def laplace(a: float) -> tuple[float, float]:
    """F(-a) = f(a) = e^-a / 2."""
    e = 0.5 * math.exp(-a)
    return e, e


@scalar
def laplace_dpdf(x: float) -> float:
    """The slope f' = -sign(x) e^-|x| / 2; 0 at the kink x = 0."""
    return x if x == 0.0 else math.copysign(0.5, -x) * math.exp(-math.fabs(x))


@scalar
def logistic(a: float) -> tuple[float, float]:
    """F(-a) = e/(1+e), f = e/(1+e)^2, e = e^-a."""
    e = math.exp(-a)
    t = e / (1.0 + e)
    return t, t / (1.0 + e)


@scalar
def logistic_dpdf(x: float) -> float:
    """The slope f' = -f tanh(x/2), tanh(a/2) = (1-e)/(1+e)."""
    a = math.fabs(x)
    e = math.exp(-a)
    return math.copysign(e * math.expm1(-a) / ((1.0 + e) * (1.0 + e) * (1.0 + e)), -x)


@scalar
def exp_half_pi(a: float) -> float:
    """exp(-pi a/2) for a >= 0; a rounded pi/2 would cost 300 ulp at a = 450."""
    if a > 480.0:
        return 0.0
    hi, lo = two_product(HALF_PI, a)
    return exp_sum(-hi, -(lo + HALF_PI_LOW * a))


@scalar
def hyperbolic_secant(a: float) -> tuple[float, float]:
    """F(-a) = (2/pi) atan e, f = sech(pi a/2)/2 = e/(1+e^2), e = e^(-pi a/2)."""
    e = exp_half_pi(a)
    return math.atan(e) / HALF_PI, e / (1.0 + e * e)


@scalar
def hyperbolic_secant_dpdf(x: float) -> float:
    """The slope f' = -(pi/2) f tanh(pi x/2), tanh(pi a/2) = (1-e^2)/(1+e^2)."""
    a = math.fabs(x)
    e = exp_half_pi(a)
    s = 1.0 + e * e
    return math.copysign(HALF_PI * (e / s) * (math.expm1(-math.pi * a) / s), -x)


@scalar
def cauchy(a: float) -> tuple[float, float]:
    """F(-a) = atan(1/a)/pi, which is 1/2 - atan(a)/pi, f = 1/(pi (1+a^2)); atan2 would take twice as long."""
    density = 1.0 / (math.pi * (1.0 + a * a))
    if a <= 1.0:
        return 0.5 - math.atan(a) / math.pi, density
    return math.atan(1.0 / a) / math.pi, density


@scalar
def cauchy_dpdf(x: float) -> float:
    """The slope f' = -2x / (pi (1+x^2)^2), one factor 1+x^2 at a time: its square overflows at 1e77."""
    if math.fabs(x) > 1e120:
        return 0.0
    s = 1.0 + x * x
    return -2.0 * (x / s) / (math.pi * s)


@scalar
def reciprocal(a: float) -> tuple[float, float]:
    """F(-a) = 1/(2(1+a)), f = 1/(2(1+a)^2)."""
    r = 1.0 / (1.0 + a)
    return 0.5 * r, 0.5 * r * r


@scalar
def reciprocal_dpdf(x: float) -> float:
    """The slope f' = -sign(x)/(1+|x|)^3; 0 at the kink x = 0."""
    r = 1.0 / (1.0 + math.fabs(x))
    return x if x == 0.0 else math.copysign(r * r * r, -x)


# laws that are not symmetric -----------------------------------------------------------------------------------------


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


# the symmetric laws on the whole line --------------------------------------------------------------------------------


@scalar
def two_sided(x: float, t: float, f: float) -> tuple[float, float, float]:
    """(F, S, f) at x from the tail t = F(-|x|)."""
    return (t, 1.0 - t, f) if x < 0.0 else (1.0 - t, t, f)


@scalar
def heaviside_law(x: float) -> tuple[float, float, float]:
    """F = 1 from x = 0 on, the convention of rendering."""
    if math.isnan(x):
        return x, x, x
    return (0.0, 1.0, 0.0) if x < 0.0 else (1.0, 0.0, 0.0)


@scalar
def uniform_law(x: float) -> tuple[float, float, float]:
    t, f = uniform(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def cubic_hermite_law(x: float) -> tuple[float, float, float]:
    t, f = cubic_hermite(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def wigner_law(x: float) -> tuple[float, float, float]:
    t, f = wigner(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def gaussian_law(x: float) -> tuple[float, float, float]:
    t, f = gaussian(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def laplace_law(x: float) -> tuple[float, float, float]:
    t, f = laplace(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def logistic_law(x: float) -> tuple[float, float, float]:
    t, f = logistic(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def hyperbolic_secant_law(x: float) -> tuple[float, float, float]:
    t, f = hyperbolic_secant(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def cauchy_law(x: float) -> tuple[float, float, float]:
    t, f = cauchy(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def reciprocal_law(x: float) -> tuple[float, float, float]:
    t, f = reciprocal(math.fabs(x))
    return two_sided(x, t, f)


# the tables ----------------------------------------------------------------------------------------------------------

FAMILIES: tuple[str, ...] = (
    "heaviside",
    "uniform",
    "cubic_hermite",
    "wigner",
    "gaussian",
    "laplace",
    "logistic",
    "hyperbolic_secant",
    "cauchy",
    "reciprocal",
    "gumbel_max",
    "gumbel_min",
    "exponential",
    "levy",
    "gamma",
)
SYMMETRIC: tuple[str, ...] = FAMILIES[:10]

tail = Switch(
    "tail",
    (
        heaviside,
        uniform,
        cubic_hermite,
        wigner,
        gaussian,
        laplace,
        logistic,
        hyperbolic_secant,
        cauchy,
        reciprocal,
    ),
)
law = Switch(
    "law",
    (
        heaviside_law,
        uniform_law,
        cubic_hermite_law,
        wigner_law,
        gaussian_law,
        laplace_law,
        logistic_law,
        hyperbolic_secant_law,
        cauchy_law,
        reciprocal_law,
        gumbel_max,
        gumbel_min,
        exponential,
        levy,
        gamma,
    ),
)
density_slope = Switch(
    "density_slope",
    (
        heaviside_dpdf,
        uniform_dpdf,
        cubic_hermite_dpdf,
        wigner_dpdf,
        gaussian_dpdf,
        laplace_dpdf,
        logistic_dpdf,
        hyperbolic_secant_dpdf,
        cauchy_dpdf,
        reciprocal_dpdf,
        gumbel_max_dpdf,
        gumbel_min_dpdf,
        exponential_dpdf,
        levy_dpdf,
        gamma_dpdf,
    ),
)
