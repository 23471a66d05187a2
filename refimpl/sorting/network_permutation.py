"""The relaxed permutation matrix of a sorting network.

Each relaxed comparator of ``network_sort`` mixes two values, and so two rows of a matrix M that starts as the identity:

    M_i' = alpha M_i + abar M_j,    M_j' = abar M_i + alpha M_j.

The product over all comparators, P = M, is doubly stochastic and P x are the sorted values. P[r, c] is the weight of
input c at rank r (rank 0 = minimum).

How it is laid out. Columns of M never meet, so P is made a block of columns at a time: the block, n x WIDTH numbers,
stays in cache through all layers. Column c of M is zero at wires that input c cannot have reached yet; comparators
between two such wires are left out, which halves the work of odd-even and leaves a third of it for bitonic networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, get_threads, run, scratch
from refimpl.jit import kernel, reduction
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import cases, laws
from refimpl.sorting import definition as define
from refimpl.sorting.network_sort import (
    SWAP_NS,
    Gradients,
    Residuals,
    gradients,
    pull_rows,
    unwritten,
    values_rows,
)
from refimpl.sorting.problem import NetworkLike, setup

gate = Gate("sorting.network_permutation")

WIDTH = 64  # columns in a block: 64 doubles are 8 cache lines, long enough to vectorise and short enough for n = 1024
GROUP = 256  # columns whose contributions to q are summed in one go; fixed, so that bits do not depend on threads


@kernel
def start_block(work: Float, live: Array, left: int) -> None:
    """Columns left, left + 1, ... of the identity; only their own wires are reached."""
    for wire in range(work.shape[0]):
        live[wire] = 0
        for k in range(work.shape[1]):
            work[wire, k] = 0.0
    for k in range(min(work.shape[1], work.shape[0] - left)):
        work[left + k, k] = 1.0
        live[left + k] = 1


@kernel
def mix(work: Float, i: int, j: int, a: float, b: float) -> None:
    """One comparator: rows i and j of the block. If the weights are NaN, what is 0 in both rows is 0 all the same."""
    if a != a:
        for k in range(work.shape[1]):
            if work[i, k] != 0.0 or work[j, k] != 0.0:
                work[i, k] = work[j, k] = a
        return
    for k in range(work.shape[1]):
        upper, lower = work[i, k], work[j, k]
        work[i, k] = a * upper + b * lower
        work[j, k] = b * upper + a * lower


@kernel
def matrix(
    first: Array, second: Array, alpha: Float, abar: Float, p: Array,
    work: Float, live: Array, groups: int, start: int, stop: int,
) -> None:  # fmt: skip
    """Groups of columns start to stop (numbered row by row) of every row's matrix."""
    n, width = work.shape
    for unit in range(start, stop):
        row, group = unit // groups, unit % groups
        for left in range(group * GROUP, min(n, (group + 1) * GROUP), width):
            start_block(work, live, left)
            for c in range(first.size):
                i, j = first[c], second[c]
                if live[i] or live[j]:
                    live[i] = live[j] = 1
                    mix(work, i, j, alpha[row, c], abar[row, c])
            for wire in range(n):
                for k in range(min(width, n - left)):
                    p[row, wire, left + k] = work[wire, k]


# Derivation, continuing that of ``network_sort``. G is the cotangent of the rows M_i', M_j' after a comparator.
#   (2)  alpha enters both rows:     q = <G_i, M_i - M_j> + <G_j, M_j - M_i> = <G_i - G_j, M_i - M_j>
#   (6)  and directly:               G_i <- alpha G_i + abar G_j,   G_j <- abar G_i + alpha G_j
# q then joins the backward values pass, with a cotangent of zero for the values themselves.
# M_i - M_j before each comparator is made again, block by block, and kept on a tape while the block lasts: all of them
# would fill C x n numbers (220 MiB at n = 1024), undoing the swaps divides by 2 alpha - 1, which may be 0.


@reduction
def undo(work: Float, i: int, j: int, tape: Float, step: int, a: float, b: float) -> float:
    """One comparator backwards: mixes the rows of G (6) and returns this block's share of q (2)."""
    q = 0.0
    for k in range(work.shape[1]):
        upper, lower = work[i, k], work[j, k]
        q += (upper - lower) * tape[step, k]  # (2)
        work[i, k] = a * upper + b * lower  # (6)
        work[j, k] = b * upper + a * lower  # (6)
    return q


@kernel
def matrix_backward(
    first: Array, second: Array, alpha: Float, abar: Float, gp: Array, q: Float,
    work: Float, live: Array, tape: Float, taken: Array, groups: int, start: int, stop: int,
) -> None:  # fmt: skip
    n, width = work.shape
    for unit in range(start, stop):
        row, group = unit // groups, unit % groups
        for c in range(first.size):
            q[row, group, c] = 0.0
        for left in range(group * GROUP, min(n, (group + 1) * GROUP), width):
            start_block(work, live, left)
            steps = 0
            for c in range(first.size):
                i, j = first[c], second[c]
                if live[i] or live[j]:
                    live[i] = live[j] = 1
                    for k in range(width):
                        tape[steps, k] = work[i, k] - work[j, k]
                    mix(work, i, j, alpha[row, c], abar[row, c])
                    taken[steps] = c
                    steps += 1
            for wire in range(n):
                for k in range(width):
                    work[wire, k] = gp[row, wire, left + k] if left + k < n else 0.0
            for step in range(steps - 1, -1, -1):
                c = taken[step]
                q[row, group, c] += undo(work, first[c], second[c], tape, step, alpha[row, c], abar[row, c])


