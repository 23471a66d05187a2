"""The top-k loss whose top-1 part is a softmax cross entropy: on scores, where relaxed sorting is at its least stable.

q_y = sum_{k >= 2} PK(k) (P_1,y + ... + P_k,y) = sum_m w_m P_m,y,    w_1 = w_2 = PK(2) + ... + PK(K),  s = softmax(x)
split         L = PK(1) (-log s_y) - (1 - PK(1)) log q_y
normalised    L = PK(1) (-log s_y) - (1 - PK(1)) log(q_y / (1 - PK(1)))
mixed         L = -log(PK(1) s_y + q_y)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, result_dtype, rounded, run
from refimpl.jit import kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.surprise import cross_entropy, surprise, surprise_slope
from refimpl.topk import topk_split_loss_declarations as declare
from refimpl.topk.labels import common_batch, distribution, labels, least, readers, scale_of, sources, tail_sums
from refimpl.topk.softmax import softmax_rows
from refimpl.topk.topk_loss import READ_NS, matrix, pull

gate = Gate("topk.topk_split_loss")

VARIANTS = ("split", "normalised", "mixed")
EXP_NS = 2.0  # nanoseconds for one score, there or back


@kernel
def loss_rows(
    x: Array, from_x: Array, P_k: Array, from_p: Array, label: Array, e: Float, peak: Float, tail: Float, w: Float,
    share: float, rest: float, scale: float, floor: float, mixed: bool, p: Float, loss: Array, start: int, stop: int,
) -> None:  # fmt: skip
    for i in range(start, stop):
        row, y, found = from_x[i], label[i], 0.0
        for m in range(w.size):
            found += w[m] * P_k[from_p[i], m, y]
        if mixed and share > 0.0:
            found += share / scale * (e[row, y] / (1.0 + tail[row]))
        p[i], whole = found, 0.0
        if mixed and rest == 0.0 and found * scale > floor:  # a softmax alone: its logarithm without rounding it
            whole = cross_entropy(1.0, peak[row], x[row, y], tail[row]) - math.log(share)
        elif mixed:
            whole = surprise(found, scale, floor)
        else:
            if share > 0.0:  # 0 times a logarithm is 0
                whole = cross_entropy(share, peak[row], x[row, y], tail[row])
            if rest > 0.0:
                whole += rest * surprise(found, scale, floor)
        loss[i] = whole


# Derivation. Let g be the cotangent of L, and p what stands under the logarithm with P_k.
#   (1)  L = -r log p, at least ``floor``:   gp = -g r / p; r = 1 - PK(1), in "mixed" 1; the normaliser cancels in it
#   (2)  p = sum_m w_m P_m,y + ...:          gP_m,y = w_m gp, as in ``topk_loss``
#   (3)  -log s_y = log sum_j exp x_j - x_y: gx_j = c (s_j - [j = y]), with c = g PK(1)
#   (4)  mixed, p = ... + PK(1) s_y:         the same with c = -gp PK(1) s_y
#   (5)  scores that are shared by several labels: gx_j = (C - C_j) s_j - C_j (1 - s_j), with C the sum of all c and C_j
#        that of those whose label is j. 1 - s_j at the peak is tail / (1 + tail): no digits are lost there.


@kernel
def pull_outputs(
    from_x: Array, label: Array, e: Float, tail: Float, p: Float, gloss: Array, share: float, rest: float, scale: float,
    floor: float, mixed: bool, slope: Float, c: Float,
) -> None:  # fmt: skip
    for i in range(p.size):
        by_p = surprise_slope(p[i], scale, floor)
        slope[i] = by_p if mixed else rest * by_p  # (1)
        c[i] = gloss[i] * share  # (3)
        if mixed and share > 0.0:
            chosen = e[from_x[i], label[i]] / (1.0 + tail[from_x[i]])
            c[i] = -gloss[i] * (by_p * (share / scale)) * chosen  # (4)


@kernel
def pull_softmax(
    order: Array, first: Array, label: Array, c: Float, e: Float, top: Array, tail: Float, share: float, gx: Float,
    start: int, stop: int,
) -> None:  # fmt: skip
    for row in range(start, stop):
        for j in range(gx.shape[1]):
            gx[row, j] = 0.0
        if share == 0.0:
            continue
        every = 0.0
        for i in range(first[row], first[row + 1]):
            gx[row, label[order[i]]] += c[order[i]]  # (5) C_j
            every += c[order[i]]
        whole = 1.0 + tail[row]
        for j in range(gx.shape[1]):
            s = e[row, j] / whole
            other = tail[row] / whole if j == top[row] else 1.0 - s
            gx[row, j] = (every - gx[row, j]) * s - gx[row, j] * other  # (5)


class Residuals(NamedTuple):
    """What the backward pass needs; nothing is recomputed. ``scale`` is a power of two that keeps p from overflowing."""

    e: Float  # (X, n) exp(x - peak), one row for each row of x
    top: Array  # (X,) int64: where the peak is
    tail: Float  # (X,) sum of e without the peak
    p: Float  # (N,) what stands under the logarithm with P_k, / scale
    label: Array  # (N,) int64
    from_x: Array  # (N,) int64: the row of x that each label is about
    from_p: Array  # (N,) int64: the matrix
    w: Float  # w_m / scale (normalised: and / rest), without the zeros at the end
    share: float  # PK(1)
    rest: float  # 1 - PK(1)
    scale: float
    floor: float  # the least p
    mixed: bool
    batch: tuple[int, ...]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of x, P_k
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments."""

    x: Array
    P_k: Array


