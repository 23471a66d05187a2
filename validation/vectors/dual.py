"""Dual numbers over mpmath: a value and its slopes along every differentiable number, both to 50 digits.

``v + sum_k d[k] e_k`` with ``e_j e_k = 0``. Only slopes that are not zero by construction are kept. An array of them is a
NumPy array of objects, which brings broadcasting. At a corner of abs the slope is the mean of both sides, 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import mpmath
import numpy as np
from mpmath import mpf

DIGITS = 50
FORMATS = {
    "f64": (53, -1074, 1024),
    "f32": (24, -149, 128),
}  # significand, exponent of the last subnormal bit, overflow
Array: TypeAlias = "np.ndarray[Any, Any]"


class Dual:
    """A number with slopes."""

    __slots__ = ("d", "v")

    def __init__(self, v: Any, d: dict[int, mpf] | None = None) -> None:
        self.v, self.d = mpf(v), d or {}

    def chain(self, value: mpf, slope: mpf) -> Dual:
        """f of this number, from f and f' at its value."""
        return Dual(value, {k: slope * s for k, s in self.d.items()})

    def __add__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.v + other, self.d)
        return Dual(self.v + other.v, _sum(self.d, 1, other.d, 1))

    def __sub__(self, other: Any) -> Dual:
        return self + -other

    def __rsub__(self, other: Any) -> Dual:
        return -self + other

    def __neg__(self) -> Dual:
        return Dual(-self.v, {k: -s for k, s in self.d.items()})

    def __mul__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.v * other, {k: s * other for k, s in self.d.items()})
        return Dual(self.v * other.v, _sum(self.d, other.v, other.d, self.v))

    def __truediv__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.v / other, {k: s / other for k, s in self.d.items()})
        ratio = self.v / other.v
        return Dual(ratio, _sum(self.d, 1 / other.v, other.d, -ratio / other.v))

    def __rtruediv__(self, other: Any) -> Dual:
        return self.chain(other / self.v, -other / self.v**2)

    __radd__, __rmul__ = __add__, __mul__

    def __abs__(self) -> Dual:
        return self.chain(abs(self.v), mpmath.sign(self.v))


def _sum(a: dict[int, mpf], p: Any, b: dict[int, mpf], q: Any) -> dict[int, mpf]:
    """P a + q b, entry by entry."""
    total = {k: s * p for k, s in a.items()}
    for k, s in b.items():
        total[k] = total[k] + s * q if k in total else s * q
    return total


def exp(x: Dual) -> Dual:
    e = exponential(x.v)
    return x.chain(e, e)


def log(x: Dual) -> Dual:
    return x.chain(mpmath.log(x.v), 1 / x.v)


def sqrt(x: Dual) -> Dual:
    root = mpmath.sqrt(x.v)
    return x.chain(root, 1 / (2 * root))


def log_gamma(x: Dual) -> Dual:
    return x.chain(mpmath.loggamma(x.v), mpmath.digamma(x.v))


def exponential(x: mpf) -> mpf:
    """exp; 0 where the result has a million digits after the point."""
    return mpf(0) if x < -1_000_000 else mpmath.exp(x)


def numbers(value: Any, seed: Callable[[], int] | None) -> Array:
    """An argument as dual numbers; ``seed`` numbers the slopes, None: a constant."""
    found = np.empty(np.shape(value), object)
    for at in np.ndindex(found.shape):
        number = mpf(float(np.asarray(value)[at]))
        found[at] = Dual(number, {seed(): mpf(1)} if seed else {})
    return found


def rounded(x: mpf, form: str) -> float:
    """The nearest number of the format, ties to even, in integers: no step depends on the machine."""
    digits, last, overflow = FORMATS[form]
    if not mpmath.isfinite(x) or x == 0:
        return float(x)
    sign, mantissa, exponent, size = x._mpf_
    quantum = max(exponent + size - digits, last)
    if exponent < quantum:
        kept, rest = divmod(mantissa, 1 << (quantum - exponent))
        half = 1 << (quantum - exponent - 1)
        mantissa = kept + (rest > half or (rest == half and kept & 1))
    else:
        mantissa <<= exponent - quantum
    mantissa, quantum = int(mantissa), int(quantum)
    if mantissa and mantissa.bit_length() + quantum > overflow:
        return math.copysign(math.inf, -sign or 1)
    return math.copysign(math.ldexp(mantissa, quantum), -1 if sign else 1)
