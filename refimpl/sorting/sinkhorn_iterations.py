"""Sinkhorn iterations for one row: potentials f of the inputs and g of the targets (over eps), and the scaled kernel.

    f_i = -log n - LSE_j(g_j + x_i y_j),    g_j = -log n - LSE_i(f_i + x_i y_j),    Pi_ji = exp(f_i + g_j + x_i y_j)

An iteration in these logarithms takes 2 n^2 exponentials. Most need none: from K = exp(f + g + x y) of an earlier
iteration the next ones are products, with phi = exp(new f - f) and gam = exp(new g - g):

    phi_i = 1 / (n sum_j K_ji gam_j),    gam_j = 1 / (n sum_i K_ji phi_i),    Pi_ji = phi_i K_ji gam_j.

When a factor leaves [LEAST, MOST] the iteration is done in logarithms and K made afresh. Entries of K that have
underflowed by then are below 1e-308 LEAST^-2 = 1e-108 in the plan, where sums are 1 / n.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Index, empty, run, scratch
from refimpl.jit import inlined, kernel, reduction
from refimpl.scalars.exponential import exponential
from refimpl.sorting.sinkhorn_problem import Problem, remark

LEAST, MOST = 1e-100, 1e100
VECTORS = 8  # workspace of ``iterate``, in rows of n numbers: f, g, phi, gam, mass, and three more


@reduction
def dot(k: Float, j: Index, weights: Float) -> float:
    total = 0.0
    for i in range(np.uint64(k.shape[1])):
        total += k[j, i] * weights[i]
    return total


@inlined
def gather(k: Float, j: Index, weight: float, into: Float) -> None:
    for i in range(np.uint64(k.shape[1])):
        into[i] += k[j, i] * weight


@inlined
def fill(into: Float, number: float) -> None:
    for i in range(np.uint64(into.size)):
        into[i] = number


@inlined
def copy(source: Float, into: Float) -> None:
    for i in range(np.uint64(into.size)):
        into[i] = source[i]


@inlined
def within(factors: Float) -> bool:
    """Are all factors in range? NaN is not."""
    outside = 0
    for i in range(np.uint64(factors.size)):
        outside += 0 if LEAST < factors[i] < MOST else 1
    return outside == 0


@inlined
def invert(sums: Float, into: Float) -> None:
    for i in range(np.uint64(sums.size)):
        into[i] = 1.0 / (sums.size * sums[i])


@inlined
def larger(x: Float, by: float, plus: float, into: Float) -> None:
    for i in range(np.uint64(x.size)):
        into[i] = max(into[i], plus + x[i] * by)


@inlined
def add_exponentials(x: Float, by: float, plus: float, top: Float, into: Float) -> None:
    for i in range(np.uint64(x.size)):
        into[i] += exponential((plus + x[i] * by) - top[i])


@inlined
def exponentials(f: Float, x: Float, by: float, top: float, k: Float, j: Index) -> None:
    for i in range(np.uint64(x.size)):
        k[j, i] = exponential((f[i] + x[i] * by) - top)


@reduction
def row_sum(k: Float, j: Index) -> float:
    """A loop of its own: beside a store, the order of the sum would hang on a check of addresses."""
    total = 0.0
    for i in range(np.uint64(k.shape[1])):
        total += k[j, i]
    return total


@kernel
def step_f(x: Float, y: Float, g: Float, f: Float, top: Float, total: Float) -> None:
    """f from g: rows of the plan sum to 1 / n."""
    fill(top, -np.inf)
    fill(total, 0.0)
    for j in range(np.uint64(y.size)):
        larger(x, y[j], g[j], top)
    for j in range(np.uint64(y.size)):
        add_exponentials(x, y[j], g[j], top, total)
    for i in range(np.uint64(x.size)):
        f[i] = -math.log(x.size) - top[i] - math.log(total[i])


@kernel
def step_g(x: Float, y: Float, f: Float, g: Float, k: Float) -> None:
    """g from f, and the plan: its columns sum to 1 / n."""
    for j in range(np.uint64(y.size)):
        top = -np.inf
        for i in range(np.uint64(x.size)):
            top = max(top, f[i] + x[i] * y[j])
        exponentials(f, x, y[j], top, k, j)
        total = row_sum(k, j)
        g[j] = -math.log(x.size) - top - math.log(total)
        share = 1.0 / (x.size * total)
        for i in range(np.uint64(x.size)):
            k[j, i] *= share


@kernel
def scale(k: Float, mass: Float, phi: Float, gam: Float, new: Float) -> bool:
    """One iteration by products: new factors phi and gam, new row masses; False if a factor is out of range."""
    n = np.uint64(mass.size)
    invert(mass, phi)
    if not within(phi):
        return False
    fill(new, 0.0)
    for j in range(n):
        gam[j] = 1.0 / (mass.size * dot(k, j, phi))
        gather(k, j, gam[j], new)
    return within(gam)


@kernel
def row_error(phi: Float, mass: Float) -> float:
    """The largest |n sum_j Pi_ji - 1|."""
    error = 0.0
    for i in range(np.uint64(phi.size)):
        error = max(error, abs(phi.size * phi[i] * mass[i] - 1.0))
    return error


@kernel
def iterate(
    x: Float, y: Float, start: Float, most: int, tol: float, keep: bool,
    k: Float, w: Float, tape: Float, base: Array,
) -> tuple[int, float]:  # fmt: skip
    """Up to ``most`` iterations, or to a row error of ``tol``; returns how many, and the row error.

    Leaves phi in w[2], gam in w[3]. With ``keep``, iteration t writes its factors (phi, gam) on tape[t], or (f, g) if it
    was done in logarithms; base[t] is the last such iteration up to t.
    """
    f, g, phi, gam, mass = w[0], w[1], w[2], w[3], w[4]
    error, last = 0.0, 0
    copy(start, g)
    for t in range(most):
        if t > 0 and scale(k, mass, w[5], w[6], w[7]):
            copy(w[5], phi)
            copy(w[6], gam)
            copy(w[7], mass)
        else:
            if t > 0:
                advance(g, gam)
            step_f(x, y, g, f, w[5], w[6])
            step_g(x, y, f, g, k)
            fill(phi, 1.0)
            fill(gam, 1.0)
            fill(mass, 0.0)
            for j in range(np.uint64(y.size)):
                gather(k, j, 1.0, mass)
            last = t
        if keep:
            copy(f if last == t else phi, tape[t, 0])
            copy(g if last == t else gam, tape[t, 1])
            base[t] = last
        if tol >= 0.0 or t == most - 1:
            error = row_error(phi, mass)
            if error <= tol:
                return t + 1, error
    return most, error


@kernel
def advance(g: Float, gam: Float) -> None:
    """The potential after the factors gam."""
    for j in range(np.uint64(g.size)):
        g[j] += math.log(gam[j])


@kernel
def before(t: int, x: Float, y: Float, start: Float, tape: Float, base: Array, g: Float, k: Float) -> None:
    """The plan halfway through iteration t, done in logarithms: k = exp(f + g + x y), f new and g from before.

    At most 1 / n, since rows sum to 1 / n; the minimum is for rounding.
    """
    copy(start if t == 0 else tape[base[t - 1], 1], g)
    if t > 0 and base[t - 1] < t - 1:
        advance(g, tape[t - 1, 1])
    f = tape[t, 0]
    for j in range(np.uint64(y.size)):
        for i in range(np.uint64(x.size)):
            k[j, i] = exponential(min(f[i] + g[j] + x[i] * y[j], 0.0))


@kernel
def plans(
    x: Float, y: Float, start: Float, most: int, tol: float, p: Array, done: Array, error: Float,
    k: Float, w: Float, tape: Float, base: Array, first: int, stop: int,
) -> None:  # fmt: skip
    """P[j, i] = n Pi_ji of rows first to stop. A row that holds NaN is NaN: every entry depends on every value."""
    n = np.uint64(x.shape[1])
    for row in range(first, stop):
        done[row], error[row] = 0, 0.0
        missing = x[row, 0] != x[row, 0]
        if not missing:
            done[row], error[row] = iterate(x[row], y[row], start[row], most, tol, False, k, w, tape, base)
        phi, gam = w[2], w[3]
        for j in range(n):
            for i in range(n):
                p[row, j, i] = np.nan if missing else (x.shape[1] * gam[j]) * k[j, i] * phi[i]


class Residuals(NamedTuple):
    """What the backward pass needs. The potentials are made again: 2 n numbers an iteration cost more to keep."""

    problem: Problem
    done: Array  # (rows,) iterations
    plan: Float | None  # (rows, n, n) P, for backward="implicit"


def solve(operator: str, problem: Problem) -> tuple[Float, Residuals]:
    """P of every row, in float64."""
    rows, n = problem.x.shape
    p, done, error = empty((rows, n, n)), np.empty(rows, np.int64), empty(rows)

    def chunk(start: int, stop: int) -> None:
        k, w = scratch("kernel", (n, n)), scratch("vectors", (VECTORS, n))
        no_tape, no_base = np.empty((0, 2, n)), np.empty(0, np.int64)
        plans(*problem[:3], problem.most, problem.tol, p, done, error, k, w, no_tape, no_base, start, stop)

    run(chunk, rows, work=rows * n * n * (8.0 + 0.3 * min(problem.most, 1000)))
    remark(operator, problem, done, error)
    return p, Residuals(problem, done, p.copy() if problem.implicit else None)
