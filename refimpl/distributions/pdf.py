"""Densities of fifteen families: the derivative of ``cdf`` with respect to x, as an operator of its own.

y = f(v) du/dx,    v = shift + u, or shift - u when reversed;    u = x / scale, or |x| x / scale when squared
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from refimpl.boundary import Array, Float, Gate
from refimpl.distributions import cases, laws
from refimpl.distributions import definition as define
from refimpl.distributions.cdf import GAMMA, Gradients, Residuals, argument, evaluate, owned, pull, setup
from refimpl.jit import scalar, specialised
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.distributions import density_slope, law
from refimpl.scalars.incomplete_gamma import digamma

gate = Gate("distributions.pdf")


@scalar
def per_shape_gamma(v: float, p: float, density: float) -> float:
    """df/dp = f (log v - digamma(p)) for the gamma density v^(p-1) e^-v / Gamma(p)."""
    return density * (math.log(v) - digamma(p)) if v > 0.0 and density != 0.0 else 0.0


@specialised
def pdf_kernel(code: int) -> Callable[..., None]:
    def pdf(
        x: Float,
        scale: Float,
        shape: Float,
        shift: Float,
        reversed: bool,
        squared: bool,
        y: Array,
        start: int,
        stop: int,
    ) -> None:
        """Elements start to stop. A parameter is one number, or one per element."""
        per_scale, per_shape, per_shift = scale.size > 1, shape.size > 1, shift.size > 1
        for e in range(start, stop):
            u, per_x = argument(x[e], scale[e * per_scale], squared)
            v = shift[e * per_shift] + (-u if reversed else u)
            _, _, density = law(code, v, shape[e * per_shape])
            y[e] = density * per_x if density != 0.0 else 0.0

    return pdf


# Derivation, with w = du/dx = 1/scale, or 2|x|/scale when squared, and s = dv/du = -1 when reversed, else 1:
#   (1)  dy/dv     = f'(v) w
#   (2)  gx        = g (s f'(v) w^2 + f(v) dw/dx),     dw/dx = 0, or 2 sign(x) / scale when squared
#   (3)  gscale    = -g (s f'(v) u w + f(v) w) / scale
#   (4)  gshift    = g f'(v) w
#   (5)  gshape    = g df/dp(v) w                      (gamma only)
# Where f and f' are 0, u may be infinite: 0 times infinity counts as 0.


@specialised
def pdf_backward_kernel(code: int) -> Callable[..., None]:
    def pdf_backward(
        x: Float, scale: Float, shape: Float, shift: Float, reversed: bool, squared: bool, gy: Array,
        gx: Array, gscale: Float, gshape: Float, gshift: Float, start: int, stop: int,
    ) -> None:  # fmt: skip
        per_scale, per_shape, per_shift = scale.size > 1, shape.size > 1, shift.size > 1
        for e in range(start, stop):
            tau, p, g = scale[e * per_scale], shape[e * per_shape], gy[e]
            u, w = argument(x[e], tau, squared)
            s = -1.0 if reversed else 1.0
            v = shift[e * per_shift] + s * u
            _, _, density = law(code, v, p)
            per_v = density_slope(code, v, p)
            per_u, bend = 0.0, 0.0
            if per_v != 0.0:
                per_u = s * per_v * w  # (1)
            if squared and density != 0.0 and x[e] != 0.0:
                bend = density * 2.0 * math.copysign(1.0, x[e]) / tau  # (2)
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
    """Density of a family: the derivative of ``cdf`` with respect to ``x``.

        y = f(v) du/dx,  v = shift + u, or shift - u when reversed;  u = x / scale, or |x| x / scale when squared

    Parameters
    ----------
    x, family, scale, shape, shift, reversed, squared
        As ``cdf``.

    Returns
    -------
    y : (...), dtype of ``x``, >= 0
        Infinite where f or du/dx is beyond the largest float.

    Residuals
    ---------
    The arguments; density and slope are evaluated in the backward pass.

    Raises
    ------
    TypeError, ValueError
        As ``cdf``.

    VJP
    ---
    gx = g (s f' w^2 + f dw/dx), gscale = -g (s f' u w + f w) / scale, gshift = g f' w, gshape = g df/dp w, with
    w = du/dx and s = dv/du. Derivation (1) to (5) above ``pdf_backward``.

    Not smooth
    ----------
    Corners of f (laplace at 0, reciprocal at 0, cubic_hermite at +-1) have the mean of the one-sided slopes. Jumps of
    f have the mean of the one-sided slopes too: 0 for uniform at +-1, -1/2 for exponential at 0. wigner has slope 0 at
    +-1, where f' is infinite from within.
    heaviside has density 0 everywhere: its mass is at a point.

    Numerics
    --------
    At most 8 ulp at the argument as rounded (gamma: 1e-13). What is beyond the largest float on the way (f, du/dx, or
    their product) makes the result infinite, and NaN under a cotangent of 0: scale below 1e-300, gamma p < 1 at x < 1e-300.

    Source
    ------
    Petersen, thesis, appendix A and section 5.3; departures as ``cdf``.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import distributions
    >>> distributions.pdf(np.array([0.7]), family="cauchy").round(6)
    array([0.213631])
    """
    return evaluate(pdf_kernel, setup(gate, x, family, scale, shape, shift, reversed, squared))


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


pdf = Op(
    id="distributions.pdf",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.distributions.pdf",
    args=define.ARGS,
    outputs=(Out(name="y", shape="..."),),
    backward_is="derivative",
    margin=define.margin,
    oracle=define.pdf_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), appendix A, 5.2.1 and 5.3",
            what="definition",
            departs="as distributions.cdf",
        ),
    ),
    tol=Tol(
        value=16.0,
        gradient=64.0,
        why="8 ulp in f, 16 in f' at the rounded argument, and the products with du/dx",
    ),
    sizes=define.sizes,
    laws=laws.PDF_LAWS,
    cases=cases.PDF_CASES,
)
