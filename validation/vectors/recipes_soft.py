"""Cases of soft_sort and soft_topk."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from refimpl import sorting, topk
from refimpl.op import Values
from validation.vectors.recipes import Recipe, irregular, refusals

THESIS = "thesis, (3.1)"
ORDERS = "the gradient of equal scores is the mean over their orders: shared, and with the mean of the signs"
SHEET = np.array([0.9, 0.1, 0.5, 0.2])


def _common() -> list[Recipe]:
    x5, x7 = irregular("soft five", 5), irregular("soft seven", 7)
    last = 0.9 * (1.0 + np.array([3.0, 0.0, -4.0]) * 2.0**-30)
    return [
        Recipe("sheet", {"s": SHEET, "tau": 0.3}, ("basic",), source="equation sheet, sorting.softsort"),
        Recipe("five, power 1", {"s": x5, "tau": 0.71}, ("basic", "odd_size"), source=THESIS),
        Recipe("five, power 2", {"s": x5, "tau": 0.71, "power": 2}, ("basic", "odd_size"),
               "the factor 2, and |D|: the slope of a square"),
        Recipe("seven, power 2", {"s": x7, "tau": 0.23, "power": 2}, ("odd_size", "non_power_of_two")),
        Recipe("five, permuted", {"s": x5[[2, 0, 4, 1, 3]], "tau": 0.71}, ("permuted", "odd_size"),
               "columns move with the scores, rows stay"),
        Recipe("ascending", {"s": np.array([-1.9, -0.6, 0.2, 1.1, 2.3]), "tau": 0.4}, ("basic", "odd_size"),
               "a matrix returned transposed, or in ascending order"),
        Recipe("two scores", {"s": np.array([0.37, 0.81]), "tau": 0.6}, ("basic",), "the logistic swap, beta = 1 / tau"),
        Recipe("two scores, power 2", {"s": np.array([0.37, 0.81]), "tau": 0.6, "power": 2}, ("basic",),
               "not the logistic swap: logistic of d^2 / tau"),
        Recipe("one score", {"s": np.array([2.53]), "tau": 1.0}, ("size_one",), "1, whatever the score is"),
        Recipe("nearly hard", {"s": x5, "tau": 0.0103}, ("saturated", "odd_size"), "weights of 1e-60 and less"),
        Recipe("hard", {"s": x5, "tau": 2.0**-40}, ("saturated", "odd_size"), "a permutation matrix; gradients are 0"),
        Recipe("nearly flat", {"s": x5, "tau": 2.3e7}, ("boundary", "odd_size")),
        Recipe("nearly equal", {"s": last, "tau": 2.7e-9}, ("near_ties", "odd_size"),
               "a small difference over a small tau: in float32 it is 0"),
        Recipe("far apart", {"s": np.array([-500.3, 30.1, 1000.7, -2.9, 0.5]), "tau": 1.0}, ("extreme_large", "saturated"),
               "exp that overflows"),
        Recipe("tiny", {"s": x5 * 2.0**-500, "tau": 2.0**-500}, ("extreme_small", "odd_size"), "|D| / tau is of order 1"),
        Recipe("huge", {"s": x5 * 2.0**1000, "tau": 2.0**1000}, ("extreme_large", "odd_size"), "|D| / tau is of order 1"),
        Recipe("huge, power 2", {"s": x5 * 2.0**511, "tau": 2.0**1022, "power": 2}, ("extreme_large", "odd_size"),
               "|D|^2 overflows where |D|^2 / tau is of order 1", pull=False),
        Recipe("differences that overflow", {"s": np.array([1.7e308, -1.7e308, 0.0]), "tau": 1.3e308},
               ("extreme_large", "odd_size"), "s_[i] - s_j is beyond the largest number", pull=False),
        Recipe("squares that underflow", {"s": x5 * 2.0**-530, "tau": 2.0**-1060, "power": 2},
               ("extreme_small", "subnormal"), "|D|^2 is 0 where |D|^2 / tau is of order 1", pull=False),
        Recipe("subnormal", {"s": np.array([5e-324, -3e-310, 2e-309]), "tau": 1.0}, ("subnormal", "odd_size")),
        Recipe("a pair", {"s": np.array([0.7, -0.4, 0.7]), "tau": 0.9}, ("kink", "ties", "duplicate"), ORDERS,
               source="our choice"),
        Recipe("a pair, power 2", {"s": np.array([0.7, -0.4, 0.7]), "tau": 0.9, "power": 2},
               ("kink", "ties", "duplicate"), ORDERS, source="our choice"),
        Recipe("all equal", {"s": np.full(4, 1.37), "tau": 0.6}, ("kink", "ties", "duplicate"), ORDERS,
               source="our choice"),
        Recipe("two pairs", {"s": np.array([1.0, 0.0, 1.0, 0.0]), "tau": 0.31}, ("ties", "duplicate"),
               "equal scores, equal columns; a distance divided by itself", pull=False),
        Recipe("signed zeros", {"s": np.array([0.0, -0.0, 0.5]), "tau": 0.8}, ("signed_zero", "ties"),
               "zeros of either sign are equal", pull=False),
        Recipe("three rows", {"s": irregular("soft rows", (3, 3)), "tau": 0.8}, ("batch", "broadcast"),
               "tau is shared: its gradient is a sum over rows"),
        Recipe("tau of a row", {"s": irregular("soft two rows", (2, 4)), "tau": np.array([0.3, 1.7])}, ("batch",),
               "one gradient of tau a row"),
        Recipe("two batch axes", {"s": irregular("soft axes", (2, 2, 3)), "tau": np.array([[1.2], [0.4]]), "power": 2},
               ("batch", "broadcast")),
        Recipe("nothing", {"s": np.zeros((0, 3)), "tau": 1.6}, ("empty",), "the gradient of tau is 0, not missing"),
        Recipe("nan in one row", {"s": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "tau": 1.0}, ("nan", "batch"),
               "the other row is not touched", pull=False),
    ]  # fmt: skip


SINGLE = ("five, power 1", "five, power 2", "three rows", "nearly hard")
REFUSED = ("no scores", "infinite s", "tau 0", "tau of the wrong shape", "power 0.5", "power 3")


def _with(more: Callable[[Values], Values], without: tuple[str, ...] = ()) -> list[Recipe]:
    chosen = [recipe for recipe in _common() if recipe.name not in without]
    found = [replace(recipe, args={**recipe.args, **more(recipe.args)}) for recipe in chosen]
    return found + [recipe.single() for recipe in found if recipe.name in SINGLE]


ONCE = ("ascending", "five, permuted", "hard", "subnormal", "two scores, power 2", "signed zeros")  # of soft_sort alone


def _k(args: Values) -> Values:
    """About half of the rows, so that some scores lie beyond."""
    return {"k": (np.shape(args["s"])[-1] + 1) // 2}


def _topk() -> list[Recipe]:
    s = irregular("soft twelve", 12)
    tied = np.array([1.0, 0.4, 1.0, 1.0, -0.3])
    across = "equal scores on both sides of k share what the ranks before k pull back"
    return [
        Recipe("one of twelve", {"s": s, "k": 1, "tau": 0.27}, ("non_power_of_two",), "the maximum alone"),
        Recipe("five of twelve", {"s": s, "k": 5, "tau": 0.27}, ("non_power_of_two",)),
        Recipe("all of five", {"s": irregular("soft five", 5), "k": 5, "tau": 0.71}, ("boundary", "odd_size"),
               "the whole matrix of soft_sort"),
        Recipe("a tie across k", {"s": tied, "k": 2, "tau": 0.7}, ("kink", "ties", "duplicate"), across,
               source="our choice"),
    ]  # fmt: skip


RECIPES = {
    "sorting.soft_sort": _with(lambda args: {}) + refusals(sorting.soft_sort, REFUSED),
    "topk.soft_topk": _with(_k, ONCE) + _topk() + refusals(topk.soft_topk, (*REFUSED, "k 0", "k beyond n")),
}
