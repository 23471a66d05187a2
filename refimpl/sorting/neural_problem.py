"""What NeuralSort is asked: its arguments, checked once and sorted, and its gradients in the shapes they came in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, result_dtype, unbroadcast

STEEPEST = 1000  # 2 to this is a float; what is left of 1 / tau is another factor


class Residuals(NamedTuple):
    """What the backward pass needs. P is made again: one exp costs no more than writing a copy and reading it."""

    s: Float  # (rows, n) scores, in units of a power of two near tau where that is above 1: sums stay finite
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


def arrange(gate: Gate, s: Any, tau: Any) -> Residuals:
    """Check the arguments and sort the scores; ``share`` is still empty."""
    s = gate.array("s", s, rank=1)
    n = s.shape[-1]
    if n == 0:
        gate.refuse("s", f"has shape {s.shape}: nothing to sort", "at least one score along the last axis")
    gate.finite_or_nan("s", s, "finite values: mask them, or stand in a large finite number")
    tau = gate.parameter("tau", tau)
    taus = gate.spread("tau", tau, s.shape[:-1], full=True)
    _, exponent = np.frexp(taus)
    units = np.ldexp(1.0, -np.maximum(exponent, 0))
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


def sorted_scores(residuals: Residuals) -> tuple[Float, Float, Array, Float, Float]:
    """As the kernels take them; unsigned indices never count from the end."""
    return residuals.s, residuals.t, residuals.order.view(np.uint64), residuals.scale, residuals.per_tau


def gradients(residuals: Residuals, gs: Float, gtau: Float) -> Gradients:
    """Divided by tau, which may lead beyond the largest float: then that."""
    s_shape, tau_shape = residuals.shapes
    with np.errstate(over="ignore"):
        for factor in (residuals.units, residuals.scale, residuals.per_tau):
            gs, gtau = gs * factor[:, None], gtau * factor
        gtau = unbroadcast(gtau.reshape(s_shape[:-1]), tau_shape)
    return Gradients(
        s=finite(gs, residuals.dtype).reshape(s_shape).astype(residuals.dtype, copy=False),
        tau=finite(gtau, np.dtype(np.float64)),
    )


def finite(array: Array, dtype: np.dtype[Any]) -> Array:
    """Cut down to the range of the type; NaN stays."""
    largest = float(np.finfo(dtype).max)
    return np.clip(array, -largest, largest)
