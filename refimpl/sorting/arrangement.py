"""What fast_sort and fast_rank share: their arguments, checked once, and a stable order of every row.

Sorting decides the speed of both. Indices ride in the low bits of the keys: the bits of a number, taken as a whole number,
are ordered as the numbers are, so a row of keys with b = log2 n low bits replaced by the index is sorted as whole numbers,
which NumPy does with vector instructions, and the index falls out. What the lost bits hid is put right by insertion, and
where that would take long the row is sorted again by a stable argsort. Equal values keep the order of their indices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import FLOAT64, Array, Float, Gate, empty, result_dtype, rounded, run, scratch, unbroadcast
from refimpl.jit import kernel
from refimpl.sorting.isotonic import RANK_L2, REGULARIZATIONS, SORT_KL, pool_kernel
from refimpl.sorting.problem import values_to_sort

SORT_NS = 15.0  # one entry: key, sort, pooling, values
POOL_NS = 25.0  # more for kl, whose joins take an exponential
PATIENCE = 8  # moves an entry, on average, before insertion gives up
SMALL, LARGE = 2.0**-900, 2.0**1021  # rows beyond are scaled: means of subnormals, and differences up to 4e308


class Residuals(NamedTuple):
    """What the backward passes need; weights of kl are formed again, in less time than they take to save and load."""

    x: Float  # (rows, n) the values in ascending order (sort: of -theta), times scale
    order: Array  # (rows, n) uint32: x[k] belongs to theta[order[k]]
    starts: Array  # (rows, n + 1) int32: block b is positions starts[b] to starts[b + 1]
    blocks: Array  # (rows,) how many blocks
    scale: Float  # (rows,) 1, another power of two in extreme rows, NaN in rows with a NaN
    eps: Float  # (rows,)
    regularization: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of theta and eps, as they came
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments."""

    theta: Array
    eps: Array


class Problem(NamedTuple):
    """Arguments as kernels take them, one row per batch entry; ``code`` names operator and regularization."""

    theta: Array
    eps: Float
    code: int
    regularization: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    dtype: np.dtype[Any]


def setup(gate: Gate, theta: Any, eps: Any, regularization: str, first: int) -> Problem:
    """Check the arguments; ``first`` is the code of the operator with l2."""
    theta = values_to_sort(gate, "theta", theta)
    n = theta.shape[-1]
    code = first + gate.choice("regularization", regularization, REGULARIZATIONS)
    eps = gate.parameter("eps", eps)
    return Problem(
        theta=theta.reshape(theta.size // n, n),
        eps=gate.spread("eps", eps, theta.shape[:-1], full=True),
        code=code,
        regularization=regularization,
        shapes=(theta.shape, eps.shape),
        dtype=result_dtype(theta),
    )


@kernel
def pack(theta: Array, sign: float, low: np.int64, keys: Array, start: int, stop: int) -> None:
    """Whole numbers in the order of sign * theta; the bits ``low`` hold the index."""
    n = np.uint64(theta.shape[1])
    for row in range(start, stop):
        for i in range(n):
            bits = np.float64(sign * np.float64(theta[row, i]) + 0.0).view(np.int64)  # + 0: no negative zero
            key = bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))
            keys[row - start, i] = (key & ~low) | np.int64(i)


@kernel
def unpack(theta: Array, sign: float, low: np.int64, keys: Array, x: Float, order: Array, start: int, stop: int) -> int:
    """Order and sorted values of each row; stops at a row it cannot put right, and returns it."""
    n = theta.shape[1]
    for row in range(start, stop):
        for k in range(np.uint64(n)):
            i = np.uint64(keys[row - start, k] & low)
            order[row, k] = np.uint32(i)
            x[row, k] = sign * np.float64(theta[row, i]) + 0.0
        moves = 0
        for k in range(1, n):
            value, i = x[row, k], order[row, k]
            at = k
            while at > 0 and x[row, at - 1] > value:
                x[row, at], order[row, at] = x[row, at - 1], order[row, at - 1]
                at -= 1
            x[row, at], order[row, at] = value, i
            moves += k - at
            if moves > PATIENCE * n:
                return row
    return stop


@kernel
def take(theta: Array, sign: float, x: Float, order: Array, row: int) -> None:
    for k in range(np.uint64(theta.shape[1])):
        x[row, k] = sign * np.float64(theta[row, order[row, k]]) + 0.0


@kernel
def settle(x: Float, scalable: bool, scale: Float, start: int, stop: int) -> None:
    """NaN anywhere becomes NaN everywhere; extreme rows are scaled, where the operator commutes with that."""
    n = x.shape[1]
    for row in range(start, stop):
        low, high = x[row, 0], x[row, n - 1]  # NaN sorts to an end
        factor = 1.0
        if low != low or high != high:
            factor = np.nan
        elif scalable and max(-low, high) > LARGE:
            factor = 0.25
        elif scalable and max(-low, high) < SMALL:
            factor = 2.0**100
        scale[row] = factor
        if factor != 1.0:
            for k in range(n):
                x[row, k] *= factor


def pooled(problem: Problem, finish: Callable[[Residuals, Array, int, int], None]) -> tuple[Array, Residuals]:
    """Sort, pool, and let ``finish`` write the output of the rows it is handed."""
    rows, n = problem.theta.shape
    residuals = Residuals(
        empty((rows, n)), np.empty((rows, n), np.uint32), np.empty((rows, n + 1), np.int32), np.empty(rows, np.int64),
        empty(rows), problem.eps, problem.regularization, problem.shapes, problem.dtype,
    )  # fmt: skip
    y = empty((rows, n), problem.dtype)

    def chunk(start: int, stop: int) -> None:
        arrange(problem, residuals, start, stop)
        sums, levels = scratch("pool", (2, n))
        pool_kernel(problem.code)(
            residuals.x, residuals.eps, residuals.scale, residuals.starts, residuals.blocks, sums, levels, start, stop
        )
        finish(residuals, y, start, stop)

    run(chunk, rows, (SORT_NS + POOL_NS * (problem.regularization == "kl")) * problem.theta.size)
    return y.reshape(problem.shapes[0]), residuals


def arrange(problem: Problem, residuals: Residuals, start: int, stop: int) -> None:
    """Sorted values and order of rows start to stop, some rows at a time."""
    theta, ranks = problem.theta, problem.code >= RANK_L2
    n, sign = theta.shape[1], 1.0 if ranks else -1.0
    low, x, order = np.int64((1 << (n - 1).bit_length()) - 1), residuals.x, residuals.order
    some = max(1, 2**17 // n)  # keys of 1 MiB stay in the cache
    for left in range(start, stop, some):
        right = min(left + some, stop)
        keys = scratch("keys", (right - left, n)).view(np.int64)
        pack(theta, sign, low, keys, left, right)
        keys.sort(axis=-1)
        row = unpack(theta, sign, low, keys, x, order, left, right)
        while row < right:
            order[row] = np.argsort(sign * theta[row].astype(FLOAT64), kind="stable")
            take(theta, sign, x, order, row)
            row = unpack(theta, sign, low, keys[row + 1 - left :], x, order, row + 1, right)
    settle(x, problem.code != SORT_KL, residuals.scale, start, stop)


def gradients(residuals: Residuals, gtheta: Array, geps: Float) -> Gradients:
    """In the shapes the arguments came in: the gradient of theta in its dtype, that of eps in float64."""
    theta_shape, eps_shape = residuals.shapes
    return Gradients(
        theta=rounded(gtheta.reshape(theta_shape), residuals.dtype),
        eps=unbroadcast(geps.reshape(theta_shape[:-1]), eps_shape),
    )
