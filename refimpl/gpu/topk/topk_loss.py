"""The top-k loss on the device: one thread per label, and on the way back one per row of a matrix.

A thread adds up what several labels send to its row in their order, so that bits do not depend on chance; columns without
a label are filled with 0 by CuPy. The mathematics, the derivation and the meaning of the arguments are in
``refimpl/topk/topk_loss.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float, rounded
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.scalars.surprise import surprise, surprise_slope
from refimpl.topk.labels import readers
from refimpl.topk.topk_loss import Gradients, Residuals, setup

gate = Gate("topk.topk_loss")


@device_kernel
def loss_kernel(
    P_k: Float, source: Array, label: Array, w: Float, scale: float, floor: float, p: Float, loss: Float
) -> None:
    e = cuda.grid(1)
    if e < label.size:
        share = 0.0
        for m in range(w.size):
            share += w[m] * P_k[source[e], m, label[e]]
        p[e] = share
        loss[e] = surprise(share, scale, floor)


@device_kernel
def slopes(p: Float, scale: float, floor: float, slope: Float) -> None:
    e = cuda.grid(1)
    if e < p.size:
        slope[e] = surprise_slope(p[e], scale, floor)  # (1)


@device_kernel
def pull_rows(
    order: Array, first: Array, label: Array, slope: Float, w: Float, gloss: Float, gP_k: Float
) -> None:  # fmt: skip
    unit = cuda.grid(1)
    if unit < gP_k.shape[0] * w.size:
        row, m = unit // w.size, unit % w.size
        for i in range(first[row], first[row + 1]):  # (4)
            e = order[i]
            gP_k[row, m, label[e]] += gloss[e] * (slope[e] * w[m])  # (2)


def value(P_k: Array, label: Any, weights: Any) -> Array:
    """Minus the logarithm of the probability that the true class is in the top k, k drawn from ``weights``."""
    return forward(P_k, label, weights)[0]


def forward(P_k: Array, label: Any, weights: Any) -> tuple[Array, Residuals]:
    """The losses, and what the backward pass needs."""
    P_k, saved = setup(gate, P_k, label, weights, xp())
    size = saved.label.size
    p, loss = empty(size), empty(size)
    wide = P_k.astype(np.float64, copy=False)
    per_element(loss_kernel, size, wide, saved.source, saved.label, saved.w, saved.scale, saved.floor, p, loss)
    return loss.astype(saved.dtype, copy=False).reshape(saved.batch), saved._replace(p=p)


def backward(residuals: Residuals, gloss: Any) -> Gradients:
    """The cotangent of P_k from that of the losses."""
    gloss = gate.cotangent(gloss, residuals.batch).reshape(-1).astype(np.float64, copy=False)
    slope = empty(residuals.p.size)
    per_element(slopes, slope.size, residuals.p, residuals.scale, residuals.floor, slope)
    pulled = pull(residuals.source, residuals.label, slope, residuals.w, gloss, residuals.shape, residuals.dtype)
    return Gradients(pulled)


def pull(
    source: Array, label: Array, slope: Float, w: Float, gloss: Float, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    """The gradient of P_k, where output e has the derivative slope[e] in p; also that of topk_split_loss."""
    rows = math.prod(shape[:-2])
    gP_k = xp().zeros((rows, *shape[-2:]))  # (3)
    order, first = readers(source, rows, xp())
    per_element(pull_rows, rows * w.size, order, first, label, slope, w, gloss, gP_k)
    return rounded(gP_k.reshape(shape), dtype)