def value(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> Array:  # fmt: skip
    """The doubly stochastic matrix P of a relaxed sorting network: ``P @ x`` are the sorted values, ascending.

        M = I;  per comparator (i, j):  M_i, M_j = alpha M_i + abar M_j, abar M_i + alpha M_j;  P = M

    Parameters
    ----------
    x : (..., n) float64 or float32
        Values to sort; any batch axes, n >= 1. NaN spreads to the entries that depend on it; infinities are refused.
    network : "bitonic", "odd_even", or a list of layers of pairs (i, j)
        The comparators; the minimum goes to wire i.
    cdf : str
        The sigmoid: logistic, reciprocal, cauchy, optimal, art, or a symmetric distribution.
    beta : float > 0, or an array that broadcasts against the batch axes
        Inverse temperature; larger is harder.
    lam : float in [0, 1), for cdf="art" only; default 0.25
        Exponent of the activation replacement trick.

    Returns
    -------
    p : (..., n, n), dtype of ``x``
        Entries in [0, 1]; rows and columns sum to 1. Row r is the distribution of rank r over the inputs. Tends to the
        permutation matrix of argsort(x).

    Residuals
    ---------
    Those of ``network_sort``, O(C) numbers: rows of M are made again in the backward pass, a block at a time.

    Raises
    ------
    TypeError, ValueError
        As ``network_sort``.

    VJP
    ---
    Comparators last to first: q = <G_i - G_j, M_i - M_j>, then as ``network_sort`` with this q added.
    Derivation (2), (6) above ``undo``, the rest in ``network_sort``.

    Not smooth
    ----------
    As ``network_sort``.

    Numerics
    --------
    Small entries keep their relative accuracy: they are sums of products of positive numbers. Time O(C n), memory
    O(n^2) for P, O(C) for residuals, O(C) workspace per thread.

    Source
    ------
    Petersen, thesis, section 3.2, (3.9) to (3.11). The diffsort package returns the transpose of this P.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.network_permutation(np.array([3.0, 1.0, 2.0]), network="odd_even", beta=1e6).round(3)
    array([[0., 1., 0.],
           [0., 0., 1.],
           [1., 0., 0.]])
    """
    return forward(x, network=network, cdf=cdf, beta=beta, lam=lam)[0]


def forward(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    problem = setup(gate, x, network, cdf, beta, lam)
    (rows, n), groups = problem.x.shape, groups_of(problem.network.wires)
    y, residuals, p = empty((rows, n)), unwritten(problem), empty((rows, n, n), problem.dtype)

    def columns(start: int, stop: int) -> None:
        work, live = scratch("work", (n, min(n, WIDTH))), np.empty(n, np.uint8)
        matrix(*problem.network[:2], residuals.alpha, residuals.abar, p, work, live, groups, start, stop)

    def whole(start: int, stop: int) -> None:
        values_rows(problem, y, residuals, start, stop)
        columns(start * groups, stop * groups)

    size = residuals.d.size
    if rows >= get_threads():  # one parallel region, by rows
        run(whole, rows, work=(SWAP_NS + 8.0 + 0.2 * n) * size)
    else:  # few rows: the columns of a matrix are shared out
        values_rows(problem, y, residuals, 0, rows)
        run(columns, rows * groups, work=(8.0 + 0.2 * n) * size)
    return p.reshape(*problem.shapes[0], n), residuals


def groups_of(n: int) -> int:
    """In how many groups the n columns are summed."""
    return -(-n // GROUP)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, beta and lam from that of the matrix."""
    network, rows = residuals.network, residuals.beta.size
    n, size, groups = network.wires, network.first.size, groups_of(network.wires)
    gp = gate.cotangent(gp, (*residuals.shapes[0], n)).reshape(rows, n, n)
    q, gy, pulled = (
        scratch("q", (rows, groups, size)),
        np.zeros((rows, n)),
        (empty((rows, n)), empty(rows), empty(rows)),
    )

    def columns(start: int, stop: int) -> None:
        width = min(n, WIDTH)
        work, live = scratch("work", (n, width)), np.empty(n, np.uint8)
        tape, taken = scratch("tape", (size, width)), np.empty(size, np.int64)
        matrix_backward(
            network.first, network.second, residuals.alpha, residuals.abar, gp, q,
            work, live, tape, taken, groups, start, stop,
        )  # fmt: skip

    def whole(start: int, stop: int) -> None:
        columns(start * groups, stop * groups)
        pull_rows(residuals, gy, q, pulled, start, stop)

    if rows >= get_threads():  # as in the forward pass
        run(whole, rows, work=(SWAP_NS / 2.0 + 16.0 + 0.4 * n) * residuals.d.size)
    else:
        run(columns, rows * groups, work=(16.0 + 0.4 * n) * residuals.d.size)
        pull_rows(residuals, gy, q, pulled, 0, rows)
    return gradients(residuals, *pulled)


network_permutation = Op(
    id="sorting.network_permutation",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.network_permutation",
    args=define.NETWORK_ARGS,
    outputs=(Out(name="p", shape="... n n"),),
    backward_is="derivative",
    terms=define.terms(backward),
    margin=define.margin,
    oracle=define.matrix_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), 3.2, (3.9)-(3.11)",
            what="definition",
            departs="none in P; sigmoids as in sorting.network_sort",
        ),
    ),
    tol=Tol(
        value=64.0, gradient=256.0, why="each of up to 2n layers rounds two convex combinations, a sum of C n terms"
    ),
    sizes=define.sizes,
    laws=laws.PERMUTATION_LAWS,
    cases=cases.PERMUTATION_CASES,
)
