"""The cotangents of a converged Sinkhorn plan, from the equations it solves: nothing is unrolled.

The system is small, symmetric and positive definite: a Cholesky factor, with sums in an order that no library chooses.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.boundary import Float, Index, empty, run, scratch
from refimpl.jit import kernel, reduction
from refimpl.sorting.sinkhorn_problem import Problem

RIDGE = 2.0**-52  # times n: of the order of the rounding of Q Q', and keeps a permutation from being singular

# Derivation, continuing that of ``sinkhorn_sort``. In the limit f and g are defined by both sums of Pi, and the cotangent
# gt of x_i y_j must leave these alone.
#   (9)  gt = M - Pi * (l_i + m_j), where every row and column of gt sums to 0. With Q = P, doubly stochastic:
#            l + Q' m = sum_j M_ji,    Q l + m = sum_i M_ji        (l and m scaled by 1 / n)
#   (10) without l:  (1 - Q Q') m = sum_i M_ji - Q sum_j M_ji.    Adding a number to m and taking it from l changes
#        nothing: 1 is a null vector, and 1 1' / n is added, which fixes the sum of m at 0.


@reduction
def rows_product(a: Float, i: Index, b: Float, j: Index, columns: Index) -> float:
    """<a_i, b_j> over the first columns."""
    total = 0.0
    for k in range(columns):
        total += a[i, k] * b[j, k]
    return total


@kernel
def schur(q: Float, s: Float) -> None:
    """The lower half of 1 - Q Q' + 1 1' / n, and the ridge (10)."""
    n = np.uint64(q.shape[0])
    for i in range(n):
        for j in range(i + np.uint64(1)):
            s[i, j] = 1.0 / q.shape[0] - rows_product(q, i, q, j, n)
        s[i, i] += 1.0 + q.shape[0] * RIDGE


@kernel
def solve(s: Float, m: Float) -> None:
    """M becomes the solution of s m = m; s becomes its Cholesky factor. A pivot is at least the ridge."""
    n = np.uint64(s.shape[0])
    for i in range(n):
        for j in range(i):
            s[i, j] = (s[i, j] - rows_product(s, i, s, j, j)) / s[j, j]
        s[i, i] = math.sqrt(max(s[i, i] - rows_product(s, i, s, i, i), s.shape[0] * RIDGE))
    for i in range(n):
        for j in range(i):
            m[i] -= s[i, j] * m[j]
        m[i] /= s[i, i]
    for back in range(n):
        last = n - np.uint64(1) - back
        m[last] /= s[last, last]
        for j in range(last):
            m[j] -= s[last, j] * m[last]


@kernel
def implicit_rows(
    x: Float, y: Float, plan: Float, gp: Float, gx: Float, gy: Float, gstart: Float,
    s: Float, left: Float, right: Float, start: int, stop: int,
) -> None:  # fmt: skip
    """Rows start to stop; left and right become l and m."""
    n = np.uint64(x.shape[1])
    for row in range(start, stop):
        q = plan[row]
        for i in range(n):
            left[i] = 0.0
        for j in range(n):
            right[j] = 0.0
            for i in range(n):
                left[i] += gp[row, j, i] * q[j, i]  # (1)
                right[j] += gp[row, j, i] * q[j, i]  # (1)
        for j in range(n):
            for i in range(n):
                right[j] -= q[j, i] * left[i]  # (10)
        schur(q, s)
        solve(s, right)  # (10)
        for j in range(n):
            for i in range(n):
                left[i] -= q[j, i] * right[j]  # (9)
        for i in range(n):
            gx[row, i] = 0.0
        for j in range(n):
            gy[row, j], gstart[row, j] = 0.0, 0.0
            for i in range(n):
                gt = q[j, i] * ((gp[row, j, i] - left[i]) - right[j])  # (9)
                gx[row, i] += gt * y[row, j]  # (4)
                gy[row, j] += gt * x[row, i]  # (4)


def implicit(problem: Problem, plan: Float, gp: Float) -> tuple[Float, Float, Float]:
    """Cotangents of x, y and the starting potential, every row."""
    rows, n = problem.x.shape
    pulled = empty((rows, n)), empty((rows, n)), empty((rows, n))

    def chunk(start: int, stop: int) -> None:
        s, left, right = scratch("kernel", (n, n)), scratch("left", (n,)), scratch("right", (n,))
        implicit_rows(problem.x, problem.y, plan, gp, *pulled, s, left, right, start, stop)

    run(chunk, rows, work=rows * n * n * (8.0 + 0.4 * n))
    return pulled
