"""Cases of soft values and soft ranks."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from validation.vectors.recipes import Array, Recipe, irregular, refusals

SHEET = "equation sheet, sorting.sinkhorn: xs, ranks"


def _rows(key: str, *shape: int) -> Array:
    """Rows that sum to 1."""
    p = irregular(key, shape, 0.03, 0.97)
    return p / p.sum(-1, keepdims=True)


def _values() -> list[Recipe]:
    p5, x5 = _rows("soft 5", 5, 5), irregular("five values", 5)
    dyadic, hard = np.array([[0.5, 0.25, 0.25], [0.125, 0.375, 0.5]]), np.eye(4)[[2, 0, 3, 1]]
    big = np.array([2.0**1023, 2.0**1022, 2.0**1023, -(2.0**1023), -(2.0**1022)])
    found = [
        Recipe("five", {"P": p5, "x": x5}, ("basic", "odd_size"), source=SHEET),
        Recipe("four", {"P": _rows("soft 4", 4, 4), "x": irregular("four values", 4)}, ("basic",), source=SHEET),
        Recipe("eight", {"P": _rows("soft 8", 8, 8), "x": irregular("eight values", 8)}, ("basic",)),
        Recipe("seven", {"P": _rows("soft 7", 7, 7), "x": irregular("seven values", 7)}, ("odd_size", "non_power_of_two")),
        Recipe("first two of five", {"P": p5[:2], "x": x5}, ("basic", "odd_size"), "a matrix that is not square"),
        Recipe("one row of many", {"P": _rows("row", 1, 33), "x": irregular("33 values", 33)}, ("odd_size",)),
        Recipe("more rows than columns", {"P": _rows("tall", 5, 2), "x": irregular("two values", 2)}, ("basic",)),
        Recipe("by hand", {"P": dyadic, "x": np.array([3.0, -1.0, 2.0])}, ("basic",), kind="exact"),
        Recipe("hard", {"P": hard, "x": np.array([3.0, -1.5, 2.25, 0.75])}, ("permuted",),
               "the matrix or its transpose", kind="exact"),
        Recipe("columns permuted", {"P": p5[:, [2, 0, 4, 1, 3]], "x": x5[[2, 0, 4, 1, 3]]}, ("permuted", "odd_size")),
        Recipe("rows permuted", {"P": p5[[2, 0, 4, 1, 3]], "x": x5}, ("permuted", "odd_size")),
        Recipe("transposed", {"P": p5.T.copy(), "x": x5}, ("permuted", "odd_size"), "the matrix or its transpose"),
        Recipe("any matrix", {"P": irregular("any", (3, 4)), "x": irregular("values", 4)}, ("basic",),
               "linear in P: no entry is clipped"),
        Recipe("equal values", {"P": p5, "x": np.full(5, 1.37)}, ("ties", "duplicate", "odd_size")),
        Recipe("cancelling", {"P": np.full((1, 3), 1.0), "x": np.array([2.0**52, 1.0, -(2.0**52)])}, ("near_ties",),
               "1 in float64, 0 where sums are in float32", kind="exact", pull=False),
        Recipe("tiny", {"P": p5, "x": x5 * 2.0**-1000}, ("extreme_small", "odd_size")),
        Recipe("huge", {"P": p5, "x": x5 * 2.0**1000}, ("extreme_large", "odd_size"), pull=False),
        Recipe("beyond the range and back", {"P": np.ones((1, 5)), "x": big}, ("extreme_large",),
               "a partial sum overflows, the sum does not", kind="exact", pull=False),
        Recipe("subnormal", {"P": np.eye(3), "x": np.array([5e-324, -3e-310, 0.0])}, ("subnormal",), kind="exact"),
        Recipe("signed zeros", {"P": np.eye(2), "x": np.array([0.0, -0.0])}, ("signed_zero",)),
        Recipe("one value", {"P": np.array([[0.7]]), "x": np.array([-1.3])}, ("size_one",)),
        Recipe("batch", {"P": _rows("batch", 3, 2, 3), "x": irregular("batch", (3, 3))}, ("batch",)),
        Recipe("shared matrix", {"P": p5, "x": irregular("lists", (3, 5))}, ("broadcast", "batch", "odd_size")),
        Recipe("shared values", {"P": _rows("matrices", 2, 5, 5), "x": x5}, ("broadcast", "batch", "odd_size")),
        Recipe("all against all", {"P": _rows("all", 2, 1, 2, 3), "x": irregular("all", (3, 3))}, ("broadcast", "batch")),
        Recipe("no rows", {"P": np.ones((0, 3)), "x": irregular("none", 3)}, ("empty",), "the gradient of x is 0"),
        Recipe("no lists", {"P": np.eye(3), "x": np.ones((0, 3))}, ("empty", "broadcast"), "the gradient of P is 0"),
        Recipe("nan at weight 0", {"P": np.array([[1.0, 0.0], [0.5, 0.5]]), "x": np.array([1.0, math.nan])}, ("nan",),
               "a weight of exactly 0 takes its value out", pull=False),
    ]  # fmt: skip
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("five", "first two of five", "shared values", "any matrix")]
    wanted = ("no values", "two sizes", "a vector for P", "batches that do not fit", "infinite x", "infinite P")
    return found + refusals(sorting.soft_values, wanted)


def _ranks() -> list[Recipe]:
    p5, dyadic = _rows("rank 5", 5, 5), np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
    found = [
        Recipe("five", {"P": p5}, ("basic", "odd_size"), source=SHEET),
        Recipe("two", {"P": _rows("rank 2", 2, 2)}, ("basic",), source=SHEET),
        Recipe("three", {"P": _rows("rank 3", 3, 3)}, ("basic", "odd_size")),
        Recipe("four", {"P": _rows("rank 4", 4, 4)}, ("basic",)),
        Recipe("six", {"P": _rows("rank 6", 6, 6)}, ("non_power_of_two",)),
        Recipe("seven", {"P": _rows("rank 7", 7, 7)}, ("odd_size", "non_power_of_two")),
        Recipe("eight", {"P": _rows("rank 8", 8, 8)}, ("basic",)),
        Recipe("by hand", {"P": dyadic}, ("basic",), "ranks from 0, or the sum over the wrong axis", kind="exact"),
        Recipe("hard", {"P": np.eye(4)[[2, 0, 3, 1]]}, ("permuted",), "the permutation or its inverse", kind="exact"),
        Recipe("identity", {"P": np.eye(3)}, ("basic",), "1, 2, 3", kind="exact"),
        Recipe("descending", {"P": np.eye(3)[::-1].copy()}, ("permuted",), "3, 2, 1: row 0 has rank 1", kind="exact"),
        Recipe("uniform", {"P": np.full((4, 4), 0.25)}, ("ties", "duplicate"), "(n + 1) / 2", kind="exact"),
        Recipe("columns permuted", {"P": p5[:, [2, 0, 4, 1, 3]]}, ("permuted", "odd_size")),
        Recipe("rows permuted", {"P": p5[[2, 0, 4, 1, 3]]}, ("permuted", "odd_size")),
        Recipe("transposed", {"P": p5.T.copy()}, ("permuted", "odd_size"), "the sum over the wrong axis"),
        Recipe("any matrix", {"P": irregular("rank any", (4, 4))}, ("basic",), "linear in P: no entry is clipped"),
        Recipe("tiny", {"P": p5 * 2.0**-1000}, ("extreme_small", "odd_size")),
        Recipe("huge", {"P": p5 * 2.0**1000}, ("extreme_large", "odd_size"), pull=False),
        Recipe("beyond the range and back", {"P": np.array([[1.5 * 2.0**1023, 0.0], [-(2.0**1023), 1.0]])},
               ("extreme_large",), "2 P overflows, the rank does not", kind="exact", pull=False),
        Recipe("subnormal", {"P": np.array([[5e-324, 0.0], [5e-324, 1e-310]])}, ("subnormal",), kind="exact"),
        Recipe("one value", {"P": np.array([[1.0]])}, ("size_one",), "1, not 0", kind="exact"),
        Recipe("batch", {"P": _rows("rank batch", 3, 3, 3)}, ("batch",)),
        Recipe("two batch axes", {"P": _rows("rank axes", 2, 2, 2, 2)}, ("batch",)),
        Recipe("no matrices", {"P": np.ones((0, 3, 3))}, ("empty",)),
        Recipe("nan in a column", {"P": np.array([[math.nan, 0.5], [0.5, 0.5]])}, ("nan",),
               "the other column is not touched", pull=False),
    ]  # fmt: skip
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("five", "batch", "any matrix")]
    return found + refusals(sorting.soft_ranks, ("no values", "first rows only", "a vector", "infinite P"))


RECIPES = {"sorting.soft_values": _values(), "sorting.soft_ranks": _ranks()}
