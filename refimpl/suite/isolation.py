"""Checks in a process of their own: it may die or hang, and the next check runs in a fresh one."""

from __future__ import annotations

import argparse
import json
import select
import sys
from typing import Any

from refimpl.checking.child import Child, Garbage, ProgramFailed, Silent
from refimpl.commands import UsageError
from refimpl.suite.outcome import Outcome
from refimpl.suite.worker import answer, build, plan

STARTING = 180.0  # seconds: frameworks are slow to import
LOST = 3  # processes that one operator may cost; then the rest of it is given up


class Direct:
    """The checks in this very process, where pipes cannot be waited for."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.suite = build(options)
        self.plan = plan(self.suite)

    def run(self, request: dict[str, Any]) -> Outcome:
        return Outcome(**answer(self.suite, request))

    def close(self) -> None:
        self.suite.close()


class Isolated:
    """The same, in a child."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.limit = options, float(options.limit)
        self.lost: dict[str, int] = {}
        self.child: Child | None = None
        try:
            self.child, self.plan = self._start()
        except ProgramFailed as failure:
            raise UsageError(f"the implementation cannot be loaded: the process that imports it {failure}") from failure
        self.checks = {check: (operator, aspect) for check, operator, aspect in self.plan["checks"]}

    def _start(self) -> tuple[Child, dict[str, Any]]:
        child = Child([sys.executable, "-m", "refimpl.suite.worker"])
        try:
            (line,) = child.exchange((json.dumps(vars(self.options)) + "\n").encode(), 1, STARTING)
        except BaseException:
            child.kill()
            raise
        found: dict[str, Any] = json.loads(line)
        if "usage" in found:
            child.kill()
            raise UsageError(found["usage"])
        return child, found

    def run(self, request: dict[str, Any]) -> Outcome:
        """One check; whatever becomes of the process is its verdict."""
        name = request["check"]
        operator, aspect = self.checks[name]
        if self.lost.get(operator, 0) >= LOST:
            text = f"not run: {operator} has cost {LOST} processes already"
            return Outcome(name, operator, aspect, "crashed", detail=text, signature="not run")
        try:
            if self.child is None:
                self.child, _ = self._start()
            (line,) = self.child.exchange((json.dumps(request) + "\n").encode(), 1, self.limit)
            outcome = Outcome(**_object(line))
            if outcome.verdict == "crashed" and self.options.cmd:  # a program that failed often is not asked again,
                self._discard()  # and that must not be held against the next check
            return outcome
        except ProgramFailed as failure:
            self._discard()
            self.lost[operator] = self.lost.get(operator, 0) + 1
            text = f"no answer within {self.limit:g} s" if isinstance(failure, Silent) else f"the process {failure}"
            return Outcome(
                name, operator, aspect, "crashed", detail=f"{type(failure).__name__}: {text}",
                signature=f"crashed, {type(failure).__name__}", reproduction=f"{self.options.again} -k {name}",
            )  # fmt: skip

    def _discard(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child = None

    def close(self) -> None:
        if self.child is not None:
            self.child.close()


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as failure:
        raise Garbage(f"wrote {line[:80]!r}") from failure
    return dict(found)


def runner(options: argparse.Namespace) -> Direct | Isolated:
    """The way to run checks on this system."""
    return Isolated(options) if hasattr(select, "poll") else Direct(options)
