"""Sorted values by a network of relaxed conditional swaps.

A sorting network sorts by comparators at fixed places. Relax each one: with d = x_j - x_i and a sigmoid f,

    x_i' = alpha x_i + abar x_j,    alpha = f(d),
    x_j' = abar x_i + alpha x_j,    abar  = f(-d) = 1 - alpha.

At large beta the sigmoid is a step and the network sorts; at finite beta every output is a smooth function of all
inputs. Here the network runs on values alone; ``network_permutation`` adds the matrix and reuses both passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, rounded, run, unbroadcast
from refimpl.jit import kernel, specialised
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.swaps import CDFS, art_ratios, bounded, difference, exchange, weights
from refimpl.sorting import cases, laws
from refimpl.sorting import definition as define
from refimpl.sorting.networks import Comparators
from refimpl.sorting.problem import NetworkLike, Problem, setup

gate = Gate("sorting.network_sort")

SMALL = 2.0**-600  # of cotangents whose products with slopes near 1e308 are to be floats
SWAP_NS = 8.0  # one comparator of the values pass, nearly all of it the sigmoid; about a quarter of that going back


@specialised
def values_kernel(code: int) -> Callable[..., None]:
    def values(
        first: Array, second: Array, starts: Array, x: Float, beta: Float, lam: Float, y: Float,
        d: Float, alpha: Float, abar: Float, slope: Float, pairs: Float, keep: bool, start: int, stop: int,
    ) -> None:  # fmt: skip
        """Run rows start to stop through the network; save every comparator, or (``keep`` false) a layer at a time.

        The comparators of a layer are disjoint: their values are gathered into ``pairs``, swapped side by side, and put
        back. Each loop does so little that it becomes vector instructions.
        """
        for row in range(start, stop):
            save, scale, exponent = row * keep, beta[row], lam[row]
            for wire in range(x.shape[1]):
                y[row, wire] = x[row, wire]
            for layer in range(starts.size - 1):
                c, size = starts[layer], starts[layer + 1] - starts[layer]
                at = c if keep else np.uint64(0)
                for s in range(size):
                    a, b = y[row, first[c + s]], y[row, second[c + s]]
                    pairs[0, s], pairs[1, s], d[save, at + s] = a, b, difference(a, b)
                for s in range(at, at + size):
                    alpha[save, s], abar[save, s], slope[save, s] = weights(code, d[save, s], scale, exponent)
                for s in range(size):
                    pairs[0, s], pairs[1, s] = exchange(
                        pairs[0, s], pairs[1, s], d[save, at + s], alpha[save, at + s], abar[save, at + s]
                    )
                for s in range(size):
                    y[row, first[c + s]], y[row, second[c + s]] = pairs[0, s], pairs[1, s]

    return values


# Derivation. One comparator maps (x_i, x_j) to (x_i', x_j'); let g be the cotangent of its outputs, q that of alpha.
#   (1)  alpha enters both outputs:        q = (g_i - g_j)(x_i - x_j) = (g_j - g_i) d
#   (2)  and, with a matrix, its rows:     q += <G_i - G_j, M_i - M_j>     (handed in as `push`, zero groups without P)
#   (3)  through alpha = f(x_j - x_i):     gd = f'(d) q,   to x_i with a minus sign, to x_j with a plus
#   (4)  and directly:                     gx_i = alpha g_i + abar g_j,   gx_j = abar g_i + alpha g_j
#   (5)  f(d) = F(beta d):                 gbeta = q F'(beta d) d = gd d / beta
#        ART, f(d) = s(beta phi(d)):       gbeta = gd d r / beta,   glam = gd d s,   with r, s from ``art_ratios``
# Comparators are undone last to first.


@kernel
def undo(
    first: Array, second: Array, d: Float, alpha: Float, abar: Float, slope: Float, lam: Float, art: bool,
    gy: Float, push: Float, unit: float, row: int, gx: Float,
) -> tuple[float, float]:  # fmt: skip
    """One row, of a cotangent times ``unit``; returns what beta, times beta, and lam get."""
    size, by_beta, by_lam = np.uint64(first.size), 0.0, 0.0  # unsigned, like the wires: no index counts from the end
    for wire in range(gx.shape[1]):
        gx[row, wire] = unit * gy[row, wire]
    for undone in range(size):
        c = size - np.uint64(1) - undone
        i, j = first[c], second[c]
        gi, gj = gx[row, i], gx[row, j]
        gd = (slope[row, c] * d[row, c]) * (gj - gi)  # (1) (3)
        for group in range(push.shape[1]):
            gd += slope[row, c] * (unit * push[row, group, c])  # (2) (3)
        per_beta, per_lam = 1.0, 0.0
        if art:
            per_beta, per_lam = art_ratios(d[row, c], lam[row])
        by_beta += gd * d[row, c] * per_beta  # (5)
        by_lam += gd * d[row, c] * per_lam  # (5)
        gx[row, i] = alpha[row, c] * gi + abar[row, c] * gj - gd  # (4) (3)
        gx[row, j] = abar[row, c] * gi + alpha[row, c] * gj + gd  # (4) (3)
    return by_beta, by_lam


@kernel
def values_backward(
    first: Array, second: Array, d: Float, alpha: Float, abar: Float, slope: Float, beta: Float, lam: Float, art: bool,
    gy: Float, push: Float, gx: Float, gbeta: Float, glam: Float, start: int, stop: int,
) -> None:  # fmt: skip
    """Rows start to stop; one that overflows is done again in small numbers. What is too large at the end is cut down."""
    for row in range(start, stop):
        for unit in (1.0, SMALL):
            by_beta, by_lam = undo(first, second, d, alpha, abar, slope, lam, art, gy, push, unit, row, gx)
            outside = 0.0 * (by_beta + by_lam)
            for wire in range(gx.shape[1]):
                outside += 0.0 * gx[row, wire]
            if outside == 0.0:  # NaN is not
                break
        for wire in range(gx.shape[1]):
            gx[row, wire] = bounded(gx[row, wire] / unit)
        gbeta[row] = bounded(by_beta / beta[row] / unit)  # (5)
        glam[row] = bounded(by_lam / unit)


class Residuals(NamedTuple):
    """What the backward pass needs. Nothing is recomputed: four numbers per comparator are cheaper than its sigmoid."""

    d: Float  # (rows, C) x_j - x_i before the swap
    alpha: Float  # (rows, C) f(d)
    abar: Float  # (rows, C) f(-d)
    slope: Float  # (rows, C) f'(d)
    beta: Float  # (rows,)
    lam: Float  # (rows,)
    network: Comparators
    cdf: str
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]  # of x, beta and (ART) lam, as they came
    dtype: np.dtype[Any]  # of the output


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments; ``lam`` is None unless the sigmoid is ART."""

    x: Array
    beta: Array
    lam: Array | None


