"""Golden values of the equation sheet: those the operators declare as cases, and gradients and ranks beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import sorting
from refimpl.catalog import OPERATORS
from refimpl.checking.packing import pack
from validation.papers.row import Row, number, rounded

X3 = np.array([3.0, 1.0, 2.0])
GRADIENTS: dict[str, tuple[dict[str, Any], tuple[float, float, float]]] = {
    "logistic": ({"beta": 1.0}, (-0.072455037274, 1.012220025917, 0.060235011357)),
    "reciprocal": ({"beta": 1.0}, (0.023103916464, 0.922131379301, 0.054764704236)),
    "cauchy": ({"beta": 1.0}, (0.034011115052, 0.877445954393, 0.088542930555)),
    "optimal": ({"beta": 0.2}, (0.0281953125, 0.8746875, 0.0971171875)),
    "art": ({"beta": 1.0, "lam": 0.25}, (0.019662288681, 0.866419057418, 0.113918653901)),
}
TOP_2 = np.array(
    [
        [0.049549732971, 0.040788763146, 0.591104247613, 0.07893323925, 0.23962401702],
        [0.132310675624, 0.059754111346, 0.155640968499, 0.128736800457, 0.523557444073],
    ]
)
DISORDER = np.array([-0.5286, -0.2214, -0.2500])


def rows() -> list[Row]:
    table = []
    for operator in OPERATORS:
        for case in operator.cases:
            if case.expect is not None:
                found, expect = pack(operator, operator(**case.args)), pack(operator, case.expect)
                what = f"{operator.id}, {case.name}: largest difference"
                table.append(_difference(case.source, what, found, expect, 12))
    for cdf, (more, expected) in GRADIENTS.items():
        _, pullback = sorting.network_sort.vjp(X3, network="odd_even", cdf=cdf, **more)
        found = pullback(np.array([1.0, 0.0, 0.0])).x
        what = f"gradient of the minimum of (3, 1, 2), odd-even, {cdf}"
        table.append(_difference("sheet, sorting.network", what, found, np.array(expected), 12))
    p = sorting.network_permutation(np.array([0.5, -1.0, 2.0, 0.0, 1.0]), cdf="cauchy", beta=2.0)
    what = "top-2 rows of P, bitonic n = 5, f_C, beta = 2"
    table.append(_difference("sheet, topk.network", what, p[::-1][:2], TOP_2, 12))
    y = sorting.network_sort(np.array([0.0, 0.0, -1.0]), network="odd_even", cdf="cauchy", beta=1.0)
    what = "(0, 0, -1) sorted by odd-even, f_C, beta = 1: not ascending"
    table.append(_difference("sheet, sorting.network", what, y, DISORDER, 4))
    return table


def _difference(source: str, what: str, found: Any, expected: Any, decimals: int) -> Row:
    difference = float(np.abs(np.asarray(found) - expected).max() / max(1.0, np.abs(expected).max()))
    return number(source, what, 0.0, difference, rounded(decimals), f"the sheet gives {decimals} decimals or more")
