"""Bubble sort with a relaxed comparison: the program itself, run forward and in reverse.

    while swapped:                               N passes at most
        swapped = False
        for i in 0 .. N - 2 - t:                 pass t
            if A[i] > A[i + 1]:  swap them;  swapped = True;  loss += 1

The comparison holds with probability p = s(beta (A[i] - A[i+1])), s the logistic function; both branches of the If run,
and every variable becomes their expectation:

    A[i], A[i+1] = (1 - p) A[i] + p A[i+1],  p A[i] + (1 - p) A[i+1]
    swapped      = p + (1 - p) swapped,      loss = loss + p

The While ends after pass t with probability 1 - swapped_t, so what comes out is the mean of the states after each pass,
weighted by w_t = q_t (1 - swapped_t), q_0 = 1, q_{t+1} = q_t swapped_t. The last pass compares nothing: swapped is 0
there, and the weights sum to 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, rounded, run, unbroadcast
from refimpl.jit import kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.swaps import bounded, difference, exchange, logistic_weights, within
from refimpl.sorting import bubble_sort_declarations as declare
from refimpl.sorting.problem import Rows, rows_of

gate = Gate("sorting.bubble_sort")

COMPARISON_NS = 30.0  # forward; backward takes a third
HUGE, SMALL = 1e300, 2.0**-600  # beyond HUGE, the cotangents of the weights are computed scaled down


@kernel
def program(
    a: Float, beta: Float, array: Float, swaps: Float, swapped: Float,
    d: Float, alpha: Float, abar: Float, slope: Float, unswapped: Float, states: Float, passes: Float,
    keep: int, start: int, stop: int,
) -> None:  # fmt: skip
    """Rows start to stop. ``alpha`` is 1 - p, ``abar`` is p; ``unswapped`` is 1 - swapped before the comparison.

    ``states`` are the arrays after each pass, ``passes`` hold q, swapped, 1 - swapped and loss of each. With ``keep`` 0
    each overwrites the one before.
    """
    n = a.shape[1]
    for row in range(start, stop):
        for i in range(n):
            array[row, i] = 0.0
        swaps[row] = swapped[row] = 0.0
        q, loss, c = 1.0, 0.0, 0
        for t in range(n):
            at, before = t * keep, max(t - 1, 0) * keep
            for i in range(n):
                states[row, at, i] = a[row, i] if t == 0 else states[row, before, i]
            some, none = 0.0, 1.0
            for i in range(n - 1 - t):
                x, y = states[row, at, i], states[row, at, i + 1]
                d[row, c] = difference(x, y)
                alpha[row, c], abar[row, c], slope[row, c] = logistic_weights(d[row, c], beta[row])
                states[row, at, i], states[row, at, i + 1] = exchange(x, y, d[row, c], alpha[row, c], abar[row, c])
                unswapped[row, c] = none
                some = abar[row, c] + alpha[row, c] * some
                none = alpha[row, c] * none
                loss += abar[row, c]
                c += keep
            weight = q * none
            for i in range(n):
                array[row, i] += weight * states[row, at, i]
            swaps[row] += weight * loss
            swapped[row] += weight * some
            passes[row, at, 0], passes[row, at, 1], passes[row, at, 2], passes[row, at, 3] = q, some, none, loss
            q *= some
        low, high = a[row].min(), a[row].max()
        for i in range(n):  # the weights sum to 1 but for rounding
            array[row, i] = within(array[row, i], low, high)


# Derivation. gA, gL, gS are the cotangents of the three outputs; G, l, u those of the array, the loss and q on the way
# back (all 0 after the last pass), v that of swapped. Pass t, last to first, with w = q (1 - swapped):
#   (1)  outputs:         gw = <gA, A> + gL loss + gS swapped;   G += w gA,  l += w gL
#   (2)  w and q':        w = q (1 - swapped), q' = q swapped:   v = gS w + q (u - gw),   u <- (1 - swapped) gw + swapped u
# and its comparisons, last to first, d = A[i+1] - A[i], alpha = s(beta d) = 1 - p, abar = p:
#   (3)  p enters all:    gp = (G_i - G_{i+1}) d + v (1 - swapped before) + l
#   (4)  p = s(-beta d):  gd = -f'(d) gp, to A[i] with a minus sign, to A[i+1] with a plus;   gbeta += gd d / beta
#   (5)  directly:        G_i, G_{i+1} <- alpha G_i + abar G_{i+1},  abar G_i + alpha G_{i+1};   v <- alpha v


@kernel
def program_backward(
    beta: Float, d: Float, alpha: Float, abar: Float, slope: Float, unswapped: Float, states: Float, passes: Float,
    garray: Array, gswaps: Array, gswapped: Array, ga: Float, gbeta: Float, start: int, stop: int,
) -> None:  # fmt: skip
    n = garray.shape[1]
    for row in range(start, stop):
        size = abs(gswaps[row]) * n * n + abs(gswapped[row])
        for i in range(n):
            ga[row, i] = 0.0
            size += abs(garray[row, i]) * abs(states[row, 0, i])
        scale = SMALL if size > HUGE else 1.0
        gloss, gq, by_beta = 0.0, 0.0, 0.0
        c = n * (n - 1) // 2
        for back in range(n):
            t = n - 1 - back
            q, some, none, loss = passes[row, t, 0], passes[row, t, 1], passes[row, t, 2], passes[row, t, 3]
            weight = q * none
            gw = (scale * gswaps[row]) * loss + (scale * gswapped[row]) * some  # (1)
            for i in range(n):
                gw += garray[row, i] * (scale * states[row, t, i])  # (1)
                ga[row, i] += weight * garray[row, i]  # (1)
            gloss += weight * (scale * gswaps[row])  # (1)
            gsome = weight * (scale * gswapped[row]) + q * (gq - gw)  # (2)
            gq = none * gw + some * gq  # (2)
            for undone in range(n - 1 - t):
                i = n - 2 - t - undone
                c -= 1
                gi, gj = ga[row, i], ga[row, i + 1]
                gd = (slope[row, c] * d[row, c]) * difference(gi, gj)  # (3) (4)
                gd = bounded(gd - slope[row, c] * (gsome * unswapped[row, c] + gloss) / scale)  # (3) (4)
                by_beta = bounded(by_beta + bounded(gd * d[row, c]))  # (4)
                ga[row, i] = bounded(alpha[row, c] * gi + abar[row, c] * gj - gd)  # (5) (4)
                ga[row, i + 1] = bounded(abar[row, c] * gi + alpha[row, c] * gj + gd)  # (5) (4)
                gsome *= alpha[row, c]  # (5)
        gbeta[row] = bounded(by_beta / beta[row])


class Sorted(NamedTuple):
    """The outputs."""

    array: Array
    swaps: Array
    swapped: Array


class Residuals(NamedTuple):
    """Per row and comparison, in the order they are made; per row and pass; and what was asked."""

    d: Float
    alpha: Float
    abar: Float
    slope: Float
    unswapped: Float
    states: Float
    passes: Float
    beta: Float
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents."""

    a: Array
    beta: Array


