"""The first k rows of NeuralSort on the device: those of ``refimpl/gpu/sorting/neural_sort.py``."""

from __future__ import annotations

from typing import Any

from refimpl.boundary import Array
from refimpl.gpu.device import Gate
from refimpl.gpu.sorting.neural_sort import rows, rows_backward
from refimpl.sorting.neural_problem import Gradients, Residuals
from refimpl.topk.counts import wanted

gate = Gate("topk.neural_topk")


def value(s: Array, *, k: int, tau: Any) -> Array:
    """The k largest scores by NeuralSort: row m is the distribution of the m-th largest over the inputs."""
    return forward(s, k=k, tau=tau)[0]


def forward(s: Array, *, k: int, tau: Any) -> tuple[Array, Residuals]:
    """The rows, and what the backward pass needs."""
    s = gate.array("s", s, rank=1)
    return rows(gate, s, wanted(gate, k, s.shape[-1]), tau)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the rows."""
    return rows_backward(gate, residuals, gp)
