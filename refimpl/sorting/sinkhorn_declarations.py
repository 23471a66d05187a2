"""What the Sinkhorn operators are declared on: domain, margin, definition. Laws and named inputs have their own files."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from refimpl.op import Arg, Array, Source, Tol, log_uniform
from refimpl.sorting.sinkhorn_cases import SORT_CASES as SORT_CASES
from refimpl.sorting.sinkhorn_laws import SORT_LAWS as SORT_LAWS
from refimpl.sorting.sinkhorn_problem import BACKWARDS, DEFAULT_TOL, MOST_ITERATIONS, SQUASHES

EPS = (0.1, 5.0)  # sampled log-uniformly: from hard to flat, for values and targets of unit size
TOL = Tol(
    value=64.0, gradient=1024.0,
    why="exponents up to 50 round to 50 ulp of an entry; a gradient adds up T sums of n such entries, and cancels",
)  # fmt: skip
SOURCES = (
    Source(
        where="Cuturi, Teboul, Vert 2019; Petersen, Learning with Differentiable Algorithms (thesis), 3.1.2",
        what="definition",
        departs="targets linspace(0, 1), no squashing by default; n = 2 is logistic without squashing only (E-17)",
    ),
)


# The domain


def sizes(rng: np.random.Generator) -> dict[str, int]:
    """Few values, few iterations; ``kind`` says whether there are targets, targets of each row, or squashing."""
    return {"n": int(rng.choice([1, 2, 2, 3, 4, 5, 6])), "batch": int(rng.integers(0, 3)), "kind": int(rng.integers(5))}


def _sample_x(rng: np.random.Generator, size: Any) -> Array:
    """Values apart from each other, in any order: where they are equal nothing depends on them, and signs are chance."""
    gaps = rng.uniform(0.15, 0.6, (size["batch"], size["n"]) if size["batch"] else (size["n"],))
    apart: Array = rng.permuted(np.cumsum(gaps, axis=-1), axis=-1) - rng.uniform(0.0, 1.0)
    return apart


def _sample_eps(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] > 1 and rng.random() < 0.5:
        return np.array([log_uniform(rng, *EPS) for _ in range(size["batch"])])
    return log_uniform(rng, *EPS)


def _sample_targets(rng: np.random.Generator, size: Any) -> Array | None:
    if size["kind"] not in (1, 2, 4):
        return None
    rows = (size["batch"], size["n"]) if size["kind"] == 2 and size["batch"] else (size["n"],)
    ascending: Array = np.cumsum(rng.uniform(0.15, 0.6, rows), axis=-1) - rng.uniform(0.0, 1.0)
    return ascending


ARGS = (
    Arg(name="x", shape="... n", domain="finite, n >= 1", sample=_sample_x),
    Arg(name="eps", shape="...", domain="> 0", sample=_sample_eps),
    Arg(
        name="iterations", shape="", domain="a whole number >= 1", differentiable=False,
        sample=lambda rng, size: int(rng.integers(1, 13)),
    ),
    Arg(name="tol", shape="", domain="> 0", differentiable=False, why_not="decides when to stop"),
    Arg(name="targets", shape="... n", domain="strictly ascending", sample=_sample_targets, optional=True),
    Arg(
        name="squash", shape="", domain=f"None, {', '.join(SQUASHES)}", differentiable=False,
        sample=lambda rng, size: SQUASHES[0] if size["kind"] > 2 else None,
    ),
    Arg(name="backward", shape="", domain=", ".join(BACKWARDS), differentiable=False),
)  # fmt: skip


def margin(x: Any, *, squash: str | None = None, **others: Any) -> float:
    """How far the values are from being all equal, where squashing jumps; smooth without it."""
    x = np.asarray(x, np.float64)
    if squash is None or x.shape[-1] < 2 or x.size == 0:
        return math.inf
    return float((x.max(axis=-1) - x.min(axis=-1)).min()) / 2.0


# The definition

DIGITS = 40


def matrix_by_definition(
    x: Any, *, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> Array:  # fmt: skip
    """The iteration as it stands, in decimal numbers of at least 40 digits: slow and obvious."""
    x = np.asarray(x, np.float64)
    n, batch = x.shape[-1], x.shape[:-1]
    y = np.broadcast_to(np.linspace(0.0, 1.0, n) if targets is None else np.asarray(targets, np.float64), x.shape)
    eps = np.broadcast_to(np.asarray(eps, np.float64), batch)
    limit = -1.0 if iterations and tol is None else DEFAULT_TOL if tol is None else tol
    p = np.full((*batch, n, n), np.nan)
    with localcontext() as context:
        context.Emin, context.Emax = -(10**9), 10**9
        for row in np.ndindex(batch):
            if not np.isnan(x[row]).any():
                values, ranks = [Decimal(float(v)) for v in x[row]], [Decimal(float(v)) for v in y[row]]
                context.prec = 3 * DIGITS + 700 if max(map(abs, values)) > 10**20 else 2 * DIGITS
                if squash:
                    values = _squashed(values)
                widest = (max(map(abs, values)) + max(map(abs, ranks))) ** 2 / Decimal(float(eps[row]))
                context.prec = DIGITS + max(0, widest.adjusted())  # squares of huge numbers cancel
                p[row] = _plan(values, ranks, Decimal(float(eps[row])), iterations or MOST_ITERATIONS, limit)
    return p


def _squashed(x: list[Decimal]) -> list[Decimal]:
    mean = sum(x, Decimal(0)) / len(x)
    std = (sum(((v - mean) ** 2 for v in x), Decimal(0)) / len(x)).sqrt() if len(set(x)) > 1 else Decimal(1)
    return [1 / (1 + ((mean - v) / std).exp()) for v in x]


def _log_sum(numbers: list[Decimal]) -> Decimal:
    top = max(numbers)
    return top + sum(((v - top).exp() for v in numbers if v - top > -(10**6)), Decimal(0)).ln()


def _plan(x: list[Decimal], y: list[Decimal], eps: Decimal, most: int, tol: float) -> list[list[float]]:
    n, log_n = len(x), Decimal(len(x)).ln()
    cost = [[(v - t) ** 2 for t in y] for v in x]
    f, g = [Decimal(0)] * n, [Decimal(0)] * n
    for _ in range(most):
        f = [-eps * (log_n + _log_sum([(g[j] - cost[i][j]) / eps for j in range(n)])) for i in range(n)]
        g = [-eps * (log_n + _log_sum([(f[i] - cost[i][j]) / eps for i in range(n)])) for j in range(n)]
        masses = [sum((_entry(f[i] + g[j] - cost[i][j], eps) for j in range(n)), Decimal(0)) for i in range(n)]
        if max(abs(n * mass - 1) for mass in masses) <= tol:
            break
    return [[float(n * _entry(f[i] + g[j] - cost[i][j], eps)) for i in range(n)] for j in range(n)]


def _entry(exponent: Decimal, eps: Decimal) -> Decimal:
    return (exponent / eps).exp() if exponent / eps > -(10**6) else Decimal(0)
