"""``refimpl replay CASE``: one saved input again, number by number."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from refimpl.commands.subject import add_subject, subject


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "replay", help="one saved input again, number by number (check --save FOLDER writes them)"
    )
    parser.add_argument("case", type=Path, help="a file that refimpl check --save wrote")
    add_subject(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from refimpl.checking.implementation import reference
    from refimpl.checking.replay import load, replay, side_by_side

    saved = load(options.case)
    impl = subject(options, [saved.operator], named=True)
    implementation = impl.get(saved.operator) if impl else None
    try:
        report = replay(saved, implementation)
        print(report.text())
        if report.verdict != "crashed":
            print(side_by_side(saved, implementation or reference(saved.operator)))
    finally:
        if impl is not None:
            impl.close()
    return report.exit_code
