"""The suite inside pytest: what each item runs, and what its verdict means there."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from refimpl.suite.alarm import Hung, alarm
from refimpl.suite.aspects import Check, every_id
from refimpl.suite.known import Known, read
from refimpl.suite.outcome import Outcome
from refimpl.suite.suite import Suite

LIMIT = 120.0  # seconds one check may take
BOOKKEEPING = ("known-failures", "floor")  # items beside the checks


class Session:
    """A suite, its list of known failures, its floor, and the outcomes in this process so far."""

    def __init__(self, suite: Suite, known: Path | None = None, floor: int | None = None) -> None:
        self.suite, self.floor = suite, 1 if floor is None else max(1, floor)
        self.known = Known() if known is None else read(known)
        self.outcomes: dict[str, Outcome] = {}

    @property
    def items(self) -> list[str | Check]:
        return [*self.suite.checks, *BOOKKEEPING]

    def run(self, item: str | Check) -> None:
        """Run one item; what is not right leaves as pytest's own exceptions."""
        __tracebackhide__ = True
        if item == "known-failures":
            lines = self.known.unmatched(every_id())
            if lines:
                pytest.fail(f"{self.known.path}: " + "; ".join(lines), pytrace=False)
        elif item == "floor":
            ran = self.ran()
            if ran < self.floor:
                pytest.fail(f"{ran} checks ran on {self.suite.name}; the floor is {self.floor}", pytrace=False)
        else:
            assert isinstance(item, Check)
            told(self.outcome(item))

    def outcome(self, check: Check) -> Outcome:
        try:
            with alarm(LIMIT):
                found = self.suite.run(check, self.known.input_of(check.id))
        except Hung as hung:
            last = traceback.extract_tb(hung.__traceback__)[-1]
            text = f"no answer within {LIMIT:g} s (stopped in {last.name}, {last.filename}:{last.lineno})"
            found = Outcome(check.id, check.op.id, check.aspect, "crashed", detail=text, signature="crashed, Hung")
        judged = self.outcomes[check.id] = self.known.judged(found)
        return judged

    def ran(self) -> int:
        """How many checks ran; those that another process runs count if their operator is offered."""
        missing = [check for check in self.suite.checks if check.id not in self.outcomes]
        return sum(o.ran for o in self.outcomes.values()) + sum(self.suite.offers(check.op.id) for check in missing)


def told(outcome: Outcome) -> None:
    """An outcome in pytest's words: wrong and crashed fail, known failures are xfailed, nothing to say is skipped."""
    __tracebackhide__ = True
    if outcome.listed == "expected" and not outcome.disagreement:
        pytest.xfail(outcome.remark)
    if outcome.failed or outcome.listed or outcome.disagreement:
        pytest.fail(outcome.text(), pytrace=False)
    if outcome.verdict != "right":
        pytest.skip(f"{outcome.verdict}: {outcome.detail}" if outcome.detail else outcome.verdict)


def id_of(item: str | Check) -> str:
    return item if isinstance(item, str) else item.id
