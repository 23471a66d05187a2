"""The command line: list, show, check, gallery. Parses, calls checking/, prints.

Exit codes of ``check``: 0 right; 1 wrong; 2 usage, or the implementation cannot be loaded; 3 only cannot-tell remained
(with --strict; else 0); 4 crashed; 5 nothing ran; 7 the oracles contradict each other (a bug of this library).
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import refimpl
from refimpl.op import AnyOp

USAGE = 2


class Progress:
    """A line that rewrites itself on a terminal, once the work has taken two seconds; silent otherwise."""

    def __init__(self) -> None:
        self.started, self.drawn = time.monotonic(), False
        self.terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if self.terminal and time.monotonic() - self.started > 2.0:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self.drawn = True

    def close(self) -> None:
        if self.drawn:
            sys.stderr.write("\r\x1b[K")


class UsageError(Exception):
    """What the user asked for cannot be done as asked."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except (UsageError, LookupError) as mistake:
        print(f"refimpl {options.command}: {mistake.args[0]}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what follows the pipe has seen enough
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="refimpl", description="The reference implementation of differentiable algorithms."
    )
    parser.add_argument("--version", action="version", version=f"refimpl {refimpl.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="list | show | check | gallery")

    listing = commands.add_parser("list", help="every operator: source, differentiable arguments, CPU and GPU")
    listing.set_defaults(run=_list)

    showing = commands.add_parser("show", help="one operator: signature, equation, laws, errata")
    showing.add_argument("name", help="sorting.network_sort, or network_sort, or a room")
    showing.set_defaults(run=_show)

    checking = commands.add_parser(
        "check",
        help="is an implementation right?",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    checking.add_argument("names", nargs="*", metavar="NAME", help="operators or rooms; default: all")
    checking.add_argument(
        "--impl", metavar="MODULE:OBJECT", help="a callable, or a mapping from operator ids to callables"
    )
    checking.add_argument(
        "--framework", choices=("numpy", "torch"), default="numpy", help="what the implementation speaks"
    )
    checking.add_argument(
        "--only", action="append", default=[], metavar="ARG=VALUE[,VALUE]", help="restrict an argument"
    )
    checking.add_argument("--samples", type=_positive, default=48, help="random inputs for each operator (default 48)")
    checking.add_argument("--seed", type=_natural, default=0, help="of the random inputs (default 0)")
    checking.add_argument("--strict", action="store_true", help="exit 3 if something could not be told")
    checking.add_argument("--verbose", action="store_true", help="print every finding, also of what is right")
    checking.add_argument("--json", metavar="FILE", help="write the reports as JSON; - for standard output")
    checking.set_defaults(run=_check)

    gallery = commands.add_parser("gallery", help="draw the pictures")
    gallery.add_argument("folder", type=Path)
    gallery.set_defaults(run=_gallery)
    return parser


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number >= 0")
    return int(text)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number >= 1")
    return number


def _list(options: argparse.Namespace) -> int:
    from refimpl.catalog import ROOMS

    for room in ROOMS:
        print(f"{room.__name__.rpartition('.')[2]}: {(inspect.getdoc(room) or '').splitlines()[0]}")
        for op in room.OPERATORS:
            places = "CPU, GPU" if op.gpu else "CPU"
            print(f"  {op.id:<30} {places:<9} d/d({', '.join(op.differentiable)})")
            print(f"  {'':<30} {op.sources[0].where}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from refimpl import catalog

    for op in catalog.find(options.name):
        print(f"{op.id}{op.signature}\n")
        print(op.__doc__)
        print(f"\nBackward is the {op.backward_is}." if op.backward_is != "derivative" else "")
        print("Arguments")
        for argument in op.args:
            slope = "differentiable" if argument.differentiable else "not differentiable"
            print(f"  {argument.name:<10} {argument.shape or 'scalar':<8} {slope:<19} {argument.domain}")
        print(f"\nTolerance\n  {op.tol.value:g} ulp in value, {op.tol.gradient:g} in gradient: {op.tol.why}")
        print("\nLaws")
        for law in op.laws:
            mark = "false" if law.false else "holds"
            twin = "" if law.false or not (law.forward and law.backward) else "  [and its backward twin]"
            print(f"  {mark}  {law.name}: {law.statement}{twin}")
        print("\nSources and errata")
        for source in op.sources:
            print(f"  {source.where}: {source.what}" + (f"; departs: {source.departs}" if source.departs else ""))
        print(f"\nGPU\n  {op.gpu or 'none: ' + op.no_gpu}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    from refimpl import catalog
    from refimpl.checking import check
    from refimpl.checking.report import exit_code, table

    found = [op for name in options.names for op in catalog.find(name)] if options.names else catalog.OPERATORS
    chosen = list(dict.fromkeys(found))
    if options.framework != "numpy" and not options.impl:
        raise UsageError(f"--framework {options.framework} says what --impl MODULE:OBJECT speaks; there is no --impl")
    if options.json and options.json != "-":
        _writable(Path(options.json))
    implementations = _implementations(options, chosen)
    only = dict(_restriction(text) for text in options.only)
    progress = Progress()
    reports = []
    for op in chosen:
        try:
            report = check(
                op, implementations.get(op.id), framework=options.framework, only=only,
                samples=options.samples, seed=options.seed, progress=progress,
            )  # fmt: skip
        except (ValueError, ModuleNotFoundError) as mistake:
            raise UsageError(str(mistake)) from mistake
        reports.append(report)
    progress.close()
    quiet = options.json == "-"
    if not quiet:
        for report in reports:
            if options.verbose or report.exit_code:
                print(report.text() + "\n")
        print(table(reports))
    code = exit_code(reports)
    if options.strict and code == 0 and any(report.verdict == "cannot tell" for report in reports):
        code = 3
    if options.json:
        text = json.dumps({"format": 1, "exit_code": code, "reports": [report.json() for report in reports]}, indent=1)
        if quiet:
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")
    return code


def _writable(path: Path) -> None:
    """Find out before the run, not after it."""
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as failure:
        raise UsageError(f"cannot write {path}: {failure.strerror}") from failure


def _implementations(options: argparse.Namespace, chosen: list[AnyOp]) -> dict[str, Callable[..., Any]]:
    """The implementation of each chosen operator, from MODULE:OBJECT; none without --impl."""
    if not options.impl:
        return {}
    module_name, _, attribute = options.impl.partition(":")
    if not attribute:
        raise UsageError(f"--impl is {options.impl!r}; expected MODULE:OBJECT, for example my_port:sort")
    sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as failure:  # the module is somebody else's and may fail in any way
        raise UsageError(f"--impl {options.impl}: {type(failure).__name__}: {failure}") from failure
    if isinstance(found, dict):
        missing = [op.id for op in chosen if op.id not in found]
        if options.names and missing:
            raise UsageError(f"--impl {options.impl} has nothing for {', '.join(missing)}; it has {', '.join(found)}")
        chosen[:] = [op for op in chosen if op.id in found]
        if not chosen:
            raise UsageError(
                f"--impl {options.impl} names no operator of this library; it has {', '.join(map(str, found))}"
            )
        return {op.id: found[op.id] for op in chosen}
    if not callable(found):
        raise UsageError(
            f"--impl {options.impl} is a {type(found).__name__}; expected a callable, or a mapping of them"
        )
    if len(chosen) != 1:
        raise UsageError(f"--impl {options.impl} is one callable; name the one operator it implements")
    return {chosen[0].id: found}


def _restriction(text: str) -> tuple[str, Any]:
    name, equals, values = text.partition("=")
    if not equals:
        raise UsageError(f"--only is {text!r}; expected ARG=VALUE, for example cdf=cauchy,logistic")
    return name, tuple(_literal(value) for value in values.split(","))


def _literal(text: str) -> Any:
    words = {"True": True, "False": False}
    try:
        return words[text] if text in words else float(text)
    except ValueError:
        return text


def _gallery(options: argparse.Namespace) -> int:
    from refimpl.checking.gallery import draw

    progress = Progress()
    try:
        pictures = draw(options.folder, progress)
    except (ModuleNotFoundError, OSError) as failure:
        raise UsageError(str(failure)) from failure
    progress.close()
    for picture in pictures:
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
