"""The top-k losses and their Jacobians in 50 digits, by mpmath's own differences. A helper, not a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf


def loss(matrix: list[list[mpf]], y: int, weights: list[float]) -> mpf:
    return -mpmath.log(asked(matrix, y, weights, 0))


def asked(matrix: list[list[mpf]], y: int, weights: list[float], first: int) -> mpf:
    pairs = [(k, m) for k in range(first, len(weights)) for m in range(k + 1)]
    return mpmath.fsum(mpf(weights[k]) * matrix[m][y] for k, m in pairs)


def split(x: list[mpf], matrix: list[list[mpf]], y: int, weights: list[float], variant: str) -> mpf:
    share, rest = mpf(weights[0]), mpmath.fsum(map(mpf, weights[1:]))
    q = asked(matrix, y, weights, 1)
    s = mpmath.exp(x[y]) / mpmath.fsum(map(mpmath.exp, x))
    if variant == "mixed":
        return -mpmath.log(share * s + q)
    second = 0 if rest == 0 else rest * mpmath.log(q / rest if variant == "normalised" else q)
    return -share * mpmath.log(s) - second


def gradient(f: Callable[[list[mpf]], mpf], at: Any) -> np.ndarray[Any, Any]:
    """All partial derivatives of f at a flat list of numbers."""
    with mpmath.workdps(50):
        point = [mpf(float(v)) for v in np.ravel(at)]
        step, found = mpf(10) ** -16, []
        for i in range(len(point)):
            above, below = list(point), list(point)
            above[i] += step
            below[i] -= step
            found.append(float((f(above) - f(below)) / (2 * step)))
        return np.array(found).reshape(np.shape(at))


def value(f: Callable[[list[mpf]], mpf], at: Any) -> float:
    with mpmath.workdps(50):
        return float(f([mpf(float(v)) for v in np.ravel(at)]))


def rows(flat: list[mpf], n: int) -> list[list[mpf]]:
    return [flat[i : i + n] for i in range(0, len(flat), n)]
