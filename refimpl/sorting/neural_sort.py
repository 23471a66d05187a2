"""NeuralSort: one softmax for each rank, without a network.

    B_j = sum_l |s_j - s_l|,    P[i, :] = softmax_j(((n + 1 - 2i) s_j - B_j) / tau),    i = 1..n,  row 1 = maximum

The largest logit of row i is that of the i-th largest score; relative to it the others are -x_ij, where tau x_ij is a sum
of differences between sorted scores, all of one sign: nothing cancels (``neural_logits``, ``neural_rows``).

Here are the first k rows, in O(n log n + k n); ``topk.neural_topk`` is declared on the same two passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, run, scratch
from refimpl.jit import inlined, kernel, reduction
from refimpl.op import Op, Out
from refimpl.sorting import neural_sort_declarations as declare
from refimpl.sorting.neural_logits import balance
from refimpl.sorting.neural_problem import Gradients, Residuals, arranged, gradients, sorted_scores
from refimpl.sorting.neural_rows import block, distances, weigh
from refimpl.sorting.neural_sort_cases import SORT_CASES

gate = Gate("sorting.neural_sort")

GROUP = 32  # rows made in one go: at n = 1024 their workspace is 256 KiB; fixed, so that bits do not depend on threads
FORWARD_NS, BACKWARD_NS = 0.9, 2.0  # an entry


@reduction
def total(block: Float, at: Index) -> float:
    found = 0.0
    for j in range(np.uint64(block.shape[1])):
        found += block[at, j]
    return found


@inlined
def write(weights: Float, at: Index, part: float, p: Array, row: Index, i: Index) -> None:
    for j in range(np.uint64(weights.shape[1])):
        p[row, i, j] = weights[at, j] * part


@kernel
def matrix(
    s: Float, t: Float, order: Array, scale: Float, per_tau: Float, p: Array, share: Float,
    work: Float, below: Float, groups: Index, start: int, stop: int,
) -> None:  # fmt: skip
    """Groups of rows start to stop (numbered batch row by batch row) of P, and one over the sum of each row."""
    n, k, size, one = np.uint64(t.shape[1]), np.uint64(share.shape[1]), np.uint64(GROUP), np.uint64(1)
    for unit in range(np.uint64(start), np.uint64(stop)):
        row, last = unit // groups, min(k, (unit % groups) * size + size)
        high: Index = (unit % groups) * size
        whole = 1.0 if t[row, n - one] == t[row, n - one] else np.nan  # NaN is last, and all entries depend on it
        for i in range(high, last):
            share[row, i] = 1.0
        while high < last:
            first, high = high, block(t, row, high, last, scale[row], per_tau[row])
            weigh(s, t, order, row, first, high, scale[row], per_tau[row], share, work, below)
            for i in range(first, high):
                part = whole / total(below, i - first)
                share[row, i] = part
                write(below, i - first, part, p, row, i)


# Derivation. Let Z_ij be the cotangent of the logit ((n + 1 - 2i) s_j - B_j) / tau, and sign(0) = 0.
#   (1)  softmax:                Z_ij = P_ij (gP_ij - sum_l P_il gP_il)
#        gP is taken relative to its entry at the row's maximum: where P is nearly hard, no digits are lost
#   (2)  the scores directly:    tau gs_j = sum_i (n + 1 - 2i) Z_ij,    tau gB_j = -sum_i Z_ij
#   (3)  and through B:          gs_j += sum_l sign(s_j - s_l) (gB_j + gB_l)
#   (4)  with c_j = sum_l sign(s_j - s_l), the scores below s_j less those above, (2) and (3) are
#                                tau gs_j = sum_i (n + 1 - 2i - c_j) Z_ij - sum_l sign(s_j - s_l) sum_i Z_il
#        the weight is twice the distance of row i from the rank of s_j: no difference of large terms
#   (5)  x_ij = (...) / tau:     tau gtau = sum_ij Z_ij x_ij    (a shift of a row's logits adds nothing: sum_j Z_ij = 0)


@reduction
def mean(p: Float, at: Index, gp: Array, row: Index, i: Index, anchor: float) -> float:
    """sum_l P_il gP_il of (1), relative to the anchor."""
    found = 0.0
    for j in range(np.uint64(p.shape[1])):
        found += p[at, j] * (gp[row, i, j] - anchor)
    return found


@inlined
def pull(
    p: Float, at: Index, gp: Array, row: Index, i: Index, anchor: float, centre: float,
    weight: float, c: Float, columns: Float, scores: Float, unit: Index,
) -> None:  # fmt: skip
    """Z of one row in the place of P, and its terms of the sums over i in (4)."""
    for j in range(np.uint64(p.shape[1])):
        z = p[at, j] * ((gp[row, i, j] - anchor) - centre)  # (1)
        p[at, j] = z
        columns[unit, j] += z  # (2) (3)
        scores[unit, j] += (weight - c[j]) * z  # (4)


@reduction
def along(z: Float, x: Float, at: Index) -> float:
    """One row's terms of (5)."""
    found = 0.0
    for j in range(np.uint64(z.shape[1])):
        found += z[at, j] * x[at, j]  # (5)
    return found


