"""SoftSort on the device: one thread per entry, sums over rows and columns by CuPy, in one order.

Neighbouring threads hold neighbouring columns. Scores are sorted by CuPy; each weight is an exponential of its own (the
blocks of rows that save exponentials on the CPU would make rows wait for each other). Going back, the weights are made
again and e_ij (2) is written out before it is summed both ways. The mathematics, the derivation and the meaning of the
arguments are in ``refimpl/sorting/soft_sort.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element, xp
from refimpl.scalars.distances import distance, mean_sign, narrowed, slope, temperature, widened
from refimpl.scalars.swaps import LARGEST
from refimpl.sorting.scores import setup
from refimpl.sorting.soft_sort import Gradients, Residuals, gradients

gate = Gate("sorting.soft_sort")


@device_kernel
def weights(s: Float, top: Float, tau: Float, unit: Float, squared: bool, w: Float) -> None:
    """Exp of minus the distance, for one entry."""
    e = cuda.grid(1)
    if e < w.size:
        n, k = s.shape[1], top.shape[1]
        row, i, j = e // (k * n), e // n % k, e % n
        w[row, i, j] = math.exp(-distance(top[row, i] - s[row, j], temperature(tau[row], unit[row], squared), squared))


@device_kernel
def ties(s: Float, top: Float, tied: Float, many: Float) -> None:
    """How many scores are equal to that of a rank, and the mean sign between it and the others of them."""
    e = cuda.grid(1)
    if e < top.size:
        k = top.shape[1]
        row, i = e // k, e % k
        before, equal = 0, 0
        while before < i and top[row, i - 1 - before] == top[row, i]:
            before += 1
        for j in range(s.shape[1]):
            equal += 1 if s[row, j] == top[row, i] else 0
        tied[row, i], many[row, i] = mean_sign(before, equal), max(equal, 1)  # (7)


@device_kernel
def slopes(
    s: Float, top: Float, tau: Float, squared: bool, z: Float, tied: Float, e: Float, by_distance: Float
) -> None:  # fmt: skip
    """One entry of e (2) from one of Z (1), and its share of gtau (5)."""
    at = cuda.grid(1)
    if at < z.size:
        n, k = s.shape[1], top.shape[1]
        row, i, j = at // (k * n), at // n % k, at % n
        d = top[row, i] - s[row, j]
        found = z[row, i, j] * slope(d, squared, tied[row, i])  # (2)
        e[row, i, j] = found
        by_distance[row, i, j] = found * (d * narrowed(tau[row]))  # (5)


@device_kernel
def share(s: Float, top: Float, back: Float, many: Float, gs: Float) -> None:
    """What one score gets of the ranks that it could hold (4) (6)."""
    e = cuda.grid(1)
    if e < s.size:
        row, j = e // s.shape[1], e % s.shape[1]
        for i in range(top.shape[1]):
            if s[row, j] == top[row, i]:
                gs[row, j] -= back[row, i] / many[row, i]


@device_kernel
def scale(tau: Float, unit: Float, power: float, gs: Float, gtau: Float) -> None:
    """The factors (2) (5) of one batch row's element; the first of them also finishes gtau."""
    e = cuda.grid(1)
    if e < gs.size:
        row, j = e // gs.shape[1], e % gs.shape[1]
        gs[row, j] = gs[row, j] / tau[row] * (power / unit[row] if power > 1.0 else 1.0)
        if j == 0:
            gtau[row] = gtau[row] / tau[row] / widened(tau[row], unit[row], power) / tau[row]


def value(s: Array, *, tau: Any, power: int = 1) -> Array:
    """The relaxed permutation matrix that sorts ``s`` in descending order."""
    return forward(s, tau=tau, power=power)[0]


def forward(s: Array, *, tau: Any, power: int = 1) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    return rows(gate, s, None, tau, power)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the matrix."""
    return rows_backward(gate, residuals, gp)


def rows(gate: Gate, s: Any, k: int | None, tau: Any, power: int) -> tuple[Array, Residuals]:
    """The first k rows of the matrix (None: all), in the name of the operator whose gate is handed in."""
    problem = setup(gate, s, k, tau, power)
    (batch, n), k = problem.s.shape, problem.k
    order = xp().ascontiguousarray(xp().argsort(-problem.s, axis=-1)[:, :k])
    top = xp().ascontiguousarray(xp().take_along_axis(problem.s, order, axis=-1))
    w = empty((batch, k, n))
    per_element(weights, w.size, problem.s, top, problem.tau, problem.unit, problem.power == 2, w)
    inverse = 1.0 / w.sum(axis=-1)
    p = (w * inverse[..., None]).astype(problem.dtype, copy=False).reshape(*problem.shapes[0][:-1], k, n)
    return p, Residuals(problem.s, order, top, inverse, *problem[1:3], problem.power, *problem[5:])


def rows_backward(gate: Gate, residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the first k rows."""
    s, _, top, inverse, tau, unit, power, shapes, _ = residuals
    (batch, n), k, squared = s.shape, top.shape[1], power == 2
    gp = gate.cotangent(gp, (*shapes[0][:-1], k, n)).reshape(batch, k, n).astype(np.float64, copy=False)
    w, e, by_distance = empty((batch, k, n)), empty((batch, k, n)), empty((batch, k, n))
    tied, many = empty((batch, k)), empty((batch, k))
    per_element(weights, w.size, s, top, tau, unit, squared, w)
    per_element(ties, top.size, s, top, tied, many)
    w *= inverse[..., None]
    z = w * (gp - (gp * w).sum(axis=-1)[..., None])  # (1)
    per_element(slopes, z.size, s, top, tau, squared, z, tied, e, by_distance)
    gs, gtau = e.sum(axis=1), by_distance.sum(axis=(1, 2))  # (3) (5)
    per_element(share, gs.size, s, top, e.sum(axis=-1), many, gs)
    per_element(scale, gs.size, tau, unit, float(power), gs, gtau)
    return gradients(residuals, *(xp().clip(g, -LARGEST, LARGEST) for g in (gs, gtau)))
