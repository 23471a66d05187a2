"""The cross entropy of a relaxed permutation matrix P against a target matrix Q.

    L = -(1/n) sum_rc Q_rc log max(P_rc, pmin)

Row r of both matrices is a distribution of rank r over the inputs, column c one of input c over the ranks. The sum of
the n cross entropies of rows is that of columns: it is one sum over all entries.
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
    join,
    setup,
    space,
)

gate = Gate("sorting.permutation_cross_entropy")

ENTRY_NS = 3.0  # what an entry costs, in either direction


@inlined
def term(p: float, q: float, pmin: float) -> float:
    """Q log P; a weight of 0 takes its entry out, whatever that holds."""
    return 0.0 if q == 0.0 else q * clamped_log(p, pmin)


@reduction
def block_sum(p: Float, q: Float, i: int, j: int, pmin: float, first: Index, last: Index) -> float:
    total = 0.0
    for e in range(first, last):
        total += term(p[i, e], q[j, e], pmin)
    return total


@kernel
def cross_entropy(
    p: Float, q: Float, p_at: Array, q_at: Array, pmin: float, parts: Float, start: int, stop: int
) -> None:
    """Blocks start to stop, numbered row by row."""
    blocks = parts.shape[1]
    for unit in range(start, stop):
        row, block = unit // blocks, unit % blocks
        first, last = np.uint64(block * BLOCK), np.uint64(min((block + 1) * BLOCK, p.shape[1]))
        parts[row, block] = block_sum(p, q, p_at[row], q_at[row], pmin, first, last)


# Derivation. Let g be the cotangent of L and l(P) = log max(P, pmin), an entry at a time.
#   (1)  by P:  gP = -(g/n) Q l'(P),   l'(P) = 1/P above pmin, 0 below, 1/(2 pmin) at it
#   (2)  by Q:  gQ = -(g/n) l(P)
#   (3)  a matrix that serves many rows of the batch gets the sum of their cotangents


@inlined
def pull_block(
    p: Float, q: Float, i: int, j: int, pmin: float, share: float, gp: Float, gq: Float, row: int,
    first: Index, last: Index,
) -> None:  # fmt: skip
    for e in range(first, last):
        slope = clamped_slope(p[i, e], pmin)
        gp[row, e] = 0.0 if q[j, e] == 0.0 else share * q[j, e] * slope  # (1)
        gq[row, e] = share * clamped_log(p[i, e], pmin)  # (2)


@kernel
def cross_entropy_backward(
    p: Float, q: Float, p_at: Array, q_at: Array, pmin: float, n: int, g: Array, gp: Float, gq: Float,
    blocks: int, start: int, stop: int,
) -> None:  # fmt: skip
    for unit in range(start, stop):
        row, block = unit // blocks, unit % blocks
        first, last = np.uint64(block * BLOCK), np.uint64(min((block + 1) * BLOCK, p.shape[1]))
        share = -g[row] / n
        pull_block(p, q, p_at[row], q_at[row], pmin, share, gp, gq, row, first, last)


def value(P: Array, Q: Array) -> Array:
    """Cross entropy of relaxed permutation matrices: minus the mean log-probability that P gives to the ranks in Q.

        L = -(1/n) sum_rc Q_rc log max(P_rc, pmin)

    Parameters
    ----------
    P : (..., n, n) float64 or float32
        Entries in [0, 1], up to 1e-5 for rounding; n >= 1. Doubly stochastic where the loss is to have its meaning.
    Q : (..., n, n)
        Target, hard or soft, in [0, 1]; row 0 the same rank as row 0 of P. Batch axes broadcast against those of P.

    Returns
    -------
    L : (...)
        One loss for each matrix. At least 0 if P <= 1 and Q >= 0. For a permutation matrix Q and rows of P that sum to
        at most 1, 0 exactly if P = Q. At most -log pmin for row-stochastic Q: 27.6 (16.1 if P is float32).

    Residuals
    ---------
    p, q : copies of the matrices; no logarithms.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        Matrices that are not square, of different sizes or without rows; batch axes that do not broadcast; entries
        outside [0, 1] by more than 1e-5.

    VJP
    ---
    gP = -(g/n) Q / P where P > pmin, gQ = -(g/n) log max(P, pmin). Derivation (1) to (3) above the kernel.

    Not smooth
    ----------
    At P = pmin, 1e-12 for float64 and 1e-7 for float32 P: below, the loss is constant in P and the gradient 0; at
    pmin it is the mean of both sides. This is the derivative of the function that is computed. The equation sheet also
    has an option ``rescue``, a gradient of Q / (n pmin) below pmin: left out, as it is the derivative of nothing (the
    loss does not change there), and 1e12 times the cotangent. Mix P with 1/n instead, to keep entries off 0.

    Numerics
    --------
    log to 1 ulp; sums in a fixed order with errors carried along: the relative error is a few ulp for all n (terms
    have one sign). An entry with Q = 0 exactly adds 0 and gets gP = 0, even if P is NaN there. O(n^2) time and memory.

    Source
    ------
    Petersen, thesis, section 3.1, (3.12); the caption of figure 3.1 and the released code have the binary cross
    entropy instead (E-16): ``permutation_binary_cross_entropy``.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> loss, pullback = sorting.permutation_cross_entropy.vjp(np.full((2, 2), 0.5), np.eye(2))
    >>> loss.round(6), pullback(1.0).P
    (np.float64(0.693147), array([[-1.,  0.],
           [ 0., -1.]]))
    """
    return losses(setup(gate, P, Q))


def forward(P: Array, Q: Array) -> tuple[Array, Residuals]:
    """The losses, and what the backward pass needs."""
    problem = setup(gate, P, Q)
    return losses(problem), problem._replace(p=problem.p.copy(), q=problem.q.copy())


def losses(problem: Residuals) -> Array:
    parts, loss, units = space(problem)

    def chunk(start: int, stop: int) -> None:
        cross_entropy(*problem[:5], parts, start, stop)

    run(chunk, units, ENTRY_NS * problem.p.shape[1] * loss.size)
    join(parts, float(problem.n), loss, 0, loss.size)
    return loss.reshape(problem.batch)


def backward(residuals: Residuals, gl: Any) -> Gradients:
    """Cotangents of P and Q from those of the losses."""
    rows, size, blocks = residuals.p_at.size, residuals.p.shape[1], blocks_of(residuals.n)
    g = gate.cotangent(gl, residuals.batch).reshape(-1).astype(np.float64, copy=False)
    gp, gq = empty((rows, size)), empty((rows, size))

    def chunk(start: int, stop: int) -> None:
        cross_entropy_backward(*residuals[:6], g, gp, gq, blocks, start, stop)

    run(chunk, rows * blocks, ENTRY_NS * size * rows)
    return gradients(residuals, gp, gq)


def gradients(residuals: Residuals, gp: Float, gq: Float) -> Gradients:
    """In the shapes of the arguments (3)."""
    whole, dtype = (*residuals.batch, residuals.n, residuals.n), residuals.dtype
    return Gradients(
        P=unbroadcast(gp.reshape(whole), residuals.shapes[0], dtype),  # (3)
        Q=unbroadcast(gq.reshape(whole), residuals.shapes[1], dtype),  # (3)
    )


permutation_cross_entropy = Op(
    id="sorting.permutation_cross_entropy",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.permutation_cross_entropy",
    args=declare.ARGS,
    outputs=(Out(name="loss", shape="..."),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.cross_entropy_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), (3.12)",
            what="definition",
            departs="logarithms clamped at pmin; not the loss of figure 3.1 (E-16)",
        ),
    ),
    tol=Tol(value=8.0, gradient=16.0, why="a logarithm to 1 ulp, a product, a sum of terms of one sign, a division"),
    sizes=declare.sizes,
    laws=laws.CROSS_ENTROPY_LAWS,
    cases=declare.CROSS_ENTROPY_CASES,
)
