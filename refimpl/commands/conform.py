"""``refimpl conform``: the property suite on anybody's implementation; without --impl or --cmd, on the library's own.

Exit codes: 0 right; 1 wrong; 2 usage, or the implementation cannot be loaded; 3 only cannot-tell remained (with
--strict; else 0); 4 crashed or hung; 5 nothing ran, or less than --floor; 6 the list of known failures is not true;
7 the oracles contradict each other (a bug of this library).
"""

from __future__ import annotations

import argparse
import json
import secrets
import shlex
from pathlib import Path
from typing import Any

from refimpl.commands import Progress, UsageError, natural, positive, writable
from refimpl.commands.subject import add_subject, flags


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "conform", help="the property suite on an implementation", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    arguments(parser)
    parser.set_defaults(run=run)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options, for ``python -m refimpl.suite`` too."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="operators or rooms; default: all")
    add_subject(parser)
    parser.add_argument("--family", action="append", default=[], metavar="ROOM", help="the same as NAME")
    parser.add_argument("--only", action="append", default=[], metavar="ARG=VALUE[,VALUE]", help="restrict an argument")
    parser.add_argument("-k", action="append", default=[], metavar="TEXT", help="checks whose id contains this")
    parser.add_argument("--list", action="store_true", help="print the ids of the checks, and run none")
    parser.add_argument("--at", metavar="'SIZES SEED'", help="one input, as a failing check prints it; with -k ID")
    parser.add_argument("--explore", type=positive, metavar="N", help="N random inputs a check, others in every run")
    parser.add_argument("--seed", type=natural, help="of the inputs (default 0; with --explore, a new one)")
    parser.add_argument("--limit", type=positive, default=120, help="seconds one check may take (default 120)")
    parser.add_argument("--floor", type=natural, default=1, metavar="N", help="fail if fewer checks ran")
    parser.add_argument("--known", type=Path, metavar="FILE", help="list of known failures")
    parser.add_argument("--update", action="store_true", help="rewrite that list after this run, which must be full")
    parser.add_argument("--strict", action="store_true", help="exit 3 if something could not be told")
    parser.add_argument("--verbose", action="store_true", help="print every check, also what is right")
    parser.add_argument("--json", metavar="FILE", help="write every outcome as JSON; - for standard output")
    parser.add_argument("--junit", metavar="FILE", help="write every outcome as JUnit XML")


def run(options: argparse.Namespace) -> int:
    from refimpl.suite.known import BadList, Known, read, write

    needs_hypothesis()
    known = Known()
    partial = bool(options.names or options.family or options.k or options.at)
    if options.update and (partial or not options.known):
        raise UsageError(
            "--update writes the list of a full run to --known FILE: leave out NAME, --family, -k and --at"
        )
    try:
        if options.known and (options.known.exists() or not options.update):
            known = read(options.known)
    except BadList as bad:
        raise UsageError(str(bad)) from bad
    for path in (options.json, options.junit):
        if path and path != "-":
            writable(Path(path))
    summary = carry_out(options, known)
    if summary is None:
        return 0
    if options.update:
        known = write(options.known, summary.outcomes, known)
        summary = judged(summary, known)
    report(options, summary, len(known) if options.update else None)
    return int(summary.exit_code)


def needs_hypothesis() -> None:
    try:
        import hypothesis  # noqa: F401
    except ModuleNotFoundError as missing:
        raise UsageError("the suite draws its inputs with hypothesis: pip install hypothesis") from missing


def carry_out(options: argparse.Namespace, known: Any) -> Any:
    """Every chosen check, one after the other; None if they were only to be listed."""
    from refimpl.suite.aspects import every_id
    from refimpl.suite.isolation import runner
    from refimpl.suite.summary import Summary

    options.names = [*options.names, *options.family]
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31) if options.explore else 0
    told = {key: value for key, value in vars(options).items() if isinstance(value, str | int | float | list | None)}
    asked = argparse.Namespace(**{**told, "seed": seed, "again": again(options)})
    progress, outcomes = Progress(), []
    running = runner(asked)
    try:
        every = [check for check, _, _ in running.plan["checks"]]
        chosen = selected(every, options.k)
        if options.list:
            print("\n".join(chosen))
            return None
        at = point(options, chosen)
        for number, check in enumerate(chosen):
            progress(f"{number + 1} of {len(chosen)}: {check}")
            listed = None if options.update else known.input_of(check)
            outcomes.append(running.run({"check": check, "input": listed, "at": at}))
    finally:
        progress.close()
        running.close()
    name = running.plan["name"] + (f" (seed {seed})" if options.explore else "")
    unmatched = tuple(known.unmatched(every_id()))
    found = Summary(name, tuple(outcomes), options.floor, unmatched, options.strict)
    return judged(found, known)


def selected(every: list[str], words: list[str]) -> list[str]:
    """The checks whose id is one of these words, or contains one that is no id."""
    parts = [word for word in words if word not in every]
    return [check for check in every if not words or check in words or any(part in check for part in parts)]


def judged(summary: Any, known: Any) -> Any:
    """The summary, with what the list of known failures makes of each outcome."""
    from dataclasses import replace

    outcomes = tuple(known.judged(replace(outcome, listed="", remark="")) for outcome in summary.outcomes)
    unmatched = tuple(line for line in summary.problems if line.split(" ")[0] in known.entries)
    return replace(summary, outcomes=outcomes, problems=unmatched)


def point(options: argparse.Namespace, chosen: list[str]) -> dict[str, Any] | None:
    """The one input of --at, 'n=3,cdf=2 7', as a failing check prints it."""
    if options.at is None:
        return None
    if len(chosen) != 1:
        raise UsageError(f"--at is an input of one check; -k chooses {len(chosen)}")
    sizes, _, seed = options.at.strip().rpartition(" ")
    try:
        pairs = [part.split("=") for part in sizes.split(",") if part]
        return {"sizes": {name: int(value) for name, value in pairs}, "seed": int(seed)}
    except ValueError as failure:
        raise UsageError(f"--at is {options.at!r}; expected SIZES SEED, for example 'n=3,cdf=2 7'") from failure


def again(options: argparse.Namespace) -> str:
    """This command without its selection, for a failing check to print."""
    words = ["refimpl", "conform", *flags(options)]
    for restricted in options.only:
        words += ["--only", restricted]
    if not options.impl:
        return shlex.join(words)
    return shlex.join([*words, *options.names])  # a single callable needs the name of its operator


def report(options: argparse.Namespace, summary: Any, written: int | None) -> None:
    if options.junit:
        Path(options.junit).write_text(summary.junit(), encoding="utf-8")
    text = json.dumps(summary.json(), indent=1)
    if options.json == "-":
        print(text)
        return
    if options.json:
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    print(summary.text(options.verbose))
    if written is not None:
        print(f"{options.known}: {written} known failures written")
