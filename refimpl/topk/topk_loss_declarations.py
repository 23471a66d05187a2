"""What topk.topk_loss declares: laws, named inputs. Domain, kinks and definition are in ``domain.py``."""

from __future__ import annotations

import math

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Array, Case, Values
from refimpl.topk.domain import ARGS as ARGS
from refimpl.topk.domain import loss_by_definition as loss_by_definition
from refimpl.topk.domain import margin as margin
from refimpl.topk.domain import sample_weights
from refimpl.topk.domain import sizes as sizes

# The laws


def column(args: Values) -> Array:
    """1 in the column of the label, 0 elsewhere: (..., 1, n)."""
    n = np.shape(args["P_k"])[-1]
    return np.asarray(np.eye(n)[np.asarray(args["label"])][..., None, :])


def substochastic(args: Values) -> bool:
    """No entry is negative, and no column adds up to more than 1."""
    P = np.asarray(args["P_k"])
    return bool((P >= 0.0).all() and (P.sum(-2) <= 1.0).all())


def relabelled(args: Values, order: Array) -> Values:
    """The classes in another order, and the labels with them."""
    arrays = {name: np.asarray(args[name])[..., order] for name in ("x", "P_k") if name in args}
    return changed(args, **arrays, label=np.argsort(order)[np.asarray(args["label"])])


def classes_permuted(names: tuple[str, ...]) -> Law:
    return symmetry(
        "classes permuted",
        "f(classes in another order, labels with them) = f",
        draw=lambda args, rng: rng.permutation(np.shape(args["P_k"])[-1]),
        move=relabelled,
        image=lambda y, order: y,
        pull_move=lambda grads, order: {name: grads[name][..., np.argsort(order)] for name in names},
        pull_image=lambda g, order: g,
    )


OTHER_COLUMNS = symmetry(
    "only the label's column",
    "f(P_k changed in other columns) = f",
    draw=lambda args, rng: rng.uniform(-1.0, 1.0, np.shape(args["P_k"])) * (1.0 - column(args)),
    move=lambda args, noise: changed(args, P_k=np.asarray(args["P_k"]) + noise),
    image=lambda y, noise: y,
    pull_move=lambda grads, noise: grads,
    pull_image=lambda g, noise: g,
)


def _nothing_elsewhere(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(run.value(args)))
    outside = run.pull(args, g)["P_k"] * (1.0 - column(args))
    return Sides(outside, np.zeros_like(outside), 1.0)


NOTHING_ELSEWHERE = Law(
    name="zero elsewhere", statement="gP_k is 0 outside the label's column", backward=_nothing_elsewhere
)


def _other(args: Values, rng: np.random.Generator) -> tuple[Array, Values, Values]:
    """Another distribution over k, alone and mixed with the one there is, by a quarter."""
    weights = np.asarray(args["weights"], np.float64)
    other = sample_weights(rng, {"K": weights.size})
    return other, changed(args, weights=other), changed(args, weights=0.25 * other + 0.75 * weights)


