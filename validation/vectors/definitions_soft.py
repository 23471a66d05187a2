"""SoftSort and its top-k as the books define them, in dual numbers of 50 digits: the thesis, (3.1) and section 4.2.

Where scores are equal, each order of them is one smooth piece, with the same value; slopes are the mean over the orders.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from validation.vectors.dual import Array, Dual, exp


def _orders(s: Sequence[Dual]) -> list[list[int]]:
    """Every descending order of the scores."""
    groups = [[j for j, score in enumerate(s) if score.v == at] for at in sorted({x.v for x in s}, reverse=True)]
    return [list(itertools.chain(*choice)) for choice in itertools.product(*map(itertools.permutations, groups))]


def _row(order: Sequence[int], i: int, s: Sequence[Dual], tau: Dual, power: int) -> list[Dual]:
    """Row i where the scores have this order: scores before rank i are larger than its own, scores behind smaller."""
    n, weights = len(s), [Dual(1)] * len(s)
    for rank, j in enumerate(order):
        d = s[order[i]] - s[j] if rank > i else s[j] - s[order[i]]
        if rank != i:  # its distance to itself is 0, without a slope
            weights[j] = exp(-(d if power == 1 else d * d) / tau)
    total = weights[0]
    for j in range(1, n):
        total = total + weights[j]
    return [weight / total for weight in weights]


def _matrix(s: Array, k: int, tau: Any, power: int) -> tuple[Array, ...]:
    batch, n = s.shape[:-1], s.shape[-1]
    p = np.empty((*batch, k, n), object)
    taus = np.broadcast_to(tau, batch)
    for at in np.ndindex(batch):
        scores, temperature = list(s[at]), taus[at]
        temperature = temperature.item() if isinstance(temperature, np.ndarray) else temperature
        if any(mpmath.isnan(score.v) for score in scores):
            p[at] = Dual(mpmath.nan)  # every row is a softmax over all scores
            continue
        orders = _orders(scores)
        for i in range(k):
            rows = [_row(order, i, scores, temperature, power) for order in orders]
            for j in range(n):
                total = rows[0][j]
                for row in rows[1:]:
                    total = total + row[j]
                p[(*at, i, j)] = total * (mpf(1) / len(rows))
    return (p,)


def soft_sort(s: Array, *, tau: Any, power: int = 1) -> tuple[Array, ...]:
    return _matrix(s, s.shape[-1], tau, power)


def soft_topk(s: Array, *, k: int, tau: Any, power: int = 1) -> tuple[Array, ...]:
    return _matrix(s, k, tau, power)


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "sorting.soft_sort": soft_sort,
    "topk.soft_topk": soft_topk,
}
