"""``python -m validation.peers``: check every installed peer; exit 0 if the outcome is the recorded one.

Exit codes: 0 as recorded in the adapters and in BUGS.md (known defects included); 1 a defect is new, or has gone;
5 nothing ran; 7 the oracles contradict each other (a bug of this library).
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from types import ModuleType

from refimpl.checking.report import EXIT_DISAGREE, EXIT_NOTHING, EXIT_RIGHT, EXIT_WRONG, table

PEERS = {
    "scipy": "scipy_stats",
    "diffsort": "diffsort_package",
    "torchsort": "torchsort_package",
    "difftopk": "difftopk_package",
    "ott": "ott_package",
    "algovision": "algovision_package",
    "softtorch": "softtorch_package",
    "softjax": "softjax_package",
}


def installed(names: list[str]) -> list[ModuleType]:
    """The adapters whose package can be imported; a line about each of the others."""
    adapters = []
    for name in names:
        try:
            adapters.append(importlib.import_module(f"validation.peers.{PEERS[name]}"))
        except ModuleNotFoundError as missing:
            print(f"{name}: not checked, {missing}; pip install -e '.[peers]'")
    return adapters


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PEER", help=f"{', '.join(PEERS)}; default: all")
    parser.add_argument("--verbose", action="store_true", help="print every finding")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in PEERS]
    if unknown:
        parser.error(f"no peer {unknown[0]!r}; known: {', '.join(PEERS)}")
    adapters = installed(options.names or list(PEERS))
    if not adapters:
        return EXIT_NOTHING
    started = time.perf_counter()
    checks = [check for adapter in adapters for check in adapter.CHECKS]
    reports = [check.run() for check in checks]
    if options.verbose:
        print("\n\n".join(report.text() for report in reports) + "\n")
    print(table(reports) + "\n")

    surprises = [line for check, report in zip(checks, reports, strict=True) for line in check.surprises(report)]
    witnesses = [witness for adapter in adapters for witness in adapter.WITNESSES]
    width = max(len(witness.says) for witness in witnesses)
    print("Known defects (validation/BUGS.md), at their smallest input")
    for witness in witnesses:
        seen = witness.observe()
        print(f"  {witness.bug}  {witness.says:<{width}}  {seen}")
        if seen != witness.recorded:
            surprises.append(f"{witness.bug}, {witness.says}: {seen}, recorded is {witness.recorded}")

    print(f"\n{len(reports)} checks, {len(witnesses)} witnesses, {time.perf_counter() - started:.0f} s")
    for line in surprises:
        print(f"  NOT AS RECORDED  {line}")
    if any(report.disagreements for report in reports):
        return EXIT_DISAGREE
    return EXIT_WRONG if surprises else EXIT_RIGHT


if __name__ == "__main__":
    sys.exit(main())
