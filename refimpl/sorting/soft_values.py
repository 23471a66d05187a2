"""Soft sorted values: a relaxed permutation matrix applied to values.

    y_r = sum_c P_rc x_c

With the matrix of ``network_permutation`` or Sinkhorn sorting, y_0 is the soft minimum; with that of NeuralSort or
SoftSort, whose row 0 is the maximum, the soft maximum. The first k rows of a matrix give the first k values.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, result_dtype, run, unbroadcast
from refimpl.jit import inlined, kernel, reduction
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import soft_values_declarations as declare
from refimpl.sorting.permutation_losses import matrix, which

gate = Gate("sorting.soft_values")

WIDTH = 256  # columns whose cotangents are summed in one go
ENTRY_NS = 0.5, 1.0  # what an entry of P costs, forward and backward


@reduction
def dot(p: Float, x: Float, i: int, r: int, j: int, n: Index) -> float:
    """Row r times x; an entry of 0 takes its value out, NaN included."""
    total = 0.0
    for c in range(n):
        total += p[i, r, c] * x[j, c] if p[i, r, c] != 0.0 else 0.0
    return total


@kernel
def rescued(a: Float, b: Float) -> float:
    """sum a_k b_k where the sum, or a part of it, overflows: the same with both factors scaled to at most 1."""
    top_a, top_b, total = 0.0, 0.0, 0.0
    for k in range(a.size):
        top_a, top_b = max(top_a, abs(a[k])), max(top_b, abs(b[k]))
    exponent_a, exponent_b = math.frexp(top_a)[1], math.frexp(top_b)[1]
    for k in range(a.size):
        if a[k] != 0.0:
            total += math.ldexp(a[k], -exponent_a) * math.ldexp(b[k], -exponent_b)
    return math.ldexp(total, exponent_a + exponent_b)


@kernel
def values(p: Float, x: Float, p_at: Array, x_at: Array, y: Array, start: int, stop: int) -> None:
    """Values start to stop, numbered row by row."""
    ranks, n = y.shape[1], np.uint64(x.shape[1])
    for unit in range(start, stop):
        row, r = unit // ranks, unit % ranks
        i, j = p_at[row], x_at[row]
        found = dot(p, x, i, r, j, n)
        y[row, r] = found if math.isfinite(found) else rescued(p[i, r, :], x[j, :])


# Derivation. y is linear in P and in x; let g be its cotangent.
#   (1)  by P:  gP_rc = g_r x_c
#   (2)  by x:  gx_c = sum_r P_rc g_r, the transposed matrix
#   (3)  an argument that serves many rows of the batch gets the sum of their cotangents


@inlined
def pull_row(
    p: Float, x: Float, i: int, j: int, g: float, r: int, gp: Float, gx: Float, row: int, first: Index, last: Index
) -> None:
    for c in range(first, last):
        gp[row, r, c] = g * x[j, c]  # (1)
        gx[row, c] += p[i, r, c] * g if p[i, r, c] != 0.0 else 0.0  # (2)


@kernel
def values_backward(
    p: Float, x: Float, p_at: Array, x_at: Array, g: Float, gp: Float, gx: Float, start: int, stop: int
) -> None:
    """Blocks of columns start to stop, numbered row by row."""
    n = x.shape[1]
    blocks = (n + WIDTH - 1) // WIDTH
    for unit in range(start, stop):
        row, block = unit // blocks, unit % blocks
        first, last = block * WIDTH, min((block + 1) * WIDTH, n)
        i, j = p_at[row], x_at[row]
        for c in range(first, last):
            gx[row, c] = 0.0
        for r in range(g.shape[1]):
            pull_row(p, x, i, j, g[row, r], r, gp, gx, row, np.uint64(first), np.uint64(last))
        for c in range(first, last):
            if not math.isfinite(gx[row, c]):
                gx[row, c] = rescued(p[i, :, c], g[row, :])


class Residuals(NamedTuple):
    """What the backward pass needs: copies of both arguments."""

    p: Float  # (matrices in P, r, n)
    x: Float  # (rows of x, n)
    p_at: Array  # (rows,) which matrix of p a batch row takes
    x_at: Array  # (rows,)
    batch: tuple[int, ...]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of P, x
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of the matrix and of the values."""

    P: Array
    x: Array


