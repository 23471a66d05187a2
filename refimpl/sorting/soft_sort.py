"""SoftSort: each row of the permutation matrix is a softmax of distances to one sorted score.

    z_ij = |s_[i] - s_j|^power / tau,    w_ij = exp(-z_ij),    P_ij = w_ij / sum_l w_il

with s_[i] the i-th largest score, so that row 0 is the maximum. The smallest distance of a row is 0, at s_[i] itself:
exp sees no positive number, and the sum lies between 1 and n.

The passes below take the first k rows of n and make no others: ``soft_sort`` asks for k = n, ``topk.soft_topk`` for k.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, get_threads, rounded, run, scratch, unbroadcast
from refimpl.jit import inlined, kernel
from refimpl.op import Op, Out
from refimpl.scalars.distances import mean_sign, narrowed, slope, temperature, widened
from refimpl.scalars.swaps import bounded
from refimpl.sorting import soft_sort_declarations as declare
from refimpl.sorting import soft_sort_laws
from refimpl.sorting.scores import largest, setup
from refimpl.sorting.soft_rows import against, alone, begin, block, equals, factors, sums, total, write

gate = Gate("sorting.soft_sort")

GROUP = 64  # rows of P whose gradients are summed in one go; fixed, so that bits do not depend on threads
VALUE_NS, PULL_NS = 0.6, 1.1  # one entry


@kernel
def matrix(
    s: Float, order: Array, top: Float, tau: Float, unit: Float, squared: bool, p: Array, inverse: Float, work: Float,
    start: int, stop: int,
) -> None:  # fmt: skip
    """Rows start to stop of P, numbered through the batch."""
    k, begun, end, below, above = np.uint64(top.shape[1]), np.uint64(start), np.uint64(stop), work[0], work[1]
    for row in range(begun // k, (end + k - np.uint64(1)) // k):
        head: Index = np.uint64(0)
        t = temperature(tau[row], unit[row], squared)
        first, last = max(begun, row * k) - row * k, min(end - row * k, k)
        while head < last:
            i, head = head, block(top, row, head, last, t, squared)
            if head > first:
                begin(s, row, top[row, i], t, squared, below, above)
            for m in range(max(i, first), head):
                f, inverse_f = factors(below, above, order[row, m], 1.0)
                inverse[row, m] = part = 1.0 / total(below, above, f, inverse_f)
                write(below, above, f * part, inverse_f * part, p, row, m)


# Derivation. G is the cotangent of P, D_ij = s_[i] - s_j, and the logit of entry ij is -|D_ij|^power / tau.
#   (1)  softmax of a row:               Z_ij = P_ij (G_ij - r_i),   r_i = sum_j G_ij P_ij
#   (2)  the logit falls with |D_ij|:    e_ij = Z_ij |D_ij|^(power-1) sign(D_ij),   times power / tau at the end
#   (3)  D_ij falls with s_j:            gs_j += sum_i e_ij
#   (4)  and rises with s_[i]:           the score of rank i gets -sum_j e_ij
#   (5)  the logit rises with tau:       gtau = sum_ij Z_ij |D_ij|^power / tau^2 = sum_ij e_ij D_ij / tau^2
# Equal scores. Each order of m equal scores is one smooth piece; the gradient is the mean over all m! of them.
#   (6)  A score has each of their ranks in 1/m of the orders, so (4) is shared out among the equal in m parts.
#   (7)  At rank place p among the equal, p of the m - 1 others lie before and m - 1 - p behind: in (2) the mean of
#        sign(D_ij) over the orders is (m - 1 - 2p) / (m - 1). For m = 1 the term is D_ii = 0, without a slope.


@inlined
def entries(
    below: Float, above: Float, f: float, inverse_f: float, gp: Array, row: Index, i: Index, r: float, s: Float,
    at: float, squared: bool, tied: float, e: Float, pull: Float, group: Index,
) -> None:  # fmt: skip
    for j in range(np.uint64(e.size)):
        z = min(below[j] * f, above[j] * inverse_f) * (gp[row, i, j] - r)  # (1)
        e[j] = z * slope(at - s[row, j], squared, tied)  # (2)
        pull[row, group, j] += e[j]  # (3)


@kernel
def matrix_backward(
    s: Float, order: Array, top: Float, inverse: Float, tau: Float, unit: Float, squared: bool, gp: Array,
    pull: Float, back: Float, by_tau: Float, work: Float, start: int, stop: int,
) -> None:  # fmt: skip
    """Groups of rows start to stop, numbered through the batch; factors are left to ``gather``."""
    k, groups, size = np.uint64(top.shape[1]), np.uint64(pull.shape[1]), np.uint64(GROUP)
    below, above, e = work[0], work[1], work[2]
    for place in range(np.uint64(start), np.uint64(stop)):
        row, group = place // groups, place % groups
        t, narrow = temperature(tau[row], unit[row], squared), narrowed(tau[row])
        head: Index = np.uint64(0)
        first, last = group * size, min(k, group * size + size)
        for j in range(np.uint64(e.size)):
            pull[row, group, j] = 0.0
        while head < last:
            i, head = head, block(top, row, head, last, t, squared)
            if head > first:
                begin(s, row, top[row, i], t, squared, below, above)
            for m in range(max(i, first), head):
                f, inverse_f = factors(below, above, order[row, m], inverse[row, m])
                r, at = against(below, above, f, inverse_f, gp, row, m), top[row, m]
                tied = 0.0 if alone(s, top, row, m) else mean_sign(*equals(s, top, row, m))  # (7)
                entries(below, above, f, inverse_f, gp, row, m, r, s, at, squared, tied, e, pull, group)
                back[row, m], by_tau[row, m] = sums(e, s, row, at, narrow)


@kernel
def gather(
    s: Float, order: Array, top: Float, tau: Float, unit: Float, power: float, pull: Float, back: Float, by_tau: Float,
    gs: Float, gtau: Float, start: int, stop: int,
) -> None:  # fmt: skip
    """Sums over the groups, times the factors. What would overflow stays at the largest number."""
    size = np.uint64(gs.shape[1])
    for row in range(np.uint64(start), np.uint64(stop)):
        for j in range(size):
            gs[row, j] = pull[row, 0, j]
        for group in range(np.uint64(1), np.uint64(pull.shape[1])):
            for j in range(size):
                gs[row, j] += pull[row, group, j]
        for i in range(np.uint64(top.shape[1])):
            if alone(s, top, row, i):
                gs[row, order[row, i]] -= back[row, i]  # (4)
            else:
                many = equals(s, top, row, i)[1]
                for j in range(size):
                    gs[row, j] -= back[row, i] / many if s[row, j] == top[row, i] else 0.0  # (6)
        for j in range(size):
            gs[row, j] = bounded(gs[row, j] / tau[row] * (power / unit[row] if power > 1.0 else 1.0))  # (2)
        found = 0.0
        for i in range(np.uint64(top.shape[1])):
            found += by_tau[row, i]
        gtau[row] = bounded(found / tau[row] / widened(tau[row], unit[row], power) / tau[row])  # (5)


class Residuals(NamedTuple):
    """What the backward pass needs. The weights are made again from it."""

    s: Float  # (rows, n) scores, in units of ``unit``
    order: Array  # (rows, k) where the k largest of them are, equal ones in any order
    top: Float  # (rows, k) those, descending
    inverse: Float  # (rows, k) 1 / sum of the weights of a row of P
    tau: Float  # (rows,)
    unit: Float  # (rows,) 1, or 1/2 where differences of scores could overflow
    power: int
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of s and tau, as they came
    dtype: np.dtype[Any]  # of the output


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments."""

    s: Array
    tau: Array


