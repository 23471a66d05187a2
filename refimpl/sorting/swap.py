"""The relaxed conditional swap of two values: the building block of the sorting networks.

d = b - a,  alpha = f(d),  abar = f(-d)
min = alpha a + abar b,    max = abar a + alpha b
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, result_dtype, run, unbroadcast
from refimpl.jit import kernel, specialised
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.swaps import ART, CDFS, DEFAULT_LAM, art_ratios, difference, exchange, weights
from refimpl.sorting import swap_declarations as declare
from refimpl.sorting.definition import terms

gate = Gate("sorting.swap")


@specialised
def swap_kernel(code: int) -> Callable[..., None]:
    def swap(
        a: Float, b: Float, beta: Float, lam: Float,
        low: Array, high: Array, d: Float, alpha: Float, abar: Float, slope: Float, start: int, stop: int,
    ) -> None:  # fmt: skip
        step, step_lam = beta.size > 1, lam.size > 1
        for e in range(start, stop):
            d[e] = difference(a[e], b[e])
            alpha[e], abar[e], slope[e] = weights(code, d[e], beta[e * step], lam[e * step_lam])
            low[e], high[e] = exchange(a[e], b[e], d[e], alpha[e], abar[e])

    return swap


# Derivation. Let gl, gh be the cotangents of min and max.
#   (1)  alpha enters both:             q = (gl - gh)(a - b) = (gh - gl) d
#   (2)  through alpha = f(b - a):      gd = f'(d) q, to a with a minus sign, to b with a plus
#   (3)  and directly:                  ga = alpha gl + abar gh,   gb = abar gl + alpha gh
#   (4)  f(d) = F(beta d):              gbeta = gd d / beta
#        ART:                           gbeta = gd d r / beta,   glam = gd d s,   with r, s from ``art_ratios``


@kernel
def swap_backward(
    d: Float, alpha: Float, abar: Float, slope: Float, beta: Float, lam: Float, art: bool, glow: Array, ghigh: Array,
    ga: Float, gb: Float, gbeta: Float, glam: Float, start: int, stop: int,
) -> None:  # fmt: skip
    step, step_lam = beta.size > 1, lam.size > 1
    for e in range(start, stop):
        gl, gh = glow[e], ghigh[e]
        gd = (slope[e] * d[e]) * (gh - gl)  # (1) (2)
        per_beta, per_lam = 1.0, 0.0
        if art:
            per_beta, per_lam = art_ratios(d[e], lam[e * step_lam])
        ga[e] = alpha[e] * gl + abar[e] * gh - gd  # (3) (2)
        gb[e] = abar[e] * gl + alpha[e] * gh + gd  # (3) (2)
        gbeta[e] = gd * d[e] * per_beta / beta[e * step]  # (4)
        glam[e] = gd * d[e] * per_lam  # (4)


class Swapped(NamedTuple):
    """The two outputs."""

    min: Array
    max: Array


class Residuals(NamedTuple):
    """What the backward pass needs; nothing is recomputed."""

    d: Float  # (N,) b - a
    alpha: Float  # (N,)
    abar: Float  # (N,)
    slope: Float  # (N,)
    beta: Float  # (1,) or (N,)
    lam: Float  # (1,) or (N,)
    cdf: str
    shape: tuple[int, ...]  # of the outputs
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]  # of a, b, beta, lam
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments; ``lam`` is None unless the sigmoid is ART."""

    a: Array
    b: Array
    beta: Array
    lam: Array | None


def value(a: Array, b: Array, *, cdf: str = "cauchy", beta: Any, lam: Any = None) -> Swapped:
    """Relaxed minimum and maximum of two arrays, element by element.

        min = alpha a + abar b,  max = abar a + alpha b,  alpha = f(b - a),  abar = f(a - b)

    Parameters
    ----------
    a, b : (...) float64 or float32
        Broadcast against each other. NaN gives NaN; infinities are refused.
    cdf : str
        The sigmoid: logistic, reciprocal, cauchy, optimal, art, or a symmetric distribution.
    beta : float > 0, or an array that broadcasts to the shape of the outputs
        Inverse temperature.
    lam : float in [0, 1), for cdf="art" only; default 0.25

    Returns
    -------
    min, max : (...)
        min <= max, min + max = a + b, both within [a, b]; tend to the hard minimum and maximum as beta grows.

    Residuals
    ---------
    d, alpha, abar, slope : (N,) float64

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        Shapes that do not broadcast, infinite values, unknown cdf, beta <= 0, lam outside [0, 1).

    VJP
    ---
    gd = f'(d) (gmax - gmin) d; ga = alpha gmin + abar gmax - gd, gb = abar gmin + alpha gmax + gd,
    gbeta = gd d / beta. Derivation (1) to (4) above ``swap_backward``.

    Not smooth
    ----------
    As smooth as the sigmoid; see ``network_sort``.

    Numerics
    --------
    min is the hard minimum plus |b - a| times a tail, so it never leaves [a, b] and a wide gap loses no digits.

    Source
    ------
    Petersen, thesis, definition 3.2, (3.5) to (3.8), appendix C. "heaviside" is 1/2 at a tie (E-32).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> low, high = sorting.swap(np.array([2.0]), np.array([1.0]), cdf="optimal", beta=4.0)
    >>> low, high
    (array([1.015625]), array([1.984375]))
    """
    return forward(a, b, cdf=cdf, beta=beta, lam=lam)[0]


