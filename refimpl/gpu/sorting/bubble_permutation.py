"""The matrix of a relaxed bubble sort on the device: the kernels of the network operators, on any number of rounds.

The mathematics and the meaning of the arguments are in
``refimpl/sorting/bubble_permutation.py``.
"""

from __future__ import annotations

from typing import Any

from refimpl.boundary import Array
from refimpl.gpu.device import Gate, empty, per_element
from refimpl.gpu.sorting import network_permutation
from refimpl.gpu.sorting.network_sort import run_values
from refimpl.gpu.sorting.transposition import placed
from refimpl.sorting.bubble_permutation import Gradients
from refimpl.sorting.bubble_permutation import setup as checked
from refimpl.sorting.network_sort import Residuals

gate = Gate("sorting.bubble_permutation")


def value(a: Array, *, steepness: Any, steps: int | None = None) -> Array:
    """The doubly stochastic matrix P of a relaxed bubble sort: ``P @ a`` are the sorted values, ascending."""
    return forward(a, steepness=steepness, steps=steps)[0]


def forward(a: Array, *, steepness: Any, steps: int | None = None) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    posed = placed(checked(gate, a, steepness, steps))
    _, residuals = run_values(posed)
    rows, n = posed.x.shape
    p = empty((rows, n, n))
    per_element(network_permutation.matrix, rows * n, *posed.network[:2], residuals.alpha, residuals.abar, p)
    return p.astype(posed.dtype, copy=False).reshape(*posed.shapes[0], n), residuals


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of a and steepness from that of the matrix."""
    gp = gate.cotangent(gp, (*residuals.shapes[0], residuals.network.wires))
    pulled = network_permutation.backward(residuals, gp)
    return Gradients(a=pulled.x, steepness=pulled.beta)
