"""Cases of neural_sort and neural_topk."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting, topk
from refimpl.op import Values
from validation.vectors.recipes import Recipe, irregular, refusals

GROVER = "Grover et al. (2019), theorem 4; thesis, 3.1.1"
TIE = "equal scores have equal columns; |s_j - s_l| has slope 0 where they meet"


def _plain() -> list[Recipe]:
    """Scores and temperatures; every list also fits the first k rows."""
    s5 = irregular("scores", 5)
    near = 0.9 * (1.0 + np.array([3.0, 0.0, -4.0, 1.0]) * 2.0**-30)
    return [
        Recipe("five scores", {"s": s5, "tau": 0.9}, ("basic", "odd_size"), source=GROVER),
        Recipe("five, warm", {"s": s5, "tau": 7.3}, ("basic", "odd_size"), source=GROVER),
        Recipe("five, cold", {"s": s5, "tau": 0.21}, ("basic", "odd_size"), source=GROVER),
        Recipe("five, permuted", {"s": s5[[2, 0, 4, 1, 3]], "tau": 0.9}, ("permuted", "odd_size"),
               "the columns go with the scores"),
        Recipe("sheet", {"s": np.array([0.9, 0.1, 0.5, 0.2]), "tau": 0.3}, ("basic",), source="equation sheet"),
        Recipe("one score", {"s": np.array([2.53]), "tau": 0.7}, ("size_one",), "one entry, 1"),
        Recipe("two scores", {"s": np.array([0.81, 0.37]), "tau": 0.45}, ("basic",), "the logistic swap"),
        Recipe("two scores, reversed", {"s": np.array([0.37, 0.81]), "tau": 0.45}, ("permuted",), "row 0 = maximum"),
        Recipe("six scores", {"s": irregular("six scores", 6), "tau": 1.7}, ("non_power_of_two", "basic")),
        Recipe("seven scores", {"s": irregular("seven scores", 7), "tau": 3.1}, ("odd_size", "non_power_of_two")),
        Recipe("eight scores", {"s": irregular("eight scores", 8), "tau": 2.3}, ("basic",)),
        Recipe("ascending", {"s": np.array([-1.9, -0.6, 0.2, 1.1]), "tau": 1.3}, ("basic",),
               "a matrix returned transposed, or in ascending order"),
        Recipe("descending", {"s": np.array([1.1, 0.2, -0.6, -1.9]), "tau": 1.3}, ("permuted",),
               "a matrix returned transposed, or in ascending order"),
        Recipe("all equal", {"s": np.full(4, 1.37), "tau": 0.6}, ("ties", "duplicate", "kink"), TIE),
        Recipe("pairs of equals", {"s": np.array([1.0, 0.0, 1.0, 0.0]), "tau": 1.9}, ("ties", "duplicate", "kink"), TIE),
        Recipe("one pair", {"s": np.array([0.5, -0.3, 0.5]), "tau": 0.8}, ("ties", "kink", "odd_size"), TIE),
        Recipe("signed zeros", {"s": np.array([0.0, -0.0, 1.0]), "tau": 1.1}, ("signed_zero", "ties", "kink"), TIE),
        Recipe("nearly equal", {"s": near, "tau": 1.7e-9}, ("near_ties",), "a small difference: in float32 it is 0"),
        Recipe("nearly hard", {"s": s5, "tau": 0.013}, ("saturated", "odd_size"), "exp that overflows"),
        Recipe("nearly flat", {"s": s5, "tau": 3.7e8}, ("boundary", "odd_size"), "all entries are nearly 1 / n"),
        Recipe("large offset", {"s": 4096.0 + np.array([0.5, -1.25, 2.0, 0.75]), "tau": 0.9}, ("extreme_large",),
               "B and the scaled scores are large, their differences are not"),
        Recipe("wide", {"s": np.array([-500.3, 30.1, 1000.7, 31.2, 30.9]), "tau": 1.0}, ("saturated", "extreme_large"),
               "exp that overflows; far scores add nothing to the gradient of tau"),
        Recipe("tiny", {"s": s5 * 2.0**-500, "tau": 2.0**-500}, ("extreme_small", "odd_size"), "s / tau is of order 1"),
        Recipe("huge", {"s": s5 * 2.0**500, "tau": 2.0**500}, ("extreme_large", "odd_size"), "s / tau is of order 1"),
        Recipe("three rows", {"s": irregular("rows of scores", (3, 3)), "tau": 0.9}, ("batch", "broadcast"),
               "tau is shared: its gradient is a sum over rows"),
        Recipe("tau of a row", {"s": irregular("two rows of scores", (2, 4)), "tau": np.array([0.4, 2.6])}, ("batch",),
               "one gradient of tau a row"),
        Recipe("two batch axes", {"s": irregular("axes of scores", (2, 2, 3)), "tau": np.array([[0.8], [2.9]])},
               ("batch", "broadcast")),
        Recipe("nothing", {"s": np.zeros((0, 3)), "tau": 1.6}, ("empty",), "the gradient of tau is 0, not missing"),
        Recipe("nan in one row", {"s": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "tau": 1.0}, ("nan", "batch"),
               "the other row is not touched", pull=False),
    ]  # fmt: skip


def _first(recipe: Recipe, k: int) -> Recipe:
    args: Values = {"s": recipe.args["s"], "k": k, "tau": recipe.args["tau"]}
    return Recipe(f"{recipe.name}, k = {k}", args, recipe.tags, recipe.note, pull=recipe.pull, source=recipe.source)


def _sorts() -> list[Recipe]:
    found = _plain()
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("five scores", "three rows", "pairs of equals", "two scores")]
    return found + refusals(sorting.neural_sort, ("no scores", "infinite s", "tau 0", "tau of the wrong shape"))


def _tops() -> list[Recipe]:
    found = [_first(recipe, (1 + np.shape(recipe.args["s"])[-1]) // 2) for recipe in _plain()]
    chosen = {recipe.name: recipe for recipe in _plain()}
    found += [_first(chosen[name], 1) for name in ("five scores", "pairs of equals", "three rows", "wide")]
    found += [_first(chosen["five scores"], 5), _first(chosen["seven scores"], 6)]
    picked = {recipe.name: recipe for recipe in found}
    found += [picked[name].single() for name in ("five scores, k = 3", "three rows, k = 2", "pairs of equals, k = 1")]
    return found + refusals(topk.neural_topk, ("no scores", "infinite s", "tau 0", "k 0", "k above n"))


RECIPES = {"sorting.neural_sort": _sorts(), "topk.neural_topk": _tops()}
