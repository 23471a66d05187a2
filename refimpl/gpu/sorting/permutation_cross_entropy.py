"""The cross entropy of relaxed permutation matrices on the device: threads share a matrix, one thread per gradient entry.

The mathematics, the derivation and the meaning of the arguments are in ``refimpl/sorting/permutation_cross_entropy.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element
from refimpl.gpu.sorting.permutation_losses import clamped_log, clamped_slope, on_device, partial_sums, total
from refimpl.sorting.permutation_cross_entropy import gradients
from refimpl.sorting.permutation_losses import Gradients, Residuals, setup

gate = Gate("sorting.permutation_cross_entropy")


@device_kernel
def cross_entropy(p: Float, q: Float, p_at: Array, q_at: Array, pmin: float, parts: Float) -> None:
    thread, shares = cuda.grid(1), parts.shape[1]
    if thread < parts.size:
        row, first = thread // shares, thread % shares
        i, j = p_at[row], q_at[row]
        found = 0.0
        for e in range(first, p.shape[1], shares):
            if q[j, e] != 0.0:
                found += q[j, e] * clamped_log(p[i, e], pmin)
        parts[row, first] = found


@device_kernel
def cross_entropy_backward(
    p: Float, q: Float, p_at: Array, q_at: Array, pmin: float, n: int, g: Float, gp: Float, gq: Float
) -> None:
    thread, size = cuda.grid(1), p.shape[1]
    if thread < gp.size:
        row, e = thread // size, thread % size
        i, j = p_at[row], q_at[row]
        share = -g[row] / n
        gp[row, e] = 0.0 if q[j, e] == 0.0 else share * q[j, e] * clamped_slope(p[i, e], pmin)  # (1)
        gq[row, e] = share * clamped_log(p[i, e], pmin)  # (2)


def value(P: Array, Q: Array) -> Array:
    """Cross entropy of relaxed permutation matrices: minus the mean log-probability that P gives to the ranks in Q."""
    return losses(on_device(setup(gate, P, Q)))


def forward(P: Array, Q: Array) -> tuple[Array, Residuals]:
    """The losses, and what the backward pass needs."""
    problem = on_device(setup(gate, P, Q))
    return losses(problem), problem._replace(p=problem.p.copy(), q=problem.q.copy())


def losses(problem: Residuals) -> Array:
    parts = partial_sums(problem)
    per_element(cross_entropy, parts.size, *problem[:5], parts)
    return total(problem, parts, float(problem.n))


def backward(residuals: Residuals, gl: Any) -> Gradients:
    """Cotangents of P and Q from those of the losses."""
    rows, size = residuals.p_at.size, residuals.p.shape[1]
    g = gate.cotangent(gl, residuals.batch).reshape(-1).astype(np.float64, copy=False)
    gp, gq = empty((rows, size)), empty((rows, size))
    per_element(cross_entropy_backward, rows * size, *residuals[:6], g, gp, gq)
    return gradients(residuals, gp, gq)
