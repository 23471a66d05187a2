"""Distribution functions of fifteen families, with scale, shape, shift, mirror image and squared argument.

    u = x / scale,  or |x| x / scale when squared
    y = F(u + shift),  or 1 - F(shift - u) when reversed

The mathematics of each family is in ``scalars/distributions.py``; this file is what the fifteen have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, result_dtype, rounded, run, unbroadcast
from refimpl.distributions import cases, laws
from refimpl.distributions import definition as define
from refimpl.jit import scalar, specialised
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.distributions import FAMILIES, law
from refimpl.scalars.incomplete_gamma import gamma_shape_slope

gate = Gate("distributions.cdf")

GAMMA = FAMILIES.index("gamma")
LARGEST_SHAPE = 1e15
ELEMENT_NS = 15.0  # about what an element costs


@scalar
def argument(x: float, scale: float, squared: bool) -> tuple[float, float]:
    """(u, du/dx): x / scale, or |x| x / scale."""
    if squared:
        return abs(x) / scale * x, 2.0 * abs(x) / scale
    return x / scale, 1.0 / scale


@specialised
def cdf_kernel(code: int) -> Callable[..., None]:
    def cdf(
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
            u, _ = argument(x[e], scale[e * per_scale], squared)
            v = shift[e * per_shift] + (-u if reversed else u)
            below, above, _ = law(code, v, shape[e * per_shape])
            y[e] = above if reversed else below

    return cdf


# Derivation, with v = shift +- u, the sign s = -1 when reversed, and f = F':
#   (1)  dy/du = f(v), in both directions: reversing flips the sign of u and of F
#   (2)  gx     = g f(v) du/dx,      du/dx = 1/scale, or 2|x|/scale when squared
#   (3)  gscale = -g f(v) u / scale
#   (4)  gshift = s g f(v)
#   (5)  gshape = s g dF/dp(v)       (gamma only)
# Where f is 0, u may be infinite: 0 times infinity counts as 0.


@specialised
def cdf_backward_kernel(code: int) -> Callable[..., None]:
    def cdf_backward(
        x: Float, scale: Float, shape: Float, shift: Float, reversed: bool, squared: bool, gy: Array,
        gx: Array, gscale: Float, gshape: Float, gshift: Float, start: int, stop: int,
    ) -> None:  # fmt: skip
        per_scale, per_shape, per_shift = scale.size > 1, shape.size > 1, shift.size > 1
        for e in range(start, stop):
            tau, p = scale[e * per_scale], shape[e * per_shape]
            u, per_x = argument(x[e], tau, squared)
            v = shift[e * per_shift] + (-u if reversed else u)
            _, _, density = law(code, v, p)
            g = gy[e] * density  # (1)
            gx[e] = g * per_x if density != 0.0 else 0.0  # (2)
            gscale[e] = -(g * u) / tau if density != 0.0 else 0.0  # (3)
            gshift[e] = -g if reversed else g  # (4)
            slope = gamma_shape_slope(v, p) if code == GAMMA else 0.0
            gshape[e] = gy[e] * (-slope if reversed else slope)  # (5)

    return cdf_backward


class Residuals(NamedTuple):
    """The arguments as kernels take them. F and f are recomputed: cheaper than storing what the input determines."""

    x: Float  # (N,)
    scale: Float  # (1,) or (N,), as the next two
    shape: Float
    shift: Float
    family: str
    reversed: bool
    squared: bool
    shapes: tuple[
        tuple[int, ...], tuple[int, ...], tuple[int, ...] | None, tuple[int, ...]
    ]  # of x, scale, shape, shift
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments; ``shape`` is None unless the family is gamma."""

    x: Array
    scale: Array
    shape: Array | None
    shift: Array


