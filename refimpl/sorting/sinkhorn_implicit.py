"""The cotangents of a converged Sinkhorn plan, from the equations it solves: nothing is unrolled.

The system to solve is the Laplacian of a graph: the ranks are its nodes, joined as strongly as they share inputs. Nearly
hard plans share next to nothing, and 1 - Q Q' would be all rounding. A Laplacian can be formed, eliminated and solved
without a single subtraction, so weak joints keep their digits.
"""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Array, Float, Index, empty, run, scratch
from refimpl.jit import kernel, reduction
from refimpl.sorting.sinkhorn_iterations import fill
from refimpl.sorting.sinkhorn_problem import Problem

UNWANTED = 1e-300  # the column sum of an input that no rank wants, long before the limit

# Derivation, continuing that of ``sinkhorn_sort``. In the limit f and g are defined by both sums of Pi, and the cotangent
# gt of x_i y_j must leave these alone. Q is P, with columns that sum to c_i (1 in the limit).
#   (9)  gt_ji = Q_ji (gP_ji - m_j - l_i), where every row and column of gt sums to 0. Columns:
#            l_i = sum_j Q_ji (gP_ji - m_j) / c_i
#   (10) rows:  sum_k W_jk (m_j - m_k) = b_j,   W_jk = sum_i Q_ji Q_ki / c_i,   b_j = sum_i gt_ji at m = 0
#   (11) eliminating the last rank k leaves the same with one rank less, d = sum_{j<k} W_jk and r_j = W_jk / d:
#            W_ij += r_i W_jk,    b_j += r_j b_k;    then  m_k = b_k / d + sum_j r_j m_j,  from m_0 = 0
# Adding a number to m and taking it from l changes nothing: hence m_0. Numbers that are to be averaged with weights near
# 1 count from the one of the largest weight, as x does in (4): row and column sums of gt are 0.


@reduction
def shared(q: Float, j: Index, k: Index, c: Float) -> float:
    """W_jk."""
    total = 0.0
    for i in range(np.uint64(c.size)):
        total += q[j, i] * q[k, i] / c[i]
    return total


@reduction
def dot(w: Float, k: Index, m: Float, below: Index) -> float:
    total = 0.0
    for j in range(below):
        total += w[k, j] * m[j]
    return total


@reduction
def total(w: Float, k: Index, below: Index) -> float:
    sum_of_row = 0.0
    for j in range(below):
        sum_of_row += w[k, j]
    return sum_of_row


@kernel
def largest(q: Float, rank: Array, item: Array, c: Float) -> None:
    """The rank of the largest entry of every column, the input of the largest of every row; sums of columns."""
    n = np.uint64(c.size)
    for i in range(n):
        rank[i], c[i] = 0, 0.0
    for j in range(n):
        item[j] = 0
        for i in range(n):
            c[i] += q[j, i]
            rank[i] = j if q[j, i] > q[rank[i], i] else rank[i]
            item[j] = i if q[j, i] > q[j, item[j]] else item[j]
    for i in range(n):
        c[i] = max(c[i], UNWANTED)


@kernel
def balance(q: Float, gp: Float, m: Float, rank: Array, c: Float, level: Float, gt: Float) -> None:
    """Gt from m; its columns sum to 0 (9)."""
    n = np.uint64(c.size)
    fill(level, 0.0)
    for j in range(n):
        for i in range(n):
            gt[j, i] = (gp[j, i] - gp[rank[i], i]) - (m[j] - m[rank[i]])
            level[i] += q[j, i] * gt[j, i]
    for i in range(n):
        level[i] /= c[i]  # (9)
    for j in range(n):
        for i in range(n):
            gt[j, i] = q[j, i] * (gt[j, i] - level[i])  # (9)


@kernel
def solve(w: Float, m: Float) -> None:
    """M, which holds b, becomes the solution; w is overwritten. Ranks that nothing joins to earlier ones keep 0."""
    n = np.uint64(m.size)
    one = np.uint64(1)
    for back in range(n - one):
        k = n - one - back
        d = total(w, k, k)
        w[k, k] = d
        for j in range(k):
            r = w[k, j] / d if d > 0.0 else 0.0
            m[j] += r * m[k]  # (11)
            for i in range(j):
                w[j, i] += r * w[k, i]  # (11)
    m[0] = 0.0
    for j in range(one, n):
        m[j] = (m[j] + dot(w, j, m, j)) / w[j, j] if w[j, j] > 0.0 else 0.0  # (11)


@kernel
def implicit_rows(
    x: Float, y: Float, plan: Float, gp: Float, gx: Float, gy: Float, gstart: Float,
    w: Float, gt: Float, v: Float, rank: Array, item: Array, start: int, stop: int,
) -> None:  # fmt: skip
    """Rows start to stop."""
    n = np.uint64(x.shape[1])
    m, c, level = v[0], v[1], v[2]
    for row in range(start, stop):
        q = plan[row]
        largest(q, rank, item, c)
        fill(m, 0.0)
        balance(q, gp[row], m, rank, c, level, gt)
        for j in range(n):
            m[j] = total(gt, j, n)  # (10)
            for k in range(j):
                w[j, k] = shared(q, j, k, c)  # (10)
        solve(w, m)
        balance(q, gp[row], m, rank, c, level, gt)
        for gradient in (gx[row], gy[row], gstart[row]):
            fill(gradient, 0.0)
        for j in range(n):
            for i in range(n):
                gx[row, i] += gt[j, i] * (y[row, j] - y[row, rank[i]])  # (4)
                gy[row, j] += gt[j, i] * (x[row, i] - x[row, item[j]])  # (4)


def implicit(problem: Problem, plan: Float, gp: Float) -> tuple[Float, Float, Float]:
    """Cotangents of x, y and the starting potential, every row."""
    rows, n = problem.x.shape
    pulled = empty((rows, n)), empty((rows, n)), empty((rows, n))

    def chunk(start: int, stop: int) -> None:
        w, gt, v = scratch("kernel", (n, n)), scratch("other kernel", (n, n)), scratch("vectors", (3, n))
        rank, item = np.empty(n, np.int64), np.empty(n, np.int64)
        implicit_rows(problem.x, problem.y, plan, gp, *pulled, w, gt, v, rank, item, start, stop)

    run(chunk, rows, work=rows * n * n * (8.0 + 0.4 * n))
    return pulled
