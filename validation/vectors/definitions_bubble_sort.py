"""The relaxed bubble sort as the listing has it, in dual numbers: every variable is the expectation over both branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from validation.vectors.definitions import weights
from validation.vectors.dual import Array, Dual


def bubble_sort(a: Array, *, beta: Any) -> tuple[Array, ...]:
    batch = a.shape[:-1]
    array, swaps, swapped = np.empty(a.shape, object), np.empty(batch, object), np.empty(batch, object)
    betas = np.broadcast_to(np.asarray(beta, object), batch)
    for row in np.ndindex(batch):
        found = _program(list(a[row]), betas[row])
        array[row], swaps[row], swapped[row] = found
    return array, swaps, swapped


def _program(values: list[Dual], beta: Dual) -> tuple[list[Dual], Dual, Dual]:
    n = len(values)
    if any(mpmath.isnan(value.v) for value in values):
        return [Dual(mpmath.nan)] * n, Dual(mpmath.nan), Dual(mpmath.nan)
    total, swaps, swapped = [Dual(0)] * n, Dual(0), Dual(0)
    reached, loss = Dual(1), Dual(0)
    for t in range(n):
        some = Dual(0)
        for i in range(n - 1 - t):
            stay, swap = weights("logistic", values[i + 1] - values[i], beta, None)
            upper = values[i]
            values[i], values[i + 1] = stay * upper + swap * values[i + 1], swap * upper + stay * values[i + 1]
            some, loss = swap + stay * some, loss + swap
        ends = reached * (1 - some)
        total = [sum_ + ends * value for sum_, value in zip(total, values, strict=True)]
        swaps, swapped = swaps + ends * loss, swapped + ends * some
        reached = reached * some
    return total, swaps, swapped


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {"sorting.bubble_sort": bubble_sort}
