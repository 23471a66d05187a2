"""The relaxed median, by a soft sort or by trimming (SoftMedian of the AlgoNet paper).

``exact``: the middle value of a relaxed bubble sort, or the mean of the two in the middle.

``fast``: log-weights l, at first all equal, fall in each round where the smallest and the largest value are,

    p = softmax(-b1 x + l),    r = softmax(b1 x + l),    l <- l - b2 (p + r),    up to a constant;

the result is the mean of x under softmax(l). b1 is the selection, b2 the removal. As b1 grows, with b2 > b1 (max x - min
x), a round removes one minimum and one maximum, and floor((n - 1) / 2) rounds leave the middle.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Array, Float, Gate, Index, empty, rounded, run, unbroadcast
from refimpl.jit import inlined, kernel
from refimpl.op import Op, Out, Source, Tol
from refimpl.scalars.swaps import bounded
from refimpl.sorting import soft_median_declarations as declare
from refimpl.sorting.median_problem import Asked, middle, setup
from refimpl.sorting.network_sort import Residuals as Sorted
from refimpl.sorting.network_sort import pull_values, run_values
from refimpl.sorting.problem import shrinking
from refimpl.sorting.trimming import held, select, trim

gate = Gate("sorting.soft_median")

TRIM_NS = 8.0  # one entry of one round: two exponentials, two sums; twice that going back


# Derivation, fast. Let g be the cotangent of the log-weights after a round, w = softmax(l) after the last one.
#   (1)  y = <w, x>:                   gx = w,   gw = x   (for gy = 1: in the end all is multiplied by gy)
#   (2)  w = softmax(l):               g = w (gw - <w, gw>) = w (x - y),   which sums to 0
#   (3)  a constant in l is the same:  leaving it out (the logsumexp of the print, the maximum here) passes g on as it is,
#                                      since g sums to 0; it goes on to sum to 0, by (5)
#   (4)  l' = l - b2 (p + r):          gp = gr = -b2 g,   gb2 -= <g, p + r>
#   (5)  softmax:                      c(p) = p (gp - <p, gp>) = b2 p (<p, g> - g), and c(r) alike;   g += c(p) + c(r)
#   (6)  its argument -b1 x or b1 x:   gx += b1 (c(r) - c(p)),   gb1 += <x, c(r) - c(p)>
# x - y in (2) is formed as x - x_h less its mean, with h where w is largest: y is rounded at the size of x, and what is
# then left in the sum of g would enter gb2. <p, g> - g_i is formed as <p, g - g_m> - (g_i - g_m), with m where p is
# largest: nothing is left of it where p is hard.


@inlined
def softmax_backward(p: Float, g: Float, m: Index, b2: float, c: Float) -> float:
    """c = b2 p (<p, g> - g) (5); returns <p, g>."""
    shared, most = 0.0, float(g[m])
    for i in range(g.size):
        shared += p[i] * (g[i] - most)
    for i in range(g.size):
        c[i] = held(b2 * (p[i] * (shared - (g[i] - most))))  # (4) (5)
    return shared + most


@kernel
def trim_backward(
    x: Float, b1: Float, b2: Float, logw: Float, w: Float, y: Float, shrink: Float,
    gx: Float, gb1: Float, gb2: Float, work: Float, start: int, stop: int,
) -> None:  # fmt: skip
    n, rounds = x.shape[1], logw.shape[1] - 1
    p, r, below, above, g, pushed = work[0], work[1], work[2], work[3], work[4], work[5]
    for row in range(start, stop):
        scale, by_b1, by_b2, heaviest, mean = shrink[row], 0.0, 0.0, 0, 0.0
        for i in range(n):
            heaviest = i if w[row, i] > w[row, heaviest] else heaviest
        for i in range(n):
            mean += w[row, i] * (x[row, i] * scale - x[row, heaviest] * scale)
        for i in range(n):
            g[i] = w[row, i] * (x[row, i] * scale - x[row, heaviest] * scale - mean)  # (2) (3)
            pushed[i] = 0.0
        for undone in range(rounds):
            old = logw[row, rounds - 1 - undone]
            low, high = select(x[row], old, -b1[row], p), select(x[row], old, b1[row], r)
            by_b2 = held(by_b2 - softmax_backward(p, g, low, b2[row], below))  # (4) (5)
            by_b2 = held(by_b2 - softmax_backward(r, g, high, b2[row], above))  # (4) (5)
            for i in range(n):
                g[i] = held(g[i] + (below[i] + above[i]))  # (5)
                pushed[i] = held(pushed[i] + (above[i] - below[i]))  # (6)
        for i in range(n):
            by_b1 = held(by_b1 + (x[row, i] * scale - y[row] * scale) * pushed[i])  # (6), as pushed sums to 0
            gx[row, i] = bounded(w[row, i] + b1[row] * pushed[i] / scale)  # (1) (6)
        gb1[row] = bounded(by_b1 / scale / scale)
        gb2[row] = bounded(by_b2 / scale)


class Trimmed(NamedTuple):
    """What undoing ``fast`` needs; p and r are made again from the log-weights, which is cheaper than keeping them."""

    x: Float  # (rows, n)
    selection: Float  # (rows,)
    removal: Float  # (rows,)
    logw: Float  # (rows, rounds + 1, n) log-weights before every round and after the last, the largest 0
    w: Float  # (rows, n) the final weights
    y: Float  # (rows,)


class Residuals(NamedTuple):
    """What the backward pass needs: the part of one kind, None for the other."""

    exact: Sorted | None  # of the values pass, in float64
    fast: Trimmed | None
    shapes: tuple[tuple[int, ...], ...]  # of x, then of steepness, or of selection and removal, as they came
    dtype: np.dtype[Any]


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments; None for those of the other kind."""

    x: Array
    steepness: Array | None
    selection: Array | None
    removal: Array | None


