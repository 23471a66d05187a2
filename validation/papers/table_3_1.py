"""Table 3.1: which swaps are monotone, and the largest error of each at slope 1."""

from __future__ import annotations

import math

import mpmath

from refimpl import sorting
from validation.papers.row import Row, number, rounded, word
from validation.papers.sigmoids import (
    SIGMOIDS,
    SMALLEST_NEGATIVE,
    art_bound,
    both_sides,
    largest_error,
    slope_of_minimum,
)

SOURCE = "thesis, table 3.1"
PRINTED = {"logistic": 0.0696, "art": 0.0302, "reciprocal": 1.0 / 4.0, "cauchy": 1.0 / math.pi**2, "optimal": 1.0 / 16}
PRINTED_TOLERANCE = {
    "logistic": (rounded(4), "printed to 4 decimals"),
    "art": (rounded(4), "printed to 4 decimals"),
    "reciprocal": (1e-14, "a limit, seen at x = 1e15"),
    "cauchy": (1e-14, "a limit, seen at x = 1e15"),
    "optimal": (1e-15, "attained"),
}


def rows() -> list[Row]:
    table = []
    for sigmoid in SIGMOIDS:
        name, options = f"{sigmoid.symbol} ({sigmoid.cdf})", sigmoid.options
        at = "lam = 1/2, beta = 4" if sigmoid.lam else "slope 1"
        slope = slope_of_minimum(both_sides(), **options)
        verdict = "yes" if slope.min() >= SMALLEST_NEGATIVE else "no"
        seen = f"smallest slope of min(x, 0) on 80001 points: {slope.min():.2g}"
        table.append(word(SOURCE, f"{name}: monotone", "yes" if sigmoid.monotone else "no", verdict, seen))
        error, _ = largest_error(**options)
        table.append(
            number(SOURCE, f"{name}: largest error, {at}", PRINTED[sigmoid.cdf], error, *PRINTED_TOLERANCE[sigmoid.cdf])
        )
    for sigmoid in SIGMOIDS[2:] + SIGMOIDS[:1]:
        _, residuals = sorting.swap.forward(0.0, 0.0, cdf=sigmoid.cdf, beta=sigmoid.beta)
        what = f"{sigmoid.symbol}: Lipschitz constant alpha, beta = {sigmoid.beta:.7g}"
        table.append(number(SOURCE, what, 1.0, float(residuals.slope[0]), 1e-15, "the slope at 0, two roundings"))
    lambert = mpmath.lambertw(mpmath.exp(-1))
    error, where = largest_error(cdf="logistic", beta=4.0)
    table.append(number("closed form", "sigma: W(1/e) / 4", float(lambert / 4), error, 1e-15, "numerical maximum"))
    table.append(
        number(
            "closed form", "sigma: attained at (1 + W(1/e)) / 4", float((1 + lambert) / 4), where, 1e-7, "flat there"
        )
    )
    for lam in (0.0, 0.25, 0.4, 0.5, 0.75, 0.9):
        error, _ = largest_error(cdf="art", beta=4.0, lam=lam)
        what = f"sigma o phi, lam = {lam}, beta = 4: beta^-k max y^k / (1 + e^y)"
        table.append(number("closed form", what, art_bound(lam, 4.0), error, 1e-9, "epsilon = 1e-10 of (3.13)"))
    return table
