"""What the two losses between permutation matrices share on the device: the sum over entries.

A thread sums every U-th entry of a matrix, U of them share it, and neighbouring threads read neighbouring numbers; the
U partial sums are added by CuPy, in one order. The logarithm is libdevice's. The mathematics is in
``refimpl/sorting/permutation_losses.py``.
"""

from __future__ import annotations

import math

from refimpl.boundary import Array, Float
from refimpl.gpu.device import empty, xp
from refimpl.jit import scalar
from refimpl.sorting.permutation_losses import Residuals, blocks_of


@scalar
def clamped_log(p: float, pmin: float) -> float:
    """log(max(p, pmin))."""
    return math.log(pmin if p < pmin else p)


@scalar
def complement_log(p: float, pmin: float) -> float:
    """log(max(1 - p, pmin))."""
    return math.log(pmin) if 1.0 - p < pmin else math.log1p(-p)


@scalar
def clamped_slope(p: float, pmin: float) -> float:
    """The derivative of log(max(p, pmin)) by p."""
    if p < pmin:
        return 0.0
    return 0.5 / p if p == pmin else 1.0 / p


def on_device(problem: Residuals) -> Residuals:
    """With the places of the matrices on the device too."""
    return problem._replace(p_at=xp().asarray(problem.p_at), q_at=xp().asarray(problem.q_at))


def partial_sums(problem: Residuals) -> Float:
    """Room for the sums of the threads, (rows, U)."""
    return empty((problem.p_at.size, blocks_of(problem.n)))


def total(problem: Residuals, parts: Float, scale: float) -> Array:
    """The losses, from the partial sums."""
    loss: Array = 0.0 - parts.sum(axis=-1) / scale
    return loss.astype(problem.dtype, copy=False).reshape(problem.batch)