def value(a: Array, *, beta: Any) -> Sorted:
    """Relaxed bubble sort: the array, the expected number of swaps, and whether the last pass swapped.

        p = s(beta (A[i] - A[i+1]));   outputs = sum_t w_t (A_t, loss_t, swapped_t)

    Parameters
    ----------
    a : (..., n) float64 or float32; n >= 1, any batch axes
        Values to sort. A NaN makes all outputs of its row NaN; infinities are refused.
    beta : float > 0, or an array that broadcasts against the batch axes
        Inverse temperature; larger is harder. The thesis uses 5 in the listing and 8 in the experiments.

    Returns
    -------
    array : (..., n), dtype of ``a``
        Within [min a, max a], with the same sum; tends to the sorted array, but is not sorted for finite beta.
    swaps : (...)
        Expected number of swaps, 0 to n (n - 1) / 2; tends to the number of inversions (Kendall distance) without ties.
    swapped : (...)
        In [0, 1]: the mean probability that the pass which ended the loop swapped something; tends to 0.

    Residuals
    ---------
    d, alpha, abar, slope, unswapped : (rows, n (n - 1) / 2) float64; states, passes : (rows, n, n), (rows, n, 4) float64
        Of each comparison and after each pass. All saved, since swaps cannot be undone at alpha = 1/2.

    Raises
    ------
    TypeError, ValueError
        As ``network_sort``.

    VJP
    ---
    Comparisons last to first; derivation (1) to (5) above ``program_backward``.

    Not smooth
    ----------
    Analytic in a and beta.

    Numerics
    --------
    1 - swapped is a product of its own, so that a nearly certain swap keeps its digits. Differences and derivatives
    that overflow are the largest number of their sign. Time O(n^2) per row; memory O(n), with residuals O(n^2).

    Source
    ------
    Petersen, thesis, section 2.3, the listing; (2.10), (2.12) as corrected (E-02). The text calls ``swapped`` the loss
    and the probability of being sorted (E-03); the listing returns the expected number of swaps, as here.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> array, swaps, swapped = sorting.bubble_sort(np.array([3.0, 1.0, 2.0]), beta=100.0)
    >>> array, float(swaps), float(swapped.round(9))
    (array([1., 2., 3.]), 2.0, 0.0)
    """
    return _run(rows_of(gate, "a", a, "beta", beta), keep=False)[0]


