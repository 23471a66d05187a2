"""The relaxed permutation matrix of a sorting network.

Each relaxed comparator of ``network_sort`` mixes two values, and so two rows of a matrix M that starts as the identity:

    M_i' = alpha M_i + abar M_j,    M_j' = abar M_i + alpha M_j.

The product over all comparators, P = M, is doubly stochastic and P x are the sorted values. P[r, c] is the weight of
input c at rank r (rank 0 = minimum).

How it is laid out. Columns of M never meet, so P is made a block of columns at a time: the block, n x WIDTH numbers,
stays in cache through all layers. Column c of M is zero at wires that input c cannot have reached yet; a comparator
mixes only the columns that can have reached it (``blocks``): two thirds of them in odd-even networks, in bitonic ones
half at n = 32 and a third at n = 1024.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, get_threads, run, scratch
from refimpl.jit import inlined, kernel, reduction
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import cases, laws
from refimpl.sorting import definition as define
from refimpl.sorting.blocks import WIDTH, block, fullest, meeting, reach, start_block
from refimpl.sorting.network_sort import SWAP_NS, Gradients, Residuals, gradients, pull_rows, unwritten, values_rows
from refimpl.sorting.problem import NetworkLike, Problem, setup

gate = Gate("sorting.network_permutation")

GROUP = 256  # columns whose contributions to q are summed in one go; fixed, so that bits do not depend on threads


@kernel
def smear(work: Float, i: int, j: int, near: Index, far: Index) -> None:
    """One comparator whose weights are NaN: columns that are zero in both rows do not depend on them."""
    for k in range(near, far):
        if work[i, k] != 0.0 or work[j, k] != 0.0:
            work[i, k] = work[j, k] = np.nan


@inlined
def blend(work: Float, i: int, j: int, a: float, b: float, near: Index, far: Index) -> None:
    """Rows i and j of the block, columns near to far, become two mixtures of both."""
    for k in range(near, far):
        upper, lower = work[i, k], work[j, k]
        work[i, k] = a * upper + b * lower
        work[j, k] = b * upper + a * lower


@inlined
def mix(work: Float, i: int, j: int, a: float, b: float, near: Index, far: Index) -> None:
    """One comparator."""
    if a == a:
        blend(work, i, j, a, b, near, far)
    else:
        smear(work, i, j, near, far)


@kernel
def matrix(
    first: Array, second: Array, low: Array, high: Array, alpha: Float, abar: Float, p: Array,
    work: Float, met: Array, near: Array, far: Array, groups: int, start: int, stop: int,
) -> None:  # fmt: skip
    """Groups of columns start to stop (numbered row by row) of every row's matrix."""
    n, width = work.shape
    steps: Index = np.uint64(0)
    ready = n
    for unit in range(start, stop):
        row, group = unit // groups, unit % groups
        for left in range(group * GROUP, min(n, (group + 1) * GROUP), width):
            if ready != left:
                steps, ready = meeting(low, high, np.uint64(left), np.uint64(width), met, near, far), left
            start_block(work, left)
            for step in range(steps):
                c = met[step]
                mix(work, first[c], second[c], alpha[row, c], abar[row, c], near[step], far[step])
            for wire in range(n):
                for k in range(min(width, n - left)):
                    p[row, wire, left + k] = work[wire, k]


# Derivation, continuing that of ``network_sort``. G is the cotangent of the rows M_i', M_j' after a comparator.
#   (2)  alpha enters both rows:     q = <G_i, M_i - M_j> + <G_j, M_j - M_i> = <G_i - G_j, M_i - M_j>
#   (6)  and directly:               G_i <- alpha G_i + abar G_j,   G_j <- abar G_i + alpha G_j
# q then joins the backward values pass, with a cotangent of zero for the values themselves.
# M_i - M_j before each comparator is made again, block by block, and kept on a tape while the block lasts: all of them
# would fill C x n numbers (220 MiB at n = 1024), undoing the swaps divides by 2 alpha - 1, which may be 0.


@inlined
def record(work: Float, i: int, j: int, tape: Float, step: Index, near: Index, far: Index) -> None:
    """What (2) will need of this comparator."""
    for k in range(near, far):
        tape[step, k] = work[i, k] - work[j, k]


