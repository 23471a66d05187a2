"""The ten symmetric laws at unit scale: ``name(a) -> (tail, density)`` for a = |x|, and ``name_dpdf(x)``, the slope f'.

The tail F(-a) = 1 - F(a) is computed directly, with full relative accuracy; 1 minus it is the other side.
"""

from __future__ import annotations

import math

from refimpl.jit import scalar
from refimpl.scalars.extended import exp_sum, two_product
from refimpl.scalars.normal_tail import scaled_tail

HALF_PI = 1.5707963267948966
HALF_PI_LOW = 6.123233995736766e-17  # pi/2 - HALF_PI
ONE_OVER_SQRT_2PI = 0.3989422804014327
SQRT_HALF = 0.7071067811865476
SQRT_2 = 1.4142135623730951


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
def atan_over_pi(t: float) -> float:
    """atan(t)/pi for |t| <= tan(pi/8): Chebyshev interpolant of degree 11 in t^2, relative error 7e-17 (that of 1/pi)."""
    u = t * t
    v = u * u
    even = 0.3183098861837907 + v * (0.06366197723656981 + v * (0.03536776396507295 + v * (
        0.024484540304014393 + v * (0.018611154904484895 + v * 0.012084285694305641))))  # fmt: skip
    odd = -0.10610329539459622 + v * (-0.04547284086280619 + v * (-0.028937223261853978 + v * (
        -0.02120882934464231 + v * (-0.016027061272756212 - v * 0.005667156235060788))))  # fmt: skip
    return t * (even + u * odd)


@scalar
def cauchy(a: float) -> tuple[float, float]:
    """F(-a) = 1/2 - atan(a)/pi, f = 1/(pi (1+a^2)).

    The argument is brought below tan(pi/8) by atan(a) = pi/4 - atan((1-a)/(1+a)) = pi/2 - atan(1/a), without a branch.
    At most 3 ulp; results of neighbouring floats may be out of order by one.
    """
    base, up, down = 0.25, 1.0 - a, 1.0 + a
    if a < SQRT_2 - 1.0:
        base, up, down = 0.5, -a, 1.0
    if a > SQRT_2 + 1.0:
        base, up, down = 0.0, 1.0, a
    return base + atan_over_pi(up / down), 1.0 / (math.pi * (1.0 + a * a))


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
