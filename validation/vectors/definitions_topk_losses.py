"""The top-k losses and the subset, as the thesis defines them (4.3, 4.4, section 4.3.1), in dual numbers of 50 digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from validation.vectors.dual import Array, Dual, exp, log


def _least(weights: Any) -> mpf:
    """1e-12, or 1e-7 in float32 (where weights are single too), as float64 has these numbers."""
    return mpf(1e-7 if np.asarray(weights).dtype == np.float32 else 1e-12)


def _rows(label: Any, *arrays: tuple[Array, int]) -> tuple[Array, list[Array]]:
    """Labels, and arrays with so many axes of their own, over common batch axes."""
    label = np.asarray(label, np.int64)
    batch = np.broadcast_shapes(label.shape, *(a.shape[: a.ndim - own] for a, own in arrays))
    wide = [np.broadcast_to(a, batch + a.shape[a.ndim - own :]) for a, own in arrays]
    return np.broadcast_to(label, batch), wide


def _asked(P: Array, y: int, weights: Any, first: int) -> Dual:
    """sum_{k >= first} PK(k) sum_{m <= k} P_m,y."""
    total = Dual(0)
    for k, weight in enumerate(np.asarray(weights, np.float64)):
        if weight and k >= first:
            for m in range(k + 1):
                total = total + P[m, y] * mpf(float(weight))
    return total


def _surprise(p: Dual, least: mpf) -> Dual:
    if mpmath.isnan(p.v):
        return Dual(p.v)
    return -log(p) if p.v > least else Dual(-mpmath.log(least))


def topk_loss(P_k: Array, label: Any, weights: Any) -> tuple[Array, ...]:
    y, (P,) = _rows(label, (P_k, 2))
    found, least = np.empty(y.shape, object), _least(weights)
    for at in np.ndindex(y.shape):
        found[at] = _surprise(_asked(P[at], y[at], weights, 0), least)
    return (found,)


def _softmax(x: Array, y: int) -> Dual:
    peak = max((number.v for number in x), default=mpf(0))
    total = sum((exp(number - peak) for number in x), Dual(0))
    return exp(x[y] - peak) / total


def _cross_entropy(x: Array, y: int) -> Dual:
    if any(mpmath.isnan(number.v) for number in x):
        return Dual(mpmath.nan)
    peak = max(range(len(x)), key=lambda j: x[j].v)
    others = sum((exp(x[j] - x[peak]) for j in range(len(x)) if j != peak), Dual(0))
    return x[peak] - x[y] + others.chain(mpmath.log1p(others.v), 1 / (1 + others.v))


def topk_split_loss(x: Array, P_k: Array, label: Any, weights: Any, *, variant: str = "split") -> tuple[Array, ...]:
    y, (x, P) = _rows(label, (x, 1), (P_k, 2))
    share = mpf(float(np.asarray(weights, np.float64)[0]))
    rest = sum((mpf(float(weight)) for weight in np.asarray(weights, np.float64)[1:]), mpf(0))
    found, least = np.empty(y.shape, object), _least(weights)
    for at in np.ndindex(y.shape):
        q = _asked(P[at], y[at], weights, 1)
        if variant == "mixed":
            found[at] = _surprise(_softmax(x[at], y[at]) * share + q if share else q, least)
            continue
        found[at] = _cross_entropy(x[at], y[at]) * share if share else Dual(0)
        if rest:
            found[at] = found[at] + _surprise(q, least) * rest
            if variant == "normalised":
                found[at] = found[at] + rest * mpmath.log(rest)
    return (found,)


def subset(x: Array, label: Any, m: int) -> tuple[Array, ...]:
    y, (x,) = _rows(label, (x, 1))
    found = np.empty((*y.shape, m), object)
    for at in np.ndindex(y.shape):
        others = [j for j in range(x.shape[-1]) if j != y[at]]
        others.sort(
            key=lambda j: (not mpmath.isnan(x[at][j].v), mpf(0) if mpmath.isnan(x[at][j].v) else -x[at][j].v, j)
        )
        for slot, j in enumerate([int(y[at]), *others[: m - 1]]):
            found[(*at, slot)] = x[at][j]
    return (found,)


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "topk.topk_loss": topk_loss,
    "topk.topk_split_loss": topk_split_loss,
    "topk.subset": subset,
}
