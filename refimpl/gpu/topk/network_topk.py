"""The top k rows of a network's matrix on the device: one thread per batch row and row of P_k.

Rows of Y never meet, so a thread carries one of them through all comparators, last to first, in place, without a
barrier; threads of a warp hold neighbouring rows and so touch neighbouring numbers. Going back, a thread makes its row
again, keeps the difference at every comparator on a tape, and carries its row of G the other way; the tapes of as many
rows as fit into WORKSPACE bytes are filled at a time. The mathematics, the derivation and the meaning of the arguments
are in ``refimpl/topk/network_topk.py``.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.gpu.sorting.network_sort import pull_values, run_values
from refimpl.gpu.sorting.networks import on_device
from refimpl.sorting.network_sort import Gradients
from refimpl.sorting.network_sort import Residuals as Saved
from refimpl.sorting.problem import NetworkLike, Problem
from refimpl.sorting.problem import setup as checked
from refimpl.topk.network_topk import Residuals
from refimpl.topk.selection import selecting

gate = Gate("topk.network_topk")
WORKSPACE = 2**30  # bytes of tape and rows at a time, in the backward pass


@device_kernel
def rows_kernel(first: Array, second: Array, alpha: Float, abar: Float, work: Float) -> None:
    """Thread ``row * k + m`` makes row m of that batch row's P_k; work is (rows, n, k)."""
    rows, n, k = work.shape
    thread = cuda.grid(1)
    if thread < rows * k:
        row, m = thread // k, thread % k
        for wire in range(n):
            work[row, wire, m] = 1.0 if wire == n - 1 - m else 0.0
        for c in range(first.size - 1, -1, -1):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            left, right = work[row, i, m], work[row, j, m]
            if left != 0.0 or right != 0.0:  # what is 0 in both columns is 0 for every weight, NaN included
                work[row, i, m] = a * left + b * right
                work[row, j, m] = b * left + a * right


@device_kernel
def rows_backward(
    first: Array, second: Array, alpha: Float, abar: Float, gp: Float, work: Float, tape: Float, start: int, top: int
) -> None:
    """Rows from ``top`` of batch rows from ``start``, as many as work (rows, n, some) has; tape gets their terms of q."""
    rows, n, some = work.shape
    thread = cuda.grid(1)
    if thread < rows * some:
        r, s = thread // some, thread % some
        row, m = start + r, top + s
        for wire in range(n):
            work[r, wire, s] = 1.0 if wire == n - 1 - m else 0.0
        for c in range(first.size - 1, -1, -1):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            left, right = work[r, i, s], work[r, j, s]
            tape[r, c, s] = left - right
            if left != 0.0 or right != 0.0:
                work[r, i, s] = a * left + b * right
                work[r, j, s] = b * left + a * right
        for wire in range(n):
            work[r, wire, s] = gp[row, m, wire]
        for c in range(first.size):
            i, j = first[c], second[c]
            a, b = alpha[row, c], abar[row, c]
            left, right = work[r, i, s], work[r, j, s]
            tape[r, c, s] *= left - right  # (2)
            work[r, i, s] = a * left + b * right  # (6)
            work[r, j, s] = b * left + a * right  # (6)


def value(
    x: Array, *, k: int, network: NetworkLike = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> Array:  # fmt: skip
    """Which inputs are the k largest, in order: the top k rows of the matrix of a relaxed sorting network."""
    return forward(x, k=k, network=network, cdf=cdf, beta=beta, lam=lam)[0]


def forward(
    x: Array, *, k: int, network: NetworkLike = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> tuple[Array, Residuals]:
    """The k rows, and what the backward pass needs."""
    problem = setup(x, k, network, cdf, beta, lam)
    _, saved = run_values(problem)
    (rows, n), k = problem.x.shape, int(k)
    work = empty((rows, n, k))
    per_element(rows_kernel, rows * k, *problem.network[:2], saved.alpha, saved.abar, work)
    p = xp().ascontiguousarray(work.transpose(0, 2, 1)).astype(problem.dtype, copy=False)
    return p.reshape(*problem.shapes[0][:-1], k, n), Residuals(*saved, k)


def setup(x: Any, k: Any, network: NetworkLike, cdf: str, beta: Any, lam: Any) -> Problem:
    """Check the arguments; the network goes to the device too."""
    problem = checked(gate, x, network, cdf, beta, lam, functools.partial(selecting, k=k))
    key = (network, problem.network.wires, int(k)) if isinstance(network, str) else ()
    wiring = on_device(problem.network, *key)
    return problem._replace(network=wiring, lam=xp().asarray(problem.lam))


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, beta and lam from that of the k rows."""
    saved, k = Saved(*residuals[:-1]), residuals.k
    n, rows, size = saved.network.wires, saved.beta.size, saved.network.first.size
    gp = gate.cotangent(gp, (*saved.shapes[0][:-1], k, n)).reshape(rows, k, n)
    q = _rows_backward(saved, gp.astype(np.float64, copy=False))
    return pull_values(saved, xp().zeros((rows, n)), push=q.reshape(rows, 1, size))


def _rows_backward(saved: Saved, gp: Float) -> Float:
    rows, k, n = gp.shape
    size = saved.network.first.size
    one = 8 * (size + n)  # bytes of workspace for a row of P_k
    some = min(k, max(1, WORKSPACE // one))
    step = max(1, WORKSPACE // (one * some))
    q: Float = xp().zeros((rows, size))
    for start in range(0, rows, step):
        for top in range(0, k, some):
            q[start : start + step] += _share(saved, gp, start, top, min(step, rows - start), min(some, k - top))
    return q


def _share(saved: Saved, gp: Float, start: int, top: int, rows: int, some: int) -> Float:
    """The part of q that some rows of P_k contribute, for a block of batch rows; its workspace goes when it returns."""
    n, network = gp.shape[2], saved.network
    work, tape = empty((rows, n, some)), empty((rows, network.first.size, some))
    per_element(
        rows_backward, rows * some, *network[:2], saved.alpha, saved.abar, gp, work, tape, start, top
    )  # fmt: skip
    share: Float = tape.sum(axis=-1)
    return share
