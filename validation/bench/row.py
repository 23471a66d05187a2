"""One line of the bench: what was measured, beside what, and whether it is enough."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """``ours`` and ``other`` in ``unit``; met when ``value`` is on the right side of ``floor``."""

    what: str
    beside: str
    unit: str
    ours: float
    other: float | None = None
    floor: float | None = None  # of other/ours, or of ours/other, or of ours where there is no other
    sense: str = "faster by"  # "faster by": other/ours >= floor; "within": ours/other <= floor; "below": ours <= floor

    @property
    def value(self) -> float:
        if self.other is None:
            return self.ours
        return self.other / self.ours if self.sense == "faster by" else self.ours / self.other

    @property
    def met(self) -> bool | None:
        if self.floor is None:
            return None
        return self.value >= self.floor if self.sense == "faster by" else self.value <= self.floor

    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.other is None else f"{self.value:.3g}x"
        bound = {"faster by": ">= {}x", "within": "<= {}x", "below": f"<= {{}} {self.unit}"}[self.sense]
        return (
            self.what,
            f"{self.ours:.3g} {self.unit}",
            self.beside,
            "" if self.other is None else f"{self.other:.3g} {self.unit}",
            ratio,
            "" if self.floor is None else bound.format(f"{self.floor:g}"),
            {None: "", True: "yes", False: "NO"}[self.met],
        )


HEAD = ("what", "refimpl", "beside", "it takes", "ratio", "floor", "met")


def plain(rows: list[Row]) -> str:
    grid = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in grid) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in grid]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def markdown(rows: list[Row]) -> str:
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    return "\n".join([*lines, *(f"| {' | '.join(row.cells())} |" for row in rows)])
