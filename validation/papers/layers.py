"""Layer counts: sections 3.2.2 and 4.2.1, table 3.9."""

from __future__ import annotations

from refimpl import sorting
from validation.papers.row import Row, number
from validation.papers.sigmoids import layers

BITONIC = {4: 3, 16: 10, 32: 15, 128: 28, 1024: 55}
SPLITTER = {(1024, 5): 22, (10450, 5): 27}
SHEET_SPLITTER = {(16, 5): 10, (50, 5): 15, (1000, 5): 22}


def rows() -> list[Row]:
    exact = "a count"
    table = []
    for n, printed in BITONIC.items():
        table.append(number("thesis, table 3.9", f"odd-even n = {n}: layers", n, layers("odd_even", n), 0.0, exact))
        table.append(number("thesis, table 3.9", f"bitonic n = {n}: layers", printed, layers("bitonic", n), 0.0, exact))
    table.append(number("thesis, 4.2.1", "bitonic n = 10450: layers", 105, layers("bitonic", 10450), 0.0, exact))
    for (n, k), printed in SPLITTER.items():
        found = len(sorting.splitter(n, k))
        table.append(number("thesis, 4.2.1", f"splitter n = {n}, k = {k}: layers", printed, found, 0.0, exact))
    for (n, k), printed in SHEET_SPLITTER.items():
        found = len(sorting.splitter(n, k))
        table.append(number("sheet, net.splitter", f"splitter n = {n}, k = {k}: layers", printed, found, 0.0, exact))
    for n in (3, 7, 12):
        found = sum(len(layer) for layer in sorting.odd_even(n))
        what = f"odd-even n = {n}: comparators, n(n-1)/2"
        table.append(number("sheet, net.odd_even", what, n * (n - 1) // 2, found, 0.0, exact))
    return table
