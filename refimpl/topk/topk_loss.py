"""The top-k loss: how probable it is that the true class is among the first k, for several k at once.

p_y = sum_k PK(k) (P_1,y + ... + P_k,y) = sum_m w_m P_m,y,    w_m = PK(m) + PK(m+1) + ... + PK(K)
L = -log p_y
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, result_dtype, rounded, run
from refimpl.jit import kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.surprise import surprise, surprise_slope
from refimpl.topk import topk_loss_declarations as declare
from refimpl.topk.labels import common_batch, distribution, labels, least, readers, scale_of, sources, tail_sums

gate = Gate("topk.topk_loss")

READ_NS, WRITE_NS = 4.0, 0.5  # nanoseconds: an entry far from the last one; an entry of the gradient


@kernel
def loss_rows(
    P_k: Array, source: Array, label: Array, w: Float, scale: float, floor: float,
    p: Float, loss: Array, start: int, stop: int,
) -> None:  # fmt: skip
    for e in range(start, stop):
        row, y, share = source[e], label[e], 0.0
        for m in range(w.size):
            share += w[m] * P_k[row, m, y]
        p[e] = share
        loss[e] = surprise(share, scale, floor)


# Derivation. Let g be the cotangent of L.
#   (1)  L = -log p, at least ``floor``:   gp = -g / p, and 0 where p is below the floor
#   (2)  p = sum_m w_m P_m,y:              gP_m,y = w_m gp, in the column of the label
#   (3)                                    and 0 in all other columns, and in rows whose w_m is 0
#   (4)  a matrix that is shared by several labels adds up what they send, in their order


@kernel
def pull_rows(
    order: Array, first: Array, label: Array, slope: Float, w: Float, gloss: Array, gP_k: Array, start: int, stop: int
) -> None:
    """Rows start to stop of P_k's gradient; ``slope`` is gp / g."""
    for row in range(start, stop):
        for m in range(gP_k.shape[1]):
            for c in range(gP_k.shape[2]):
                gP_k[row, m, c] = 0.0  # (3)
        for i in range(first[row], first[row + 1]):  # (4)
            e = order[i]
            for m in range(w.size):
                gP_k[row, m, label[e]] += gloss[e] * (slope[e] * w[m])  # (2)


@kernel
def slopes(p: Float, scale: float, floor: float, slope: Float) -> None:
    for e in range(p.size):
        slope[e] = surprise_slope(p[e], scale, floor)  # (1)


