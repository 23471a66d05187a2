"""``python -m validation.training [--quick] [--only NAME]``: train with every sorter, write RESULTS.md and a picture.

A method's temperature is chosen on digits held out from training, by short runs; with the best of them it is trained from
several seeds and judged on digits never seen. A seed fixes the network's start and the sets it sees, the same for every
method, so methods are compared seed by seed. Runs are kept in runs.json as they end, so that an interrupted survey goes
on where it was; ``--fresh`` forgets them. The claims of the thesis are then compared with what came out, whatever that is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from validation.training import report

HERE = Path(__file__).parent
RUNS = HERE / "runs.json"


class Plan(NamedTuple):
    """How long, how often."""

    sizes: tuple[int, ...] = (5, 9)
    short: int = 200
    steps: int = 600
    every: int = 50
    seeds: int = 8  # of the methods that the thesis's claims compare
    others: int = 2


QUICK = Plan(sizes=(5,), short=20, steps=40, every=20, seeds=1, others=1)


def one(name: str, n: int, temperature: float, seed: int, steps: int, every: int, choosing: bool) -> list[Any]:
    """One run, in a process of its own."""
    import torch

    import refimpl
    from validation.training.digits import pools
    from validation.training.learn import train
    from validation.training.methods import METHODS

    torch.set_num_threads(1)
    refimpl.set_threads(1)
    learning, held_out, unseen = pools()
    method = next(method for method in METHODS if method.name == name)
    return train(method.loss(temperature), n, learning, held_out if choosing else unseen, seed, steps, every)


def key(name: str, n: int, temperature: float, seed: int, steps: int, choosing: bool) -> str:
    return json.dumps([name, n, temperature, seed, steps, choosing])


def survey(plan: Plan, only: str | None, runs: dict[str, Any], path: Path | None, processes: int) -> None:
    """Every run that is not there yet; first the short ones that choose temperatures."""
    from validation.training.methods import METHODS

    methods = [method for method in METHODS if only is None or only in method.name]

    def short() -> Iterator[tuple[Any, ...]]:
        for n in plan.sizes:
            for method in methods:
                for temperature in method.temperatures:
                    yield method.name, n, temperature, 0, plan.short, True

    def whole() -> Iterator[tuple[Any, ...]]:
        for seed in range(plan.seeds):
            for n in plan.sizes:
                for method in methods:
                    if seed < plan.others or report.compared_in_the_thesis(method.name):
                        em = {t: runs[key(method.name, n, t, 0, plan.short, True)][-1][1] for t in method.temperatures}
                        yield method.name, n, max(em, key=em.__getitem__), seed, plan.steps, False

    for stage in (short, whole):
        wanted = [run for run in stage() if key(*run) not in runs]
        with ProcessPoolExecutor(processes) as pool:
            started = [(run, pool.submit(one, *run[:5], plan.every, run[5])) for run in wanted]
            for done, (run, future) in enumerate(started, 1):
                runs[key(*run)] = [list(measured) for measured in future.result()]
                if path:
                    path.write_text(json.dumps(runs, indent=0) + "\n", encoding="utf-8")
                last = runs[key(*run)][-1]
                print(f"{done}/{len(started)} {run}: EM {last[1]:.1f} EW {last[2]:.1f} EM5 {last[3]:.1f}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.training", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, sets of five, nothing is written")
    parser.add_argument("--only", help="methods whose name contains this; the report is not written")
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="at a time, one thread each")
    options = parser.parse_args(arguments)
    plan, partial = (QUICK if options.quick else Plan()), options.quick or options.only is not None
    path = None if options.quick else RUNS
    runs = json.loads(RUNS.read_text(encoding="utf-8")) if path and path.exists() and not options.fresh else {}
    started = time.monotonic()
    survey(plan, options.only, runs, path, options.processes)
    results = report.results(runs, plan.steps)
    print(report.table(results))
    if not partial:
        report.write(results, plan.steps, HERE)
    print(f"{len(runs)} runs, {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
