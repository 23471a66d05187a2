"""The subset on the device: a stable sort of every row by CuPy, and one thread per row on the way back.

A sort of n numbers asks more of the device than a heap of m, and fills it: rows are few and long. The conventions, the
derivation and the meaning of the arguments are in ``refimpl/topk/subset.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float, result_dtype, rounded
from refimpl.gpu.device import Gate, device_kernel, per_element, xp
from refimpl.topk.labels import readers
from refimpl.topk.subset import Gradients, Residuals, setup

gate = Gate("topk.subset")


@device_kernel
def scatter(order: Array, first: Array, indices: Array, gchosen: Float, gx: Float) -> None:
    row = cuda.grid(1)
    if row < gx.shape[0]:
        for i in range(first[row], first[row + 1]):  # (3)
            e = order[i]
            for slot in range(indices.shape[1]):
                gx[row, indices[e, slot]] += gchosen[e, slot]  # (1)


def value(x: Array, label: Any, m: int) -> Array:
    """The score of the true class, then the m - 1 largest scores of other classes, in descending order."""
    return forward(x, label, m)[0]


def forward(x: Array, label: Any, m: int) -> tuple[Array, Residuals]:
    """The scores chosen, and which they are."""
    x, label, source, batch, m = setup(gate, x, label, m, xp())
    scores = x.reshape(-1, x.shape[-1])[source]
    key = 0.0 - scores  # ascending; the zeros of either sign are one
    key[xp().isnan(scores)] = -np.inf  # before every number
    key[xp().arange(label.size), label] = np.inf  # behind every number: it has a slot of its own
    others = xp().argsort(key, axis=-1, kind="stable")[:, : m - 1]
    indices = xp().concatenate([label[:, None], others.astype(np.int64, copy=False)], 1)
    chosen = xp().take_along_axis(scores, indices, -1).reshape(*batch, m)
    return chosen, Residuals(indices.reshape(*batch, m), source, x.shape, result_dtype(x))


def backward(residuals: Residuals, gchosen: Any) -> Gradients:
    """The cotangent of x from that of the scores chosen."""
    indices, source, shape, dtype = residuals
    m, rows = indices.shape[-1], math.prod(shape[:-1])
    gchosen = gate.cotangent(gchosen, indices.shape).reshape(-1, m).astype(np.float64, copy=False)
    gx = xp().zeros((rows, shape[-1]))  # (2)
    order, first = readers(source, rows, xp())
    per_element(scatter, rows, order, first, indices.reshape(-1, m), gchosen, gx)
    return Gradients(rounded(gx.reshape(shape), dtype))
