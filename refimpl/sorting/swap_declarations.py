"""What sorting.swap declares: domain, kinks, definition, laws, named inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, symmetry
from refimpl.op import Arg, Array, Case, Values, log_uniform
from refimpl.scalars.swaps import CDFS, DEFAULT_LAM
from refimpl.sorting.definition import BETA, DIFFERENTIABLE_CDFS, KINKS, weight_by_definition


def sizes(rng: np.random.Generator) -> dict[str, int]:
    return {"n": int(rng.integers(1, 8)), "cdf": int(rng.integers(len(DIFFERENTIABLE_CDFS)))}


def _sample(rng: np.random.Generator, size: Any) -> Array:
    return np.asarray(rng.normal(0.0, 2.0, size["n"]))


ARGS = (
    Arg(name="a", shape="...", domain="finite", sample=_sample),
    Arg(name="b", shape="...", domain="finite", sample=_sample),
    Arg(
        name="cdf",
        shape="",
        domain=", ".join(CDFS),
        differentiable=False,
        sample=lambda rng, size: DIFFERENTIABLE_CDFS[size["cdf"]],
    ),
    Arg(name="beta", shape="...", domain="> 0", sample=lambda rng, size: log_uniform(rng, *BETA)),
    Arg(
        name="lam",
        shape="...",
        domain="[0, 1), cdf='art' only",
        optional=True,
        sample=lambda rng, size: float(rng.uniform(0.0, 0.6)) if DIFFERENTIABLE_CDFS[size["cdf"]] == "art" else None,
    ),
)


def _broadcast(a: Any, b: Any, beta: Any, lam: Any) -> list[Array]:
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    numbers = (a, b, beta, DEFAULT_LAM if lam is None else lam)
    return [np.broadcast_to(np.asarray(number, np.float64), shape) for number in numbers]


def margin(a: Any, b: Any, *, cdf: str = "cauchy", beta: Any, lam: Any = None) -> float:
    """Distance of the nearest difference from a kink of the sigmoid; infinite for analytic ones."""
    if cdf not in KINKS:
        return math.inf
    a, b, beta, _ = _broadcast(a, b, beta, lam)
    return float((np.abs(np.abs(beta * (b - a)) - KINKS[cdf]) / beta).min(initial=math.inf)) / 2.0


def swapped_by_definition(a: Any, b: Any, *, cdf: str = "cauchy", beta: Any, lam: Any = None) -> tuple[Array, Array]:
    """(3.5) to (3.8) as they stand, element by element."""
    a, b, beta, lam = _broadcast(a, b, beta, lam)
    alpha = np.array(
        [
            weight_by_definition(cdf, *map(float, row))
            for row in zip(b.flat - a.ravel(), beta.flat, lam.flat, strict=True)
        ]
    ).reshape(a.shape)
    return alpha * a + (1.0 - alpha) * b, (1.0 - alpha) * a + alpha * b


def _ordered(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    low, high = run.value(args)
    a, b = np.asarray(args["a"]), np.asarray(args["b"])
    inside = np.clip(low, np.minimum(a, b), np.maximum(a, b))
    size = float(np.abs(a).max(initial=0.0) + np.abs(b).max(initial=0.0))
    return Sides(np.stack([low, low]), np.stack([np.minimum(low, high), inside]), size)


def _sum(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    low, high = run.value(args)
    total = np.asarray(args["a"]) + np.asarray(args["b"])
    return Sides(low + high, total, float(np.abs(args["a"]).max(initial=0.0) + np.abs(args["b"]).max(initial=0.0)))


def _sum_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Each column of the Jacobian sums to 1, and so does each row."""
    g = rng.standard_normal((2, *np.shape(args["a"])))
    grads = run.pull(args, g)
    return Sides(grads["a"] + grads["b"], g[0] + g[1], float(np.abs(g).sum()))


