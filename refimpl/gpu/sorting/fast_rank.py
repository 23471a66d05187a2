"""Soft ranks on the device: one thread per batch row, after CuPy has sorted the rows.

What that costs is said in ``refimpl/gpu/sorting/arrangement.py``; the mathematics, the derivation and the meaning of the
arguments are in ``refimpl/sorting/fast_rank.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element
from refimpl.gpu.sorting.arrangement import pooled
from refimpl.sorting.arrangement import Gradients, Residuals, gradients, setup
from refimpl.sorting.isotonic import RANK_L2, in_scale

gate = Gate("sorting.fast_rank")


@device_kernel
def values(x: Float, order: Array, eps: Float, scale: Float, starts: Array, blocks: Array, kl: bool, r: Float) -> None:
    row = cuda.grid(1)
    if row >= x.shape[0]:
        return
    unit = in_scale(RANK_L2, eps[row], scale[row])
    for block in range(blocks[row]):
        first, last = np.int64(starts[row, block]), np.int64(starts[row, block + 1])
        size, base, total = last - first, x[row, first], 0.0
        rank = x.shape[1] - 0.5 * (first + last - 1)  # the mean of the block's ranks
        for k in range(first, last):
            total += math.exp((base - x[row, k]) / unit) if kl else (x[row, k] - base) / size
        for k in range(first, last):
            at = order[row, k]
            if size == 1:
                r[row, at] = rank + 0.0 * scale[row]  # NaN stays NaN
            elif kl:
                r[row, at] = size * rank / total * math.exp((base - x[row, k]) / unit)
            else:
                r[row, at] = rank + (total - (x[row, k] - base)) / unit


@device_kernel
def rank_backward(
    x: Float, order: Array, starts: Array, blocks: Array, scale: Float, eps: Float, kl: bool, gr: Float,
    gtheta: Float, geps: Float,
) -> None:  # fmt: skip
    row = cuda.grid(1)
    if row >= x.shape[0]:
        return
    by_eps, unit = 0.0 * scale[row], in_scale(RANK_L2, eps[row], scale[row])
    for block in range(blocks[row]):
        first, last = np.int64(starts[row, block]), np.int64(starts[row, block + 1])
        size, base, total, mean = last - first, x[row, first], 0.0, 0.0
        if size == 1:
            gtheta[row, order[row, first]] = 0.0 * scale[row]
            continue
        for k in range(first, last):
            weight = math.exp((base - x[row, k]) / unit) if kl else 1.0
            total += weight
            mean += gr[row, order[row, k]] * weight
        mean = mean / total + 0.0 * scale[row]  # (1) (2); NaN stays NaN
        share = size * (x.shape[1] - 0.5 * (first + last - 1)) / total if kl else 1.0
        for k in range(first, last):
            weight = math.exp((base - x[row, k]) / unit) if kl else 1.0
            gs = share * weight * (gr[row, order[row, k]] - mean)  # (1) (2)
            gtheta[row, order[row, k]] = -gs / eps[row]  # (3)
            by_eps += gs * ((x[row, k] - base) / unit)  # (4)
    geps[row] = by_eps / eps[row]  # (4)


def value(theta: Array, *, eps: Any, regularization: str = "l2") -> Array:
    """Soft ranks of ``theta``, 1 for the largest, by projection onto the permutahedron of 1, ..., n."""
    return forward(theta, eps=eps, regularization=regularization)[0]


def forward(theta: Array, *, eps: Any, regularization: str = "l2") -> tuple[Array, Residuals]:
    """The soft ranks, and what the backward pass needs."""
    residuals = pooled(setup(gate, theta, eps, regularization, RANK_L2))
    x, order, starts, blocks, scale, epsilon, _, shapes, dtype = residuals
    r = empty(x.shape)
    per_element(values, x.shape[0], x, order, epsilon, scale, starts, blocks, regularization == "kl", r)
    return r.reshape(shapes[0]).astype(dtype, copy=False), residuals


def backward(residuals: Residuals, gr: Any) -> Gradients:
    """Cotangents of theta and eps from that of the soft ranks."""
    x, order, starts, blocks, scale, eps, regularization, shapes, _ = residuals
    gr = gate.cotangent(gr, shapes[0]).astype(np.float64, copy=False).reshape(x.shape)
    gtheta, geps = empty(x.shape), empty(eps.shape)
    kl = regularization == "kl"
    per_element(rank_backward, x.shape[0], x, order, starts, blocks, scale, eps, kl, gr, gtheta, geps)
    return gradients(residuals, gtheta, geps)
