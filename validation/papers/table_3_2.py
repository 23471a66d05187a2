"""Table 3.2: monotone (M) and error-bounded (BE), as properties of the operators.

The thesis leaves the error of all methods but the networks and FastSort open ("-"); nothing is claimed for them here either.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from refimpl import sorting
from validation.papers.row import Row, word
from validation.papers.sigmoids import SIGMOIDS, SMALLEST_NEGATIVE, Sigmoid, jacobians, layers, spread_inputs
from validation.papers.sorters import SORTERS, Sorter
from validation.papers.sorters import jacobians as jacobians_of

SOURCE = "thesis, table 3.2"
NETWORKS = (("odd_even", 3), ("odd_even", 6), ("bitonic", 4), ("bitonic", 7), ("bitonic", 8))
ROUNDING = 1e-13  # of an output, relative to the largest input: a few dozen roundings per layer


def rows() -> list[Row]:
    table = []
    for sigmoid in SIGMOIDS:
        name = f"sorting networks, {sigmoid.symbol}"
        smallest = _smallest_entry(sigmoid)
        verdict = "yes" if smallest >= SMALLEST_NEGATIVE else "no"
        seen = f"smallest entry of 2500 Jacobians, 5 networks: {smallest:.2g}"
        table.append(word(SOURCE, f"{name}: M", "yes" if sigmoid.monotone else "no", verdict, seen))
        worst = _worst_error(sigmoid)
        seen = f"largest error / (layers c), inputs of size 1e-3 to 1e9: {worst:.4f}"
        table.append(word(SOURCE, f"{name}: BE", "yes", "yes" if worst <= 1.0 else "no", seen))
    return table + [row for sorter in SORTERS for row in _of(sorter)]


def _of(sorter: Sorter) -> Iterator[Row]:
    """The rows of a sorter that is no network."""
    rng = np.random.default_rng(34)
    smallest = min(float(jacobians_of(sorter, spread_inputs(rng, 500, n)).min()) for n in (2, 3, 6))
    verdict = "yes" if smallest >= SMALLEST_NEGATIVE else "no"
    monotone = "yes" if sorter.name.startswith("FastSort") else "no"
    yield word(SOURCE, f"{sorter.name}: M", monotone, verdict, f"smallest entry of 1500 Jacobians: {smallest:.2g}")
    if sorter.name.startswith("FastSort"):
        far = np.array([[10.0, 0.0], [1e3, 0.0], [1e5, 0.0]])
        errors = np.abs(sorter.vjp(far)[0] - np.sort(far)).max(-1)
        grows = "no" if errors[1] > 50.0 * errors[0] and errors[2] > 50.0 * errors[1] else "yes"
        seen = "errors at gaps of 10, 1000, 100000: " + ", ".join(f"{error:.4g}" for error in errors)
        yield word(SOURCE, f"{sorter.name}: BE", "no", grows, seen)


def _smallest_entry(sigmoid: Sigmoid) -> float:
    rng = np.random.default_rng(32)
    smallest = 0.0
    for network, n in NETWORKS:
        x = spread_inputs(rng, 500, n)
        smallest = min(smallest, float(jacobians(x, network=network, **sigmoid.options).min()))
    return smallest


def _worst_error(sigmoid: Sigmoid) -> float:
    rng = np.random.default_rng(33)
    worst = 0.0
    for network, n in NETWORKS:
        x = spread_inputs(rng, 5000, n, decades=(-3.0, 9.0))
        error = np.abs(sorting.network_sort(x, network=network, **sigmoid.options) - np.sort(x)).max(axis=1)
        error -= ROUNDING * np.abs(x).max(axis=1)
        worst = max(worst, float(error.max()) / (layers(network, n) * sigmoid.bound(sigmoid.beta)))
    return worst