def value(s: Array, *, tau: Any, power: int = 1) -> Array:
    """The relaxed permutation matrix that sorts ``s`` in descending order.

        P_ij = exp(-|s_[i] - s_j|^power / tau) / sum_l exp(-|s_[i] - s_l|^power / tau),   s_[i] the i-th largest score

    Parameters
    ----------
    s : (..., n) float64 or float32
        Scores; any batch axes, n >= 1. A NaN makes all of its batch row NaN; infinities are refused.
    tau : float > 0, or an array that broadcasts against the batch axes
        Temperature; smaller is harder.
    power : 1 or 2
        Of the distance; a choice, not a parameter. Other powers are refused: below 1 the slope of |D|^power at D = 0 is
        infinite, and the diagonal term gives 0 times infinity (the softsort package: every gradient NaN).

    Returns
    -------
    p : (..., n, n), dtype of ``s``
        Rows sum to 1, columns do not. Row 0 belongs to the maximum. Tends to the permutation matrix of argsort(-s).

    Residuals
    ---------
    Scores, sorted scores, and the sum of each row: O(n) numbers. The weights are made again in the backward pass.

    Raises
    ------
    TypeError, ValueError
        Complex, object, masked or float16 input; no scores, infinite scores, tau <= 0 or of a shape that does not
        broadcast, a power that is not 1 or 2.

    VJP
    ---
    Z = P (gP - rowsum(gP P)), e_ij = Z_ij power |D_ij|^(power-1) sign(D_ij) / tau; gs_j = sum_i e_ij, less sum_j e_ij
    where s_j is the i-th largest; gtau = sum Z_ij |D_ij|^power / tau^2. Derivation (1) to (7) above ``matrix_backward``.

    Not smooth
    ----------
    Where two of three or more scores are equal, for both powers: their ranks change places; P is continuous there. The
    gradient is the mean over all orders of the equal scores (our choice; for two, the mean of both sides). It moves with
    a permutation, sums to 0, and is the derivative where n = 2, which sign(0) = 0 is not (row 0: 0 for 1 / (4 tau)).

    Numerics
    --------
    Finite for all finite input: exp of numbers <= 0 only, no |D|^2, differences at half scale where they could overflow;
    a gradient beyond the largest number is that number. Time O(n^2), memory O(n) beyond P.

    Source
    ------
    Prillo and Eisenschlos 2020; Petersen, thesis, (3.1), power 1, descending (E-22). With n = 2 and power 1 it is the
    logistic swap with beta = 1 / tau; with power 2 it is not (E-17).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.soft_sort(np.array([1.0, 3.0, 2.0]), tau=0.5).round(3)
    array([[0.016, 0.867, 0.117],
           [0.107, 0.107, 0.787],
           [0.867, 0.016, 0.117]])
    """
    return forward(s, tau=tau, power=power)[0]


