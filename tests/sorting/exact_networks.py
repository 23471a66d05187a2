"""Swaps and sorting networks in mpmath, 50 digits, from the equation sheet (section 3). A helper, not a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 50
STEP = mpf(10) ** -16  # central differences: truncation 1e-32 of what is found, rounding 1e-34

half, quarter, pi = mpf(1) / 2, mpf(1) / 4, mpmath.pi


def _optimal(y: mpf) -> mpf:
    if abs(y) <= quarter:
        return half + y
    return 1 - 1 / (16 * y) if y > 0 else -1 / (16 * y)


def _clipped(y: mpf) -> mpf:
    return max(mpf(0), min(mpf(1), (1 + y) / 2))


def _wigner(y: mpf) -> mpf:
    y = max(mpf(-1), min(mpf(1), y))
    return half + y * mpmath.sqrt(1 - y * y) / pi + mpmath.asin(y) / pi


SIGMOIDS: dict[str, Callable[[mpf], mpf]] = {
    "logistic": lambda y: 1 / (1 + mpmath.exp(-y)),
    "reciprocal": lambda y: half + y / (1 + 2 * abs(y)),
    "cauchy": lambda y: half + mpmath.atan(y) / pi,
    "optimal": _optimal,
    "uniform": _clipped,
    "cubic_hermite": lambda y: _clipped(y) ** 2 * (3 - 2 * _clipped(y)),
    "wigner": _wigner,
    "gaussian": lambda y: mpmath.erfc(-y / mpmath.sqrt(2)) / 2,
    "laplace": lambda y: mpmath.exp(y) / 2 if y <= 0 else 1 - mpmath.exp(-y) / 2,
    "hyperbolic_secant": lambda y: 2 / pi * mpmath.atan(mpmath.exp(pi * y / 2)),
}
CDFS = (*SIGMOIDS, "art")


def weight(cdf: str, d: mpf, beta: mpf, lam: mpf) -> mpf:
    if cdf == "art":
        return SIGMOIDS["logistic"](beta * d / (abs(d) ** lam + mpf(1e-10)))
    return SIGMOIDS[cdf](beta * d)


def swap(cdf: str, a: mpf, b: mpf, beta: mpf, lam: mpf) -> tuple[mpf, mpf]:
    alpha = weight(cdf, b - a, beta, lam)
    return alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b


def sort(network: Any, cdf: str, x: Sequence[mpf], beta: mpf, lam: mpf) -> list[mpf]:
    x = list(x)
    for i, j in (pair for layer in network for pair in layer):
        x[i], x[j] = swap(cdf, x[i], x[j], beta, lam)
    return x


def permutation(network: Any, cdf: str, x: Sequence[mpf], beta: mpf, lam: mpf) -> list[mpf]:
    """The matrix, row by row."""
    n, x = len(x), list(x)
    rows = [[mpf(r == c) for c in range(n)] for r in range(n)]
    for i, j in (pair for layer in network for pair in layer):
        alpha = weight(cdf, x[j] - x[i], beta, lam)
        x[i], x[j] = swap(cdf, x[i], x[j], beta, lam)
        upper, lower = rows[i], rows[j]
        rows[i] = [alpha * u + (1 - alpha) * v for u, v in zip(upper, lower, strict=True)]
        rows[j] = [(1 - alpha) * u + alpha * v for u, v in zip(upper, lower, strict=True)]
    return [entry for row in rows for entry in row]


def jacobian(f: Callable[[list[mpf]], Sequence[mpf]], at: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The value of f and its derivatives (outputs, arguments), rounded to float64 at the very end."""
    point = [mpf(float(number)) for number in at]
    columns = []
    for k in range(len(point)):
        above, below = (f([*point[:k], point[k] + step, *point[k + 1 :]]) for step in (STEP, -STEP))
        columns.append([float((u - v) / (2 * STEP)) for u, v in zip(above, below, strict=True)])
    return np.array([float(y) for y in f(point)]), np.array(columns).T