@reduction
def share(work: Float, i: int, j: int, tape: Float, step: Index, near: Index, far: Index) -> float:
    """What this block of G adds to q.

    Outside near to far M is zero, and G (NaN or not) is not asked for again: earlier comparators reach no further.
    """
    q = 0.0
    for k in range(near, far):
        upper, lower = work[i, k], work[j, k]
        q += (upper - lower) * tape[step, k]  # (2)
    return q


@kernel
def matrix_backward(
    first: Array, second: Array, low: Array, high: Array, alpha: Float, abar: Float, gp: Array, q: Float,
    work: Float, met: Array, near: Array, far: Array, tape: Float, groups: int, start: int, stop: int,
) -> None:  # fmt: skip
    n, width = work.shape
    steps: Index = np.uint64(0)
    ready = n
    for unit in range(start, stop):
        row, group = unit // groups, unit % groups
        for c in range(first.size):
            q[row, group, c] = 0.0
        for left in range(group * GROUP, min(n, (group + 1) * GROUP), width):
            if ready != left:
                steps, ready = meeting(low, high, np.uint64(left), np.uint64(width), met, near, far), left
            start_block(work, left)
            for step in range(steps):
                c = met[step]
                record(work, first[c], second[c], tape, step, near[step], far[step])
                mix(work, first[c], second[c], alpha[row, c], abar[row, c], near[step], far[step])
            for wire in range(n):
                for k in range(width):
                    work[wire, k] = gp[row, wire, left + k] if left + k < n else 0.0
            for undone in range(steps):
                s = steps - np.uint64(1) - undone
                c = met[s]
                q[row, group, c] += share(work, first[c], second[c], tape, s, near[s], far[s])
                blend(work, first[c], second[c], alpha[row, c], abar[row, c], near[s], far[s])  # (6)


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
    Derivation (2), (6) above ``record``, the rest in ``network_sort``.

    Not smooth
    ----------
    As ``network_sort``.

    Numerics
    --------
    Small entries keep their relative accuracy: they are sums of products of positive numbers. Time O(C n), memory
    O(n^2) for P, O(C) for residuals; going back, a workspace of up to 128 C numbers per thread.

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
    return run_matrix(setup(gate, x, network, cdf, beta, lam))


def run_matrix(problem: Problem) -> tuple[Array, Residuals]:
    """The matrix of every row, from checked arguments."""
    (rows, n), groups = problem.x.shape, groups_of(problem.network.wires)
    y, residuals, p = empty((rows, n)), unwritten(problem), empty((rows, n, n), problem.dtype)

    def columns(start: int, stop: int) -> None:
        matrix(
            *reach(problem.network), residuals.alpha, residuals.abar, p,
            *block(problem.network), groups, start, stop,
        )  # fmt: skip

    def whole(start: int, stop: int) -> None:
        values_rows(problem, y, residuals, start, stop)
        columns(start * groups, stop * groups)

    size = residuals.d.size
    if rows >= get_threads():  # one parallel region, by rows
        run(whole, rows, work=(SWAP_NS + 3.0 + 0.1 * n) * size)
    else:  # few rows: the columns of a matrix are shared out
        values_rows(problem, y, residuals, 0, rows)
        run(columns, rows * groups, work=(3.0 + 0.1 * n) * size)
    return p.reshape(*problem.shapes[0], n), residuals


def groups_of(n: int) -> int:
    """In how many groups the n columns are summed."""
    return -(-n // GROUP)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, beta and lam from that of the matrix."""
    network, rows, met = residuals.network, residuals.beta.size, fullest(residuals.network)
    n, size, groups = network.wires, network.first.size, groups_of(network.wires)
    gp = gate.cotangent(gp, (*residuals.shapes[0], n)).reshape(rows, n, n)
    q, gy = scratch("q", (rows, groups, size)), np.zeros((rows, n))
    pulled = empty((rows, n)), empty(rows), empty(rows)

    def columns(start: int, stop: int) -> None:
        matrix_backward(
            *reach(network), residuals.alpha, residuals.abar, gp, q,
            *block(network), scratch("tape", (met, min(n, WIDTH))), groups, start, stop,
        )  # fmt: skip

    def whole(start: int, stop: int) -> None:
        columns(start * groups, stop * groups)
        pull_rows(residuals, gy, q, pulled, start, stop)

    if rows >= get_threads():  # as in the forward pass
        run(whole, rows, work=(SWAP_NS / 4.0 + 6.0 + 0.4 * n) * residuals.d.size)
    else:
        run(columns, rows * groups, work=(6.0 + 0.4 * n) * residuals.d.size)
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
