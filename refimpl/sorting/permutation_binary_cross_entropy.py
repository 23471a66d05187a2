"""The binary cross entropy of a relaxed permutation matrix P against a target matrix Q, entry by entry.

    L = -(1/n^2) sum_rc [Q_rc log max(P_rc, pmin) + (1 - Q_rc) log max(1 - P_rc, pmin)]

Each entry is a yes or no of its own: does input c have rank r? Unlike the cross entropy it also charges for weight where
the target has none, and its gradient is dense.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, run, unbroadcast
from refimpl.jit import inlined, kernel, reduction
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import permutation_losses_declarations as declare
from refimpl.sorting import permutation_losses_laws as laws
from refimpl.sorting.permutation_losses import (
    BLOCK,
    Gradients,
    Residuals,
    blocks_of,
    clamped_log,
    clamped_slope,
    complement_log,
    join,
    setup,
    space,
)

gate = Gate("sorting.permutation_binary_cross_entropy")

ENTRY_NS = 3.0  # what an entry costs, in either direction


@inlined
def term(p: float, q: float, pmin: float) -> float:
    """Q log P + (1 - Q) log(1 - P), both terms of one sign."""
    return q * clamped_log(p, pmin) + (1.0 - q) * complement_log(p, pmin)


@reduction
def block_sum(p: Float, q: Float, i: int, j: int, pmin: float, first: Index, last: Index) -> float:
    total = 0.0
    for e in range(first, last):
        total += term(p[i, e], q[j, e], pmin)
    return total


@kernel
def binary(p: Float, q: Float, p_at: Array, q_at: Array, pmin: float, parts: Float, start: int, stop: int) -> None:
    """Blocks start to stop, numbered row by row."""
    blocks = parts.shape[1]
    for unit in range(start, stop):
        row, block = unit // blocks, unit % blocks
        first, last = np.uint64(block * BLOCK), np.uint64(min((block + 1) * BLOCK, p.shape[1]))
        parts[row, block] = block_sum(p, q, p_at[row], q_at[row], pmin, first, last)


# Derivation. Let g be the cotangent of L and l(P) = log max(P, pmin), an entry at a time.
#   (1)  by P:  gP = -(g/n^2) [Q l'(P) - (1 - Q) l'(1 - P)],   l'(P) = 1/P above pmin, 0 below, 1/(2 pmin) at it
#   (2)  by Q:  gQ = -(g/n^2) [l(P) - l(1 - P)]
#   (3)  a matrix that serves many rows of the batch gets the sum of their cotangents


@inlined
def pull_block(
    p: Float, q: Float, i: int, j: int, pmin: float, share: float, gp: Float, gq: Float, row: int,
    first: Index, last: Index,
) -> None:  # fmt: skip
    for e in range(first, last):
        yes, no = clamped_slope(p[i, e], pmin), clamped_slope(1.0 - p[i, e], pmin)
        gp[row, e] = share * (q[j, e] * yes - (1.0 - q[j, e]) * no)  # (1)
        gq[row, e] = share * (clamped_log(p[i, e], pmin) - complement_log(p[i, e], pmin))  # (2)


@kernel
def binary_backward(
    p: Float, q: Float, p_at: Array, q_at: Array, pmin: float, n: int, g: Array, gp: Float, gq: Float,
    blocks: int, start: int, stop: int,
) -> None:  # fmt: skip
    for unit in range(start, stop):
        row, block = unit // blocks, unit % blocks
        first, last = np.uint64(block * BLOCK), np.uint64(min((block + 1) * BLOCK, p.shape[1]))
        share = -g[row] / (n * n)
        pull_block(p, q, p_at[row], q_at[row], pmin, share, gp, gq, row, first, last)


def value(P: Array, Q: Array) -> Array:
    """Binary cross entropy of relaxed permutation matrices, the mean over all n^2 entries.

        L = -(1/n^2) sum_rc [Q_rc log max(P_rc, pmin) + (1 - Q_rc) log max(1 - P_rc, pmin)]

    Parameters
    ----------
    P : (..., n, n) float64 or float32
        Entries in [0, 1], up to 1e-5 for rounding; n >= 1. Need not be doubly stochastic.
    Q : (..., n, n)
        Target, hard or soft, in [0, 1]; row 0 the same rank as row 0 of P. Batch axes broadcast against those of P.

    Returns
    -------
    L : (...)
        One loss for each matrix, between 0 and -log pmin (27.6, or 16.1 if P is float32). 0 exactly if P = Q is hard.
        Entries beyond [0, 1], within the s = 1e-5 accepted, may take it below 0, but not below
        s log pmin - (1 + s) log(1 + s) = -2.9e-4 (-1.7e-4), and as far above -log pmin.

    Residuals
    ---------
    p, q : copies of the matrices; no logarithms.

    Raises
    ------
    TypeError, ValueError
        As ``permutation_cross_entropy``.

    VJP
    ---
    gP = -(g/n^2) (Q / P - (1 - Q) / (1 - P)), without the first term where P < pmin and without the second where
    1 - P < pmin; gQ = -(g/n^2) (log max(P, pmin) - log max(1 - P, pmin)). Derivation (1) to (3) above the kernel.

    Not smooth
    ----------
    At P = pmin and P = 1 - pmin, with pmin as in ``permutation_cross_entropy``: beyond, the clamped term is constant
    and its derivative 0; at the corner it is the mean of both sides. An option ``rescue`` is left out, as there.

    Numerics
    --------
    log(1 - P) keeps the digits of a small P, and both logarithms are right to 2 ulp; sums in a fixed order with errors
    carried along: the relative error is a few ulp for all n. gP and gQ are differences of terms as large as 1/P and
    log P: near P = Q, or P = 1/2, they are that much less accurate. O(n^2) time and memory.

    Source
    ------
    Petersen, thesis, caption of figure 3.1, and the released code; (3.12) prints the other loss (E-16).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> loss, pullback = sorting.permutation_binary_cross_entropy.vjp(np.full((2, 2), 0.5), np.eye(2))
    >>> loss.round(6), pullback(1.0).P
    (np.float64(0.693147), array([[-0.5,  0.5],
           [ 0.5, -0.5]]))
    """
    return losses(setup(gate, P, Q))


def forward(P: Array, Q: Array) -> tuple[Array, Residuals]:
    """The losses, and what the backward pass needs."""
    problem = setup(gate, P, Q)
    return losses(problem), problem._replace(p=problem.p.copy(), q=problem.q.copy())


def losses(problem: Residuals) -> Array:
    parts, loss, units = space(problem)

    def chunk(start: int, stop: int) -> None:
        binary(*problem[:5], parts, start, stop)

    run(chunk, units, ENTRY_NS * problem.p.shape[1] * loss.size)
    join(parts, float(problem.n * problem.n), loss, 0, loss.size)
    return loss.reshape(problem.batch)


def backward(residuals: Residuals, gl: Any) -> Gradients:
    """Cotangents of P and Q from those of the losses."""
    rows, size, blocks = residuals.p_at.size, residuals.p.shape[1], blocks_of(residuals.n)
    g = gate.cotangent(gl, residuals.batch).reshape(-1).astype(np.float64, copy=False)
    gp, gq = empty((rows, size)), empty((rows, size))

    def chunk(start: int, stop: int) -> None:
        binary_backward(*residuals[:6], g, gp, gq, blocks, start, stop)

    run(chunk, rows * blocks, ENTRY_NS * size * rows)
    return gradients(residuals, gp, gq)


def gradients(residuals: Residuals, gp: Float, gq: Float) -> Gradients:
    """In the shapes of the arguments (3)."""
    whole, dtype = (*residuals.batch, residuals.n, residuals.n), residuals.dtype
    return Gradients(
        P=unbroadcast(gp.reshape(whole), residuals.shapes[0], dtype),  # (3)
        Q=unbroadcast(gq.reshape(whole), residuals.shapes[1], dtype),  # (3)
    )


permutation_binary_cross_entropy = Op(
    id="sorting.permutation_binary_cross_entropy",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.permutation_binary_cross_entropy",
    args=declare.ARGS,
    outputs=(Out(name="loss", shape="..."),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.binary_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), figure 3.1, and the released code",
            what="definition",
            departs="logarithms clamped at pmin; not the loss of (3.12) (E-16)",
        ),
    ),
    tol=Tol(value=8.0, gradient=16.0, why="logarithms to 2 ulp, products, a sum of terms of one sign, a division"),
    sizes=declare.sizes,
    laws=laws.BINARY_LAWS,
    cases=declare.BINARY_CASES,
)
