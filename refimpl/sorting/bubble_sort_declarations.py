"""What sorting.bubble_sort declares: domain, definition, laws, named inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, symmetry
from refimpl.op import Arg, Array, Case, Values, log_uniform

BETA = (0.3, 20.0)


def sizes(rng: np.random.Generator) -> dict[str, int]:
    return {"n": int(rng.integers(1, 8)), "batch": int(rng.integers(0, 4))}


def _sample_a(rng: np.random.Generator, size: Any) -> Array:
    return rng.normal(0.0, 1.5, (size["batch"], size["n"]) if size["batch"] else size["n"])


def _sample_beta(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] > 1 and rng.random() < 0.5:
        return np.array([log_uniform(rng, *BETA) for _ in range(size["batch"])])
    return log_uniform(rng, *BETA)


ARGS = (
    Arg(name="a", shape="... n", domain="finite, n >= 1", sample=_sample_a),
    Arg(name="beta", shape="...", domain="> 0", sample=_sample_beta),
)


def _logistic(y: float) -> float:
    return 0.0 if y <= -700.0 else 1.0 / (1.0 + math.exp(-y))


def program_by_definition(a: Any, *, beta: Any) -> tuple[Array, Array, Array]:
    """The listing, its variables in one dictionary; If and While by (2.10) and (2.12) as they stand."""
    a = np.asarray(a, np.float64)
    batch, n = a.shape[:-1], a.shape[-1]
    betas = np.broadcast_to(np.asarray(beta, np.float64), batch)
    array, swaps, swapped = np.zeros(a.shape), np.zeros(batch), np.zeros(batch)
    for row in np.ndindex(batch):
        state = {"A": a[row].copy(), "loss": 0.0, "swapped": 1.0}
        reached = 1.0
        for t in range(n):
            state["swapped"] = 0.0
            for i in range(n - 1 - t):
                p = _logistic(float(betas[row] * (state["A"][i] - state["A"][i + 1])))
                exchanged = state["A"].copy()
                exchanged[[i, i + 1]] = exchanged[[i + 1, i]]
                branch = {"A": exchanged, "loss": state["loss"] + 1.0, "swapped": 1.0}
                state = {name: p * branch[name] + (1.0 - p) * state[name] for name in state}
            ends = reached * (1.0 - state["swapped"])
            array[row] += ends * state["A"]
            swaps[row] += ends * state["loss"]
            swapped[row] += ends * state["swapped"]
            reached *= state["swapped"]
    return array, swaps, swapped


# Laws see the outputs side by side: n numbers of the array, then swaps, then swapped.


def _parts(y: Array) -> tuple[Array, Array, Array]:
    return y[..., :-2], y[..., -2], y[..., -1]


def _size(args: Values) -> float:
    return float(np.abs(args["a"]).max(initial=0.0))


def _sum(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    array, a = _parts(run.value(args))[0], np.asarray(args["a"])
    return Sides(array.sum(-1), a.sum(-1), _size(args) * a.shape[-1])


def _sum_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """The sum of the array pulls back to ones."""
    a = np.asarray(args["a"])
    g = np.concatenate([np.ones(a.shape), np.zeros((*a.shape[:-1], 2))], -1)
    return Sides(
        run.pull(args, g)["a"], np.ones(a.shape), a.shape[-1] * (1.0 + float(np.max(args["beta"])) * _size(args))
    )


def _range(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    array, swaps, swapped = _parts(run.value(args))
    a = np.asarray(args["a"])
    low, high, n = a.min(-1, keepdims=True), a.max(-1, keepdims=True), a.shape[-1]
    left = np.concatenate([array.ravel(), swaps.ravel(), swapped.ravel()])
    right = [
        np.clip(array, low, high).ravel(),
        np.clip(swaps, 0, n * (n - 1) / 2).ravel(),
        np.clip(swapped, 0, 1).ravel(),
    ]
    return Sides(left, np.concatenate(right), max(_size(args), float(n * n)))


def _shifted(y: Array, c: float) -> Array:
    return np.concatenate([y[..., :-2] + c, y[..., -2:]], -1)


def _scaled(y: Array, c: float) -> Array:
    return np.concatenate([c * y[..., :-2], y[..., -2:]], -1)


LAWS = (
    Law(name="sum", statement="the sum of the array is kept", forward=_sum, backward=_sum_twin),
    Law(
        name="range",
        statement="the array stays within [min a, max a], swaps within [0, n(n-1)/2], swapped within [0, 1]",
        forward=_range,
    ),
    symmetry(
        "shift",
        "array(a + c) = array(a) + c; swaps and swapped do not change",
        draw=lambda args, rng: float(rng.integers(-4, 5)),
        move=lambda args, c: changed(args, a=np.asarray(args["a"]) + c),
        image=_shifted,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    symmetry(
        "scale",
        "array(c a; beta / c) = c array(a; beta), c > 0; swaps and swapped do not change",
        draw=lambda args, rng: float(2.0 ** rng.integers(-3, 4)),
        move=lambda args, c: changed(args, a=np.asarray(args["a"]) * c, beta=np.asarray(args["beta"]) / c),
        image=_scaled,
        pull_move=lambda grads, c: {**grads, "a": c * grads["a"], "beta": grads["beta"] / c},
        pull_image=_scaled,
    ),
    Law(
        name="sorted output",
        statement="the array is ascending (false for finite beta)",
        false=True,
        forward=lambda run, args, rng: (lambda y: Sides(y, np.sort(y, -1), 1.0))(_parts(run.value(args))[0]),
        counterexample={"a": np.array([-3.0, -2.0, 2.0, -4.0, -4.0]), "beta": 0.25},
    ),
    Law(
        name="monotone",
        statement="the first entry never falls when an input rises (false)",
        false=True,
        backward=lambda run, args, rng: (lambda g: Sides(g, np.maximum(g, 0.0), 1.0))(
            run.pull(args, np.array([1.0, 0.0, 0.0, 0.0]))["a"]
        ),
        counterexample={"a": np.array([3.0, 0.0]), "beta": 1.0},
    ),
    Law(
        name="swapped is the probability of being sorted",
        statement="swapped = product of 1 - p over the first pass (false: E-03)",
        false=True,
        forward=lambda run, args, rng: Sides(
            np.array([run.value(args)[-1]]), np.array([_logistic(float(args["a"][1] - args["a"][0]))]), 1.0
        ),
        counterexample={"a": np.array([3.0, 1.0]), "beta": 1.0},
    ),
)

SHEET = "equation sheet, algo.bubble_sort, golden values"
A3 = np.array([3.0, 1.0, 2.0])
CASES = (
    Case(
        name="sheet",
        args={"a": A3, "beta": 1.0},
        expect=(np.array([1.497419688928, 1.9834017713, 2.519178539772]), 1.8204762264207, 0.2253039535996),
        source=SHEET,
    ),
    Case(name="one value", args={"a": np.array([2.5]), "beta": 1.0}, tags=("size_one",)),
    Case(name="all equal", args={"a": np.full(4, 1.5), "beta": 2.0}, tags=("ties",)),
    Case(name="nearly hard", args={"a": np.array([0.3, -1.2, 2.0, 0.7]), "beta": 1e6}, tags=("saturated",)),
    Case(name="nearly flat", args={"a": np.array([0.3, -1.2, 2.0, 0.7]), "beta": 1e-9}, tags=("boundary",)),
    Case(name="huge", args={"a": np.array([1e308, -1e308, 0.0]), "beta": 1.0}, tags=("extreme_large",)),
    Case(name="a batch", args={"a": np.array([[3.0, 1.0, 2.0], [0.5, 0.25, 0.0]]), "beta": np.array([1.0, 4.0])}),
    Case(name="no rows", args={"a": np.zeros((0, 3)), "beta": 1.0}, tags=("empty",)),
    Case(name="NaN", args={"a": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "beta": 1.0}, tags=("nan",)),
    Case(name="no values", args={"a": np.zeros((2, 0)), "beta": 1.0}, error=(ValueError, "nothing to sort")),
    Case(name="a number", args={"a": np.float64(1.0), "beta": 1.0}, error=(ValueError, "at least 1 axis")),
    Case(name="infinite a", args={"a": np.array([1.0, np.inf]), "beta": 1.0}, error=(ValueError, "infinite at index")),
    Case(name="complex a", args={"a": A3 * 1j, "beta": 1.0}, error=(TypeError, "complex128")),
    Case(name="masked a", args={"a": np.ma.masked_array([1.0, 2.0], mask=True), "beta": 1.0}, error=(TypeError, "masked")),
    Case(name="beta 0", args={"a": A3, "beta": 0.0}, error=(ValueError, "finite values > 0")),
    Case(name="beta of the wrong shape", args={"a": A3, "beta": np.ones(2)}, error=(ValueError, "broadcasts")),
)  # fmt: skip
