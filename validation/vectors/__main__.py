"""``python -m validation.vectors``: write refimpl/vectors. ``--check``: say what would change, exit 1 if anything.

Values of operators that have no definition here come from their declared oracle in float64, whose last bits depend on the
machine: ``--check`` lets those move within their tolerance.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from refimpl.catalog import OPERATORS
from refimpl.checking.vectors_format import FOLDER, entry, manifest_text
from refimpl.checking.vectors_lint import moved
from validation.vectors.build import text


def texts() -> dict[str, str]:
    """Every file of the folder but the schema, by name."""
    files = {f"{op.id}.json": text(op) for op in OPERATORS}
    entries = [entry(op.id, files[f"{op.id}.json"]) for op in OPERATORS]
    return {**files, "manifest.json": manifest_text(entries)}


def changed(made: dict[str, str], folder: Path) -> list[str]:
    """What is on disk and is not what was made."""
    found, loose = [], False
    for name, new in made.items():
        path = folder / name
        old = path.read_text(encoding="utf-8") if path.exists() else None
        if old is None:
            found.append(f"{name} is missing")
        elif old != new and '"oracle":"declared"' in new[:400] and not moved(old, new):
            loose = True
        elif old != new and not (name == "manifest.json" and loose):
            found.append(f"{name} differs")
    known = {*made, "schema.json"}
    return found + [
        f"{path.name} belongs to no operator" for path in sorted(folder.iterdir()) if path.name not in known
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.vectors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is there, write nothing")
    options = parser.parse_args(arguments)
    started, made = time.monotonic(), texts()
    if options.check:
        found = changed(made, FOLDER)
        print("\n".join(found) or f"{len(made)} files, as they are on disk, {time.monotonic() - started:.0f} s")
        return 1 if found else 0
    for name, content in made.items():
        (FOLDER / name).write_text(content, encoding="utf-8", newline="\n")
    for path in FOLDER.iterdir():
        if path.name not in {*made, "schema.json"}:
            path.unlink()
    print(f"{len(made)} files, {sum(map(len, made.values()))} bytes, {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
