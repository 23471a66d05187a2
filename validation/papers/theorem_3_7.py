"""Theorem 3.7: no monotone swap with a 1-Lipschitz sigmoid errs by less than 1/16, and f_O errs by just that.

A 1-Lipschitz f with f(0) = 1/2 has f(-1/4) >= 1/4, so min(1/4, 0) >= 1/16.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from validation.papers.row import Row, at_least, at_most, number, word
from validation.papers.sigmoids import SMALLEST_NEGATIVE, both_sides, largest_error, slope_of_minimum

SOURCE = "thesis, theorem 3.7"
SLOPE_ONE = {
    "logistic": 4.0,
    "reciprocal": 1.0,
    "cauchy": math.pi,
    "optimal": 1.0,
    "uniform": 2.0,
    "cubic_hermite": 4.0 / 3.0,
    "wigner": math.pi / 2.0,
    "gaussian": math.sqrt(2.0 * math.pi),
    "laplace": 2.0,
    "hyperbolic_secant": 2.0,
}
NORMALISED = {"gaussian": 0.067809, "laplace": 0.091970, "hyperbolic_secant": 0.071648, "uniform": 1.0 / 16.0}
UNNORMALISED = {
    "gaussian": (0.169971, 6), "laplace": (0.183940, 6), "hyperbolic_secant": (0.143296, 6), "uniform": (0.125, 6),
    "cubic_hermite": (0.087019, 6), "wigner": (0.101097, 6),
}  # fmt: skip


def rows() -> list[Row]:
    table, errors, monotone = [], {}, []
    grid = np.linspace(-5.0, 5.0, 100001)
    for cdf, beta in SLOPE_ONE.items():
        _, residuals = sorting.swap.forward(grid, np.zeros_like(grid), cdf=cdf, beta=beta)
        steepest = float(residuals.slope.max())
        table.append(at_most(SOURCE, f"{cdf}, beta = {beta:.7g}: 1-Lipschitz", 1.0, steepest, 4e-16, "two roundings"))
        quarter = float(sorting.swap(0.25, 0.0, cdf=cdf, beta=beta).min)
        table.append(at_least(SOURCE, f"{cdf}: min(1/4, 0)", 1.0 / 16.0, quarter, 1e-16, "one rounding"))
        errors[cdf], _ = largest_error(cdf=cdf, beta=beta)
        if slope_of_minimum(both_sides(), cdf=cdf, beta=beta).min() >= SMALLEST_NEGATIVE:
            monotone.append(cdf)
    best = min(monotone, key=errors.__getitem__)
    table.append(number(SOURCE, "f_O: largest error", 1.0 / 16.0, errors["optimal"], 1e-16, "attained"))
    table.append(word(SOURCE, "monotone sigmoid with the smallest error", "optimal", best, f"of {', '.join(monotone)}"))
    table.append(word("sheet, sigmoid.*", "monotone swaps", "reciprocal, cauchy, optimal", ", ".join(monotone), "VJP"))
    for cdf, printed in NORMALISED.items():
        what = f"{cdf}: largest error at slope 1"
        table.append(number("sheet, sigmoid.*", what, printed, errors[cdf], rounded_to(6), "printed to 6 decimals"))
    for cdf, (printed, decimals) in UNNORMALISED.items():
        error, _ = largest_error(cdf=cdf, beta=1.0)
        what = f"{cdf}: largest error at beta = 1"
        table.append(number("sheet, sigmoid.*", what, printed, error, rounded_to(decimals), "printed to 6 decimals"))
    return table


def rounded_to(decimals: int) -> float:
    """The sheet truncates some digits: a whole unit of the last one."""
    return 10.0**-decimals
