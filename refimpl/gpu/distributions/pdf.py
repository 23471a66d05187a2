"""Densities on the device: one thread per element, as for the distribution functions, and for the same reasons.

The mathematics, the derivation and the meaning of the arguments are in ``refimpl/distributions/pdf.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import cuda

from refimpl.boundary import Array, Float
from refimpl.distributions.cdf import GAMMA, Gradients, Residuals, argument, owned, setup
from refimpl.distributions.pdf import per_shape_gamma
from refimpl.gpu.device import Gate, device_specialised
from refimpl.gpu.distributions.cdf import evaluate, pull
from refimpl.scalars.distributions import density_slope, law

gate = Gate("distributions.pdf")


@device_specialised
def pdf_kernel(code: int) -> Callable[..., None]:
    def pdf(x: Float, scale: Float, shape: Float, shift: Float, reversed: bool, squared: bool, y: Float) -> None:
        e = cuda.grid(1)
        if e < x.size:
            u, per_x = argument(x[e], scale[e * (scale.size > 1)], squared)
            v = shift[e * (shift.size > 1)] + (-u if reversed else u)
            _, _, density = law(code, v, shape[e * (shape.size > 1)])
            y[e] = density * per_x if density != 0.0 else 0.0

    return pdf


@device_specialised
def pdf_backward_kernel(code: int) -> Callable[..., None]:
    def pdf_backward(
        x: Float, scale: Float, shape: Float, shift: Float, reversed: bool, squared: bool, gy: Float,
        gx: Float, gscale: Float, gshape: Float, gshift: Float,
    ) -> None:  # fmt: skip
        e = cuda.grid(1)
        if e < x.size:
            tau, p, g = scale[e * (scale.size > 1)], shape[e * (shape.size > 1)], gy[e]
            u, w = argument(x[e], tau, squared)
            s = -1.0 if reversed else 1.0
            v = shift[e * (shift.size > 1)] + s * u
            _, _, density = law(code, v, p)
            per_v = density_slope(code, v, p)
            per_u, bend = 0.0, 0.0
            if per_v != 0.0:
                per_u = s * per_v * w  # (1)
            if squared and density != 0.0 and x[e] != 0.0:
                bend = density * 2.0 * (int(x[e] > 0.0) - int(x[e] < 0.0)) / tau  # (2)
            gx[e] = g * ((per_u * w if per_u != 0.0 else 0.0) + bend)  # (2)
            along = (per_u * u if per_u != 0.0 else 0.0) + (density * w if density != 0.0 else 0.0)
            gscale[e] = -g * along / tau  # (3)
            gshift[e] = g * s * per_u  # (4)
            per_p = per_shape_gamma(v, p, density) if code == GAMMA else 0.0
            gshape[e] = g * per_p * w if per_p != 0.0 else 0.0  # (5)

    return pdf_backward


def value(
    x: Array, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> Array:  # fmt: skip
    """Density of a family: the derivative of ``cdf`` with respect to ``x``."""
    return forward(
        x, family=family, scale=scale, shape=shape, shift=shift, reversed=reversed, squared=squared
    )[0]  # fmt: skip


def forward(
    x: Array, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The value, and what the backward pass needs."""
    residuals = setup(gate, x, family, scale, shape, shift, reversed, squared)
    return evaluate(pdf_kernel, residuals), owned(residuals)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of x, scale, shape and shift from that of the density."""
    return pull(gate, pdf_backward_kernel, residuals, gy)
