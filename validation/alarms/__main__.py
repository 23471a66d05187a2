"""``python -m validation.alarms [--checks N]``: right implementations, by every door, until N checks were made.

A check is one verdict, right or wrong, of one oracle about one subject at one input: the value of one array, a gradient, a
probe in one direction, a law, one demand of the contract. Arrays count once, whatever their size; what could not be told,
was vacuous or not offered does not count, nor that something ran. Seeds go up until there are enough, and the seed that was
begun is finished for all doors; named cases are tried with the first. Anything but right is an alarm: it is printed, and
the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from refimpl.catalog import OPERATORS
from refimpl.checking.checker import Examination as Check  # for its tallies: a report keeps what they amount to
from refimpl.checking.implementation import Implementation
from refimpl.checking.report import Report
from refimpl.op import AnyOp
from validation.alarms.doors import DOORS, Make

ALARMS = Path(__file__).with_name("ALARMS.md")
SAMPLES = 12  # random inputs a seed; new seeds draw others


def judged(op: AnyOp, subject: Implementation, seed: int, named: bool) -> tuple[Report, Counter[str]]:
    """A check, and the number of verdicts of each kind, right and wrong ones by the dtype they are about."""
    run = Check(op, subject, {}, SAMPLES, named, seed, None, lambda text: None)
    report, counts = run.run(), Counter[str]()
    for (about, oracle), tally in run.tallies.items():
        dtype = "float32" if about == "float32" or oracle.endswith("float32") else "float64"
        counts.update(
            dtype if verdict in ("right", "wrong") else verdict
            for verdict in tally.verdicts
            if about != "runs" or verdict != "right"
        )
    return report, counts


def is_alarm(report: Report) -> bool:
    """Anything that is said against a right implementation."""
    return report.exit_code != 0 or any(f.verdict in ("wrong", "crashed") for f in report.findings)


def open_doors(names: list[str]) -> tuple[dict[str, Make], dict[str, str]]:
    """The doors that open here, and why the others do not."""
    makers, closed = {}, {}
    for door in DOORS:
        if door.name in names:
            try:
                makers[door.name] = door.open()
            except ImportError as missing:
                closed[door.name] = str(missing)
    return makers, closed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.alarms", description=__doc__)
    parser.add_argument("--checks", type=int, default=40_000, help="at least so many, float32 and float64 together")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; to go on with a run that was stopped")
    parser.add_argument(
        "--doors", nargs="+", default=[door.name for door in DOORS], choices=[door.name for door in DOORS]
    )
    parser.add_argument(
        "--operators", nargs="+", default=[op.id for op in OPERATORS], choices=[op.id for op in OPERATORS]
    )
    parser.add_argument("--markdown", action="store_true", help="write ALARMS.md")
    options = parser.parse_args()
    operators = [op for op in OPERATORS if op.id in options.operators]
    makers, closed = open_doors(options.doors)
    for name, why in closed.items():
        print(f"door {name} is closed: {why}")
    started, seed, counts, alarms = time.monotonic(), options.seed, {name: Counter[str]() for name in makers}, []
    while makers and checks(counts) < options.checks:
        for name, make in makers.items():
            for op in operators:
                report, found = judged(op, make(op), seed, seed == options.seed)
                counts[name] += found
                if is_alarm(report):
                    again = f"python -m validation.alarms --checks 1 --doors {name} --operators {op.id} --seed {seed}"
                    alarms.append(f"ALARM ({again})\n{report.text()}")
                    print(alarms[-1], flush=True)
            took = time.monotonic() - started
            print(f"seed {seed}, {name}: {checks(counts)} checks, {len(alarms)} alarms, {took:.0f} s", flush=True)
        seed += 1
    lines = summary(counts, closed, len(alarms), range(options.seed, seed), len(operators))
    print("\n" + "\n".join(lines))
    if options.markdown:
        ALARMS.write_text("\n".join([*lines, *alarms]) + "\n", encoding="utf-8")
    return 1 if alarms or checks(counts) < options.checks else 0


def checks(counts: dict[str, Counter[str]]) -> int:
    return sum(found["float64"] + found["float32"] for found in counts.values())


def summary(
    counts: dict[str, Counter[str]], closed: dict[str, str], alarms: int, seeds: range, operators: int
) -> list[str]:
    """ALARMS.md."""
    columns = ("float64", "float32", "cannot tell", "not offered", "vacuous")
    return [
        "# False alarms of `check` on right implementations",
        "",
        f"Written by `python -m validation.alarms --markdown`. {checks(counts)} checks, **{alarms} alarms**: seeds "
        f"{seeds.start} to {seeds.stop - 1}, {SAMPLES} random inputs each, every named case once, {operators} operators. "
        "A check is one verdict, right or wrong, of one oracle about one subject at one input; arrays count once. The last "
        "three columns do not count.",
        "",
        f"| door | what it is | {' | '.join(columns)} |",
        "|---" * (2 + len(columns)) + "|",
        *(
            f"| {door.name} | {door.what} | {' | '.join(str(counts[door.name][column]) for column in columns)} |"
            for door in DOORS
            if door.name in counts
        ),
        *(f"\nNot run: {name} ({why})." for name, why in closed.items()),
    ]


if __name__ == "__main__":
    sys.exit(main())
