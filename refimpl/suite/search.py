"""The search for a failing input: hypothesis draws and shrinks whole numbers, and every name and flag gets its turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, Verbosity, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from refimpl.suite.inputs import Applies, Inputs, Sizes
from refimpl.suite.outcome import Found

SEEDS = 2**16
PATIENCE = 20.0  # seconds after which no new input is tried, and after a failure none to make it smaller

Point = tuple[int, int]  # index into the pool of sizes, and seed


class _Failing(Exception):  # noqa: N818
    """Tells hypothesis to look for a smaller input."""


class Search:
    """All inputs that were tried, each once, so that what hypothesis sees never contradicts itself."""

    def __init__(self, inputs: Inputs, applies: Applies, judge: Callable[[Sizes, int], Found]) -> None:
        self.inputs, self.applies, self.judge = inputs, applies, judge
        self.tried: dict[Point, Found | None] = {}
        self.choices: set[tuple[str, object]] = set()
        self.deadline = time.monotonic() + PATIENCE

    @property
    def failing(self) -> list[Point]:
        """Smallest first."""
        return sorted(point for point, found in self.tried.items() if found is not None and found.failed)

    @property
    def found(self) -> list[Found]:
        return [found for found in self.tried.values() if found is not None]

    def run(self, examples: int, start: int) -> None:
        """So many inputs, then one for each name and flag that has not come up; shrinks what fails."""
        self._hunt(range(len(self.inputs.pool)), examples, start)
        for choice, indices in self.inputs.choices.items():
            if self.failing:
                return
            if choice not in self.choices:
                found = self.at(indices[0], 0)
                if found is not None and found.failed:
                    self._hunt(indices, examples, start)

    def widen(self) -> None:
        """After a failure: two larger inputs, which tell more about the mistake than the smallest."""
        for part in (2, 1):
            self.at(len(self.inputs.pool) * (3 - part) // 3, 0)

    def at(self, index: int, number: int) -> Found | None:
        """What the input with these numbers shows; None if there is no such input, or no time."""
        point = (index, number)
        if point not in self.tried:
            if self.tried and (time.monotonic() > self.deadline or any(found.costly for found in self.found)):
                return None
            sizes, before = self.inputs.pool[index], bool(self.failing)
            args = self.inputs.draw(sizes, number, self.applies)
            self.tried[point] = None if args is None else self.judge(sizes, number)
            self.choices.update(self.inputs.choices_in(args or {}))
            if self.failing and not before:
                self.deadline = time.monotonic() + PATIENCE
        return self.tried[point]

    def _hunt(self, indices: Sequence[int], examples: int, start: int) -> None:
        @seed(start)
        @settings(
            max_examples=examples, database=None, deadline=None, derandomize=False, verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False,
            print_blob=False,
        )  # fmt: skip
        @given(st.integers(0, len(indices) - 1), st.integers(0, SEEDS))
        def holds(position: int, number: int) -> None:
            found = self.at(indices[position], number)
            if found is None:
                reject()
            elif found.failed:
                raise _Failing

        try:
            holds()
        except (_Failing, HypothesisException):  # what was tried is kept; nothing fitting may have been drawn
            pass
