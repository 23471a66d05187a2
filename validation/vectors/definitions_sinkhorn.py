"""Sinkhorn sorting as the thesis has it (3.1.2), in dual numbers of 50 digits: the iteration on the cost itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from validation.vectors.dual import Array, Dual, exp, log, sqrt

DEFAULT_TOL, MOST = mpf("1e-9"), 10_000
LIMIT = mpf("1e-30")  # row error at which the plan, and with it the derivative of every iteration, has converged


def _log_sum(numbers: Sequence[Dual]) -> Dual:
    top = max(number.v for number in numbers)
    return log(sum((exp(number - top) for number in numbers), Dual(0))) + top


def _squashed(x: Sequence[Dual]) -> list[Dual]:
    if all(v.v == x[0].v for v in x):
        return [Dual(mpf(1) / 2) for _ in x]
    mean = sum(x, Dual(0)) / len(x)
    std = sqrt(sum(((v - mean) * (v - mean) for v in x), Dual(0)) / len(x))
    return [1 / (1 + exp((mean - v) / std)) for v in x]


def _settled(now: Sequence[Dual], before: Sequence[Dual]) -> bool:
    """Have the slopes converged too? Symmetric values have their plan after one iteration, its derivative later."""
    return all(abs(slope) <= LIMIT for a, b in zip(now, before, strict=True) for slope in (a - b).d.values())


def _plan(x: Sequence[Dual], y: Sequence[Any], eps: Dual, most: int, tol: mpf) -> Array:
    n = len(x)
    log_n = mpmath.log(n)
    cost = [[(v - t) * (v - t) for t in y] for v in x]
    f, g = [Dual(0)] * n, [Dual(0)] * n
    for _ in range(most):
        before = g
        f = [-eps * (_log_sum([(g[j] - cost[i][j]) / eps for j in range(n)]) + log_n) for i in range(n)]
        g = [-eps * (_log_sum([(f[i] - cost[i][j]) / eps for i in range(n)]) + log_n) for j in range(n)]
        masses = [sum(exp(Dual((f[i] + g[j] - cost[i][j]).v / eps.v)).v for j in range(n)) for i in range(n)]
        if max(abs(n * mass - 1) for mass in masses) <= tol and (tol != LIMIT or _settled(g, before)):
            break
    p = np.empty((n, n), object)
    for i in range(n):
        for j in range(n):
            p[j, i] = exp((f[i] + g[j] - cost[i][j]) / eps) * n
    return p


def sinkhorn_sort(
    x: Array, *, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> tuple[Array, ...]:  # fmt: skip
    batch, n = x.shape[:-1], x.shape[-1]
    ladder = np.array([Dual(float(v)) for v in np.linspace(0.0, 1.0, n)], object)
    targets = np.broadcast_to(ladder if targets is None else targets, x.shape)
    temperatures = np.broadcast_to(eps, batch)
    limit = mpf(-1) if iterations and tol is None else DEFAULT_TOL if tol is None else mpf(float(tol))
    converged = iterations is None or tol is not None if backward is None else backward == "implicit"
    if converged:
        limit, iterations = LIMIT, None
    p = np.empty((*batch, n, n), object)
    for row in np.ndindex(batch):
        eps_row = temperatures[row].item() if isinstance(temperatures[row], np.ndarray) else temperatures[row]
        values = list(x[row])
        if any(mpmath.isnan(v.v) for v in values):
            p[row] = Dual(mpmath.nan)
            continue
        p[row] = _plan(_squashed(values) if squash else values, targets[row], eps_row, iterations or MOST, limit)
    return (p,)


def sinkhorn_topk(x: Array, *, k: int, **others: Any) -> tuple[Array, ...]:
    (p,) = sinkhorn_sort(x, **others)
    return (p[..., ::-1, :][..., :k, :],)


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "sorting.sinkhorn_sort": sinkhorn_sort,
    "topk.sinkhorn_topk": sinkhorn_topk,
}
