"""What the two losses between relaxed permutation matrices share: the gate, the clamped logarithm, the sum.

Both are -(1/m) times a sum over all n^2 entries. Logarithms are of max(P, pmin), and the derivative is that of the
clamped function: 1/P above pmin, 0 below, and at pmin itself the mean of both, 1/(2 pmin). The sum goes by blocks of
BLOCK entries, whose sums are then added with the rounding errors carried along (Knuth's two-sum): which entries meet
depends on n alone, so the bits do not depend on threads, and the error not on n.

``1 - P`` at an entry P <= 1/2 loses digits of P; ``complement_log`` puts them back: with u = 1 - P rounded,
log(1 - P) = log u + (1 - u - P) / u up to 2^-106. At P > 1/2 the difference is exact.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, result_dtype
from refimpl.jit import inlined, kernel
from refimpl.scalars.extended import added
from refimpl.scalars.logarithm import logarithm
from refimpl.scalars.surprise import PMIN

SLACK = 1e-5  # how far an entry may be outside [0, 1]: a hundred roundings of float32, for matrices made elsewhere
BLOCK = 256  # entries whose terms are summed in one go


@inlined
def clamped_log(p: float, pmin: float) -> float:
    """log(max(p, pmin))."""
    return logarithm(pmin if p < pmin else p)


@inlined
def complement_log(p: float, pmin: float) -> float:
    """log(max(1 - p, pmin))."""
    u = 1.0 - p
    return logarithm(pmin) if u < pmin else logarithm(u) + ((1.0 - u) - p) / u


@inlined
def clamped_slope(p: float, pmin: float) -> float:
    """The derivative of log(max(p, pmin)) by p."""
    slope = 1.0 / p
    return 0.0 if p < pmin else 0.5 * slope if p == pmin else slope


@kernel
def join(parts: Float, scale: float, loss: Array, start: int, stop: int) -> None:
    """Minus the sum of each row's parts, divided by ``scale``."""
    for row in range(start, stop):
        total, lost = 0.0, 0.0
        for k in range(parts.shape[1]):
            total, lost = added(total, lost, parts[row, k])
        loss[row] = 0.0 - (total + lost) / scale


class Residuals(NamedTuple):
    """What the backward pass needs: copies of the matrices. Logarithms are made again, which is no slower than reading."""

    p: Float  # (matrices in P, n n)
    q: Float  # (matrices in Q, n n)
    p_at: Array  # (rows,) which matrix of p a batch row takes
    q_at: Array  # (rows,)
    pmin: float
    n: int
    batch: tuple[int, ...]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of P, Q
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of both matrices."""

    P: Array
    Q: Array


def setup(gate: Gate, P: Any, Q: Any) -> Residuals:
    """Check the arguments. The matrices may still be the caller's own memory."""
    pairs = [(name, matrix(gate, name, value)) for name, value in (("P", P), ("Q", Q))]
    for name, array in pairs:
        if array.shape[-1] != array.shape[-2]:
            gate.refuse(name, f"has shape {array.shape}", "square matrices (..., n, n)")
        if array.shape[-1] == 0:
            gate.refuse(name, f"has shape {array.shape}: no ranks", "matrices with at least one row")
        _within(gate, name, array)
    (_, p), (_, q) = pairs
    n = p.shape[-1]
    if q.shape[-1] != n:
        gate.refuse("Q", f"has shape {q.shape}", f"matrices of the size of P's, (..., {n}, {n})")
    batches = p.shape[:-2], q.shape[:-2]
    try:
        batch = np.broadcast_shapes(*batches)
    except ValueError:
        gate.refuse("Q", f"has shape {q.shape}", f"batch axes that broadcast against P's, {p.shape}")
    return Residuals(
        p=p.reshape(-1, n * n).astype(np.float64, copy=False),
        q=q.reshape(-1, n * n).astype(np.float64, copy=False),
        p_at=which(batches[0], batch),
        q_at=which(batches[1], batch),
        pmin=PMIN[p.dtype.itemsize],
        n=n,
        batch=batch,
        shapes=(p.shape, q.shape),
        dtype=result_dtype(p, q),
    )


def matrix(gate: Gate, name: str, value: Any) -> Array:
    """An array with at least two axes."""
    array = gate.array(name, value)
    if array.ndim < 2:
        gate.refuse(name, f"has shape {array.shape}", "at least 2 axes; reshape it")
    return array


def which(own: tuple[int, ...], batch: tuple[int, ...]) -> Array:
    """For each row of the batch, the place of what it takes in an argument with the batch axes ``own``."""
    places = np.arange(math.prod(own), dtype=np.int64).reshape(own)
    return np.array(np.broadcast_to(places, batch), order="C").reshape(-1)


def _within(gate: Gate, name: str, array: Array) -> None:
    """Refuse entries outside [0, 1] beyond SLACK; NaN passes."""
    if array.size == 0 or (array.min() >= -SLACK and array.max() <= 1.0 + SLACK):
        return
    outside = (array < -SLACK) | (array > 1.0 + SLACK)
    if outside.any():
        at = tuple(int(i) for i in np.unravel_index(int(outside.argmax()), array.shape))
        came = f"holds {float(array[at]):g} at index {at}"
        gate.refuse(name, came, f"entries in [0, 1], up to {SLACK:g}: probabilities, not scores or logarithms")


def blocks_of(n: int) -> int:
    """In how many blocks the n^2 entries of a matrix are summed."""
    return -(-n * n // BLOCK)


def space(problem: Residuals) -> tuple[Float, Array, int]:
    """Sums of blocks, losses, and how many blocks there are in all."""
    rows, blocks = problem.p_at.size, blocks_of(problem.n)
    return empty((rows, blocks)), empty(rows, problem.dtype), rows * blocks
