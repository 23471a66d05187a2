"""What topk.topk_split_loss declares: domain, kinks, definition, laws, named inputs."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Arg, Array, Case, Values
from refimpl.scalars.surprise import PMIN
from refimpl.topk.domain import LABEL, MATRIX, WEIGHTS, probability, sample_proper
from refimpl.topk.domain import sizes as loss_sizes
from refimpl.topk.topk_loss_declarations import NOTHING_ELSEWHERE, OTHER_COLUMNS, classes_permuted, substochastic

VARIANTS = ("split", "normalised", "mixed")


def sizes(rng: np.random.Generator) -> dict[str, int]:
    return {**loss_sizes(rng), "variant": int(rng.integers(len(VARIANTS)))}


def _sample(rng: np.random.Generator, size: Any) -> Array:
    return rng.normal(0.0, 1.0, (size["batch"], size["n"]) if size["batch"] else size["n"])


ARGS = (
    Arg(name="x", shape="... n", domain="finite", sample=_sample),
    replace(MATRIX, sample=sample_proper),
    LABEL,
    WEIGHTS,
    Arg(name="variant", shape="", domain=", ".join(VARIANTS), differentiable=False,
        sample=lambda rng, size: VARIANTS[size["variant"]]),
)  # fmt: skip


# The definition


def _softmax(x: Any) -> Array:
    x = np.asarray(x, np.float64)
    raised = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(raised / raised.sum(-1, keepdims=True))


def _cross_entropy(share: float, x: Array, y: int) -> float:
    """Share times -log softmax(x)_y; x / 4, because differences of x may overflow."""
    top = int(np.argmax(x))
    with np.errstate(over="ignore"):
        others = np.log1p(np.exp(np.delete(x, top) - x[top]).sum())
        found = share * 4.0 * (x[top] / 4.0 - x[y] / 4.0) + share * others
    return min(float(found), sys.float_info.max)


def loss_by_definition(x: Any, P_k: Any, label: Any, weights: Any, *, variant: str = "split") -> Array:
    """(4.4) and its variants, one label at a time."""
    kinds = [np.asarray(array) for array in (x, P_k)]
    least = PMIN[4] if all(array.dtype == np.float32 for array in kinds) else PMIN[8]
    x, P, y, weights = (
        *(array.astype(np.float64) for array in kinds),
        np.asarray(label),
        np.asarray(weights, np.float64),
    )
    first, rest = float(weights[0]), math.fsum(weights[1:])
    beyond = np.concatenate([[0.0], weights[1:]])
    q = probability(P, y, beyond)
    batch = np.broadcast_shapes(x.shape[:-1], q.shape)
    x, q, y = np.broadcast_to(x, (*batch, x.shape[-1])), np.broadcast_to(q, batch), np.broadcast_to(y, batch)
    found = np.zeros(batch)
    for at in np.ndindex(batch):
        if variant == "mixed":
            p = q[at] + (first * math.exp(-_cross_entropy(1.0, x[at], int(y[at]))) if first > 0.0 else 0.0)
            found[at] = -np.log(np.maximum(p, least))
        else:
            found[at] = _cross_entropy(first, x[at], int(y[at])) if first > 0.0 else 0.0
            if rest > 0.0:
                norm = rest if variant == "normalised" else 1.0
                found[at] -= rest * np.log(np.maximum(q[at], least) / norm)
    return found


def margin(x: Any, P_k: Any, label: Any, weights: Any, *, variant: str = "split") -> float:
    """How far arguments may move until some probability reaches its floor."""
    weights = np.asarray(weights, np.float64)
    beyond = np.concatenate([[0.0], weights[1:]])
    p = probability(P_k, label, beyond)
    if variant == "mixed":
        batch = np.broadcast_shapes(p.shape, np.shape(x)[:-1])
        s = np.broadcast_to(_softmax(x), (*batch, np.shape(x)[-1]))
        y = np.broadcast_to(np.asarray(label), batch)
        p = p + weights[0] * np.take_along_axis(s, y[..., None], -1)[..., 0]
    elif not beyond.any():
        return math.inf
    return float(np.abs(p - PMIN[8]).min(initial=math.inf) / (np.shape(P_k)[-2] + 1.0))


# The laws


def _rest(args: Values) -> float:
    return float(np.asarray(args["weights"])[1:].sum())


def _normalised(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Normalised = split + r log r, with r = 1 - PK(1)."""
    rest = _rest(args)
    constant = rest * math.log(rest) if rest > 0.0 else 0.0
    left = run.value(changed(args, variant="normalised"))
    return Sides(left, run.value(changed(args, variant="split")) + constant, 1.0)


