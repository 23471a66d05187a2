"""``refimpl vectors``: golden vectors, for implementations in any language.

  list     what there is
  export   write them out; --as requests makes lines that a program answers:  ./program < requests.jsonl > answers.jsonl
  verify   hold such answers, or an implementation, against them
  diff     what is different between two folders of vectors
  lint     is a folder of vectors what it should be?

Exit codes of verify: 0 right; 1 wrong; 2 usage, or a file that cannot be read; 4 crashed, or answers that are no answers;
5 nothing answered, or not one gradient. diff and lint: 1 if there is something to say.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refimpl.commands import Progress, UsageError
from refimpl.commands.subject import add_subject, subject

if TYPE_CHECKING:
    from refimpl.checking.vectors import Verified

SHAPES = ("json", "requests", "txt", "c-header", "npz")


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "vectors", help="golden vectors: list, export, verify, diff, lint", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | export | verify | diff | lint")

    listing = actions.add_parser("list", help="files, cases, tags")
    listing.add_argument("names", nargs="*", metavar="NAME", help="operators or rooms; default: all")

    exporting = actions.add_parser("export", help="write vectors into a folder")
    exporting.add_argument("folder", type=Path, metavar="DIR")
    exporting.add_argument("names", nargs="*", metavar="NAME", help="operators or rooms; default: all")
    exporting.add_argument("--as", dest="shape", choices=SHAPES, default="json", help="default json")

    verifying = actions.add_parser("verify", help="are these answers right?")
    verifying.add_argument(
        "answers", nargs="?", type=Path, metavar="ANSWERS", help="answers.jsonl, as a program wrote it"
    )
    add_subject(verifying)
    verifying.add_argument("--op", action="append", default=[], metavar="NAME", help="only this operator or room")
    verifying.add_argument("--vectors", type=Path, metavar="DIR", help="default: those that come with refimpl")
    verifying.add_argument("--json", metavar="FILE", help="write the verdicts as JSON; - for standard output")
    verifying.add_argument(
        "--no-refusals",
        action="store_true",
        help="leave out the cases that must be refused: accepting them is not wrong",
    )

    differing = actions.add_parser("diff", help="compare two folders")
    differing.add_argument("before", type=Path)
    differing.add_argument("after", type=Path)

    linting = actions.add_parser("lint", help="check a folder")
    linting.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="default: the vectors of refimpl")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from refimpl.checking.vectors_format import BadVectors

    try:
        return ACTIONS[options.action](options)
    except BadVectors as failure:
        raise UsageError(str(failure)) from failure
    except OSError as failure:
        raise UsageError(f"{failure.filename}: {failure.strerror}") from failure


def _held(names: list[str]) -> list[str]:
    """Operators of those names that have vectors, in the order of the catalogue."""
    from refimpl import catalog
    from refimpl.checking.vectors_format import manifest

    held = {entry["op"] for entry in manifest()["files"]}
    chosen = [op.id for name in names for op in catalog.find(name)] if names else [op.id for op in catalog.OPERATORS]
    missing = [op for op in chosen if op not in held]
    if names and missing:
        raise UsageError(f"there are no vectors for {', '.join(missing)}")
    return list(dict.fromkeys(op for op in chosen if op in held))


def _list(options: argparse.Namespace) -> int:
    from refimpl.checking.vectors_format import manifest

    held, listed = _held(options.names), manifest()
    for entry in listed["files"]:
        if entry["op"] in held:
            print(f"{entry['op']}: {entry['cases']} cases, {entry['bytes']} bytes, values from {entry['oracle']}")
            print("  " + ", ".join(f"{tag} {count}" for tag, count in entry["cases_by_tag"].items()))
    print("\ntags, and what each is made to catch")
    for tag, told in listed["tags"].items():
        print(f"  {tag:<17} {told['description']}: {told['catches']}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from refimpl.checking.vectors_export import export

    for path in export(options.folder, options.shape, _held(options.names)):
        print(path)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from refimpl.checking.vectors import verify
    from refimpl.checking.vectors_format import FOLDER

    if options.answers and (options.impl or options.cmd):
        raise UsageError("a file of answers and an implementation are two things to verify; give one of them")
    folder, progress = options.vectors or FOLDER, Progress()
    chosen = _held(options.op) if options.op else None
    if options.answers:
        found = verify(options.answers, chosen, folder)
    else:
        impl = subject(options, [_operator(op) for op in chosen or _held([])], named=bool(options.op))
        try:
            found = verify(impl, chosen, folder, progress)
        finally:
            progress.close()
            if impl is not None:
                impl.close()
    return _told(found.without_refusals() if options.no_refusals else found, options.json)


def _operator(name: str) -> Any:
    from refimpl.checking.doors import one_operator

    return one_operator(name)


def _told(found: Verified, path: str | None) -> int:
    text = json.dumps(found.json(), indent=1)
    if path == "-":
        print(text)
        return found.exit_code
    print(found.text())
    if path:
        Path(path).write_text(text + "\n", encoding="utf-8")
    return found.exit_code


def _diff(options: argparse.Namespace) -> int:
    from refimpl.checking.vectors_lint import diff

    found = diff(options.before, options.after)
    print("\n".join(found) or "no difference")
    return 1 if found else 0


def _lint(options: argparse.Namespace) -> int:
    from refimpl.checking.vectors_format import FOLDER
    from refimpl.checking.vectors_lint import lint

    found = lint(options.folder or FOLDER)
    print("\n".join(found) or "nothing to complain about")
    return 1 if found else 0


ACTIONS = {"list": _list, "export": _export, "verify": _verify, "diff": _diff, "lint": _lint}