def forward(a: Array, b: Array, *, cdf: str = "cauchy", beta: Any, lam: Any = None) -> tuple[Swapped, Residuals]:
    """Both outputs, and what the backward pass needs."""
    problem = setup(gate, a, b, cdf, beta, lam)
    size, shape, dtype = problem.a.size, problem.shape, problem.dtype
    low, high = empty(size, dtype), empty(size, dtype)
    saved = empty(size), empty(size), empty(size), empty(size)
    kernel = swap_kernel(CDFS.index(cdf))

    def chunk(start: int, stop: int) -> None:
        kernel(*problem[:4], low, high, *saved, start, stop)

    run(chunk, size, 20.0 * size)
    residuals = Residuals(*saved, problem.beta, problem.lam, cdf, shape, problem.shapes, dtype)
    return Swapped(low.reshape(shape), high.reshape(shape)), residuals


class Setup(NamedTuple):
    """Arguments as kernels take them, one number for each element (or one in all, for beta and lam)."""

    a: Float
    b: Float
    beta: Float
    lam: Float
    cdf: str
    shape: tuple[int, ...]
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]
    dtype: np.dtype[Any]


def setup(gate: Gate, a: Any, b: Any, cdf: str, beta: Any, lam: Any) -> Setup:
    """Check the arguments."""
    a, b = gate.array("a", a), gate.array("b", b)
    for name, array in (("a", a), ("b", b)):
        gate.finite_or_nan(name, array, "finite values")
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        gate.refuse("b", f"has shape {b.shape}", f"a shape that broadcasts against a's, {a.shape}")
    beta, lam = sigmoid(gate, cdf, beta, lam)
    return Setup(
        a=gate.spread("a", a, shape, full=True),
        b=gate.spread("b", b, shape, full=True),
        beta=gate.spread("beta", beta, shape),
        lam=gate.spread("lam", gate.array("lam", 0.0) if lam is None else lam, shape),
        cdf=cdf,
        shape=shape,
        shapes=(a.shape, b.shape, beta.shape, None if lam is None else lam.shape),
        dtype=result_dtype(a, b),
    )


def sigmoid(gate: Gate, cdf: str, beta: Any, lam: Any) -> tuple[Array, Array | None]:
    """Check a sigmoid's name and parameters; returns beta and, for ART alone, lam."""
    art = gate.choice("cdf", cdf, CDFS) == ART
    beta = gate.parameter("beta", beta)
    if not art:
        if lam is not None:
            gate.refuse("lam", "is given", f"it with cdf='art' only, not with {cdf!r}: leave it out", TypeError)
        return beta, None
    lam = gate.parameter("lam", DEFAULT_LAM if lam is None else lam, positive=False)
    if not ((lam >= 0) & (lam < 1)).all():
        gate.refuse("lam", f"holds {float(lam[(lam < 0) | (lam >= 1)].reshape(-1)[0])}", "0 <= lam < 1")
    return beta, lam


def backward(residuals: Residuals, cotangents: Any) -> Gradients:
    """Cotangents of a, b, beta and lam from the pair of those of min and max."""
    try:
        glow, ghigh = cotangents
    except (TypeError, ValueError):
        gate.refuse("cotangent", "is not a pair", "two arrays, for min and for max", TypeError)
    shape = residuals.shape
    glow = gate.cotangent(glow, shape, "cotangent of min").reshape(-1).astype(np.float64, copy=False)
    ghigh = gate.cotangent(ghigh, shape, "cotangent of max").reshape(-1).astype(np.float64, copy=False)
    size = residuals.d.size
    ga, gb, gbeta, glam = empty(size), empty(size), empty(size), empty(size)

    def chunk(start: int, stop: int) -> None:
        swap_backward(*residuals[:6], residuals.cdf == CDFS[ART], glow, ghigh, ga, gb, gbeta, glam, start, stop)

    run(chunk, size, 4.0 * size)
    return gradients(residuals, ga, gb, gbeta, glam)


def gradients(residuals: Residuals, ga: Float, gb: Float, gbeta: Float, glam: Float) -> Gradients:
    """In the shapes the arguments came in, summed over the axes they were broadcast along."""
    shape, dtype = residuals.shape, residuals.dtype
    a_shape, b_shape, beta_shape, lam_shape = residuals.shapes
    return Gradients(
        a=unbroadcast(ga.reshape(shape), a_shape, dtype),
        b=unbroadcast(gb.reshape(shape), b_shape, dtype),
        beta=unbroadcast(gbeta.reshape(shape), beta_shape),
        lam=None if lam_shape is None else unbroadcast(glam.reshape(shape), lam_shape),
    )


swap = Op(
    id="sorting.swap",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.swap",
    args=declare.ARGS,
    outputs=(Out(name="min", shape="..."), Out(name="max", shape="...")),
    backward_is="derivative",
    terms=terms(backward),
    margin=declare.margin,
    oracle=declare.swapped_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), definition 3.2, (3.5)-(3.8), appendix C",
            what="definition",
            departs="heaviside is 1/2 at a tie (E-32); reciprocal is (3.22), slope beta (E-07, E-10)",
        ),
    ),
    tol=Tol(value=8.0, gradient=32.0, why="a tail to 4 ulp, its slope to 8, and two products and sums"),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
