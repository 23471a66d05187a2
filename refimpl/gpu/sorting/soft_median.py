"""The relaxed median on the device: the values pass of ``network_sort``, or one thread per batch row that trims.

Trimming is meant for many rows: a thread keeps the weights of its row in global memory, where neighbouring threads do
not share cache lines. The mathematics, the derivation and the meaning of the arguments are in
``refimpl/sorting/soft_median.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.gpu.sorting.network_sort import pull_values, run_values
from refimpl.gpu.sorting.transposition import placed
from refimpl.scalars.swaps import bounded, difference
from refimpl.sorting.median_problem import Asked, middle
from refimpl.sorting.median_problem import setup as checked
from refimpl.sorting.problem import shrinking
from refimpl.sorting.soft_median import Gradients, Residuals, Trimmed, gradients, in_the_middle
from refimpl.sorting.trimming import REMOVED, held

gate = Gate("sorting.soft_median")


@device_kernel
def trim(
    x: Float, b1: Float, b2: Float, logw: Float, w: Float, y: Float, rounds: int, keep: bool, work: Float
) -> None:  # fmt: skip
    """Thread ``row`` trims that row; ``keep`` saves the log-weights after every round."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        n = x.shape[1]
        for i in range(n):
            logw[row, 0, i] = 0.0
        for j in range(rounds):
            old, new = (j, j + 1) if keep else (0, 0)
            for side in range(2):
                b, top = (b1[row] if side else -b1[row]), 0
                for i in range(n):
                    if b * difference(x[row, top], x[row, i]) + (logw[row, old, i] - logw[row, old, top]) > 0.0:
                        top = i
                at, level, total = x[row, top], logw[row, old, top], 0.0
                for i in range(n):
                    z = b * difference(at, x[row, i]) + (logw[row, old, i] - level)
                    work[side, row, i] = math.exp(0.0 if z > 0.0 else z)
                    total += work[side, row, i]
                for i in range(n):
                    work[side, row, i] /= total
            highest = REMOVED
            for i in range(n):
                level = logw[row, old, i] - b2[row] * (work[0, row, i] + work[1, row, i])
                level = REMOVED if level < REMOVED else level
                logw[row, new, i] = level
                highest = level if level > highest else highest
            for i in range(n):
                logw[row, new, i] -= highest
        last, total, mean = rounds if keep else 0, 0.0, 0.0
        low, high = x[row, 0], x[row, 0]
        for i in range(n):
            w[row, i] = math.exp(logw[row, last, i] + 0.0 * x[row, i])  # the largest is 0; NaN reaches all
            total += w[row, i]
        for i in range(n):
            w[row, i] /= total
            mean += w[row, i] * x[row, i]
            low, high = min(low, x[row, i]), max(high, x[row, i])
        y[row] = low if mean < low else high if mean > high else mean


