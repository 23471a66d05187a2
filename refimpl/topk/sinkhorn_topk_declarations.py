"""What topk.sinkhorn_topk declares beside what it shares with the sorter: k, laws, named inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed
from refimpl.op import Arg, Array, Case, Source, Values
from refimpl.sorting import sinkhorn_declarations as of_sort
from refimpl.sorting.sinkhorn_cases import PLAIN, REFUSED
from refimpl.sorting.sinkhorn_laws import AFFINE, EQUIVARIANT, FALSE_SHIFT, ROWS_SUM, SCALED, TOGETHER, limit, plain

SOURCES = (
    Source(where="Petersen, Learning with Differentiable Algorithms (thesis), 4.2", what="full P, reversed, cut"),
)
ARGS = (
    of_sort.ARGS[0],
    Arg(
        name="k", shape="", domain="a whole number from 1 to n", differentiable=False,
        sample=lambda rng, size: int(rng.integers(1, size["n"] + 1)),
    ),
    *of_sort.ARGS[1:],
)  # fmt: skip
sizes = of_sort.sizes


def rows_by_definition(x: Any, *, k: int, **others: Any) -> Array:
    """The matrix of the sorter's definition, reversed and cut."""
    return of_sort.matrix_by_definition(x, **others)[..., ::-1, :][..., :k, :]


def _at_most_one(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    sums = run.value(limit(args)).sum(-2)
    return Sides(sums, np.minimum(sums, 1.0), 1.0)


def _nested(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(run.value(changed(args, k=1)), run.value(args)[..., :1, :], 1.0)


def _nested_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent of the first row alone pulls back as it does for k = 1."""
    g = rng.standard_normal((*np.shape(args["x"])[:-1], args["k"], np.shape(args["x"])[-1]))
    g[..., 1:, :] = 0.0
    left, right = run.pull(changed(args, k=1), g[..., :1, :])["x"], run.pull(args, g)["x"]
    return Sides(left, right, float(np.abs(g).sum() / np.min(args["eps"])))


def _turned(args: Values) -> Values:
    y = args.get("targets")
    x = np.asarray(args["x"])
    return changed(args, x=1.0 - x) if y is None else changed(args, x=-x, targets=-np.asarray(y)[..., ::-1])


def _all(args: Values) -> bool:
    return plain(args) and bool(args["k"] == np.shape(args["x"])[-1])


LAWS = (
    ROWS_SUM, EQUIVARIANT, TOGETHER, SCALED, AFFINE,
    Law(name="columns", statement="columns sum to at most 1 in the limit", forward=_at_most_one),
    Law(name="nested", statement="the first row does not depend on k", forward=_nested, backward=_nested_twin),
    Law(name="reflection", statement="k = n: turning x and targets round reverses the rows", applies=_all,
        forward=lambda run, args, rng: Sides(run.value(_turned(args)), run.value(args)[..., ::-1, :], 1.0)),
    Law(name=FALSE_SHIFT.name, statement=FALSE_SHIFT.statement, forward=FALSE_SHIFT.forward, false=True,
        counterexample=changed(FALSE_SHIFT.counterexample or {}, k=2)),
    Law(name="columns at finite T", statement="columns sum to at most 1 after any number of iterations (false)", false=True,
        forward=lambda run, args, rng: (lambda s: Sides(s, np.minimum(s, 1.0), 1.0))(run.value(args).sum(-2)),
        counterexample=changed(FALSE_SHIFT.counterexample or {}, k=2)),
)  # fmt: skip
_WRONG_K = {"k 0": 0, "k negative": -1, "k beyond n": 4, "k not whole": 1.5, "k true": True}
CASES = (
    *(Case(name=case.name, args=changed(case.args, k=1 + (case.args["x"].shape[-1] > 2)), tags=case.tags) for case in PLAIN),
    *(Case(name=case.name, args=changed(case.args, k=1), error=case.error) for case in REFUSED),
    *(
        Case(
            name=name, args={"x": np.array([0.8, -0.3, 0.4]), "k": k, "eps": 0.5, "iterations": 3},
            error=(ValueError if type(k) is int else TypeError, "a whole number from 1 to n = 3"),
        )
        for name, k in _WRONG_K.items()
    ),
)  # fmt: skip