LAWS = (
    Law(name="order", statement="min <= max, and both lie within [a, b]", forward=_ordered),
    Law(name="sum", statement="min + max = a + b; ga + gb = gmin + gmax", forward=_sum, backward=_sum_twin),
    symmetry(
        "commutative",
        "swap(b, a) = swap(a, b)",
        draw=lambda args, rng: None,
        move=lambda args, a: changed(args, a=args["b"], b=args["a"]),
        image=lambda y, a: y,
        pull_move=lambda grads, a: {**grads, "a": grads["b"], "b": grads["a"]},
        pull_image=lambda g, a: g,
    ),
    symmetry(
        "inversion",
        "min(-a, -b) = -max(a, b)",
        draw=lambda args, rng: None,
        move=lambda args, a: changed(args, a=-np.asarray(args["a"]), b=-np.asarray(args["b"])),
        image=lambda y, a: -y[::-1],
        pull_move=lambda grads, a: {**grads, "a": -grads["a"], "b": -grads["b"]},
        pull_image=lambda g, a: -g[::-1],
    ),
    symmetry(
        "shift",
        "swap(a + c, b + c) = swap(a, b) + c",
        draw=lambda args, rng: float(rng.integers(-4, 5)),
        move=lambda args, c: changed(args, a=np.asarray(args["a"]) + c, b=np.asarray(args["b"]) + c),
        image=lambda y, c: y + c,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    symmetry(
        "scale",
        "swap(c a, c b; beta / c) = c swap(a, b; beta), c > 0",
        draw=lambda args, rng: float(2.0 ** rng.integers(-3, 4)),
        move=lambda args, c: changed(
            args, a=np.asarray(args["a"]) * c, b=np.asarray(args["b"]) * c, beta=np.asarray(args["beta"]) / c
        ),
        image=lambda y, c: c * y,
        pull_move=lambda grads, c: {**grads, "a": c * grads["a"], "b": c * grads["b"], "beta": grads["beta"] / c},
        pull_image=lambda g, c: c * g,
        applies=lambda args: args.get("cdf", "cauchy") != "art",
    ),
    Law(
        name="monotone",
        statement="d min / d a >= 0 for every sigmoid (false for the logistic one)",
        false=True,
        backward=lambda run, args, rng: (lambda g: Sides(g, np.maximum(g, 0.0), 1.0))(
            run.pull(args, np.array([[1.0], [0.0]]))["a"]
        ),
        counterexample={"a": np.array([3.0]), "b": np.array([0.0]), "cdf": "logistic", "beta": 1.0},
    ),
    Law(
        name="associative",
        statement="min(a, min(b, c)) = min(min(a, b), c) (false)",
        false=True,
        forward=lambda run, args, rng: Sides(
            run.value(changed(args, b=run.value(changed(args, a=np.array([1.0]), b=args["b"]))[0]))[0],
            run.value(changed(args, a=run.value(changed(args, b=np.array([1.0])))[0]))[0],
            1.0,
        ),
        counterexample={"a": np.array([0.0]), "b": np.array([3.0]), "cdf": "cauchy", "beta": 1.0},
    ),
)

A, B = np.array([0.5, 2.0, -1.0]), np.array([0.5, -1.0, 4.0])
CASES = (
    Case(
        name="closed form, optimal",
        args={"a": np.array([2.0]), "b": np.array([1.0]), "cdf": "optimal", "beta": 4.0},
        expect=np.array([[1.0 + 1.0 / 64.0], [2.0 - 1.0 / 64.0]]),
        source="(3.24): delta = 1/(16 beta) beyond |y| = 1/4",
    ),
    Case(name="ties", args={"a": A, "b": A, "beta": 2.0}, tags=("ties",)),
    Case(name="saturated", args={"a": A, "b": B, "cdf": "logistic", "beta": 1e5}, tags=("saturated",)),
    Case(name="huge", args={"a": np.array([1e308]), "b": np.array([-1e308]), "beta": 1.0}, tags=("extreme_large",)),
    Case(
        name="huge, art",
        args={"a": np.array([1e308]), "b": np.array([-1e308]), "cdf": "art", "beta": 1.0},
        tags=("extreme_large",),
    ),
    Case(
        name="far apart",
        args={"a": np.array([-500.0, 30.0, 1e6]), "b": np.array([60.0, -90.0, 1e6 + 1.0]), "beta": 1.0},
        tags=("extreme_large",),
    ),
    Case(
        name="far apart, logistic",
        args={"a": np.array([-500.0, 30.0]), "b": np.array([60.0, -9.0]), "cdf": "logistic", "beta": 1.0},
        tags=("saturated",),
    ),
    Case(
        name="NaN",
        args={"a": np.array([math.nan, 1.0, 2.0]), "b": np.array([1.0, math.nan, 1.0]), "beta": 1.0},
        tags=("nan",),
    ),
    Case(name="broadcast", args={"a": np.array([[0.0], [2.0]]), "b": A, "beta": 1.0}, tags=("broadcast",)),
    Case(name="empty", args={"a": np.zeros(0), "b": np.zeros(0), "beta": 1.0}, tags=("empty",)),
    Case(
        name="shapes that do not fit",
        args={"a": A, "b": np.ones(2), "beta": 1.0},
        error=(ValueError, "broadcasts against"),
    ),
    Case(name="complex a", args={"a": A * 1j, "b": B, "beta": 1.0}, error=(TypeError, "complex128")),
    Case(
        name="masked b",
        args={"a": A, "b": np.ma.masked_array(B, [False, False, True]), "beta": 1.0},
        error=(TypeError, "masked"),
    ),
    Case(
        name="infinite b",
        args={"a": A, "b": np.array([0.0, np.inf, 1.0]), "beta": 1.0},
        error=(ValueError, "infinite at index"),
    ),
    Case(
        name="unknown cdf",
        args={"a": A, "b": B, "beta": 1.0, "cdf": "logit"},
        error=(ValueError, "did you mean 'logistic'"),
    ),
    Case(name="beta 0", args={"a": A, "b": B, "beta": 0.0}, error=(ValueError, "finite values > 0")),
)
