"""Distribution functions on the device: one thread per element.

Elements do not meet, neighbouring threads read neighbouring numbers, and a family is chosen at compile time, so that
threads of a warp part only where the scalar itself branches. Gradients of broadcast parameters are written per element
and summed by CuPy, whose sums always add in the same order; atomics would not. The mathematics, the derivation and the
meaning of the arguments are in ``refimpl/distributions/cdf.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.distributions.cdf import GAMMA, Gradients, Residuals, argument, gradients, owned, setup
from refimpl.gpu.device import DeviceFamily, Gate, device_specialised, empty, per_element
from refimpl.scalars.distributions import FAMILIES, law
from refimpl.scalars.incomplete_gamma import gamma_shape_slope

gate = Gate("distributions.cdf")


@device_specialised
def cdf_kernel(code: int) -> Callable[..., None]:
    def cdf(x: Float, scale: Float, shape: Float, shift: Float, reversed: bool, squared: bool, y: Float) -> None:
        e = cuda.grid(1)
        if e < x.size:
            u, _ = argument(x[e], scale[e * (scale.size > 1)], squared)
            v = shift[e * (shift.size > 1)] + (-u if reversed else u)
            below, above, _ = law(code, v, shape[e * (shape.size > 1)])
            y[e] = above if reversed else below

    return cdf


@device_specialised
def cdf_backward_kernel(code: int) -> Callable[..., None]:
    def cdf_backward(
        x: Float, scale: Float, shape: Float, shift: Float, reversed: bool, squared: bool, gy: Float,
        gx: Float, gscale: Float, gshape: Float, gshift: Float,
    ) -> None:  # fmt: skip
        e = cuda.grid(1)
        if e < x.size:
            tau, p = scale[e * (scale.size > 1)], shape[e * (shape.size > 1)]
            u, per_x = argument(x[e], tau, squared)
            v = shift[e * (shift.size > 1)] + (-u if reversed else u)
            _, _, density = law(code, v, p)
            g = gy[e] * density  # (1)
            gx[e] = g * per_x if density != 0.0 else 0.0  # (2)
            gscale[e] = -(g * u) / tau if density != 0.0 else 0.0  # (3)
            gshift[e] = -g if reversed else g  # (4)
            slope = gamma_shape_slope(v, p) if code == GAMMA else 0.0
            gshape[e] = gy[e] * (-slope if reversed else slope)  # (5)

    return cdf_backward


def value(
    x: Array, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> Array:  # fmt: skip
    """Distribution function of a family, at ``x``."""
    return forward(
        x, family=family, scale=scale, shape=shape, shift=shift, reversed=reversed, squared=squared
    )[0]  # fmt: skip


def forward(
    x: Array, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The value, and what the backward pass needs."""
    residuals = setup(gate, x, family, scale, shape, shift, reversed, squared)
    return evaluate(cdf_kernel, residuals), owned(residuals)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of x, scale, shape and shift from that of the value."""
    return pull(gate, cdf_backward_kernel, residuals, gy)


def evaluate(kernels: DeviceFamily, residuals: Residuals) -> Array:
    """Run a forward kernel over all elements; cdf and pdf share it."""
    size = residuals.x.size
    y = empty(size)
    per_element(kernels(FAMILIES.index(residuals.family)), size, *residuals[:4], *residuals[5:7], y)
    return y.astype(residuals.dtype, copy=False).reshape(residuals.shapes[0])


def pull(gate: Gate, kernels: DeviceFamily, residuals: Residuals, gy: Any) -> Gradients:
    """Run a backward kernel over all elements; cdf and pdf share it."""
    gy = gate.cotangent(gy, residuals.shapes[0]).reshape(-1).astype(np.float64, copy=False)
    size = residuals.x.size
    pulled = empty(size), empty(size), empty(size), empty(size)
    kernel = kernels(FAMILIES.index(residuals.family))
    per_element(kernel, size, *residuals[:4], *residuals[5:7], gy, *pulled)
    return gradients(residuals, *pulled)
