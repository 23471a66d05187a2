"""The values pass of a sorting network on the device: one block per batch row.

The comparators of a layer are disjoint: the threads of the block share them out, and a barrier ends the layer. Values
stay in global memory, where a row of them is small enough to live in the cache of its processor. Every thread meets
every barrier, since the loop over layers is the same for all. Each comparator writes its own contribution to the
gradients of beta and lam, and CuPy sums them in one order. The mathematics, the derivation and the meaning of the
arguments are in ``refimpl/sorting/network_sort.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, device_specialised, empty, per_row, xp
from refimpl.gpu.sorting.networks import on_device
from refimpl.scalars.swaps import ART, CDFS, art_ratios, bounded, difference, exchange, weights
from refimpl.sorting.network_sort import Gradients, Residuals, gradients
from refimpl.sorting.problem import NetworkLike, Problem
from refimpl.sorting.problem import setup as checked

gate = Gate("sorting.network_sort")


@device_specialised
def values_kernel(code: int) -> Callable[..., None]:
    def values(
        first: Array, second: Array, starts: Array, x: Float, beta: Float, lam: Float,
        y: Float, d: Float, alpha: Float, abar: Float, slope: Float, keep: bool,
    ) -> None:  # fmt: skip
        """Block ``row`` runs that row through the network; ``keep`` saves its comparators."""
        row, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
        for wire in range(thread, x.shape[1], threads):
            y[row, wire] = x[row, wire]
        for layer in range(starts.size - 1):
            cuda.syncthreads()
            for c in range(starts[layer] + thread, starts[layer + 1], threads):
                i, j = first[c], second[c]
                a, b = y[row, i], y[row, j]
                gap = difference(a, b)
                p, q, per_gap = weights(code, gap, beta[row], lam[row])
                y[row, i], y[row, j] = exchange(a, b, gap, p, q)
                if keep:
                    d[row, c], alpha[row, c], abar[row, c], slope[row, c] = gap, p, q, per_gap

    return values


@device_kernel
def values_backward(
    first: Array, second: Array, starts: Array, d: Float, alpha: Float, abar: Float, slope: Float, beta: Float,
    lam: Float, art: bool, gy: Float, push: Float, gx: Float, gbeta: Float, glam: Float,
) -> None:  # fmt: skip
    """Block ``row`` undoes the layers of that row, last to first; gbeta and glam get one number per comparator."""
    row, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    for wire in range(thread, gx.shape[1], threads):
        gx[row, wire] = gy[row, wire]
    for layer in range(starts.size - 2, -1, -1):
        cuda.syncthreads()
        for c in range(starts[layer] + thread, starts[layer + 1], threads):
            i, j = first[c], second[c]
            gi, gj = gx[row, i], gx[row, j]
            gd = (slope[row, c] * d[row, c]) * (gj - gi)  # (1) (3)
            for group in range(push.shape[1]):
                gd += slope[row, c] * push[row, group, c]  # (2) (3)
            gd = bounded(gd)
            per_beta, per_lam = 1.0, 0.0
            if art:
                per_beta, per_lam = art_ratios(d[row, c], lam[row])
            gbeta[row, c] = gd * d[row, c] * per_beta / beta[row]  # (5)
            glam[row, c] = gd * d[row, c] * per_lam  # (5)
            gx[row, i] = bounded(alpha[row, c] * gi + abar[row, c] * gj - gd)  # (4) (3)
            gx[row, j] = bounded(abar[row, c] * gi + alpha[row, c] * gj + gd)  # (4) (3)


def value(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> Array:  # fmt: skip
    """Sort by a relaxed sorting network: the soft order statistics of ``x``, ascending."""
    return _run(setup(gate, x, network, cdf, beta, lam), keep=False)[0]


def forward(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> tuple[Array, Residuals]:
    """The sorted values, and what the backward pass needs."""
    return _run(setup(gate, x, network, cdf, beta, lam), keep=True)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of x, beta and lam from that of the sorted values."""
    gy = gate.cotangent(gy, residuals.shapes[0]).astype(np.float64, copy=False)
    rows, network = residuals.beta.size, residuals.network
    return pull_values(residuals, gy.reshape(rows, network.wires), push=empty((rows, 0, network.first.size)))


def setup(gate: Gate, x: Any, network: NetworkLike, cdf: str, beta: Any, lam: Any) -> Problem:
    """Check the arguments shared by the network operators; the network goes to the device too."""
    problem = checked(gate, x, network, cdf, beta, lam)
    key = (network, problem.network.wires) if isinstance(network, str) else ()
    wiring = on_device(problem.network, *key)
    return problem._replace(network=wiring, lam=xp().asarray(problem.lam))


def _run(problem: Problem, keep: bool) -> tuple[Array, Residuals]:
    y, residuals = run_values(problem, keep)
    return y.reshape(problem.shapes[0]).astype(problem.dtype, copy=False), residuals


def run_values(problem: Problem, keep: bool = True) -> tuple[Float, Residuals]:
    """Sorted values (rows, n) in float64, and the residuals; unless kept, these are empty."""
    rows, n = problem.x.shape
    network = problem.network
    size = (rows if keep else 0, network.first.size)
    y = empty((rows, n))
    saved = empty(size), empty(size), empty(size), empty(size)
    per_row(
        values_kernel(CDFS.index(problem.cdf)), rows, n // 2,
        *network[:3], problem.x, problem.beta, problem.lam, y, *saved, keep,
    )  # fmt: skip
    return y, Residuals(*saved, problem.beta, problem.lam, *problem[3:])


def pull_values(residuals: Residuals, gy: Float, push: Float) -> Gradients:
    """The backward values pass over all rows."""
    rows, n = gy.shape
    network = residuals.network
    gx, gbeta, glam = empty((rows, n)), empty((rows, network.first.size)), empty((rows, network.first.size))
    per_row(
        values_backward, rows, n // 2,
        *network[:3], *residuals[:6], residuals.cdf == CDFS[ART], gy, push, gx, gbeta, glam,
    )  # fmt: skip
    return gradients(residuals, gx, gbeta.sum(axis=-1), glam.sum(axis=-1))
