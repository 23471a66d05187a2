"""``python -m validation.bench.checker_speed``: how long ``check`` takes, and how a gradient with 100 000 entries is judged.

Prints times beside their targets, warm: everything is compiled. Exit 0 whatever the times are, since a busy machine is no
bug; exit 1 if an error that must be seen is not.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from refimpl import distributions
from refimpl.catalog import OPERATORS
from refimpl.checking import check
from refimpl.checking.derivative import judge
from refimpl.op import AnyOp

ONE, ALL, LARGE = 2.0, 60.0, 0.5  # seconds
ENTRIES, DIRECTIONS = 100_000, 3


def checked(op: AnyOp) -> float:
    """Seconds of a check with the default budget: the better of two, after one that compiles."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        check(op, op.vjp)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def verdict(gradient: Any, x: Any, g: Any, seed: int) -> str:
    """Of probes in a few signed directions, scaled to the entries of x; the first that says wrong settles it."""
    rng = np.random.default_rng(seed)
    found = []

    def value(at: Any) -> float:
        return float((distributions.cdf(at, family="logistic") * g).sum())

    for _ in range(DIRECTIONS):
        u = rng.standard_normal(x.shape) * np.maximum(np.abs(x), 0.5)
        size = float(np.linalg.norm(gradient * u))  # what the sum of so many signed terms amounts to
        found.append(judge(float((gradient * u).sum()), value, x, u, gauge=size).overall)
        if found[-1] == "wrong":
            return "wrong"
    return "right" if "right" in found else "cannot tell"


def large() -> bool:
    """Judge a right gradient and two wrong ones; whether each verdict is as it must be."""
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal(ENTRIES), rng.standard_normal(ENTRIES)
    true = distributions.cdf.vjp(x, family="logistic")[1](g).x
    entry = int(np.argsort(np.abs(true))[ENTRIES // 2])  # an entry of median size
    one_entry = true.copy()
    one_entry[entry] *= 1.01
    verdict(true, x, g, 0)
    seen = True
    for name, gradient, want in (
        ("right", true, "right"),
        ("off by 1e-6 in the whole", true * (1 + 1e-6), "wrong"),
        ("off by 1e-2 in one entry", one_entry, "wrong"),
    ):
        times, hits = [], 0
        for seed in range(10):
            start = time.perf_counter()
            hits += verdict(gradient, x, g, seed) == want
            times.append(time.perf_counter() - start)
        taken = float(np.median(times))
        seen &= hits == 10
        print(f"  {name:<25} {want} in {hits} of 10 seeds, {taken:6.3f} s (target {LARGE} s{_beyond(taken, LARGE)})")
    return seen


def main() -> int:
    print("check, default budget, warm")
    times = {op.id: checked(op) for op in OPERATORS}
    for name, taken in times.items():
        print(f"  {name:<28} {taken:6.2f} s (target {ONE} s{_beyond(taken, ONE)})")
    print(f"  {'all':<28} {sum(times.values()):6.2f} s (target {ALL} s{_beyond(sum(times.values()), ALL)})")
    print(f"a gradient with {ENTRIES} entries, {DIRECTIONS} directions: distributions.cdf, logistic")
    return 0 if large() else 1


def _beyond(taken: float, target: float) -> str:
    return ", MISSED" if taken > target else ""


if __name__ == "__main__":
    sys.exit(main())
