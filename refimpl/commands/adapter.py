"""``refimpl adapter new LANGUAGE``: write a starting point that runs, and say what to run next."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from refimpl.adapters import TEMPLATES
from refimpl.commands import UsageError


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "adapter", help="a starting point for an implementation in another language", description=__doc__
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="new")
    new = actions.add_parser("new", help="write it", description=__doc__)
    new.add_argument("language", choices=tuple(TEMPLATES))
    new.add_argument(
        "--output", type=Path, metavar="FILE", help="where to; default: adapter.c and so on, in this folder"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    template = TEMPLATES[options.language]
    path: Path = options.output or Path(template.file)
    wanted = Path(template.file).suffix
    if path.suffix != wanted:
        raise UsageError(f"--output is {path}; expected a file that ends with {wanted}")
    if wanted == ".py" and not path.stem.isidentifier():
        raise UsageError(f"--output is {path}; Python cannot import it: expected letters, digits and _")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template.text())
    except FileExistsError as failure:
        raise UsageError(f"{path} exists, and is left as it is; give another --output, or move it away") from failure
    except OSError as failure:
        raise UsageError(f"cannot write {path}: {failure.strerror}") from failure
    print(f"wrote {path}: sorting.swap, as a beginning; your own functions go where it says YOURS. Run now:\n")
    for command in template.commands(options.language, path):
        print(f"    {command}")
    return 0
