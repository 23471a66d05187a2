"""The k largest values by entropic optimal transport: k rows of the matrix of ``sorting.sinkhorn_sort``.

    P_k[m, c] = P[n - 1 - m, c],    m = 0 .. k - 1

P is ascending, so row 0 of P_k says where the largest value comes from. All of P is solved for: every row depends on
every target.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty
from refimpl.op import Op, Out
from refimpl.sorting.sinkhorn_declarations import SOURCES, TOL, margin
from refimpl.sorting.sinkhorn_iterations import Residuals as Saved
from refimpl.sorting.sinkhorn_iterations import solve
from refimpl.sorting.sinkhorn_problem import setup
from refimpl.sorting.sinkhorn_sort import Gradients, gradients, pull_back
from refimpl.topk import sinkhorn_topk_declarations as declare
from refimpl.topk.counts import wanted

gate = Gate("topk.sinkhorn_topk")


class Residuals(NamedTuple):
    """What the backward pass needs: what the sorter keeps, and k."""

    sort: Saved
    k: int


# Derivation.
#   (1)  P_k are rows of P in reverse order:    gP[n - 1 - m] = gP_k[m], and 0 in all other rows


def value(
    x: Array, *, k: int, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> Array:  # fmt: skip
    """The k largest values by entropic optimal transport: row m of P_k is the distribution of the m-th largest.

        P_k[m, c] = P[n - 1 - m, c],  P the matrix of ``sorting.sinkhorn_sort``

    Parameters
    ----------
    x : (..., n) float64 or float32
        Values to select from, n >= 1. A row that holds NaN gives a NaN matrix; infinities are refused.
    k : int
        How many, 1 <= k <= n.
    eps, iterations, tol, targets, squash, backward
        As in ``sorting.sinkhorn_sort``; targets ascend, one for each of the n ranks.

    Returns
    -------
    p : (..., k, n), dtype of ``x``
        Row 0 is the largest; ``P_k @ x`` are relaxed largest values. Rows sum to 1 always, columns to at most 1 in the
        limit.

    Residuals
    ---------
    sort: those of the sorter, O(n) numbers a batch row. k.

    Raises
    ------
    TypeError, ValueError, NotConverged (a warning)
        As ``sorting.sinkhorn_sort``; TypeError for a k that is no whole number, ValueError for one outside 1..n.

    VJP
    ---
    (1) gP[n - 1 - m] = gP_k[m], 0 in the other rows; then that of the sorter.

    Not smooth
    ----------
    As ``sorting.sinkhorn_sort``.

    Numerics
    --------
    Those of ``sorting.sinkhorn_sort``: time O(T n^2) whatever k is, memory n^2 in the passage.

    Source
    ------
    Petersen, thesis, 4.2: full matrix, rows reversed, the first k.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import topk
    >>> topk.sinkhorn_topk(np.array([0.9, 0.1, 0.5, 0.2]), k=1, eps=0.1).round(4)
    array([[0.8119, 0.0014, 0.1798, 0.0069]])
    """
    return forward(
        x, k=k, eps=eps, iterations=iterations, tol=tol, targets=targets, squash=squash, backward=backward
    )[0]  # fmt: skip


def forward(
    x: Array, *, k: int, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The rows, and what the backward pass needs."""
    problem = setup(gate, x, eps, iterations, tol, targets, squash, backward)
    chosen = wanted(gate, k, problem.x.shape[1])
    p, saved = solve(gate.operator, problem)
    return reversed_rows(p, chosen, problem.dtype).reshape(*out_shape(problem.shapes[0], chosen)), Residuals(
        saved, chosen
    )


def reversed_rows(p: Float, k: int, dtype: np.dtype[Any]) -> Array:
    """The last k rows, last first, in memory of their own."""
    rows: Array = p[:, ::-1][:, :k].astype(dtype, order="C")
    return rows


def out_shape(x_shape: tuple[int, ...], k: int) -> tuple[int, ...]:
    return (*x_shape[:-1], k, x_shape[-1])


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, eps and targets from that of the rows."""
    problem, k = residuals.sort.problem, residuals.k
    rows, n = problem.x.shape
    gp = gate.cotangent(gp, out_shape(problem.shapes[0], k)).reshape(rows, k, n)
    whole = empty((rows, n, n))
    whole[:, : n - k] = 0.0  # (1)
    whole[:, n - k :] = gp[:, ::-1]  # (1)
    return gradients(problem, *pull_back(residuals.sort, whole))


sinkhorn_topk = Op(
    id="topk.sinkhorn_topk",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.topk.sinkhorn_topk",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... k n"),),
    backward_is="derivative",
    margin=margin,
    oracle=declare.rows_by_definition,
    sources=(*SOURCES, *declare.SOURCES),
    tol=TOL,
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
