"""Programs for the tests of the subprocess door: a right one in plain Python, with room for a fault."""

import sys

import numpy as np

from refimpl import sorting
from refimpl.checking.process import Program

ONLY = {"cdf": "logistic"}
ARGS = {"a": np.array([1.0, 3.0]), "b": np.array([2.0, -1.0]), "cdf": "logistic", "beta": 2.0}
LOGISTIC = """
import json, math, os, signal, struct, sys, time

def numbers(array):
    return struct.unpack(f">{len(array['hex']) // 16}d", bytes.fromhex(array["hex"]))

def array(like, values):
    return {"dtype": "f64", "shape": like["shape"], "hex": struct.pack(f">{len(values)}d", *values).hex()}

hello = {"protocol": 1, "name": "test", "ops": ["sorting.swap", "sorting.heap"], "dtypes": ["f64"]}
STARTED
for line in sys.stdin:
    asked = json.loads(line)
    if "hello" in asked:
        print(json.dumps(hello), flush=True)
        continue
    args = asked["args"]
    a, b, (beta,) = (numbers(args[name]) for name in ("a", "b", "beta"))
    swaps = []
    for x, y in zip(a, b):
        p = 0.5 + 0.5 * math.tanh(0.5 * beta * (y - x))
        swaps.append((p, 1 - p, p * x + (1 - p) * y, (1 - p) * x + p * y, p * (1 - p) * (x - y)))
    outputs = [array(args["a"], [s[2] for s in swaps]), array(args["a"], [s[3] for s in swaps])]
    answer = {"id": asked["id"], "outputs": outputs, "remark": "unknown keys are ignored"}
    if "cotangents" in asked:
        glo, ghi = map(numbers, asked["cotangents"])
        ga, gb, gbeta = [], [], 0.0
        for (p, q, _, _, slope), x, y, gl, gh in zip(swaps, a, b, glo, ghi):
            ga.append(p * gl + q * gh - beta * slope * (gl - gh))
            gb.append(q * gl + p * gh + beta * slope * (gl - gh))
            gbeta += slope * (gl - gh) * (y - x)
        answer["grads"] = {"a": array(args["a"], ga), "b": array(args["a"], gb), "beta": array({"shape": []}, [gbeta])}
    if args["cdf"] != "logistic" or args["a"]["shape"] != args["b"]["shape"] or args["beta"]["shape"]:
        answer = {"id": asked["id"], "skip": "not this"}
    FAULT
    print(json.dumps(answer), flush=True)
"""


def python(program: str) -> list[str]:
    return [sys.executable, "-S", "-c", program]


def logistic(fault: str = "", started: str = "") -> list[str]:
    """A right program, with a fault before each answer or at its start."""
    return python(LOGISTIC.replace("FAULT", fault.replace("\n", "\n    ") or "pass").replace("STARTED", started))


def swap(program: Program):
    return program.implementation(sorting.swap)


HELLO = '{"protocol": 1, "name": "x", "ops": ["sorting.swap"]}'
