"""Soft ranks on the device: one thread per column forward, one per entry backward.

Neighbouring threads read and write neighbouring numbers. The mathematics, the derivation and the meaning of the
arguments are in ``refimpl/sorting/soft_ranks.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float, rounded
from refimpl.gpu.device import Gate, device_kernel, empty, per_element
from refimpl.sorting.soft_ranks import LARGE, SMALL, Gradients, Residuals, setup

gate = Gate("sorting.soft_ranks")


@device_kernel
def ranks(p: Float, y: Float) -> None:
    thread, n = cuda.grid(1), y.shape[1]
    if thread < y.size:
        row, c = thread // n, thread % n
        found = 0.0
        for r in range(n):
            found += (r + 1.0) * p[row, r, c]
        if not math.isfinite(found):  # as ``rescued``
            found = 0.0
            for r in range(n):
                found += (r + 1.0) * (p[row, r, c] * SMALL)
            found *= LARGE
        y[row, c] = found


@device_kernel
def ranks_backward(g: Float, gp: Float) -> None:
    thread, n = cuda.grid(1), g.shape[1]
    if thread < gp.size:
        row, r, c = thread // (n * n), thread // n % n, thread % n
        gp[row, r, c] = (r + 1.0) * g[row, c]  # (1)


def value(P: Array) -> Array:
    """Soft ranks of the inputs of any sorter of this library: 1 for the first row of its matrix, n for the last."""
    return forward(P)[0]


def forward(P: Array) -> tuple[Array, Residuals]:
    """The ranks, and what the backward pass needs."""
    p, residuals = setup(P, gate)
    y = empty(p.shape[:2])
    per_element(ranks, y.size, p, y)
    return y.astype(residuals.dtype, copy=False).reshape(residuals.shape[:-1]), residuals


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """The cotangent of P from that of the ranks."""
    n = residuals.shape[-1]
    g = gate.cotangent(gy, residuals.shape[:-1]).reshape(-1, n).astype(np.float64, copy=False)
    gp = empty((g.shape[0], n, n))
    per_element(ranks_backward, gp.size, g, gp)
    return Gradients(P=rounded(gp.reshape(residuals.shape), residuals.dtype))
