"""Theorem 3.5: a network of l layers whose swap errs by at most c errs by at most l c.

The bound is tested on many random inputs, and then on inputs driven uphill, so that it is seen how tight it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import sorting
from validation.papers.row import Row, at_most, number
from validation.papers.sigmoids import SIGMOIDS, Array, Sigmoid, layers, spread_inputs

SOURCE = "thesis, theorem 3.5"
NETWORKS = (("odd_even", 3), ("odd_even", 7), ("bitonic", 8), ("bitonic", 16))
SIZES = (-2.0, 4.0)  # decades of the inputs
LARGEST = 1e6  # f_R and f_C reach c only for x to infinity
ROUNDING = 1e-8  # a few dozen ulps of the largest input


def rows() -> list[Row]:
    table = []
    for sigmoid in SIGMOIDS:
        tightest = 0.0
        for network, n in NETWORKS:
            bound = layers(network, n) * sigmoid.bound(sigmoid.beta)
            error = worst_error(sigmoid, network, n)
            tightest = max(tightest, error / bound)
            what = f"{sigmoid.symbol}, {network} n = {n}: {layers(network, n)} layers"
            table.append(at_most(SOURCE, what, bound, error, ROUNDING, f"{error / bound:.1%} of the bound reached"))
        what = f"{sigmoid.symbol}: tightest ratio error / (layers c)"
        table.append(at_most(SOURCE, what, 1.0, tightest, ROUNDING, "worst of all networks and inputs"))
    # the sheet's own search, at beta = 1: what a bound of c / beta means off slope 1
    for sigmoid, seen in ((SIGMOIDS[2], 1.496), (SIGMOIDS[3], 1.90984), (SIGMOIDS[4], 0.375), (SIGMOIDS[0], 1.494)):
        error = worst_error(sigmoid._replace(beta=1.0), "bitonic", 8)
        bound = 6 * sigmoid.bound(1.0)
        what = f"{sigmoid.symbol}, bitonic n = 8, beta = 1: largest error seen (bound {bound:.6g})"
        tolerance = max(bound - seen, seen * 0.02)
        table.append(number("sheet, sorting.network", what, seen, error, tolerance, "two searches for a maximum"))
    return table


def worst_error(sigmoid: Sigmoid, network: str, n: int) -> float:
    """The largest error found: the best of random inputs, then the best of their perturbations, again and again."""
    rng = np.random.default_rng(35)
    options = {**sigmoid.options, "network": network}
    x = spread_inputs(rng, 10000, n, SIZES) / sigmoid.beta
    found = error(x, options)
    for step in np.geomspace(2.0, 1e-3, 30):
        best = x[np.argsort(found)[-40:]]
        moved = np.repeat(best, 24, axis=0)
        moved = moved * np.exp(step * rng.standard_normal(moved.shape) * (rng.random(moved.shape) < 0.4))
        x = np.concatenate([best, np.clip(moved, -LARGEST, LARGEST)])
        found = error(x, options)
    return float(found.max())


def error(x: Array, options: dict[str, Any]) -> Array:
    """How far the relaxed order statistics are from the true ones, in the sup norm, per row."""
    difference: Array = np.abs(sorting.network_sort(x, **options) - np.sort(x)).max(axis=1)
    return difference
