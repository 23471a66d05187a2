"""The matrix of a sorting network on the device: one thread per batch row and column.

Columns of the matrix never meet, so a thread carries one of them through all comparators, in place, without a barrier;
threads of a warp hold neighbouring columns and so touch neighbouring numbers. All zero entries are mixed too: what the
CPU saves by leaving them out would part the threads of a warp here. Backward, a thread makes its column again, keeps
the difference at every comparator on a tape, and goes back; the tapes of as many columns and rows as fit into
WORKSPACE bytes are filled at a time, which costs no bits: what is added up does not depend on the number of rows. The
mathematics, the derivation and the meaning of the arguments are in ``refimpl/sorting/network_permutation.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.gpu.sorting.network_sort import pull_values, run_values, setup
from refimpl.sorting.network_sort import Gradients, Residuals
from refimpl.sorting.problem import NetworkLike

gate = Gate("sorting.network_permutation")

WORKSPACE = 2**30  # bytes of tape and matrix at a time, in the backward pass


@device_kernel
def matrix(first: Array, second: Array, alpha: Float, abar: Float, p: Float) -> None:
    """Thread ``row * n + column`` makes that column of that row's matrix."""
    rows, n, _ = p.shape
    thread = cuda.grid(1)
    if thread < rows * n:
        row, column = thread // n, thread % n
        for wire in range(n):
            p[row, wire, column] = 1.0 if wire == column else 0.0
        for c in range(first.size):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            upper, lower = p[row, i, column], p[row, j, column]
            if upper != 0.0 or lower != 0.0:  # what is 0 in both rows is 0 for every weight, NaN included
                p[row, i, column] = a * upper + b * lower
                p[row, j, column] = b * upper + a * lower


@device_kernel
def matrix_backward(
    first: Array, second: Array, alpha: Float, abar: Float, gp: Float, work: Float, tape: Float, top: int, left: int
) -> None:  # fmt: skip
    """Columns from ``left`` of rows from ``top``, as many as work (rows, n, columns) has; tape gets their terms of q."""
    rows, n, columns = work.shape
    thread = cuda.grid(1)
    if thread < rows * columns:
        r, k = thread // columns, thread % columns
        row, column = top + r, left + k
        for wire in range(n):
            work[r, wire, k] = 1.0 if wire == column else 0.0
        for c in range(first.size):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            upper, lower = work[r, i, k], work[r, j, k]
            tape[r, c, k] = upper - lower
            work[r, i, k] = a * upper + b * lower
            work[r, j, k] = b * upper + a * lower
        for wire in range(n):
            work[r, wire, k] = gp[row, wire, column]
        for c in range(first.size - 1, -1, -1):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            upper, lower = work[r, i, k], work[r, j, k]
            tape[r, c, k] *= upper - lower  # (2)
            work[r, i, k] = a * upper + b * lower  # (6)
            work[r, j, k] = b * upper + a * lower  # (6)


def value(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> Array:  # fmt: skip
    """The doubly stochastic matrix P of a relaxed sorting network: ``P @ x`` are the sorted values, ascending."""
    return forward(x, network=network, cdf=cdf, beta=beta, lam=lam)[0]


def forward(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    problem = setup(gate, x, network, cdf, beta, lam)
    _, residuals = run_values(problem)
    rows, n = problem.x.shape
    p = empty((rows, n, n))
    per_element(matrix, rows * n, *problem.network[:2], residuals.alpha, residuals.abar, p)
    return p.astype(problem.dtype, copy=False).reshape(*problem.shapes[0], n), residuals


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, beta and lam from that of the matrix."""
    n, rows, size = residuals.network.wires, residuals.beta.size, residuals.network.first.size
    gp = gate.cotangent(gp, (*residuals.shapes[0], n)).reshape(rows, n, n)
    q = _matrix_backward(residuals, gp.astype(np.float64, copy=False))
    return pull_values(residuals, xp().zeros((rows, n)), push=q.reshape(rows, 1, size))


def _matrix_backward(residuals: Residuals, gp: Float) -> Float:
    rows, n, _ = gp.shape
    size = residuals.network.first.size
    column = 8 * (size + n)  # bytes of workspace for one
    columns = min(n, max(1, WORKSPACE // column))
    step = max(1, WORKSPACE // (column * columns))
    q: Float = xp().zeros((rows, size))
    for top in range(0, rows, step):
        for left in range(0, n, columns):
            q[top : top + step] += _share(residuals, gp, top, left, min(step, rows - top), min(columns, n - left))
    return q


def _share(residuals: Residuals, gp: Float, top: int, left: int, rows: int, columns: int) -> Float:
    """The part of q that a block of columns contributes, for a block of rows; its workspace goes when it returns."""
    n, network = gp.shape[1], residuals.network
    work, tape = empty((rows, n, columns)), empty((rows, network.first.size, columns))
    per_element(
        matrix_backward, rows * columns,
        *network[:2], residuals.alpha, residuals.abar, gp, work, tape, top, left,
    )  # fmt: skip
    share: Float = tape.sum(axis=-1)
    return share
