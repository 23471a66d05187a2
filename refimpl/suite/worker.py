"""A process that runs checks for another, so that what kills it, or never ends, costs one check.

It reads JSON lines: first the options of the command, then ``{"check": id, "input": ...}``; it answers each with a line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from refimpl.commands import UsageError, restriction
from refimpl.suite.suite import EXAMPLES, Suite


def build(options: argparse.Namespace) -> Suite:
    """The suite that the options of ``refimpl conform`` ask for."""
    from refimpl import catalog
    from refimpl.checking.implementation import CannotLoad
    from refimpl.commands.subject import subject

    only = dict(restriction(text) for text in options.only)
    try:
        chosen = catalog.select(options.names)
        program = subject(options, chosen, named=False) if options.cmd or not options.impl else options.impl
        return Suite(
            program, [op.id for op in chosen], only, framework=options.framework, examples=options.explore or EXAMPLES,
            seed=options.seed, again=options.again,
        )  # fmt: skip
    except CannotLoad as failure:
        raise UsageError(f"--impl {failure}") from failure
    except (ValueError, ModuleNotFoundError) as mistake:
        raise UsageError(str(mistake)) from mistake


def plan(suite: Suite) -> dict[str, Any]:
    """What the other side needs to know before it asks."""
    checks = [[check.id, check.op.id, check.aspect] for check in suite.checks]
    return {"name": suite.name, "checks": checks}


def answer(suite: Suite, request: dict[str, Any]) -> dict[str, Any]:
    """The outcome of one check."""
    check = next(check for check in suite.checks if check.id == request["check"])
    at = request.get("at")
    outcome = suite.at(check, at["sizes"], at["seed"]) if at else suite.run(check, request.get("input"))
    return outcome.json()


def serve() -> None:
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an implementation prints goes to standard error

    def send(content: Any) -> None:
        lines.write(json.dumps(content) + "\n")
        lines.flush()

    try:
        suite = build(argparse.Namespace(**json.loads(sys.stdin.readline())))
    except (UsageError, LookupError) as mistake:
        send({"usage": str(mistake.args[0])})
        return
    send(plan(suite))
    try:
        for line in sys.stdin:
            send(answer(suite, json.loads(line)))
    finally:
        suite.close()


if __name__ == "__main__":
    serve()
