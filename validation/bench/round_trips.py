"""``python -m validation.bench.round_trips``: round trips a second through a program that answers JSON lines.

Arrays of 64 numbers. The echo programs read no number, so that what is measured is this library and the pipes; the adapter
is the template ``refimpl adapter new c`` writes: it computes sorting.swap (two arrays in, two out, two cotangents, two
gradients). "waiting" asks again when the answer is there, "pipelined" sends 500 requests ahead (``Program.ask_many``).
The best of five runs is printed, then the median: the processors are shared. Always exits 0: a busy machine is no bug.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from refimpl import sorting
from refimpl.adapters import TEMPLATES
from refimpl.checking.process import Program

N, AHEAD, ROUNDS, SECONDS = 64, 500, 5, 0.4
GOAL = 20_000

# Answers with the first array object of the request. No number is read.
ECHO_C = r"""
#include <stdio.h>
#include <string.h>
int main(void) {
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        char *id = strstr(line, "\"id\""), *x = strstr(line, "\"x\": ");
        long number = 0;
        if (!id) puts("{\"protocol\": 1, \"name\": \"echo in C\", \"ops\": [\"sorting.network_sort\"]}");
        else {
            sscanf(id, "\"id\": %ld", &number);
            printf("{\"id\": %ld, \"outputs\": [%.*s}]}\n", number, (int)strcspn(x + 5, "}"), x + 5);
        }
        fflush(stdout);
    }
}
"""
ECHO_PYTHON = """
import json, sys
for line in sys.stdin:
    question = json.loads(line)
    answer = {"protocol": 1, "name": "echo in Python", "ops": ["sorting.network_sort"]}
    if "id" in question:
        answer = {"id": question["id"], "outputs": [question["args"]["x"]]}
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""


def rates(call: Callable[[], int]) -> tuple[float, float]:
    """Best and median of round trips a second; ``call`` says how many it made."""
    call()
    found = []
    for _ in range(ROUNDS):
        made, start = 0, time.perf_counter()
        while (taken := time.perf_counter() - start) < SECONDS:
            made += call()
        found.append(made / taken)
    return max(found), median(found)


def measure(program: Program) -> list[tuple[str, float, float]]:
    """Rows of one program: what was asked how, best, median."""
    rng = np.random.default_rng(0)
    (op,) = program.operators
    args: dict[str, Any] = {"x": rng.standard_normal(N)}
    if op is sorting.swap:
        args = {"a": rng.standard_normal(N), "b": rng.standard_normal(N), "cdf": "logistic"}
    args["beta"] = 8.0
    implementation = program.implementation(op)
    answer, many = implementation.run(args), [args] * AHEAD
    g = rng.standard_normal(answer.y.shape)

    def value() -> int:
        implementation.run(args)
        return 1

    def gradient() -> int:
        answer.pull(g)
        return 1

    def pipelined() -> int:
        return len(program.ask_many(op, many))

    asked = {"value, waiting": value, "value, pipelined": pipelined}
    if op is sorting.swap:
        asked["gradient, waiting"] = gradient
    return [(f"{program.name}: {how}", *rates(call)) for how, call in asked.items()]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        commands = [[sys.executable, "-S", "-c", ECHO_PYTHON]]
        if shutil.which("gcc"):
            for name, source in (("adapter", TEMPLATES["c"].text()), ("echo", ECHO_C)):
                path = Path(folder, name)
                path.with_suffix(".c").write_text(source, encoding="utf-8")
                subprocess.run(["gcc", "-O2", f"{path}.c", "-o", str(path), "-lm"], check=True)
                commands.insert(0, [str(path)])
        else:
            print("no gcc: only the Python program is measured")
        print(f"{'round trips a second, arrays of 64 numbers':<44}{'best':>8}{'median':>8}")
        met = False
        for command in commands:
            program = Program(command)
            for name, best, middle in measure(program):
                print(f"{name:<44}{best:>8.0f}{middle:>8.0f}")
                met |= best >= GOAL
            program.close()
    load = os.getloadavg()[0]
    print(f"goal {GOAL} a second: {'met' if met else 'missed'}; {os.cpu_count()} processors, load {load:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
