"""The weights of NeuralSort, row by row, with few exponentials.

From row to row the first sum gains a term and the second loses one, so exp(-x / tau) need not be made entry by entry. In
a block of rows h to l, with c in the middle of their scores and a_j = exp(-(s_j - c) / tau), the weights of row i are

    above_ij below_ij,    above_ij = above_(i-1)j min(1, a_j^2 / (a_(i-1) a_i)),    above_hj = exp(-first sum / tau)
                          below_ij = below_(i+1)j min(1, a_i a_(i+1) / a_j^2),      below_lj = exp(-second sum / tau)

where a_i belongs to t_i. Each sum lies on its own side, and no score lies between neighbours: the minimum tells them
apart. All factors are at most 1; where a_j is 0 or infinite, the minimum is still right. A block reaches over REACH tau,
which keeps the rounding of a small, and starts from exact exponentials; where two neighbours are farther apart it is one
row, and every weight is an exponential.
"""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Array, Float, Index
from refimpl.jit import inlined, kernel
from refimpl.scalars.exponential import exponential
from refimpl.sorting.neural_logits import count, distance, down

REACH = 4.0  # of a block, in tau
FADED = 1e-280  # weights below are 0: on the way there a subnormal number costs as much as 50 others
FADING = 650.0  # exp(-x) is below from this x on


@inlined
def faded(weight: float) -> float:
    """The weight, if it is worth the while."""
    return weight if weight > FADED else 0.0


@inlined
def block(t: Float, row: Index, head: Index, last: Index, scale: float, per_tau: float) -> Index:
    """The first row that the block of row ``head`` does not reach, or the last one asked about."""
    end = head + np.uint64(1)
    while end < last and ((t[row, head] - t[row, end]) * scale) * per_tau <= REACH:
        end += np.uint64(1)
    return end


@inlined
def middle(t: Float, row: Index, high: Index, low: Index) -> float:
    """The number c of a block."""
    upper, lower = float(t[row, high]), float(t[row, low])
    return upper - 0.5 * (upper - lower)


@inlined
def ends(
    s: Float, row: Index, least: float, scale: float, per_tau: float, x: Float, above: Float, below: Float, at: Index
) -> None:
    """The weights of both sides where they begin."""
    for j in range(np.uint64(x.size)):
        e = faded(exponential(-min(distance(x[j], 0.0, scale, per_tau), FADING)))
        above[j], below[at, j] = (e, 1.0) if s[row, j] >= least else (1.0, e)


@inlined
def steps(s: Float, row: Index, c: float, scale: float, per_tau: float, a: Float, falls: Float, rises: Float) -> None:
    """The numbers a_j, their squares, and 1 / a_j^2."""
    for j in range(np.uint64(a.size)):
        e = exponential(-(((s[row, j] - c) * scale) * per_tau))
        a[j], falls[j], rises[j] = e, e * e, 1.0 / (e * e)


@inlined
def up(below: Float, at: Index, rises: Float, factor: float) -> None:
    """below of a row from that of the row below it."""
    for j in range(np.uint64(rises.size)):
        below[at, j] = faded(below[at + np.uint64(1), j] * min(rises[j] * factor, 1.0))


@inlined
def fall(above: Float, below: Float, at: Index, falls: Float, factor: float, part: float) -> None:
    """above of a row from that of the row above it, and the weights, times ``part``, in the place of below."""
    for j in range(np.uint64(falls.size)):
        e = faded(above[j] * min(falls[j] * factor, 1.0))
        above[j], below[at, j] = e, (e * below[at, j]) * part


@inlined
def first(above: Float, below: Float, part: float) -> None:
    """The weights of the first row of a block."""
    for j in range(np.uint64(above.size)):
        below[0, j] = (above[j] * below[0, j]) * part


@kernel
def weigh(
    s: Float, t: Float, order: Array, row: Index, high: Index, stop: Index, scale: float, per_tau: float,
    parts: Float, work: Float, below: Float,
) -> None:  # fmt: skip
    """The weights of the rows from ``high`` to before ``stop``, one block, each row times its own part."""
    x, above, a, falls, rises, one = work[0], work[1], work[2], work[3], work[4], np.uint64(1)
    low = stop - one
    count(t, order, row, high, low, x)
    ends(s, row, t[row, high], scale, per_tau, x, above, below, low - high)
    if low > high:
        steps(s, row, middle(t, row, high, low), scale, per_tau, a, falls, rises)
        for back in range(low - high):
            i = low - one - back
            up(below, i - high, rises, a[order[row, i]] * a[order[row, i + one]])
    first(above, below, parts[row, high])
    for at in range(one, low - high + one):
        factor = 1.0 / (a[order[row, high + at - one]] * a[order[row, high + at]])
        fall(above, below, at, falls, factor, parts[row, high + at])


@inlined
def apart(s: Float, row: Index, least: float, found: Float, above: Float, x: Float, at: Index) -> None:
    """The first sum of the first row of a block, and the second of its last."""
    for j in range(np.uint64(found.size)):
        above[j], x[at, j] = (found[j], 0.0) if s[row, j] >= least else (0.0, found[j])


@inlined
def farther(s: Float, row: Index, upper: float, lower: float, x: Float, at: Index) -> None:
    """The second sum of a row from that of the row below it."""
    for j in range(np.uint64(s.shape[1])):
        c = s[row, j]
        x[at, j] = x[at + np.uint64(1), j] + (max(upper - c, 0.0) + max(lower - c, 0.0))


@inlined
def both(
    s: Float, row: Index, upper: float, lower: float, above: Float, x: Float, at: Index, scale: float, per_tau: float
) -> None:
    """The first sum of a row from that of the row above it, and x / tau."""
    for j in range(np.uint64(above.size)):
        above[j] = down(above[j], s[row, j], upper, lower)
        x[at, j] = distance(above[j], x[at, j], scale, per_tau)


@kernel
def distances(
    s: Float, t: Float, row: Index, high: Index, stop: Index, scale: float, per_tau: float, work: Float, x: Float
) -> None:  # fmt: skip
    """The numbers x / tau of the rows that were weighed last, by additions alone."""
    found, above, one = work[0], work[1], np.uint64(1)
    low = stop - one
    apart(s, row, t[row, high], found, above, x, low - high)
    for back in range(low - high):
        i = low - one - back
        farther(s, row, t[row, i], t[row, i + one], x, i - high)
    both(s, row, np.inf, np.inf, above, x, np.uint64(0), scale, per_tau)
    for at in range(one, low - high + one):
        both(s, row, t[row, high + at - one], t[row, high + at], above, x, at, scale, per_tau)
