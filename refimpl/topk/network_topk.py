"""The k top rows of the matrix of a sorting or selection network, without the others.

The matrix of a network of relaxed swaps is a product P = P_C ... P_2 P_1 over its comparators. The k largest values end
on the last k wires; only their rows are wanted, so the product is begun at the other end:

    Y = E_k,  E_k[m, n - 1 - m] = 1;    comparators last to first:
    Y_i' = alpha Y_i + abar Y_j,    Y_j' = abar Y_i + alpha Y_j    (columns of Y),

with the weights alpha = f(x_j - x_i), abar = 1 - alpha of a first pass that runs forward, on values alone. P_k = Y takes
O(C k) time where all of P takes O(C n). P_k[m, c] is the weight of input c at rank m (rank 0 = maximum). Y is kept as n
wires of 1, 2, 4, ... or 32 rows, a number that the compiler knows: a comparator is a few vector instructions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, get_threads, run, scratch
from refimpl.jit import inlined, kernel, reduction, specialised
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting.definition import terms
from refimpl.sorting.network_sort import SWAP_NS, Gradients, gradients, pull_rows, unwritten, values_rows
from refimpl.sorting.network_sort import Residuals as Saved
from refimpl.sorting.networks import Comparators
from refimpl.sorting.problem import NetworkLike, setup
from refimpl.topk import network_topk_declarations as declare
from refimpl.topk.blocks import GROUP, groups_of, smear, width_of
from refimpl.topk.network_topk_cases import CASES
from refimpl.topk.selection import selecting

gate = Gate("topk.network_topk")


@inlined
def blend(work: Float, i: int, j: int, a: float, b: float, width: Index) -> None:
    """Columns i and j of the block become two mixtures of both."""
    for m in range(width):
        left, right = work[i, m], work[j, m]
        work[i, m] = a * left + b * right
        work[j, m] = b * left + a * right


@inlined
def mix(work: Float, i: int, j: int, a: float, b: float, width: Index) -> None:
    """One comparator."""
    if a == a:
        blend(work, i, j, a, b, width)
    else:
        smear(work, i, j)


@kernel
def start_block(work: Float, top: int, k: int) -> None:
    """Rows top, top + 1, ... of E_k; rows from k on stay zero."""
    n, width = work.shape
    for wire in range(n):
        for m in range(width):
            work[wire, m] = 0.0
    for m in range(min(width, k - top)):
        work[n - 1 - (top + m), m] = 1.0


@specialised
def rows_kernel(width: int) -> Callable[..., None]:
    def rows(
        first: Array, second: Array, alpha: Float, abar: Float, p: Array,
        work: Float, groups: int, start: int, stop: int,
    ) -> None:  # fmt: skip
        """Groups of rows start to stop (numbered batch row by batch row) of every P_k."""
        n, k, size = p.shape[2], p.shape[1], np.uint64(first.size)
        for unit in range(start, stop):
            row, group = unit // groups, unit % groups
            for top in range(group * GROUP, min(k, (group + 1) * GROUP), width):
                start_block(work, top, k)
                for undone in range(size):
                    c = size - np.uint64(1) - undone
                    mix(work, first[c], second[c], alpha[row, c], abar[row, c], np.uint64(width))
                for m in range(min(width, k - top)):
                    for wire in range(n):
                        p[row, top + m, wire] = work[wire, m]

    return rows


# Derivation, with the numbers of ``network_sort``. Cut the product at a comparator: P_k = Y W M, with W its own 2 x 2
# mix of wires i and j, Y what pass 2 holds before it gets there, M the comparators before it. G = gP_k M^T.
#   (2)  alpha, with abar = 1 - alpha, changes P_k by (Y_i - Y_j)(M_i - M_j) dalpha, columns of Y by rows of M;
#        against gP_k:                     q = <gP_k M_i - gP_k M_j, Y_i - Y_j> = <G_i - G_j, Y_i - Y_j>
#   (6)  M grows by W (W is symmetric):    G_i <- alpha G_i + abar G_j,   G_j <- abar G_i + alpha G_j
# G starts as gP_k and meets the comparators first to last. Pass 2 went last to first: it is made again, and Y_i - Y_j
# of every comparator kept on a tape while the block lasts. q then joins the backward values pass, (1) to (5).


@inlined
def record(work: Float, i: int, j: int, tape: Float, c: Index, width: Index) -> None:
    """What (2) will need of this comparator."""
    for m in range(width):
        tape[c, m] = work[i, m] - work[j, m]


@reduction
def share(work: Float, i: int, j: int, tape: Float, c: Index, width: Index) -> float:
    """What one comparator's columns of G add to q."""
    q = 0.0
    for m in range(width):
        left, right = work[i, m], work[j, m]
        q += (left - right) * tape[c, m]  # (2)
    return q