def value(P: Array, x: Array) -> Array:
    """Soft sorted values: the matrix of any sorter of this library applied to values.

        y_r = sum_c P_rc x_c

    Parameters
    ----------
    P : (..., r, n) float64 or float32
        A relaxed permutation matrix, or its first r rows. Any finite numbers are taken; r may be 0, n may not.
    x : (..., n)
        The values; batch axes broadcast against those of P. NaN reaches the y_r with P_rc != 0; infinities are refused.

    Returns
    -------
    y : (..., r)
        In the order of the rows of P: ascending for networks and Sinkhorn, descending for NeuralSort and SoftSort.
        Within [min x, max x] where rows sum to 1. Not always sorted.

    Residuals
    ---------
    p, x : copies of both arguments.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        Too few axes, n = 0, different n, batch axes that do not broadcast, infinite entries.

    VJP
    ---
    gP_rc = g_r x_c, gx_c = sum_r P_rc g_r. Derivation (1) to (3) above the kernel.

    Not smooth
    ----------
    Nowhere: linear in P and in x.

    Numerics
    --------
    Sums in a fixed order, off by at most n ulp of sum |P_rc x_c|. A sum that overflows is made again with scaled
    factors, so that y is infinite only if the exact value is beyond the range. O(r n) time and memory.

    Source
    ------
    Petersen, thesis, section 3.1 (sorted values P x); Cuturi et al. 2019 for Sinkhorn.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> x = np.array([3.0, 1.0, 2.0])
    >>> P = sorting.network_permutation(x, beta=1e6)
    >>> sorting.soft_values(P, x).round(3), sorting.soft_values(P[:2], x).round(3)
    (array([1., 2., 3.]), array([1., 2.]))
    """
    return products(setup(P, x))


def forward(P: Array, x: Array) -> tuple[Array, Residuals]:
    """The values, and what the backward pass needs."""
    problem = setup(P, x)
    return products(problem), problem._replace(p=problem.p.copy(), x=problem.x.copy())


def products(problem: Residuals) -> Array:
    rows, ranks = problem.p_at.size, problem.p.shape[1]
    y = empty((rows, ranks), problem.dtype)

    def chunk(start: int, stop: int) -> None:
        values(*problem[:4], y, start, stop)

    run(chunk, y.size, ENTRY_NS[0] * y.size * problem.x.shape[1])
    return y.reshape(*problem.batch, ranks)


def setup(P: Any, x: Any, gate: Gate = gate) -> Residuals:
    """Check the arguments. The arrays may still be the caller's own memory."""
    p, x = matrix(gate, "P", P), gate.array("x", x, rank=1)
    n = p.shape[-1]
    if n == 0:
        gate.refuse("P", f"has shape {p.shape}: nothing to sort", "at least one value along the last axis")
    if x.shape[-1] != n:
        gate.refuse("x", f"has shape {x.shape}", f"as many values as P has columns, (..., {n})")
    gate.finite_or_nan("P", p, "finite entries")
    gate.finite_or_nan("x", x, "finite values: mask them, or stand in a large finite number")
    batches = p.shape[:-2], x.shape[:-1]
    try:
        batch = np.broadcast_shapes(*batches)
    except ValueError:
        gate.refuse("x", f"has shape {x.shape}", f"batch axes that broadcast against P's, {p.shape}")
    return Residuals(
        p=p.reshape(math.prod(batches[0]), *p.shape[-2:]).astype(np.float64, copy=False),
        x=x.reshape(-1, n).astype(np.float64, copy=False),
        p_at=which(batches[0], batch),
        x_at=which(batches[1], batch),
        batch=batch,
        shapes=(p.shape, x.shape),
        dtype=result_dtype(p, x),
    )


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of P and x from that of the values."""
    rows, (_, ranks, n) = residuals.p_at.size, residuals.p.shape
    g = gate.cotangent(gy, (*residuals.batch, ranks)).reshape(rows, ranks).astype(np.float64, copy=False)
    gp, gx = empty((rows, ranks, n)), empty((rows, n))

    def chunk(start: int, stop: int) -> None:
        values_backward(*residuals[:4], g, gp, gx, start, stop)

    run(chunk, rows * -(-n // WIDTH), ENTRY_NS[1] * gp.size)
    return gradients(residuals, gp, gx)


def gradients(residuals: Residuals, gp: Float, gx: Float) -> Gradients:
    """In the shapes of the arguments (3)."""
    batch, dtype = residuals.batch, residuals.dtype
    p_shape, x_shape = residuals.shapes
    return Gradients(
        P=unbroadcast(gp.reshape(*batch, *gp.shape[1:]), p_shape, dtype),  # (3)
        x=unbroadcast(gx.reshape(*batch, gx.shape[1]), x_shape, dtype),  # (3)
    )


soft_values = Op(
    id="sorting.soft_values",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.soft_values",
    args=declare.VALUES_ARGS,
    outputs=(Out(name="y", shape="... r"),),
    backward_is="derivative",
    oracle=declare.values_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), 3.1; equation sheet, sorting.sinkhorn, xs",
            what="definition",
        ),
    ),
    tol=Tol(value=16.0, gradient=16.0, why="sums of n products, whose rounding grows with n at worst"),
    sizes=declare.sizes,
    laws=declare.VALUES_LAWS,
    cases=declare.VALUES_CASES,
)
