"""Rows sorted by keys on the device: one thread per batch row and column of the table.

Columns never meet, so a thread carries one of them through all pairs, in place, without a barrier; threads of a warp
hold neighbouring columns. Backward, a thread carries its column forward again, keeps the difference at every pair on a
tape, and goes back; the tapes of as many columns and rows as fit into WORKSPACE bytes are filled at a time. The
mathematics, the derivation and the meaning of the arguments are in ``refimpl/sorting/bubble_sort_by.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, per_row, xp
from refimpl.gpu.sorting import network_sort
from refimpl.gpu.sorting.transposition import placed
from refimpl.sorting.bubble_sort_by import Gradients, Residuals, gradients
from refimpl.sorting.bubble_sort_by import setup as checked
from refimpl.sorting.problem import shrinking

gate = Gate("sorting.bubble_sort_by")

WORKSPACE = 2**30  # bytes of tape and columns at a time, in the backward pass


@device_kernel
def mixed(first: Array, second: Array, alpha: Float, abar: Float, out: Float) -> None:
    """Thread ``row * q + column`` sorts that column of that row's table, which lies in ``out``."""
    rows, _, columns = out.shape
    thread = cuda.grid(1)
    if thread < rows * columns:
        row, k = thread // columns, thread % columns
        for c in range(first.size):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            upper, lower = out[row, i, k], out[row, j, k]
            least, most = (upper, lower) if upper < lower else (lower, upper)
            one, other = a * upper + b * lower, b * upper + a * lower
            out[row, i, k] = least if one < least else most if one > most else one
            out[row, j, k] = least if other < least else most if other > most else other


@device_kernel
def mixed_backward(
    first: Array, second: Array, alpha: Float, abar: Float, work: Float, gt: Float, tape: Float, top: int, left: int
) -> None:  # fmt: skip
    """``work`` holds columns from ``left`` of rows from ``top``, ``gt`` all cotangents; tape gets terms of q."""
    rows, _, columns = work.shape
    thread = cuda.grid(1)
    if thread < rows * columns:
        r, k = thread // columns, thread % columns
        row, column = top + r, left + k
        for c in range(first.size):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            upper, lower = work[r, i, k], work[r, j, k]
            tape[r, c, k] = upper - lower
            work[r, i, k] = a * upper + b * lower
            work[r, j, k] = b * upper + a * lower
        for c in range(first.size - 1, -1, -1):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            upper, lower = gt[row, i, column], gt[row, j, column]
            tape[r, c, k] *= upper - lower  # (1)
            gt[row, i, column] = a * upper + b * lower  # (2)
            gt[row, j, column] = b * upper + a * lower  # (2)


def value(t: Array, a: Array, *, steepness: Any, steps: int | None = None) -> Array:
    """Sort the rows of ``t`` by the keys ``a``, ascending: P t, with P the ``bubble_permutation`` of a."""
    return forward(t, a, steepness=steepness, steps=steps)[0]


def forward(t: Array, a: Array, *, steepness: Any, steps: int | None = None) -> tuple[Array, Residuals]:
    """The sorted rows, and what the backward pass needs."""
    posed, table, shapes, dtype = checked(gate, t, a, steepness, steps)
    posed = placed(posed)
    _, saved = network_sort.run_values(posed)
    out = table.copy()
    per_element(mixed, out.shape[0] * out.shape[2], *posed.network[:2], saved.alpha, saved.abar, out)
    return out.astype(dtype, copy=False).reshape(shapes[2]), Residuals(saved, table, shapes, dtype)


def backward(residuals: Residuals, gout: Any) -> Gradients:
    """Cotangents of t, a and steepness from that of the sorted rows."""
    saved, t = residuals.keys, residuals.t
    rows, n, q = t.shape
    network = saved.network
    size = network.first.size
    gt = gate.cotangent(gout, residuals.shapes[2]).reshape(t.shape).astype(np.float64)  # a copy
    largest = xp().abs(t).reshape(rows, n * q).max(axis=1) if q else xp().zeros(rows)
    shrink = shrinking(largest)
    push = _mixed_backward(residuals, gt, shrink)
    ga, gs, zero = empty((rows, n)), empty((rows, size)), empty((rows, size))
    per_row(
        network_sort.values_backward, rows, n // 2,
        *network[:3], *saved[:6], False, xp().zeros((rows, n)), push.reshape(rows, 1, size), ga, gs, zero,
    )  # fmt: skip
    return gradients(residuals, gt, ga, gs.sum(axis=-1), zero.sum(axis=-1), shrink)  # (3)


def _mixed_backward(residuals: Residuals, gt: Float, shrink: Float) -> Float:
    """The contributions of all columns to q; gt becomes the cotangent of t."""
    t, saved = residuals.t, residuals.keys
    rows, n, q = t.shape
    size = saved.network.first.size
    column = 8 * (size + n)  # bytes of workspace for one
    columns = min(max(q, 1), max(1, WORKSPACE // column))
    step = max(1, WORKSPACE // (column * columns))
    push: Float = xp().zeros((rows, size))
    for top in range(0, rows, step):
        for left in range(0, q, columns):
            high, right = min(rows, top + step), min(q, left + columns)
            work = xp().ascontiguousarray(t[top:high, :, left:right] * shrink[top:high, None, None])
            tape = empty((high - top, size, right - left))
            per_element(
                mixed_backward, (high - top) * (right - left),
                *saved.network[:2], saved.alpha, saved.abar, work, gt, tape, top, left,
            )  # fmt: skip
            push[top:high] += tape.sum(axis=-1)
    return push