@kernel
def matrix_backward(
    s: Float, t: Float, order: Array, scale: Float, per_tau: Float, share: Float, gp: Array,
    columns: Float, scores: Float, times: Float, work: Float, below: Float, x: Float,
    groups: Index, start: int, stop: int,
) -> None:  # fmt: skip
    n, k, size = np.uint64(t.shape[1]), np.uint64(share.shape[1]), np.uint64(GROUP)
    ones, balanced = work[0], work[5]
    for unit in range(np.uint64(start), np.uint64(stop)):
        row, last = unit // groups, min(k, (unit % groups) * size + size)
        high: Index = (unit % groups) * size
        for j in range(n):
            columns[unit, j] = scores[unit, j] = 0.0
            ones[j] = 1.0
        balance(t, order, row, ones, balanced)
        times[unit] = 0.0
        while high < last:
            first, high = high, block(t, row, high, last, scale[row], per_tau[row])
            weigh(s, t, order, row, first, high, scale[row], per_tau[row], share, work, below)
            distances(s, t, row, first, high, scale[row], per_tau[row], work, x)
            for i in range(first, high):
                at, anchor = i - first, np.float64(gp[row, i, order[row, i]])
                centre = mean(below, at, gp, row, i, anchor)
                weight = float(n) - 1.0 - 2.0 * float(i)  # n + 1 - 2i, rows numbered from 0
                pull(below, at, gp, row, i, anchor, centre, weight, balanced, columns, scores, unit)
                times[unit] += along(below, x, at)


@kernel
def gather(
    t: Float, order: Array, columns: Float, scores: Float, times: Float, groups: Index, gs: Float, gtau: Float
) -> None:
    """Sums the groups' terms, first to last, and finishes (4) and (5)."""
    n, one = np.uint64(t.shape[1]), np.uint64(1)
    for row in range(np.uint64(t.shape[0])):
        unit, missing = row * groups, t[row, n - one] != t[row, n - one]
        for other in range(unit + one, unit + groups):
            times[unit] += times[other]
            for j in range(n):
                columns[unit, j] += columns[other, j]
                scores[unit, j] += scores[other, j]
        balance(t, order, row, columns[unit], gs[row])
        for j in range(n):
            gs[row, j] = np.nan if missing else scores[unit, j] - gs[row, j]  # (4)
        gtau[row] = np.nan if missing else times[unit]  # (5)


