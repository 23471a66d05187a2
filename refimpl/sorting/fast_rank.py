"""Soft ranks by projection onto the permutahedron of 1, ..., n: O(n log n) time, no matrix.

Ranks, 1 for the largest, are what a linear programme over the permutahedron of rho = (n, ..., 1) chooses for -theta. A
regularised programme chooses the projection of z = -theta / eps onto it. With s = z in descending order,

    l2   r = s - v,          v_B = mean(s_B) - mean(rho_B)           on blocks of neighbours   (isotonic regression),
    kl   r = exp(s - v),     v_B = LSE(s_B) - LSE(log rho_B),        so that  r = (sum rho_B) softmax(s_B)  in a block.

In a block of m neighbouring ranks with mean c, r is c plus what the data differ from their mean, in units of eps (l2), or
m c shared out by a softmax (kl). A position that is a block of its own has its hard rank.
"""

from __future__ import annotations

from typing import Any

from refimpl.boundary import Array, Float, Gate, empty, run, scratch
from refimpl.jit import kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import fast_definition as define
from refimpl.sorting import fast_rank_declarations as declare
from refimpl.sorting.arrangement import Gradients, Residuals, gradients, pooled, setup
from refimpl.sorting.isotonic import RANK_L2, in_scale, mean_offset, plain_sum, product_sum, weights_sum

gate = Gate("sorting.fast_rank")

BACK_NS = 6.0  # one entry going back


@kernel
def values(
    x: Float, order: Array, eps: Float, scale: Float, starts: Array, blocks: Array, kl: bool, weight: Float, y: Array,
    start: int, stop: int,
) -> None:  # fmt: skip
    """x is theta in ascending order, times scale; position k has the hard rank n - k."""
    n = x.shape[1]
    for row in range(start, stop):
        unit = in_scale(RANK_L2, eps[row], scale[row])
        for block in range(blocks[row]):
            first, last = starts[row, block], starts[row, block + 1]
            size = last - first
            rank, base = n - 0.5 * (first + last - 1), x[row, first]  # the mean of the block's ranks
            if size == 1:
                y[row, order[row, first]] = rank + 0.0 * scale[row]  # NaN stays NaN
            elif kl:
                share = size * rank / weights_sum(x, row, unit, weight, first, last)
                for k in range(first, last):
                    y[row, order[row, k]] = share * weight[k]
            else:
                mean = mean_offset(x, row, first, last)
                for k in range(first, last):
                    y[row, order[row, k]] = rank + (mean - (x[row, k] - base)) / unit


# Derivation. The blocks are locally constant. Let g be the cotangent of r, in sorted order, B a block of m positions.
#   (1)  l2, r_k = s_k - mean(s_B) + c:          gs_k = g_k - mean(g_B)
#   (2)  kl, r_k = R p_k, R = sum rho_B, p = softmax(s_B), dp_j = p_j (ds_j - sum_i p_i ds_i):
#                                                gs_k = r_k (g_k - sum_B p g)
#   (3)  s_k = -theta[order[k]] / eps:           gtheta[order[k]] = -gs_k / eps
#   (4)  and through eps, ds_k/deps = theta / eps^2; sum_B gs = 0, so theta counts from the block's first entry:
#                                                geps = sum_k gs_k (x_k - x_first) / eps^2
# A block of one position has gs = 0.


@kernel
def rank_backward(
    x: Float, order: Array, starts: Array, blocks: Array, scale: Float, eps: Float, kl: bool, gr: Array,
    g: Float, weight: Float, gtheta: Array, geps: Float, start: int, stop: int,
) -> None:  # fmt: skip
    n = x.shape[1]
    for row in range(start, stop):
        by_eps, unit = 0.0 * scale[row], in_scale(RANK_L2, eps[row], scale[row])
        for block in range(blocks[row]):
            first, last = starts[row, block], starts[row, block + 1]
            if last - first == 1:
                gtheta[row, order[row, first]] = 0.0 * scale[row]
                continue
            size, base = last - first, x[row, first]
            for k in range(first, last):
                g[k] = gr[row, order[row, k]]
            if kl:
                total = weights_sum(x, row, unit, weight, first, last)
                mean = product_sum(g, weight, first, last) / total  # (2)
                share = size * (n - 0.5 * (first + last - 1)) / total
                for k in range(first, last):
                    g[k] = share * weight[k] * (g[k] - mean)  # (2)
            else:
                mean = plain_sum(g, first, last) / size + 0.0 * scale[row]  # NaN stays NaN
                for k in range(first, last):
                    g[k] = g[k] - mean  # (1)
            for k in range(first, last):
                gtheta[row, order[row, k]] = -g[k] / eps[row]  # (3)
                by_eps += g[k] * ((x[row, k] - base) / unit)  # (4)
        geps[row] = by_eps / eps[row]  # (4)


