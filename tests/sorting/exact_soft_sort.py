"""SoftSort in mpmath, 50 digits, from the equation sheet (section 3). A helper, not a test."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 50


def orders(s: Sequence[float]) -> list[tuple[int, ...]]:
    """Every order in which the scores are descending: one, unless some are equal."""
    groups = [[j for j, score in enumerate(s) if score == at] for at in sorted(set(s), reverse=True)]
    return [sum(choice, ()) for choice in itertools.product(*map(itertools.permutations, groups))]


def piece(order: Sequence[int], s: Sequence[mpf], tau: mpf, power: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P where the scores have this order; dP / ds and dP / dtau there, by the quotient rule."""
    n = len(s)
    rank = {j: i for i, j in enumerate(order)}
    p, per_s, per_tau = np.full((n, n), mpf(0)), np.full((n, n, n), mpf(0)), np.full((n, n), mpf(0))
    for i in range(n):
        logits, slopes, warm = [], [], []
        for j in range(n):
            sign = (rank[j] > i) - (rank[j] < i)
            d = (s[order[i]] - s[j]) * sign
            logits.append(-(d**power) / tau)
            slope = [mpf(0)] * n
            if sign:
                push = -power * d ** (power - 1) * sign / tau
                slope[order[i]] += push
                slope[j] -= push
            slopes.append(slope)
            warm.append(d**power / tau**2)
        weights = [mpmath.exp(logit) for logit in logits]
        total = mpmath.fsum(weights)
        for j in range(n):
            p[i, j] = weights[j] / total
        for k in range(n):
            mean = mpmath.fsum(p[i, j] * slopes[j][k] for j in range(n))
            for j in range(n):
                per_s[i, j, k] = p[i, j] * (slopes[j][k] - mean)
        mean = mpmath.fsum(p[i, j] * warm[j] for j in range(n))
        for j in range(n):
            per_tau[i, j] = p[i, j] * (warm[j] - mean)
    return p, per_s, per_tau


def soft_sort(s: Sequence[float], tau: float, power: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P, dP / ds and dP / dtau in float64; where scores are equal, the mean over their orders."""
    exact = [mpf(float(score)) for score in s]
    pieces = [piece(order, exact, mpf(float(tau)), power) for order in orders([float(score) for score in s])]
    return tuple((sum(part[1:], part[0]) / len(pieces)).astype(np.float64) for part in zip(*pieces, strict=True))
