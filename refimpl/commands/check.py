"""``refimpl check``: is an implementation right?

Exit codes: 0 right; 1 wrong; 2 usage, or the implementation cannot be loaded; 3 only cannot-tell remained (with
--strict; else 0); 4 crashed, silent or no protocol; 5 nothing ran; 7 the oracles contradict each other (a bug of this
library).
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from refimpl.commands import Progress, UsageError, natural, positive, restriction, writable
from refimpl.commands.subject import add_subject, flags, subject


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "check", help="is an implementation right?", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="operators or rooms; default: all")
    add_subject(parser)
    parser.add_argument("--only", action="append", default=[], metavar="ARG=VALUE[,VALUE]", help="restrict an argument")
    parser.add_argument("--samples", type=positive, default=48, help="random inputs for each operator (default 48)")
    parser.add_argument("--seed", type=natural, default=0, help="of the random inputs (default 0)")
    parser.add_argument("--strict", action="store_true", help="exit 3 if something could not be told")
    parser.add_argument("--verbose", action="store_true", help="print every finding, also of what is right")
    parser.add_argument("--json", metavar="FILE", help="write the reports as JSON; - for standard output")
    parser.add_argument("--junit", metavar="FILE", help="write the reports as JUnit XML")
    parser.add_argument("--save", metavar="FOLDER", type=Path, help="write failing inputs there, for refimpl replay")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from refimpl import catalog
    from refimpl.checking import check
    from refimpl.checking.report import exit_code, table

    chosen = catalog.select(options.names)
    for path in (options.json, options.junit):
        if path and path != "-":
            writable(Path(path))
    if options.save:
        _folder(options.save)
    only = dict(restriction(text) for text in options.only)
    impl = subject(options, chosen, named=bool(options.names))
    absent: list[str] = []
    if impl is not None:
        absent = [op.id for op in chosen if op.id not in impl]
        chosen = tuple(op for op in chosen if op.id in impl)
    progress, reports = Progress(), []
    try:
        for op in chosen:
            reports.append(check(op, impl, only=only, samples=options.samples, seed=options.seed, progress=progress))
    except (ValueError, ModuleNotFoundError) as mistake:
        raise UsageError(str(mistake)) from mistake
    finally:
        progress.close()
        if impl is not None:
            impl.close()
    code = exit_code(reports)
    if options.strict and code == 0 and any(report.verdict == "cannot tell" for report in reports):
        code = 3
    quiet = options.json == "-"
    saved = _save(options.save, reports) if options.save else []
    _write(options, reports, absent, code)  # files first: what is printed may be read by something that stops early
    if not quiet:
        for report in reports:
            if options.verbose or report.exit_code:
                print(report.text() + "\n")
        print(table(reports))
        if absent:
            print(f"not offered: {', '.join(absent)}")
        for path in saved:
            print(f"saved {path}: refimpl replay {path} {shlex.join(flags(options))}".rstrip())
    return code


def _folder(path: Path) -> None:
    """Make it before the run, not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise UsageError(f"cannot make the folder {path}: {failure.strerror}") from failure


def _save(folder: Path, reports: list[Any]) -> list[Path]:
    from refimpl.checking.replay import save

    paths = []
    for report in reports:
        if report.example is not None:
            paths.append(folder / f"{report.operator}.json")
            save(report, paths[-1])
    return paths


def _write(options: argparse.Namespace, reports: list[Any], absent: list[str], code: int) -> None:
    from refimpl.checking.junit import junit

    if options.junit:
        Path(options.junit).write_text(junit(reports), encoding="utf-8")
    if options.json:
        found = [report.json() for report in reports]
        text = json.dumps({"format": 1, "exit_code": code, "not_offered": absent, "reports": found}, indent=1)
        if options.json == "-":
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
