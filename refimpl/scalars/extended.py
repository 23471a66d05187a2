"""Error-free transforms and the exponential, where one rounding too many would be magnified by an exponent.

An unevaluated sum (hi, lo) of two floats carries about 106 bits. The exponential turns the *absolute* error of its
argument into a *relative* one of its value: an argument of 700 rounded to 53 bits costs 500 ulp, as a pair none.

CUDA's compiler contracts a * b + c into one rounding. Hence the split multiplies by 2^27, which is exact, and not by
2^27 + 1, and two_sum must not be handed a product that is still to be rounded.
"""

from __future__ import annotations

import math

from refimpl.jit import inlined, scalar

SPLIT = 2.0**27
# ln 2 = LN2_HEAD + LN2_TAIL; the head has 42 bits, so that k * LN2_HEAD is exact for |k| < 2048.
LN2_HEAD = 0.6931471805598903
LN2_TAIL = 5.497923018708371e-14


@scalar
def two_sum(a: float, b: float) -> tuple[float, float]:
    """The sum a + b exactly, as (rounded sum, rounding error). Knuth, no condition on the magnitudes."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inlined
def added(total: float, lost: float, term: float) -> tuple[float, float]:
    """A step of a long sum: the rounded sum, and its rounding error added to those before."""
    result, error = two_sum(total, term)
    return result, lost + error


@scalar
def split(a: float) -> tuple[float, float]:
    """Dekker: a = head + tail exactly, with at most 27 bits each, for |a| < 1e300."""
    t = SPLIT * a
    head = (a + t) - t
    return head, a - head


@scalar
def two_product(a: float, b: float) -> tuple[float, float]:
    """The product a b exactly, as (rounded product, rounding error)."""
    p = a * b
    a1, a2 = split(a)
    b1, b2 = split(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


@scalar
def exp_sum(hi: float, lo: float) -> float:
    """exp(hi + lo) for |lo| < 1e-9, to one rounding more than exp itself."""
    e = math.exp(hi)
    return e + e * lo


@scalar
def exp_pair(x: float) -> tuple[float, float]:
    """exp(x) as (hi, lo) with relative error below 2^-70, for |x| < 700.

    x = k ln 2 + 64 y; m = exp(y) - 1 by its series, y + y^2/2 in pairs; then six times m <- (1 + m)^2 - 1 = 2m + m^2.
    """
    k = float(math.floor(x / (LN2_HEAD + LN2_TAIL) + 0.5))
    y, y_lo = two_sum((x - k * LN2_HEAD) / 64.0, -k * LN2_TAIL / 64.0)
    s, s_lo = two_product(y, y)
    hi, lo = two_sum(y, 0.5 * s)
    # 1/3!, 1/4!, ... : |y| < 0.0055, so that y^9/9! is below 2^-86
    c = 1 / 6 + y * (1 / 24 + y * (1 / 120 + y * (1 / 720 + y * (1 / 5040 + y / 40320))))
    hi, lo = two_sum(hi, lo + (0.5 * s_lo + (y_lo + y * y_lo) + y * s * c))
    for _ in range(6):
        s, s_lo = two_product(hi, hi)
        s_lo += 2.0 * hi * lo + 2.0 * lo
        hi, lo = two_sum(2.0 * hi, s)
        hi, lo = two_sum(hi, lo + s_lo)
    hi, rest = two_sum(1.0, hi)
    hi, lo = two_sum(hi, rest + lo)
    return math.ldexp(hi, int(k)), math.ldexp(lo, int(k))


@scalar
def log_pair(x: float) -> tuple[float, float]:
    """log(x) as (hi, lo), for 1e-300 < x < 1e300: one Newton step, lo = x exp(-hi) - 1, from the rounded logarithm."""
    hi = math.log(x)
    e, e_lo = exp_pair(-hi)
    p, p_lo = two_product(x, e)
    return hi, (p - 1.0) + (p_lo + x * e_lo)
