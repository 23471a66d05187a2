"""What sorting.fast_rank declares: laws, false ones among them, and named inputs."""

from __future__ import annotations

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Case, Values
from refimpl.sorting.fast_laws import T4, eps_column, l2, named, permutation, shift


def _keeps_sum(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    r = run.value(args)
    n = r.shape[-1]
    return Sides(r.sum(-1), np.full(r.shape[:-1], n * (n + 1) / 2.0), float(n * n))


def _pulls_ones(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    grads = run.pull(args, np.ones(np.shape(args["theta"])))
    n, slope = np.shape(args["theta"])[-1], float((1.0 / np.asarray(args["eps"])).max(initial=0.0))
    return stacked(grads, {name: np.zeros_like(g) for name, g in grads.items()}, n * n * (slope + slope**2))


def _ordered(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """The ranks, read from the largest theta down, do not fall, and lie in [1, n]."""
    r = np.take_along_axis(run.value(args), np.argsort(-np.asarray(args["theta"]), axis=-1, kind="stable"), -1)
    n = float(r.shape[-1])
    return Sides(np.stack([r, r]), np.stack([np.maximum.accumulate(r, -1), np.clip(r, 1.0, n)]), n)


def _idempotent(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(args["theta"]))
    eps = eps_column(args)
    once = -eps * run.pull(args, g)["theta"]
    return Sides(-eps * run.pull(args, once)["theta"], once, float(np.abs(g).max(initial=0.0)))


def _symmetric(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g, h = rng.standard_normal((2, *np.shape(args["theta"])))
    left, right = (eps_column(args) * run.pull(args, one)["theta"] for one in (g, h))
    return Sides((h * left).sum(-1), (g * right).sum(-1), float((np.abs(g) * np.abs(h)).sum()) + 1.0)


def _sums_to_nothing(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    pulled = run.pull(args, rng.standard_normal(np.shape(args["theta"])))["theta"]
    return Sides(pulled.sum(-1), np.zeros(pulled.shape[:-1]), float(np.abs(pulled).sum()))


def _reflection(counterexample: Values | None = None) -> Law:
    return symmetry(
        "reflection" if counterexample is None else "reflection, kl",
        "rank(-theta) = n + 1 - rank(theta) (l2; false for kl, whose large ranks are less sure than its small ones)",
        draw=lambda args, rng: np.shape(args["theta"])[-1] + 1.0,
        move=lambda args, a: changed(args, theta=-np.asarray(args["theta"])),
        image=lambda r, a: a - r,
        pull_move=lambda grads, a: {**grads, "theta": -grads["theta"]},
        pull_image=lambda g, a: -g,
        applies=l2,
        counterexample=counterexample,
    )


LAWS = (
    Law(
        name="sum",
        statement="sum r = n (n + 1) / 2, so a constant cotangent pulls back to 0",
        forward=_keeps_sum,
        backward=_pulls_ones,
    ),
    Law(name="order", statement="a larger theta has no larger rank; 1 <= r <= n", forward=_ordered),
    shift(moves=False),
    Law(name="shift twin", statement="J 1 = 0: the gradient of theta sums to 0", backward=_sums_to_nothing),
    symmetry(
        "scale",
        "rank(c theta; c eps) = rank(theta; eps), c > 0",
        draw=lambda args, rng: float(2.0 ** rng.integers(-3, 4)),
        move=lambda args, c: changed(args, theta=c * np.asarray(args["theta"]), eps=c * np.asarray(args["eps"])),
        image=lambda r, c: r,
        pull_move=lambda grads, c: {**grads, "theta": c * grads["theta"], "eps": c * grads["eps"]},
        pull_image=lambda g, c: g,
    ),
    permutation(moves=True),
    _reflection(),
    Law(name="projection", statement="-eps J is idempotent (l2)", backward=_idempotent, applies=l2),
    Law(name="symmetric", statement="J is symmetric (l2)", backward=_symmetric, applies=l2),
    _reflection({"theta": np.array([1.0, 0.0, 0.75]), "eps": 2.0, "regularization": "kl"}),
    Law(
        name="symmetric, kl",
        statement="J is symmetric and idempotent for kl as well (false)",
        false=True,
        backward=_idempotent,
        counterexample={"theta": T4, "eps": 0.5, "regularization": "kl"},
    ),
    Law(
        name="slope everywhere",
        statement="the gradient of a rank is not 0 (false: a block of one position has its hard rank)",
        false=True,
        backward=lambda run, args, rng: (lambda g: Sides(g, np.where(g == 0.0, 1.0, g), 1.0))(
            run.pull(args, np.array([1.0, -0.5]))["theta"]
        ),
        counterexample={"theta": np.array([3.0, 0.0]), "eps": 1.0},
    ),
)

SHEET = "equation sheet, sorting.fast_rank, golden values"
CASES = (
    Case(
        name="sheet, l2",
        args={"theta": T4, "eps": 0.5},
        tags=("basic",),
        expect=np.array([1.55, 3.15, 2.35, 2.95]),
        source=SHEET,
    ),
    Case(
        name="sheet, kl",
        args={"theta": T4, "eps": 0.5, "regularization": "kl"},
        tags=("basic",),
        expect=np.array([1.0, 3.848837981187, 2.0, 3.151162018813]),
        source=SHEET,
    ),
    *named(fine=0.1, coarse=0.5),
)
