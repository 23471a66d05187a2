"""Scalars of a softmax of distances: |d|^power / tau with power 1 or 2, its slope, and what a tie means for the slope."""

from __future__ import annotations

import math

from refimpl.jit import inlined

TINY = 5e-324
NARROW = 2.0**-100


@inlined
def distance(d: float, tau: float, squared: bool) -> float:
    """|d|^power / tau without |d|^2, which overflows and underflows where the quotient does not."""
    z = abs(d) / tau
    return z * (abs(d) if squared else 1.0)


@inlined
def sides(w: float, above: bool) -> tuple[float, float]:
    """What the smaller of w' f and w'' / f is to be: w / f above the head of a block; else w f, or its reciprocal."""
    return (math.inf, w) if above else (w, 1.0 / w)


@inlined
def slope(d: float, squared: bool, tied: float) -> float:
    """|d|^(power - 1) sign(d); with power 1, ``tied`` stands for the sign of 0."""
    sign = 1.0 if d > 0.0 else -1.0 if d < 0.0 else tied
    return d if squared else sign


@inlined
def mean_sign(place: int, many: int) -> float:
    """The mean sign between one of ``many`` equal scores, ``place`` of them before it, and another: 1 to -1."""
    return (many - 1.0 - 2.0 * place) / (many - 1.0) if many > 1 else 0.0


@inlined
def temperature(tau: float, unit: float, squared: bool) -> float:
    """The tau of scores in units of ``unit``."""
    return max(tau * unit * (unit if squared else 1.0), TINY)


@inlined
def narrowed(tau: float) -> float:
    """A factor that keeps sums of distances of the size of tau from overflowing."""
    return NARROW if tau > 1.0 else 1.0


@inlined
def widened(tau: float, unit: float, power: float) -> float:
    """That factor, and the units of the distances."""
    return narrowed(tau) * unit * (unit if power > 1.0 else 1.0)
