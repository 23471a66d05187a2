"""Section 3.4: for two values, every sorter is one function; and what is left of that with more of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import sorting
from validation.papers.row import Row, at_least, at_most

SOURCE = "thesis, 3.4"
BETA = 1.7
X = np.random.default_rng(34).uniform(-1.0, 1.0, (2000, 2))
EXACT = 1e-14  # a handful of roundings, of numbers up to 1
CONVERGED = 1e-12  # the error of the plan falls by (2 alpha - 1)^2 an iteration: .88 for the widest pair, 400 times


def rows() -> list[Row]:
    swap = np.stack(sorting.swap(X[:, 0], X[:, 1], cdf="logistic", beta=BETA), -1)

    def apart(y: Any) -> float:
        return float(np.abs(np.asarray(y) - swap).max())

    def sorted_by(p: Any, descending: bool) -> Any:
        y = sorting.soft_values(p, X)
        return y[:, ::-1] if descending else y

    same = {
        "relaxed bubble sort": (sorting.bubble_sort(X, beta=BETA).array, EXACT),
        "NeuralSort, tau = 1 / beta": (sorted_by(sorting.neural_sort(X, tau=1.0 / BETA), True), EXACT),
        "SoftSort, power 1, tau = 1 / beta": (sorted_by(sorting.soft_sort(X, tau=1.0 / BETA), True), EXACT),
        "SinkhornSort without squashing, eps = 1 / beta": (
            sorted_by(sorting.sinkhorn_sort(X, eps=1.0 / BETA, iterations=400), False), CONVERGED,
        ),
        "odd-even network": (sorting.network_sort(X, network="odd_even", cdf="logistic", beta=BETA), EXACT),
        "bitonic network": (sorting.network_sort(X, cdf="logistic", beta=BETA), EXACT),
    }  # fmt: skip
    table = [
        at_most(SOURCE, f"n = 2, {name}: distance to the logistic swap", 0.0, apart(y), allowed, "rounding")
        for name, (y, allowed) in same.items()
    ]
    y = sorted_by(sorting.soft_sort(X, tau=1.0 / BETA, power=2), True)
    table.append(
        at_least("E-17", "n = 2, SoftSort, power 2: distance", 0.05, apart(y), 0.0, "the text says any SoftSort")
    )
    squashed = sorting.sinkhorn_sort(X, eps=0.1, iterations=100, squash="zscore_logistic")
    order = X[:, 0] < X[:, 1]
    spread = float(np.ptp(squashed[order, 0, 0]))
    reason = "whatever the difference: squashing maps two values to two fixed numbers"
    table.append(
        at_most("E-17", "n = 2, SinkhornSort squashed: P_00 where x_0 < x_1, range", 0.0, spread, 1e-9, reason)
    )
    return table
