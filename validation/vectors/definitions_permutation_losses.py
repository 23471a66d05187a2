"""The losses between permutation matrices as the books define them, in dual numbers: (3.12) and the caption of figure 3.1.

Logarithms are of max(P, 1e-12), the clamp of float64; cases in float32 keep their entries between both clamps. At a clamp
the slope is the mean of both sides. A weight of 0 in the cross entropy takes its entry out, NaN included.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from validation.vectors.dual import Array, Dual, log

PMIN = mpf(1e-12)  # the double, as kernels have it


def _log(p: Dual) -> Dual:
    """log(max(p, PMIN))."""
    if p.v < PMIN:
        return Dual(mpmath.log(PMIN))
    return log(p).chain(mpmath.log(PMIN), mpf(1) / 2) if p.v == PMIN else log(p)


def _dual(number: Any) -> Dual:
    return number if isinstance(number, Dual) else Dual(number)


def cross_entropy(P: Array, Q: Array) -> tuple[Array, ...]:
    return _each(P, Q, lambda p, q: Dual(0) if q.v == 0 and not q.d else _weighted(q, p), 1)


def _weighted(q: Dual, p: Dual) -> Dual:
    """Q log P; where Q is 0 the slope by P is 0, that by Q is log P."""
    if q.v == 0 and mpmath.isnan(p.v):
        return Dual(0, {k: mpf("nan") * s for k, s in q.d.items()})
    return q * _log(p)


def binary(P: Array, Q: Array) -> tuple[Array, ...]:
    return _each(P, Q, lambda p, q: q * _log(p) + (1 - q) * _log(1 - p), 2)


def _each(P: Array, Q: Array, term: Any, power: int) -> tuple[Array, ...]:
    shape = np.broadcast_shapes(P.shape, Q.shape)
    p, q = np.broadcast_to(P, shape), np.broadcast_to(Q, shape)
    loss = np.empty(shape[:-2], object)
    for row in np.ndindex(loss.shape):
        terms = [term(_dual(a), _dual(b)) for a, b in zip(p[row].flat, q[row].flat, strict=True)]
        loss[row] = -(sum(terms, Dual(0)) / mpf(shape[-1] ** power))
    return (loss,)


DEFINITIONS = {
    "sorting.permutation_cross_entropy": cross_entropy,
    "sorting.permutation_binary_cross_entropy": binary,
}
