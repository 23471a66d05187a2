"""The operators as the books define them, in dual numbers of 50 digits. Nothing here comes from a kernel.

Distributions: Petersen's thesis, appendix A as corrected; both tails have a formula of their own, so that 50 digits of a
tail are 50 digits. Networks: section 3.2; sigmoids (3.13), (3.21) to (3.24). At a corner a slope is the mean of both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from validation.vectors.dual import Array, Dual, exp, exponential, log, log_gamma, numbers, sqrt

half, quarter, pi = mpf(1) / 2, mpf(1) / 4, mpmath.pi
ONE = Dual(1)


# The densities f(v), with their slopes


def _inside(v: Dual, density: Callable[[Dual], Dual]) -> Dual:
    """A density on [-1, 1]; at the ends the mean of it and of nothing."""
    if abs(v.v) > 1:
        return Dual(0)
    return density(v) * (half if abs(v.v) == 1 else 1)


def _wigner_density(v: Dual) -> Dual:
    return sqrt(1 - v * v) * (2 / pi) if abs(v.v) < 1 else Dual(0)  # the slope at the ends is infinite: 0 is chosen


def _secant_density(v: Dual) -> Dual:
    e = exp(abs(v) * (-pi / 2))
    return e / (1 + e * e)


def _gumbel_density(v: Dual) -> Dual:
    return Dual(0) if v.v < -1000 else exp(-v - exp(-v))


def _one_sided(v: Dual, density: Callable[[Dual], Dual], at_0: Dual) -> Dual:
    """A density for v > 0."""
    return density(v) if v.v > 0 else at_0 if v.v == 0 else Dual(0)


DENSITIES: dict[str, Callable[[Dual, Dual], Dual]] = {
    "heaviside": lambda v, p: Dual(0),
    "uniform": lambda v, p: _inside(v, lambda v: Dual(half)),
    "cubic_hermite": lambda v, p: _inside(v, lambda v: (1 - v * v) * (mpf(3) / 4)),
    "wigner": lambda v, p: _wigner_density(v),
    "gaussian": lambda v, p: exp(v * v * -half) / mpmath.sqrt(2 * pi),
    "laplace": lambda v, p: exp(-abs(v)) * half,
    "logistic": lambda v, p: exp(-abs(v)) / ((1 + exp(-abs(v))) * (1 + exp(-abs(v)))),
    "hyperbolic_secant": lambda v, p: _secant_density(v),
    "cauchy": lambda v, p: 1 / ((1 + v * v) * pi),
    "reciprocal": lambda v, p: half / ((1 + abs(v)) * (1 + abs(v))),
    "gumbel_max": lambda v, p: _gumbel_density(v),
    "gumbel_min": lambda v, p: _gumbel_density(-v),
    "exponential": lambda v, p: _one_sided(v, lambda v: exp(-v), v.chain(half, -half)),
    "levy": lambda v, p: _one_sided(v, lambda v: exp(-half / v) / sqrt(v * v * v * (2 * pi)), Dual(0)),
    "gamma": lambda v, p: _one_sided(v, lambda v: exp((p - 1) * log(v) - v - log_gamma(p)), Dual(0)),
}


# The distribution functions: v -> (F, 1 - F)


def _lower_tail(family: str, v: mpf) -> mpf:
    """F(v) of a symmetric family at v <= 0, without a difference from 1."""
    if family in ("uniform", "cubic_hermite", "wigner"):
        v = max(v, mpf(-1))
        t = (1 + v) / 2
        disc = half + (v * mpmath.sqrt(1 - v * v) + mpmath.asin(v)) / pi
        return {"uniform": t, "cubic_hermite": t * t * (3 - 2 * t), "wigner": disc}[family]
    if family == "gaussian":
        return mpmath.erfc(-v / mpmath.sqrt(2)) / 2 if v > -10_000 else mpf(0)
    if family == "cauchy":
        return mpmath.atan(-1 / v) / pi if v else half
    if family == "reciprocal":
        return half / (1 - v)
    e = exponential(v * pi / 2 if family == "hyperbolic_secant" else v)
    return {"laplace": e / 2, "logistic": e / (1 + e), "hyperbolic_secant": mpmath.atan(e) * 2 / pi}[family]


def both_sides(family: str, v: mpf, p: mpf) -> tuple[mpf, mpf]:
    """(F(v), 1 - F(v))."""
    if family in ("gumbel_max", "gumbel_min"):
        v = v if family == "gumbel_max" else -v
        inner = exponential(-v) if v > -1000 else mpf(10) ** 400
        f, s = exponential(-inner), -mpmath.expm1(-inner)
        return (f, s) if family == "gumbel_max" else (s, f)
    if family == "heaviside":
        return (mpf(1), mpf(0)) if v >= 0 else (mpf(0), mpf(1))
    if family in ("exponential", "levy", "gamma"):
        if v <= 0:
            return mpf(0), mpf(1)
        if family == "exponential":
            return -mpmath.expm1(-v) if v < 10_000 else mpf(1), exponential(-v)
        if family == "levy":
            return mpmath.erfc(1 / mpmath.sqrt(2 * v)) if v > 1e-9 else mpf(0), mpmath.erf(1 / mpmath.sqrt(2 * v))
        if v == mpmath.inf:
            return mpf(1), mpf(0)
        return mpmath.gammainc(p, 0, v, regularized=True), mpmath.gammainc(p, v, mpmath.inf, regularized=True)
    tail = _lower_tail(family, -abs(v))
    return (tail, 1 - tail) if v <= 0 else (1 - tail, tail)


def _per_shape(v: mpf, p: mpf, side: int) -> mpf:
    """The slope of F (side 0) or 1 - F (side 1) of gamma in p: differences in twice the digits."""
    with mpmath.workdps(2 * mpmath.mp.dps):
        step = mpf(10) ** (-mpmath.mp.dps // 3)
        above, below = (both_sides("gamma", v, p + s)[side] for s in (step, -step))
        return (above - below) / (2 * step)


def cumulative(family: str, v: Dual, p: Dual, reversed: bool) -> Dual:
    """F, or 1 - F when reversed."""
    side, sign = (1, -1) if reversed else (0, 1)
    value = both_sides(family, v.v, p.v)[side]
    density = DENSITIES[family](Dual(v.v), Dual(p.v)).v if mpmath.isfinite(v.v) else mpf(0)
    slopes = v.chain(value, sign * density)
    if family == "gamma" and v.v > 0 and p.d:
        slopes = slopes + p.chain(mpf(0), _per_shape(v.v, p.v, side))
    return slopes


def distribution(density: bool) -> Callable[..., tuple[Array, ...]]:
    def define(
        x: Array, *, family: str, scale: Any = ONE, shape: Any = ONE, shift: Any = 0, reversed: bool = False,
        squared: bool = False,
    ) -> tuple[Array, ...]:  # fmt: skip
        def entry(x: Dual, scale: Dual, p: Dual, shift: Any) -> Dual:
            if not mpmath.isfinite(x.v):
                return _at_infinity(x)
            u = abs(x) * x / scale if squared else x / scale
            v = -u + shift if reversed else u + shift
            if not density:
                return cumulative(family, v, p, reversed)
            f = DENSITIES[family](v, p)
            return f * abs(x) * 2 / scale if squared else f / scale

        def _at_infinity(x: Dual) -> Dual:
            if mpmath.isnan(x.v):
                return Dual(x.v)
            return Dual(0 if density else half * (1 + mpmath.sign(x.v)))  # reversed twice is not reversed

        return (np.asarray(np.frompyfunc(entry, 4, 1)(x, scale, shape, shift), object),)

    return define


# Swaps and networks of them


def _art(d: Dual, beta: Dual, lam: Dual) -> Dual:
    """Phi(d) = d / (|d|^lam + eps), 0 < lam < 1; at a tie its slope is 1 / eps."""
    guard = mpf(10) ** -10
    return beta * (d / guard if d.v == 0 else d / (exp(lam * log(abs(d))) + guard))


def weights(cdf: str, d: Dual, beta: Dual, lam: Any) -> tuple[Dual, Dual]:
    """(f(d), f(-d))."""
    y = _art(d, beta, lam) if cdf == "art" else beta * d
    if cdf == "optimal":
        if abs(y.v) <= quarter:
            return y + half, -y + half
        tail = 1 / (abs(y) * 16)
        return (1 - tail, tail) if y.v > 0 else (tail, 1 - tail)
    if cdf == "heaviside":
        share = Dual(half * (1 + mpmath.sign(y.v)))
        return share, 1 - share
    y, family = (y * 2, cdf) if cdf == "reciprocal" else (y, "logistic" if cdf == "art" else cdf)  # (3.22), not (A.10)
    return cumulative(family, y, ONE, False), cumulative(family, y, ONE, True)


def exchange(cdf: str, a: Dual, b: Dual, beta: Dual, lam: Any) -> tuple[Dual, Dual]:
    """(alpha a + abar b, abar a + alpha b), with alpha = 1 - abar put in: at a tie nothing is left to round."""
    d = b - a
    _, abar = weights(cdf, d, beta, lam)
    return a + abar * d, b - abar * d


def swap(a: Array, b: Array, *, cdf: str = "cauchy", beta: Any, lam: Any = quarter) -> tuple[Array, ...]:
    def entry(a: Dual, b: Dual, beta: Dual, lam: Any) -> tuple[Dual, Dual]:
        missing = mpmath.isnan(a.v) or mpmath.isnan(b.v)
        return (Dual(mpmath.nan), Dual(mpmath.nan)) if missing else exchange(cdf, a, b, beta, _dual(lam))

    low, high = np.frompyfunc(entry, 4, 2)(a, b, beta, lam)
    return np.asarray(low, object), np.asarray(high, object)


def comparators(network: Any, n: int) -> list[tuple[int, int]]:
    """Knuth, section 5.3.4: odd-even transposition; bitonic merging whose comparators all point upward."""
    if not isinstance(network, str):
        return [tuple(pair) for layer in network for pair in layer]
    if network == "odd_even":
        return [(i, i + 1) for layer in range(n) for i in range(layer % 2, n - 1, 2)]
    found: list[tuple[int, int]] = []
    size = 2
    while size < 2 * n:  # sorted blocks of size / 2 are merged
        found += [(s + j, s + size - 1 - j) for s in range(0, n, size) for j in range(size // 2)]
        apart = size // 4
        while apart:
            found += [(i, i + apart) for i in range(n) if i % (2 * apart) < apart]
            apart //= 2
        size *= 2
    return [(i, j) for i, j in found if j < n]


def _network(x: Array, network: Any, cdf: str, beta: Any, lam: Any, matrix: bool) -> tuple[Array, ...]:
    batch, n = x.shape[:-1], x.shape[-1]
    y = np.empty((*batch, n, n) if matrix else x.shape, object)
    betas, lams = np.broadcast_to(beta, batch), np.broadcast_to(lam, batch)
    for row in np.ndindex(batch):
        wires, rows = list(x[row]), numbers(np.eye(n), None)
        if any(mpmath.isnan(wire.v) for wire in wires):
            y[row] = Dual(mpmath.nan)  # every output of a sorting network depends on every input
            continue
        for i, j in comparators(network, n):
            if matrix:
                alpha, abar = weights(cdf, wires[j] - wires[i], betas[row], _dual(lams[row]))
                rows[i], rows[j] = rows[i] * alpha + rows[j] * abar, rows[i] * abar + rows[j] * alpha
            wires[i], wires[j] = exchange(cdf, wires[i], wires[j], betas[row], _dual(lams[row]))
        y[row] = rows if matrix else wires
    return (y,)


def _dual(number: Any) -> Dual:
    number = number.item() if isinstance(number, np.ndarray) else number
    return number if isinstance(number, Dual) else Dual(number)


def network_sort(
    x: Array, *, network: Any = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = quarter
) -> tuple[Array, ...]:
    return _network(x, network, cdf, beta, lam, matrix=False)


def network_permutation(
    x: Array, *, network: Any = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = quarter
) -> tuple[Array, ...]:
    return _network(x, network, cdf, beta, lam, matrix=True)


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "distributions.cdf": distribution(density=False),
    "distributions.pdf": distribution(density=True),
    "sorting.swap": swap,
    "sorting.network_sort": network_sort,
    "sorting.network_permutation": network_permutation,
}
