"""The fast median going forward: rounds that take weight from the smallest and the largest of the values."""

from __future__ import annotations

from refimpl.boundary import Float, Index
from refimpl.jit import inlined, kernel
from refimpl.scalars.exponential import exponential
from refimpl.scalars.swaps import difference, within

REMOVED = -8e307  # log-weights stay above: differences of two of them are finite
LONGEST = 2.0**1020  # cotangents stay within: so are those of theirs


@inlined
def select(x: Float, logw: Float, b1: float, p: Float) -> Index:
    """p = softmax(b1 x + logw), entry by entry from the largest; returns where that is. b1 may be negative."""
    top = 0
    for i in range(x.size):  # by differences: a large b1 x loses no digits of the others
        if b1 * difference(x[top], x[i]) + (logw[i] - logw[top]) > 0.0:
            top = i
    at, level, total = x[top], logw[top], 0.0
    for i in range(x.size):
        z = b1 * difference(at, x[i]) + (logw[i] - level)
        p[i] = exponential(0.0 if z > 0.0 else z)  # rounding may leave it above; NaN stays NaN
    for i in range(x.size):
        total += p[i]
    for i in range(x.size):
        p[i] /= total
    return top


@inlined
def held(g: float) -> float:
    """A cotangent, kept from overflowing; NaN stays."""
    return within(g, -LONGEST, LONGEST)


@inlined
def mean(x: Float, w: Float) -> float:
    """<w, x>, within the range of x."""
    y, low, high = 0.0, x[0], x[0]
    for i in range(x.size):
        y += w[i] * x[i]
        low, high = min(low, x[i]), max(high, x[i])
    return low if y < low else high if y > high else y


@kernel
def trim(
    x: Float, b1: Float, b2: Float, logw: Float, w: Float, y: Float, rounds: int, keep: bool, work: Float,
    start: int, stop: int,
) -> None:  # fmt: skip
    """Rows start to stop; ``keep`` saves the log-weights after every round, else they are overwritten."""
    for row in range(start, stop):
        values, n = x[row], x.shape[1]
        for i in range(n):
            logw[row, 0, i] = 0.0
        for j in range(rounds):
            old, new = logw[row, j * keep], logw[row, (j + 1) * keep]
            select(values, old, -b1[row], work[0])
            select(values, old, b1[row], work[1])
            top = REMOVED
            for i in range(n):
                level = old[i] - b2[row] * (work[0, i] + work[1, i])
                new[i] = REMOVED if level < REMOVED else level
                top = new[i] if new[i] > top else top
            for i in range(n):
                new[i] -= top
        select(values, logw[row, rounds * keep], 0.0, w[row])
        y[row] = mean(values, w[row])
