"""Cases of network_topk."""

from __future__ import annotations

import math

import numpy as np

from refimpl import topk
from refimpl.op import Values
from validation.vectors.recipes import Recipe, irregular, refusals
from validation.vectors.recipes_sorting import BOUNDED, MEAN, SMOOTH

THESIS = "thesis, sections 4.1 and 4.2.1; (3.5) to (3.11), (3.13), (3.21) to (3.24)"
NETWORKS = ("splitter", "bitonic", "odd_even")


def _each(cdf: str, number: int) -> Recipe:
    n, network = 4 + number % 4, NETWORKS[number % 3]
    reach = 0.3 if cdf in BOUNDED else 1.6
    size = ("odd_size",) if n % 2 else ("non_power_of_two",) if n == 6 else ()
    args: Values = {"x": irregular(f"topk {number}", n, -reach, reach), "k": 1 + number % 3, "network": network}
    more = {"lam": 0.3125} if cdf == "art" else {}
    beta = 0.84375 + number / 16.0
    return Recipe(f"{cdf}, {network}", {**args, "cdf": cdf, "beta": beta, **more}, ("basic", *size), source=THESIS)


def _others() -> list[Recipe]:
    x5, x7 = irregular("topk five", 5), irregular("topk seven", 7)
    hard = np.array([3.0, -1.5, 2.25, 0.75, 2.5])
    sheet = np.array([0.5, -1.0, 2.0, 0.0, 1.0])
    last = 0.9 * (1.0 + np.array([[3.0, 0.0], [1.0, -4.0], [-2.0, 5.0]]) * 2.0**-30)
    return [
        Recipe("one value", {"x": np.array([2.53]), "k": 1, "beta": 1.0}, ("size_one",), "nothing is compared"),
        Recipe("larger of two", {"x": np.array([0.81, 0.37]), "k": 1, "cdf": "reciprocal", "beta": 3.3}, ("basic",)),
        Recipe("the sheet", {"x": sheet, "k": 2, "network": "bitonic", "cdf": "cauchy", "beta": 2.0}, ("basic",),
               "row 0 is the largest; ascending rows, or the k smallest", source="equation sheet, topk.network"),
        Recipe("all of them", {"x": x5, "k": 5, "cdf": "logistic", "beta": 1.7}, ("basic", "odd_size"),
               "the whole matrix, upside down"),
        Recipe("nine, three wanted", {"x": irregular("topk nine", 9), "k": 3, "cdf": "cauchy", "beta": 3.9},
               ("odd_size", "non_power_of_two"), "wires outside the last k take part and are not asked for"),
        Recipe("twelve, five wanted", {"x": irregular("topk twelve", 12), "k": 5, "cdf": "logistic", "beta": 2.3},
               ("non_power_of_two",), "more rows than a vector holds"),
        Recipe("sixteen, one wanted", {"x": irregular("topk sixteen", 16), "k": 1, "cdf": "gaussian", "beta": 1.9},
               ("basic",), "a tournament"),
        Recipe("hard", {"x": hard, "k": 3, "cdf": "heaviside", "beta": 1.0}, ("kink",), "the top k, no slope",
               kind="exact"),
        Recipe("hard, uniform", {"x": hard, "k": 2, "cdf": "uniform", "beta": 4.0, "network": "odd_even"},
               ("saturated",), "beyond |beta d| = 1 nothing is mixed", kind="exact"),
        Recipe("all equal", {"x": np.full(5, 1.37), "k": 2, "cdf": "cauchy", "beta": 2.9}, ("ties", "duplicate"),
               "every comparator is an average"),
        Recipe("pairs of equals", {"x": np.array([1.0, 0.0, 1.0, 0.0]), "k": 2, "cdf": "logistic", "beta": 3.1},
               ("ties", "duplicate"), "the same value in two places has two gradients"),
        Recipe("nearly equal", {"x": last, "k": 1, "cdf": "cauchy", "beta": 353.9}, ("near_ties", "batch"),
               "beta times a small difference: in float32 it is 0"),
        Recipe("nearly hard", {"x": x5, "k": 2, "cdf": "cauchy", "beta": 2.3e7}, ("saturated", "odd_size"),
               "tails computed as 1 - alpha: the gradient of beta is lost"),
        Recipe("nearly hard, logistic", {"x": x5, "k": 2, "cdf": "logistic", "beta": 90.7}, ("saturated", "odd_size"),
               "exp that overflows"),
        Recipe("nearly flat", {"x": x5, "k": 2, "cdf": "cauchy", "beta": 1.9e-8}, ("boundary", "odd_size")),
        Recipe("corner of uniform", {"x": np.array([1.0, 0.5]), "k": 1, "cdf": "uniform", "beta": 2.0}, ("kink",), MEAN,
               source="our choice"),
        Recipe("corner of laplace", {"x": np.array([0.25, 0.25]), "k": 1, "cdf": "laplace", "beta": 3.0},
               ("kink", "ties"), MEAN),
        Recipe("ascending", {"x": np.array([-1.9, -0.6, 0.2, 1.1, 2.3]), "k": 2, "beta": 5.7}, ("basic", "odd_size"),
               "the k smallest for the k largest"),
        Recipe("rotated", {"x": np.array([1.1, 2.3, -1.9, -0.6, 0.2]), "k": 2, "beta": 5.7}, ("permuted", "odd_size"),
               "columns are inputs, in the order they came"),
        Recipe("three rows", {"x": irregular("topk rows", (3, 4)), "k": 2, "cdf": "cauchy", "beta": 2.7},
               ("batch", "broadcast"), "beta is shared: its gradient is a sum over rows"),
        Recipe("beta of a row", {"x": irregular("topk two", (2, 4)), "k": 3, "cdf": "logistic",
                                 "beta": np.array([0.7, 3.3])}, ("batch",), "one gradient of beta a row"),
        Recipe("two batch axes", {"x": irregular("topk axes", (2, 2, 3)), "k": 2, "cdf": "hyperbolic_secant",
                                  "beta": np.array([[1.2], [2.9]])}, ("batch", "broadcast")),
        Recipe("lam of a row", {"x": irregular("topk lam", (2, 3)), "k": 1, "cdf": "art", "beta": 1.8,
                                "lam": np.array([0.15, 0.55])}, ("batch", "broadcast")),
        Recipe("lam left out", {"x": x5, "k": 2, "cdf": "art", "beta": 1.2}, ("basic", "odd_size"),
               "lam is 1/4 by default"),
        Recipe("network of one's own", {"x": np.array([2.1, 0.5, 1.2]), "k": 1, "beta": 2.0,
                                        "network": [[[2, 0]], [[0, 2]], [[1, 2]]]}, ("basic", "odd_size"),
               "the minimum goes to the first wire of a pair, wherever that is"),
        Recipe("seven", {"x": x7, "k": 3, "cdf": "cauchy", "beta": 1.1}, ("basic", "odd_size")),
        Recipe("seven, permuted", {"x": x7[[2, 0, 4, 1, 3, 6, 5]], "k": 3, "cdf": "cauchy", "beta": 1.1},
               ("permuted", "odd_size"), "a selection network is not symmetric: this is another case"),
        Recipe("tiny", {"x": x5 * 2.0**-500, "k": 2, "cdf": "cauchy", "beta": 2.0**500}, ("extreme_small", "odd_size"),
               "beta d is of order 1"),
        Recipe("huge", {"x": x5 * 2.0**500, "k": 2, "cdf": "gaussian", "beta": 2.0**-500},
               ("extreme_large", "odd_size"), "beta d is of order 1"),
        Recipe("wide", {"x": np.array([-500.3, 30.1, 1000.7, -2.9, 0.5]), "k": 2, "beta": 1.0},
               ("extreme_large", "saturated")),
        Recipe("subnormal", {"x": np.array([5e-324, -3e-310, 2e-309]), "k": 1, "beta": 1.0}, ("subnormal", "odd_size")),
        Recipe("nothing", {"x": np.zeros((0, 3)), "k": 2, "beta": 1.6}, ("empty",),
               "the gradient of beta is 0, not missing"),
        Recipe("nan in one row", {"x": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "k": 2, "beta": 1.0},
               ("nan", "batch"), "the other row is not touched", pull=False),
    ]  # fmt: skip


def _all() -> list[Recipe]:
    found = [_each(cdf, number) for number, cdf in enumerate(SMOOTH)] + _others()
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("logistic, splitter", "seven", "three rows", "twelve, five wanted")]
    wanted = ("k 0", "k beyond n", "infinite x", "network almost splitter", "wire out of range", "wire used twice")
    return found + refusals(topk.network_topk, wanted)


RECIPES = {"topk.network_topk": _all()}