@device_kernel
def trim_backward(
    x: Float, b1: Float, b2: Float, logw: Float, w: Float, y: Float, shrink: Float,
    gx: Float, gb1: Float, gb2: Float, work: Float,
) -> None:  # fmt: skip
    """Thread ``row`` undoes the rounds of that row; work is (4, rows, n)."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        n, rounds = x.shape[1], logw.shape[1] - 1
        scale, by_b1, by_b2, heaviest, mean = shrink[row], 0.0, 0.0, 0, 0.0
        for i in range(n):
            heaviest = i if w[row, i] > w[row, heaviest] else heaviest
        for i in range(n):
            mean += w[row, i] * (x[row, i] * scale - x[row, heaviest] * scale)
        for i in range(n):
            work[2, row, i] = w[row, i] * (x[row, i] * scale - x[row, heaviest] * scale - mean)  # (2), g
            gx[row, i] = 0.0
        for undone in range(rounds):
            old = rounds - 1 - undone
            for i in range(n):
                work[3, row, i] = work[2, row, i]
            for side in range(2):
                b, top = (b1[row] if side else -b1[row]), 0
                for i in range(n):
                    if b * difference(x[row, top], x[row, i]) + (logw[row, old, i] - logw[row, old, top]) > 0.0:
                        top = i
                at, level, total = x[row, top], logw[row, old, top], 0.0
                for i in range(n):
                    z = b * difference(at, x[row, i]) + (logw[row, old, i] - level)
                    work[side, row, i] = math.exp(0.0 if z > 0.0 else z)
                    total += work[side, row, i]
                shared, most = 0.0, work[2, row, top]
                for i in range(n):
                    work[side, row, i] /= total
                    shared += work[side, row, i] * (work[2, row, i] - most)
                by_b2 = held(by_b2 - (shared + most))  # (4)
                for i in range(n):
                    c = held(b2[row] * (work[side, row, i] * (shared - (work[2, row, i] - most))))  # (4) (5)
                    work[3, row, i] = held(work[3, row, i] + c)  # (5)
                    gx[row, i] = held(gx[row, i] + (c if side else -c))  # (6)
            for i in range(n):
                work[2, row, i] = work[3, row, i]
        for i in range(n):
            by_b1 = held(by_b1 + (x[row, i] * scale - y[row] * scale) * gx[row, i])  # (6)
            gx[row, i] = bounded(w[row, i] + b1[row] * gx[row, i] / scale)  # (1) (6)
        gb1[row] = bounded(by_b1 / scale / scale)
        gb2[row] = bounded(by_b2 / scale)


def value(
    x: Array, *, kind: str = "exact", steepness: Any = None, rounds: int | None = None, selection: Any = None,
    removal: Any = None,
) -> Array:  # fmt: skip
    """The relaxed median over the last axis."""
    return _run(checked(gate, x, kind, steepness, rounds, selection, removal), keep=False)[0]


def forward(
    x: Array, *, kind: str = "exact", steepness: Any = None, rounds: int | None = None, selection: Any = None,
    removal: Any = None,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The median, and what the backward pass needs."""
    return _run(checked(gate, x, kind, steepness, rounds, selection, removal), keep=True)


def _run(asked: Asked, keep: bool) -> tuple[Array, Residuals]:
    shape, dtype = asked.shapes[0][:-1], asked.dtype
    if asked.exact is not None:
        b, saved = run_values(placed(asked.exact), keep)
        low, high = middle(b.shape[-1])
        y = b[:, low] if low == high else 0.5 * b[:, low] + 0.5 * b[:, high]
        return y.astype(dtype).reshape(shape), Residuals(saved, None, asked.shapes, dtype)
    assert asked.fast is not None
    x, b1, b2 = asked.fast
    rows, n = x.shape
    logw, w, y = empty((rows, (asked.rounds if keep else 0) + 1, n)), empty((rows, n)), empty(rows)
    per_element(trim, rows, x, b1, b2, logw, w, y, asked.rounds, keep, empty((2, rows, n)))
    return y.astype(dtype).reshape(shape), Residuals(None, Trimmed(x, b1, b2, logw, w, y), asked.shapes, dtype)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of the arguments from that of the median: gy times the gradient of each row."""
    n = residuals.shapes[0][-1]
    gy = gate.cotangent(gy, residuals.shapes[0][:-1]).reshape(-1).astype(np.float64, copy=False)
    rows = gy.size
    if residuals.exact is not None:
        unreduced = residuals.exact._replace(shapes=((rows, n), (rows,), None))
        push = empty((rows, 0, unreduced.network.first.size))
        pulled = pull_values(unreduced, in_the_middle(xp().zeros((rows, n))), push)
        return gradients(residuals, gy, pulled.x, pulled.beta)
    assert residuals.fast is not None
    gx, gb1, gb2 = empty((rows, n)), empty(rows), empty(rows)
    shrink = shrinking(xp().abs(residuals.fast.x).max(axis=1))
    per_element(trim_backward, rows, *residuals.fast, shrink, gx, gb1, gb2, empty((4, rows, n)))
    return gradients(residuals, gy, gx, gb1, gb2)
