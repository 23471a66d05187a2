"""Cases of the losses between permutation matrices."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from refimpl.op import AnyOp
from validation.vectors.recipes import Array, Recipe, irregular, refusals

THESIS = "thesis, (3.12) and the caption of figure 3.1 (erratum E-16)"
REFUSED = (
    "no rows",
    "not square",
    "a vector",
    "two sizes",
    "batches that do not fit",
    "logarithms for P",
    "scores for Q",
)


def _inside(key: str, *shape: int) -> Array:
    return irregular(key, shape, 0.03, 0.97)


def _rows(key: str, n: int) -> Array:
    """Rows that sum to 1."""
    p = _inside(key, n, n)
    return p / p.sum(-1, keepdims=True)


def _hard(*order: int) -> Array:
    return np.eye(len(order))[list(order)]


def _recipes(op: AnyOp) -> list[Recipe]:
    p3, q3 = _rows("p3", 3), _hard(1, 0, 2)
    p5, q5 = _rows("p5", 5), _rows("q5", 5)
    edge = np.array([[0.0, 0.75, 0.25], [0.75, 0.25, 0.0], [0.25, 0.0, 0.75]])
    single = np.array([[1e-12, 0.5], [0.5, 1.0]])
    found = [
        Recipe("hard target", {"P": p3, "Q": q3}, ("basic", "odd_size"), source=THESIS),
        Recipe("soft target", {"P": p5, "Q": q5}, ("basic", "odd_size"), source=THESIS),
        Recipe("four", {"P": _rows("p4", 4), "Q": _rows("q4", 4)}, ("basic",)),
        Recipe("any entries", {"P": _inside("any", 4, 4), "Q": _inside("other", 4, 4)}, ("basic",)),
        Recipe("seven", {"P": _rows("p7", 7), "Q": _hard(3, 1, 6, 0, 2, 5, 4)}, ("odd_size", "non_power_of_two")),
        Recipe("eight", {"P": _rows("p8", 8), "Q": _rows("q8", 8)}, ("basic",)),
        Recipe("rows permuted", {"P": p5[[2, 0, 4, 1, 3]], "Q": q5[[2, 0, 4, 1, 3]]}, ("permuted", "odd_size")),
        Recipe("both transposed", {"P": p5.T.copy(), "Q": q5.T.copy()}, ("permuted", "odd_size")),
        Recipe("target transposed", {"P": p5, "Q": q5.T.copy()}, ("permuted", "odd_size"), "rows and columns exchanged"),
        Recipe("exchanged", {"P": q5, "Q": p5}, ("permuted", "odd_size"), "the loss is not symmetric"),
        Recipe("uniform", {"P": np.full((4, 4), 0.25), "Q": _hard(2, 0, 3, 1)}, ("duplicate",), "log n, and its gradient"),
        Recipe("halves", {"P": np.full((2, 2), 0.5), "Q": np.full((2, 2), 0.5)}, ("duplicate",),
               "log P = log(1 - P): the target has no gradient"),
        Recipe("all right", {"P": q3, "Q": q3}, ("boundary", "saturated"), "0 log 0 is not NaN: the loss is 0"),
        Recipe("all wrong", {"P": _hard(1, 2, 0), "Q": q3}, ("boundary", "saturated"),
               "log max(P, pmin); no gradient below"),
        Recipe("zeros", {"P": edge, "Q": _rows("z", 3)}, ("boundary",), "gradient 0 at a clamped entry, not 1/pmin"),
        Recipe("zeros off the target", {"P": edge, "Q": _hard(1, 0, 2)}, ("boundary",), "0 log 0 is not NaN"),
        Recipe("at the clamp", {"P": single, "Q": np.array([[0.25, 0.5], [0.5, 0.25]])}, ("kink",),
               "the slope of the clamp is the mean of both sides", source="our choice"),
        Recipe("just above the clamp", {"P": np.array([[1.1e-12, 0.7], [0.4, 3.3e-9]]), "Q": _inside("ja", 2, 2)},
               ("extreme_small", "near_ties")),
        Recipe("just below the clamp", {"P": np.array([[0.9e-12, 0.7], [0.4, 1e-300]]), "Q": _inside("jb", 2, 2)},
               ("extreme_small", "boundary")),
        Recipe("nearly 1", {"P": np.array([[1.0 - 2.0**-30, 2.0**-31], [2.0**-33, 1.0 - 2.0**-29]]), "Q": _hard(0, 1)},
               ("saturated", "near_ties"), "log(1 + x) for a small x: 1 - P rounded loses the loss"),
        Recipe("small entries", {"P": np.array([[3e-8, 2e-10], [7e-9, 4e-11]]), "Q": np.zeros((2, 2))},
               ("extreme_small",), "1 - P rounded: log1p(-P) is needed"),
        Recipe("beyond 1 by rounding", {"P": _hard(0, 1) * (1.0 + 2.0**-50), "Q": _inside("b1", 2, 2)}, ("boundary",),
               "log(1 - P) of a negative number"),
        Recipe("below 0 by rounding", {"P": _hard(0, 1) - 1e-9, "Q": _inside("b0", 2, 2)}, ("boundary",),
               "log P of a negative number"),
        Recipe("small weights", {"P": p3, "Q": _inside("w", 3, 3) * 2.0**-60}, ("extreme_small", "odd_size")),
        Recipe("subnormal weights", {"P": p3, "Q": q3 * 5e-324}, ("subnormal",),
               "a loss below the smallest number", pull=False),
        Recipe("signed zeros", {"P": np.array([[-0.0, 1.0], [1.0, 0.0]]), "Q": np.array([[0.0, 1.0], [1.0, -0.0]])},
               ("signed_zero", "boundary")),
        Recipe("one entry", {"P": np.array([[0.31]]), "Q": np.array([[0.83]])}, ("size_one",)),
        Recipe("batch", {"P": _inside("bp", 3, 2, 2), "Q": _inside("bq", 3, 2, 2)}, ("batch",)),
        Recipe("shared target", {"P": _inside("sp", 3, 3, 3), "Q": q3}, ("broadcast", "batch")),
        Recipe("shared matrix", {"P": p3, "Q": _inside("sq", 2, 3, 3)}, ("broadcast", "batch")),
        Recipe("all against all", {"P": _inside("ap", 2, 1, 2, 2), "Q": _inside("aq", 3, 2, 2)}, ("broadcast", "batch")),
        Recipe("no matrices", {"P": np.ones((0, 2, 2)), "Q": _hard(0, 1)}, ("empty",), "the target's gradient is 0"),
        Recipe("nan in one matrix", {"P": np.array([[[0.5, math.nan], [0.5, 0.5]], [[0.5, 0.25], [0.5, 0.75]]]),
                                     "Q": np.full((2, 2), 0.5)}, ("nan", "batch"), "the other matrix is not touched",
               pull=False),
        Recipe("nan where the target is 0", {"P": np.array([[1.0, math.nan], [0.5, 0.5]]), "Q": _hard(0, 1)}, ("nan",),
               "the cross entropy does not ask for this entry, the binary one does", pull=False),
    ]  # fmt: skip
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("soft target", "hard target", "shared target", "any entries")]
    return found + refusals(op, REFUSED)


RECIPES = {op.id: _recipes(op) for op in (sorting.permutation_cross_entropy, sorting.permutation_binary_cross_entropy)}