def value(x: Array, P_k: Array, label: Any, weights: Any, *, variant: str = "split") -> Array:
    """Softmax cross entropy for the top 1, the top-k loss for the rest of the distribution over k.

        split:       L = PK(1) (-log s_y) - (1 - PK(1)) log q_y,   q_y = sum_{k >= 2} PK(k) sum_{m <= k} P_k[m, y]
        normalised:  L = split + (1 - PK(1)) log(1 - PK(1))
        mixed:       L = -log(PK(1) s_y + q_y)                     s = softmax(x)

    Parameters
    ----------
    x : (..., n) float64 or float32
        Scores. NaN gives NaN where PK(1) > 0; infinities are refused.
    P_k : (..., K, n) float64 or float32
        As in ``topk_loss``.
    label : integers, 0 <= label < n, that broadcast against the batch axes
        The true class, as in ``topk_loss``.
    weights : (K,) numbers >= 0 with sum 1, to 1e-6
        PK(k), k = 1 ... K. A term whose weight is 0 is 0, whatever stands under its logarithm; so is the second if K = 1.
    variant : "split", "normalised" or "mixed"
        "split" is (4.4) as printed, and the default: "normalised" has the same gradients. difftopk's top1_mode "smce" is
        "split", its "sm" is "mixed": the softmax replaces P_1 in the term k = 1 alone; terms k >= 2 keep P_1.

    Returns
    -------
    loss : (...), float32 if both arrays are, else float64
        For columns of ``P_k`` that add up to at most 1, "normalised" and "mixed" are >= 0, and "split" is at least
        -(1 - PK(1)) log(1 - PK(1)): 0.3466 for weights [.5, 0, 0, 0, .5].

    Residuals
    ---------
    e, the size of x; top, tail, p, label, from_x, from_p: a number for each row; w.

    Raises
    ------
    TypeError, ValueError
        As ``topk_loss``; also numbers of classes that differ, and an unknown variant.

    VJP
    ---
    split and normalised: gx = g PK(1) (s - onehot_y), gP_k[m, y] = -g (1 - PK(1)) w_m / q_y. mixed, with p under the
    logarithm: gx = g PK(1) s_y / p (s - onehot_y), gP_k[m, y] = -g w_m / p. w_1 = w_2. Derivation (1) to (5) above
    ``pull_outputs``. ``weights`` have no gradient: moving one of them leaves the simplex.

    Not smooth
    ----------
    max(q_y, pmin) and, in "mixed", max(p, pmin) stand under the logarithm, as in ``topk_loss``; the softmax has no floor.

    Numerics
    --------
    log sum exp from differences to the largest score and log1p: scores of 1e308 are fine, and a cross entropy of 1e-20
    has all its digits ("mixed": where PK(1) = 1, else its p is rounded once before the logarithm). A loss beyond the
    largest number is that number. Time O(N K n), memory O(N (K + 1) n).

    Source
    ------
    Petersen, thesis, (4.4), section 4.3, E-21: the minimum as printed is not 0; "normalised" divides by 1 - PK(1) inside
    the logarithm. The difftopk package has log(q (1 - 2e-7) + 1e-7), and takes the mean over the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import topk
    >>> x, P_k = np.array([9.0, 0.0, 0.0]), np.eye(3)[:2]  # the true class is on top in both
    >>> topk.topk_split_loss(x, P_k, [0, 1], [0.5, 0.5]).round(4)  # log(2) / 2 at best
    array([0.3467, 4.8467])
    >>> topk.topk_split_loss(x, P_k, [0, 1], [0.5, 0.5], variant="normalised").round(3)
    array([0. , 4.5])
    """
    return forward(x, P_k, label, weights, variant=variant)[0]


