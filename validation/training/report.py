"""The table, the claims beside what was found, and the learning curves."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

MONOTONE = ("reciprocal", "cauchy", "optimal")
COMPARED = (*MONOTONE, "logistic", "art")
ENOUGH = 4  # seeds from which a spread of differences says something


def compared_in_the_thesis(method: str) -> bool:
    """Is it one of those that table 3.7 orders?"""
    return any(method == f"{network}, {cdf}" for network in ("odd_even", "bitonic") for cdf in COMPARED)


class Result(NamedTuple):
    """A method at one size: its runs from several seeds."""

    method: str
    n: int
    temperature: float
    curves: dict[int, list[list[float]]]  # by seed, per measurement: step, EM, EW, EM5

    def final(self, column: int) -> tuple[float, float | None]:
        """Mean, and standard deviation if there are several seeds, of the last measurement."""
        last = [curve[-1][column] for curve in self.curves.values()]
        return mean(last), stdev(last) if len(last) > 1 else None


def results(runs: dict[str, Any], steps: int) -> list[Result]:
    """The long runs, by method and size, in the order they were run."""
    found: dict[tuple[str, int], Result] = {}
    for name, curve in runs.items():
        method, n, temperature, seed, length, choosing = json.loads(name)
        if not choosing and length == steps:
            found.setdefault((method, n), Result(method, n, temperature, {})).curves[seed] = curve
    return list(found.values())


def table(found: list[Result]) -> str:
    lines = ["| sorter | n | temperature | seeds | EM | EW | EM5 |", "|---|---|---|---|---|---|---|"]
    for result in found:
        cells = " | ".join(percent(*result.final(column)) for column in (1, 2, 3))
        lines.append(f"| {result.method} | {result.n} | {result.temperature:g} | {len(result.curves)} | {cells} |")
    return "\n".join(lines)


def percent(value: float, spread: float | None) -> str:
    return f"{value:.1f}" if spread is None else f"{value:.1f} ± {spread:.1f}"


def claims(found: list[Result]) -> list[str]:
    """The orderings of the thesis, table 3.7, beside ours (EM): does each hold, and by how much."""
    lines = []
    of = {(result.method, result.n): result for result in found}
    for n in sorted({result.n for result in found}):
        for network in ("odd_even", "bitonic"):
            one = {cdf: of[f"{network}, {cdf}", n] for cdf in COMPARED}
            for cdf in MONOTONE:
                lines.append(compared(f"n = {n}, {network}: {cdf} beats logistic", one[cdf], one["logistic"]))
            lines.append(compared(f"n = {n}, {network}: ART beats logistic", one["art"], one["logistic"]))
            best = max((one[cdf] for cdf in MONOTONE), key=lambda result: result.final(1)[0])
            lines.append(compared(f"n = {n}, {network}: the best monotone sigmoid beats ART", best, one["art"]))
    return lines


def compared(claim: str, left: Result, right: Result) -> str:
    """Seed by seed. A mean difference within two standard errors is called undecided."""
    seeds = sorted(left.curves.keys() & right.curves.keys())
    differences = [left.curves[seed][-1][1] - right.curves[seed][-1][1] for seed in seeds]
    difference = mean(differences)
    error = 2.0 * stdev(differences) / len(seeds) ** 0.5 if len(seeds) >= ENOUGH else float("inf")
    verdict = "undecided" if abs(difference) <= error else "yes" if difference > 0 else "NO"
    values = " | ".join(f"{mean(result.curves[seed][-1][1] for seed in seeds):.1f}" for result in (left, right))
    return f"| {claim} | {values} | {difference:+.1f} ± {error:.1f} | {len(seeds)} | {verdict} |"


def write(found: list[Result], steps: int, folder: Path) -> None:
    compare = claims(found)
    held, failed, undecided = (
        sum(line.endswith(f"| {word} |") for line in compare) for word in ("yes", "NO", "undecided")
    )
    picture(found, folder / "learning_curves.png")
    text = f"""# Ranking supervision on handwritten digits

Written by `python -m validation.training`; do not edit. Numbers of four of scikit-learn's 8 x 8 digits are put in order,
n at a time; the network sees the order of a set, never a number (thesis, section 3.5, which uses MNIST, a network four times
as wide and a thousand times as many steps: the percentages cannot be compared). {steps} steps of 100 sets, Adam at 1e-3,
digits of the test sets never seen, in percent; mean and standard deviation over seeds. The temperature of each sorter is
the best of three on held-out digits after 200 steps.

EM: all ranks of a set right. EW: share of ranks right. EM5: EM on sets of five.

{table(found)}

![Learning curves](learning_curves.png)

## The orderings that the thesis reports (table 3.7), by EM

A seed gives every sorter the same network and the same sets, so differences are taken seed by seed; one within two
standard errors of their mean is undecided. Of {len(compare)} comparisons, {held} come out as in the thesis, {failed} the
other way round, {undecided} are undecided. (The best of three is better by chance alone: its rows favour the claim.)

| claim | left | right | difference, two standard errors | seeds | holds |
|---|---|---|---|---|---|
{chr(10).join(compare)}
"""
    (folder / "RESULTS.md").write_text(text, encoding="utf-8")


def kind_of(method: str) -> str:
    """The network that a method is named after, or nothing."""
    return next((network for network in ("odd_even", "bitonic") if method.startswith(network)), "")


def picture(found: list[Result], path: Path) -> None:
    """EM against steps: the mean over seeds, a panel for each size and kind of sorter."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sizes = sorted({result.n for result in found})
    kinds = {
        "odd-even networks": "odd_even",
        "bitonic networks": "bitonic",
        "other sorters": "",
    }
    figure, axes = plt.subplots(len(sizes), len(kinds), figsize=(13, 4 * len(sizes)), sharex=True, squeeze=False)
    for row, n in zip(axes, sizes, strict=True):
        for axis, (title, start) in zip(row, kinds.items(), strict=True):
            shown = [result for result in found if result.n == n and kind_of(result.method) == start]
            for color, result in enumerate(shown):
                curves = list(result.curves.values())
                steps = [point[0] for point in curves[0]]
                em = [mean(curve[k][1] for curve in curves) for k in range(len(steps))]
                label = result.method.removeprefix(f"{start}, ")
                axis.plot(steps, em, label=label, color=f"C{color}", linewidth=1.4)
            axis.set_title(f"{title}, n = {n}", fontsize=11, loc="left")
            axis.grid(alpha=0.25)
            axis.legend(fontsize=8, frameon=False, loc="lower right")
            for side in ("top", "right"):
                axis.spines[side].set_visible(False)
        limit = max(axis.get_ylim()[1] for axis in row)
        for axis in row:
            axis.set_ylim(0, limit)
        row[0].set_ylabel("EM, percent of sets")
    for axis in axes[-1]:
        axis.set_xlabel("training steps")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