def value(
    x: Array, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> Array:  # fmt: skip
    """Distribution function of a family, at ``x``.

        y = F(u + shift), or 1 - F(shift - u) when reversed;  u = x / scale, or |x| x / scale when squared

    Parameters
    ----------
    x : (...) float64 or float32
        Where to evaluate; infinities are meaningful, NaN gives NaN.
    family : str
        heaviside uniform cubic_hermite wigner gaussian laplace logistic hyperbolic_secant cauchy reciprocal gumbel_max
        gumbel_min exponential levy gamma.
    scale : float > 0, or an array that broadcasts to the shape of ``x``
        In units of x, or of x squared when ``squared``.
    shape : float > 0, or an array that broadcasts to the shape of ``x``
        The p of the gamma distribution; for no other family.
    shift : float, or an array that broadcasts to the shape of ``x``
        Added to the argument after scaling.
    reversed : bool
        The mirror image 1 - F(-u), which has its own accuracy: no subtraction from 1 happens.
    squared : bool
        Use |x| x / scale instead of x / scale.

    Returns
    -------
    y : (...), dtype of ``x``, in [0, 1]

    Residuals
    ---------
    The arguments; the density is evaluated in the backward pass.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input; a shape for a family that has none, or none for gamma.
    ValueError
        Unknown family, scale or shape <= 0 or not finite, a parameter that does not broadcast to the shape of ``x``.

    VJP
    ---
    gx = g f du/dx, gscale = -g f u / scale, gshift = +-g f, gshape = +-g dF/dp. Derivation (1) to (5) above
    ``cdf_backward``.

    Not smooth
    ----------
    heaviside jumps at 0 (F(0) = 1, slope 0 everywhere). uniform and exponential have corners, where the slope is the
    mean of both sides: 1/4 at +-1, 1/2 at 0 (ours). With squared the slope at x = 0 is 0.

    Numerics
    --------
    At most 4 ulp in y and 8 ulp in the slope over the whole range (incomplete gamma: 1e-13), at the argument
    u + shift as rounded; in both tails, since F and 1 - F are computed apart. Beyond |u| = 1e154 the density of the
    heavy-tailed families underflows, and gscale with it. A derivative beyond the largest float is infinite (and NaN
    under a cotangent of 0): scale below 1e-300.

    Source
    ------
    Petersen, thesis, appendix A and section 5.3. Departs: (A.12) is 1 - exp(-e^x) (E-30); (A.13)-(A.15) are 0 for
    x <= 0 (E-31); squared is |x| x / scale, so scale is a length squared (E-23).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import distributions
    >>> distributions.cdf(np.array([-0.7, 0.7]), family="logistic").round(6)
    array([0.331812, 0.668188])
    """
    return evaluate(cdf_kernel, setup(gate, x, family, scale, shape, shift, reversed, squared))


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


def setup(
    gate: Gate, x: Any, family: str, scale: Any, shape: Any, shift: Any, reversed: bool, squared: bool
) -> Residuals:
    """Check the arguments that cdf and pdf share."""
    x = gate.array("x", x)
    code = gate.choice("family", family, FAMILIES)
    if code == GAMMA and shape is None:
        gate.refuse("shape", "is missing", "the shape p > 0 of the gamma distribution", TypeError)
    if code != GAMMA and shape is not None:
        gate.refuse("shape", "is given", f"it with family='gamma' only, not with {family!r}: leave it out", TypeError)
    scale = gate.parameter("scale", scale)
    shift = gate.parameter("shift", shift, positive=False)
    p = gate.parameter("shape", 1.0 if shape is None else shape)
    if (p > LARGEST_SHAPE).any():
        gate.refuse("shape", f"holds {p.max()}", f"at most {LARGEST_SHAPE:g}: beyond, p - 1 and p are one number")
    for name, flag in (("reversed", reversed), ("squared", squared)):
        if not isinstance(flag, bool | np.bool_):
            gate.refuse(name, f"is {flag!r}", "True or False", TypeError)
    return Residuals(
        x=x.astype(np.float64, copy=False).reshape(-1),
        scale=gate.spread("scale", scale, x.shape),
        shape=gate.spread("shape", p, x.shape),
        shift=gate.spread("shift", shift, x.shape),
        family=family,
        reversed=bool(reversed),
        squared=bool(squared),
        shapes=(x.shape, scale.shape, None if shape is None else p.shape, shift.shape),
        dtype=result_dtype(x),
    )


def owned(residuals: Residuals) -> Residuals:
    """Residuals of their own: the user's x may change before the pullback is called."""
    return residuals._replace(x=residuals.x.copy())


def evaluate(kernels: Any, residuals: Residuals) -> Array:
    """Run a forward kernel over all elements."""
    kernel = kernels(FAMILIES.index(residuals.family))
    y = empty(residuals.x.size, residuals.dtype)
    run(lambda start, stop: kernel(*residuals[:4], *residuals[5:7], y, start, stop), y.size, ELEMENT_NS * y.size)
    return y.reshape(residuals.shapes[0])


def pull(gate: Gate, kernels: Any, residuals: Residuals, gy: Any) -> Gradients:
    """Run a backward kernel over all elements."""
    gy = gate.cotangent(gy, residuals.shapes[0]).astype(np.float64, copy=False).reshape(-1)
    kernel, size = kernels(FAMILIES.index(residuals.family)), residuals.x.size
    pulled = empty(size, residuals.dtype), empty(size), empty(size), empty(size)

    def chunk(start: int, stop: int) -> None:
        kernel(*residuals[:4], *residuals[5:7], gy, *pulled, start, stop)

    run(chunk, size, ELEMENT_NS * size)
    return gradients(residuals, *pulled)


def gradients(residuals: Residuals, gx: Array, gscale: Float, gshape: Float, gshift: Float) -> Gradients:
    """In the shapes the arguments came in: the parameters' are summed over the axes they were broadcast along."""
    x_shape, scale_shape, shape_shape, shift_shape = residuals.shapes
    return Gradients(
        x=rounded(gx.reshape(x_shape), residuals.dtype),
        scale=unbroadcast(gscale.reshape(x_shape), scale_shape),
        shape=None if shape_shape is None else unbroadcast(gshape.reshape(x_shape), shape_shape),
        shift=unbroadcast(gshift.reshape(x_shape), shift_shape),
    )


cdf = Op(
    id="distributions.cdf",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.distributions.cdf",
    args=define.ARGS,
    outputs=(Out(name="y", shape="..."),),
    backward_is="derivative",
    margin=define.margin,
    oracle=define.cdf_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), appendix A, 5.2.1 and 5.3",
            what="definition",
            departs="(A.12) as 1 - exp(-e^x) (E-30), 0 for x <= 0 in (A.13)-(A.15) (E-31), squared argument (E-23)",
        ),
    ),
    tol=Tol(
        value=4.0,
        gradient=16.0,
        why="4 ulp in F and 8 in f at the rounded argument, and two more products",
    ),
    sizes=define.sizes,
    laws=laws.CDF_LAWS,
    cases=cases.CDF_CASES,
)
