"""``python -m validation.papers``: print every table; exit 1 if a value has drifted, 2 if nothing was compared.

With ``--markdown`` the tables are also written to RESULTS.md, beside this file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from validation.papers import TABLES
from validation.papers.row import Row, text

HEAD = ("source", "what", "printed", "ours", "allowed", "", "why allowed, what was seen")
RESULTS = Path(__file__).with_name("RESULTS.md")
INTRODUCTION = """# The papers, reproduced

Written by `python -m validation.papers --markdown`; do not edit. Each row puts what is printed beside what this library
computes. "allowed" is the absolute difference at which the row would fail, and the last column says why it is that, or
what was measured. Mistakes of the papers are in [ERRATA.md](../ERRATA.md).
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.papers", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help=f"also write {RESULTS.name}")
    options = parser.parse_args(arguments)
    tables = {title: make() for title, make in TABLES.items()}
    for title, rows in tables.items():
        print(f"\n{title}\n")
        print("\n".join(plain(rows)))
    every = [row for rows in tables.values() for row in rows]
    drifted = [row for row in every if not row.ok]
    print(f"\n{len(every)} values, {len(drifted)} drifted")
    for row in drifted:
        print(f"  DRIFT {row.source}: {row.what}: printed {text(row.printed)}, ours {text(row.ours)}")
    if options.markdown:
        RESULTS.write_text(markdown(tables), encoding="utf-8")
        print(f"wrote {RESULTS.name}")
    return 2 if not every else int(bool(drifted))


def cells(row: Row) -> tuple[str, ...]:
    allowed = f"{row.tolerance:.2g}" if row.tolerance else "0"
    return row.source, row.what, text(row.printed), text(row.ours), allowed, "ok" if row.ok else "DRIFT", row.reason


def plain(rows: list[Row]) -> list[str]:
    """An aligned table."""
    grid = [HEAD, *map(cells, rows)]
    widths = [max(len(line[column]) for line in grid) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in grid]
    return [lines[0], "-" * min(max(map(len, lines)), 160), *lines[1:]]


def markdown(tables: dict[str, list[Row]]) -> str:
    blocks = [INTRODUCTION]
    for title, rows in tables.items():
        lines = [f"## {title}", "", f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
        lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells(row))} |" for row in rows]
        blocks.append("\n".join(lines) + "\n")
    total = sum(map(len, tables.values()))
    drifted = sum(not row.ok for rows in tables.values() for row in rows)
    blocks.append(f"{total} values, {drifted} drifted.\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