class Residuals(NamedTuple):
    """What the backward pass needs; nothing is recomputed. ``scale`` is a power of two that keeps p from overflowing."""

    p: Float  # (N,) p_y / scale
    label: Array  # (N,) int64
    source: Array  # (N,) int64: the matrix that each label is about
    w: Float  # w_m / scale, without the zeros at the end
    scale: float
    floor: float  # p_y below it is taken for it
    batch: tuple[int, ...]
    shape: tuple[int, ...]  # of P_k
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangent of the differentiable argument."""

    P_k: Array


def value(P_k: Array, label: Any, weights: Any) -> Array:
    """Minus the logarithm of the probability that the true class is in the top k, k drawn from ``weights``.

        L = -log p_y,   p_y = sum_m w_m P_k[m, y],   w_m = weights_m + weights_m+1 + ...

    Parameters
    ----------
    P_k : (..., K, n) float64 or float32
        Row m is the distribution over the n classes of the (m+1)-th largest score. Any finite numbers; NaN gives NaN.
    label : integers, 0 <= label < n, that broadcast against the batch axes
        The true class. Bools and floats are refused, and so are negative labels: nothing counts from the end.
    weights : (K,) numbers >= 0 with sum 1, to 1e-6
        PK(k), k = 1 ... K: the share of the loss that asks for the top k. [0, 0, 0, 0, 1] is the top-5 loss.

    Returns
    -------
    loss : (...), dtype of ``P_k``
        >= 0 if columns of ``P_k`` add up to at most 1 (networks, Sinkhorn). NeuralSort and SoftSort only have rows that
        do: there p_y may pass 1, and L < 0.

    Residuals
    ---------
    p : (N,) float64; ``label`` and ``source``, (N,) integers; ``w``: up to K numbers. O(N + K).

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input; labels that are no integers.
    ValueError
        Infinite entries, an axis of length 0, labels out of range (the first is named), weights of another shape, weights
        that are negative, not finite or do not add up to 1, batch axes that do not broadcast.

    VJP
    ---
    gP_k[m, y] = -g w_m / p_y, all other entries 0. Derivation (1) to (4) above ``pull_rows``.
    ``weights`` have no gradient: moving one of them leaves the simplex, where the loss is not defined.

    Not smooth
    ----------
    L = -log(max(p_y, pmin)), pmin = 1e-12, or 1e-7 for float32 input: p_y is 0 for sigmoids of bounded support. Below
    pmin the derivative is 0, at pmin the mean of both sides (ours).

    Numerics
    --------
    A sum of at most K terms, in float64. Near p_y = 1 the logarithm magnifies the rounding of p_y by 1 / |L|. Rows of
    weight 0 are not read. Time O(N K) and a test of P_k for infinities, O(N K n); the gradient is mostly zeros, O(N K n).

    Source
    ------
    Petersen, thesis, (4.3), section 4.3. The difftopk package (top1_mode "sort") has log(p (1 - 2e-7) + 1e-7) for
    log(max(p, pmin)), and takes the mean over the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import topk
    >>> P_k = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])  # the two largest of three
    >>> topk.topk_loss(P_k, np.array([0, 1]), [0.5, 0.5]).round(6)  # -log(0.5 + 0.25 / 2), -log(0.25 + 0.5 / 2)
    array([0.470004, 0.693147])
    """
    return forward(P_k, label, weights)[0]


def forward(P_k: Array, label: Any, weights: Any) -> tuple[Array, Residuals]:
    """The losses, and what the backward pass needs."""
    P_k, residuals = setup(gate, P_k, label, weights)
    size = residuals.label.size
    p, loss = empty(size), empty(size, residuals.dtype)
    floor, scale = residuals.floor, residuals.scale

    def chunk(start: int, stop: int) -> None:
        loss_rows(P_k, residuals.source, residuals.label, residuals.w, scale, floor, p, loss, start, stop)

    run(chunk, size, READ_NS * size * residuals.w.size)
    return loss.reshape(residuals.batch), residuals._replace(p=p)


def setup(gate: Gate, P_k: Any, label: Any, weights: Any, xp: Any = np) -> tuple[Array, Residuals]:
    """Check the arguments; P_k as a stack of matrices, and residuals without p."""
    P_k = matrix(gate, P_k)
    rows, n = P_k.shape[-2:]
    label = labels(gate, label, n, xp)
    batch = common_batch(gate, P_k=P_k.shape[:-2], label=label.shape)
    scale, dtype = scale_of(rows), result_dtype(P_k)
    residuals = Residuals(
        p=empty(0),
        label=xp.array(xp.broadcast_to(label, batch), order="C").reshape(-1),
        source=sources(P_k.shape[:-2], batch, xp),
        w=xp.asarray(tail_sums(distribution(gate, weights, rows)) / scale),
        scale=scale,
        floor=least(dtype),
        batch=batch,
        shape=P_k.shape,
        dtype=dtype,
    )
    return P_k.reshape(-1, rows, n), residuals


def matrix(gate: Gate, P_k: Any) -> Array:
    """The rows of a relaxed permutation matrix."""
    found = gate.array("P_k", P_k)
    if found.ndim < 2:
        gate.refuse(
            "P_k", f"has shape {found.shape}", "at least 2 axes: one row for each rank, one column for each class"
        )
    if 0 in found.shape[-2:]:
        gate.refuse("P_k", f"has shape {found.shape}", "at least one row and one class along the last two axes")
    gate.finite_or_nan("P_k", found, "finite values: they are probabilities")
    return found


def backward(residuals: Residuals, gloss: Any) -> Gradients:
    """The cotangent of P_k from that of the losses."""
    gloss = gate.cotangent(gloss, residuals.batch).reshape(-1)
    w, label = residuals.w, residuals.label
    slope = empty(residuals.p.size)
    slopes(residuals.p, residuals.scale, residuals.floor, slope)
    return Gradients(pull(residuals.source, label, slope, w, gloss, residuals.shape, residuals.dtype))


def pull(
    source: Array, label: Array, slope: Float, w: Float, gloss: Array, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    """The gradient of P_k, where output e has the derivative slope[e] in p; also that of topk_split_loss."""
    *_, depth, n = shape
    rows = int(np.prod(shape[:-2]))
    order, first = readers(source, rows)
    alone = source.size == rows  # one label a matrix: each entry is written once, and rounded once
    gP_k = empty((rows, depth, n), dtype if alone else np.float64)

    def chunk(start: int, stop: int) -> None:
        pull_rows(order, first, label, slope, w, gloss, gP_k, start, stop)

    run(chunk, rows, WRITE_NS * gP_k.size)
    return rounded(gP_k.reshape(shape), dtype)


topk_loss = Op(
    id="topk.topk_loss",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.topk.topk_loss",
    args=declare.ARGS,
    outputs=(Out(name="loss", shape="..."),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.loss_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), (4.3)",
            what="definition",
            departs="max(p, pmin) under the logarithm: p is 0 for sigmoids of bounded support; no mean over the batch",
        ),
    ),
    tol=Tol(
        value=16.0,
        gradient=16.0,
        why="p to K / 2 + 1 ulp, up to 4 in the domain that is drawn; the logarithm magnifies that near p = 1",
    ),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