def _mixture(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    _, other, mixed = _other(args, rng)
    right = 0.25 * np.exp(-run.value(other)) + 0.75 * np.exp(-run.value(args))
    return Sides(np.exp(-run.value(mixed)), right, 1.0)


def _mixture_pulled(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """p_y gP_k = -g w in the label's column, which is linear in the weights."""
    _, other, mixed = _other(args, rng)
    g = rng.standard_normal(np.shape(run.value(args)))

    def weighted(at: Values) -> Array:
        return np.exp(-run.value(at))[..., None, None] * run.pull(at, g)["P_k"]

    return Sides(weighted(mixed), 0.25 * weighted(other) + 0.75 * weighted(args), float(np.abs(g).max(initial=0.0)))


def _linear(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    _, other, mixed = _other(args, rng)
    return Sides(run.value(mixed), 0.25 * run.value(other) + 0.75 * run.value(args), 1.0)


def _euler(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """<P_k, gP_k> = -g, row by row of the batch."""
    g = rng.standard_normal(np.shape(run.value(args)))
    left = (np.asarray(args["P_k"]) * run.pull(args, g)["P_k"]).sum((-1, -2))
    return Sides(left, -g, float(np.abs(g).max(initial=0.0)))


def _nonnegative(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = run.value(args)
    return Sides(y, np.maximum(y, 0.0), 1.0)


def _column_sum(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """All weight on k = K: p is a column sum; its gradient is the same in every row."""
    last = np.eye(np.shape(args["P_k"])[-2])[-1]
    total = (np.asarray(args["P_k"]) * column(args)).sum((-1, -2))
    return Sides(np.exp(-run.value(changed(args, weights=last))), total, 1.0)


def _equal_rows(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    at = changed(args, weights=np.eye(np.shape(args["P_k"])[-2])[-1])
    g = rng.standard_normal(np.shape(run.value(at)))
    gP = run.pull(at, g)["P_k"]
    return stacked({"P_k": gP}, {"P_k": np.broadcast_to(gP[..., :1, :], gP.shape)}, 1.0)


A_MATRIX = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
ROWS_ONLY = np.array([[0.9, 0.1], [0.8, 0.2]])

LAWS = (
    classes_permuted(("P_k",)),
    OTHER_COLUMNS,
    NOTHING_ELSEWHERE,
    symmetry(
        "scale",
        "L(c P_k) = L(P_k) - log c, c >= 1",
        draw=lambda args, rng: float(2.0 ** rng.integers(0, 4)),
        move=lambda args, c: changed(args, P_k=c * np.asarray(args["P_k"])),
        image=lambda y, c: y - math.log(c),
        pull_move=lambda grads, c: {"P_k": c * grads["P_k"]},
        pull_image=lambda g, c: g,
        floor=2.0,
    ),
    Law(name="Euler", statement="<P_k, gP_k> = -g: L is -log of a linear function", backward=_euler),
    Law(
        name="mixture",
        statement="p_y is linear in the weights",
        forward=_mixture,
        backward=_mixture_pulled,
    ),
    Law(
        name="all weight on K",
        statement="exp(-L) is the column sum; all rows have one gradient",
        forward=_column_sum,
        backward=_equal_rows,
    ),
    Law(name="at least 0", statement="L >= 0 for rows of doubly stochastic P", forward=_nonnegative, applies=substochastic),
    Law(
        name="linear in the weights",
        statement="L is linear in the weights (false: p_y is)",
        false=True,
        forward=_linear,
        counterexample={"P_k": A_MATRIX, "label": 1, "weights": np.array([1.0, 0.0])},
    ),
    Law(
        name="at least 0 for any rows",
        statement="L >= 0 for row-stochastic P_k (false: a class may have both ranks)",
        false=True,
        forward=_nonnegative,
        counterexample={"P_k": ROWS_ONLY, "label": 0, "weights": np.array([0.0, 1.0])},
    ),
)  # fmt: skip


# Named inputs

SHEET = np.array(
    [
        [0.049549732971, 0.040788763146, 0.591104247613, 0.07893323925, 0.23962401702],
        [0.132310675624, 0.059754111346, 0.155640968499, 0.128736800457, 0.523557444073],
    ]
)
EVEN = np.array([0.5, 0.5])
FIVE = 0.4 * np.eye(7)[[2, 5, 0, 1, 3]] + 0.3 * np.eye(7)[[5, 2, 0, 1, 4]] + 0.3 / 7.0
CASES = (
    Case(
        name="the sheet, label 2",
        args={"P_k": SHEET, "label": 2, "weights": EVEN},
        expect=np.array(-math.log(0.591104247613 + 0.5 * 0.155640968499)),
        source="equation sheet, section 4, topk.network and loss.topk",
        tags=("basic",),
    ),
    Case(
        name="figure 4.1",
        args={"P_k": FIVE, "label": 5, "weights": np.array([0.5, 0.5, 0.0, 0.0, 0.0])},
        expect=np.array(-math.log((0.3 + 0.3 / 7.0) + 0.5 * (0.4 + 0.3 / 7.0))),
        source="equation sheet, section 4: w = [1, .5, 0, 0, 0]",
    ),
    Case(name="NaN beyond the last weight", tags=("nan",),
         args={"P_k": np.array([[[0.5, 0.5], [math.nan, math.nan]], [[math.nan, 0.5], [0.5, 0.5]]]), "label": 0,
               "weights": np.array([1.0, 0.0])}),
    Case(name="NaN in one row", tags=("nan",), args={
        "P_k": np.stack([A_MATRIX, np.full((2, 3), math.nan)]), "label": np.array([1, 1]), "weights": EVEN}),
    Case(name="probability 0", tags=("saturated", "kink"),
         args={"P_k": np.stack([np.eye(3)[:2], A_MATRIX]), "label": 2, "weights": EVEN}),
    Case(name="probability past 1", args={"P_k": ROWS_ONLY, "label": 0, "weights": EVEN}),
    Case(name="huge", tags=("extreme_large",), args={"P_k": np.full((3, 2), 1.5e308), "label": 0,
         "weights": np.array([0.0, 0.0, 1.0])}),
    Case(name="huge, of both signs", tags=("extreme_large",), args={"P_k": np.array([[1.5e308], [1.5e308], [-1.5e308]]),
         "label": 0, "weights": np.array([0.0, 0.0, 1.0])}),
    Case(name="one class", args={"P_k": np.ones((1, 1)), "label": 0, "weights": np.ones(1)}, tags=("size_one",)),
    Case(name="one matrix, many labels", args={"P_k": A_MATRIX, "label": np.array([2, 0, 2, 1]), "weights": EVEN},
         tags=("broadcast", "duplicate")),
    Case(name="all against all", tags=("broadcast", "batch"), args={
        "P_k": np.stack([A_MATRIX, A_MATRIX[::-1]])[:, None], "label": np.array([[2, 0, 1]]), "weights": EVEN}),
    Case(name="labels of few bits", args={"P_k": np.stack([A_MATRIX] * 2), "label": np.array([2, 1], np.uint8),
         "weights": EVEN}, tags=("batch",)),
    Case(name="whole weights", args={"P_k": A_MATRIX, "label": 0, "weights": np.array([0, 1])}),
    Case(name="nothing", args={"P_k": np.zeros((0, 2, 3)), "label": 1, "weights": EVEN}, tags=("empty",)),
    Case(name="label out of range", args={"P_k": A_MATRIX, "label": 3, "weights": EVEN},
         error=(ValueError, "label' is 3; expected integers with 0 <= label < 3")),
    Case(name="label -1", args={"P_k": A_MATRIX, "label": -1, "weights": EVEN},
         error=(ValueError, "nothing counts from the end")),
    Case(name="labels out of range", args={"P_k": A_MATRIX, "label": np.array([[0, 1], [2, 9]]), "weights": EVEN},
         error=(ValueError, "holds 9 at index (1, 1)")),
    Case(name="label 1.0", args={"P_k": A_MATRIX, "label": 1.0, "weights": EVEN},
         error=(TypeError, "has dtype float64; expected integers")),
    Case(name="label True", args={"P_k": A_MATRIX, "label": True, "weights": EVEN},
         error=(TypeError, "has dtype bool; expected integers")),
    Case(name="labels of another batch", args={"P_k": np.stack([A_MATRIX] * 2), "label": np.array([0, 1, 2]),
         "weights": EVEN}, error=(ValueError, "has batch axes (3,); expected axes that broadcast against (2,) of P_k")),
    Case(name="weights that add up to 2", args={"P_k": A_MATRIX, "label": 0, "weights": np.ones(2)},
         error=(ValueError, "has the sum 2; expected a distribution")),
    Case(name="negative weight", args={"P_k": A_MATRIX, "label": 0, "weights": np.array([1.5, -0.5])},
         error=(ValueError, "holds -0.5 at index 1")),
    Case(name="nan weight", args={"P_k": A_MATRIX, "label": 0, "weights": np.array([math.nan, 0.5])},
         error=(ValueError, "holds nan at index 0")),
    Case(name="a weight too many", args={"P_k": A_MATRIX, "label": 0, "weights": np.array([0.5, 0.25, 0.25])},
         error=(ValueError, "has shape (3,); expected shape (2,)")),
    Case(name="infinite P_k", args={"P_k": np.array([[math.inf, 0.0]]), "label": 0, "weights": np.ones(1)},
         error=(ValueError, "infinite at index (0, 0)")),
    Case(name="no classes", args={"P_k": np.zeros((2, 0)), "label": 0, "weights": EVEN},
         error=(ValueError, "at least one row and one class")),
    Case(name="a vector", args={"P_k": np.zeros(3), "label": 0, "weights": EVEN}, error=(ValueError, "at least 2 axes")),
    Case(name="complex P_k", args={"P_k": A_MATRIX * 1j, "label": 0, "weights": EVEN}, error=(TypeError, "complex128")),
)  # fmt: skip