@specialised
def rows_backward_kernel(width: int) -> Callable[..., None]:
    def rows_backward(
        first: Array, second: Array, alpha: Float, abar: Float, gp: Array, q: Float,
        work: Float, tape: Float, groups: int, start: int, stop: int,
    ) -> None:  # fmt: skip
        n, k, size = gp.shape[2], gp.shape[1], np.uint64(first.size)
        for unit in range(start, stop):
            row, group = unit // groups, unit % groups
            for s in range(size):
                q[row, group, s] = 0.0
            for top in range(group * GROUP, min(k, (group + 1) * GROUP), width):
                start_block(work, top, k)
                for undone in range(size):
                    c = size - np.uint64(1) - undone
                    record(work, first[c], second[c], tape, c, np.uint64(width))
                    mix(work, first[c], second[c], alpha[row, c], abar[row, c], np.uint64(width))
                for m in range(width):
                    for wire in range(n):
                        work[wire, m] = gp[row, top + m, wire] if top + m < k else 0.0
                for s in range(size):
                    q[row, group, s] += share(work, first[s], second[s], tape, s, np.uint64(width))
                    blend(work, first[s], second[s], alpha[row, s], abar[row, s], np.uint64(width))  # (6)

    return rows_backward


class Residuals(NamedTuple):
    """Those of ``network_sort``, for the comparators that the k outputs depend on, and k."""

    d: Float  # (rows, C)
    alpha: Float  # (rows, C)
    abar: Float  # (rows, C)
    slope: Float  # (rows, C)
    beta: Float  # (rows,)
    lam: Float  # (rows,)
    network: Comparators
    cdf: str
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]
    dtype: np.dtype[Any]
    k: int


