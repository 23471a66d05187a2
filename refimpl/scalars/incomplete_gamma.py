"""The regularised incomplete gamma functions, their slope in x and in the shape p.

    P(p, x) = 1/Gamma(p) int_0^x t^(p-1) e^-t dt,   Q = 1 - P,   dP/dx = x^(p-1) e^-x / Gamma(p)

Everything is a Poisson weight w(p, x) = x^p e^-x / Gamma(p+1) times something tame. Which of P and Q is computed and
which is 1 minus the other:

    p >= 1e4              Temme's uniform expansion: the smaller of the two
    x < max(p, 3/2)       P by its power series; Q = 1 - P, or for p < 1, where Q may be tiny, its own series
    otherwise             Q by Legendre's continued fraction

Below p = 1e4 series and fraction need at most 9 sqrt(p) + 70 terms; the loops stop at MAX_TERMS in any case.
"""

from __future__ import annotations

import math

from refimpl.jit import scalar
from refimpl.scalars.extended import exp_sum, log_pair, two_product, two_sum
from refimpl.scalars.normal_tail import scaled_tail

EPS = 2.0**-53
LARGE_SHAPE = 1e4
LARGEST_SHAPE = 1e290  # Dekker's splitting overflows above; from 1e33 on P is a step, and slopes are rough from 4e15 on
MAX_TERMS = 2000
TWO_PI = 2.0 * math.pi


@scalar
def digamma(p: float) -> float:
    """psi(p) for p > 0: psi(p) = psi(p+1) - 1/p up to p = 10, then log p - 1/2p - sum B_2k / (2k p^2k)."""
    shift = 0.0
    while p < 10.0:
        shift += 1.0 / p
        p += 1.0
    r = 1.0 / (p * p)
    tail = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r / 12))))))
    return math.log(p) - 0.5 / p - tail - shift


@scalar
def stirling_error(p: float) -> float:
    """The error of Stirling's formula, log Gamma(p+1) - (p + 1/2) log p + p - log(2 pi)/2, for p >= 10.

    Its asymptotic series is sum B_2k / (2k (2k-1) p^(2k-1)).
    """
    r = 1.0 / (p * p)
    c = 1 / 1188 - r * (691 / 360360 - r * (1 / 156 - r * 3617 / 122400))
    return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * c)))) / p


@scalar
def deviance(x: float, p: float) -> tuple[float, float]:
    """Minus the exponent of the weight, p log(p/x) + x - p >= 0, as (hi, lo), for p >= 10; it may reach 700.

    Near x = p, with d = x - p and v = d/(x + p), it is d^2/(x + p) - 2p (v^3/3 + v^5/5 + ...): only the first term
    needs a pair. Elsewhere the logarithm is taken as a pair. Where e^-deviance underflows, 1e4 stands for it.
    """
    d, d_lo = two_sum(x, -p)
    v = d / (x + p)
    ratio = x / p
    if d * v > 1e4 or ratio < 1e-40:  # it exceeds 800
        return 1e4, 0.0
    if math.fabs(v) < 0.2:
        # d^2/(x + p) = d v + (d - v (x + p)) v, to 106 bits
        hi, lo = two_product(d, v)
        s, s_lo = two_sum(x, p)
        q, q_lo = two_product(v, s)
        lo += v * ((((d - q) - q_lo) + d_lo - v * s_lo) + d_lo)
        r = v * v
        c = 1 / 13 + r * (1 / 15 + r * (1 / 17 + r * (1 / 19 + r * (1 / 21 + r / 23))))
        c = 1 / 3 + r * (1 / 5 + r * (1 / 7 + r * (1 / 9 + r * (1 / 11 + r * c))))
        return two_sum(hi, lo - 2.0 * p * v * r * c)
    q, q_lo = two_product(ratio, p)
    log_hi, log_lo = log_pair(ratio)
    log_lo += ((x - q) - q_lo) / x
    hi, lo = two_product(-p, log_hi)
    hi, rest = two_sum(d, hi)
    return two_sum(hi, rest + (lo + d_lo - p * log_lo))