def value(
    x: Array, *, kind: str = "exact", steepness: Any = None, rounds: int | None = None, selection: Any = None,
    removal: Any = None,
) -> Array:  # fmt: skip
    """The relaxed median over the last axis.

        exact:  b = bubble sort of x;  y = b[(n-1)/2], or (b[n/2-1] + b[n/2]) / 2
        fast:   rounds times l <- l - b2 (softmax(-b1 x + l) + softmax(b1 x + l));  y = <softmax(l), x>

    Parameters
    ----------
    x : (..., n) float64 or float32
        n >= 1. NaN spreads to the outputs that depend on it; infinities are refused.
    kind : "exact" or "fast"
    steepness : float > 0, or an array that broadcasts against the batch axes
        For "exact" alone, and required: that of ``bubble_sort_by``.
    rounds : int >= 0, optional
        Of the sort, by default n; or of trimming, by default floor((n - 1) / 2). 0 gives the middle entry or the mean.
        More of trimming than the default are allowed, but take from the middle too: what comes is not the median.
    selection, removal : float > 0, or arrays that broadcast against the batch axes
        For "fast" alone, and required. Selection, b1, is an inverse temperature. Removal, b2, must exceed b1 (max x - min
        x): otherwise a removed outlier is selected again in the next round, and the result is off by much. Removal times
        exp(-b1 gap) must be small for the gap to the next value, which otherwise falls too. There is no default: a
        constant would suit one scale of data, and one computed from x would enter the derivative.

    Returns
    -------
    y : (...), dtype of ``x``
        Between min x and max x. Tends to the median as steepness grows (rounds >= n), or as selection grows with removal
        / selection > max x - min x (rounds = floor((n - 1) / 2), and no others).

    Residuals
    ---------
    exact: those of ``network_sort``. fast: x, the log-weights of every round, the final weights.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input; a parameter of the kind is missing, or one of the other kind is given.
    ValueError
        n = 0, infinite x, an unknown kind, parameters <= 0, rounds that are no whole number >= 0 or too many: more than
        2^31 comparators ("exact"), or more than both 2^31 / n and the default ("fast").

    VJP
    ---
    exact: that of ``network_sort``, with gy (or gy / 2, twice) in the middle. fast: derivation (1) to (6) above
    ``trim_backward``.

    Not smooth
    ----------
    Nowhere. Ties share: equal values are removed together by "fast", and have equal gradients there.

    Numerics
    --------
    exact: O(n rounds). fast: O(n rounds) time, O(n) memory a row for values alone, O(n rounds) with residuals. Softmaxes
    are of differences from their largest entry, so nothing overflows; log-weights end at -8e307. Log-weights of size b2
    are rounded, so the result is off by up to about b2 ulp. Gradients that exceed all floats, or on the way 1e307, are
    cut down.

    Source
    ------
    Petersen and others, AlgoNet, section 4.4. "exact" as printed, n rounds by default (P-26). The printed fast recursion
    is the special case selection = removal = 1, started from equal weights; it does not converge to the median and is
    not scale covariant (P-30).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> x = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
    >>> sorting.soft_median(x, steepness=20.0).round(4), sorting.soft_median(
    ...     x, kind="fast", selection=10.0, removal=2000.0).round(4)
    (np.float64(2.0), np.float64(2.0))
    """
    return run_median(setup(gate, x, kind, steepness, rounds, selection, removal), keep=False)[0]


