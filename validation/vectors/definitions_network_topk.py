"""Top k rows of a network's matrix as the book defines them, in dual numbers of 50 digits. Nothing here is a kernel's.

Thesis, section 4.1: P_k is the end of the whole matrix (3.9), upside down. Selection networks: 4.2.1, as the
equation sheet builds them: every wire keeps the lowest rank that its value may still turn out to have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from validation.vectors import definitions
from validation.vectors.definitions import exchange, quarter, weights
from validation.vectors.dual import Array, Dual, numbers


def splitter(n: int, k: int) -> list[tuple[int, int]]:
    """Comparators (wire of the minimum, wire of the maximum), layer by layer, the largest ending on the last wire."""
    lowest, free = [0] * n, [0] * n
    found: dict[int, list[tuple[int, int]]] = {}
    done, busy = -1, True
    while busy:
        busy = False
        for rank in range(k - 1, done, -1):
            chosen = [wire for wire in range(n) if lowest[wire] == rank]
            if len(chosen) < 2:
                continue
            busy = True
            layer, size = max(free[wire] for wire in chosen), len(chosen)
            apart = 1
            while 2 * apart < size:
                apart *= 2
            while apart:
                pairs = [(j, j + apart) for j in range(size - apart) if j % (2 * apart) < apart]
                found.setdefault(layer, []).extend((n - 1 - chosen[b], n - 1 - chosen[a]) for a, b in pairs)
                layer, apart = layer + 1, apart // 2
            for j, wire in enumerate(chosen):
                lowest[wire] += 2 ** bin(j).count("1") - 1
                free[wire] = layer
        done += 1
    return [pair for layer in sorted(found) for pair in found[layer]]


def _exponent(lam: Any) -> Dual:
    return lam if isinstance(lam, Dual) else Dual(lam)


def network_topk(
    x: Array, *, k: int, network: Any = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = quarter
) -> tuple[Array, ...]:
    batch, n = x.shape[:-1], x.shape[-1]
    pairs = splitter(n, k) if network == "splitter" else definitions.comparators(network, n)
    found = np.empty((*batch, k, n), object)
    betas, lams = np.broadcast_to(beta, batch), np.broadcast_to(lam, batch)
    for row in np.ndindex(batch):
        wires, rows = list(x[row]), numbers(np.eye(n), None)
        if any(mpmath.isnan(wire.v) for wire in wires):
            found[row] = Dual(mpmath.nan)  # the k largest depend on every input
            continue
        for i, j in pairs:
            exponent = _exponent(lams[row])
            alpha, abar = weights(cdf, wires[j] - wires[i], betas[row], exponent)
            rows[i], rows[j] = rows[i] * alpha + rows[j] * abar, rows[i] * abar + rows[j] * alpha
            wires[i], wires[j] = exchange(cdf, wires[i], wires[j], betas[row], exponent)
        found[row] = rows[::-1][:k]
    return (found,)


DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {"topk.network_topk": network_topk}
