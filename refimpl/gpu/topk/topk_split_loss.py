"""The split top-k loss on the device: CuPy for the softmax, one thread per label, and one per score on the way back.

What several labels send to the scores that they share is added up by one thread, in their order. The mathematics, the
derivation and the meaning of the arguments are in ``refimpl/topk/topk_split_loss.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float, rounded
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.gpu.topk.topk_loss import pull
from refimpl.scalars.surprise import cross_entropy, surprise, surprise_slope
from refimpl.topk.labels import readers
from refimpl.topk.topk_split_loss import Gradients, Residuals, setup

gate = Gate("topk.topk_split_loss")


@device_kernel
def loss_kernel(
    x: Float, from_x: Array, P_k: Float, from_p: Array, label: Array, e: Float, peak: Float, tail: Float, w: Float,
    share: float, rest: float, scale: float, floor: float, mixed: bool, p: Float, loss: Float,
) -> None:  # fmt: skip
    i = cuda.grid(1)
    if i < label.size:
        row, y, found = from_x[i], label[i], 0.0
        for m in range(w.size):
            found += w[m] * P_k[from_p[i], m, y]
        if mixed and share > 0.0:
            found += share / scale * (e[row, y] / (1.0 + tail[row]))
        whole = 0.0
        if mixed and rest == 0.0 and found * scale > floor:  # a softmax alone: its logarithm without rounding it
            whole = cross_entropy(1.0, peak[row], x[row, y], tail[row]) - math.log(share)
        elif mixed:
            whole = surprise(found, scale, floor)
        else:
            if share > 0.0:  # 0 times a logarithm is 0
                whole = cross_entropy(share, peak[row], x[row, y], tail[row])
            if rest > 0.0:
                whole += rest * surprise(found, scale, floor)
        p[i], loss[i] = found, whole


@device_kernel
def pull_outputs(
    from_x: Array, label: Array, e: Float, tail: Float, p: Float, gloss: Float, share: float, rest: float, scale: float,
    floor: float, mixed: bool, slope: Float, c: Float,
) -> None:  # fmt: skip
    i = cuda.grid(1)
    if i < p.size:
        by_p = surprise_slope(p[i], scale, floor)
        slope[i] = by_p if mixed else rest * by_p  # (1)
        c[i] = gloss[i] * share  # (3)
        if mixed and share > 0.0:
            chosen = e[from_x[i], label[i]] / (1.0 + tail[from_x[i]])
            c[i] = -gloss[i] * (by_p * (share / scale)) * chosen  # (4)


@device_kernel
def gather(order: Array, first: Array, label: Array, c: Float, by_class: Float, every: Float) -> None:
    row = cuda.grid(1)
    if row < every.size:
        total = 0.0
        for i in range(first[row], first[row + 1]):
            by_class[row, label[order[i]]] += c[order[i]]  # (5) C_j
            total += c[order[i]]
        every[row] = total


@device_kernel
def pull_softmax(by_class: Float, every: Float, e: Float, top: Array, tail: Float, gx: Float) -> None:
    unit = cuda.grid(1)
    if unit < gx.size:
        row, j = unit // gx.shape[1], unit % gx.shape[1]
        whole = 1.0 + tail[row]
        s = e[row, j] / whole
        other = tail[row] / whole if j == top[row] else 1.0 - s
        gx[row, j] = (every[row] - by_class[row, j]) * s - by_class[row, j] * other  # (5)


def value(x: Array, P_k: Array, label: Any, weights: Any, *, variant: str = "split") -> Array:
    """Softmax cross entropy for the top 1, the top-k loss for the rest of the distribution over k."""
    return forward(x, P_k, label, weights, variant=variant)[0]


def forward(x: Array, P_k: Array, label: Any, weights: Any, *, variant: str = "split") -> tuple[Array, Residuals]:
    """The losses, and what the backward pass needs."""
    x, P_k, saved = setup(gate, x, P_k, label, weights, variant, xp())
    size = saved.label.size
    wide, matrices = x.astype(np.float64, copy=False), P_k.astype(np.float64, copy=False)
    top = wide.argmax(-1)
    peak = xp().take_along_axis(wide, top[:, None], -1)[:, 0]
    e = xp().exp(wide - peak[:, None])
    tail = xp().where(xp().arange(e.shape[1]) == top[:, None], 0.0, e).sum(-1)
    p, loss = empty(size), empty(size)
    per_element(
        loss_kernel, size, wide, saved.from_x, matrices, saved.from_p, saved.label, e, peak, tail, saved.w,
        saved.share, saved.rest, saved.scale, saved.floor, saved.mixed, p, loss,
    )  # fmt: skip
    saved = saved._replace(e=e, top=top.astype(np.int64, copy=False), tail=tail, p=p)
    return loss.astype(saved.dtype, copy=False).reshape(saved.batch), saved


def backward(residuals: Residuals, gloss: Any) -> Gradients:
    """Cotangents of x and P_k from that of the losses."""
    gloss = gate.cotangent(gloss, residuals.batch).reshape(-1).astype(np.float64, copy=False)
    label, size, shape = residuals.label, residuals.p.size, residuals.e.shape
    slope, c, gx = empty(size), empty(size), xp().zeros(shape)
    per_element(
        pull_outputs, size, residuals.from_x, label, residuals.e, residuals.tail, residuals.p, gloss,
        residuals.share, residuals.rest, residuals.scale, residuals.floor, residuals.mixed, slope, c,
    )  # fmt: skip
    if residuals.share > 0.0:
        by_class, every = xp().zeros(shape), empty(shape[0])
        order, first = readers(residuals.from_x, shape[0], xp())
        per_element(gather, shape[0], order, first, label, c, by_class, every)
        per_element(pull_softmax, gx.size, by_class, every, residuals.e, residuals.top, residuals.tail, gx)
    x_shape, matrix_shape = residuals.shapes
    return Gradients(
        x=rounded(gx.reshape(x_shape), residuals.dtype),
        P_k=pull(residuals.from_p, label, slope, residuals.w, gloss, matrix_shape, residuals.dtype),
    )