def value(theta: Array, *, eps: Any, regularization: str = "l2") -> Array:
    """Soft ranks of ``theta``, 1 for the largest, by projection onto the permutahedron of 1, ..., n.

        l2: r = c + (mean(theta_B) - theta) / eps      kl: r = (sum of the block's ranks) softmax(-theta_B / eps)

    Parameters
    ----------
    theta : (..., n) float64 or float32
        Values to rank; any batch axes, n >= 1. A NaN makes its whole row NaN; infinities are refused.
    eps : float > 0, or an array that broadcasts against the batch axes
        Regularization strength; smaller is harder, and below a positive threshold the result is the hard one.
    regularization : "l2" or "kl"
        Euclidean projection, or projection in relative entropy.

    Returns
    -------
    r : (..., n), dtype of ``theta``
        Ranks in the order of theta; they sum to n (n + 1) / 2, and larger values have smaller ranks, equal ones equal
        ranks. l2 ranks and kl ranks lie in [1, n]. As eps grows, l2 ranks and kl ranks tend to (n + 1) / 2.

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
    In a block: gs = g - mean(g) (l2), gs = r (g - sum p g) (kl); gtheta = -gs / eps at the block's own entries,
    geps = sum gs theta / eps^2. Derivation (1) to (4) above ``rank_backward``.

    Not smooth
    ----------
    Where two blocks begin to merge: there the derivative of the computed partition is used, in which blocks whose values
    agree are merged (ours). Ties are always in one block, and smooth.

    Numerics
    --------
    Everything is formed from differences within a block, so eps -> 0 gives the hard ranks (ties share their mean) and
    a shift costs no digits. Rows beyond 2^1021 or below 2^-900 are scaled, and eps with them. A gradient too large for
    a float is the largest float: that of theta is -gs / eps, with eps below 1e-308, say. Cotangents near 1e308 may
    overflow in the sum of a block, and then give NaN.
    Time O(n log n) a row, of which the sort takes most; memory O(n) a row.

    Source
    ------
    Blondel, Teboul, Berthet, Djolonga, Fast differentiable sorting and ranking (2020), propositions 2 to 4;
    Petersen, thesis, section 3.1.3. The gradient of eps is ours.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.fast_rank(np.array([1.0, 9.0, 2.0]), eps=2.0)
    array([2.75, 1.  , 2.25])
    """
    return forward(theta, eps=eps, regularization=regularization)[0]


def forward(theta: Array, *, eps: Any, regularization: str = "l2") -> tuple[Array, Residuals]:
    """The soft ranks, and what the backward pass needs."""
    return pooled(setup(gate, theta, eps, regularization, RANK_L2), finish)


def finish(residuals: Residuals, r: Array, start: int, stop: int) -> None:
    """The ranks of rows start to stop, from their blocks."""
    x, order, starts, blocks, scale, eps, regularization, _, _ = residuals
    weight = scratch("weight", (x.shape[1],))
    values(x, order, eps, scale, starts, blocks, regularization == "kl", weight, r, start, stop)


def backward(residuals: Residuals, gr: Any) -> Gradients:
    """Cotangents of theta and eps from that of the soft ranks."""
    x, order, starts, blocks, scale, eps, regularization, shapes, dtype = residuals
    gr = gate.cotangent(gr, shapes[0]).reshape(x.shape)
    gtheta, geps = empty(x.shape, dtype), empty(eps.shape)

    def chunk(start: int, stop: int) -> None:
        g, weight = scratch("cotangent", (x.shape[1],)), scratch("weight", (x.shape[1],))
        rank_backward(
            x, order, starts, blocks, scale, eps, regularization == "kl", gr, g, weight, gtheta, geps, start, stop
        )

    run(chunk, x.shape[0], BACK_NS * x.size)
    return gradients(residuals, gtheta, geps)


fast_rank = Op(
    id="sorting.fast_rank",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.fast_rank",
    args=define.ARGS,
    outputs=(Out(name="r", shape="... n"),),
    backward_is="derivative",
    margin=define.rank_margin,
    oracle=define.ranked_by_definition,
    sources=(
        Source(
            where="Blondel, Teboul, Berthet, Djolonga, Fast differentiable sorting and ranking (2020), propositions 2-4",
            what="definition, and the Jacobian of theta",
        ),
        Source(where="Petersen, Learning with Differentiable Algorithms (thesis), 3.1.3", what="place in the family"),
    ),
    tol=Tol(value=16.0, gradient=64.0, why="an average, one difference from it, a quotient; exponentials to 1 ulp"),
    sizes=define.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
