"""Rows of a table sorted with respect to keys, by a parallel bubble sort (the t' of SoftSort in the AlgoNet paper).

Odd-even transposition as in ``bubble_permutation``: round j compares the keys (a_i, a_{i+1}), i = j mod 2, j mod 2 + 2,
... With e = sig(s (a_{i+1} - a_i)), keys and rows t_i are mixed alike,

    t_i' = e t_i + (1 - e) t_{i+1},    t_{i+1}' = (1 - e) t_i + e t_{i+1},

so that t' = P t after all rounds. P is never formed: O(n steps (1 + q)) time for rows of q numbers. The keys run through
the values pass of ``network_sort``; this file adds the rows, a block of columns at a time, which stays in cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, get_threads, result_dtype, run, scratch, unbroadcast
from refimpl.jit import inlined, kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import bubble_sort_by_declarations as declare
from refimpl.sorting.blocks import WIDTH
from refimpl.sorting.network_permutation import GROUP, blend, groups_of, record, share
from refimpl.sorting.network_sort import SWAP_NS, pull_rows, unwritten, values_rows
from refimpl.sorting.network_sort import Residuals as Keys
from refimpl.sorting.network_sort import gradients as of_keys
from refimpl.sorting.problem import Problem, shrinking, values_to_sort
from refimpl.sorting.transposition import asked_for, problem

gate = Gate("sorting.bubble_sort_by")

TAPE = 2**20  # numbers on the tape of a block (8 MiB), as long as a block has more than LEAST columns
LEAST = 8


@inlined
def mix(work: Float, i: Index, j: Index, a: float, b: float, near: Index, far: Index) -> None:
    """One pair: rows i and j of the block. Rounding does not lead out of the range of the two, nor beyond all floats."""
    for k in range(near, far):
        upper, lower = work[i, k], work[j, k]
        least, most = (upper, lower) if upper < lower else (lower, upper)
        first, second = a * upper + b * lower, b * upper + a * lower
        work[i, k] = least if first < least else most if first > most else first
        work[j, k] = least if second < least else most if second > most else second


@kernel
def mixed(
    first: Array, second: Array, alpha: Float, abar: Float, t: Float, out: Array, work: Float, groups: int,
    start: int, stop: int,
) -> None:  # fmt: skip
    """Groups of columns start to stop (numbered row by row) of every row's table."""
    (n, width), q = work.shape, t.shape[2]
    for unit in range(start, stop):
        row, group = unit // groups, unit % groups
        for left in range(group * GROUP, min(q, (group + 1) * GROUP), width):
            wide = min(width, q - left)
            for wire in range(n):
                for k in range(wide):
                    work[wire, k] = t[row, wire, left + k]
            for c in range(np.uint64(first.size)):
                mix(work, first[c], second[c], alpha[row, c], abar[row, c], np.uint64(0), np.uint64(wide))
            for wire in range(n):
                for k in range(wide):
                    out[row, wire, left + k] = work[wire, k]


# Derivation. T is the cotangent of the rows after a pair, g that of the keys after it (0 after the last round: the
# sorted keys are no output). It continues the one in ``network_sort``, with alpha = e and abar = 1 - e.
#   (1)  e enters both rows:       q = <T_i, t_i - t_{i+1}> + <T_{i+1}, t_{i+1} - t_i> = <T_i - T_{i+1}, t_i - t_{i+1}>
#   (2)  and directly:             gt_i = e T_i + (1 - e) T_{i+1},   gt_{i+1} = (1 - e) T_i + e T_{i+1}
#   (3)  e = sig(s (a_{i+1} - a_i)), and e enters the later keys: q joins the backward values pass, which gives the
#        cotangents of a and s ((2) to (5) of ``network_sort``)
# t_i - t_{i+1} before each pair is made again, block by block, and kept on a tape while the block lasts.


@kernel
def mixed_backward(
    first: Array, second: Array, alpha: Float, abar: Float, t: Float, shrink: Float, gout: Array, gt: Float, q: Float,
    work: Float, tape: Float, groups: int, start: int, stop: int,
) -> None:  # fmt: skip
    """As ``mixed``; q gets each group's contribution, times the row's ``shrink``."""
    (n, width), columns, size = work.shape, t.shape[2], np.uint64(first.size)
    near = np.uint64(0)
    for unit in range(start, stop):
        row, group = unit // groups, unit % groups
        for c in range(size):
            q[row, group, c] = 0.0
        for left in range(group * GROUP, min(columns, (group + 1) * GROUP), width):
            far = np.uint64(min(width, columns - left))
            for wire in range(n):
                for k in range(far):
                    work[wire, k] = t[row, wire, left + k] * shrink[row]
            for c in range(size):
                record(work, first[c], second[c], tape, c, near, far)
                mix(work, first[c], second[c], alpha[row, c], abar[row, c], near, far)
            for wire in range(n):
                for k in range(far):
                    work[wire, k] = gout[row, wire, left + k]
            for undone in range(size):
                s = size - np.uint64(1) - undone
                q[row, group, s] += share(work, first[s], second[s], tape, s, near, far)  # (1)
                blend(work, first[s], second[s], alpha[row, s], abar[row, s], near, far)  # (2)
            for wire in range(n):
                for k in range(far):
                    gt[row, wire, left + k] = work[wire, k]


