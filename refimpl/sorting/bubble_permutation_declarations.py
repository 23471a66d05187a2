"""What sorting.bubble_permutation declares, and what it shares with bubble_sort_by: domain, definition, laws, inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Arg, Array, Case, Values, log_uniform

STEEPNESS = (0.3, 30.0)  # sampled log-uniformly: from nearly averaging to nearly hard, for values of unit size
HARD = 1e300  # steepness at which every pair of different values is swapped or not
CORNER = 1e-3  # values further apart than this count as different in the hard limit


def sizes(rng: np.random.Generator) -> dict[str, int]:
    """The number of rounds is drawn here: -1 stands for the default."""
    n = int(rng.integers(1, 9))
    return {"n": n, "batch": int(rng.integers(0, 4)), "steps": int(rng.integers(-3, n + 1))}


def sample_keys(rng: np.random.Generator, size: Any) -> Array:
    shape = (size["batch"], size["n"]) if size["batch"] else (size["n"],)
    return rng.normal(0.0, 2.0, shape)


def sample_steepness(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] > 1 and rng.random() < 0.5:
        return np.array([log_uniform(rng, *STEEPNESS) for _ in range(size["batch"])])
    return log_uniform(rng, *STEEPNESS)


def sample_steps(rng: np.random.Generator, size: Any) -> int | None:
    return None if size["steps"] < 0 else int(size["steps"])


ARGS = (
    Arg(name="a", shape="... n", domain="finite, n >= 1", sample=sample_keys),
    Arg(name="steepness", shape="...", domain="> 0", sample=sample_steepness),
    Arg(name="steps", shape="", domain="whole, >= 0", differentiable=False, optional=True, sample=sample_steps),
)


# The definition


def in_order(z: float) -> float:
    """1 / (1 + exp(-z))."""
    return 1.0 / (1.0 + math.exp(-z)) if z >= 0.0 else math.exp(z) / (1.0 + math.exp(z))


def rounds_by_definition(a: Array, m: Array, s: float, steps: int) -> tuple[Array, Array]:
    """(6): one row of keys, and the rows that go with them, pair by pair."""
    a, m, n = a.copy(), m.copy(), a.size
    for j in range(steps):
        for i in range(j % 2, n - 1, 2):
            e = in_order(s * float(a[i + 1] - a[i]))
            mix = np.array([[e, 1.0 - e], [1.0 - e, e]])
            a[i : i + 2] = mix @ a[i : i + 2]
            m[i : i + 2] = mix @ m[i : i + 2]
    return a, m


def matrix_by_definition(a: Any, *, steepness: Any, steps: int | None = None) -> Array:
    """The matrix, one row of the batch at a time."""
    a = np.asarray(a, np.float64)
    n, batch = a.shape[-1], a.shape[:-1]
    s = np.broadcast_to(np.asarray(steepness, np.float64), batch)
    p = np.zeros((*batch, n, n))
    for row in np.ndindex(batch):
        p[row] = rounds_by_definition(a[row], np.eye(n), float(s[row]), n if steps is None else steps)[1]
    return p


# Laws


def length(args: Values) -> int:
    return int(np.shape(args["a"])[-1])


def sorts(args: Values) -> bool:
    """As many rounds as sort, and no two values that are nearly equal."""
    steps = args.get("steps")
    gaps = np.diff(np.sort(np.asarray(args["a"]), axis=-1), axis=-1)
    return (steps is None or steps >= length(args)) and float(gaps.min(initial=1.0)) > CORNER


def a_shift(args: Values, rng: np.random.Generator) -> float:
    return float(rng.integers(-4, 5))


def a_factor(args: Values, rng: np.random.Generator) -> float:
    return float(2.0 ** rng.integers(-3, 4))  # a power of two: exact, so that only the operator rounds


def scaled(args: Values, k: float) -> Values:
    return changed(args, a=np.asarray(args["a"]) * k, steepness=np.asarray(args["steepness"]) / k)


def scaled_back(grads: dict[str, Array], k: float) -> dict[str, Array]:
    return {**grads, "a": k * grads["a"], "steepness": grads["steepness"] / k}


def rolled(args: Values) -> Array:
    return np.roll(np.asarray(args["a"]), 1, axis=-1)


def _sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = run.value(args)
    sums = np.concatenate([p.sum(-1), p.sum(-2)], axis=-1)
    return Sides(sums, np.ones_like(sums), 1.0)


def _pull_constants(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent that is constant along columns, plus one constant along rows, pulls back to nothing."""
    n, shape = length(args), np.shape(args["a"])
    g = rng.standard_normal((*shape, 1)) + rng.standard_normal((*shape[:-1], 1, n))
    grads = run.pull(args, g)
    reach = (1.0 + np.max(args["steepness"])) * (1.0 + np.abs(args["a"]).max(initial=0.0))
    size = float(np.abs(g).max(initial=0.0) * n * reach)
    return stacked(grads, {name: np.zeros_like(value) for name, value in grads.items()}, size)