def forward(s: Array, *, tau: Any, power: int = 1) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    return rows(gate, s, None, tau, power)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the matrix."""
    return rows_backward(gate, residuals, gp)


def rows(gate: Gate, s: Any, k: int | None, tau: Any, power: int) -> tuple[Array, Residuals]:
    """The first k rows of the matrix (None: all), in the name of the operator whose gate is handed in."""
    problem = setup(gate, s, k, tau, power)
    (batch, n), k = problem.s.shape, problem.k
    p, inverse = empty((batch, k, n), problem.dtype), empty((batch, k))
    order, top = empty((batch, k), np.intp), empty((batch, k))

    def some(start: int, stop: int) -> None:
        work = scratch("soft", (2, n))
        matrix(problem.s, order, top, *problem[1:3], problem.power == 2, p, inverse, work, start, stop)

    def whole(start: int, stop: int) -> None:
        largest(problem.s, order, top, start, stop)
        some(start * k, stop * k)

    if batch >= get_threads():  # one parallel region, by batch rows
        run(whole, batch, VALUE_NS * p.size)
    else:  # few: the rows of a matrix are shared out
        largest(problem.s, order, top, 0, batch)
        run(some, batch * k, VALUE_NS * p.size)
    residuals = Residuals(problem.s, order, top, inverse, *problem[1:3], problem.power, *problem[5:])
    return p.reshape(*problem.shapes[0][:-1], k, n), residuals


def rows_backward(gate: Gate, residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the first k rows."""
    (batch, n), k = residuals.s.shape, residuals.top.shape[1]
    gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(batch, k, n)
    groups = -(-k // GROUP)
    pull, back, by_tau = scratch("pull", (batch, groups, n)), empty((batch, k)), empty((batch, k))
    gs, gtau = empty((batch, n)), empty(batch)
    s, order, top, _, tau, unit, power, *_ = residuals

    def some(start: int, stop: int) -> None:
        work = scratch("soft", (3, n))
        matrix_backward(*residuals[:6], power == 2, gp, pull, back, by_tau, work, start, stop)

    def end(start: int, stop: int) -> None:
        gather(s, order, top, tau, unit, float(power), pull, back, by_tau, gs, gtau, start, stop)

    def whole(start: int, stop: int) -> None:
        some(start * groups, stop * groups)
        end(start, stop)

    if batch >= get_threads():  # as in the forward pass
        run(whole, batch, PULL_NS * gp.size)
    else:
        run(some, batch * groups, PULL_NS * gp.size)
        end(0, batch)
    return gradients(residuals, gs, gtau)


def gradients(residuals: Residuals, gs: Float, gtau: Float) -> Gradients:
    """In the shapes the arguments came in, summed over the axes they were broadcast along."""
    shape, tau_shape = residuals.shapes
    return Gradients(rounded(gs.reshape(shape), residuals.dtype), unbroadcast(gtau.reshape(shape[:-1]), tau_shape))


soft_sort = Op(
    id="sorting.soft_sort",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.soft_sort",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... n n"),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.matrix_by_definition,
    sources=declare.SOURCES,
    tol=declare.TOL,
    sizes=declare.sizes,
    laws=soft_sort_laws.LAWS,
    cases=declare.CASES,
)
