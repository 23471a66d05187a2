"""Sinkhorn sorting on the device: one block for each batch row, in logarithms throughout.

The threads of the block share out the inputs (for f) or the targets (for g); a barrier ends each half step. Every thread
reads the same row errors and so takes the same decision to stop: no barrier is missed. A thread writes only what belongs
to its input or its target, so that nothing is added up by two threads. The backward pass repeats the iterations with a
tape, as on the CPU, and needs an exponential for each entry where the CPU multiplies. The mathematics, the derivation
and the meaning of the arguments are in ``refimpl/sorting/sinkhorn_sort.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_row, xp
from refimpl.jit import scalar
from refimpl.sorting.sinkhorn_implicit import UNWANTED
from refimpl.sorting.sinkhorn_iterations import Residuals
from refimpl.sorting.sinkhorn_problem import Problem, remark, setup
from refimpl.sorting.sinkhorn_sort import Gradients, gradients

gate = Gate("sorting.sinkhorn_sort")


@scalar
def share(f: float, g: float, x: float, y: float) -> float:
    """An entry of the plan after a half step: at most 1, but for rounding."""
    return math.exp(min(f + g + x * y, 0.0))


@device_kernel
def sinkhorn_kernel(
    x: Float, y: Float, start: Float, most: Array, tol: float, keep: bool,
    f: Float, g: Float, errors: Float, tape: Float, p: Float, done: Array, error: Float,
) -> None:  # fmt: skip
    """Block ``row``: at most most[row] iterations; with ``keep``, tape[row, t] gets (f, g) after each."""
    row, thread, threads, n = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x, x.shape[1]
    for j in range(thread, n, threads):
        g[row, j] = start[row, j]
    steps, worst = 0, 0.0
    while steps < most[row]:
        cuda.syncthreads()
        for i in range(thread, n, threads):
            top = -math.inf
            for j in range(n):
                top = max(top, g[row, j] + x[row, i] * y[row, j])
            total = 0.0
            for j in range(n):
                total += math.exp(min(g[row, j] + x[row, i] * y[row, j] - top, 0.0))
            f[row, i] = -math.log(float(n)) - top - math.log(total)
            if keep:
                tape[row, steps, 0, i] = f[row, i]
        cuda.syncthreads()
        for j in range(thread, n, threads):
            top = -math.inf
            for i in range(n):
                top = max(top, f[row, i] + x[row, i] * y[row, j])
            total = 0.0
            for i in range(n):
                total += math.exp(min(f[row, i] + x[row, i] * y[row, j] - top, 0.0))
            g[row, j] = -math.log(float(n)) - top - math.log(total)
            if keep:
                tape[row, steps, 1, j] = g[row, j]
        cuda.syncthreads()
        steps += 1
        if not keep and (tol >= 0.0 or steps == most[row]):
            for i in range(thread, n, threads):
                mass = 0.0
                for j in range(n):
                    mass += share(f[row, i], g[row, j], x[row, i], y[row, j])
                errors[row, i] = abs(n * mass - 1.0)
            cuda.syncthreads()
            worst = 0.0
            for i in range(n):
                worst = max(worst, errors[row, i])
            if worst <= tol:
                break
    missing = x[row, 0] != x[row, 0]
    if not keep:
        for j in range(thread, n, threads):
            top, total = -math.inf, 0.0  # the last half step again: its sums are 1 to rounding
            for i in range(n):
                top = max(top, f[row, i] + x[row, i] * y[row, j])
            for i in range(n):
                p[row, j, i] = math.exp(min(f[row, i] + x[row, i] * y[row, j] - top, 0.0))
                total += p[row, j, i]
            for i in range(n):
                p[row, j, i] = math.nan if missing else p[row, j, i] / total
        if thread == 0:
            done[row] = 0 if missing else steps
            error[row] = 0.0 if missing else worst


@device_kernel
def sinkhorn_backward(
    x: Float, y: Float, start: Float, done: Array, tape: Float, gp: Float, m: Float,
    gx: Float, gy: Float, gf: Float, gg: Float,
) -> None:  # fmt: skip
    """Block ``row`` undoes the iterations of that row; gg is left with the cotangent of the starting potential."""
    row, thread, threads, n = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x, x.shape[1]
    last = done[row] - 1
    if last < 0:  # NaN in, NaN out: the same for all threads of the block
        for i in range(thread, n, threads):
            gx[row, i], gy[row, i], gg[row, i] = math.nan, math.nan, math.nan
        return
    for j in range(thread, n, threads):
        top, mass, level = 0, 0.0, 0.0
        for i in range(n):
            if tape[row, last, 0, i] + x[row, i] * y[row, j] > tape[row, last, 0, top] + x[row, top] * y[row, j]:
                top = i
        highest = tape[row, last, 0, top] + x[row, top] * y[row, j]
        for i in range(n):
            m[row, j, i] = math.exp(min(tape[row, last, 0, i] + x[row, i] * y[row, j] - highest, 0.0))
            mass += m[row, j, i]
        for i in range(n):
            m[row, j, i] /= mass  # P
            level += m[row, j, i] * (gp[row, j, i] - gp[row, j, top])
        gy[row, j], gg[row, j] = 0.0, 0.0
        for i in range(n):
            m[row, j, i] *= (gp[row, j, i] - gp[row, j, top]) - level  # (1) (2)
            gy[row, j] += m[row, j, i] * x[row, i]  # (4)
    cuda.syncthreads()
    for i in range(thread, n, threads):
        gx[row, i], gf[row, i] = 0.0, 0.0
        for j in range(n):
            gf[row, i] += m[row, j, i]  # (1) (2)
            gx[row, i] += m[row, j, i] * y[row, j]  # (4)
    for t in range(last, -1, -1):
        cuda.syncthreads()
        if t < last:
            for i in range(thread, n, threads):
                for j in range(n):
                    r = n * share(tape[row, t, 0, i], tape[row, t, 1, j], x[row, i], y[row, j]) * gg[row, j]
                    gf[row, i] -= r  # (2)
                    gx[row, i] -= r * y[row, j]  # (2) (4)
            for j in range(thread, n, threads):
                for i in range(n):
                    r = n * share(tape[row, t, 0, i], tape[row, t, 1, j], x[row, i], y[row, j]) * gg[row, j]
                    gy[row, j] -= r * x[row, i]  # (2) (4)
        cuda.syncthreads()
        for j in range(thread, n, threads):
            before = tape[row, t - 1, 1, j] if t > 0 else start[row, j]
            total = 0.0
            for i in range(n):
                s = n * share(tape[row, t, 0, i], before, x[row, i], y[row, j]) * gf[row, i]
                total -= s  # (3)
                gy[row, j] -= s * x[row, i]  # (3) (4)
            gg[row, j] = total
        for i in range(thread, n, threads):
            for j in range(n):
                before = tape[row, t - 1, 1, j] if t > 0 else start[row, j]
                gx[row, i] -= n * share(tape[row, t, 0, i], before, x[row, i], y[row, j]) * gf[row, i] * y[row, j]
        cuda.syncthreads()
        for i in range(thread, n, threads):
            gf[row, i] = 0.0  # (3)


@device_kernel
def implicit_kernel(
    x: Float, y: Float, plan: Float, gp: Float, rank: Array, item: Array, c: Float, m: Float, solution: Float,
    w: Float, gt: Float, gx: Float, gy: Float,
) -> None:  # fmt: skip
    """Block ``row`` does what ``sinkhorn_implicit`` derives: (9) with m = 0, then with the solution of (10), by (11)."""
    row, thread, threads, n = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x, x.shape[1]
    for i in range(thread, n, threads):
        best, total = 0, 0.0
        for j in range(n):
            total += plan[row, j, i]
            best = j if plan[row, j, i] > plan[row, best, i] else best
        rank[row, i], c[row, i], solution[row, i] = best, max(total, UNWANTED), 0.0
        best = 0
        for j in range(n):
            best = j if plan[row, i, j] > plan[row, i, best] else best
        item[row, i] = best
    for turn in range(2):
        cuda.syncthreads()
        for i in range(thread, n, threads):
            top, level = rank[row, i], 0.0
            for j in range(n):
                gt[row, j, i] = (gp[row, j, i] - gp[row, top, i]) - (solution[row, j] - solution[row, top])
                level += plan[row, j, i] * gt[row, j, i]
            level /= c[row, i]  # (9)
            for j in range(n):
                gt[row, j, i] = plan[row, j, i] * (gt[row, j, i] - level)  # (9)
        cuda.syncthreads()
        if turn == 1:
            break
        for j in range(thread, n, threads):
            m[row, j] = 0.0
            for i in range(n):
                m[row, j] += gt[row, j, i]  # (10)
            for k in range(j):
                w[row, j, k] = 0.0
                for i in range(n):
                    w[row, j, k] += plan[row, j, i] * plan[row, k, i] / c[row, i]  # (10)
        for back in range(n - 1):
            k = n - 1 - back
            cuda.syncthreads()
            d = 0.0
            for j in range(k):
                d += w[row, k, j]
            for j in range(thread, k, threads):
                r = w[row, k, j] / d if d > 0.0 else 0.0
                m[row, j] += r * m[row, k]  # (11)
                for i in range(j):
                    w[row, j, i] += r * w[row, k, i]  # (11)
            if thread == 0:
                w[row, k, k] = d
        for k in range(n):
            cuda.syncthreads()
            joined = k > 0 and w[row, k, k] > 0.0
            found = m[row, k] / w[row, k, k] if joined else 0.0  # (11)
            for j in range(k + 1 + thread, n, threads):
                m[row, j] += w[row, j, k] * found  # (11)
            if thread == 0:
                solution[row, k] = found
    for i in range(thread, n, threads):
        gx[row, i], gy[row, i] = 0.0, 0.0
        for j in range(n):
            gx[row, i] += gt[row, j, i] * (y[row, j] - y[row, rank[row, i]])  # (4)
            gy[row, i] += gt[row, i, j] * (x[row, j] - x[row, item[row, i]])  # (4)


def value(
    x: Array, *, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> Array:  # fmt: skip
    """The plan of entropic optimal transport from values to ascending targets, as a relaxed permutation matrix."""
    return forward(x, eps=eps, iterations=iterations, tol=tol, targets=targets, squash=squash, backward=backward)[0]


def forward(
    x: Array, *, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The matrix, and what the backward pass needs."""
    problem = setup(gate, x, eps, iterations, tol, targets, squash, backward, xp())
    p, residuals = solve(gate.operator, problem)
    return p.astype(problem.dtype, copy=False).reshape(*problem.shapes[0], p.shape[-1]), residuals