@scalar
def poisson_weight(x: float, p: float) -> float:
    """w(p, x) = x^p e^-x / Gamma(p+1) for p >= 0, x > 0; neither factor may under- or overflow before the product."""
    if p < 10.0:
        if x > 800.0:
            return 0.0
        h = math.exp(-0.5 * x)
        return h * (math.pow(x, p) / math.gamma(p + 1.0)) * h
    hi, lo = deviance(x, p)
    return exp_sum(-hi, -lo) * math.exp(-stirling_error(p)) / math.sqrt(TWO_PI * p)


@scalar
def gamma_density(x: float, p: float) -> float:
    """dP/dx = x^(p-1) e^-x / Gamma(p) = w(p-1, x), where p - 1 is exact for p >= 1; 0 for x <= 0."""
    if not 0.0 < p < LARGEST_SHAPE or math.isnan(x):
        return math.nan
    if x <= 0.0 or x == math.inf:
        return 0.0
    if p >= 1.0:
        return poisson_weight(x, p - 1.0)
    return math.pow(x, p) * math.exp(-x) * (p / math.gamma(p + 1.0)) / x


@scalar
def gamma_density_slope(x: float, p: float) -> float:
    """d^2 P/dx^2 = f (p-1-x)/x; for p >= 2 as w(p-2, x) (1 - x/(p-1)), since f may underflow before f/x does."""
    if not 0.0 < p < LARGEST_SHAPE or math.isnan(x):
        return math.nan
    if x <= 0.0 or x == math.inf:
        return 0.0
    if p >= 2.0:
        return poisson_weight(x, p - 2.0) * (((p - 1.0) - x) / (p - 1.0))
    return gamma_density(x, p) * (((p - 1.0) - x) / x)


@scalar
def reciprocal_gamma_slope(p: float) -> float:
    """g(p) with 1/Gamma(1+p) = 1 + p g(p), 0 <= p <= 1. Chebyshev interpolant in t = 2p - 1, error below 1e-16."""
    t = 2.0 * p - 1.0
    y = 1.0498090177265585e-12
    y = (y * t + -1.2032396538264472e-11) * t + 2.612147857666807e-11
    y = (y * t + 1.0268624867754048e-09) * t + -1.4597858951386313e-08
    y = (y * t + 6.411962960145422e-08) * t + 5.310272415619266e-07
    y = (y * t + -9.208607309160676e-06) * t + 4.234503613558654e-05
    y = (y * t + 0.00016430802094294307) * t + -0.002799006106484207
    y = (y * t + 0.009169863637448365) * t + 0.034605642873536006
    y = (y * t + -0.29793286063630825) * t + 0.2567583341910252
    return y


@scalar
def small_shape_upper(x: float, p: float) -> float:
    """Q for p < 1, x < 3/2, where 1 - P would cancel (Q ~ p E_1(x) as p -> 0).

    x^-p Gamma(1+p) P = 1 + p sum_{n>=1} (-x)^n / (n! (p+n)), hence, with 1/Gamma(1+p) = 1 + p g,
    Q = (1 - x^p) - p x^p (g + (1 + p g) sum).
    """
    term, total = 1.0, 0.0
    for n in range(1, 24):
        term *= -x / n
        total += term / (p + n)
    g = reciprocal_gamma_slope(p)
    return -math.expm1(p * math.log(x)) - p * math.pow(x, p) * (g + (1.0 + p * g) * total)


@scalar
def lower_series(x: float, p: float) -> tuple[float, float]:
    """P and dP/dp over w(p, x), for x < max(p, 3/2).

    P/w = sum t_n with t_n = x^n / ((p+1)...(p+n)); dP/dp = w sum t_n (log x - psi(p+n+1)), terms of one sign for x < p.
    """
    factor = math.log(x) - digamma(p + 1.0)
    term, total, slope = 1.0, 1.0, factor
    for n in range(1, MAX_TERMS):
        term *= x / (p + n)
        factor -= 1.0 / (p + n)
        total += term
        slope += term * factor
        if term * (math.fabs(factor) + 1.0) < 0.1 * EPS * math.fabs(slope):
            break
    return total, slope


