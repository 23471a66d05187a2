"""The relaxed permutation matrix of entropic optimal transport: values are moved to ascending targets.

With cost C_ij = (x_i - y_j)^2 and equal weights, Sinkhorn's iteration starts from f = g = 0 and repeats

    f_i = -eps log n - eps LSE_j((g_j - C_ij) / eps),    g_j = -eps log n - eps LSE_i((f_i - C_ij) / eps).

Then Pi_ij = exp((f_i + g_j - C_ij) / eps) and P[r, c] = n Pi[c, r]. ``sinkhorn_problem`` reduces the cost to a product
x_i y_j, ``sinkhorn_iterations`` runs the forward pass; here is the way back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, rounded, run, scratch, unbroadcast
from refimpl.jit import kernel
from refimpl.op import Op, Out
from refimpl.sorting import sinkhorn_declarations as declare
from refimpl.sorting.sinkhorn_implicit import implicit
from refimpl.sorting.sinkhorn_iterations import (
    VECTORS,
    Residuals,
    before,
    copy,
    dot,
    fill,
    gather,
    iterate,
    solve,
    step_g,
)  # fmt: skip
from refimpl.sorting.sinkhorn_problem import HALF, Problem, setup

gate = Gate("sorting.sinkhorn_sort")

# Derivation. Potentials over eps, t_ji = x_i y_j; gt is the cotangent of t and is added up, T iterations back.
#   (1)  n Pi = P = n exp(f_i + g_j + t_ji):    M = gP * P;  gt = M,  gf_i = sum_j M_ji,  gg_j = sum_i M_ji
#   (2)  g_j = -log n - LSE_i(f_i + t_ji), with R_ji = n exp(f_i + g_j + t_ji), the plan after this half step:
#            gt_ji -= R_ji gg_j,   gf_i -= sum_j R_ji gg_j
#   (3)  f_i = -log n - LSE_j(g_j + t_ji), with S_ji = n exp(f_i + g'_j + t_ji), g' the potential before it:
#            gt_ji -= S_ji gf_i,   gg_j = -sum_i S_ji gf_i,   gf = 0
#   (4)  t_ji = x_i y_j:                        gx_i = sum_j gt_ji y_j,   gy_j = sum_i gt_ji x_i
#   (5)  x_i = d_i / s, s = 2^power:            gd = gx / s
#   (6)  y_j = 2 e_j s / eps, start = -4 h^2 / eps, h = (targets - c) / 2:  gtargets = (2 s gy - 4 h gstart) / eps
#   (7)  y and start have a factor 1 / eps:     geps = -(sum x gx + sum start gstart) / eps   (sum x gx = sum y gy)
#   (8)  u = logistic(z), z = (x - mean) / std: gz = gu u (1 - u),  gx = (gz - mean gz - z mean(z gz)) / std
# Each contribution to gt is summed against y and x at once: no matrix gt is kept. With factors R_ji = n phi_i K_ji gam_j
# and S_ji = n phi_i K_ji gam'_j. What is left in gg is gstart. (1) and the first (2) are one, gt = P * (gP - sum_i P_ji
# gP_ji), where gP counts from its value at the largest entry of the row: if that is nearly 1, nothing cancels.


@kernel
def undo_g(x: Float, y: Float, k: Float, phi: Float, gam: Float, v: Float) -> None:
    """(2) and its share of (4)."""
    gx, gy, gf, gg, weighted, push, moment = v[0], v[1], v[2], v[3], v[4], v[5], v[6]
    fill(push, 0.0)
    fill(moment, 0.0)
    for i in range(np.uint64(x.size)):
        weighted[i] = phi[i] * x[i]
    for j in range(np.uint64(y.size)):
        w = x.size * gam[j] * gg[j]
        gather(k, j, w, push)
        gather(k, j, w * y[j], moment)
        gy[j] -= w * dot(k, j, weighted)  # (2) (4)
    for i in range(np.uint64(x.size)):
        gf[i] -= phi[i] * push[i]  # (2)
        gx[i] -= phi[i] * moment[i]  # (2) (4)


@kernel
def undo_f(x: Float, y: Float, k: Float, phi: Float, gam: Float, v: Float) -> None:
    """(3) and its share of (4); gam are the factors before the half step."""
    gx, gy, gf, gg, weighted, z, moment = v[0], v[1], v[2], v[3], v[4], v[5], v[6]
    fill(moment, 0.0)
    for i in range(np.uint64(x.size)):
        z[i] = x.size * phi[i] * gf[i]
        weighted[i] = z[i] * x[i]
    for j in range(np.uint64(y.size)):
        gg[j] = -gam[j] * dot(k, j, z)  # (3)
        gy[j] -= gam[j] * dot(k, j, weighted)  # (3) (4)
        gather(k, j, gam[j] * y[j], moment)
    for i in range(np.uint64(x.size)):
        gx[i] -= z[i] * moment[i]  # (3) (4)
        gf[i] = 0.0  # (3)


@kernel
def start_back(x: Float, y: Float, k: Float, phi: Float, gam: Float, gp: Float, m: Float, v: Float) -> None:
    """(1), the first (2), and their shares of (4); gp is the cotangent of P."""
    gx, gy, gf, gg, ones = v[0], v[1], v[2], v[3], v[4]
    fill(ones, 1.0)
    fill(gx, 0.0)
    fill(gf, 0.0)
    for j in range(np.uint64(y.size)):
        top: Index = np.uint64(0)
        for i in range(np.uint64(x.size)):
            m[j, i] = (x.size * gam[j]) * k[j, i] * phi[i]  # P
            top = i if m[j, i] > m[j, top] else top
        level = 0.0
        for i in range(np.uint64(x.size)):
            level += m[j, i] * (gp[j, i] - gp[j, top])
        for i in range(np.uint64(x.size)):
            m[j, i] *= (gp[j, i] - gp[j, top]) - level  # (1) (2)
        gather(m, j, 1.0, gf)  # (1) (2)
        gather(m, j, y[j], gx)  # (4)
        gg[j] = 0.0  # (2)
        gy[j] = dot(m, j, x)  # (4)


@kernel
def pull(
    x: Float, y: Float, start: Float, done: Array, gp: Array, gx: Float, gy: Float, gstart: Float,
    k: Float, other: Float, w: Float, v: Float, tape: Float, base: Array, first: int, stop: int,
) -> None:  # fmt: skip
    """Rows first to stop: the iterations again, with a tape, and back."""
    for row in range(first, stop):
        xs, ys, last = x[row], y[row], done[row] - 1
        if last < 0:
            for gradient in (gx, gy, gstart):  # NaN in, NaN out
                fill(gradient[row], np.nan)
            continue
        iterate(xs, ys, start[row], done[row], -1.0, True, k, w, tape, base)
        g, ones = w[1], w[4]
        start_back(xs, ys, k, w[2], w[3], gp[row], other, v)
        fill(ones, 1.0)
        for t in range(last, -1, -1):
            scaled = base[t] < t
            if t < last:
                undo_g(xs, ys, k, tape[t, 0] if scaled else ones, tape[t, 1] if scaled else ones, v)
            if scaled:
                undo_f(xs, ys, k, tape[t, 0], tape[t - 1, 1] if base[t - 1] < t - 1 else ones, v)
                continue
            before(t, xs, ys, start[row], tape, base, g, other)
            undo_f(xs, ys, other, ones, ones, v)
            if t > 0:  # the kernel of the iterations before, as it was made
                step_g(xs, ys, tape[base[t - 1], 0], g, k)
        copy(v[0], gx[row])
        copy(v[1], gy[row])
        copy(v[3], gstart[row])


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments; ``targets`` is None if they were left out."""

    x: Array
    eps: Array
    targets: Array | None


