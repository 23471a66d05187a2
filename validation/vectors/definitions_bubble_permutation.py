"""The bubble operators and the medians as the AlgoNet paper defines them (as corrected), in dual numbers of 50 digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from validation.vectors.dual import Array, Dual, exp, log, numbers

half = mpf(1) / 2


def _in_order(z: Dual) -> tuple[Dual, Dual]:
    """(e, 1 - e), e = 1 / (1 + exp(-z)), each as a quotient of its own."""
    tail = exp(-abs(z)) if z.v != 0 else exp(-z)
    smaller, larger = tail / (1 + tail), 1 / (1 + tail)
    if z.v == 0:  # at a tie abs has no slope, and e has
        return 1 / (1 + exp(-z)), 1 / (1 + exp(z))
    return (larger, smaller) if z.v > 0 else (smaller, larger)


def _rounds(a: list[Dual], rows: list[Array], s: Dual, steps: int) -> tuple[list[Dual], list[Array]]:
    """(6): keys and the rows that go with them. 1 - e is put in, so that at a tie nothing is left to round."""
    a, rows = list(a), list(rows)
    for j in range(steps):
        for i in range(j % 2, len(a) - 1, 2):
            d = a[i + 1] - a[i]
            if mpmath.isnan(d.v):
                gone = Dual(mpmath.nan)
                a[i] = a[i + 1] = gone
                both = [entry.v != 0 or other.v != 0 for entry, other in zip(rows[i], rows[i + 1], strict=True)]
                rows[i] = rows[i + 1] = np.array([gone if hit else Dual(0) for hit in both], object)
                continue
            e, rest = _in_order(s * d)
            a[i], a[i + 1] = a[i] + rest * d, a[i + 1] - rest * d
            rows[i], rows[i + 1] = rows[i] * e + rows[i + 1] * rest, rows[i] * rest + rows[i + 1] * e
    return a, rows


def _dual(number: Any) -> Dual:
    number = number.item() if isinstance(number, np.ndarray) else number
    return number if isinstance(number, Dual) else Dual(number)


def bubble_permutation(a: Array, *, steepness: Any, steps: int | None = None) -> tuple[Array, ...]:
    batch, n = a.shape[:-1], a.shape[-1]
    p, s = np.empty((*batch, n, n), object), np.broadcast_to(steepness, batch)
    for row in np.ndindex(batch):
        rows = list(numbers(np.eye(n), None))
        p[row] = np.array(_rounds(list(a[row]), rows, _dual(s[row]), n if steps is None else steps)[1], object)
    return (p,)


def bubble_sort_by(t: Array, a: Array, *, steepness: Any, steps: int | None = None) -> tuple[Array, ...]:
    batch, n, q = np.broadcast_shapes(t.shape[:-2], a.shape[:-1]), a.shape[-1], t.shape[-1]
    out, s = np.empty((*batch, n, q), object), np.broadcast_to(steepness, batch)
    t, a = np.broadcast_to(t, (*batch, n, q)), np.broadcast_to(a, (*batch, n))
    for row in np.ndindex(batch):
        found = _rounds(list(a[row]), list(t[row]), _dual(s[row]), n if steps is None else steps)[1]
        for i in range(n):
            out[(*row, i)] = found[i]
    return (out,)


def _softmax(z: list[Dual]) -> list[Dual]:
    top = max(entry.v for entry in z)
    e = [exp(entry - top) for entry in z]
    total = sum(e, Dual(0))
    return [entry / total for entry in e]


def _trimmed(x: list[Dual], b1: Dual, b2: Dual, rounds: int) -> Dual:
    """The recursion of section 4.4 with a selection and a removal, from equal weights, renormalised in each round."""
    logs = [Dual(-mpmath.log(len(x)))] * len(x)
    for _ in range(rounds):
        low = _softmax([-b1 * a + b for a, b in zip(x, logs, strict=True)])
        high = _softmax([b1 * a + b for a, b in zip(x, logs, strict=True)])
        logs = [c - b2 * (a + b) for a, b, c in zip(low, high, logs, strict=True)]
        top = max(c.v for c in logs)
        total = log(sum((exp(c - top) for c in logs), Dual(0))) + top
        logs = [c - total for c in logs]
    return sum((exp(c) * a for a, c in zip(x, logs, strict=True)), Dual(0))


def soft_median(
    x: Array, *, kind: str = "exact", steepness: Any = 1, rounds: int | None = None, selection: Any = 1, removal: Any = 1
) -> tuple[Array, ...]:  # fmt: skip
    batch, n = x.shape[:-1], x.shape[-1]
    y = np.empty(batch, object)
    s, b1, b2 = (np.broadcast_to(p, batch) for p in (steepness, selection, removal))
    for row in np.ndindex(batch):
        values = list(x[row])
        if any(mpmath.isnan(value.v) for value in values):
            y[row] = Dual(mpmath.nan)
        elif kind == "fast":
            y[row] = _trimmed(values, _dual(b1[row]), _dual(b2[row]), (n - 1) // 2 if rounds is None else rounds)
        else:
            b, _ = _rounds(values, [np.empty(0, object)] * n, _dual(s[row]), n if rounds is None else rounds)
            y[row] = (b[(n - 1) // 2] + b[n // 2]) * half
    return (y,)


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "sorting.bubble_permutation": bubble_permutation,
    "sorting.bubble_sort_by": bubble_sort_by,
    "sorting.soft_median": soft_median,
}