def forward(
    x: Array, *, kind: str = "exact", steepness: Any = None, rounds: int | None = None, selection: Any = None,
    removal: Any = None,
) -> tuple[Array, Residuals]:  # fmt: skip
    """The median, and what the backward pass needs."""
    return run_median(setup(gate, x, kind, steepness, rounds, selection, removal))


def run_median(asked: Asked, keep: bool = True) -> tuple[Array, Residuals]:
    """The medians, and the residuals; without keep these are empty."""
    shape, dtype = asked.shapes[0][:-1], asked.dtype
    if asked.exact is not None:
        b, saved = run_values(asked.exact, keep)
        low, high = middle(b.shape[-1])
        y = b[..., low] if low == high else 0.5 * b[..., low] + 0.5 * b[..., high]
        return y.astype(dtype), Residuals(saved, None, asked.shapes, dtype)
    assert asked.fast is not None
    x, b1, b2 = asked.fast
    rows, n = x.shape
    logw = empty((rows, (asked.rounds if keep else 0) + 1, n))
    w, y = empty((rows, n)), empty(rows)

    def chunk(start: int, stop: int) -> None:
        trim(x, b1, b2, logw, w, y, asked.rounds, keep, empty((2, n)), start, stop)

    run(chunk, rows, TRIM_NS * x.size * asked.rounds)
    return y.reshape(shape).astype(dtype), Residuals(None, Trimmed(x, b1, b2, logw, w, y), asked.shapes, dtype)


def backward(residuals: Residuals, gy: Any) -> Gradients:
    """Cotangents of the arguments from that of the median: gy times the gradient of each row."""
    n = residuals.shapes[0][-1]
    gy = gate.cotangent(gy, residuals.shapes[0][:-1]).reshape(-1)
    if residuals.exact is not None:
        shapes = ((gy.size, n), (gy.size,), None)
        pulled = pull_values(
            residuals.exact._replace(shapes=shapes),
            in_the_middle(np.zeros((gy.size, n))),
            np.empty((gy.size, 0, residuals.exact.network.first.size)),
        )
        return gradients(residuals, gy, pulled.x, pulled.beta)
    assert residuals.fast is not None
    saved = residuals.fast
    gx, gb1, gb2 = empty(saved.x.shape), empty(gy.size), empty(gy.size)
    shrink = shrinking(np.abs(saved.x).max(axis=1))

    def chunk(start: int, stop: int) -> None:
        trim_backward(*saved, shrink, gx, gb1, gb2, empty((6, n)), start, stop)

    run(chunk, gy.size, 2.0 * TRIM_NS * saved.logw.size)
    return gradients(residuals, gy, gx, gb1, gb2)


def in_the_middle(gb: Float) -> Float:
    """The cotangent of sorted values, of which y is the middle one, or the mean of two."""
    low, high = middle(gb.shape[-1])
    gb[:, low] += 0.5
    gb[:, high] += 0.5
    return gb


def gradients(residuals: Residuals, gy: Array, gx: Float, *parameters: Float) -> Gradients:
    """By row gy times what y = 1 gives; in the shapes the arguments came in, summed where they were broadcast."""
    x_shape, *shapes = residuals.shapes
    with np.errstate(over="ignore"):  # beyond all floats: the largest
        of_x = rounded((gx * gy[:, None]).reshape(x_shape), residuals.dtype)
        found = [
            unbroadcast((g * gy).reshape(x_shape[:-1]), shape) for g, shape in zip(parameters, shapes, strict=True)
        ]
    return Gradients(of_x, found[0], None, None) if residuals.exact is not None else Gradients(of_x, None, *found)


soft_median = Op(
    id="sorting.soft_median",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.soft_median",
    args=declare.ARGS,
    outputs=(Out(name="y", shape="..."),),
    backward_is="derivative",
    oracle=declare.median_by_definition,
    sources=(Source(where="Petersen and others, AlgoNet, section 4.4", what="definition", departs=declare.DEPARTS),),
    tol=Tol(value=1024.0, gradient=4096.0, why="log-weights are rounded at the size of the removal, some hundred here"),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
