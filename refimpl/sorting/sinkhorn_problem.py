"""What the Sinkhorn operators are asked: arguments checked, squashed, centred and scaled, one row per batch entry.

The plan depends on its cost (x_i - y_j)^2 / eps through less than the cost. Let c be any number, d_i = x_i - c, and e_j
the targets, moved likewise. What is constant along a row of the cost the first step takes up. What is constant along a
column the starting potential takes up, so that for every number of iterations

    exponents 2 d_i e_j / eps, starting from g_j = -(y_j - c)^2 / eps + const

give the very same plan: no square of x is formed, and with c amid the values both numbers are as small as they can be.
They are products of x (scaled to at most 1 by a power of 2) and y (everything else) below.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, remind, result_dtype
from refimpl.scalars.swaps import LARGEST
from refimpl.sorting.problem import values_to_sort

DEFAULT_TOL = 1e-9  # largest row error of n Pi that counts as converged
MOST_ITERATIONS = 10_000  # where only a tolerance is given
SQUASHES = ("zscore_logistic",)
BACKWARDS = ("unrolled", "implicit")
LARGEST_EXPONENT = 512  # exponents beyond 2^512 are scaled down to it: exp of both is 0
HALF = LARGEST / 2.0


class NotConverged(UserWarning):
    """A plan that was to converge did not. ``warnings.simplefilter("error", NotConverged)`` makes it an error."""


class Problem(NamedTuple):
    """Arguments as kernels take them, one row per batch entry, and what turns their cotangents back."""

    x: Float  # (rows, n) d_i, scaled by 2^-power
    y: Float  # (rows, n) 2 e_j 2^power / eps
    start: Float  # (rows, n) first potential of the targets, over eps
    power: Array  # (rows, 1)
    mantissa: Float  # (rows, 1) eps = mantissa 2^exponent
    exponent: Array  # (rows, 1)
    offset: Float  # (rows, n) (y_j - c) / 2
    z: Float | None  # (rows, n) standard scores, if squashed
    spread: Float  # (rows, 1) standard deviation over 2^reach, if squashed
    reach: Array  # (rows, 1)
    most: int  # iterations
    tol: float  # at which to stop; negative: never
    goal: float  # the row error that is an answer; infinite: any
    implicit: bool
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]  # of x, eps and (if given) targets
    dtype: np.dtype[Any]  # of the output


def setup(
    gate: Gate, x: Any, eps: Any, iterations: Any, tol: Any, targets: Any, squash: Any, backward: Any, xp: Any = np
) -> Problem:  # fmt: skip
    """Check the arguments; ``xp`` is the module of the arrays."""
    x = values_to_sort(gate, "x", x)
    n = x.shape[-1]
    eps = gate.parameter("eps", eps)
    implicit = iterations is None or tol is not None  # a tolerance asks for the limit, a number for these iterations
    if backward is not None:
        implicit = gate.choice("backward", backward, BACKWARDS) == 1
    most, tol, goal = _goal(gate, iterations, tol, implicit)
    squashed = squash is not None and gate.choice("squash", squash, SQUASHES) == 0
    batch, rows = x.shape[:-1], x.size // n
    y = xp.asarray(_ladder(n)) if targets is None else _targets(gate, targets, n, xp)
    wide = gate.spread("targets", y, x.shape, full=True).reshape(rows, n)
    values = x.reshape(rows, n).astype(np.float64, copy=False)
    z, spread, reach = standardised(values, xp) if squashed else (None, xp.ones((rows, 1)), xp.zeros((rows, 1), int))
    values = values if z is None else logistic(z, xp)
    scaled = _scaled(values, wide, gate.spread("eps", eps, batch, full=True).reshape(rows, 1), xp)
    shapes = x.shape, eps.shape, None if targets is None else y.shape
    return Problem(
        *scaled, z, spread, reach, most, tol, goal, implicit, shapes, result_dtype(x)
    )  # fmt: skip


@functools.lru_cache(maxsize=16)
def _ladder(n: int) -> Float:
    """The targets of those who give none."""
    ladder = np.linspace(0.0, 1.0, n)
    ladder.setflags(write=False)
    return ladder


def _goal(gate: Gate, iterations: Any, tol: Any, implicit: bool) -> tuple[int, float, float]:
    """At most how many iterations, the error to stop at, and the error that is promised."""
    if iterations is not None:
        if not isinstance(iterations, int | np.integer) or isinstance(iterations, bool) or iterations < 1:
            gate.refuse("iterations", f"is {iterations!r}", "a whole number >= 1, or None to iterate up to a tolerance")
    if tol is not None:
        number = isinstance(tol, int | float | np.integer | np.floating) and not isinstance(tol, bool)
        if not number or not 0.0 < tol < math.inf:
            gate.refuse("tol", f"is {tol!r}", "a finite number > 0, or None")
    if iterations is not None and tol is None:
        return int(iterations), -1.0, DEFAULT_TOL if implicit else math.inf
    limit = DEFAULT_TOL if tol is None else float(tol)
    return MOST_ITERATIONS if iterations is None else int(iterations), limit, limit


def _targets(gate: Gate, targets: Any, n: int, xp: Any) -> Array:
    y = gate.array("targets", targets, rank=1)
    if y.shape[-1] != n:
        gate.refuse("targets", f"has shape {y.shape}", f"{n} values along the last axis, as x has")
    gate.finite_or_nan("targets", y, "finite values")
    if not bool((y[..., 1:] > y[..., :-1]).all()) or bool(xp.isnan(y).any()):
        gate.refuse("targets", "is not strictly ascending", "values that ascend along the last axis, one for each rank")
    return y


def _scaled(
    x: Float, targets: Float, eps: Float, xp: Any
) -> tuple[Float, Float, Float, Array, Float, Array, Float]:  # fmt: skip
    """Problem's first seven fields."""
    centre, middle = _centre(x), _centre(targets)
    d, e = x - centre, targets - middle
    power = xp.frexp(xp.abs(d).max(axis=-1, keepdims=True))[1]
    offset = targets / 2.0 - centre / 2.0  # halves and quarters: differences of huge numbers stay finite
    nearest = xp.arange(len(x)), xp.abs(offset).argmin(axis=-1)
    gap = targets / 2.0 - targets[nearest][:, None] / 2.0
    both = offset / 2.0 + offset[nearest][:, None] / 2.0
    mantissa, exponent = xp.frexp(eps)
    (of_e, high), (of_gap, far), (of_both, near) = xp.frexp(e), xp.frexp(gap), xp.frexp(both)
    high, far = high + (power + 1 - exponent), far + near + (3 - exponent)
    most = xp.maximum(_highest(of_e, high, xp), _highest(of_gap * of_both, far, xp))
    excess = xp.maximum(most - LARGEST_EXPONENT, 0)
    with np.errstate(under="ignore"):
        y = xp.ldexp(of_e / mantissa, high - excess)
        start = -xp.ldexp(of_gap * of_both / mantissa, far - excess)
        return xp.ldexp(d, -power), y, start, power, mantissa, exponent + excess, offset


