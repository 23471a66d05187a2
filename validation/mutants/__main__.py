"""``python -m validation.mutants``: every mutant, who refused it, and what the diagnosis says. Exit 1 if one survives.

``--rivals`` sends them to other gradient checkers as well and prints who missed what; with ``--markdown`` the tables are
written to RIVALS.md, beside this file. It exits 1 if another checker catches what ``check`` misses.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from refimpl.checking import Report, check
from validation.mutants.build import build
from validation.mutants.corpus import MUTANTS
from validation.mutants.mutant import Mutant


def judge(mutant: Mutant) -> Report:
    """What check says of a mutant on its random inputs, at its default tolerance."""
    op, vjp = build(mutant)
    return check(op, vjp, name=mutant.name, cases=False)  # uncompiled kernels would take minutes on the large ones


def refused_by(report: Report) -> str:
    """The oracles that called it wrong."""
    return ", ".join(dict.fromkeys(f.oracle for f in report.findings if f.verdict in ("wrong", "crashed")))


def row(mutant: Mutant, report: Report) -> tuple[str, ...]:
    """Operator, mutant, verdict, oracles, wrong subjects, diagnoses."""
    wrong = ", ".join(name for name, verdict in report.by_argument.items() if verdict in ("wrong", "crashed"))
    says = "; ".join(f"{name}: {d.kind}: {d.sentence}" for name, d in report.diagnoses.items())
    return mutant.operator, mutant.name, report.verdict, refused_by(report), wrong, says


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.mutants", description=__doc__)
    parser.add_argument("--rivals", action="store_true", help="compare with torch, JAX and SciPy")
    parser.add_argument("--markdown", action="store_true", help="with --rivals: write RIVALS.md")
    parser.add_argument("--operator", help="with --rivals: the mutants of one operator")
    options = parser.parse_args()
    if not options.rivals:
        return survey()
    from validation.mutants import table

    return table.compare(options.operator, options.markdown)


def survey() -> int:
    """Every mutant through ``check``; writes MUTANTS.md."""
    started, rows, survivors = time.monotonic(), [], []
    for mutant in MUTANTS:
        report = judge(mutant)
        rows.append(row(mutant, report))
        if report.exit_code == 0:
            survivors.append(mutant)
        print(" | ".join(rows[-1])[:240], flush=True)
    lines = [
        "# Mutants: wrong backward passes that `check` refuses",
        "",
        f"Written by `python -m validation.mutants`. {len(MUTANTS)} rewrites of our own backward passes "
        f"(`validation/mutants/corpus/`), {len(MUTANTS) - len(survivors)} refused.",
        "",
        "| operator | mutant | verdict | refused by | wrong in | diagnosis |",
        "|---|---|---|---|---|---|",
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in rows),
    ]
    (Path(__file__).parent / "MUTANTS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    took = time.monotonic() - started
    print(f"\n{len(MUTANTS)} mutants, {len(MUTANTS) - len(survivors)} refused, {took:.0f} s")
    for mutant in survivors:
        print(f"SURVIVED: {mutant.operator}, {mutant.name}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