class Residuals(NamedTuple):
    """What the backward pass needs; rows after the first round are made again."""

    keys: Keys  # of the values pass, in float64: d, e, 1 - e and the slope of every pair
    t: Float  # (rows, n, q)
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # of t and a as they came, and of the output
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments."""

    t: Array
    a: Array
    steepness: Array


def value(t: Array, a: Array, *, steepness: Any, steps: int | None = None) -> Array:
    """Sort the rows of ``t`` by the keys ``a``, ascending: P t, with P the ``bubble_permutation`` of a.

        per pair (i, i + 1) of a round:  t_i, t_{i+1} = e t_i + (1 - e) t_{i+1}, (1 - e) t_i + e t_{i+1};  a alike

    Parameters
    ----------
    t : (..., n, q) float64 or float32
        What is sorted: n rows of q numbers. NaN spreads within its column; infinities are refused.
    a : (..., n) float64 or float32
        The keys, n >= 1. Batch axes of t and a are broadcast against each other. NaN spreads to the rows that depend
        on it; infinities are refused.
    steepness : float > 0, or an array that broadcasts to the joint batch axes
        s, an inverse temperature; larger is harder.
    steps : int >= 0, optional
        Rounds; default n, which sort in the limit of a large steepness. 0 gives t, more than n mix further.

    Returns
    -------
    out : (..., n, q)
        Float32 if t and a are, else float64. Each column keeps its sum and its range. With t = a[..., None] these are
        the sorted keys themselves.

    Residuals
    ---------
    d, e, 1 - e and the slope of every pair, and t.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        n = 0, numbers of rows and keys that differ, batch axes that do not broadcast, infinite values, steepness <= 0,
        steps that are no whole number >= 0 or have more than 2^31 pairs.

    VJP
    ---
    Pairs last to first: q = <T_i - T_{i+1}, t_i - t_{i+1}>, gt_i = e T_i + (1 - e) T_{i+1}, gt_{i+1} = (1 - e) T_i + e
    T_{i+1}; q joins the backward values pass. Derivation (1) to (3) above ``mixed_backward``.

    Not smooth
    ----------
    Nowhere: analytic for every finite steepness. At a tie of keys e = 1/2, and both rows become their mean.

    Numerics
    --------
    Outputs stay within the range of their column; differences of rows beyond 2^500 are taken of scaled rows.
    Time O(C (1 + q)) with C = steps (n - 1) / 2 pairs; memory O(C + n q) a row; going back, at most 2^20 or 8 C numbers
    per thread. Gradients of cotangents near 1e308 may overflow to infinity or NaN.

    Source
    ------
    Petersen and others, AlgoNet, section 4.1: t' of (7), with M transposed (there b = a M; the rows need M^T).
    Departs: n rounds by default (P-26).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> rows, keys = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]), np.array([0.3, 0.1, 0.2])
    >>> sorting.bubble_sort_by(rows, keys, steepness=1e6).round(3)
    array([[ 2., 20.],
           [ 3., 30.],
           [ 1., 10.]])
    """
    return forward(t, a, steepness=steepness, steps=steps)[0]


def forward(t: Array, a: Array, *, steepness: Any, steps: int | None = None) -> tuple[Array, Residuals]:
    """The sorted rows, and what the backward pass needs."""
    posed, t, shapes, dtype = setup(gate, t, a, steepness, steps)
    (rows, n), q, network, groups = posed.x.shape, t.shape[2], posed.network, groups_of(t.shape[2])
    b, saved, out = empty((rows, n)), unwritten(posed), empty(t.shape, dtype)

    def columns(start: int, stop: int) -> None:
        work = scratch("work", (n, max(1, min(q, WIDTH))))
        mixed(*network[:2], saved.alpha, saved.abar, t, out, work, groups, start, stop)

    def whole(start: int, stop: int) -> None:
        values_rows(posed, b, saved, start, stop)
        columns(start * groups, stop * groups)

    size = saved.d.size
    if rows >= get_threads():  # one parallel region, by rows
        run(whole, rows, work=(SWAP_NS + 3.0 + 0.3 * q) * size)
    else:  # few rows: the columns of a table are shared out
        values_rows(posed, b, saved, 0, rows)
        run(columns, rows * groups, work=(3.0 + 0.3 * q) * size)
    return out.reshape(shapes[2]), Residuals(saved, t, shapes, dtype)


def setup(gate: Gate, t: Any, a: Any, steepness: Any, steps: Any) -> tuple[Problem, Float, Any, np.dtype[Any]]:
    """Check the arguments: keys and rows broadcast over the joint batch, the shapes of t, a and the output, the dtype."""
    t, a = gate.array("t", t), values_to_sort(gate, "a", a)
    if t.ndim < 2:
        gate.refuse("t", f"has shape {t.shape}", "at least 2 axes, (..., n, q)")
    gate.finite_or_nan("t", t, "finite values")
    n, dtype = a.shape[-1], result_dtype(t, a)
    if t.shape[-2] != n:
        gate.refuse("t", f"has shape {t.shape}: {t.shape[-2]} rows", f"as many rows as keys, (..., {n}, q)")
    try:
        batch = np.broadcast_shapes(t.shape[:-2], a.shape[:-1])
    except ValueError:
        gate.refuse("t", f"has shape {t.shape}", f"batch axes that broadcast against a's, {a.shape[:-1]}")
    network = asked_for(gate, "steps", steps, n)
    posed = problem(gate, "a", a, batch, steepness, network, np.dtype(np.float64))
    shape = (*batch, *t.shape[-2:])
    table = gate.spread("t", t, shape, full=True).reshape(posed.beta.size, *t.shape[-2:])
    return posed, table, (t.shape, a.shape, shape), dtype


def backward(residuals: Residuals, gout: Any) -> Gradients:
    """Cotangents of t, a and steepness from that of the sorted rows."""
    saved, t = residuals.keys, residuals.t
    rows, n, q = t.shape
    network, groups = saved.network, groups_of(q)
    size = network.first.size
    gout = gate.cotangent(gout, residuals.shapes[2]).reshape(t.shape)
    shrink = shrinking(np.fmax.reduce(np.abs(t), axis=(1, 2), initial=0.0))
    push, gt, gb = scratch("q", (rows, groups, size)), empty(t.shape), np.zeros((rows, n))
    pulled = empty((rows, n)), empty(rows), empty(rows)

    def columns(start: int, stop: int) -> None:
        wide = max(1, min(q, WIDTH, max(LEAST, TAPE // max(1, size))))
        work, tape = scratch("work", (n, wide)), scratch("tape", (size, wide))
        mixed_backward(
            *network[:2], saved.alpha, saved.abar, t, shrink, gout, gt, push, work, tape, groups, start, stop
        )

    def whole(start: int, stop: int) -> None:
        columns(start * groups, stop * groups)
        pull_rows(saved, gb, push, pulled, start, stop)  # (3)

    if rows >= get_threads():  # as in the forward pass
        run(whole, rows, work=(SWAP_NS / 4.0 + 6.0 + 0.6 * q) * saved.d.size)
    else:
        run(columns, rows * groups, work=(6.0 + 0.6 * q) * saved.d.size)
        pull_rows(saved, gb, push, pulled, 0, rows)  # (3)
    return gradients(residuals, gt, *pulled, shrink)


def gradients(residuals: Residuals, gt: Float, ga: Float, gs: Float, zero: Float, shrink: Float) -> Gradients:
    """In the shapes the arguments came in, summed over the axes they were broadcast along."""
    pulled = of_keys(residuals.keys, ga / shrink[:, None], gs / shrink, zero)
    t_shape, a_shape, shape = residuals.shapes
    return Gradients(
        t=unbroadcast(gt.reshape(shape), t_shape, residuals.dtype),
        a=unbroadcast(pulled.x, a_shape, residuals.dtype),
        steepness=pulled.beta,
    )


bubble_sort_by = Op(
    id="sorting.bubble_sort_by",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.bubble_sort_by",
    args=declare.ARGS,
    outputs=(Out(name="out", shape="... n q"),),
    backward_is="derivative",
    terms=declare.terms(backward),
    oracle=declare.rows_by_definition,
    sources=(Source(where="Petersen and others, AlgoNet, 4.1, (6), (7)", what="definition", departs=declare.DEPARTS),),
    tol=Tol(value=64.0, gradient=256.0, why="each round rounds two convex combinations; a sum of C q terms"),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