def value(
    x: Array, *, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> Array:  # fmt: skip
    """The plan of entropic optimal transport from values to ascending targets, as a relaxed permutation matrix.

        f_i = -eps log n - eps LSE_j((g_j - C_ij) / eps),  g_j = -eps log n - eps LSE_i((f_i - C_ij) / eps);
        P[r, c] = n exp((f_c + g_r - C_cr) / eps),  C_ij = (x_i - targets_j)^2

    Parameters
    ----------
    x : (..., n) float64 or float32
        Values to sort, n >= 1. A row that holds NaN gives a NaN matrix; infinities are refused.
    eps : float > 0, or an array that broadcasts against the batch axes
        Temperature; smaller is harder, and takes more iterations.
    iterations, tol : int >= 1, float > 0
        Iterations alone: exactly so many. tol: until the largest row error of n Pi is at most tol, at most ``iterations``
        (10 000 if left out). Neither: tol = 1e-9.
    targets : (..., n), strictly ascending; default linspace(0, 1, n)
        One for each rank; broadcasts against x.
    squash : None or "zscore_logistic"
        Replace x by logistic((x - mean) / std) first, with the population's std; 1/2 if all values are equal.
    backward : "unrolled" or "implicit"; default "implicit" with a tolerance, "unrolled" without
        The derivative of the iterations done, or that of their limit, which the plan must then have reached.

    Returns
    -------
    p : (..., n, n), dtype of ``x``
        Row 0 is the minimum. Rows sum to 1 always, columns in the limit. Tends to the permutation of argsort(x).

    Residuals
    ---------
    problem, done: O(n) numbers a batch row. plan: P, if implicit.

    Raises
    ------
    TypeError, ValueError
        As in ``network_sort``; eps or tol <= 0, iterations < 1, targets not ascending or not n, unknown names.
    NotConverged, a warning
        tol (1e-9 unless given) was missed; to raise it, ``warnings.simplefilter("error", NotConverged)``.

    VJP
    ---
    (1) to (4) above ``undo_g``, iterations last to first, or (9) to (11) in ``sinkhorn_implicit``; then (5) to (8).

    Not smooth
    ----------
    With squash at equal values: a jump, gradient of x 0 by choice. Unrolled up to a tolerance, T is held fixed: where
    symmetric values meet it early (x = (0, 1): T = 1) the gradient is that of so few iterations.

    Numerics
    --------
    exp of arguments <= 0 alone, no x^2: far values keep their digits; entries to spread(x) spread(targets) / eps ulp.
    Time O(T n^2), two products an entry and iteration, six going back; memory n^2, and 2 T n a thread going back.
    Implicit: a graph Laplacian of n nodes, O(n^3), solved without subtractions: nearly hard plans keep their digits.

    Source
    ------
    Cuturi, Teboul, Vert 2019; Petersen, thesis, 3.1.2. Without squash, n = 2 is a logistic swap (E-17).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.sinkhorn_sort(np.array([0.9, 0.1, 0.5, 0.2]), eps=0.1)[0].round(4)
    array([0.    , 0.5881, 0.025 , 0.3868])
    """
    return forward(x, eps=eps, iterations=iterations, tol=tol, targets=targets, squash=squash, backward=backward)[0]


def forward(
    x: Array, *, eps: Any, iterations: int | None = None, tol: float | None = None, targets: Any = None,
    squash: str | None = None, backward: str | None = None,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The matrix, and what the backward pass needs."""
    problem = setup(gate, x, eps, iterations, tol, targets, squash, backward)
    p, residuals = solve(gate.operator, problem)
    return p.astype(problem.dtype, copy=False).reshape(*problem.shapes[0], p.shape[-1]), residuals


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of x, eps and targets from that of the matrix."""
    rows, n = residuals.problem.x.shape
    gp = gate.cotangent(gp, (*residuals.problem.shapes[0], n)).reshape(rows, n, n).astype(np.float64, copy=False)
    return gradients(residuals.problem, *pull_back(residuals, gp))


def pull_back(residuals: Residuals, gp: Float) -> tuple[Float, Float, Float]:
    """Cotangents of the scaled x and y and of the starting potential, every row."""
    problem, done = residuals.problem, residuals.done
    if residuals.plan is not None:
        return implicit(problem, residuals.plan, gp)
    rows, n = problem.x.shape
    pulled = empty((rows, n)), empty((rows, n)), empty((rows, n))

    def chunk(start: int, stop: int) -> None:
        most = int(done[start:stop].max(initial=0))
        k, other = scratch("kernel", (n, n)), scratch("other kernel", (n, n))
        vectors = scratch("vectors", (VECTORS, n)), scratch("cotangents", (7, n))
        tape, base = scratch("tape", (most, 2, n)), np.empty(most, np.int64)
        pull(*problem[:3], done, gp, *pulled, k, other, *vectors, tape, base, start, stop)

    run(chunk, rows, work=n * n * (16.0 * rows + 1.2 * float(done.sum())))
    return pulled


def gradients(problem: Problem, gx: Float, gy: Float, gstart: Float, xp: Any = np) -> Gradients:
    """In the shapes and units the arguments came in, summed over the axes they were broadcast along."""
    x_shape, eps_shape, targets_shape = problem.shapes
    power, mantissa, exponent = problem.power, problem.mantissa, problem.exponent
    with np.errstate(over="ignore", under="ignore"):
        by_x = xp.ldexp(gx, -power)  # (5)
        h, high = xp.frexp(problem.offset)
        parts = xp.ldexp(gy / mantissa, power + 1 - exponent), xp.ldexp(h * gstart / mantissa, high + 2 - exponent)
        by_y = xp.clip(parts[0], -HALF, HALF) - xp.clip(parts[1], -HALF, HALF)  # (6)
        both = (problem.x * gx).sum(axis=-1) + (problem.start * gstart).sum(axis=-1)
        by_eps = -xp.ldexp(both[:, None] / mantissa, -exponent)[:, 0]  # (7)
        if problem.z is not None:
            z, n, tail = problem.z, gx.shape[1], xp.exp(-xp.abs(problem.z))
            gz = by_x * (tail / ((1.0 + tail) * (1.0 + tail)))  # (8)
            flat = gz - gz.sum(axis=-1, keepdims=True) / n - z * ((z * gz).sum(axis=-1, keepdims=True) / n)  # (8)
            level = xp.where(problem.spread == 0.0, 1.0, problem.spread)
            still = (problem.spread == 0.0) | (n == 2)  # two values have z = -1, 1 whatever they are (E-17)
            by_x = xp.where(still, 0.0 * flat, xp.ldexp(flat / level, -problem.reach))  # (8)
    return Gradients(
        x=rounded(by_x.reshape(x_shape), problem.dtype),
        eps=unbroadcast(by_eps.reshape(x_shape[:-1]), eps_shape),
        targets=None if targets_shape is None else unbroadcast(by_y.reshape(x_shape), targets_shape),
    )


sinkhorn_sort = Op(
    id="sorting.sinkhorn_sort",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.sinkhorn_sort",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... n n"),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.matrix_by_definition,
    sources=declare.SOURCES,
    tol=declare.TOL,
    sizes=declare.sizes,
    laws=declare.SORT_LAWS,
    cases=declare.SORT_CASES,
)
