"""What a run of the suite amounts to: a table, the failures, the exit code, JSON and JUnit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from refimpl.checking import report
from refimpl.checking.junit import printable
from refimpl.suite.outcome import Outcome

COLUMNS = ("right", "wrong", "cannot tell", "vacuous", "not offered", "crashed")


@dataclass(frozen=True)
class Summary:
    """The outcomes of one run, judged by the list of known failures."""

    name: str
    outcomes: tuple[Outcome, ...]
    floor: int = 1
    problems: tuple[str, ...] = ()  # entries of the list that match no check
    strict: bool = False

    @property
    def ran(self) -> int:
        return sum(outcome.ran for outcome in self.outcomes)

    @property
    def stale(self) -> tuple[str, ...]:
        """What is wrong with the list of known failures."""
        lines = [f"{o.id}: {o.listed}. {o.remark}" for o in self.outcomes if o.listed and o.listed != "expected"]
        return (*lines, *self.problems)

    @property
    def exit_code(self) -> int:
        """The gravest of all: disagreement, crash, wrong, a list that is not true, too few checks, doubts."""
        verdicts = {o.verdict for o in self.outcomes if o.unexpected and not o.listed}
        found = {
            report.EXIT_DISAGREE: any(o.disagreement for o in self.outcomes),
            report.EXIT_CRASHED: "crashed" in verdicts,
            report.EXIT_WRONG: "wrong" in verdicts,
            report.EXIT_STALE: bool(self.stale),
            report.EXIT_NOTHING: self.ran < max(1, self.floor),
            report.EXIT_CANNOT_TELL: self.strict and any(o.verdict == "cannot tell" for o in self.outcomes),
        }
        return next((code for code, holds in found.items() if holds), report.EXIT_RIGHT)

    def text(self, verbose: bool = False) -> str:
        """Failures, then the table, then how much was checked."""
        lines = []
        told: dict[tuple[str, str], str] = {}
        for outcome in self.outcomes:
            if outcome.unexpected or outcome.disagreement:
                reason = (outcome.operator, outcome.detail)
                if outcome.verdict == "crashed" and reason in told:
                    lines.append(f"{outcome.id} is CRASHED: as {told[reason]}")
                else:
                    told.setdefault(reason, outcome.id)
                    lines.append(outcome.text())
            elif verbose:
                more = f": {outcome.detail}" if outcome.detail else ""
                lines.append(f"{outcome.id} is {outcome.listed or ''} {outcome.verdict}{more}".replace("  ", " "))
        lines += [f"known failures: {line}" for line in self.stale]
        lines += [""] if lines else []
        return "\n".join([*lines, self.table(), self.total()])

    def table(self) -> str:
        """One line for each operator."""
        operators = dict.fromkeys(outcome.operator for outcome in self.outcomes)
        rows: list[tuple[str, ...]] = [("operator", *COLUMNS, "known")]
        for operator in operators:
            mine = [o for o in self.outcomes if o.operator == operator]
            counts = [sum(o.verdict == column and o.listed != "expected" for o in mine) for column in COLUMNS]
            rows.append((operator, *map(str, counts), str(sum(o.listed == "expected" for o in mine))))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

    def total(self) -> str:
        text = f"{self.ran} checks ran on {self.name}"
        expected = sum(outcome.listed == "expected" for outcome in self.outcomes)
        text += f", {expected} of them known failures" if expected else ""
        if not self.ran:
            return f"{text}: NOTHING WAS CHECKED"
        return f"{text}: FEWER THAN THE FLOOR, {self.floor}" if self.ran < self.floor else text

    def json(self) -> dict[str, Any]:
        """Numbers and texts only, with a stable schema."""
        return {
            "format": 1,
            "implementation": self.name,
            "exit_code": self.exit_code,
            "ran": self.ran,
            "floor": self.floor,
            "known_problems": list(self.stale),
            "checks": [outcome.json() for outcome in self.outcomes],
        }

    def junit(self) -> str:
        """A suite for each operator, a test for each check; a list that is not true, and a missed floor, are tests too."""
        root = ElementTree.Element("testsuites", name=f"refimpl conform, {self.name}")
        for operator in dict.fromkeys(outcome.operator for outcome in self.outcomes):
            suite = ElementTree.SubElement(root, "testsuite", name=operator)
            for outcome in self.outcomes:
                if outcome.operator == operator:
                    _test(suite, outcome)
            _count(suite)
        suite = ElementTree.SubElement(root, "testsuite", name="refimpl conform")
        listed = ElementTree.SubElement(suite, "testcase", classname="refimpl", name="known failures")
        if self.problems:
            ElementTree.SubElement(listed, "failure", message="unmatched").text = printable("\n".join(self.problems))
        floor = ElementTree.SubElement(suite, "testcase", classname="refimpl", name="floor")
        if self.ran < max(1, self.floor):
            ElementTree.SubElement(floor, "failure", message=self.total())
        _count(suite)
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="unicode") + "\n"


def _test(suite: ElementTree.Element, outcome: Outcome) -> None:
    test = ElementTree.SubElement(
        suite, "testcase", classname=outcome.operator, name=outcome.aspect, time=str(outcome.seconds)
    )
    if outcome.listed == "expected":
        ElementTree.SubElement(test, "skipped", message=printable(f"known failure: {outcome.remark}"))
    elif outcome.disagreement:
        ElementTree.SubElement(test, "error", message="the oracles disagree, a bug of refimpl").text = printable(
            outcome.text()
        )
    elif outcome.failed or outcome.listed:
        kind = "error" if outcome.verdict == "crashed" and not outcome.listed else "failure"
        message = outcome.listed or outcome.signature or outcome.verdict
        ElementTree.SubElement(test, kind, message=printable(message)).text = printable(outcome.text())
    elif outcome.verdict != "right":
        ElementTree.SubElement(test, "skipped", message=printable(f"{outcome.verdict}: {outcome.detail}"))


def _count(suite: ElementTree.Element) -> None:
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
