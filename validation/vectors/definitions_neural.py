"""NeuralSort as Grover et al. define it, in dual numbers: B, and a softmax a row. At a tie |s_j - s_l| has slope 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from validation.vectors.dual import Array, Dual, exp


def _rows(s: Array, k: int, tau: Any) -> Array:
    batch, n = s.shape[:-1], s.shape[-1]
    found = np.empty((*batch, k, n), object)
    taus = np.broadcast_to(tau, batch)
    for at in np.ndindex(batch):
        scores, heat = list(s[at]), _dual(taus[at])
        if any(mpmath.isnan(score.v) for score in scores):
            found[at] = Dual(mpmath.nan)  # B sums over all scores
            continue
        b = [_sum(abs(one - other) for other in scores) for one in scores]
        for i in range(1, k + 1):
            logits = [(score * (n + 1 - 2 * i) - total) / heat for score, total in zip(scores, b, strict=True)]
            highest = max(logits, key=lambda logit: logit.v)
            e = [exp(logit - highest) for logit in logits]
            total = _sum(iter(e))
            for j in range(n):
                found[(*at, i - 1, j)] = e[j] / total
    return found


def _sum(parts: Any) -> Dual:
    total = Dual(0)
    for part in parts:
        total = total + part
    return total


def _dual(number: Any) -> Dual:
    number = number.item() if isinstance(number, np.ndarray) else number
    return number if isinstance(number, Dual) else Dual(number)


def neural_sort(s: Array, *, tau: Any) -> tuple[Array, ...]:
    return (_rows(s, s.shape[-1], tau),)


def neural_topk(s: Array, *, k: int, tau: Any) -> tuple[Array, ...]:
    return (_rows(s, k, tau),)


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "sorting.neural_sort": neural_sort,
    "topk.neural_topk": neural_topk,
}
