"""NeuralSort in mpmath, 50 digits, from the equation sheet (section 3): value and the sheet's VJP. A helper, not a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 50
STEP = mpf(10) ** -16  # central differences: truncation 1e-32 of what is found, rounding 1e-34


def _numbers(values: Any) -> list[mpf]:
    return [value if isinstance(value, mpf) else mpf(float(value)) for value in values]


def rows(s: Sequence[Any], k: int, tau: Any) -> list[list[mpf]]:
    """The first k rows: B, and a softmax a row."""
    s, (tau,) = _numbers(s), _numbers([tau])
    n = len(s)
    b = [sum(abs(one - other) for other in s) for one in s]
    found = []
    for i in range(1, k + 1):
        logits = [((n + 1 - 2 * i) * s[j] - b[j]) / tau for j in range(n)]
        e = [mpmath.exp(logit - max(logits)) for logit in logits]
        found.append([entry / sum(e) for entry in e])
    return found


def vjp(s: Sequence[Any], k: int, tau: Any, gp: np.ndarray) -> tuple[np.ndarray, float]:
    """The sheet's formulas for gs, with sign(0) = 0, and gtau from the logits; rounded at the very end."""
    p = rows(s, k, tau)
    s, (tau,) = _numbers(s), _numbers([tau])
    n = len(s)
    b = [sum(abs(one - other) for other in s) for one in s]
    z = []
    for row, g in zip(p, gp.tolist(), strict=True):
        mean = sum(mpf(one) * entry for one, entry in zip(g, row, strict=True))
        z.append([entry * (mpf(one) - mean) for one, entry in zip(g, row, strict=True)])
    gb = [-sum(z[i][j] for i in range(k)) / tau for j in range(n)]
    gs = [
        sum((n - 1 - 2 * i) * z[i][j] for i in range(k)) / tau
        + sum(mpmath.sign(s[j] - s[m]) * (gb[j] + gb[m]) for m in range(n))
        for j in range(n)
    ]
    gtau = -sum(z[i][j] * ((n - 1 - 2 * i) * s[j] - b[j]) for i in range(k) for j in range(n)) / tau**2
    return np.array([float(g) for g in gs]), float(gtau)


def size(s: Sequence[Any], k: int, tau: Any, gp: np.ndarray) -> tuple[float, float]:
    """What the gradients of s and tau add up: the largest entry of |J|^T |g|, from the sheet's VJP of each entry."""
    per_s, per_tau = np.zeros(len(s)), 0.0
    for entry in range(gp.size):
        basis = np.zeros(gp.size)
        basis[entry] = 1.0
        gs, gtau = vjp(s, k, tau, basis.reshape(gp.shape))
        per_s += np.abs(gs) * abs(gp.flat[entry])
        per_tau += abs(gtau) * abs(gp.flat[entry])
    return float(per_s.max()), per_tau


def jacobian(s: Sequence[float], k: int, tau: float) -> np.ndarray:
    """d P / d (s, tau) by differences: (k n, n + 1). No formula for a derivative is used."""
    point = _numbers([*s, tau])
    columns = []
    for at in range(len(point)):
        above, below = (
            [entry for row in rows(moved[:-1], k, moved[-1]) for entry in row]
            for moved in ([*point[:at], point[at] + step, *point[at + 1 :]] for step in (STEP, -STEP))
        )
        columns.append([float((u - v) / (2 * STEP)) for u, v in zip(above, below, strict=True)])
    return np.array(columns).T


def rounded(p: list[list[mpf]]) -> np.ndarray:
    return np.array([[float(entry) for entry in row] for row in p])
