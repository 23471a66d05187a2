"""Public packages under ``refimpl.check``: one adapter file for each, and what is known to be wrong with it.

An adapter shows how to check somebody else's code: a function of our arguments around the package, and a tuple of
``Check``. What a check is expected to find is written beside it, with the row of BUGS.md that explains it; a defect that
appears, and one that has gone, both fail ``python -m validation.peers``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from refimpl import check
from refimpl.checking import Report


@dataclass(frozen=True)
class Check:
    """One implementation under the check of one operator, and every subject that is not right, with its BUGS id or why."""

    operator: str
    implementation: Callable[..., Any]
    name: str
    framework: str = "numpy"
    only: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # subject -> (verdict, BUGS id or reason)
    samples: int = 10  # random inputs; part of the record, for a rare defect is met only by many of them

    def run(self) -> Report:
        return check(
            self.operator,
            self.implementation,
            framework=self.framework,
            only=self.only,
            name=self.name,
            samples=self.samples,
        )

    def surprises(self, report: Report) -> list[str]:
        """Every subject whose verdict is not the recorded one."""
        found = report.by_argument
        return [
            f"{self.name}, {self.operator}, {subject}: {found.get(subject, 'not met')}, recorded is {recorded}"
            for subject in sorted({*found, *self.known})
            if found.get(subject) != (recorded := self.known.get(subject, ("right", ""))[0])
        ]


@dataclass(frozen=True)
class Witness:
    """The smallest input that shows a defect: what the package says there now, and what it said when this was written."""

    bug: str
    says: str
    observe: Callable[[], str]
    recorded: str


def error_of(call: Callable[[], Any]) -> str:
    """The kind of error that a witness raises, or "none"."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "none"
