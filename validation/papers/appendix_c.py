"""Appendix C: slopes of the relaxed minimum. C.1 as corrected (erratum E-11); C.2 as printed."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from validation.papers.row import Row, at_least, at_most, number
from validation.papers.sigmoids import both_sides, slope_of_minimum

ROUNDING = 4e-16  # three terms of size at most 1


def rows() -> list[Row]:
    table = []
    x = both_sides()
    # C.1 writes the reciprocal sigmoid with slope 1/2, which is beta = 1/2 here
    reciprocal = slope_of_minimum(x, cdf="reciprocal", beta=0.5)
    corrected = 0.5 * (1.0 - x / (1.0 + np.abs(x)) - x / (1.0 + np.abs(x)) ** 2)
    distance = float(np.abs(reciprocal - corrected).max())
    table.append(number("thesis, (C.9), signs mended", "d min_R(x, 0)/dx, largest difference", 0.0, distance, ROUNDING,
                        "80001 points, x to +-1e6"))  # fmt: skip
    low = float(sorting.swap(1.0, 0.0, cdf="reciprocal", beta=0.5).min)
    table.append(number("thesis, (C.1), sign mended", "min_R(1, 0)", 0.25, low, 0.0, "exact"))
    cauchy = slope_of_minimum(x, cdf="cauchy", beta=1.0)
    printed = 0.5 - np.arctan(x) / np.pi - x / (np.pi * (1.0 + x * x))
    distance = float(np.abs(cauchy - printed).max())
    table.append(number("thesis, C.2", "d min_C(x, 0)/dx, largest difference", 0.0, distance, ROUNDING,
                        "80001 points, x to +-1e6"))  # fmt: skip
    h, z = 1e-4, np.linspace(-4.0, 4.0, 801)
    second = (slope_of_minimum(z + h, cdf="cauchy", beta=1.0) - slope_of_minimum(z - h, cdf="cauchy", beta=1.0)) / (
        2 * h
    )
    distance = float(np.abs(second + 2.0 / (np.pi * (1.0 + z * z) ** 2)).max())
    table.append(number("thesis, C.2", "d2 min_C/dz2 + 2/(pi (1 + z^2)^2)", 0.0, distance, 1e-7,
                        "central differences of the VJP, step 1e-4"))  # fmt: skip
    far = np.array([-1e9, 1e9])
    for cdf in ("reciprocal", "cauchy"):
        left, right = slope_of_minimum(far, cdf=cdf, beta=1.0)
        table.append(number("thesis, C.1 and C.2", f"{cdf}: slope for x to -inf", 1.0, float(left), 1e-15, "at -1e9"))
        table.append(number("thesis, C.1 and C.2", f"{cdf}: slope for x to +inf", 0.0, float(right), 1e-15, "at 1e9"))
    for cdf in ("reciprocal", "cauchy"):
        slope = slope_of_minimum(np.linspace(-50.0, 50.0, 20001), cdf=cdf, beta=1.0)
        table.append(
            at_least("thesis, C.1 and C.2", f"{cdf}: smallest slope", 0.0, float(slope.min()), 0.0, "|x| < 50")
        )
        table.append(at_most("thesis, C.1 and C.2", f"{cdf}: largest slope", 1.0, float(slope.max()), 0.0, "|x| < 50"))
    flat = slope_of_minimum(np.linspace(0.25, 50.0, 20001), cdf="optimal", beta=1.0)
    table.append(number("sheet, appendix C", "f_O: slope where beta x >= 1/4", 0.0, float(np.abs(flat).max()), 1e-16,
                        "a difference of equal terms below 1/4"))  # fmt: skip
    logistic = slope_of_minimum(np.linspace(0.0, 20.0, 200001), cdf="logistic", beta=1.0)
    turn = float(np.linspace(0.0, 20.0, 200001)[int((logistic < 0.0).argmax())])
    table.append(
        number("sheet, swap.soft", "logistic: slope negative from beta x =", 1.2784645, turn, 1e-4, "grid step")
    )
    table.append(at_most("sheet, appendix C", "logistic: smallest slope", -0.05, float(logistic.min()), 0.0,
                         f"at beta x = {20.0 * int(logistic.argmin()) / 200000:.4f}"))  # fmt: skip
    assert math.isfinite(turn)
    return table
