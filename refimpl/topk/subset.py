"""The classes worth sorting: the true one, and the m - 1 others with the largest scores.

y_0 = x_label,    y_1 >= y_2 >= ... >= y_m-1 the largest of the others
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Gate, Index, empty, result_dtype, rounded, run
from refimpl.jit import inlined, kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.topk import subset_declarations as declare
from refimpl.topk.counts import wanted
from refimpl.topk.labels import common_batch, labels, readers, sources

gate = Gate("topk.subset")

SCAN_NS, HEAP_NS, COPY_NS = 1.0, 60.0, 1.0  # nanoseconds: a score, a slot of the heap, a number of the gradient
BLOCK = 32  # scores that are compared with the least of the chosen before any of them is looked at


@inlined
def beats(a: float, b: float) -> bool:
    """A goes before b. NaN goes before every number, so that it is never dropped in silence."""
    return a > b or (a != a and b == b)


@inlined
def rivals(x: Array, row: Index, low: Index, high: Index, least: float) -> int:
    """How many scores are not <= ``least``: those that may be chosen, and NaN."""
    count = 0
    for j in range(low, high):
        count += not x[row, j] <= least
    return count


@inlined
def dropped_first(a: float, i: int, b: float, j: int) -> bool:
    """Class i with score a is dropped before class j with score b: smaller or, of equals, the higher index."""
    return beats(b, a) or (i > j and not beats(a, b))


@kernel
def sift(scores: Array, indices: Array, e: int, hole: int, last: int, score: float, new: int) -> None:
    """Put class ``new`` into the heap below ``hole``: slots 1 to ``last``, the class to be dropped first on top."""
    while True:
        child = 2 * hole
        if child > last:
            break
        if child < last and dropped_first(
            scores[e, child + 1], indices[e, child + 1], scores[e, child], indices[e, child]
        ):
            child += 1
        if dropped_first(score, new, scores[e, child], indices[e, child]):
            break
        scores[e, hole], indices[e, hole] = scores[e, child], indices[e, child]
        hole = child
    scores[e, hole], indices[e, hole] = score, new


@kernel
def choose(x: Array, source: Array, label: Array, indices: Array, chosen: Array, start: int, stop: int) -> None:
    n, m = x.shape[1], indices.shape[1]
    for e in range(start, stop):
        row, y, last = source[e], label[e], m - 1
        indices[e, 0] = y
        for slot in range(1, m):  # the first m - 1 others
            indices[e, slot] = slot - 1 if slot <= y else slot
        for slot in range(m):
            chosen[e, slot] = x[row, indices[e, slot]]
        for parent in range(last // 2, 0, -1):
            sift(chosen, indices, e, parent, last, chosen[e, parent], indices[e, parent])
        j = last if last <= y else m
        while last > 0 and j < n:
            high = min(n, j + BLOCK)
            if rivals(x, np.uint64(row), np.uint64(j), np.uint64(high), chosen[e, 1]) > 0:
                for i in range(j, high):
                    if i != y and beats(x[row, i], chosen[e, 1]):  # of equals the earlier one stays
                        sift(chosen, indices, e, 1, last, x[row, i], i)
            j = high
        while last > 1:  # the heap, from its last slot on, becomes a descending list
            score, worst = chosen[e, 1], indices[e, 1]
            sift(chosen, indices, e, 1, last - 1, chosen[e, last], indices[e, last])
            chosen[e, last], indices[e, last] = score, worst
            last -= 1


# Derivation. Let g be the cotangent of the chosen scores. Which they are does not change nearby.
#   (1)  y_s = x_i(s):              gx_i(s) = g_s
#   (2)                             and 0 for all classes that are not chosen
#   (3)  scores that are shared by several labels add up what these send, in their order


@kernel
def scatter(
    order: Array, first: Array, indices: Array, gchosen: Array, gx: Array, start: int, stop: int
) -> None:  # fmt: skip
    for row in range(start, stop):
        for j in range(gx.shape[1]):
            gx[row, j] = 0.0  # (2)
        for i in range(first[row], first[row + 1]):  # (3)
            e = order[i]
            for slot in range(indices.shape[1]):
                gx[row, indices[e, slot]] += gchosen[e, slot]  # (1)


class Residuals(NamedTuple):
    """What the backward pass needs. ``indices`` are the classes chosen, in the shape of the output."""

    indices: Array  # (..., m) int64
    source: Array  # (N,) int64: the row of x that each label is about
    shape: tuple[int, ...]  # of x
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangent of the differentiable argument."""

    x: Array


