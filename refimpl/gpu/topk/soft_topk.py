"""SoftSort cut off at k, on the device: the first k rows, with the kernels of ``refimpl/gpu/sorting/soft_sort.py``."""

from __future__ import annotations

from typing import Any

from refimpl.boundary import Array
from refimpl.gpu.device import Gate
from refimpl.gpu.sorting.soft_sort import rows, rows_backward
from refimpl.sorting.soft_sort import Gradients, Residuals
from refimpl.topk.counts import wanted

gate = Gate("topk.soft_topk")


def value(s: Array, *, k: int, tau: Any, power: int = 1) -> Array:
    """Relaxed top-k: row m is a distribution over the scores of being the m-th largest, m = 0 the maximum."""
    return forward(s, k=k, tau=tau, power=power)[0]


def forward(s: Array, *, k: int, tau: Any, power: int = 1) -> tuple[Array, Residuals]:
    """The rows, and what the backward pass needs."""
    s = gate.array("s", s, rank=1)
    return rows(gate, s, wanted(gate, k, s.shape[-1]), tau, power)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the rows."""
    return rows_backward(gate, residuals, gp)
