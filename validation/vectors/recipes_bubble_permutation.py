"""Cases of bubble_permutation, bubble_sort_by and soft_median."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from refimpl.op import Values
from validation.vectors.recipes import Recipe, irregular, refusals

PAPER = "AlgoNet, section 4.1, as corrected"
OUTLIER = np.array([0.0, 1.0, 2.0, 3.0, 100.0])


def _keys(operator: str) -> list[tuple[str, Values, tuple[str, ...], str]]:
    """Keys, steepness and rounds: name, arguments, tags, note."""
    a4, a5 = irregular(f"{operator} four", 4), irregular(f"{operator} five", 5)
    near = 0.9 * (1.0 + np.array([3.0, 0.0, 1.0, -4.0]) * 2.0**-30)
    return [
        ("four", {"a": a4, "steepness": 2.3}, ("basic",), "four rounds, beginning with the pair (0, 1)"),
        ("five", {"a": a5, "steepness": 1.7}, ("basic", "odd_size"), ""),
        ("three rounds", {"a": a4, "steepness": 1.9, "steps": 3}, ("basic",), "which do not sort (erratum P-26)"),
        ("one round", {"a": a5, "steepness": 1.1, "steps": 1}, ("odd_size",), "the last key has no partner"),
        ("two rounds", {"a": a5, "steepness": 1.1, "steps": 2}, ("odd_size",), "the second begins with the pair (1, 2)"),
        ("no rounds", {"a": a4, "steepness": 1.1, "steps": 0}, ("boundary",), "nothing happens"),
        ("nine rounds", {"a": a4, "steepness": 4.7, "steps": 9}, ("basic",), "more rounds than keys mix further"),
        ("one key", {"a": np.array([2.53]), "steepness": 1.0}, ("size_one",), "no pair"),
        ("two keys", {"a": np.array([0.81, 0.37]), "steepness": 3.3}, ("basic",), "one pair"),
        ("two keys, two rounds", {"a": np.array([0.81, 0.37]), "steepness": 3.3, "steps": 2}, ("basic",),
         "the second round has no pair"),
        ("two keys, three rounds", {"a": np.array([0.81, 0.37]), "steepness": 3.3, "steps": 3}, ("basic",), ""),
        ("six", {"a": irregular(f"{operator} six", 6), "steepness": 0.9}, ("non_power_of_two",), ""),
        ("all equal", {"a": np.full(4, 1.37), "steepness": 2.9}, ("ties", "duplicate"), "every pair is an average"),
        ("pairs of equals", {"a": np.array([1.0, 0.0, 1.0, 0.0]), "steepness": 3.1}, ("ties", "duplicate"), ""),
        ("nearly equal", {"a": near, "steepness": 353.9}, ("near_ties",), "steepness times a small difference"),
        ("nearly hard", {"a": a4, "steepness": 90.7}, ("saturated",), "exp that overflows"),
        ("nearly flat", {"a": a5, "steepness": 1.9e-8}, ("boundary", "odd_size"), ""),
        ("descending", {"a": np.array([2.3, 1.1, 0.2, -0.6]), "steepness": 5.7}, ("permuted",), "needs every round"),
        ("rotated", {"a": np.array([1.1, 2.3, -1.9, 0.2]), "steepness": 5.7}, ("permuted",),
         "the inverse permutation instead of the permutation"),
        ("three rows", {"a": irregular(f"{operator} rows", (3, 3)), "steepness": 2.7}, ("batch", "broadcast"),
         "steepness is shared: its gradient is a sum over rows"),
        ("steepness of a row", {"a": irregular(f"{operator} two rows", (2, 4)), "steepness": np.array([0.7, 3.3])},
         ("batch",), "one gradient of steepness a row"),
        ("tiny", {"a": a4 * 2.0**-500, "steepness": 2.0**500}, ("extreme_small",), "s d is of order 1"),
        ("huge", {"a": a4 * 2.0**500, "steepness": 2.0**-500}, ("extreme_large",), "s d is of order 1"),
        ("nothing", {"a": np.zeros((0, 3)), "steepness": 1.6}, ("empty",), "the gradient of steepness is 0, not missing"),
    ]  # fmt: skip


def _permutation() -> list[Recipe]:
    found = [Recipe(name, args, tags, note, source=PAPER) for name, args, tags, note in _keys("bubble")]
    found.append(
        Recipe("nan in one row", {"a": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "steepness": 1.0},
               ("nan", "batch"), "the other row is not touched", pull=False)
    )  # fmt: skip
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("four", "three rows", "nine rounds")]
    wanted = ("no values", "infinite a", "steepness 0", "steps negative", "steps not whole")
    return found + refusals(sorting.bubble_permutation, wanted)


def _sort_by() -> list[Recipe]:
    found = []
    for number, (name, args, tags, note) in enumerate(_keys("by")):
        batch, n = args["a"].shape[:-1], args["a"].shape[-1]
        t = irregular(f"rows of {name}", (*batch, n, 1 + number % 3))
        found.append(Recipe(name, {"t": t, **args}, tags, note, source=PAPER))
    a3, t3 = np.array([0.3, -1.1, 0.2]), irregular("table", (3, 2))
    found += [
        Recipe("the keys themselves", {"t": np.array([[3.0], [1.0], [2.0], [0.0]]), "a": np.array([3.0, 1.0, 2.0, 0.0]),
                                       "steepness": 2.0}, ("basic",), "the sorted values of the sheet"),
        Recipe("one table, two rows of keys", {"t": t3, "a": irregular("keys", (2, 3)), "steepness": 1.9},
               ("batch", "broadcast"), "the gradient of t is a sum over rows"),
        Recipe("two tables, one row of keys", {"t": irregular("tables", (2, 3, 2)), "a": a3, "steepness": 1.9},
               ("batch", "broadcast"), "the gradient of a is a sum over tables"),
        Recipe("large rows", {"t": t3 * 2.0**1000, "a": a3, "steepness": 1.9}, ("extreme_large",),
               "differences of rows, times their cotangents"),
        Recipe("no columns", {"t": np.zeros((3, 0)), "a": a3, "steepness": 1.9}, ("empty",), "no gradient, not none"),
        Recipe("nan in a column", {"t": np.array([[math.nan, 1.0], [2.0, 3.0]]), "a": a3[:2], "steepness": 1.0}, ("nan",),
               "the other column is not touched", pull=False),
    ]  # fmt: skip
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("four", "three rows", "one table, two rows of keys")]
    wanted = (
        "no keys",
        "too few rows",
        "batches that do not fit",
        "infinite t",
        "infinite a",
        "steepness 0",
        "steps negative",
    )
    return found + refusals(sorting.bubble_sort_by, wanted)


def _fast(selection: float, removal: float, rounds: int | None = None) -> Values:
    return {
        "kind": "fast",
        "selection": selection,
        "removal": removal,
        **({} if rounds is None else {"rounds": rounds}),
    }


def _median() -> list[Recipe]:
    x4, x5, x6 = irregular("median four", 4), irregular("median five", 5), irregular("median six", 6)
    tied = np.array([1.0, 0.0, 1.0, 0.0, 4.0])
    found = [
        Recipe("five, exact", {"x": x5, "steepness": 1.7}, ("basic", "odd_size"), "the middle value"),
        Recipe("four, exact", {"x": x4, "steepness": 2.3}, ("basic",), "the mean of two, half a cotangent to each"),
        Recipe("six, exact, two rounds", {"x": x6, "steepness": 0.9, "rounds": 2}, ("non_power_of_two",), ""),
        Recipe("five, exact, no rounds", {"x": x5, "steepness": 0.9, "rounds": 0}, ("boundary", "odd_size"),
               "what lies in the middle"),
        Recipe("nearly hard, exact", {"x": x5, "steepness": 40.7}, ("saturated", "odd_size"), "exp that overflows"),
        Recipe("ties, exact", {"x": tied, "steepness": 3.1}, ("ties", "duplicate"), ""),
        Recipe("one, exact", {"x": np.array([2.53]), "steepness": 1.0}, ("size_one",), "nothing is compared"),
        Recipe("two, exact", {"x": np.array([0.8, 0.3]), "steepness": 1.0}, ("basic",), "the mean"),
        Recipe("rows, exact", {"x": irregular("rows", (3, 3)), "steepness": 1.3}, ("batch", "broadcast"), ""),
        Recipe("steepness of a row", {"x": irregular("row", (2, 4)), "steepness": np.array([0.7, 3.3])}, ("batch",), ""),
        Recipe("print, mean", {"x": OUTLIER, **_fast(1.0, 1.0, 0)}, ("basic", "odd_size"), "no rounds: the mean"),
        Recipe("print, one round", {"x": OUTLIER, **_fast(1.0, 1.0, 1)}, ("basic", "odd_size"), "erratum P-30"),
        Recipe("print, five rounds", {"x": OUTLIER, **_fast(1.0, 1.0, 5)}, ("basic", "odd_size"), "erratum P-30"),
        Recipe("five, fast", {"x": x5, **_fast(1.3, 2.7)}, ("basic", "odd_size"), "two rounds by default"),
        Recipe("four, fast", {"x": x4, **_fast(2.3, 4.7)}, ("basic",), "one round by default"),
        Recipe("six, fast", {"x": x6, **_fast(0.9, 1.9)}, ("non_power_of_two",), "two rounds by default"),
        Recipe("six, fast, one round", {"x": x6, **_fast(1.9, 3.9, 1)}, ("non_power_of_two",), ""),
        Recipe("six, fast, three rounds", {"x": x6, **_fast(0.7, 1.1, 3)}, ("non_power_of_two",), ""),
        Recipe("sharp", {"x": np.array([3.0, -1.0, 2.0, 8.0, 0.5]), **_fast(40.7, 900.3)}, ("saturated", "odd_size"),
               "the median: gradients are tails"),
        Recipe("flat", {"x": x5, **_fast(1.9e-8, 1.1)}, ("boundary", "odd_size"), "selection without effect: the mean"),
        Recipe("small removal", {"x": x5, **_fast(1.1, 1.9e-8)}, ("boundary", "odd_size"), "nearly the mean"),
        Recipe("ties, fast", {"x": tied, **_fast(1.7, 2.9)}, ("ties", "duplicate"), "equal values are removed together"),
        Recipe("all equal", {"x": np.full(4, 1.37), **_fast(1.7, 2.9)}, ("ties", "duplicate"), "parameters have no effect"),
        Recipe("one, fast", {"x": np.array([2.53]), **_fast(1.7, 2.9)}, ("size_one",), "no rounds"),
        Recipe("one, removed", {"x": np.array([2.53]), **_fast(1.7, 2.9, 2)}, ("size_one",), "it is all there is"),
        Recipe("two, fast", {"x": np.array([0.8, 0.3]), **_fast(1.7, 2.9)}, ("basic",), "no rounds: the mean"),
        Recipe("rows, fast", {"x": irregular("rows", (3, 3)), **_fast(1.7, 2.9)}, ("batch", "broadcast"),
               "gradients of both parameters are sums over rows"),
        Recipe("parameters of a row", {"x": irregular("row", (2, 4)), "kind": "fast", "selection": np.array([0.7, 2.3]),
                                       "removal": np.array([[1.9, 3.1]])[0]}, ("batch",), ""),
        Recipe("tiny", {"x": x5 * 2.0**-500, **_fast(2.0**500, 2.1)}, ("extreme_small", "odd_size"), "b1 x is of order 1"),
        Recipe("huge", {"x": x5 * 2.0**500, **_fast(2.0**-500, 2.1)}, ("extreme_large", "odd_size"), "b1 x is of order 1"),
        Recipe("nothing, exact", {"x": np.zeros((0, 3)), "steepness": 1.6}, ("empty",), "gradients are 0, not missing"),
        Recipe("nothing, fast", {"x": np.zeros((0, 3)), **_fast(1.7, 2.9)}, ("empty",), "gradients are 0, not missing"),
        Recipe("nan in one row", {"x": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), **_fast(1.7, 2.9)},
               ("nan", "batch"), "the other row is not touched", pull=False),
    ]  # fmt: skip
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("five, exact", "four, fast", "rows, fast")]
    wanted = ("no values", "infinite x", "unknown kind", "no removal", "selection 0", "rounds negative")
    return found + refusals(sorting.soft_median, wanted)


RECIPES = {
    "sorting.bubble_permutation": _permutation(),
    "sorting.bubble_sort_by": _sort_by(),
    "sorting.soft_median": _median(),
}
