"""Cases of bubble_sort."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from refimpl.op import Values
from validation.vectors.recipes import Recipe, irregular, refusals

LISTING = "thesis, section 2.3, the listing; (2.10), (2.12) as corrected (E-02)"


def _cases() -> list[Recipe]:
    a4, a5 = irregular("four", 4), irregular("five", 5)
    plain: Values = {"a": a5, "beta": 1.7}
    return [
        Recipe("three", {"a": np.array([3.0, 1.0, 2.0]), "beta": 1.0}, ("basic", "odd_size"), source=LISTING),
        Recipe("four", {"a": a4, "beta": 2.3}, ("basic",), source=LISTING),
        Recipe("five", plain, ("basic", "odd_size"), source=LISTING),
        Recipe("five, permuted", {**plain, "a": a5[[2, 0, 4, 1, 3]]}, ("permuted", "odd_size"),
               "bubble sort is not symmetric: this is another case"),
        Recipe("seven", {"a": irregular("seven", 7), "beta": 4.1}, ("odd_size", "non_power_of_two")),
        Recipe("two", {"a": np.array([0.9, 0.4]), "beta": 3.0}, ("basic",), "one comparison: the relaxed swap"),
        Recipe("one", {"a": np.array([2.5]), "beta": 1.0}, ("size_one",), "nothing is compared, nothing swapped"),
        Recipe("ascending", {"a": np.array([-1.9, -0.6, 0.2, 1.1]), "beta": 5.7}, ("basic",)),
        Recipe("descending", {"a": np.array([1.1, 0.2, -0.6, -1.9]), "beta": 5.7}, ("permuted",),
               "the loop runs longest; a last pass without comparisons ends it"),
        Recipe("all equal", {"a": np.full(4, 1.37), "beta": 2.9}, ("ties", "duplicate"), "p = 1/2 throughout"),
        Recipe("pairs of equals", {"a": np.array([1.0, 0.0, 1.0, 0.0]), "beta": 3.1}, ("ties", "duplicate")),
        Recipe("nearly hard", {"a": a4, "beta": 60.7}, ("saturated",), "1 - swapped by subtraction loses its digits"),
        Recipe("nearly flat", {"a": a4, "beta": 1.9e-8}, ("boundary",), "beta still has a gradient"),
        Recipe("nearly equal", {"a": 0.9 * (1.0 + np.array([3.0, 0.0, -4.0]) * 2.0**-30), "beta": 353.9}, ("near_ties",)),
        Recipe("wide", {"a": np.array([30.1, -500.3, 1000.7]), "beta": 1.0}, ("extreme_large", "saturated")),
        Recipe("tiny", {"a": a4 * 2.0**-500, "beta": 2.0**500}, ("extreme_small",), "beta d is of order 1"),
        Recipe("huge", {"a": a4 * 2.0**500, "beta": 2.0**-500}, ("extreme_large",), "beta d is of order 1"),
        Recipe("subnormal", {"a": np.array([5e-324, -3e-310, 2e-309]), "beta": 1.0}, ("subnormal", "odd_size")),
        Recipe("signed zeros", {"a": np.array([0.0, -0.0, 0.0]), "beta": 2.0}, ("signed_zero", "ties")),
        Recipe("three rows", {"a": irregular("rows", (3, 3)), "beta": 2.7}, ("batch", "broadcast"),
               "beta is shared: its gradient is a sum over rows"),
        Recipe("beta of a row", {"a": irregular("two rows", (2, 4)), "beta": np.array([0.7, 3.3])}, ("batch",)),
        Recipe("two batch axes", {"a": irregular("axes", (2, 2, 3)), "beta": np.array([[1.2], [2.9]])},
               ("batch", "broadcast")),
        Recipe("nothing", {"a": np.zeros((0, 3)), "beta": 1.6}, ("empty",), "the gradient of beta is 0, not missing"),
        Recipe("nan in one row", {"a": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "beta": 1.0}, ("nan", "batch"),
               "the other row is not touched", pull=False),
    ]  # fmt: skip


def _all() -> list[Recipe]:
    found = _cases()
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("five", "three rows", "seven")]
    return found + refusals(sorting.bubble_sort, ("no values", "infinite a", "beta 0", "beta of the wrong shape"))


RECIPES = {"sorting.bubble_sort": _all()}
