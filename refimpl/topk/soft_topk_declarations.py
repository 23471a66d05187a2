"""What topk.soft_topk declares, beyond what it shares with sorting.soft_sort."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked
from refimpl.op import Arg, Array, Case, Source, Values
from refimpl.sorting import soft_sort_declarations as sorting
from refimpl.sorting.soft_sort_laws import COMMON_LAWS, reflected

TOL = sorting.TOL


def sizes(rng: np.random.Generator) -> dict[str, int]:
    drawn = sorting.sizes(rng)
    return {**drawn, "k": int(rng.integers(1, drawn["n"] + 1))}


ARGS = (
    sorting.S_ARG,
    Arg(name="k", shape="", domain="1 to n", differentiable=False, sample=lambda rng, size: size["k"]),
    sorting.TAU_ARG,
    sorting.POWER_ARG,
)
SOURCES = (
    Source(
        where="Petersen, Learning with Differentiable Algorithms (thesis), 4.2",
        what="the first k rows of SoftSort (3.1)",
        departs="as in sorting.soft_sort",
    ),
    *sorting.SOURCES,
)


def margin(s: Any, *, k: int, tau: Any, power: int = 1) -> float:
    """Half the least distance of one of the first k scores to another."""
    return sorting.margin(s, tau=tau, power=power, k=k)


def rows_by_definition(s: Any, *, k: int, tau: Any, power: int = 1) -> Array:
    """The whole matrix, cut off."""
    return sorting.matrix_by_definition(s, tau=tau, power=power)[..., :k, :]


def _n(args: Values) -> int:
    return int(np.shape(args["s"])[-1])


def _prefix(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(run.value(args), run.value(changed(args, k=_n(args)))[..., : args["k"], :], 1.0)


def _prefix_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """What later rows would pull back is nothing, if their cotangents are."""
    batch, n = np.shape(args["s"])[:-1], _n(args)
    whole = np.zeros((*batch, n, n))
    whole[..., : args["k"], :] = rng.standard_normal((*batch, args["k"], n))
    left = run.pull(args, whole[..., : args["k"], :].copy())
    return stacked(left, run.pull(changed(args, k=n), whole), float(np.abs(whole).sum()))


LAWS = (
    *COMMON_LAWS,
    Law(
        name="prefix",
        statement="P_k is the first k rows of P_n, and pulls back what they do",
        forward=_prefix,
        backward=_prefix_twin,
    ),
    Law(
        name="mask",
        statement="summed over the k rows, no score has more than 1 (false: columns do not sum to 1)",
        false=True,
        forward=lambda run, args, rng: (lambda m: Sides(m, m.clip(max=1.0), 1.0))(run.value(args).sum(-2)),
        counterexample={"s": np.array([1.0, 0.0, -1.0]), "k": 3, "tau": 1.5},
    ),
    reflected({"s": np.array([0.9, 0.1, 0.5]), "k": 1, "tau": 0.3}),
)
CASES = (
    Case(
        name="sheet, row 0",
        args={"s": sorting.S4, "k": 1, "tau": 0.3},
        tags=("basic",),
        expect=sorting.SHEET_ROW[None],
        source="equation sheet, sorting.softsort, golden values",
    ),
    Case(
        name="5 of 400",
        args={"s": 3.0 * np.sin(np.arange(400.0) ** 2), "k": 5, "tau": 0.3},
        tags=("non_power_of_two",),
    ),
    *sorting.cases(k=1),
    Case(
        name="k 0",
        args={"s": sorting.S3, "k": 0, "tau": 1.0},
        error=(ValueError, "expected a whole number from 1 to n = 3"),
    ),
    Case(
        name="k beyond n",
        args={"s": sorting.S3, "k": 4, "tau": 1.0},
        error=(ValueError, "expected a whole number from 1 to n = 3"),
    ),
    Case(
        name="k not whole",
        args={"s": sorting.S3, "k": 1.5, "tau": 1.0},
        error=(TypeError, "expected a whole number from 1 to n = 3"),
    ),
)