def value(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> Array:  # fmt: skip
    """Sort by a relaxed sorting network: the soft order statistics of ``x``, ascending.

        per comparator (i, j), in layer order:  x_i, x_j = alpha x_i + abar x_j, abar x_i + alpha x_j

    Parameters
    ----------
    x : (..., n) float64 or float32
        Values to sort; any batch axes, n >= 1. NaN spreads to the outputs that depend on it; infinities are refused.
    network : "bitonic", "odd_even", or a list of layers of pairs (i, j)
        The comparators; the minimum goes to wire i.
    cdf : str
        The sigmoid: logistic, reciprocal, cauchy, optimal, art, or a symmetric distribution.
    beta : float > 0, or an array that broadcasts against the batch axes
        Inverse temperature; larger is harder.
    lam : float in [0, 1), for cdf="art" only; default 0.25
        Exponent of the activation replacement trick; 0 is the plain logistic.

    Returns
    -------
    y : (..., n), dtype of ``x``
        sum(y) = sum(x) and min(x) <= y <= max(x); tends to sort(x) as beta grows. Not always ascending at finite beta.

    Residuals
    ---------
    d, alpha, abar, slope : (rows, C) float64
        Per comparator; saved, since recomputing them means evaluating the sigmoid again.

    Raises
    ------
    TypeError, ValueError
        Complex, object, masked or float16 input; n = 0, infinite x, an unknown network or cdf, beta <= 0, lam outside
        [0, 1), pairs that are no network for n.

    VJP
    ---
    Comparators last to first: q = (g_j - g_i) d, gd = f'(d) q; gx_i = alpha g_i + abar g_j - gd,
    gx_j = abar g_i + alpha g_j + gd; gbeta = sum gd d / beta. Derivation (1) to (5) above ``undo``.

    Not smooth
    ----------
    As smooth as the sigmoid. uniform (slope), wigner (curvature) and laplace, reciprocal, optimal, cubic_hermite
    (second derivative and up) have kinks; at a kink of f the mean of its one-sided slopes is used (ours).
    ART has slope beta 1e10 / 4 at an exact tie, as (3.13) says.

    Numerics
    --------
    Weights are tails, never 1 - f; outputs are the hard minimum plus a share, so they stay within [min, max]. A gradient
    counts a difference beyond the largest float as that, and is cut down to it; beyond beta |d| = 1e154 slopes underflow.
    Time O(C) a row; memory O(n) a thread for values alone, O(C) a row with residuals; C = n(n-1)/2 or about n log2(n)^2 / 4.

    Source
    ------
    Petersen, thesis, section 3.2, (3.5) to (3.11), sigmoids (3.13), (3.21) to (3.24). Departs: "heaviside" has the
    value 1/2 at a tie (erratum E-32); "reciprocal" is (3.22), with slope beta, unlike the distribution (A.10) (E-10).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.network_sort(np.array([3.0, 1.0, 2.0]), network="odd_even", beta=1e6).round(3)
    array([1., 2., 3.])
    """
    return run_values(setup(gate, x, network, cdf, beta, lam), keep=False)[0]


def forward(
    x: Array, *, network: NetworkLike = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> tuple[Array, Residuals]:
    """The sorted values, and what the backward pass needs."""
    return run_values(setup(gate, x, network, cdf, beta, lam))


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of x, beta and lam from that of the sorted values."""
    gy = gate.cotangent(gy, residuals.shapes[0])
    rows, network = residuals.beta.size, residuals.network
    return pull_values(residuals, gy.reshape(rows, network.wires), push=np.empty((rows, 0, network.first.size)))


def run_values(problem: Problem, keep: bool = True) -> tuple[Array, Residuals]:
    """Sorted values in shape and dtype of x, and the residuals; without keep these are empty."""
    y, residuals = empty(problem.x.shape), unwritten(problem, keep)
    rows, size = residuals.beta.size, problem.network.first.size
    run(lambda start, stop: values_rows(problem, y, residuals, start, stop), rows, SWAP_NS * rows * size)
    return y.reshape(problem.shapes[0]).astype(problem.dtype, copy=False), residuals


def unwritten(problem: Problem, keep: bool = True) -> Residuals:
    """Room for the residuals, in one block: the allocator hands that out again without page faults."""
    d, alpha, abar, slope = empty((4, problem.x.shape[0] if keep else 0, problem.network.first.size))
    return Residuals(d, alpha, abar, slope, problem.beta, problem.lam, *problem[3:])


def values_rows(problem: Problem, y: Float, residuals: Residuals, start: int, stop: int) -> None:
    """The values pass of rows start to stop."""
    network, keep = problem.network, residuals.d.shape[0] > 0
    widest = network.wires // 2
    saved = residuals[:4] if keep else empty((4, 1, widest))
    values_kernel(CDFS.index(problem.cdf))(
        *network[:3], problem.x, problem.beta, problem.lam, y, *saved, empty((2, widest)), keep, start, stop
    )


def pull_values(residuals: Residuals, gy: Array, push: Float) -> Gradients:
    """The backward values pass over all rows."""
    pulled = empty(gy.shape), empty(gy.shape[0]), empty(gy.shape[0])
    work = SWAP_NS / 4.0 * residuals.d.size
    run(lambda start, stop: pull_rows(residuals, gy, push, pulled, start, stop), gy.shape[0], work)
    return gradients(residuals, *pulled)


def pull_rows(
    residuals: Residuals, gy: Array, push: Float, pulled: tuple[Float, Float, Float], start: int, stop: int
) -> None:
    """The backward values pass of rows start to stop, into (gx, gbeta, glam)."""
    values_backward(*residuals.network[:2], *residuals[:6], residuals.cdf == "art", gy, push, *pulled, start, stop)


def gradients(residuals: Residuals, gx: Float, gbeta: Float, glam: Float) -> Gradients:
    """In the shapes the arguments came in: the gradient of x in its dtype, those of the parameters in float64."""
    x_shape, beta_shape, lam_shape = residuals.shapes
    return Gradients(
        x=rounded(gx.reshape(x_shape), residuals.dtype),
        beta=unbroadcast(gbeta.reshape(x_shape[:-1]), beta_shape),
        lam=None if lam_shape is None else unbroadcast(glam.reshape(x_shape[:-1]), lam_shape),
    )


network_sort = Op(
    id="sorting.network_sort",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.network_sort",
    args=define.NETWORK_ARGS,
    outputs=(Out(name="y", shape="... n"),),
    backward_is="derivative",
    terms=define.terms(backward),
    margin=define.margin,
    oracle=define.values_by_definition,
    sources=(
        Source(
            where="Petersen, Learning with Differentiable Algorithms (thesis), 3.2 and 3.3, (3.5)-(3.11)",
            what="definition",
            departs="heaviside is 1/2 at a tie (E-32); reciprocal is (3.22), slope beta (E-07, E-10)",
        ),
    ),
    tol=Tol(value=64.0, gradient=256.0, why="each of up to 2n layers rounds two convex combinations, a sum of C terms"),
    sizes=define.sizes,
    laws=laws.SORT_LAWS,
    cases=cases.SORT_CASES,
)
