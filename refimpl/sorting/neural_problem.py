"""What NeuralSort is asked: its arguments, checked once and sorted, and its gradients in the shapes they came in."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, result_dtype, rounded, unbroadcast
from refimpl.jit import kernel
from refimpl.sorting.problem import values_to_sort
from refimpl.sorting.scores import pick

ROOM = 64  # in units of 2 to this, sums of n^2 differences of scores stay finite; more would lose scores below 1e-289
STEEPEST = 1000  # 2 to this is a float; what is left of 1 / tau is another factor


class Residuals(NamedTuple):
    """What the backward pass needs, O(n) numbers a batch row: P is made again."""

    s: Float  # (rows, n) scores, in units of a power of two up to 2^ROOM where tau is above 1: sums stay finite
    t: Float  # (rows, n) the same in descending order, NaN last
    order: Array  # (rows, n) int64, t = s[order]
    units: Float  # (rows,) s = units times the scores as they came
    scale: Float  # (rows,) a power of two; 1 / tau = units scale per_tau
    per_tau: Float  # (rows,)
    share: Float  # (rows, k) one over the sum of exponentials in a row of P
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of s and tau, as they came
    dtype: np.dtype[Any]  # of the output


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments."""

    s: Array
    tau: Array


def checked(gate: Gate, s: Any, tau: Any) -> tuple[Array, Array, Float]:
    """The arguments, and the temperature of every batch row."""
    s = values_to_sort(gate, "s", s)
    tau = gate.parameter("tau", tau)
    return s, tau, gate.spread("tau", tau, s.shape[:-1], full=True)


def arrange(gate: Gate, s: Any, tau: Any) -> Residuals:
    """Check the arguments and sort the scores, with array functions alone; ``share`` is still empty."""
    s, tau, taus = checked(gate, s, tau)
    n = s.shape[-1]
    _, exponent = np.frexp(taus)
    units = np.ldexp(1.0, -np.clip(exponent, 0, ROOM))
    scale = np.ldexp(1.0, np.minimum(np.maximum(-exponent, 0), STEEPEST))
    wide = s.reshape(s.size // n, n).astype(np.float64, copy=False) * units[:, None]
    order = np.argsort(-wide, axis=-1)
    return Residuals(
        s=wide,
        t=np.take_along_axis(wide, order, axis=-1),
        order=order,
        units=units,
        scale=scale,
        per_tau=1.0 / (taus * units * scale),
        share=wide[:, :0],
        shapes=(s.shape, tau.shape),
        dtype=result_dtype(s),
    )


def arranged(gate: Gate, s: Any, tau: Any) -> Residuals:
    """The same in two loops, in half the time for 100 rows of 32 scores; ``arrange`` is left to the device."""
    s, tau, taus = checked(gate, s, tau)
    n = s.shape[-1]
    wide, falling, t = empty((3, s.size // n, n))
    units, scale, per_tau = empty((3, taus.size))
    measure(s.reshape(wide.shape), taus, wide, falling, units, scale, per_tau)
    order = falling.argsort(axis=-1)
    pick(wide, order, t, 0, len(wide))
    return Residuals(wide, t, order, units, scale, per_tau, wide[:, :0], (s.shape, tau.shape), result_dtype(s))


@kernel
def measure(
    s: Array, taus: Float, wide: Float, falling: Float, units: Float, scale: Float, per_tau: Float
) -> None:  # fmt: skip
    """The scores in their units, with both signs, and the factors of 1 / tau."""
    for row in range(np.uint64(taus.size)):
        exponent = math.frexp(taus[row])[1]
        units[row] = unit = math.ldexp(1.0, -min(max(exponent, 0), ROOM))
        scale[row] = math.ldexp(1.0, min(max(-exponent, 0), STEEPEST))
        per_tau[row] = 1.0 / (taus[row] * unit * scale[row])
        for j in range(np.uint64(s.shape[1])):
            wide[row, j] = np.float64(s[row, j]) * unit
            falling[row, j] = -wide[row, j]


def sorted_scores(residuals: Residuals) -> tuple[Float, Float, Array, Float, Float]:
    """As the kernels take them; unsigned indices never count from the end."""
    return residuals.s, residuals.t, residuals.order.view(np.uint64), residuals.scale, residuals.per_tau


def gradients(residuals: Residuals, gs: Float, gtau: Float) -> Gradients:
    """Divided by tau, which may lead beyond the largest float: then that."""
    s_shape, tau_shape = residuals.shapes
    with np.errstate(over="ignore"):
        for factor in (residuals.units * residuals.scale, residuals.per_tau):
            gs, gtau = gs * factor[:, None], gtau * factor
    return Gradients(
        s=rounded(gs.reshape(s_shape), residuals.dtype), tau=unbroadcast(gtau.reshape(s_shape[:-1]), tau_shape)
    )
