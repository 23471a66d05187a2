"""fast_sort and fast_rank as the paper defines them, in dual numbers of 50 digits. Nothing here comes from a kernel.

Blondel, Teboul, Berthet, Djolonga (2020): projections onto permutahedra by isotonic regression, the partition found by
pooling at 50 digits and more, blocks of equal values merged. Ties keep the order of their indices.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from validation.vectors.dual import Array, Dual, exp, exponential, log

Duals = list[Dual]
Floor = Callable[[list[mpf]], mpf]


def mean(values: list[Any]) -> Any:
    return functools.reduce(lambda a, b: a + b, values) * (1 / mpf(len(values)))


def log_sum_exp(values: Duals) -> Dual:
    top = max(value.v for value in values)
    return log(functools.reduce(lambda a, b: a + b, [exp(value - top) for value in values])) + top


def plain_log_sum_exp(values: list[mpf]) -> mpf:
    top = max(values)
    return top + mpmath.log(mpmath.fsum(exponential(value - top) for value in values))


def partition(z: Duals, w: Duals, average: Floor) -> list[tuple[int, int]]:
    """Blocks, first and last (not included): neighbours are joined while the left value is not the larger one."""
    blocks: list[tuple[int, int]] = []

    def value(block: tuple[int, int]) -> mpf:
        first, last = block
        return average([one.v for one in z[first:last]]) - average([one.v for one in w[first:last]])

    for k in range(len(z)):
        blocks.append((k, k + 1))
        while len(blocks) > 1 and value(blocks[-2]) <= value(blocks[-1]):
            right = blocks.pop()
            blocks[-1] = (blocks[-1][0], right[1])
    return blocks


def regression(z: Duals, w: Duals, kl: bool) -> Duals:
    """The isotonic regression v: on each block the average of z minus that of w."""
    found: Duals = []
    for first, last in partition(z, w, plain_log_sum_exp if kl else mean):
        average = log_sum_exp if kl else mean
        found += [average(z[first:last]) - average(w[first:last])] * (last - first)
    return found


def constant(number: int) -> Dual:
    return Dual(mpf(number))


def sorted_row(theta: Duals, eps: Dual, kl: bool) -> Duals:
    n = len(theta)
    w = [theta[i] for i in sorted(range(n), key=lambda i: (-theta[i].v, i))]
    z = [constant(n - k) / eps for k in range(n)]
    return [a - b for a, b in zip(z, regression(z, w, kl), strict=True)]


def ranked_row(theta: Duals, eps: Dual, kl: bool) -> Duals:
    n = len(theta)
    order = sorted(range(n), key=lambda i: (theta[i].v, i))
    s, rho = [-theta[i] / eps for i in order], [constant(n - k) for k in range(n)]
    v = regression(s, [log(r) for r in rho] if kl else rho, kl)
    found: Duals = [constant(0)] * n
    for i, a, b in zip(order, s, v, strict=True):
        found[i] = exp(a - b) if kl else a - b
    return found


def by_row(row: Callable[[Duals, Dual, bool], Duals]) -> Callable[..., tuple[Array, ...]]:
    def operator(theta: Array, *, eps: Any, regularization: str = "l2") -> tuple[Array, ...]:
        y, batch = np.empty(theta.shape, object), theta.shape[:-1]
        each = np.broadcast_to(np.asarray(eps, object), batch)
        for at in np.ndindex(batch):
            values = list(theta[at])
            if any(mpmath.isnan(one.v) for one in values):
                y[at] = Dual(mpmath.nan)  # every entry depends on every other
                continue
            with mpmath.workdps(mpmath.mp.dps + unlike(values, each[at])):
                y[at] = row(values, each[at], regularization == "kl")
        return (y,)

    return operator


def unlike(theta: Duals, eps: Dual) -> int:
    """The digits by which z and w differ in size, and z - v cancels."""
    logs = [abs(mpmath.log10(abs(one.v))) for one in (*theta, eps) if one.v != 0]
    return int(4 * max(logs, default=mpf(0)))


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "sorting.fast_sort": by_row(sorted_row),
    "sorting.fast_rank": by_row(ranked_row),
}
