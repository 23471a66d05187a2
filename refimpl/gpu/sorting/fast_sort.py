"""Soft sorted values on the device: one thread per batch row, after CuPy has sorted the rows.

What that costs is said in ``refimpl/gpu/sorting/arrangement.py``; the mathematics, the derivation and the meaning of the
arguments are in ``refimpl/sorting/fast_sort.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element
from refimpl.gpu.sorting.arrangement import pooled
from refimpl.scalars.geometric import width, width_slope
from refimpl.sorting.arrangement import Gradients, Residuals, gradients, setup
from refimpl.sorting.isotonic import SORT_L2, steep

gate = Gate("sorting.fast_sort")


@device_kernel
def values(x: Float, eps: Float, scale: Float, starts: Array, blocks: Array, kl: bool, y: Float) -> None:
    row = cuda.grid(1)
    if row >= x.shape[0]:
        return
    unit, back = eps[row] / scale[row], 1.0 / scale[row]
    step = steep(unit)
    for block in range(blocks[row]):
        first, last = np.int64(starts[row, block]), np.int64(starts[row, block + 1])
        high, low = 0.0 - x[row, first], 0.0 - x[row, last - 1]
        size = last - first
        middle, base, total = 0.5 * (size - 1), x[row, first], 0.0
        if kl:
            for k in range(first, last):
                total += math.expm1(base - x[row, k])
            shift = math.log1p(total / size) - (width(0.5 * step * size) - width(0.5 * step))
        else:
            for k in range(first, last):
                total += (x[row, k] - base) / size
            shift = -total
        if size == 1:
            y[row, first] = high * back
            continue
        for k in range(size):
            ladder = (middle - k) * step if kl else (middle - k) / unit
            y[row, first + k] = min(max(high + (shift + ladder), low), high) * back


@device_kernel
def sort_backward(
    x: Float, order: Array, starts: Array, blocks: Array, scale: Float, eps: Float, kl: bool, gy: Float,
    gtheta: Float, geps: Float,
) -> None:  # fmt: skip
    row = cuda.grid(1)
    if row >= x.shape[0]:
        return
    by_eps, step = 0.0, steep(eps[row])
    lost = scale[row] != scale[row]  # the row holds a NaN
    for block in range(blocks[row]):
        first, last = np.int64(starts[row, block]), np.int64(starts[row, block + 1])
        size, base, total, weights = last - first, x[row, first], 0.0, 0.0
        for k in range(first, last):
            total += gy[row, k]  # (1)
            weights += math.exp(base - x[row, k]) if kl else 1.0
        for k in range(first, last):
            weight = math.exp(base - x[row, k]) if kl else 1.0
            gtheta[row, order[row, k]] = np.nan if lost else weight * (total / weights)  # (2) (3)
        middle = 0.5 * (size - 1)
        if kl:
            middle -= 0.5 * (size * width_slope(0.5 * step * size) - width_slope(0.5 * step))  # (4)
        if size > 1:
            for k in range(first, last):
                by_eps += gy[row, k] * ((k - first) - middle)  # (4)
    geps[row] = np.nan if lost else by_eps / eps[row] / eps[row]  # (4)


def value(theta: Array, *, eps: Any, regularization: str = "l2") -> Array:
    """Soft sorted values of ``theta``, descending, by projection onto its permutahedron."""
    return forward(theta, eps=eps, regularization=regularization)[0]


def forward(theta: Array, *, eps: Any, regularization: str = "l2") -> tuple[Array, Residuals]:
    """The soft sorted values, and what the backward pass needs."""
    residuals = pooled(setup(gate, theta, eps, regularization, SORT_L2))
    x, _, starts, blocks, scale, epsilon, _, shapes, dtype = residuals
    y = empty(x.shape)
    per_element(values, x.shape[0], x, epsilon, scale, starts, blocks, regularization == "kl", y)
    return y.reshape(shapes[0]).astype(dtype, copy=False), residuals


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of theta and eps from that of the soft sorted values."""
    x, order, starts, blocks, scale, eps, regularization, shapes, _ = residuals
    gy = gate.cotangent(gy, shapes[0]).astype(np.float64, copy=False).reshape(x.shape)
    gtheta, geps = empty(x.shape), empty(eps.shape)
    kl = regularization == "kl"
    per_element(sort_backward, x.shape[0], x, order, starts, blocks, scale, eps, kl, gy, gtheta, geps)
    return gradients(residuals, gtheta, geps)
