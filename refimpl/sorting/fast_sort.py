"""Soft sorted values by projection onto a permutahedron: O(n log n) time, no matrix.

The sorted values of theta are what a linear programme over the permutahedron of theta, the convex hull of all its
permutations, chooses for the ladder z = (n, ..., 1) / eps. A regularised programme chooses the projection of z onto it,

    w = theta in descending order,    y = z - v,    v_B = M(z_B) - M(w_B) on blocks of neighbours   (isotonic regression),

with M the mean (l2: the Euclidean projection) or the log-mean-exp (kl: the projection of exp z in relative entropy).
In a block the data are replaced by a ladder of steps 1 / eps that has the data's average; a position that is a block of
its own keeps its value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Float, Gate, empty, run, scratch
from refimpl.jit import kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.geometric import width, width_slope
from refimpl.sorting import fast_definition as define
from refimpl.sorting import fast_sort_declarations as declare
from refimpl.sorting.arrangement import Gradients, Residuals, gradients, pooled, setup
from refimpl.sorting.isotonic import SORT_L2, log_mean_offset, mean_offset, plain_sum, steep, weights_sum

gate = Gate("sorting.fast_sort")

BACK_NS = 4.0  # one entry going back


@kernel
def values(
    x: Float, eps: Float, scale: Float, starts: Array, blocks: Array, kl: bool, y: Array, start: int, stop: int
) -> None:  # fmt: skip
    """x is -theta in ascending order, times scale, a power of two."""
    for row in range(start, stop):
        unit, back = eps[row] / scale[row], 1.0 / scale[row]
        step = steep(unit)
        for block in range(blocks[row]):
            first, last = starts[row, block], starts[row, block + 1]
            high, low = 0.0 - x[row, first], 0.0 - x[row, last - 1]
            size = last - first
            middle = 0.5 * (size - 1)
            if size == 1:
                y[row, first] = high * back
            elif kl:
                average = high + log_mean_offset(x, row, first, last)
                top = average + (middle * step - (width(0.5 * step * size) - width(0.5 * step)))
                for k in range(np.uint64(size)):
                    y[row, first + k] = min(max(top - k * step, low), high)
            else:
                average = high - mean_offset(x, row, first, last)
                for k in range(np.uint64(size)):  # rounding leaves the range of the block by an ulp
                    y[row, first + k] = min(max(average + (middle - k) / unit, low), high) * back


# Derivation. The blocks are locally constant. Let g be the cotangent of y, B a block of m positions k = 0, ..., m - 1.
#   (1)  y_k = z_k - M(z_B) + M(w_B):      theta enters through M(w_B) alone, the same for all k: G = sum_B g
#   (2)  dM / dw_k = p_k:                  p = 1/m (l2),  p = softmax(w_B) (kl);   gw_k = p_k G
#   (3)  w_k = theta[order[k]]:            gtheta[order[k]] = gw_k
#   (4)  z_k = const - k / eps:            d(z_k - M(z_B)) / d(1/eps) = kbar - k,   kbar = sum_k q_k k
#        with q = 1/m (l2), softmax(z_B) (kl):   geps = sum_k g_k (k - kbar) / eps^2
#        l2: kbar = (m - 1)/2;   kl: kbar = (m - 1)/2 - m L(m/2eps)/2 + L(1/2eps)/2,   L the slope of ``width``


@kernel
def sort_backward(
    x: Float, order: Array, starts: Array, blocks: Array, scale: Float, eps: Float, kl: bool, gy: Array,
    weight: Float, gtheta: Array, geps: Float, start: int, stop: int,
) -> None:  # fmt: skip
    for row in range(start, stop):
        by_eps, g, step = 0.0, gy[row], steep(eps[row])
        lost = scale[row] != scale[row]  # the row holds a NaN
        for block in range(blocks[row]):
            first, last = starts[row, block], starts[row, block + 1]
            if last - first == 1 and not lost:
                gtheta[row, order[row, first]] = g[first]  # (2) (3)
                continue
            size = last - first
            total = plain_sum(g, first, last)  # (1)
            middle = 0.5 * (size - 1)
            if kl:
                total /= weights_sum(x, row, 1.0, weight, first, last)
                for k in range(first, last):
                    gtheta[row, order[row, k]] = weight[k] * total  # (2) (3)
                middle -= 0.5 * (size * width_slope(0.5 * step * size) - width_slope(0.5 * step))  # (4)
            else:
                share = total / size + 0.0 * x[row, first]
                for k in range(first, last):
                    gtheta[row, order[row, k]] = share  # (2) (3)
            for k in range(first, last):
                by_eps += g[k] * ((k - first) - middle)  # (4)
        geps[row] = np.nan if lost else by_eps / eps[row] / eps[row]  # (4)


def value(theta: Array, *, eps: Any, regularization: str = "l2") -> Array:
    """Soft sorted values of ``theta``, descending, by projection onto its permutahedron.

        y = z - v,  z = (n, ..., 1) / eps,  v_B = M(z_B) - M(w_B),  w = theta in descending order

    Parameters
    ----------
    theta : (..., n) float64 or float32
        Values to sort; any batch axes, n >= 1. A NaN makes its whole row NaN; infinities are refused.
    eps : float > 0, or an array that broadcasts against the batch axes
        Regularization strength; smaller is harder, and below a positive threshold the result is the hard one.
    regularization : "l2" or "kl"
        M is the mean, or the log-mean-exp.

    Returns
    -------
    y : (..., n), dtype of ``theta``
        Not increasing, within [min(theta), max(theta)]; l2 keeps the sum, kl the sum of exponentials.

    Residuals
    ---------
    x, order : (rows, n) float64, uint32
        Sorted values and where they came from.
    starts, blocks, scale, eps : (rows, n + 1) int32, (rows,)
        The partition. The softmax weights of kl are formed again: an exponential takes less time than its memory.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        n = 0, infinite theta, eps <= 0 or not finite, an eps that does not broadcast, an unknown regularization.

    VJP
    ---
    In a block, G = sum g: gtheta[order[k]] = G / m (l2), G softmax(w_B)_k (kl); geps = sum g_k (k - kbar) / eps^2.
    Derivation (1) to (4) above ``sort_backward``.

    Not smooth
    ----------
    Where two blocks begin to merge, and where entries of different blocks tie: there the derivative of the computed
    partition is used; blocks whose values agree are merged, and ties keep the order of their indices (ours).

    Numerics
    --------
    Everything is formed from differences within a block. A gradient of eps too large for a float is the largest float: that
    of a row, and the sum where rows share an eps.
    l2: rows beyond 2^1021 are scaled by 1/4 (they resolve 2e-323), those below 2^-900 by 2^100. kl: an eps below 1e-300
    counts as 1e-300. Cotangents near 1e308 may overflow in a sum.
    Time O(n log n) a row, of which the sort takes most; memory O(n) a row.

    Source
    ------
    Blondel, Teboul, Berthet, Djolonga, Fast differentiable sorting and ranking (2020), propositions 2 to 4;
    Petersen, thesis, section 3.1.3. The gradient of eps is ours.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.fast_sort(np.array([0.0, 10.0]), eps=1.0)
    array([5.5, 4.5])
    """
    return forward(theta, eps=eps, regularization=regularization)[0]


def forward(theta: Array, *, eps: Any, regularization: str = "l2") -> tuple[Array, Residuals]:
    """The soft sorted values, and what the backward pass needs."""
    return pooled(setup(gate, theta, eps, regularization, SORT_L2), finish)


def finish(residuals: Residuals, y: Array, start: int, stop: int) -> None:
    """The values of rows start to stop, from their blocks."""
    x, _, starts, blocks, scale, eps, regularization, _, _ = residuals
    values(x, eps, scale, starts, blocks, regularization == "kl", y, start, stop)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of theta and eps from that of the soft sorted values."""
    x, order, starts, blocks, scale, eps, regularization, shapes, dtype = residuals
    gy = gate.cotangent(gy, shapes[0]).reshape(x.shape)
    gtheta, geps = empty(x.shape, dtype), empty(eps.shape)

    def chunk(start: int, stop: int) -> None:
        weight = scratch("weight", (x.shape[1],))
        sort_backward(
            x, order, starts, blocks, scale, eps, regularization == "kl", gy, weight, gtheta, geps, start, stop
        )

    run(chunk, x.shape[0], BACK_NS * x.size)
    return gradients(residuals, gtheta, geps)


fast_sort = Op(
    id="sorting.fast_sort",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.fast_sort",
    args=define.ARGS,
    outputs=(Out(name="y", shape="... n"),),
    backward_is="derivative",
    margin=define.sort_margin,
    oracle=define.sorted_by_definition,
    sources=(
        Source(
            where="Blondel, Teboul, Berthet, Djolonga, Fast differentiable sorting and ranking (2020), propositions 2-4",
            what="definition, and the Jacobian of theta",
        ),
        Source(where="Petersen, Learning with Differentiable Algorithms (thesis), 3.1.3", what="place in the family"),
    ),
    tol=Tol(value=16.0, gradient=64.0, why="an average, one difference from it, and a clip; exponentials to 1 ulp"),
    sizes=define.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
