"""What topk.subset declares: domain, kinks, definition, laws, named inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Arg, Array, Case, Values
from refimpl.topk.domain import LABEL


def sizes(rng: np.random.Generator) -> dict[str, int]:
    n = int(rng.integers(1, 11))
    return {"n": n, "m": int(rng.integers(1, n + 1)), "batch": int(rng.integers(0, 4))}


def _sample(rng: np.random.Generator, size: Any) -> Array:
    return rng.normal(0.0, 2.0, (size["batch"], size["n"]) if size["batch"] else size["n"])


ARGS = (
    Arg(name="x", shape="... n", domain="finite, n >= 1", sample=_sample),
    LABEL,
    Arg(name="m", shape="", domain="1 <= m <= n", differentiable=False,
        sample=lambda rng, size: min(size["m"], size["n"])),
)  # fmt: skip


def _rows(x: Any, label: Any) -> tuple[Array, Array]:
    """Scores and labels, broadcast against each other."""
    x, y = np.asarray(x), np.asarray(label, np.int64)
    batch = np.broadcast_shapes(x.shape[:-1], y.shape)
    return np.broadcast_to(x, (*batch, x.shape[-1])), np.broadcast_to(y, batch)


def chosen_by_definition(x: Any, label: Any, m: int) -> Array:
    """A full, stable sort of the others; NaN first."""
    x, y = _rows(x, label)
    found = np.empty((*y.shape, m))
    for at in np.ndindex(y.shape):
        others = [j for j in range(x.shape[-1]) if j != y[at]]
        others.sort(key=lambda j: (not math.isnan(x[at][j]), 0.0 if math.isnan(x[at][j]) else -x[at][j], j))
        found[at] = x[at][[int(y[at]), *others[: m - 1]]]
    return found


def margin(x: Any, label: Any, m: int) -> float:
    """Half the least gap between two of the others, one of which is chosen."""
    x, y = _rows(x, label)
    gaps = [math.inf]
    for at in np.ndindex(y.shape):
        others = np.sort(np.delete(x[at], y[at]))[::-1][:m]
        gaps += (np.abs(np.diff(others)) / 2.0).tolist() if m > 1 else []
    return float(min(gaps))


# The laws


def _relabelled(args: Values, order: Array) -> Values:
    return changed(args, x=np.asarray(args["x"])[..., order], label=np.argsort(order)[np.asarray(args["label"])])


def _shorter(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    fewer = int(rng.integers(1, args["m"] + 1))
    return Sides(run.value(changed(args, m=fewer)), run.value(args)[..., :fewer], 1.0)


def _shorter_pulled(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    fewer = int(rng.integers(1, args["m"] + 1))
    g = rng.standard_normal(np.shape(run.value(changed(args, m=fewer))))
    more = np.concatenate([g, np.zeros((*g.shape[:-1], args["m"] - fewer))], -1)
    return stacked(run.pull(changed(args, m=fewer), g), run.pull(args, more), 1.0)


def _rank(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """How many others the true class loses to, counted up to m - 1: in the subset, and among all classes."""
    y = run.value(args)
    x, label = _rows(args["x"], args["label"])
    true = np.take_along_axis(x, label[..., None], -1)
    among_all = np.minimum((x > true).sum(-1), args["m"] - 1)
    return Sides((y[..., 1:] > y[..., :1]).sum(-1).astype(float), among_all.astype(float), 1.0)


def _all_there(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    every = run.value(changed(args, m=np.shape(args["x"])[-1]))
    return Sides(np.sort(every, -1), np.sort(_rows(args["x"], args["label"])[0], -1), 1.0)


def _sum_kept(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(run.value(args)))
    return Sides(np.array(run.pull(args, g)["x"].sum()), np.array(g.sum()), float(np.abs(g).sum()))


def _descending(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = run.value(args)[..., 1:]
    return Sides(y, -np.sort(-y, -1), 1.0)


def _sorted(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = run.value(args)
    return Sides(y, -np.sort(-y, -1), 1.0)


def _second_label(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(np.sort(run.value(args), -1), np.sort(run.value(changed(args, label=0)), -1), 1.0)


X = np.array([0.5, -1.0, 2.0, 0.0, 1.0])
LAWS = (
    symmetry(
        "classes permuted",
        "subset(classes in another order, labels with them) = subset",
        draw=lambda args, rng: rng.permutation(np.shape(args["x"])[-1]),
        move=_relabelled,
        image=lambda y, order: y,
        pull_move=lambda grads, order: {"x": grads["x"][..., np.argsort(order)]},
        pull_image=lambda g, order: g,
    ),
    symmetry(
        "shift",
        "subset(x + c) = subset(x) + c",
        draw=lambda args, rng: float(rng.integers(-4, 5)),
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) + c),
        image=lambda y, c: y + c,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    symmetry(
        "scale",
        "subset(c x) = c subset(x), c > 0",
        draw=lambda args, rng: float(2.0 ** rng.integers(-3, 4)),
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) * c),
        image=lambda y, c: c * y,
        pull_move=lambda grads, c: {"x": c * grads["x"]},
        pull_image=lambda g, c: c * g,
    ),
    Law(name="shorter", statement="a smaller m gives the first slots", forward=_shorter, backward=_shorter_pulled),
    Law(name="rank", statement="up to m - 1, the rank of the true class does not depend on m", forward=_rank),
    Law(name="all classes", statement="m = n: every score is there; gx has the sum of g", forward=_all_there,
        backward=_sum_kept),
    Law(name="descending", statement="slots 1 to m - 1 descend", forward=_descending),
    Law(
        name="sorted",
        statement="all slots descend (false: slot 0 is the true class, whatever its score)",
        false=True,
        forward=_sorted,
        counterexample={"x": X, "label": 1, "m": 3},
    ),
    Law(
        name="label has no say",
        statement="the scores chosen do not depend on the label (false)",
        false=True,
        forward=_second_label,
        counterexample={"x": X, "label": 1, "m": 3},
    ),
)  # fmt: skip

TIES = np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0])
CASES = (
    Case(name="the true class is last", args={"x": X, "label": 1, "m": 3}, expect=np.array([-1.0, 2.0, 1.0]),
         source="by hand"),
    Case(name="the true class is first", args={"x": X, "label": 2, "m": 3}, expect=np.array([2.0, 1.0, 0.5]),
         source="by hand"),
    Case(name="ties", args={"x": TIES, "label": 3, "m": 4}, expect=np.array([2.0, 2.0, 2.0, 1.0]), source="by hand",
         tags=("ties", "kink")),
    Case(name="all equal", args={"x": np.full(5, 1.5), "label": 2, "m": 3}, tags=("ties", "kink", "duplicate")),
    Case(name="one class of one", args={"x": np.array([3.0]), "label": 0, "m": 1}, tags=("size_one",)),
    Case(name="the true class alone", args={"x": X, "label": 3, "m": 1}, expect=np.array([0.0]), source="by hand"),
    Case(name="all classes", args={"x": X, "label": 4, "m": 5}, expect=np.array([1.0, 2.0, 0.5, 0.0, -1.0]),
         source="by hand"),
    Case(name="NaN among the others", args={"x": np.array([0.0, math.nan, 2.0, math.nan]), "label": 0, "m": 3},
         tags=("nan",)),
    Case(name="NaN at the label", args={"x": np.array([math.nan, 1.0, 2.0]), "label": 0, "m": 2}, tags=("nan",)),
    Case(name="huge", args={"x": np.array([1e308, -1e308, 1.7e308, 5e-324, -0.0]), "label": 1, "m": 4},
         tags=("extreme_large",)),
    Case(name="one row, many labels", args={"x": X, "label": np.array([2, 0, 2]), "m": 3}, tags=("broadcast", "duplicate")),
    Case(name="one label, many rows", args={"x": np.stack([X, -X]), "label": 2, "m": 2}, tags=("broadcast", "batch")),
    Case(name="nothing", args={"x": np.zeros((0, 3)), "label": 1, "m": 2}, tags=("empty",)),
    Case(name="m too large", args={"x": X, "label": 0, "m": 6}, error=(ValueError, "m' is 6; expected a whole number")),
    Case(name="m 0", args={"x": X, "label": 0, "m": 0}, error=(ValueError, "m' is 0; expected a whole number")),
    Case(name="m 2.0", args={"x": X, "label": 0, "m": 2.0}, error=(TypeError, "m' is 2.0; expected a whole number")),
    Case(name="m True", args={"x": X, "label": 0, "m": True}, error=(TypeError, "m' is True; expected a whole number")),
    Case(name="label 5", args={"x": X, "label": 5, "m": 2}, error=(ValueError, "label' is 5; expected integers")),
    Case(name="label -1", args={"x": X, "label": -1, "m": 2}, error=(ValueError, "nothing counts from the end")),
    Case(name="labels out of range", args={"x": X, "label": np.array([0, 7, 9]), "m": 2},
         error=(ValueError, "holds 7 at index (1,)")),
    Case(name="label 1.0", args={"x": X, "label": np.array([1.0]), "m": 2}, error=(TypeError, "has dtype float64")),
    Case(name="labels of another batch", args={"x": np.stack([X, X]), "label": np.array([0, 1, 2]), "m": 2},
         error=(ValueError, "broadcast against (2,) of x")),
    Case(name="infinite x", args={"x": np.array([0.0, -math.inf]), "label": 0, "m": 1},
         error=(ValueError, "infinite at index (1,)")),
    Case(name="no classes", args={"x": np.zeros((2, 0)), "label": 0, "m": 1}, error=(ValueError, "there are no classes")),
    Case(name="a number", args={"x": np.array(1.0), "label": 0, "m": 1}, error=(ValueError, "at least 1 axis")),
    Case(name="complex x", args={"x": X * 1j, "label": 0, "m": 1}, error=(TypeError, "complex128")),
)  # fmt: skip