def value(x: Array, label: Any, m: int) -> Array:
    """The score of the true class, then the m - 1 largest scores of other classes, in descending order.

        y_0 = x[label],   y_1 >= ... >= y_m-1 the largest of the others

    Parameters
    ----------
    x : (..., n) float64 or float32
        Scores. Infinities are refused. NaN counts as larger than every number: it is chosen, and so it is seen.
    label : integers, 0 <= label < n, that broadcast against the batch axes
        The true class. Bools and floats are refused, and so are negative labels: nothing counts from the end.
    m : int, 1 <= m <= n
        How many classes are kept. A top-k loss on the subset needs k < m; thesis: 16 of 1000, 50 of 10450.

    Returns
    -------
    chosen : (..., m), dtype of ``x``
        In it the label is 0 everywhere: ``topk_loss(P_k(chosen), 0, weights)``. Of equal scores the lower index is kept,
        and goes first. ``forward(x, label, m)[1].indices`` are the classes:
        ``chosen == numpy.take_along_axis(x, indices, -1)``.

    Residuals
    ---------
    indices : (..., m) int64; source : (N,) int64.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input; labels, or an m, that are no integers.
    ValueError
        Infinite scores, no classes, labels out of range (the first is named), m < 1 or m > n, batch axes that do not
        broadcast.

    VJP
    ---
    gx[indices] = g, all other entries 0. Derivation (1) to (3) above ``scatter``. The choice itself is not differentiated:
    it is constant wherever there is a derivative.

    Not smooth
    ----------
    Where two of the others are equal, and one of them at least is chosen: the gradient goes to the slots as chosen (ours;
    one of the one-sided derivatives, not their mean). The true class may be equal to others.

    Numerics
    --------
    Scores are copied, not computed. A heap of m - 1 classes: time O(n + m log m log n) for scores in random order,
    O(n log m) in ascending order; memory O(m). The gradient is mostly zeros, O(n).

    Source
    ------
    Petersen, thesis, section 4.3.1. difftopk chooses the same scores, and wants k < m < n.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import topk
    >>> scores = np.array([0.1, 2.0, -1.0, 3.0, 0.5])
    >>> topk.subset(scores, 2, 3)
    array([-1.,  3.,  2.])
    >>> topk.subset.forward(scores, 2, 3)[1].indices
    array([2, 3, 1])
    """
    return forward(x, label, m)[0]


def forward(x: Array, label: Any, m: int) -> tuple[Array, Residuals]:
    """The scores chosen, and which they are."""
    x, label, source, batch, m = setup(gate, x, label, m)
    size, (rows, n) = label.size, (x.size // x.shape[-1], x.shape[-1])
    indices, chosen = empty((size, m), np.int64), empty((size, m), x.dtype)
    flat = x.reshape(rows, n)

    def chunk(start: int, stop: int) -> None:
        choose(flat, source, label, indices, chosen, start, stop)

    run(chunk, size, size * (SCAN_NS * n + HEAP_NS * m))
    residuals = Residuals(indices.reshape(*batch, m), source, x.shape, result_dtype(x))
    return chosen.reshape(*batch, m), residuals


def setup(gate: Gate, x: Any, label: Any, m: Any, xp: Any = np) -> tuple[Array, Array, Array, tuple[int, ...], int]:
    """Check the arguments: x, one label for each output, the row of x it is about, the batch axes, and m."""
    x = gate.array("x", x, rank=1)
    n = x.shape[-1]
    if n == 0:
        gate.refuse("x", f"has shape {x.shape}: there are no classes", "at least one score along the last axis")
    gate.finite_or_nan("x", x, "finite values: mask them, or stand in a large finite number")
    label = labels(gate, label, n, xp)
    m = wanted(gate, m, n, "m")
    batch = common_batch(gate, x=x.shape[:-1], label=label.shape)
    label = xp.array(xp.broadcast_to(label, batch), order="C").reshape(-1)
    return x, label, sources(x.shape[:-1], batch, xp), batch, m


def backward(residuals: Residuals, gchosen: Any) -> Gradients:
    """The cotangent of x from that of the scores chosen."""
    indices, source, shape, dtype = residuals
    m, n = indices.shape[-1], shape[-1]
    gchosen = gate.cotangent(gchosen, indices.shape).reshape(-1, m)
    rows = int(np.prod(shape[:-1]))
    order, first = readers(source, rows)
    alone = source.size == rows  # one label a row: each entry is written once, and rounded once
    gx = empty((rows, n), dtype if alone else np.float64)

    def chunk(start: int, stop: int) -> None:
        scatter(order, first, indices.reshape(-1, m), gchosen, gx, start, stop)

    run(chunk, rows, COPY_NS * (gx.size + indices.size))
    return Gradients(rounded(gx.reshape(shape), dtype))


subset = Op(
    id="topk.subset",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.topk.subset",
    args=declare.ARGS,
    outputs=(Out(name="chosen", shape="... m"),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.chosen_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), section 4.3.1",
            what="definition",
            departs="ties by index, NaN first; 1 <= m <= n, because k belongs to the loss that follows",
        ),
    ),
    tol=Tol(value=1.0, gradient=4.0, why="scores are copied; gradients of shared scores are sums"),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
