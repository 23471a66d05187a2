"""What fast_sort and fast_rank compute, and on what: domain, kinks, and the definition as the paper has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from itertools import accumulate
from typing import Any

import numpy as np

from refimpl.op import Arg, Array, log_uniform
from refimpl.sorting.isotonic import REGULARIZATIONS

EPS = (0.1, 10.0)  # sampled log-uniformly: from nearly hard to one block, for values of unit size


def sizes(rng: np.random.Generator) -> dict[str, int]:
    """N up to 9, sometimes a batch."""
    return {
        "n": int(rng.integers(1, 10)),
        "batch": int(rng.integers(0, 4)),
        "regularization": int(rng.integers(len(REGULARIZATIONS))),
    }


def _sample_theta(rng: np.random.Generator, size: Any) -> Array:
    shape = (size["batch"], size["n"]) if size["batch"] else (size["n"],)
    return rng.normal(0.0, 2.0, shape)


def _sample_eps(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] > 1 and rng.random() < 0.5:
        return np.array([log_uniform(rng, *EPS) for _ in range(size["batch"])])
    return log_uniform(rng, *EPS)


ARGS = (
    Arg(name="theta", shape="... n", domain="finite, n >= 1", sample=_sample_theta),
    Arg(name="eps", shape="...", domain="> 0", sample=_sample_eps),
    Arg(
        name="regularization",
        shape="",
        domain=", ".join(REGULARIZATIONS),
        differentiable=False,
        sample=lambda rng, size: REGULARIZATIONS[size["regularization"]],
    ),
)

# The definition, in decimal numbers whose exponents have no bounds to speak of

DIGITS = 60  # more where a row's numbers are of unlike size: z - v cancels as many as they differ by
LEAST = Decimal("-1e6")  # exp of less is nothing beside exp(0)
Numbers = list[Decimal]


def averages(values: Numbers, kl: bool) -> Callable[[int], Numbers]:
    """For a first position, the average of every run that begins there: the mean, or the log-mean-exp."""
    if not kl:
        return lambda first: [total / (k + 1) for k, total in enumerate(accumulate(values[first:]))]
    top = max(values)
    weights = [max(value - top, LEAST).exp() for value in values]

    def found(first: int) -> Numbers:
        if any(value - top < LEAST for value in values):  # one scale does not serve all runs
            return [_log_mean_exp(values[first:last]) for last in range(first + 1, len(values) + 1)]
        return [top + (total / (k + 1)).ln() for k, total in enumerate(accumulate(weights[first:]))]

    return found


def _log_mean_exp(values: Numbers) -> Decimal:
    top = max(values)
    return top + (sum((max(value - top, LEAST).exp() for value in values), Decimal(0)) / len(values)).ln()


def isotonic(z: Numbers, w: Numbers, kl: bool) -> Numbers:
    """The regression by its min-max formula: v_k is the least over first <= k of the largest M(z) - M(w) over last >= k."""
    n = len(z)
    best: list[Decimal | None] = [None] * n
    of_z, of_w = averages(z, kl), averages(w, kl)
    for first in range(n):
        runs = [a - b for a, b in zip(of_z(first), of_w(first), strict=True)]
        largest = list(accumulate(reversed(runs), max))[::-1]
        for k in range(first, n):
            least = best[k]
            best[k] = largest[k - first] if least is None else min(least, largest[k - first])
    return [value for value in best if value is not None]


def sorted_row(theta: list[float], eps: float, kl: bool) -> list[float]:
    """Z - v with z = (n, ..., 1) / eps and w = theta in descending order."""
    n = len(theta)
    w = sorted((Decimal(t) for t in theta), reverse=True)
    z = [Decimal(n - k) / Decimal(eps) for k in range(n)]
    return [float(a - b) for a, b in zip(z, isotonic(z, w, kl), strict=True)]


def ranked_row(theta: list[float], eps: float, kl: bool) -> list[float]:
    """S - v, or exp(s - v), with s = -theta / eps in descending order and w = (n, ..., 1), or its logarithm."""
    n = len(theta)
    order = sorted(range(n), key=lambda i: theta[i])
    s = [-Decimal(theta[i]) / Decimal(eps) for i in order]
    rho = [Decimal(n - k) for k in range(n)]
    v = isotonic(s, [r.ln() for r in rho] if kl else rho, kl)
    found = [0.0] * n
    for i, a, b in zip(order, s, v, strict=True):
        found[i] = float((a - b).exp() if kl else a - b)
    return found


def _by_row(row: Callable[..., list[float]], theta: Any, eps: Any, regularization: str) -> Array:
    theta = np.asarray(theta, np.float64)
    each = np.broadcast_to(np.asarray(eps, np.float64), theta.shape[:-1])
    y = np.full(theta.shape, math.nan)
    for at in np.ndindex(theta.shape[:-1]):
        if not np.isnan(theta[at]).any():
            values, e = theta[at].tolist(), float(each[at])
            with localcontext(_context(values, e)):
                y[at] = row(values, e, regularization == "kl")
    return y


def _context(theta: list[float], eps: float) -> Context:
    sizes = [math.frexp(t)[1] for t in (*theta, 1.0) if t] + [-math.frexp(eps)[1]]
    digits = DIGITS + int(0.302 * 2.0 * (max(sizes) - min(sizes)))
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def sorted_by_definition(theta: Any, *, eps: Any, regularization: str = "l2") -> Array:
    """The soft sorted values."""
    return _by_row(sorted_row, theta, eps, regularization)


def ranked_by_definition(theta: Any, *, eps: Any, regularization: str = "l2") -> Array:
    """The soft ranks."""
    return _by_row(ranked_row, theta, eps, regularization)


# Kinks: where two neighbouring blocks are about to merge, or a block about to split


def _average(values: Array, kl: bool) -> float:
    if not kl:
        return float(values.mean())
    return float(values.max() + np.log(np.exp(values - values.max()).mean()))


def _gaps(z: Array, w: Array, kl: bool) -> tuple[list[int], list[tuple[float, int, int]]]:
    """Where blocks start; how far each decision is from the other one, and the run of positions it is about."""
    n, starts = len(z), list[int]()

    def value(first: int, last: int) -> float:
        return _average(z[first:last], kl) - _average(w[first:last], kl)

    for k in range(n):  # pooling as it stands
        starts.append(k)
        while len(starts) > 1 and value(starts[-2], starts[-1]) <= value(starts[-1], k + 1):
            starts.pop()
    ends = [*starts[1:], n]
    found = [
        (value(left, middle) - value(middle, right), left, right)
        for left, middle, right in zip(starts, ends, ends[1:], strict=False)
    ]
    for first, last in zip(starts, ends, strict=True):
        found += [(value(k, last) - value(first, k), first, last) for k in range(first + 1, last)]
    return starts, found


def _nearest(theta: Any, eps: Any, row: Callable[[Array, float], float]) -> float:
    theta = np.asarray(theta, np.float64)
    each = np.broadcast_to(np.asarray(eps, np.float64), theta.shape[:-1])
    rows = (row(np.sort(theta[at]), float(each[at])) for at in np.ndindex(theta.shape[:-1]))
    with np.errstate(all="ignore"):
        return min(rows, default=math.inf)


def sort_margin(theta: Any, *, eps: Any, regularization: str = "l2") -> float:
    """A distance that every theta and eps may move before the partition changes or two entries of it tie."""

    def row(ascending: Array, e: float) -> float:
        n, w = len(ascending), ascending[::-1]
        starts, gaps = _gaps(np.arange(n, 0.0, -1.0) / e, w, regularization == "kl")
        found = [float(w[k - 1] - w[k]) / 2.0 for k in starts[1:]] + [e / 2.0]
        for gap, first, last in gaps:
            # each average of w moves by at most what theta moves, those of z by (last - first) / eps^2, 4 times at eps / 2
            found.append(gap / (2.0 + 4.0 * (last - first) / e**2))
        return min(found) if n > 1 else math.inf

    return _nearest(theta, eps, row)


def rank_margin(theta: Any, *, eps: Any, regularization: str = "l2") -> float:
    """A distance that every theta and eps may move before the partition changes."""
    kl = regularization == "kl"

    def row(ascending: Array, e: float) -> float:
        rho, found = np.arange(len(ascending), 0.0, -1.0), [e / 2.0]
        for gap, first, last in _gaps(-ascending / e, np.log(rho) if kl else rho, kl)[1]:
            # averages of s move by 1 / eps for theta, their difference by its range / eps^2 for eps, 4 times at eps / 2
            spread = float(ascending[last - 1] - ascending[first])
            found.append(gap * e / (4.0 * (1.0 + spread / e)))
        return min(found) if len(ascending) > 1 else math.inf

    return _nearest(theta, eps, row)