def forward(x: Array, P_k: Array, label: Any, weights: Any, *, variant: str = "split") -> tuple[Array, Residuals]:
    """The losses, and what the backward pass needs."""
    x, P_k, saved = setup(gate, x, P_k, label, weights, variant)
    (rows, n), size = x.shape, saved.label.size
    e, peak, top, tail = empty((rows, n)), empty(rows), empty(rows, np.int64), empty(rows)
    p, loss = empty(size), empty(size, saved.dtype)

    def scores(start: int, stop: int) -> None:
        softmax_rows(x, e, peak, top, tail, start, stop)

    def chunk(start: int, stop: int) -> None:
        loss_rows(
            x, saved.from_x, P_k, saved.from_p, saved.label, e, peak, tail, saved.w,
            saved.share, saved.rest, saved.scale, saved.floor, saved.mixed, p, loss, start, stop,
        )  # fmt: skip

    run(scores, rows, EXP_NS * x.size)
    run(chunk, size, READ_NS * size * (2 + saved.w.size))
    return loss.reshape(saved.batch), saved._replace(e=e, top=top, tail=tail, p=p)


def setup(
    gate: Gate, x: Any, P_k: Any, label: Any, weights: Any, variant: str, xp: Any = np
) -> tuple[Array, Array, Residuals]:
    """Check the arguments; x and P_k as stacks of rows and matrices, and residuals without what is computed."""
    x = gate.array("x", x, rank=1)
    gate.finite_or_nan("x", x, "finite values: stand in a large finite number")
    P_k = matrix(gate, P_k)
    rows, n = P_k.shape[-2:]
    if x.shape[-1] != n:
        gate.refuse("P_k", f"has shape {P_k.shape}", f"{x.shape[-1]} classes along the last axis, as in x")
    label = labels(gate, label, n, xp)
    code = gate.choice("variant", variant, VARIANTS)
    batch = common_batch(gate, x=x.shape[:-1], P_k=P_k.shape[:-2], label=label.shape)
    weights = distribution(gate, weights, rows)
    share, beyond = float(weights[0]), weights.copy()
    beyond[0] = 0.0
    w, scale, dtype = tail_sums(beyond), scale_of(rows + 1), result_dtype(x, P_k)
    rest = float(w[0]) if w.size else 0.0
    norm = rest if VARIANTS[code] == "normalised" and rest > 0.0 else 1.0
    residuals = Residuals(
        e=empty(0), top=empty(0), tail=empty(0), p=empty(0),
        label=xp.array(xp.broadcast_to(label, batch), order="C").reshape(-1),
        from_x=sources(x.shape[:-1], batch, xp),
        from_p=sources(P_k.shape[:-2], batch, xp),
        w=xp.asarray(w / norm / scale),
        share=share, rest=rest, scale=scale, floor=least(dtype) / norm, mixed=VARIANTS[code] == "mixed",
        batch=batch, shapes=(x.shape, P_k.shape), dtype=dtype,
    )  # fmt: skip
    return x.reshape(-1, n), P_k.reshape(-1, rows, n), residuals


def backward(residuals: Residuals, gloss: Any) -> Gradients:
    """Cotangents of x and P_k from that of the losses."""
    gloss = gate.cotangent(gloss, residuals.batch).reshape(-1)
    label, share, size = residuals.label, residuals.share, residuals.p.size
    slope, c, gx = empty(size), empty(size), empty(residuals.e.shape)
    order, first = readers(residuals.from_x, gx.shape[0])
    pull_outputs(
        residuals.from_x, label, residuals.e, residuals.tail, residuals.p, gloss,
        share, residuals.rest, residuals.scale, residuals.floor, residuals.mixed, slope, c,
    )  # fmt: skip

    def chunk(start: int, stop: int) -> None:
        pull_softmax(order, first, label, c, residuals.e, residuals.top, residuals.tail, share, gx, start, stop)

    run(chunk, gx.shape[0], EXP_NS * gx.size)
    x_shape, matrix_shape = residuals.shapes
    return Gradients(
        x=rounded(gx.reshape(x_shape), residuals.dtype),
        P_k=pull(residuals.from_p, label, slope, residuals.w, gloss, matrix_shape, residuals.dtype),  # (2)
    )


topk_split_loss = Op(
    id="topk.topk_split_loss",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.topk.topk_split_loss",
    args=declare.ARGS,
    outputs=(Out(name="loss", shape="..."),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.loss_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), (4.4)",
            what="definition",
            departs="normalised: the minimum as printed is not 0 (E-21); max(q, pmin); mixed: the difftopk package, 'sm'",
        ),
    ),
    tol=Tol(value=16.0, gradient=32.0, why="as topk_loss; a softmax to 3 ulp, and differences of it"),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
