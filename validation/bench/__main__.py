"""``python -m validation.bench [--quick] [--markdown]``: speed as ratios taken in one run, beside the floors.

Peers and refimpl take turns, on two threads, and medians are compared; absolute times say something about the machine.
With ``--markdown`` the tables are written to RESULTS.md, beside this file. Always exits 0: a busy machine is no bug.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import refimpl
from refimpl import distributions, sorting
from refimpl.scalars.distributions import FAMILIES
from validation.bench import floors, sorters
from validation.bench.row import Row, markdown, plain
from validation.bench.timing import medians

RESULTS = Path(__file__).with_name("RESULTS.md")
THREADS = 2
BETA = 8.0

# network, n, batch, floor beside diffsort, floor beside torch; slow: 3 rounds are enough
WORKLOADS = (
    ("odd_even", 16, 100, 20.0, 10.0),
    ("odd_even", 32, 100, 20.0, 12.0),
    ("bitonic", 32, 100, 15.0, 8.0),
    ("bitonic", 128, 100, 30.0, 10.0),
    ("bitonic", 1024, 1, 60.0, 6.0),
)
SLOW = 100  # n from which a peer needs about a second a call


def permutation(network: str, x: Any, g: Any) -> Callable[[], object]:
    def call() -> object:
        _, pullback = sorting.network_permutation.vjp(x, network=network, beta=BETA)
        return pullback(g)

    return call


def torch_rivals(network: str, x: Any, g: Any) -> dict[str, Callable[[], object]]:
    """Forward and VJP of the matrix in PyTorch, by diffsort and by index tensors; what is not installed is left out."""
    try:
        import torch

        from validation.bench.torch_network import TorchNetwork
    except ModuleNotFoundError:
        return {}
    torch.set_num_threads(THREADS)
    leaf, cotangent = torch.tensor(x, requires_grad=True), torch.tensor(g)
    plain_torch = TorchNetwork(network, x.shape[-1], "cauchy", BETA)
    rivals = {"torch": lambda: torch.autograd.grad(plain_torch(leaf)[1], leaf, cotangent)}
    try:
        import diffsort
    except ModuleNotFoundError:
        return rivals
    matrices = diffsort.get_sorting_network(network, x.shape[-1], "cpu")
    transposed = cotangent.transpose(1, 2)
    rivals["diffsort"] = lambda: torch.autograd.grad(
        diffsort.sort(matrices, leaf, BETA, distribution="cauchy")[1], leaf, transposed
    )
    return rivals


def matrices(quick: bool) -> list[Row]:
    """Forward and VJP of the permutation matrix."""
    rows = []
    for dtype in (np.float32, np.float64):
        for network, n, batch, beside_diffsort, beside_torch in WORKLOADS:
            if quick and n >= SLOW:
                continue
            rng = np.random.default_rng(0)
            x, g = rng.standard_normal((batch, n)).astype(dtype), rng.standard_normal((batch, n, n)).astype(dtype)
            rivals = torch_rivals(network, x, g)
            taken = medians({"refimpl": permutation(network, x, g), **rivals}, 3 if n >= SLOW else 9)
            what = f"P and VJP, {network} n={n} batch={batch} {x.dtype}"
            for rival, floor in (("diffsort", beside_diffsort), ("torch", beside_torch)):
                if rival in taken:
                    rows.append(Row(what, rival, "ms", taken["refimpl"] * 1e3, taken[rival] * 1e3, floor))
    return rows


def comparators(quick: bool) -> list[Row]:
    """Time a comparator and column of the matrix, beside the swap in cache."""
    rows = []
    for threads in (THREADS, 1):
        refimpl.set_threads(threads)
        for network, n, batch, _, _ in WORKLOADS:
            if quick and n >= SLOW:
                continue
            rng = np.random.default_rng(0)
            x, g = rng.standard_normal((batch, n)), rng.standard_normal((batch, n, n))
            swap, swaps = floors.swap_floor(threads, np.float64)
            taken = medians({"refimpl": permutation(network, x, g), "floor": swap}, 7)
            layers = {"odd_even": sorting.odd_even, "bitonic": sorting.bitonic}[network](n)
            columns = batch * n * sum(map(len, layers))
            floor = taken["floor"] / swaps * floors.FORWARD_AND_BACK
            what = f"a comparator and column, {network} n={n} batch={batch}, {threads} thread{'s' * (threads > 1)}"
            beside = f"swap in cache x {floors.FORWARD_AND_BACK}"
            rows.append(Row(what, beside, "ns", taken["refimpl"] / columns * 1e9, floor * 1e9, sense="within"))
    refimpl.set_threads(THREADS)
    return rows


def values(quick: bool) -> list[Row]:
    """Sorted values alone, beside a loop that evaluates the sigmoids and swaps, both on one thread."""
    batch = 100
    refimpl.set_threads(1)
    x = np.random.default_rng(0).standard_normal((batch, 1024))
    count = batch * sum(map(len, sorting.bitonic(1024)))
    subjects = {
        "refimpl": lambda: sorting.network_sort(x, beta=BETA),
        "floor": floors.sigmoid_floor(1, count),
    }
    taken = medians(subjects, 7)
    refimpl.set_threads(THREADS)
    what = f"values, bitonic n=1024 batch={batch}, 1 thread"
    return [Row(what, "sigmoid and swap alone", "ms", taken["refimpl"] * 1e3, taken["floor"] * 1e3, 3.0, "within")]


def overheads(quick: bool) -> list[Row]:
    """One call on next to nothing."""
    x, g = np.arange(4.0), np.ones((4, 4))
    subjects: dict[str, Callable[[], object]] = {
        "network_sort": lambda: sorting.network_sort(x, beta=BETA),
        "network_permutation": lambda: sorting.network_permutation(x, beta=BETA),
        "network_sort and VJP": lambda: sorting.network_sort.vjp(x, beta=BETA)[1](x),
        "network_permutation and VJP": lambda: sorting.network_permutation.vjp(x, beta=BETA)[1](g),
        "cdf": lambda: distributions.cdf(x, family="cauchy"),
    }
    taken = medians(subjects, 25)
    bounded = ("network_sort", "network_permutation")
    return [
        Row(
            f"one call of {name}, n=4 batch=1",
            "",
            "us",
            seconds * 1e6,
            None,
            15.0 if name in bounded else None,
            "below",
        )
        for name, seconds in taken.items()
    ]


def sigmoids(quick: bool) -> list[Row]:
    """Distribution functions, a million elements; two threads."""
    x = np.random.default_rng(0).standard_normal(10**5 if quick else 10**6)
    subjects: dict[str, Callable[[], object]] = {}
    for family in FAMILIES:
        shape = {"shape": 2.5} if family == "gamma" else {}
        subjects[family] = lambda family=family, shape=shape: distributions.cdf(x, family=family, **shape)  # type: ignore[misc]
    taken = medians(subjects, 7)
    return [Row(f"cdf, {family}", "", "ns/element", s / x.size * 1e9, sense="below") for family, s in taken.items()]


def imports(quick: bool) -> list[Row]:
    """Importing in a fresh interpreter, as -X importtime counts it, NumPy included; medians of five."""
    rows = []
    for statement in ("import refimpl", "from refimpl import sorting"):
        milliseconds = sorted(import_time(statement) for _ in range(5))[2]
        rows.append(Row(statement, "", "ms", milliseconds, None, 150.0, "below"))
    return rows


def import_time(statement: str) -> float:
    command = [sys.executable, "-X", "importtime", "-c", statement]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    outermost = re.findall(r"\|\s*(\d+) \| refimpl\S*$", told, flags=re.MULTILINE)  # indented ones are inside these
    return sum(map(float, outermost)) / 1000.0


def residuals(quick: bool) -> list[Row]:
    """What one permutation of 1024 values keeps for its backward pass."""
    _, kept = sorting.network_permutation.forward(np.arange(1024.0), beta=BETA)
    size = sum(array.nbytes for array in kept if isinstance(array, np.ndarray))
    return [Row("residuals of P, bitonic n=1024 batch=1", "", "MiB", size / 2**20, None, 64.0, "below")]


TABLES: dict[str, Callable[[bool], list[Row]]] = {
    "The matrix, forward and VJP, beside PyTorch": matrices,
    "A comparator and column of the matrix, float64": comparators,
    "Sorted values alone, float64": values,
    "One call": overheads,
    "Import": imports,
    "Memory": residuals,
    "Distribution functions, float64": sigmoids,
    **sorters.TABLES,
}


def machine() -> list[str]:
    """The facts without which a number means nothing."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        models = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        cpu = models[0] if models else cpu
    packages = []
    for name in ("numpy", "numba", "torch", "diffsort", "difftopk", "torchsort", "ott-jax", "jax", "algovision"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"no {name}")
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return [
        f"{cpu}, {os.cpu_count()} processors; load average at the start {load}",
        f"{platform.system()}, Python {platform.python_version()}, refimpl {refimpl.__version__}, {', '.join(packages)}",
        f"{THREADS} threads for everybody unless a row says otherwise; medians, subjects taking turns",
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"leave out the matrices of n >= {SLOW}")
    parser.add_argument("--markdown", action="store_true", help=f"also write {RESULTS.name}")
    parser.add_argument("--only", default="", help="tables whose title contains this")
    options = parser.parse_args(arguments)
    facts, started = machine(), time.perf_counter()
    print("\n".join(facts))
    refimpl.set_threads(THREADS)
    tables = {}
    for title, measure in TABLES.items():
        if options.only not in title:
            continue
        tables[title] = measure(options.quick)
        print(f"\n{title}\n\n{plain(tables[title])}", flush=True)
    bounded = [row for rows in tables.values() for row in rows if row.met is not None]
    print(
        f"\n{sum(bool(row.met) for row in bounded)} of {len(bounded)} floors met, {time.perf_counter() - started:.0f} s"
    )
    if options.markdown:
        text = [
            "# Speed",
            "",
            f"Written by `python -m validation.bench{' --quick' * options.quick} --markdown`; do not edit.",
        ]
        text += ["", *(f"* {fact}" for fact in facts)]
        for title, rows in tables.items():
            text += ["", f"## {title}", "", markdown(rows)]
        RESULTS.write_text("\n".join(text) + "\n", encoding="utf-8")
        print(f"wrote {RESULTS.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