def value(
    x: Array, *, k: int, network: NetworkLike = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> Array:  # fmt: skip
    """Which inputs are the k largest, in order: the top k rows of the matrix of a relaxed sorting network.

        Y = E_k;  comparators (i, j), last to first:  Y_i, Y_j = alpha Y_i + abar Y_j, abar Y_i + alpha Y_j;  P_k = Y

    Parameters
    ----------
    x : (..., n) float64 or float32
        Scores; any batch axes, n >= 1. NaN spreads to the rows that depend on it; infinities are refused.
    k : int, 1 <= k <= n
        How many of the largest are wanted.
    network : "splitter", "bitonic", "odd_even", or a list of layers of pairs (i, j)
        The comparators; the minimum goes to wire i. "splitter" is made for n and k; its other wires hold junk. In a
        network of one's own the k largest must end on the last k wires, the largest on the last: not checked.
    cdf : str
        The sigmoid: logistic, reciprocal, cauchy, optimal, art, or a symmetric distribution.
    beta : float > 0, or an array that broadcasts against the batch axes
        Inverse temperature; larger is harder.
    lam : float in [0, 1), for cdf="art" only; default 0.25
        Exponent of the activation replacement trick.

    Returns
    -------
    p : (..., k, n), dtype of ``x``
        Row m is the distribution of rank m (0 = the largest) over the inputs; entries and column sums lie in [0, 1].
        Tends to the one-hot rows of the k largest. Different networks give different P_k.

    Residuals
    ---------
    d, alpha, abar, slope : (rows, C) float64
        Of the comparators that the last k wires depend on (n = 10450, k = 5: 31445 of 68085). Y is made again.

    Raises
    ------
    TypeError, ValueError
        As ``network_sort``; TypeError for k that is no whole number, ValueError for one outside 1 to n.

    VJP
    ---
    G = gP_k; comparators first to last: q = <G_i - G_j, Y_i - Y_j>, then G_i, G_j are mixed as Y_i, Y_j were. Then last
    to first as ``network_sort``, this q added. Derivation (2), (6) above ``record``, the rest in ``network_sort``.

    Not smooth
    ----------
    As ``network_sort``.

    Numerics
    --------
    Small entries keep their relative accuracy. Time O(C k), memory O(C) a row; going back, O(C min(k, 32)) a thread. C is
    about 3 n (splitter, k = 5) or n log2(n)^2 / 4 (bitonic). A new (n, k, network) is built in Python: 1 s at n = 10^5.

    Source
    ------
    Petersen, thesis, section 4.1 (bidirectional evaluation) and 4.2.1 (splitter selection networks).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import topk
    >>> topk.network_topk(np.array([0.5, -1.0, 2.0, 0.0, 1.0]), k=2, beta=1e6).round(3)
    array([[0., 0., 1., 0., 0.],
           [0., 0., 0., 0., 1.]])
    """
    return forward(x, k=k, network=network, cdf=cdf, beta=beta, lam=lam)[0]


def forward(
    x: Array, *, k: int, network: NetworkLike = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> tuple[Array, Residuals]:
    """The k rows, and what the backward pass needs."""
    problem = setup(gate, x, network, cdf, beta, lam, functools.partial(selecting, k=k))
    (rows, n), k = problem.x.shape, int(k)
    y, saved, p = empty((rows, n)), unwritten(problem), empty((rows, k, n), problem.dtype)
    width, groups = width_of(k), groups_of(k)

    def some(start: int, stop: int) -> None:
        work = scratch("work", (n, width))
        rows_kernel(width)(*problem.network[:2], saved.alpha, saved.abar, p, work, groups, start, stop)

    def whole(start: int, stop: int) -> None:
        values_rows(problem, y, saved, start, stop)
        some(start * groups, stop * groups)

    if rows >= get_threads():  # one parallel region, by batch rows
        run(whole, rows, (SWAP_NS + 2.0 + 0.3 * k) * saved.d.size)
    else:  # a small batch: the rows of P_k are shared out
        values_rows(problem, y, saved, 0, rows)
        run(some, rows * groups, (2.0 + 0.3 * k) * saved.d.size)
    return p.reshape(*problem.shapes[0][:-1], k, n), Residuals(*saved, k)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, beta and lam from that of the k rows."""
    saved, k = Saved(*residuals[:-1]), residuals.k
    network, rows, batch = saved.network, saved.beta.size, saved.shapes[0][:-1]
    n, size, width, groups = network.wires, network.first.size, width_of(k), groups_of(k)
    gp = gate.cotangent(gp, (*batch, k, n)).reshape(rows, k, n)
    q, gy = scratch("q", (rows, groups, size)), np.zeros((rows, n))
    pulled = empty((rows, n)), empty(rows), empty(rows)

    def some(start: int, stop: int) -> None:
        work, tape = scratch("work", (n, width)), scratch("tape", (size, width))
        rows_backward_kernel(width)(*network[:2], saved.alpha, saved.abar, gp, q, work, tape, groups, start, stop)

    def whole(start: int, stop: int) -> None:
        some(start * groups, stop * groups)
        pull_rows(saved, gy, q, pulled, start, stop)

    if rows >= get_threads():  # as in the forward pass
        run(whole, rows, (SWAP_NS / 4.0 + 6.0 + k) * saved.d.size)
    else:
        run(some, rows * groups, (6.0 + k) * saved.d.size)
        pull_rows(saved, gy, q, pulled, 0, rows)
    return gradients(saved, *pulled)


network_topk = Op(
    id="topk.network_topk",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.topk.network_topk",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... k n"),),
    backward_is="derivative",
    terms=terms(backward),
    margin=declare.margin,
    oracle=declare.top_rows_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), 4.1 and 4.2.1",
            what="bidirectional evaluation, splitter selection network",
            departs="row 0 is the maximum, and (3.9)-(3.11) have row 0 = minimum (E-22); sigmoids as in network_sort",
        ),
    ),
    tol=Tol(value=64.0, gradient=256.0, why="each of up to 2n layers rounds two convex combinations, sums of k terms"),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=CASES,
)
