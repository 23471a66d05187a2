"""Table 3.5: the printed means follow from the printed entries. What is reproduced is arithmetic, not training."""

from __future__ import annotations

import numpy as np

from validation.papers.row import Row, at_most

SOURCE = "thesis, table 3.5"
COLUMNS = "n = 32 (lam .25), then lam .4: 32 64 128 256 512 1024, then batch size 4: 32 64 128 256 512 1024"
ENTRIES = np.array(
    [
        [78.20, 79.89, 81.25, 82.50, 82.05, 82.50, 82.80, 71.08, 75.88, 79.43, 81.46, 82.98, 82.80],
        [76.98, 79.62, 81.66, 80.15, 81.87, 82.64, 81.63, 72.31, 75.59, 79.71, 81.36, 82.99, 81.63],
        [77.45, 80.93, 81.26, 80.72, 81.42, 81.51, 81.15, 71.15, 75.73, 78.81, 79.32, 82.30, 81.15],
        [76.40, 80.02, 80.05, 81.50, 80.05, 82.67, 80.07, 70.69, 75.80, 79.11, 80.64, 82.70, 80.07],
        [77.69, 80.97, 80.23, 81.55, 79.75, 81.89, 81.15, 70.20, 74.67, 78.14, 80.06, 81.39, 81.15],
    ]
)  # rows: beta = 30, 32.5, 35, 37.5, 40
MEANS = np.array([77.35, 80.29, 80.89, 81.28, 81.03, 82.24, 81.36, 71.09, 75.53, 79.04, 80.57, 82.47, 81.36])
BEST = np.array([78.20, 80.97, 81.66, 82.50, 82.05, 82.67, 82.80, 72.31, 75.88, 79.71, 81.46, 82.99, 82.80])
WORST = np.array([76.40, 79.62, 80.05, 80.15, 79.75, 81.51, 80.07, 70.20, 74.67, 78.14, 79.32, 81.39, 80.07])


def rows() -> list[Row]:
    means = float(np.abs(ENTRIES.mean(axis=0) - MEANS).max())
    extremes = float(max(np.abs(ENTRIES.max(axis=0) - BEST).max(), np.abs(ENTRIES.min(axis=0) - WORST).max()))
    return [
        at_most(SOURCE, "13 printed means against the entries", 0.01, means, 0.0, "entries and means have 2 decimals"),
        at_most(SOURCE, "13 best and 13 worst entries", 0.0, extremes, 0.0, "copied, not computed"),
    ]
