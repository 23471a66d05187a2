"""What sorting.bubble_sort_by declares: domain, definition, laws, named inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Arg, Array, Case, Values
from refimpl.sorting import bubble_permutation_declarations as bubble
from refimpl.sorting.bubble_permutation_declarations import a_factor, a_shift, length, rounds_by_definition

DEPARTS = "n rounds by default, not n - 1 for even n (P-26)"


def sizes(rng: np.random.Generator) -> dict[str, int]:
    return {**bubble.sizes(rng), "q": int(rng.integers(1, 5)), "shared": int(rng.integers(3))}


def _sample_rows(rng: np.random.Generator, size: Any) -> Array:
    batch = (size["batch"],) if size["batch"] and size["shared"] else ()
    return rng.normal(0.0, 2.0, (*batch, size["n"], size["q"]))


ARGS = (
    Arg(name="t", shape="... n q", domain="finite", sample=_sample_rows),
    Arg(name="a", shape="... n", domain="finite, n >= 1", sample=bubble.sample_keys),
    *bubble.ARGS[1:],
)


def rows_by_definition(t: Any, a: Any, *, steepness: Any, steps: int | None = None) -> Array:
    """One row of the batch at a time."""
    t, a = np.asarray(t, np.float64), np.asarray(a, np.float64)
    batch, n = np.broadcast_shapes(t.shape[:-2], a.shape[:-1]), a.shape[-1]
    s = np.broadcast_to(np.asarray(steepness, np.float64), batch)
    t, a = np.broadcast_to(t, (*batch, *t.shape[-2:])), np.broadcast_to(a, (*batch, n))
    out = np.zeros(t.shape)
    for row in np.ndindex(batch):
        out[row] = rounds_by_definition(a[row], t[row], float(s[row]), n if steps is None else steps)[1]
    return out


def terms(backward: Callable[[Any, Any], Any]) -> Callable[[Any, Any], dict[str, Any]]:
    """The pullback as a sum: through the weights as they are, and through the keys."""

    def split(residuals: Any, cotangent: Any) -> dict[str, Any]:
        whole = backward(residuals, cotangent)
        still = residuals.keys._replace(slope=np.zeros_like(residuals.keys.slope))
        direct = backward(residuals._replace(keys=still), cotangent)
        return {
            "the direct weights": direct,
            "the keys": type(whole)(*(a - b for a, b in zip(whole, direct, strict=True))),
        }

    return split


def _largest(args: Values) -> float:
    return float(np.abs(args["t"]).max(initial=0.0))


def _reach(args: Values) -> float:
    """A bound of gradients of the keys."""
    return float(
        (1.0 + _largest(args)) * (1.0 + np.max(args["steepness"])) * (1.0 + np.abs(args["a"]).max(initial=0.0))
    )


def _column_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    out, t = run.value(args), np.asarray(args["t"])
    sums = out.sum(-2)
    return Sides(sums, np.broadcast_to(t.sum(-2), sums.shape), _largest(args) * length(args))


def _pull_columns(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent that is constant along each column pulls back to itself, and not to the keys."""
    shape = np.shape(run.value(args))
    g = np.broadcast_to(rng.standard_normal((*shape[:-2], 1, shape[-1])), shape)
    summed = g.reshape(-1, *shape[-2:]).sum(0) if np.ndim(args["t"]) < len(shape) else g
    grads = run.pull(args, np.array(g))
    want = {**{name: np.zeros_like(value) for name, value in grads.items()}, "t": summed}
    return stacked(grads, want, float(np.abs(g).sum()) * _reach(args))


