"""The k largest values by entropic optimal transport on the device: k rows of the sorter's matrix, reversed.

The kernels are those of ``refimpl/gpu/sorting/sinkhorn_sort.py``; the meaning of the arguments is in
``refimpl/topk/sinkhorn_topk.py``.
"""

from __future__ import annotations

from typing import Any

from refimpl.boundary import Array
from refimpl.gpu.device import Gate, empty, xp
from refimpl.gpu.sorting.sinkhorn_sort import pull_back, solve
from refimpl.sorting.sinkhorn_problem import setup
from refimpl.sorting.sinkhorn_sort import Gradients, gradients
from refimpl.topk.counts import wanted
from refimpl.topk.sinkhorn_topk import Residuals, out_shape, reversed_rows

gate = Gate("topk.sinkhorn_topk")


def value(
    x: Array, *, k: int, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> Array:  # fmt: skip
    """The k largest values by entropic optimal transport: row m of P_k is the distribution of the m-th largest."""
    return forward(
        x, k=k, eps=eps, iterations=iterations, tol=tol, targets=targets, squash=squash, backward=backward
    )[0]  # fmt: skip


def forward(
    x: Array, *, k: int, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The rows, and what the backward pass needs."""
    problem = setup(gate, x, eps, iterations, tol, targets, squash, backward, xp())
    chosen = wanted(gate, k, problem.x.shape[1])
    p, saved = solve(gate.operator, problem)
    return reversed_rows(p, chosen, problem.dtype).reshape(*out_shape(problem.shapes[0], chosen)), Residuals(
        saved, chosen
    )


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, eps and targets from that of the rows."""
    problem, k = residuals.sort.problem, residuals.k
    rows, n = problem.x.shape
    gp = gate.cotangent(gp, out_shape(problem.shapes[0], k)).reshape(rows, k, n)
    whole = empty((rows, n, n))
    whole[:, : n - k] = 0.0  # (1)
    whole[:, n - k :] = gp[:, ::-1]  # (1)
    return gradients(problem, *pull_back(residuals.sort, whole), xp())