def value(s: Array, *, tau: Any) -> Array:
    """The relaxed permutation matrix of NeuralSort: ``P @ s`` are the sorted scores, descending.

        P[i, :] = softmax_j(((n + 1 - 2i) s_j - sum_l |s_j - s_l|) / tau),  i = 1..n

    Parameters
    ----------
    s : (..., n) float64 or float32
        Scores; any batch axes, n >= 1. A NaN spreads to the whole matrix; infinities are refused.
    tau : float > 0, or an array that broadcasts against the batch axes
        Temperature; smaller is harder.

    Returns
    -------
    p : (..., n, n), dtype of ``s``
        Entries in [0, 1]; rows sum to 1, columns do not. Row r is the distribution of the r-th largest score over the
        inputs (row 0 = maximum); its largest entry is there. Tends to the permutation matrix of a descending sort.

    Residuals
    ---------
    Scores, sorted scores, their order, one number for each row of P. P itself is made again.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        n = 0, infinite s, tau <= 0, a tau whose shape does not broadcast.

    VJP
    ---
    Z = P (gP - rowsum(gP P)), c_j = sum_l sign(s_j - s_l); gs_j = (sum_i (n + 1 - 2i - c_j) Z_ij
    - sum_l sign(s_j - s_l) sum_i Z_il) / tau, gtau = sum Z x / tau. Derivation (1) to (5) above ``mean``.

    Not smooth
    ----------
    At ties: sign(0) = 0 (equation sheet), the mean of both sides. Equal scores have equal columns, bit for bit, and
    equal gradients where the cotangent has equal columns.

    Numerics
    --------
    An entry is off by about as many ulps as its x, at most 650, and by up to two for each rank between it and its row, 31
    at most: measured, by 2 ulps of 1; one below 1e-280 times its row's largest is 0. A row that is nearly hard keeps the
    relative accuracy of its gradient. Gradients beyond the largest float are cut down to it; cotangents near 1e308 may
    overflow in a difference. Time O(n log n + n^2), memory O(n^2) for P, O(n) for residuals.

    Source
    ------
    Grover, Wang, Zweig, Ermon, ICLR 2019, in Petersen, thesis, section 3.1.1 (formula of Grover et al., omitted there).
    Descending, unlike the networks (erratum E-22).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.neural_sort(np.array([9.0, 1.0, 5.0]), tau=0.1).round(3)
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    return forward(s, tau=tau)[0]


def forward(s: Array, *, tau: Any) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    return rows(gate, s, None, tau)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the matrix."""
    return rows_backward(gate, residuals, gp)


def rows(gate: Gate, s: Any, k: int | None, tau: Any) -> tuple[Array, Residuals]:
    """The first k rows of the matrix (None: all of them), and what the backward pass needs."""
    problem = arranged(gate, s, tau)
    count, n = problem.s.shape
    k = n if k is None else k
    saved = problem._replace(share=empty((count, k)))
    p, size, groups = empty((count, k, n), saved.dtype), min(k, GROUP), -(-k // GROUP)

    def chunk(start: int, stop: int) -> None:
        work, below = scratch("work", (5, n)), scratch("below", (size, n))
        matrix(*sorted_scores(saved), p, saved.share, work, below, np.uint64(groups), start, stop)

    run(chunk, count * groups, FORWARD_NS * p.size)
    return p.reshape(*saved.shapes[0][:-1], k, n), saved


def rows_backward(gate: Gate, residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the first k rows."""
    (count, n), k = residuals.s.shape, residuals.share.shape[1]
    gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(count, k, n)
    size, groups = min(k, GROUP), -(-k // GROUP)
    columns, scores = scratch("columns", (2, count * groups, n))
    times, gs, gtau = empty(count * groups), empty((count, n)), empty(count)

    def chunk(start: int, stop: int) -> None:
        below, x = scratch("below", (2, size, n))
        matrix_backward(
            *sorted_scores(residuals), residuals.share, gp, columns, scores, times,
            scratch("work", (6, n)), below, x, np.uint64(groups), start, stop,
        )  # fmt: skip

    run(chunk, count * groups, BACKWARD_NS * gp.size)
    gather(*sorted_scores(residuals)[1:3], columns, scores, times, np.uint64(groups), gs, gtau)
    return gradients(residuals, gs, gtau)


neural_sort = Op(
    id="sorting.neural_sort",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.neural_sort",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... n n"),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.matrix_by_definition,
    sources=declare.SOURCES,
    tol=declare.TOL,
    sizes=declare.sizes,
    laws=declare.SORT_LAWS,
    cases=SORT_CASES,
)
