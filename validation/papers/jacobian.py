"""The Jacobian of a monotone network is doubly stochastic (f_R, f_C, f_O); with the logistic sigmoid it is not."""

from __future__ import annotations

import numpy as np

from validation.papers.row import Row, at_least, at_most, number
from validation.papers.sigmoids import SIGMOIDS, SMALLEST_NEGATIVE, jacobians, spread_inputs

SOURCE = "thesis, 3.3 and appendix C"
NETWORKS = (("odd_even", 4), ("odd_even", 7), ("bitonic", 8), ("bitonic", 11))
SUMS = 1e-13  # a sum of up to 11 entries, each through up to 10 layers


def rows() -> list[Row]:
    table = []
    for sigmoid in SIGMOIDS:
        if sigmoid.cdf == "art":
            continue  # slope 1e10 at a tie: the logistic sigmoid already stands for those that are not monotone
        rng = np.random.default_rng(11)
        smallest, sums, norm = np.inf, 0.0, 0.0
        for network, n in NETWORKS:
            jacobian = jacobians(spread_inputs(rng, 1500, n), network=network, **sigmoid.options)
            smallest = min(smallest, float(jacobian.min()))
            for axis in (1, 2):
                sums = max(sums, float(np.abs(jacobian.sum(axis=axis) - 1.0).max()))
            norm = max(norm, float(np.linalg.norm(jacobian, ord=2, axis=(1, 2)).max()))
        name, seen = sigmoid.symbol, "6000 Jacobians of 4 networks"
        table.append(number(SOURCE, f"{name}: row and column sums minus 1, largest", 0.0, sums, SUMS, seen))
        if sigmoid.monotone:
            table.append(at_least(SOURCE, f"{name}: smallest entry", 0.0, smallest, -SMALLEST_NEGATIVE, seen))
            table.append(at_most(SOURCE, f"{name}: spectral norm, largest", 1.0, norm, 1e-12, seen))
        else:
            table.append(at_most(SOURCE, f"{name}: smallest entry is negative", -0.05, smallest, 0.0, seen))
            what = f"{name}: spectral norm exceeds 1"
            table.append(at_least("sheet, sorting.network", what, 1.2, norm, 0.0, f"{seen}; the sheet saw 1.93"))
    return table
