"""What sorting.fast_sort declares: laws, false ones among them, and named inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Array, Case, Values
from refimpl.sorting.fast_laws import T4, eps_column, kl, l2, named, permutation, shift, size


def _keeps_sum(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(run.value(args).sum(-1), np.asarray(args["theta"]).sum(-1), size(args))


def _pulls_ones(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    grads = run.pull(args, np.ones(np.shape(args["theta"])))
    floor = float(np.shape(args["theta"])[-1] ** 2 * (1.0 + (1.0 / np.asarray(args["eps"]) ** 2).max(initial=0.0)))
    return stacked(grads, {"theta": np.ones_like(grads["theta"]), "eps": np.zeros_like(grads["eps"])}, floor)


def _log_sum(x: Any) -> Array:
    top = np.asarray(x).max(-1)
    return np.asarray(top + np.log(np.exp(x - top[..., None]).sum(-1)))


def _softmax(x: Any) -> Array:
    return np.asarray(np.exp(x - _log_sum(x)[..., None]))


def _keeps_log_sum(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(_log_sum(run.value(args)), _log_sum(args["theta"]), 1.0 + size(args))


def _pulls_softmax(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    grads = run.pull(args, _softmax(run.value(args)))
    floor = float(np.shape(args["theta"])[-1] * (1.0 + (1.0 / np.asarray(args["eps"]) ** 2).max(initial=0.0)))
    return stacked(grads, {"theta": _softmax(args["theta"]), "eps": np.zeros_like(grads["eps"])}, floor)


def _descending(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y, theta = run.value(args), np.asarray(args["theta"])
    inside = np.clip(y, theta.min(-1, keepdims=True), theta.max(-1, keepdims=True))
    return Sides(np.stack([y, y]), np.stack([np.minimum.accumulate(y, -1), inside]), 1.0 + size(args))


def _monotone(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = np.abs(rng.standard_normal(np.shape(args["theta"])))
    pulled = run.pull(args, g)["theta"]
    left = np.stack([np.minimum(pulled, 0.0).sum(-1), pulled.sum(-1)])
    return Sides(left, np.stack([np.zeros_like(left[0]), g.sum(-1)]), float(g.sum()))


def _hard_below(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Eps at which each row is just not pooled."""
    theta = np.sort(np.asarray(args["theta"]))[..., ::-1]
    widest = -np.diff(theta, axis=-1).min(-1, initial=-1e-3)
    return Sides(run.value(changed(args, eps=0.999 / widest)), theta, size(args))


def _scale(counterexample: Values | None = None) -> Law:
    return symmetry(
        "scale" if counterexample is None else "scale, kl",
        "sort(c theta; eps / c) = c sort(theta; eps), c > 0 (l2; false for kl: a log-sum-exp does not scale)",
        draw=lambda args, rng: float(2.0 ** (rng.integers(1, 4) * rng.choice([-1, 1]))),
        move=lambda args, c: changed(args, theta=c * np.asarray(args["theta"]), eps=np.asarray(args["eps"]) / c),
        image=lambda y, c: c * y,
        pull_move=lambda grads, c: {**grads, "theta": c * grads["theta"], "eps": grads["eps"] / c},
        pull_image=lambda g, c: c * g,
        applies=l2,
        counterexample=counterexample,
    )


def _reflection(counterexample: Values | None = None) -> Law:
    return symmetry(
        "reflection" if counterexample is None else "reflection, kl",
        "sort(-theta) = -reverse sort(theta) (l2; false for kl, which leans on the largest)",
        draw=lambda args, rng: None,
        move=lambda args, a: changed(args, theta=-np.asarray(args["theta"])),
        image=lambda y, a: -y[..., ::-1],
        pull_move=lambda grads, a: {**grads, "theta": -grads["theta"]},
        pull_image=lambda g, a: -g[..., ::-1],
        applies=l2,
        counterexample=counterexample,
    )


def _bounded(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y, hard = run.value(args), np.sort(np.asarray(args["theta"]))[..., ::-1]
    room = y.shape[-1] / eps_column(args)
    return Sides(y, np.clip(y, hard - room, hard + room), 1.0)


LAWS = (
    Law(name="order", statement="y is not increasing and within [min theta, max theta]", forward=_descending),
    Law(
        name="sum",
        statement="sum y = sum theta (l2), so 1'J = 1'",
        forward=_keeps_sum,
        backward=_pulls_ones,
        applies=l2,
    ),
    Law(
        name="log-sum-exp",
        statement="LSE(y) = LSE(theta) (kl), so softmax(y)'J = softmax(theta)'",
        forward=_keeps_log_sum,
        backward=_pulls_softmax,
        applies=kl,
    ),
    Law(name="monotone", statement="J >= 0, and J 1 = 1", backward=_monotone),
    Law(name="hard", statement="exact if no gap of the sorted values exceeds 1 / eps", forward=_hard_below),
    shift(moves=True),
    permutation(moves=False),
    _scale(),
    _reflection(),
    _scale({"theta": np.array([1.0, 0.0]), "eps": 2.0, "regularization": "kl"}),
    _reflection({"theta": np.array([1.0, 0.0, 0.75]), "eps": 2.0, "regularization": "kl"}),
    Law(
        name="bounded error",
        statement="|y - sort theta| <= n / eps (false: two values far apart move towards each other by half their gap)",
        false=True,
        forward=_bounded,
        counterexample={"theta": np.array([10.0, 0.0]), "eps": 1.0},
    ),
    Law(
        name="sum, kl",
        statement="sum y = sum theta for kl as well (false)",
        false=True,
        forward=_keeps_sum,
        counterexample={"theta": np.array([10.0, 0.0]), "eps": 1.0, "regularization": "kl"},
    ),
)

SHEET = "equation sheet, sorting.fast_sort, golden values"
CASES = (
    Case(
        name="sheet, l2",
        args={"theta": T4, "eps": 4.0},
        tags=("basic",),
        expect=np.array([0.783333333333, 0.533333333333, 0.283333333333, 0.1]),
        source=SHEET,
    ),
    Case(
        name="sheet, kl",
        args={"theta": T4, "eps": 4.0, "regularization": "kl"},
        tags=("basic",),
        expect=np.array([0.803961959219, 0.553961959219, 0.303961959219, 0.1]),
        source=SHEET,
    ),
    Case(
        name="sheet, far apart",
        args={"theta": np.array([10.0, 0.0]), "eps": 1.0},
        tags=("kink",),
        expect=np.array([5.5, 4.5]),
        source=SHEET,
    ),
    *named(fine=6.0, coarse=100.0),
)