def forward(a: Array, *, beta: Any) -> tuple[Sorted, Residuals]:
    """The three outputs, and what the backward pass needs."""
    return _run(rows_of(gate, "a", a, "beta", beta), keep=True)


def _run(problem: Rows, keep: bool) -> tuple[Sorted, Residuals]:
    (rows, n), comparisons = problem.x.shape, problem.x.shape[1] * (problem.x.shape[1] - 1) // 2
    size, states = (rows, comparisons if keep else min(comparisons, 1)), (rows, n if keep else 1)
    array, swaps, swapped = empty((rows, n)), empty(rows), empty(rows)
    saved = empty(size), empty(size), empty(size), empty(size), empty(size), empty((*states, n)), empty((*states, 4))

    def chunk(start: int, stop: int) -> None:
        program(problem.x, problem.parameter, array, swaps, swapped, *saved, int(keep), start, stop)

    run(chunk, rows, COMPARISON_NS * rows * comparisons)
    return outputs(problem, array, swaps, swapped), Residuals(*saved, *problem[1:])


def outputs(problem: Rows, array: Float, swaps: Float, swapped: Float) -> Sorted:
    """In the shapes and the dtype of the input."""
    shape, dtype = problem.shapes[0], problem.dtype
    return Sorted(
        array.reshape(shape).astype(dtype, copy=False),
        swaps.reshape(shape[:-1]).astype(dtype, copy=False),
        swapped.reshape(shape[:-1]).astype(dtype, copy=False),
    )


def backward(residuals: Residuals, cotangents: Any) -> Gradients:
    """Cotangents of a and beta from those of array, swaps and swapped."""
    garray, gswaps, gswapped = three(gate, residuals, cotangents)
    ga, gbeta = empty(garray.shape), empty(len(garray))

    def chunk(start: int, stop: int) -> None:
        program_backward(residuals.beta, *residuals[:7], garray, gswaps, gswapped, ga, gbeta, start, stop)

    run(chunk, len(garray), COMPARISON_NS / 3.0 * residuals.d.size)
    return gradients(residuals, ga, gbeta)


def three(gate: Gate, residuals: Residuals, cotangents: Any) -> tuple[Array, Array, Array]:
    if not isinstance(cotangents, tuple | list) or len(cotangents) != 3:
        gate.refuse("cotangent", "is not a triple", "three arrays, for array, swaps and swapped", TypeError)
    garray, gswaps, gswapped = cotangents
    shape = residuals.shapes[0]
    return (
        gate.cotangent(garray, shape, "cotangent of array").reshape(residuals.beta.size, shape[-1]),
        gate.cotangent(gswaps, shape[:-1], "cotangent of swaps").reshape(-1),
        gate.cotangent(gswapped, shape[:-1], "cotangent of swapped").reshape(-1),
    )


def gradients(residuals: Residuals, ga: Float, gbeta: Float) -> Gradients:
    """In the shapes the arguments came in."""
    shape, beta_shape = residuals.shapes
    in_a = rounded(ga.reshape(shape), residuals.dtype)
    return Gradients(in_a, unbroadcast(gbeta.reshape(shape[:-1]), beta_shape))


bubble_sort = Op(
    id="sorting.bubble_sort",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.bubble_sort",
    args=declare.ARGS,
    outputs=(Out(name="array", shape="... n"), Out(name="swaps", shape="..."), Out(name="swapped", shape="...")),
    backward_is="derivative",
    oracle=declare.program_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), 2.3; (2.10), (2.12)",
            what="the listing, and the relaxation of If and While",
            departs="While with weights that sum to 1 (E-02); swapped is what the listing computes (E-03, E-04)",
        ),
    ),
    tol=Tol(value=64.0, gradient=256.0, why="n passes of swaps that round twice each; a sum over all comparisons"),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