def _centre(values: Float) -> Float:
    """Halfway between the extremes: a constant to derivatives, since the plan does not depend on it."""
    centre: Float = values.min(axis=-1, keepdims=True) / 2.0 + values.max(axis=-1, keepdims=True) / 2.0
    return centre


def _highest(mantissas: Float, exponents: Array, xp: Any) -> Array:
    """The largest exponent of a number that is not 0."""
    highest: Array = xp.where(mantissas != 0.0, exponents, -LARGEST_EXPONENT).max(axis=-1, keepdims=True)
    return highest


def standardised(x: Float, xp: Any) -> tuple[Float, Float, Array]:
    """Standard scores z = (x - mean) / std (0 where the variance is 0), and the deviation as std 2^reach."""
    reach = xp.frexp(xp.abs(x).max(axis=-1, keepdims=True))[1] + 1
    small = xp.ldexp(x, -reach)
    small = small - small[:, :1]  # exactly 0 where all are equal
    again = xp.frexp(xp.abs(small).max(axis=-1, keepdims=True))[1]
    small = xp.ldexp(small, -again)  # squares of tiny differences would vanish
    small = small - small.sum(axis=-1, keepdims=True) / x.shape[1]
    spread = xp.sqrt((small * small).sum(axis=-1, keepdims=True) / x.shape[1])
    return small / xp.where(spread > 0.0, spread, xp.where(spread == 0.0, 1.0, spread)), spread, reach + again


def logistic(z: Float, xp: Any) -> Float:
    """1 / (1 + exp(-z)) by exp of arguments <= 0."""
    tail = xp.exp(-xp.abs(z))
    values: Float = xp.where(z < 0.0, tail, 1.0) / (1.0 + tail)
    return values


def remark(operator: str, problem: Problem, done: Array, error: Array) -> None:
    """Warn of the row that is furthest from what was promised."""
    if problem.goal == math.inf or error.size == 0:
        return
    worst = int(error.argmax())
    if not float(error[worst]) > problem.goal:
        return
    remind(
        f"{operator}: after {int(done[worst])} iterations the largest row error is {float(error[worst]):.2g}, above "
        f"{problem.goal:.2g}; give more iterations, a larger eps or a larger tol",
        NotConverged,
    )
