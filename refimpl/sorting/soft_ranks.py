"""Soft ranks: the expected rank of each input under a relaxed permutation matrix.

    rank_c = sum_r r P_rc,    r = 1 .. n

Column c of P is the distribution of input c over the ranks. Row 1 is rank 1: that of the minimum for matrices in
ascending order (networks, Sinkhorn), that of the maximum for those in descending order (NeuralSort, SoftSort).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, rounded, run, scratch
from refimpl.jit import inlined, kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import soft_values_declarations as declare
from refimpl.sorting.permutation_losses import matrix

gate = Gate("sorting.soft_ranks")

WIDTH = 256  # columns that are summed in one go
ENTRY_NS = 0.7  # what an entry of P costs, in either direction
SMALL, LARGE = 2.0**-64, 2.0**64  # n (n + 1) / 2 < 2^64


@inlined
def add_row(p: Float, row: int, r: int, rank: float, total: Float, first: Index, last: Index) -> None:
    """One more row of P, for columns first to last."""
    for c in range(first, last):
        total[c - first] += rank * p[row, r, c]


@kernel
def rescued(p: Float, row: int, c: int) -> float:
    """A sum that overflows, or a part of it does: made again with entries scaled down."""
    total = 0.0
    for r in range(p.shape[1]):
        total += (r + 1.0) * (p[row, r, c] * SMALL)
    return total * LARGE


@kernel
def ranks(p: Float, y: Array, total: Float, start: int, stop: int) -> None:
    """Blocks of columns start to stop, numbered row by row."""
    n = p.shape[1]
    blocks = (n + WIDTH - 1) // WIDTH
    for unit in range(start, stop):
        row, block = unit // blocks, unit % blocks
        first, last = block * WIDTH, min((block + 1) * WIDTH, n)
        for k in range(last - first):
            total[k] = 0.0
        for r in range(n):
            add_row(p, row, r, r + 1.0, total, np.uint64(first), np.uint64(last))
        for k in range(last - first):
            y[row, first + k] = total[k] if math.isfinite(total[k]) else rescued(p, row, first + k)


# Derivation. The ranks are linear in P; let g be their cotangent.
#   (1)  gP_rc = r g_c,  r = 1 .. n: the cotangent of column c, in every row, times the number of the row


@inlined
def pull_row(g: Float, row: int, r: int, rank: float, gp: Array) -> None:
    for c in range(np.uint64(g.shape[1])):
        gp[row, r, c] = rank * g[row, c]  # (1)


@kernel
def ranks_backward(g: Float, gp: Array, start: int, stop: int) -> None:
    """Rows of matrices start to stop, numbered matrix by matrix."""
    n = g.shape[1]
    for unit in range(start, stop):
        row, r = unit // n, unit % n
        pull_row(g, row, r, r + 1.0, gp)


class Residuals(NamedTuple):
    """What the backward pass needs: no numbers at all, the derivative is constant."""

    shape: tuple[int, ...]  # of P
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """The cotangent of the matrix."""

    P: Array


def value(P: Array) -> Array:
    """Soft ranks of the inputs of any sorter of this library: 1 for the first row of its matrix, n for the last.

        rank_c = sum_r r P_rc,    r = 1 .. n

    Parameters
    ----------
    P : (..., n, n) float64 or float32
        A relaxed permutation matrix, n >= 1. Any finite numbers are taken. NaN reaches the ranks of its column;
        infinities are refused.

    Returns
    -------
    rank : (..., n)
        In the order of the columns, that of the inputs. Within [1, n] where columns sum to 1, and n (n + 1) / 2 in
        total where P is doubly stochastic. Rank 1 is the minimum for matrices in ascending order (networks,
        Sinkhorn), the maximum for those in descending order (NeuralSort, SoftSort, whose columns need not sum to 1).

    Residuals
    ---------
    The shape of P alone.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        A matrix that is not square, n = 0, infinite entries.

    VJP
    ---
    gP_rc = r g_c. Derivation (1) above the kernel.

    Not smooth
    ----------
    Nowhere: linear in P.

    Numerics
    --------
    Sums row by row in a fixed order, off by at most n ulp of sum r |P_rc|. A sum that overflows is made again with
    scaled entries, so that a rank is infinite only if the exact one is beyond the range. O(n^2) time and memory.

    Source
    ------
    Petersen, thesis, section 3.1; equation sheet, sorting.sinkhorn (Cuturi et al. 2019).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.soft_ranks(sorting.network_permutation(np.array([3.0, 1.0, 2.0]), beta=1e6)).round(3)
    array([3., 1., 2.])
    """
    return forward(P)[0]


def forward(P: Array) -> tuple[Array, Residuals]:
    """The ranks, and what the backward pass needs."""
    p, residuals = setup(P)
    rows, n, _ = p.shape
    y = empty((rows, n), residuals.dtype)

    def chunk(start: int, stop: int) -> None:
        ranks(p, y, scratch("ranks", (WIDTH,)), start, stop)

    run(chunk, rows * -(-n // WIDTH), ENTRY_NS * p.size)
    return y.reshape(residuals.shape[:-1]), residuals


def setup(P: Any, gate: Gate = gate) -> tuple[Float, Residuals]:
    """Check the argument."""
    p = matrix(gate, "P", P)
    n = p.shape[-1]
    if p.shape[-2] != n:
        gate.refuse("P", f"has shape {p.shape}", "square matrices (..., n, n): a rank needs all n rows")
    if n == 0:
        gate.refuse("P", f"has shape {p.shape}: nothing to sort", "at least one value along the last axis")
    gate.finite_or_nan("P", p, "finite entries")
    return p.reshape(-1, n, n).astype(np.float64, copy=False), Residuals(p.shape, p.dtype)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """The cotangent of P from that of the ranks."""
    n = residuals.shape[-1]
    g = gate.cotangent(gy, residuals.shape[:-1]).reshape(-1, n).astype(np.float64, copy=False)
    gp = empty((g.shape[0], n, n), residuals.dtype)

    def chunk(start: int, stop: int) -> None:
        ranks_backward(g, gp, start, stop)

    run(chunk, g.size, ENTRY_NS * gp.size)
    return Gradients(P=rounded(gp.reshape(residuals.shape), residuals.dtype))


soft_ranks = Op(
    id="sorting.soft_ranks",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.soft_ranks",
    args=declare.RANKS_ARGS,
    outputs=(Out(name="rank", shape="... n"),),
    backward_is="derivative",
    oracle=declare.ranks_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), 3.1; equation sheet, sorting.sinkhorn, ranks",
            what="definition",
            departs="ranks count from 1 at row 0 of any matrix, whatever its order (E-22)",
        ),
    ),
    tol=Tol(value=16.0, gradient=4.0, why="sums of n products, whose rounding grows with n at worst; one product"),
    sizes=declare.rank_sizes,
    laws=declare.RANKS_LAWS,
    cases=declare.RANKS_CASES,
)
