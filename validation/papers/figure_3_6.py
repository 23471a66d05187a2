"""Figure 3.6: what its text says of the loss over the permutations of (1, 2, 3), for a 3-wire odd-even network.

The loss is the permutation cross-entropy against the identity, -mean_r log P[r, r] (3.12). The text speaks of the hard
limit, so the sigmoids are steep here.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from refimpl import sorting
from validation.papers.row import Row, at_most, number, word

SOURCE = "thesis, figure 3.6"
STEEP = {"logistic": 64.0, "optimal": 1024.0}


def rows() -> list[Row]:
    table = []
    for cdf, beta in STEEP.items():
        losses = {order: loss(order, cdf, beta) for order in itertools.permutations((1, 2, 3))}
        highest = sorted("".join(map(str, order)) for order in sorted(losses, key=losses.__getitem__)[-2:])
        table.append(at_most(SOURCE, f"{cdf}: loss of 123", 0.0, losses[1, 2, 3], 1e-3, "0 in the limit"))
        if cdf == "optimal":
            table.append(word(SOURCE, f"{cdf}: highest losses", "231, 312", ", ".join(highest), f"beta = {beta:g}"))
    wrong, reverse = loss((2, 3, 1), "logistic", 64.0), loss((3, 2, 1), "logistic", 64.0)
    what = "logistic, beta = 64: loss of 321 / loss of 231"
    reason = "log(2)/3 apart at any large beta, in losses that grow with beta"
    table.append(number(SOURCE, what, 1.0, reverse / wrong, 0.005, reason))
    apart = math.log(2.0) / 3.0
    table.append(
        number("closed form", "their difference, log(2)/3", apart, wrong - reverse, 1e-9, "float64 logarithms")
    )
    wrong, reverse = loss((2, 3, 1), "optimal", 1024.0), loss((3, 2, 1), "optimal", 1024.0)
    what = "optimal, beta = 1024: loss of 321 / loss of 231"
    table.append(at_most(SOURCE, what, 0.8, reverse / wrong, 0.0, "smaller when fewer ranks are wrong"))
    grows = loss((3, 2, 1), "optimal", 4096.0) - reverse
    what = "optimal: loss of 321 at 4 beta minus at beta"
    reason = "two of three diagonal entries are 1/beta; up to O(1/beta)"
    table.append(number("closed form", f"{what}, (2/3) log 4", 2.0 / 3.0 * math.log(4.0), grows, 1e-3, reason))
    return table


def loss(order: tuple[int, ...], cdf: str, beta: float) -> float:
    """The cross-entropy of the values in this order against the identity."""
    p = sorting.network_permutation(np.array(order, np.float64), network="odd_even", cdf=cdf, beta=beta)
    return float(-np.log(np.diagonal(p)).mean())
