"""Bubble sort with a relaxed comparison on the device: one thread per batch row.

The program is sequential: each comparison reads what the one before wrote. A single long row therefore belongs on the
CPU; a large batch of short ones fills the device. The mathematics, the derivation and the meaning of the arguments are
in ``refimpl/sorting/bubble_sort.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.gpu.device import Gate, device_kernel, empty, per_element
from refimpl.scalars.swaps import bounded, difference, exchange, logistic_weights, within
from refimpl.sorting.bubble_sort import HUGE, SMALL, Gradients, Residuals, Sorted, gradients, outputs, three
from refimpl.sorting.problem import rows_of

gate = Gate("sorting.bubble_sort")


@device_kernel
def program(
    a: Float, beta: Float, array: Float, swaps: Float, swapped: Float,
    d: Float, alpha: Float, abar: Float, slope: Float, unswapped: Float, states: Float, passes: Float,
) -> None:  # fmt: skip
    """Thread ``row`` runs that row."""
    row, n = cuda.grid(1), a.shape[1]
    if row < a.shape[0]:
        for i in range(n):
            array[row, i] = 0.0
        swaps_here, swapped_here = 0.0, 0.0
        q, loss, c = 1.0, 0.0, 0
        for t in range(n):
            for i in range(n):
                states[row, t, i] = a[row, i] if t == 0 else states[row, t - 1, i]
            some, none = 0.0, 1.0
            for i in range(n - 1 - t):
                x, y = states[row, t, i], states[row, t, i + 1]
                gap = difference(x, y)
                stay, swap, per_gap = logistic_weights(gap, beta[row])
                d[row, c], alpha[row, c], abar[row, c], slope[row, c] = gap, stay, swap, per_gap
                states[row, t, i], states[row, t, i + 1] = exchange(x, y, gap, stay, swap)
                unswapped[row, c] = none
                some = swap + stay * some
                none = stay * none
                loss += swap
                c += 1
            weight = q * none
            for i in range(n):
                array[row, i] += weight * states[row, t, i]
            swaps_here += weight * loss
            swapped_here += weight * some
            passes[row, t, 0], passes[row, t, 1], passes[row, t, 2], passes[row, t, 3] = q, some, none, loss
            q *= some
        swaps[row], swapped[row] = swaps_here, swapped_here
        low = high = a[row, 0]
        for i in range(1, n):
            low, high = min(low, a[row, i]), max(high, a[row, i])
        for i in range(n):  # the weights sum to 1 but for rounding
            array[row, i] = within(array[row, i], low, high)


@device_kernel
def program_backward(
    beta: Float, d: Float, alpha: Float, abar: Float, slope: Float, unswapped: Float, states: Float, passes: Float,
    garray: Float, gswaps: Float, gswapped: Float, ga: Float, gbeta: Float,
) -> None:  # fmt: skip
    """Thread ``row`` goes back through that row."""
    row, n = cuda.grid(1), garray.shape[1]
    if row < garray.shape[0]:
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


def value(a: Array, *, beta: Any) -> Sorted:
    """Relaxed bubble sort: the array, the expected number of swaps, and whether the last pass swapped."""
    return forward(a, beta=beta)[0]


def forward(a: Array, *, beta: Any) -> tuple[Sorted, Residuals]:
    """The three outputs, and what the backward pass needs."""
    problem = rows_of(gate, "a", a, "beta", beta)
    rows, n = problem.x.shape
    size = (rows, n * (n - 1) // 2)
    array, swaps, swapped = empty((rows, n)), empty(rows), empty(rows)
    saved = empty(size), empty(size), empty(size), empty(size), empty(size), empty((rows, n, n)), empty((rows, n, 4))
    per_element(program, rows, problem.x, problem.parameter, array, swaps, swapped, *saved)
    return outputs(problem, array, swaps, swapped), Residuals(*saved, *problem[1:])


def backward(residuals: Residuals, cotangents: Any) -> Gradients:
    """Cotangents of a and beta from those of array, swaps and swapped."""
    garray, gswaps, gswapped = (g.astype(np.float64, copy=False) for g in three(gate, residuals, cotangents))
    ga, gbeta = empty(garray.shape), empty(garray.shape[0])
    per_element(program_backward, garray.shape[0], residuals.beta, *residuals[:7], garray, gswaps, gswapped, ga, gbeta)
    return gradients(residuals, ga, gbeta)
