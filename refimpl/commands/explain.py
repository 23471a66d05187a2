"""``refimpl explain NAME``: what a word of a report means."""

from __future__ import annotations

import argparse
import difflib
from typing import Any

from refimpl.commands import UsageError


def add(commands: Any) -> None:
    parser = commands.add_parser("explain", help="what a diagnosis or a verdict means, and what to try")
    parser.add_argument("name", nargs="?", help="for example constant_factor; without it, all names")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from refimpl.checking.explanations import DIAGNOSES, VERDICTS, explain

    if options.name is None:
        print("diagnoses: " + ", ".join(DIAGNOSES))
        print("verdicts:  " + ", ".join(VERDICTS))
        return 0
    found = explain(options.name)
    if found is None:
        near = difflib.get_close_matches(options.name, [*DIAGNOSES, *VERDICTS], n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise UsageError(f"no word {options.name!r}; {hint}'refimpl explain' lists them")
    print(f"seen:    {found.seen}")
    if found.causes:
        print(f"causes:  {found.causes}")
    print(f"next:    {found.next}")
    return 0
