"""Soft sorted values on the device: one thread per value, and backward one thread per column.

A thread of the forward pass reads a row of P; backward, neighbouring threads read and write neighbouring numbers. The
mathematics, the derivation and the meaning of the arguments are in ``refimpl/sorting/soft_values.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.sorting.soft_values import Gradients, Residuals, gradients, setup

gate = Gate("sorting.soft_values")


@device_kernel
def values(p: Float, x: Float, p_at: Array, x_at: Array, y: Float) -> None:
    thread, ranks = cuda.grid(1), y.shape[1]
    if thread < y.size:
        row, r = thread // ranks, thread % ranks
        i, j = p_at[row], x_at[row]
        found = 0.0
        for c in range(x.shape[1]):
            if p[i, r, c] != 0.0:
                found += p[i, r, c] * x[j, c]
        if not math.isfinite(found):  # as ``rescued``
            top_p, top_x = 0.0, 0.0
            for c in range(x.shape[1]):
                top_p, top_x = max(top_p, abs(p[i, r, c])), max(top_x, abs(x[j, c]))
            by_p, by_x = math.frexp(top_p)[1], math.frexp(top_x)[1]
            found = 0.0
            for c in range(x.shape[1]):
                if p[i, r, c] != 0.0:
                    found += math.ldexp(p[i, r, c], -by_p) * math.ldexp(x[j, c], -by_x)
            found = math.ldexp(found, by_p + by_x)
        y[row, r] = found


@device_kernel
def values_backward(p: Float, x: Float, p_at: Array, x_at: Array, g: Float, gp: Float, gx: Float) -> None:
    thread, n = cuda.grid(1), x.shape[1]
    if thread < gx.size:
        row, c = thread // n, thread % n
        i, j = p_at[row], x_at[row]
        found = 0.0
        for r in range(g.shape[1]):
            gp[row, r, c] = g[row, r] * x[j, c]  # (1)
            if p[i, r, c] != 0.0:
                found += p[i, r, c] * g[row, r]  # (2)
        if not math.isfinite(found):  # as ``rescued``
            top_p, top_g = 0.0, 0.0
            for r in range(g.shape[1]):
                top_p, top_g = max(top_p, abs(p[i, r, c])), max(top_g, abs(g[row, r]))
            by_p, by_g = math.frexp(top_p)[1], math.frexp(top_g)[1]
            found = 0.0
            for r in range(g.shape[1]):
                if p[i, r, c] != 0.0:
                    found += math.ldexp(p[i, r, c], -by_p) * math.ldexp(g[row, r], -by_g)
            found = math.ldexp(found, by_p + by_g)
        gx[row, c] = found


def value(P: Array, x: Array) -> Array:
    """Soft sorted values: the matrix of any sorter of this library applied to values."""
    return products(_on_device(P, x))


def forward(P: Array, x: Array) -> tuple[Array, Residuals]:
    """The values, and what the backward pass needs."""
    problem = _on_device(P, x)
    return products(problem), problem._replace(p=problem.p.copy(), x=problem.x.copy())


def _on_device(P: Any, x: Any) -> Residuals:
    """The checked arguments, with the places of the matrices on the device too."""
    problem = setup(P, x, gate)
    return problem._replace(p_at=xp().asarray(problem.p_at), x_at=xp().asarray(problem.x_at))


def products(problem: Residuals) -> Array:
    ranks = problem.p.shape[1]
    y = empty((problem.p_at.size, ranks))
    per_element(values, y.size, *problem[:4], y)
    return y.astype(problem.dtype, copy=False).reshape(*problem.batch, ranks)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of P and x from that of the values."""
    rows, (_, ranks, n) = residuals.p_at.size, residuals.p.shape
    g = gate.cotangent(gy, (*residuals.batch, ranks)).reshape(rows, ranks).astype(np.float64, copy=False)
    gp, gx = empty((rows, ranks, n)), empty((rows, n))
    per_element(values_backward, rows * n, *residuals[:4], g, gp, gx)
    return gradients(residuals, gp, gx)
