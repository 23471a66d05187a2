"""What topk.neural_topk declares beside what holds for the whole matrix: k, the prefix law, named inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked
from refimpl.op import Arg, Array, Case, Values
from refimpl.sorting import neural_sort_declarations as whole
from refimpl.sorting.neural_sort_cases import PLAIN, REFUSED, S4


def sizes(rng: np.random.Generator) -> dict[str, int]:
    drawn = whole.sizes(rng)
    return {**drawn, "k": int(rng.integers(1, drawn["n"] + 1))}


ARGS = (
    whole.ARGS[0],
    Arg(
        name="k",
        shape="",
        domain="whole number, 1 <= k <= n",
        differentiable=False,
        sample=lambda rng, size: min(size["k"], size["n"]),
    ),
    whole.ARGS[1],
)


def rows_by_definition(s: Array, *, k: int, tau: object) -> Array:
    """The first k rows of the matrix."""
    return whole.matrix_by_definition(s, tau=tau)[..., :k, :]


def _all(args: Values) -> Values:
    return changed(args, k=int(np.shape(args["s"])[-1]))


def _prefix(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(run.value(args), run.value(_all(args))[..., : args["k"], :], 1.0)


def _padded(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent of zeros below row k asks for no further row."""
    g = rng.standard_normal(np.shape(run.value(args)))
    wide = np.zeros(np.shape(run.value(_all(args))))
    wide[..., : args["k"], :] = g
    n = g.shape[-1]
    return stacked(run.pull(args, g), run.pull(_all(args), wide), float(np.abs(g).max(initial=0.0)) * n)


LAWS = (
    *whole.LAWS,
    Law(
        name="prefix",
        statement="the first k rows of k = n, forward and backward: each row is computed by itself",
        forward=_prefix,
        backward=_padded,
    ),
    replace(whole.TWICE, counterexample={"s": np.array([1.0, 1.25, 2.0, -2.5]), "k": 3, "tau": 1.0}),
    replace(whole.MONOTONE, counterexample={"s": np.array([3.0, 0.0]), "k": 1, "tau": 1.0}),
)

CASES = (
    Case(
        name="sheet",
        args={"s": S4, "k": 1, "tau": 0.3},
        tags=("basic",),
        expect=np.array([[0.7817388194337, 0.001937736800256, 0.2060641155567, 0.01025932820938]]),
        source="equation sheet, sorting.neuralsort, golden values, row 0",
    ),
    *(
        replace(
            case,
            name=f"{case.name}, k = {k}",
            args=changed(case.args, k=k),
            expect=None if case.expect is None else np.asarray(case.expect)[:k],
        )
        for case in PLAIN
        for k in sorted({1, (1 + np.shape(case.args["s"])[-1]) // 2})
    ),
    *(replace(case, args=changed(case.args, k=1)) for case in REFUSED),
    Case(name="all rows", args={"s": S4, "k": 4, "tau": 0.3}, tags=("boundary",)),
    Case(name="k 0", args={"s": S4, "k": 0, "tau": 1.0}, error=(ValueError, "from 1 to n = 4")),
    Case(name="k above n", args={"s": S4, "k": 5, "tau": 1.0}, error=(ValueError, "from 1 to n = 4")),
    Case(name="k negative", args={"s": S4, "k": -1, "tau": 1.0}, error=(ValueError, "from 1 to n = 4")),
    Case(name="k a fraction", args={"s": S4, "k": 1.5, "tau": 1.0}, error=(TypeError, "a whole number from 1")),
)
