"""NeuralSort on the device: one thread per batch row and score, down and up its column of the matrix.

Threads of a warp hold neighbouring columns and so touch neighbouring numbers; sums along rows, of P and of (1), are CuPy's,
in one order. Backward, P and x are made again in a workspace, for as many batch rows at a time as fit into WORKSPACE
bytes. The signs of (3) cost n comparisons a score here, and no sorting. The mathematics, the derivation and the meaning of
the arguments are in ``refimpl/sorting/neural_sort.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.sorting.neural_logits import distance, down
from refimpl.sorting.neural_problem import Gradients, Residuals, arrange, gradients

gate = Gate("sorting.neural_sort")

WORKSPACE = 2**30  # bytes of P and x at a time, in the backward pass


@device_kernel
def matrix(s: Float, t: Float, scale: Float, per_tau: Float, x: Float, e: Float) -> None:
    """Thread ``row * n + column`` makes that column of that row's x, and of exp(-x)."""
    rows, k, n = x.shape
    thread = cuda.grid(1)
    if thread < rows * n:
        row, j = thread // n, thread % n
        c, missing = s[row, j], t[row, n - 1] != t[row, n - 1]
        below = 0.0
        for m in range(k - 1, n - 1):
            below += max(t[row, m] - c, 0.0) + max(t[row, m + 1] - c, 0.0)
        x[row, k - 1, j] = below
        for i in range(k - 2, -1, -1):
            below += max(t[row, i] - c, 0.0) + max(t[row, i + 1] - c, 0.0)
            x[row, i, j] = below
        above = 0.0
        for i in range(k):
            if i > 0:
                above = down(above, c, t[row, i - 1], t[row, i])
            far = math.nan if missing else distance(above, x[row, i, j], scale[row], per_tau[row])
            x[row, i, j], e[row, i, j] = far, math.exp(-far)


@device_kernel
def pull(
    x: Float, p: Float, gp: Float, anchor: Float, centre: Float, count: Float,
    columns: Float, scores: Float, times: Float,
) -> None:  # fmt: skip
    """Thread ``row * n + column`` sums Z, its share of (4), and its share of (5), over the rows of P."""
    rows, k, n = x.shape
    thread = cuda.grid(1)
    if thread < rows * n:
        row, j = thread // n, thread % n
        column, score, time = 0.0, 0.0, 0.0
        for i in range(k):
            z = p[row, i, j] * ((gp[row, i, j] - anchor[row, i]) - centre[row, i])  # (1)
            column += z  # (2) (3)
            score += (float(n - 1 - 2 * i) - count[row, j]) * z  # (4)
            time += z * x[row, i, j]  # (5)
        columns[row, j], scores[row, j], times[row, j] = column, score, time


@device_kernel
def balance(s: Float, weights: Float, found: Float) -> None:
    """Thread ``row * n + column``: sum_l sign(s_j - s_l) weights_l, with sign(0) = 0."""
    rows, n = s.shape
    thread = cuda.grid(1)
    if thread < rows * n:
        row, j = thread // n, thread % n
        c, lower, upper = s[row, j], 0.0, 0.0
        for m in range(n):
            if s[row, m] < c:
                lower += weights[row, m]
            elif s[row, m] > c:
                upper += weights[row, m]
        found[row, j] = lower - upper


def value(s: Array, *, tau: Any) -> Array:
    """The relaxed permutation matrix of NeuralSort: ``P @ s`` are the sorted scores, descending."""
    return forward(s, tau=tau)[0]


def forward(s: Array, *, tau: Any) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    return rows(gate, s, None, tau)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the matrix."""
    return rows_backward(gate, residuals, gp)


def rows(gate: Gate, s: Any, k: int | None, tau: Any) -> tuple[Array, Residuals]:
    """The first k rows of the matrix (None: all of them), and what the backward pass needs."""
    problem = arrange(gate, s, tau)
    n = problem.s.shape[1]
    k = n if k is None else k
    _, e = _distances(problem, k)
    share = 1.0 / e.sum(axis=-1)
    e *= share[..., None]
    p: Array = e.astype(problem.dtype, copy=False).reshape(*problem.shapes[0][:-1], k, n)
    return p, problem._replace(share=share)


def rows_backward(gate: Gate, residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the first k rows."""
    (count, n), k = residuals.s.shape, residuals.share.shape[1]
    gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(count, k, n).astype(np.float64, copy=False)
    gs, gtau = empty((count, n)), empty(count)
    step = max(1, WORKSPACE // (16 * k * n))
    for top in range(0, count, step):
        part = slice(top, top + step)
        gs[part], gtau[part] = _pulled(_part(residuals, part), gp[part])
    return gradients(residuals, gs, gtau)


def _part(residuals: Residuals, part: slice) -> Residuals:
    return residuals._replace(**{name: getattr(residuals, name)[part] for name in Residuals._fields[:7]})


def _distances(problem: Residuals, k: int) -> tuple[Float, Float]:
    """X, and exp(-x), of the first k rows."""
    count, n = problem.s.shape
    x, e = empty((count, k, n)), empty((count, k, n))
    per_element(matrix, count * n, problem.s, problem.t, problem.scale, problem.per_tau, x, e)
    return x, e


def _pulled(residuals: Residuals, gp: Float) -> tuple[Float, Float]:
    """Tau gs and tau gtau of some batch rows."""
    (count, n), k = residuals.s.shape, residuals.share.shape[1]
    x, p = _distances(residuals, k)
    p *= residuals.share[..., None]
    anchor = xp().take_along_axis(gp, residuals.order[:, :k, None], axis=-1)
    centre = (p * (gp - anchor)).sum(axis=-1)
    columns, scores, times = empty((count, n)), empty((count, n)), empty((count, n))
    size, counts, crossed = count * n, empty((count, n)), empty((count, n))
    per_element(balance, size, residuals.s, xp().ones((count, n)), counts)  # (3)
    anchored = xp().ascontiguousarray(anchor[..., 0])
    per_element(pull, size, x, p, gp, anchored, centre, counts, columns, scores, times)
    per_element(balance, size, residuals.s, columns, crossed)  # (3)
    return scores - crossed, times.sum(axis=-1)  # (4) (5)
