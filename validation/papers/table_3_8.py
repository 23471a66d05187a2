"""Table 3.8, the Cauchy row: inverse temperatures printed as multiples of pi and as decimals."""

from __future__ import annotations

import math

from validation.papers.row import Row, number, rounded

SOURCE = "thesis, table 3.8"
PRINTED = {
    "oe 3": (14.5, 45.6), "oe 5": (51.0, 160.2), "oe 7": (71.0, 223.1), "oe 9": (15.0, 47.1), "oe 15": (40.0, 125.7),
    "oe 32": (169.0, 531.0), "bi 16": (12.0, 37.7), "bi 32": (48.5, 152.4),
}  # fmt: skip


def rows() -> list[Row]:
    table = []
    for column, (multiple, decimal) in PRINTED.items():
        tolerance, reason = rounded(1), "printed to 1 decimal"
        if column == "oe 32":
            tolerance, reason = 0.08, "misprint: 169 pi = 530.929; 531.0 is 169 x 3.142 (erratum E-51)"
        what = f"f_C, {column}: {multiple:g} pi"
        table.append(number(SOURCE, what, decimal, multiple * math.pi, tolerance, reason))
    return table