def solve(operator: str, problem: Problem) -> tuple[Float, Residuals]:
    """P of every row, in float64."""
    rows, n = problem.x.shape
    p, done, error = empty((rows, n, n)), xp().empty(rows, np.int64), empty(rows)
    most = xp().full(rows, problem.most, np.int64)
    work = empty((rows, n)), empty((rows, n)), empty((rows, n)), empty((rows, 0, 2, n))
    per_row(sinkhorn_kernel, rows, n, *problem[:3], most, problem.tol, False, *work, p, done, error)
    remark(operator, problem, done, error)
    return p, Residuals(problem, done, p.copy() if problem.implicit else None)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, eps and targets from that of the matrix."""
    rows, n = residuals.problem.x.shape
    gp = gate.cotangent(gp, (*residuals.problem.shapes[0], n)).reshape(rows, n, n).astype(np.float64, copy=False)
    return gradients(residuals.problem, *pull_back(residuals, gp), xp())


def pull_back(residuals: Residuals, gp: Float) -> tuple[Float, Float, Float]:
    """Cotangents of the scaled x and y and of the starting potential, every row."""
    problem, done = residuals.problem, residuals.done
    if residuals.plan is not None:
        return implicit(problem, residuals.plan, gp)
    rows, n = problem.x.shape
    most = int(done.max()) if rows else 0
    f, g, errors, tape = empty((rows, n)), empty((rows, n)), empty((rows, 0)), empty((rows, most, 2, n))
    unused = empty((rows, 0, n)), xp().empty(0, np.int64), empty(0)
    per_row(sinkhorn_kernel, rows, n, *problem[:3], done, -1.0, True, f, g, errors, tape, *unused)
    gx, gy, gf, gg = (empty((rows, n)) for _ in range(4))
    per_row(sinkhorn_backward, rows, n, *problem[:3], done, tape, gp, empty((rows, n, n)), gx, gy, gf, gg)
    return gx, gy, gg


def implicit(problem: Problem, plan: Float, gp: Float) -> tuple[Float, Float, Float]:
    """Cotangents of x, y and the starting potential, every row."""
    rows, n = problem.x.shape
    gx, gy, c, m, solution = (empty((rows, n)) for _ in range(5))
    rank, item = xp().empty((rows, n), np.int64), xp().empty((rows, n), np.int64)
    w, gt = empty((rows, n, n)), empty((rows, n, n))
    per_row(implicit_kernel, rows, n, problem.x, problem.y, plan, gp, rank, item, c, m, solution, w, gt, gx, gy)
    return gx, gy, xp().zeros_like(gy)