def _normalised_pulled(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(run.value(args)))
    one, other = (run.pull(changed(args, variant=name), g) for name in ("normalised", "split"))
    return stacked(one, other, float(np.abs(g).max(initial=0.0)))


def _only_top1(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """PK(1) = 1: softmax cross entropy, whatever P_k is."""
    first = np.eye(np.shape(args["P_k"])[-2])[0]
    y = run.value(changed(args, weights=first, variant="split"))
    x, label = np.asarray(args["x"]), np.broadcast_to(np.asarray(args["label"]), y.shape)
    chosen = np.take_along_axis(np.broadcast_to(_softmax(x), (*y.shape, x.shape[-1])), label[..., None], -1)[..., 0]
    return Sides(np.exp(-y), chosen, 1.0)


def _only_top1_pulled(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    first = changed(args, weights=np.eye(np.shape(args["P_k"])[-2])[0], variant="split")
    g = rng.standard_normal(np.shape(run.value(first)))
    grads = run.pull(first, g)
    onehot = np.eye(np.shape(args["x"])[-1])[np.asarray(args["label"])]
    return stacked(grads, {"x": g[..., None] * (_softmax(args["x"]) - onehot), "P_k": 0.0 * grads["P_k"]},
                   float(np.abs(g).max(initial=0.0)))  # fmt: skip


def _softmax_first(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """With softmax(x) for the first row, mixed is the top-k loss of (4.3)."""
    P = np.array(args["P_k"], np.float64)
    P[..., 0, :] = _softmax(args["x"])
    left = np.exp(-run.value(changed(args, P_k=P, variant="mixed")))
    return Sides(left, probability(P, args["label"], args["weights"]), 1.0)


def _sum_of_x(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Adding a number to all scores changes nothing: gx adds up to 0."""
    g = rng.standard_normal(np.shape(run.value(args)))
    gx = run.pull(args, g)["x"]
    return Sides(gx.sum(-1), np.zeros(gx.shape[:-1]), float(np.abs(g).max(initial=0.0)))


def _nonnegative(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = run.value(args)
    return Sides(y, np.maximum(y, 0.0), 1.0)


def _minimum(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y, rest = run.value(changed(args, variant="split")), _rest(args)
    return Sides(y, np.maximum(y, -rest * math.log(rest) if rest > 0.0 else 0.0), 1.0)


def _at_0(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = run.value(args)
    return Sides(y, np.zeros_like(y), 1.0)


def _same_as_mixed(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(run.value(changed(args, variant="mixed")), run.value(args), 1.0)


PERFECT = np.eye(7)[:5]
HALVES = np.array([0.5, 0.0, 0.0, 0.0, 0.5])
SURE = np.array([800.0, 0.0, -3.0, 1.0, 2.0, 5.0, 0.5])

LAWS = (
    classes_permuted(("x", "P_k")),
    OTHER_COLUMNS,
    NOTHING_ELSEWHERE,
    symmetry(
        "shift",
        "f(x + c) = f(x)",
        draw=lambda args, rng: float(rng.integers(-4, 5)),
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) + c),
        image=lambda y, c: y,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
        floor=8.0,
    ),
    Law(name="sum of gx", statement="gx adds up to 0", backward=_sum_of_x),
    Law(name="normaliser", statement="normalised = split + r log r, r = 1 - PK(1); the gradients are the same",
        forward=_normalised, backward=_normalised_pulled),
    Law(name="top 1 alone", statement="PK(1) = 1: softmax cross entropy, and gP_k = 0",
        forward=_only_top1, backward=_only_top1_pulled),
    Law(name="softmax for the first row", statement="mixed, with softmax(x) for P_1, is the loss of (4.3)",
        forward=_softmax_first),
    Law(name="at least 0", statement="normalised, mixed >= 0 for rows of doubly stochastic P", forward=_nonnegative,
        applies=lambda args: substochastic(args) and args.get("variant", "split") != "split"),
    Law(name="minimum", statement="split >= -r log r for rows of doubly stochastic P (E-21)", forward=_minimum,
        applies=substochastic),
    Law(
        name="zero at a perfect match",
        statement="split is 0 where the scores are sure and P_k is right (false: -r log r, E-21)",
        false=True,
        forward=_at_0,
        counterexample={"x": SURE, "P_k": PERFECT, "label": 0, "weights": HALVES},
    ),
    Law(
        name="split is mixed",
        statement="the logarithm of the mixture is the mixture of the logarithms (false)",
        false=True,
        forward=_same_as_mixed,
        counterexample={"x": np.zeros(2), "P_k": np.full((2, 2), 0.5), "label": 0, "weights": np.array([0.5, 0.5])},
    ),
)  # fmt: skip


# Named inputs

X = np.array([0.5, -1.0, 2.0])
P = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
EVEN = np.array([0.5, 0.5])
WIDE = np.array([1e308, -1e308, 0.0])
BASE: Values = {"x": X, "P_k": P, "label": 1, "weights": EVEN}


def _bad(name: str, text: str, error: type[Exception] = ValueError, **args: Any) -> Case:
    return Case(name=name, args={**BASE, **args}, error=(error, text))


CASES = (
    Case(name="minimum as printed", args={"x": SURE, "P_k": PERFECT, "label": 0, "weights": HALVES},
         expect=np.array(0.5 * math.log(2.0)), source="E-21: -(1 - PK(1)) log(1 - PK(1)) = .3466"),
    Case(name="minimum, normalised", args={"x": SURE, "P_k": PERFECT, "label": 0, "weights": HALVES,
         "variant": "normalised"}, tags=("boundary",)),
    Case(name="equal scores", args={**BASE, "x": np.zeros(3)}, tags=("ties",),
         expect=np.array(0.5 * math.log(3.0) - 0.5 * math.log(0.5 * 0.25 + 0.5 * 0.5)), source="(4.4) by hand"),
    Case(name="top 1 alone", args={**BASE, "weights": np.array([1.0, 0.0])}),
    Case(name="one row", args={**BASE, "P_k": P[:1], "weights": np.ones(1)}),
    Case(name="no top 1", args={**BASE, "weights": np.array([0.0, 1.0])}),
    Case(name="no top 1, mixed", args={**BASE, "weights": np.array([0.0, 1.0]), "variant": "mixed"}),
    Case(name="probability 0", args={**BASE, "P_k": np.eye(3)[[0, 2]]}, tags=("saturated", "kink")),
    Case(name="probability 0, normalised", args={**BASE, "P_k": np.eye(3)[[0, 2]], "variant": "normalised"},
         tags=("saturated", "kink")),
    Case(name="probability 0, mixed", tags=("saturated", "kink"),
         args={**BASE, "x": SURE[:3], "P_k": np.eye(3)[[0, 2]], "variant": "mixed"}),
    Case(name="sure", args={**BASE, "x": np.array([0.0, 60.0, 1.0])}, tags=("saturated",)),
    Case(name="huge scores", args={**BASE, "x": WIDE, "label": np.array([0, 1, 2])}, tags=("extreme_large",)),
    Case(name="NaN score without top 1", args={**BASE, "x": np.array([math.nan, 1.0, 2.0]),
         "P_k": np.stack([BASE["P_k"], np.full((2, 3), math.nan)]), "weights": np.array([0.0, 1.0])}, tags=("nan",)),
    Case(name="shared scores", tags=("broadcast", "duplicate"), args={**BASE, "label": np.array([2, 0, 2, 1])}),
    Case(name="shared scores, mixed", tags=("broadcast", "duplicate"),
         args={**BASE, "label": np.array([2, 0, 2, 1]), "variant": "mixed"}),
    Case(name="scores against matrices", tags=("broadcast", "batch"), args={**BASE, "x": np.stack([X, -X, X])[:, None],
         "P_k": np.stack([P, P[::-1]]), "label": np.array([0, 2])}),
    Case(name="nothing", args={**BASE, "x": np.zeros((0, 3))}, tags=("empty",)),
    _bad("unknown variant", "did you mean 'normalised'", variant="normalized"),
    _bad("other classes", "expected 2 classes along the last axis, as in x", x=X[:2]),
    _bad("infinite x", "infinite at index (0,)", x=np.array([math.inf, 0.0, 0.0])),
    _bad("infinite P_k", "infinite at index (0, 1)", P_k=np.array([[0.0, -math.inf, 0.0]]), weights=np.ones(1)),
    _bad("label out of range", "label' is 3; expected integers with 0 <= label < 3", label=3),
    _bad("label -1", "nothing counts from the end", label=-1),
    _bad("label 1.0", "has dtype float64; expected integers", TypeError, label=1.0),
    _bad("weights that add up to 2", "has the sum 2; expected a distribution", weights=np.ones(2)),
    _bad("negative weight", "holds -0.5 at index 1", weights=np.array([1.5, -0.5])),
    _bad("labels of another batch", "broadcast against () of x and (2,) of P_k", P_k=np.stack([P, P]),
         label=np.array([0, 1, 2])),
    _bad("matrices of another batch", "broadcast against", x=np.stack([X] * 3), P_k=np.stack([P, P])),
    _bad("complex x", "complex128", TypeError, x=X * 1j),
    _bad("a vector for P_k", "at least 2 axes", P_k=X),
)  # fmt: skip
