"""Named inputs of topk.network_topk, refused ones among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.op import Case, Values
from refimpl.sorting.cases import REFUSED

X5 = np.array([0.5, -1.0, 2.0, 0.0, 1.0])
SHEET = "mpmath, 50 digits, by (3.9); the equation sheet prints 12 digits of these numbers"
ROWS = [
    [0.049549732970673235, 0.04078876314624807, 0.5911042476129564, 0.07893323924977969, 0.2396240170203426],
    [0.13231067562444299, 0.05975411134618848, 0.15564096849927245, 0.12873680045710967, 0.5235574440729864],
]
WAVES = 2.0 * np.cos(np.arange(45.0) ** 2)
HARD: Values = {"cdf": "heaviside", "beta": 1.0}


def _case(name: str, tag: str, **args: Any) -> Case:
    return Case(name=name, args=args, tags=(tag,))


def _refused(name: str, k: Any, says: str) -> Case:
    kind = ValueError if type(k) is int else TypeError
    return Case(name=name, args={"x": X5, "k": k, "beta": 1.0}, error=(kind, says))


CASES = (
    Case(
        name="sheet, bitonic",
        args={"x": X5, "k": 2, "network": "bitonic", "cdf": "cauchy", "beta": 2.0},
        tags=("basic",),
        expect=np.array(ROWS),
        source=SHEET,
    ),
    Case(
        name="sheet, the first row alone",
        args={"x": X5, "k": 1, "network": "bitonic", "cdf": "cauchy", "beta": 2.0},
        tags=("basic",),
        expect=np.array(ROWS[:1]),
        source=SHEET,
    ),
    Case(
        name="two values",
        args={"x": np.array([0.0, 1.0]), "k": 1, "cdf": "cauchy", "beta": 1.0},
        tags=("basic",),
        expect=np.array([[0.25, 0.75]]),
        source="(3.23): 1/2 + atan(1) / pi = 3/4",
    ),
    *(
        Case(
            name=f"hard, n = {n}, {network}",
            args={"x": WAVES[:n], "k": 3, "network": network, **HARD},
            tags=("kink", "known_bug") if network == "bitonic" else ("kink",),
            expect=np.eye(n)[np.argsort(-WAVES[:n])[:3]],
            source="numpy.argsort",
        )
        for n, network in ((5, "splitter"), (16, "splitter"), (22, "bitonic"), (38, "bitonic"), (43, "bitonic"))
    ),
    _case("one value", "size_one", x=np.array([2.5]), k=1, beta=1.0),
    _case("all of them", "basic", x=X5, k=5, beta=1.5, cdf="logistic"),
    _case("all of them, odd-even", "odd_size", x=WAVES[:7], k=7, beta=1.5, network="odd_even"),
    _case("all equal", "ties", x=np.full(5, 1.5), k=2, beta=2.0),
    _case("ties", "ties", x=np.array([1.0, 0.0, 1.0, 0.0]), k=2, beta=3.0, cdf="logistic"),
    _case("nearly hard", "saturated", x=np.array([0.3, -1.2, 2.0, 0.7]), k=2, beta=1e6),
    _case("nearly flat", "boundary", x=np.array([0.3, -1.2, 2.0]), k=2, beta=1e-6),
    _case("hard, with a tie", "kink", x=np.array([3.0, 1.0, 2.0, 3.0]), k=2, **HARD),
    _case("empty batch", "empty", x=np.zeros((0, 3)), k=2, beta=1.0),
    _case("two batch axes", "batch", x=np.arange(12.0).reshape(2, 2, 3) % 5.0, k=2, beta=np.array([[1.0], [4.0]])),
    _case("far apart", "extreme_large", x=np.array([-500.0, 30.0, 1000.0, -2.0, 0.5]), k=3, beta=1.0),
    _case("far apart, logistic", "saturated", x=np.array([-60.0, 90.0, 1.5, 0.5]), k=2, cdf="logistic", beta=1.0),
    _case("custom network", "basic", x=np.array([2.0, 0.5, 1.0]), k=1, beta=2.0, network=[[(0, 1)], [(1, 2)]]),
    _case("upside down", "basic", x=np.array([2.0, 0.5, 1.0]), k=1, beta=2.0, network=[[(1, 0)], [(0, 2)]]),
    _case("no comparators", "basic", x=np.array([2.0, 0.5]), k=1, beta=2.0, network=[]),
    _case("art without its exponent", "boundary", x=WAVES[:4], k=2, cdf="art", lam=0.0, beta=1.5),
    _case("65 wires, 5 wanted", "odd_size", x=3.0 * np.sin(np.arange(65.0) ** 2), k=5, beta=5.0),
    _case("40 rows, more than a block", "basic", x=WAVES[:44], k=40, network="bitonic", beta=1.5),
    *(
        _case(
            f"{n} wires, {k} wanted, {network}, {cdf}", "odd_size", x=WAVES[:n], k=k, network=network, cdf=cdf, beta=1.5
        )
        for n, k, network, cdf in (
            (11, 3, "odd_even", "cauchy"),
            (13, 5, "splitter", "logistic"),
            (17, 2, "splitter", "gaussian"),
            (33, 9, "splitter", "optimal"),
            (19, 4, "bitonic", "reciprocal"),
            (21, 1, "splitter", "laplace"),
            (7, 6, "bitonic", "hyperbolic_secant"),
        )
    ),
    _refused("k 0", 0, "a whole number from 1 to n = 5"),
    _refused("k negative", -1, "a whole number from 1 to n = 5"),
    _refused("k beyond n", 6, "is 6; expected a whole number from 1 to n = 5"),
    _refused("k a fraction", 2.5, "a whole number from 1 to n = 5"),
    _refused("k a float", 2.0, "a whole number from 1 to n = 5"),
    _refused("k a bool", True, "a whole number from 1 to n = 5"),
    _refused("k missing", None, "a whole number from 1 to n = 5"),
    Case(
        name="network almost splitter",
        args={"x": X5, "k": 2, "beta": 1.0, "network": "spliter"},
        error=(ValueError, "did you mean 'splitter'"),
    ),
    *(Case(name=case.name, args={**case.args, "k": 1}, error=case.error) for case in REFUSED),
)