def _hard(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = run.value(changed(args, steepness=HARD))
    want = np.zeros_like(p)
    np.put_along_axis(want, np.argsort(np.asarray(args["a"]), axis=-1)[..., None], 1.0, axis=-1)
    return Sides(p, want, 1.0)


def _hull(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    a = np.asarray(args["a"], np.float64)
    b = np.einsum("...rc,...c->...r", run.value(args), a)
    low, high = a.min(-1, keepdims=True), a.max(-1, keepdims=True)
    return Sides(b, np.clip(b, low, high), float(np.abs(a).sum()))


def _composed(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Two rounds, and then the others on what came out."""
    a, steps = np.asarray(args["a"], np.float64), args.get("steps")
    steps = length(args) if steps is None else steps
    before = run.value(changed(args, steps=2))
    after = run.value(changed(args, a=np.einsum("...rc,...c->...r", before, a), steps=steps - 2))
    reach = 1.0 + float(np.max(args["steepness"])) * float(np.abs(a).max(initial=0.0))  # what rounding b does to e
    return Sides(run.value(changed(args, steps=steps)), after @ before, reach)


def _sorted_values(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    a = np.asarray(args["a"], np.float64)
    return Sides(np.einsum("...rc,...c->...r", run.value(args), a), np.sort(a), 1.0)


LAWS = (
    Law(
        name="doubly stochastic",
        statement="rows and columns of P sum to 1",
        forward=_sums,
        backward=_pull_constants,
    ),
    Law(
        name="range",
        statement="0 <= P <= 1",
        forward=lambda run, args, rng: (lambda p: Sides(p, np.clip(p, 0.0, 1.0), 1.0))(run.value(args)),
    ),
    Law(name="hull", statement="min a <= P a <= max a", forward=_hull),
    symmetry(
        "shift",
        "P(a + c) = P(a), so the gradient of a sums to 0",
        draw=a_shift,
        move=lambda args, c: changed(args, a=np.asarray(args["a"]) + c),
        image=lambda p, c: p,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    Law(
        name="shift twin",
        statement="the gradient of a sums to 0",
        backward=lambda run, args, rng: (
            lambda ga: Sides(ga.sum(-1), np.zeros(ga.shape[:-1]), float(np.abs(ga).sum()))
        )(run.pull(args, rng.standard_normal((*np.shape(args["a"]), length(args))))["a"]),
    ),
    symmetry(
        "scale",
        "P(k a; s / k) = P(a; s), k > 0",
        draw=a_factor,
        move=scaled,
        image=lambda p, k: p,
        pull_move=scaled_back,
        pull_image=lambda g, k: g,
    ),
    Law(
        name="hard limit",
        statement="n rounds sort as the steepness grows",
        forward=_hard,
        applies=sorts,
    ),
    Law(
        name="rounds follow each other",
        statement="P of 2 + k rounds is P of k rounds on the values after 2, times P of 2",
        forward=_composed,
        applies=lambda args: (args.get("steps") is None and length(args) >= 2) or (args.get("steps") or 0) >= 2,
    ),
    Law(
        name="n - 1 rounds sort",
        statement="n - 1 rounds sort an even number of values (false: erratum P-26)",
        false=True,
        forward=_sorted_values,
        counterexample={"a": np.array([4.0, 3.0, 2.0, 1.0]), "steepness": 1e3, "steps": 3},
    ),
    Law(
        name="permutation equivariance",
        statement="P of permuted values has permuted columns (false for n >= 3)",
        false=True,
        forward=lambda run, args, rng: Sides(
            run.value(changed(args, a=rolled(args))), np.roll(run.value(args), 1, axis=-1), 1.0
        ),
        counterexample={"a": np.array([3.0, 1.0, 2.0]), "steepness": 1.0},
    ),
    Law(
        name="symmetric",
        statement="P is symmetric (false)",
        false=True,
        forward=lambda run, args, rng: (lambda p: Sides(p, np.swapaxes(p, -1, -2), 1.0))(run.value(args)),
        counterexample={"a": np.array([3.0, 1.0, 2.0]), "steepness": 1.0},
    ),
)


# Named inputs

A3 = np.array([3.0, 1.0, 2.0])
CASES = (
    Case(
        name="hard",
        args={"a": A3, "steepness": 1e6},
        tags=("saturated",),
        expect=np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
        source="the permutation of argsort",
    ),
    Case(name="one value", args={"a": np.array([2.5]), "steepness": 1.0}, tags=("size_one",)),
    Case(
        name="two values, two rounds", args={"a": np.array([2.5, 1.0]), "steepness": 1.0, "steps": 2}, tags=("basic",)
    ),
    Case(
        name="no rounds",
        args={"a": A3, "steepness": 1.0, "steps": 0},
        tags=("boundary",),
        expect=np.eye(3),
        source="the identity, by definition",
    ),
    Case(name="more rounds than values", args={"a": A3, "steepness": 2.0, "steps": 20}, tags=("boundary",)),
    Case(name="all equal", args={"a": np.full(5, 1.5), "steepness": 2.0}, tags=("ties",)),
    Case(name="ties", args={"a": np.array([1.0, 0.0, 1.0, 0.0]), "steepness": 3.0}, tags=("ties",)),
    Case(name="nearly flat", args={"a": A3, "steepness": 1e-6}, tags=("boundary",)),
    Case(name="empty batch", args={"a": np.zeros((0, 3)), "steepness": 1.0}, tags=("empty",)),
    Case(
        name="two batch axes",
        args={"a": np.arange(12.0).reshape(2, 2, 3) % 5.0, "steepness": np.array([[1.0], [4.0]])},
        tags=("batch", "broadcast"),
    ),
    Case(name="65 values", args={"a": 3.0 * np.sin(np.arange(65.0) ** 2), "steepness": 5.0}, tags=("odd_size",)),
    Case(
        name="140 values, 30 rounds",
        args={"a": 3.0 * np.sin(np.arange(140.0) ** 2), "steepness": 5.0, "steps": 30},
        tags=("non_power_of_two",),
    ),
    Case(name="far apart", args={"a": np.array([-60.0, 90.0, 1.5, 0.5]), "steepness": 1.0}, tags=("saturated",)),
    Case(
        name="NaN in one row",
        args={"a": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "steepness": 1.0},
        tags=("nan",),
    ),
    Case(name="complex a", args={"a": np.array([1j, 2.0]), "steepness": 1.0}, error=(TypeError, "complex128")),
    Case(
        name="masked a",
        args={"a": np.ma.masked_array([1.0, 2.0], [False, True]), "steepness": 1.0},
        error=(TypeError, "masked"),
    ),
    Case(name="no values", args={"a": np.zeros((2, 0)), "steepness": 1.0}, error=(ValueError, "nothing to sort")),
    Case(name="scalar a", args={"a": np.float64(1.0), "steepness": 1.0}, error=(ValueError, "at least 1 axis")),
    Case(
        name="infinite a",
        args={"a": np.array([1.0, np.inf]), "steepness": 1.0},
        error=(ValueError, "infinite at index"),
    ),
    Case(name="steepness 0", args={"a": A3, "steepness": 0.0}, error=(ValueError, "finite values > 0")),
    Case(name="steepness NaN", args={"a": A3, "steepness": math.nan}, error=(ValueError, "finite values > 0")),
    Case(name="steepness of a wrong shape", args={"a": A3, "steepness": np.ones(2)}, error=(ValueError, "broadcasts")),
    Case(
        name="steps negative", args={"a": A3, "steepness": 1.0, "steps": -1}, error=(ValueError, "a whole number >= 0")
    ),
    Case(
        name="steps not whole",
        args={"a": A3, "steepness": 1.0, "steps": 2.5},
        error=(ValueError, "a whole number >= 0"),
    ),
)