def _hull(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    out, t = run.value(args), np.asarray(args["t"])
    return Sides(out, np.clip(out, t.min(-2, keepdims=True), t.max(-2, keepdims=True)), _largest(args))


def _own_keys(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Against the values pass of the public network operator, whose layers are the rounds."""
    from refimpl.sorting import network_sort

    a, steps, n = np.asarray(args["a"], np.float64), args.get("steps"), length(args)
    layers = [[(i, i + 1) for i in range(j % 2, n - 1, 2)] for j in range(n if steps is None else steps)]
    sorted_keys = network_sort(a, network=layers, cdf="logistic", beta=args["steepness"])
    return Sides(run.value(changed(args, t=a[..., None]))[..., 0], sorted_keys, float(np.abs(a).max(initial=0.0)))


def _own_keys_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    from refimpl.sorting import network_sort

    a, steps, n = np.asarray(args["a"], np.float64), args.get("steps"), length(args)
    layers = [[(i, i + 1) for i in range(j % 2, n - 1, 2)] for j in range(n if steps is None else steps)]
    b, pull = network_sort.vjp(a, network=layers, cdf="logistic", beta=args["steepness"])
    g = rng.standard_normal(b.shape)
    grads, want = run.pull(changed(args, t=a[..., None]), g[..., None]), pull(g)
    return stacked(
        {"a": grads["a"] + grads["t"][..., 0], "steepness": grads["steepness"]},
        {"a": want.x, "steepness": np.asarray(want.beta)},
        float(np.abs(g).max(initial=0.0))
        * (1.0 + float(np.abs(a).max(initial=0.0)))
        * (1.0 + np.max(args["steepness"])),
    )


def _hard(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    a, t = np.asarray(args["a"]), np.asarray(args["t"])
    out = run.value(changed(args, steepness=bubble.HARD))
    order = np.argsort(a, axis=-1)[..., None]
    return Sides(out, np.take_along_axis(np.broadcast_to(t, out.shape), order, axis=-2), _largest(args))


LAWS = (
    Law(
        name="column sums",
        statement="each column keeps its sum; a cotangent constant along columns pulls back to itself",
        forward=_column_sums,
        backward=_pull_columns,
    ),
    Law(name="hull", statement="each column stays within its range", forward=_hull),
    Law(
        name="keys by themselves",
        statement="t = a[..., None] gives network_sort with the odd-even network and the logistic sigmoid",
        forward=_own_keys,
        backward=_own_keys_twin,
    ),
    Law(name="hard limit", statement="n rounds sort as the steepness grows", forward=_hard, applies=bubble.sorts),
    symmetry(
        "linear in t",
        "t'(-c t, a) = -c t'(t, a)",
        draw=a_factor,
        move=lambda args, k: changed(args, t=-k * np.asarray(args["t"])),
        image=lambda y, k: -k * y,
        pull_move=lambda grads, k: {**grads, "t": -k * grads["t"]},
        pull_image=lambda g, k: -k * g,
    ),
    symmetry(
        "shift of the rows",
        "t'(t + c, a) = t'(t, a) + c",
        draw=a_shift,
        move=lambda args, c: changed(args, t=np.asarray(args["t"]) + c),
        image=lambda y, c: y + c,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    symmetry(
        "shift of the keys",
        "t'(t, a + c) = t'(t, a), so the gradient of a sums to 0",
        draw=a_shift,
        move=lambda args, c: changed(args, a=np.asarray(args["a"]) + c),
        image=lambda y, c: y,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    symmetry(
        "scale of the keys",
        "t'(t, k a; s / k) = t'(t, a; s), k > 0",
        draw=a_factor,
        move=bubble.scaled,
        image=lambda y, k: y,
        pull_move=bubble.scaled_back,
        pull_image=lambda g, k: g,
    ),
    symmetry(
        "columns do not meet",
        "columns of t may change places: those of t' follow",
        draw=lambda args, rng: None,
        move=lambda args, _: changed(args, t=np.asarray(args["t"])[..., ::-1]),
        image=lambda y, _: y[..., ::-1],
        pull_move=lambda grads, _: {**grads, "t": grads["t"][..., ::-1]},
        pull_image=lambda g, _: g[..., ::-1],
    ),
    Law(
        name="permutation invariance",
        statement="keys and rows may be permuted together (false for n >= 3)",
        false=True,
        forward=lambda run, args, rng: Sides(
            run.value(changed(args, a=bubble.rolled(args), t=np.roll(args["t"], 1, axis=-2))), run.value(args), 1.0
        ),
        counterexample={"t": np.eye(3), "a": np.array([3.0, 1.0, 2.0]), "steepness": 1.0},
    ),
    Law(
        name="n - 1 rounds sort",
        statement="n - 1 rounds sort an even number of rows (false: erratum P-26)",
        false=True,
        forward=lambda run, args, rng: Sides(run.value(args)[..., 0], np.sort(np.asarray(args["a"])), 1.0),
        counterexample={
            "t": np.array([[4.0], [3.0], [2.0], [1.0]]), "a": np.array([4.0, 3.0, 2.0, 1.0]), "steepness": 1e3, "steps": 3,
        },
    ),
)  # fmt: skip

A3, T3 = np.array([0.3, 0.1, 0.2]), np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
SHEET = "equation sheet, algonet.softsort, golden values"
A4, KEYS3 = np.array([3.0, 1.0, 2.0, 0.0]), np.array([3.0, 1.0, 2.0])
SINES = 3.0 * np.sin(np.arange(140.0) ** 2)
CASES = (
    Case(
        name="sheet, four keys",
        args={"t": A4[:, None], "a": A4, "steepness": 2.0, "steps": 4},
        tags=("basic",),
        expect=np.array([[0.164287699494], [1.019017317591], [1.980982682409], [2.835712300506]]),
        source=SHEET,
    ),
    Case(
        name="sheet, three keys",
        args={"t": KEYS3[:, None], "a": KEYS3, "steepness": 2.0, "steps": 3},
        tags=("basic",),
        expect=np.array([[1.147021441734], [2.011349704671], [2.841628853595]]),
        source=SHEET,
    ),
    Case(name="hard", args={"t": T3, "a": A3, "steepness": 1e6}, tags=("saturated",)),
    Case(name="no rounds", args={"t": T3, "a": A3, "steepness": 1.0, "steps": 0}, tags=("boundary",)),
    Case(name="more rounds than keys", args={"t": T3, "a": A3, "steepness": 90.0, "steps": 20}, tags=("boundary",)),
    Case(name="one row", args={"t": T3[:1], "a": A3[:1], "steepness": 1.0}, tags=("size_one",)),
    Case(name="no columns", args={"t": np.zeros((3, 0)), "a": A3, "steepness": 1.0}, tags=("empty",)),
    Case(name="empty batch", args={"t": np.zeros((0, 3, 2)), "a": A3, "steepness": 1.0}, tags=("empty",)),
    Case(name="ties", args={"t": T3, "a": np.array([1.0, 1.0, 0.0]), "steepness": 3.0}, tags=("ties",)),
    Case(
        name="one table for two rows of keys",
        args={"t": T3, "a": np.stack([A3, A3[::-1]]), "steepness": np.array([5.0, 20.0])},
        tags=("batch", "broadcast"),
    ),
    Case(
        name="one row of keys for two tables",
        args={"t": np.stack([T3, -T3])[:, None], "a": np.stack([A3, A3[::-1]]), "steepness": np.array([[5.0], [20.0]])},
        tags=("batch", "broadcast"),
    ),
    Case(
        name="140 rows, 30 rounds",
        args={"t": np.cos(np.arange(420.0)).reshape(140, 3), "a": SINES, "steepness": 5.0, "steps": 30},
        tags=("non_power_of_two",),
    ),
    Case(
        name="300 columns",
        args={"t": np.cos(np.arange(1500.0)).reshape(5, 300), "a": SINES[:5], "steepness": 2.0},
        tags=("odd_size",),
    ),
    Case(
        name="NaN in a column",
        args={"t": np.array([[math.nan, 1.0], [2.0, 3.0]]), "a": A3[:2], "steepness": 1.0},
        tags=("nan",),
    ),
    Case(
        name="NaN key",
        args={"t": T3, "a": np.array([[1.0, math.nan, 2.0], [1.0, 0.0, 2.0]]), "steepness": 1.0},
        tags=("nan",),
    ),
    Case(name="complex t", args={"t": T3 * 1j, "a": A3, "steepness": 1.0}, error=(TypeError, "complex128")),
    Case(name="t of one axis", args={"t": A3, "a": A3, "steepness": 1.0}, error=(ValueError, "at least 2 axes")),
    Case(
        name="too few rows", args={"t": T3[:2], "a": A3, "steepness": 1.0}, error=(ValueError, "as many rows as keys")
    ),
    Case(
        name="batches that do not fit",
        args={"t": np.zeros((2, 3, 1)), "a": np.zeros((4, 3)), "steepness": 1.0},
        error=(ValueError, "batch axes that broadcast"),
    ),
    Case(
        name="no keys", args={"t": np.zeros((0, 2)), "a": np.zeros(0), "steepness": 1.0}, error=(ValueError, "nothing")
    ),
    Case(
        name="infinite t",
        args={"t": np.full((3, 1), np.inf), "a": A3, "steepness": 1.0},
        error=(ValueError, "infinite at index"),
    ),
    Case(
        name="infinite a",
        args={"t": T3, "a": np.array([0.0, 1.0, -np.inf]), "steepness": 1.0},
        error=(ValueError, "infinite at index"),
    ),
    Case(name="steepness 0", args={"t": T3, "a": A3, "steepness": 0.0}, error=(ValueError, "finite values > 0")),
    Case(
        name="steps negative",
        args={"t": T3, "a": A3, "steepness": 1.0, "steps": -1},
        error=(ValueError, "a whole number >= 0"),
    ),
)
