"""The relaxed conditional swap on the device: one thread per pair.

Pairs do not meet, and neighbouring threads read and write neighbouring numbers. Gradients of broadcast parameters are
written per element and summed by CuPy, in one order. The mathematics, the derivation and the meaning of the arguments
are in ``refimpl/sorting/swap.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, device_specialised, empty, per_element
from refimpl.scalars.swaps import ART, CDFS, art_ratios, difference, exchange, weights
from refimpl.sorting.swap import Gradients, Residuals, Swapped, gradients, setup

gate = Gate("sorting.swap")


@device_specialised
def swap_kernel(code: int) -> Callable[..., None]:
    def swap(
        a: Float, b: Float, beta: Float, lam: Float,
        low: Float, high: Float, d: Float, alpha: Float, abar: Float, slope: Float,
    ) -> None:  # fmt: skip
        e = cuda.grid(1)
        if e < a.size:
            d[e] = difference(a[e], b[e])
            alpha[e], abar[e], slope[e] = weights(code, d[e], beta[e * (beta.size > 1)], lam[e * (lam.size > 1)])
            low[e], high[e] = exchange(a[e], b[e], d[e], alpha[e], abar[e])

    return swap


@device_kernel
def swap_backward(
    d: Float, alpha: Float, abar: Float, slope: Float, beta: Float, lam: Float, art: bool, glow: Float, ghigh: Float,
    ga: Float, gb: Float, gbeta: Float, glam: Float,
) -> None:  # fmt: skip
    e = cuda.grid(1)
    if e < d.size:
        gl, gh = glow[e], ghigh[e]
        gd = (slope[e] * d[e]) * (gh - gl)  # (1) (2)
        per_beta, per_lam = 1.0, 0.0
        if art:
            per_beta, per_lam = art_ratios(d[e], lam[e * (lam.size > 1)])
        ga[e] = alpha[e] * gl + abar[e] * gh - gd  # (3) (2)
        gb[e] = abar[e] * gl + alpha[e] * gh + gd  # (3) (2)
        gbeta[e] = gd * d[e] * per_beta / beta[e * (beta.size > 1)]  # (4)
        glam[e] = gd * d[e] * per_lam  # (4)


def value(a: Array, b: Array, *, cdf: str = "cauchy", beta: Any, lam: Any = None) -> Swapped:
    """Relaxed minimum and maximum of two arrays, element by element."""
    return forward(a, b, cdf=cdf, beta=beta, lam=lam)[0]


def forward(a: Array, b: Array, *, cdf: str = "cauchy", beta: Any, lam: Any = None) -> tuple[Swapped, Residuals]:
    """Both outputs, and what the backward pass needs."""
    problem = setup(gate, a, b, cdf, beta, lam)
    size = problem.a.size
    low, high = empty(size), empty(size)
    saved = empty(size), empty(size), empty(size), empty(size)
    per_element(swap_kernel(CDFS.index(cdf)), size, *problem[:4], low, high, *saved)
    low, high = (array.astype(problem.dtype, copy=False).reshape(problem.shape) for array in (low, high))
    residuals = Residuals(*saved, problem.beta, problem.lam, cdf, problem.shape, problem.shapes, problem.dtype)
    return Swapped(low, high), residuals


def backward(residuals: Residuals, cotangents: Any) -> Gradients:
    """Cotangents of a, b, beta and lam from the pair of those of min and max."""
    try:
        glow, ghigh = cotangents
    except (TypeError, ValueError):
        gate.refuse("cotangent", "is not a pair", "two arrays, for min and for max", TypeError)
    shape = residuals.shape
    glow = gate.cotangent(glow, shape, "cotangent of min").reshape(-1).astype(np.float64, copy=False)
    ghigh = gate.cotangent(ghigh, shape, "cotangent of max").reshape(-1).astype(np.float64, copy=False)
    size = residuals.d.size
    pulled = empty(size), empty(size), empty(size), empty(size)
    per_element(swap_backward, size, *residuals[:6], residuals.cdf == CDFS[ART], glow, ghigh, *pulled)
    return gradients(residuals, *pulled)