@scalar
def upper_fraction(x: float, p: float) -> tuple[float, float]:
    """h(p, x) = Gamma(p, x) e^x x^-p and dh/dp by Legendre's continued fraction, for x >= max(p, 3/2).

    h = 1/(b_0 + a_1/(b_1 + a_2/(b_2 + ...))) with a_n = n (p-n), b_n = x + 2n + 1 - p. Lentz: h gathers factors c d,
    and log h the slopes of their logarithms; no c or d vanishes in this range.
    """
    b = x + 1.0 - p
    c, c_slope = math.inf, 0.0
    d, d_slope = 1.0 / b, 1.0 / (b * b)
    h, log_slope = d, d
    for n in range(1, MAX_TERMS):
        a = n * (p - n)
        b += 2.0
        c_slope = -1.0 + (n - a * c_slope / c) / c
        c = b + a / c
        denominator_slope = -1.0 + n * d + a * d_slope
        d = 1.0 / (b + a * d)
        d_slope = -denominator_slope * d * d
        h *= c * d
        change = c_slope / c + d_slope / d
        log_slope += change
        if math.fabs(c * d - 1.0) <= 2.0 * EPS and math.fabs(change) <= 2.0 * EPS * math.fabs(log_slope):
            break
    return h, h * log_slope


@scalar
def temme_sum(eta: float, p: float) -> float:
    """Temme's sum_k C_k(eta) p^-k, for p >= 1e4 and |eta| < 0.39.

    Q = erfc(eta sqrt(p/2))/2 + e^(-p eta^2/2) sum / sqrt(2 pi p), where p eta^2/2 is the deviance, eta signed as x - p.
    Taylor coefficients of C_0 = 1/mu - 1/eta, C_k = C_{k-1}'/eta + (-1)^k g_k/mu (DLMF 8.12.9-12), where
    eta^2/2 = mu - log(1+mu) and g_k are those of Gamma's asymptotic series; computed with 60 digits.
    """
    c = 0.00026772063206283885 * eta + -0.0004691894943952557
    y = (c * eta + 0.00022947209362139917) * eta + 0.0006494341563786008
    c = -1.2760635188618728e-05
    c = (c * eta + 5.2923448829120125e-05) * eta + -0.0001073665322636516
    c = (c * eta + 2.0093878600823047e-06) * eta + 0.0007716049382716049
    y = (c * eta + -0.0026813271604938273) * eta + 0.004133597883597883 + y / p
    c = 1.1951628599778148e-08
    c = (c * eta + -5.752545603517705e-08) * eta + 1.378633446915721e-07
    c = (c * eta + 4.647127802807434e-09) * eta + -1.6120900894563446e-06
    c = (c * eta + 7.64916091608111e-06) * eta + -1.8098550334489977e-05
    c = (c * eta + -4.018775720164609e-07) * eta + 0.00020576131687242798
    c = (c * eta + -0.0009902263374485596) * eta + 0.0026455026455026454
    y = (c * eta + -0.003472222222222222) * eta + -0.001851851851851852 + y / p
    c = -5.830772132550426e-11
    c = (c * eta + -2.5514193994946248e-11) * eta + 9.14769958223679e-10
    c = (c * eta + -4.382036018453353e-09) * eta + 1.0261809784240309e-08
    c = (c * eta + 6.707853543401498e-09) * eta + -1.7665952736826078e-07
    c = (c * eta + 8.296711340953087e-07) * eta + -1.85406221071516e-06
    c = (c * eta + -2.185448510679992e-06) * eta + 3.919263178522438e-05
    c = (c * eta + -0.0001787551440329218) * eta + 0.0003527336860670194
    c = (c * eta + 0.0011574074074074073) * eta + -0.014814814814814815
    return (c * eta + 0.08333333333333333) * eta + -0.3333333333333333 + y / p


@scalar
def large_shape_tail(x: float, p: float) -> float:
    """P for x <= p and Q for x > p, p >= 1e4: e^(-p eta^2/2) (scaled normal tail at |eta| sqrt p -+ Temme's sum)."""
    hi, lo = deviance(x, p)
    z = math.sqrt(2.0 * hi)
    eta = math.copysign(z / math.sqrt(p), x - p)
    correction = temme_sum(eta, p) / math.sqrt(TWO_PI * p)
    return exp_sum(-hi, -lo) * (scaled_tail(z) + (correction if x > p else -correction))


@scalar
def incomplete_gamma(x: float, p: float) -> tuple[float, float]:
    """P(p, x) and Q(p, x), each to full relative accuracy; (0, 1) for x <= 0, NaN unless 0 < p < 1e290."""
    if not 0.0 < p < LARGEST_SHAPE or math.isnan(x):
        return math.nan, math.nan
    if x <= 0.0:
        return 0.0, 1.0
    if x == math.inf:
        return 1.0, 0.0
    if p >= LARGE_SHAPE:
        tail = large_shape_tail(x, p)
        return (1.0 - tail, tail) if x > p else (tail, 1.0 - tail)
    if x < max(p, 1.5):
        lower = poisson_weight(x, p) * lower_series(x, p)[0]
        return lower, small_shape_upper(x, p) if p < 1.0 else 1.0 - lower
    upper = p * poisson_weight(x, p) * upper_fraction(x, p)[0]
    return 1.0 - upper, upper


@scalar
def large_shape_slope(x: float, p: float) -> float:
    """dP/dp for p >= 1e4. As Q(p+1/2) - Q(p-1/2) = w(p-1/2), the slope is the smoothed difference of Q in p:

    dQ/dp = K(D) w with D = d/dp at p - 1/2 and K(D) = (D/2)/sinh(D/2) = 1 - D^2/24 + 7 D^4/5760 - ...
    For w = e^g this is w (K(g') + g'' K''(g')/2 + g''' K'''(g')/6 + g''^2 K''''(g')/8), the rest below 1e-14, where
    g' = log x - psi(p+1/2), g'' = -psi'(p+1/2), g''' = -psi''(p+1/2).
    """
    w = poisson_weight(x, p - 0.5)
    if w == 0.0:
        return 0.0
    a = math.log1p((x - p) / p) - 1.0 / (24.0 * p * p)
    r = a * a
    k = 1 - r * (1 / 24 - r * (7 / 5760 - r * (31 / 967680 - r * (127 / 154828800 - r * (73 / 3503554560)))))
    k2 = -1 / 12 + r * (7 / 480 - r * (31 / 32256 - r * 127 / 2764800))
    k3 = a * (7 / 240 - r * 31 / 8064)
    k4 = 7 / 240 - r * 31 / 2688
    return -w * (k - (0.5 * k2 - (k3 / 6 + k4 / 8) / p) / p)


@scalar
def gamma_shape_slope(x: float, p: float) -> float:
    """dP/dp < 0; 0 for x <= 0. Relative error below 3e-13 for p < 4e15.

    For x > p it is minus dQ/dp = Q (log x - psi(p)) + x^p e^-x / Gamma(p) dh/dp, a sum of two positive terms.
    """
    if not 0.0 < p < LARGEST_SHAPE or math.isnan(x):
        return math.nan
    if x <= 0.0 or x == math.inf:
        return 0.0
    if p >= LARGE_SHAPE:
        return large_shape_slope(x, p)
    if x < max(p, 1.5):
        return poisson_weight(x, p) * lower_series(x, p)[1]
    h, h_slope = upper_fraction(x, p)
    return -poisson_weight(x, p) * (h * (p * (math.log(x) - digamma(p))) + p * h_slope)
