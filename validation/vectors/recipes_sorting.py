"""Cases of swap, network_sort and network_permutation."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from refimpl.op import AnyOp, Values
from validation.vectors.recipes import Recipe, irregular, refusals

SMOOTH = (
    "logistic", "reciprocal", "cauchy", "optimal", "art", "uniform", "cubic_hermite", "wigner", "gaussian", "laplace",
    "hyperbolic_secant",
)  # fmt: skip
BOUNDED = ("uniform", "cubic_hermite", "wigner")  # hard beyond |beta d| = 1
FAR = {  # |beta d| where the tail is small but not gone
    "logistic": 41.3, "reciprocal": 3.1e9, "cauchy": 2.7e9, "optimal": 4.3e9, "art": 67.9, "gaussian": 9.7, "laplace": 39.7,
    "hyperbolic_secant": 24.3,
}  # fmt: skip
CORNERS = {"reciprocal": 0.0, "laplace": 0.0, "optimal": 0.25, "uniform": 1.0, "cubic_hermite": 1.0, "wigner": 1.0}
THESIS = "thesis, (3.5) to (3.11), (3.13), (3.21) to (3.24)"
MEAN = "the slope of a sigmoid at its corner is the mean of both sides"


def _lam(cdf: str, value: float = 0.3125) -> Values:
    return {"lam": value} if cdf == "art" else {}


# swap


def _swap(cdf: str, number: int) -> Recipe:
    reach = 0.4 if cdf in BOUNDED else 2.0
    args = {side: irregular(f"swap {side} {number}", 5, -reach, reach) for side in "ab"}
    beta = 0.9140625 + number / 16.0
    return Recipe(cdf, {**args, "cdf": cdf, "beta": beta, **_lam(cdf)}, ("basic", "odd_size"), source=THESIS)


def _far(cdf: str) -> Recipe:
    a, b = np.array([0.0, 1.0, -0.37]), np.array([FAR[cdf], 1.0 - FAR[cdf], FAR[cdf] * 0.91])
    note = "1 - alpha instead of the tail, or exp that overflows: the minimum leaves [a, b]"
    return Recipe(f"far apart, {cdf}", {"a": a, "b": b, "cdf": cdf, "beta": 1.0, **_lam(cdf)}, ("saturated",), note)


def _corner(cdf: str) -> Recipe:
    at = CORNERS[cdf]
    a, b = np.array([0.25, 0.5, -1.0]), np.array([0.25 + at / 2.0, 0.5 - at / 2.0, -1.0 + at / 2.0])
    return Recipe(f"corner of {cdf}", {"a": a, "b": b, "cdf": cdf, "beta": 2.0}, ("kink",), MEAN, source="our choice")


def _tie(cdf: str) -> Recipe:
    x = np.array([1.7, -0.3, 0.0])
    args = {"a": x, "b": x, "cdf": cdf, "beta": 2.3, **_lam(cdf)}
    return Recipe(
        f"tie, {cdf}", args, ("ties", "duplicate"), "at a tie both outputs are the mean, and beta has no effect"
    )


def _swaps() -> list[Recipe]:
    a, b = irregular("swap left", 5), irregular("swap right", 5)
    dyadic = {"a": np.array([2.0, -1.0, 0.5]), "b": np.array([1.0, -0.75, 0.5])}
    plain: Values = {"a": a, "b": b, "cdf": "cauchy", "beta": 1.7}
    order = [4, 1, 3, 0, 2]
    last = 1.1 * (1.0 + np.array([0.0, 1.0, -2.0, 5.0]) * 2.0**-30)
    return [
        Recipe("optimal, dyadic", {**dyadic, "cdf": "optimal", "beta": 0.25}, ("basic",), kind="exact"),
        Recipe("uniform, dyadic", {**dyadic, "cdf": "uniform", "beta": 0.5}, ("basic",), kind="exact"),
        Recipe("hard", {**dyadic, "cdf": "heaviside", "beta": 1.0}, ("kink", "ties"), "1/2 at a tie (erratum E-32)",
               kind="exact"),
        Recipe("nearly equal", {"a": np.full(4, 1.1), "b": last, "cdf": "cauchy", "beta": 311.7}, ("near_ties",),
               "beta times a small difference: in float32 it is 0"),
        Recipe("nearly equal, logistic", {"a": last, "b": last[::-1].copy(), "cdf": "logistic", "beta": 407.3},
               ("near_ties",), "beta times a small difference: in float32 it is 0"),
        Recipe("nearly flat", {**plain, "beta": 3.7e-9}, ("boundary",), "alpha is nearly 1/2: its slope is still beta / pi"),
        Recipe("nearly hard", {**plain, "beta": 2.9e9}, ("saturated",), "the gradient of beta is 1 / (pi beta^2), not 0"),
        Recipe("lam left out", {**plain, "cdf": "art"}, ("basic", "odd_size"), "lam is 1/4 by default"),
        Recipe("lam in each", {**plain, "cdf": "art", "lam": irregular("lam", 5, 0.05, 0.8)}, ("basic", "odd_size")),
        Recipe("tiny", {"a": a * 2.0**-500, "b": b * 2.0**-500, "beta": 2.0**500}, ("extreme_small",),
               "beta d is of order 1"),
        Recipe("huge", {"a": a * 2.0**500, "b": b * 2.0**500, "beta": 2.0**-500, "cdf": "logistic"}, ("extreme_large",),
               "beta d is of order 1"),
        Recipe("wide", {"a": np.array([-500.3, 30.1, 1000.0]), "b": np.array([60.9, -90.7, 1001.3]), "beta": 1.0},
               ("extreme_large", "saturated"), "the minimum is a plus a tail times d"),
        Recipe("subnormal", {"a": np.array([5e-324, 3e-310]), "b": np.array([0.0, -2e-309]), "beta": 1.0}, ("subnormal",)),
        Recipe("signed zeros", {"a": np.array([0.0, -0.0, 0.0]), "b": np.array([-0.0, 0.0, 0.0]), "cdf": "laplace",
                                "beta": 3.0}, ("signed_zero", "ties", "kink"), "d is a zero of either sign"),
        Recipe("nan", {"a": np.array([math.nan, 1.0, 2.0]), "b": np.array([1.0, math.nan, 1.0]), "beta": 1.0}, ("nan",),
               pull=False),
        Recipe("nothing", {"a": np.zeros((0, 2)), "b": np.zeros((0, 2)), "beta": 1.3}, ("empty",),
               "the gradient of beta is 0, not missing"),
        Recipe("two numbers", {"a": np.array(0.7), "b": np.array(-0.4), "cdf": "reciprocal", "beta": 1.9}, ("size_one",)),
        Recipe("all against all", {"a": irregular("rows", (3, 1)), "b": irregular("columns", (1, 4)), "cdf": "gaussian",
                                   "beta": 1.1}, ("broadcast", "batch"), "gradients are summed along shared axes"),
        Recipe("beta of a row", {"a": irregular("p", (2, 3)), "b": irregular("q", (2, 3)), "cdf": "logistic",
                                 "beta": np.array([[0.6], [2.7]])}, ("broadcast", "batch"), "one gradient of beta a row"),
        Recipe("beta of each", {**plain, "beta": irregular("beta", 5, 0.3, 4.0)}, ("basic", "odd_size")),
        Recipe("pairs", plain, ("basic", "odd_size")),
        Recipe("pairs, permuted", {**plain, "a": a[order], "b": b[order]}, ("permuted", "odd_size")),
        Recipe("exchanged", {**plain, "a": b, "b": a}, ("permuted", "odd_size"), "swap(b, a) = swap(a, b)"),
        Recipe("twice the same", {"a": np.repeat(a[:2], 3), "b": np.repeat(b[:2], 3), "cdf": "optimal", "beta": 0.7},
               ("duplicate",)),
    ]  # fmt: skip


def _all_swaps() -> list[Recipe]:
    found = [_swap(cdf, number) for number, cdf in enumerate(SMOOTH)]
    found += [_far(cdf) for cdf in FAR] + [_corner(cdf) for cdf in CORNERS]
    found += [_tie(cdf) for cdf in ("cauchy", "logistic", "art", "gaussian")] + _swaps()
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("logistic", "art", "pairs", "all against all")]
    wanted = ("unknown cdf", "beta 0", "infinite b", "shapes that do not fit", "lam without art")
    return found + refusals(sorting.swap, wanted)


# networks


def _network(cdf: str, number: int) -> Recipe:
    n, network = 3 + number % 4, ("bitonic", "odd_even")[number % 2]
    reach = 0.3 if cdf in BOUNDED else 1.6
    size = ("odd_size",) if n % 2 else ("non_power_of_two",) if n == 6 else ()
    args = {"x": irregular(f"network {number}", n, -reach, reach), "network": network, "cdf": cdf}
    beta = 0.84375 + number / 16.0
    return Recipe(f"{cdf}, {network}", {**args, "beta": beta, **_lam(cdf)}, ("basic", *size), source=THESIS)


def _networks() -> list[Recipe]:
    x5, x6 = irregular("five", 5), irregular("six", 6)
    plain: Values = {"x": x5, "network": "odd_even", "cdf": "logistic", "beta": 2.1}
    last = 0.9 * (1.0 + np.array([[3.0, 0.0], [1.0, -4.0], [-2.0, 5.0]]) * 2.0**-30)
    hard = np.array([3.0, -1.5, 2.25, 0.75])
    dyadic: Values = {"x": np.array([1.0, 0.5]), "network": "odd_even", "beta": 2.0}
    return [
        Recipe("one value", {"x": np.array([2.53]), "beta": 1.0}, ("size_one",), "nothing is compared"),
        Recipe("two values", {"x": np.array([0.81, 0.37]), "cdf": "reciprocal", "beta": 3.3}, ("basic",)),
        Recipe("seven, bitonic", {"x": irregular("seven", 7), "cdf": "cauchy", "beta": 3.9},
               ("odd_size", "non_power_of_two"), "wires beyond n must be left out, not set to 0"),
        Recipe("seven, odd-even", {"x": irregular("seven", 7), "network": "odd_even", "cdf": "optimal", "beta": 1.3},
               ("odd_size", "non_power_of_two")),
        Recipe("eight", {"x": irregular("eight", 8), "cdf": "gaussian", "beta": 1.9}, ("basic",)),
        Recipe("six", {"x": x6, "cdf": "cauchy", "beta": 40.3}, ("non_power_of_two", "basic")),
        Recipe("all equal", {"x": np.full(5, 1.37), "cdf": "cauchy", "beta": 2.9}, ("ties", "duplicate"),
               "every comparator is an average"),
        Recipe("pairs of equals", {"x": np.array([1.0, 0.0, 1.0, 0.0]), "cdf": "logistic", "beta": 3.1},
               ("ties", "duplicate"), "the same value in two places has two gradients"),
        Recipe("all equal, art", {"x": np.full(3, 0.6), "cdf": "art", "beta": 1.4, "lam": 0.4}, ("ties",),
               "slope beta 1e10 / 4 at a tie (3.13), times a difference of 0"),
        Recipe("nearly equal", {"x": last, "cdf": "cauchy", "beta": 353.9}, ("near_ties", "batch"),
               "beta times a small difference: in float32 it is 0"),
        Recipe("nearly hard", {"x": x5, "cdf": "cauchy", "beta": 2.3e7}, ("saturated", "odd_size"),
               "tails computed as 1 - alpha: the gradient of beta is lost"),
        Recipe("nearly hard, logistic", {"x": x5, "cdf": "logistic", "beta": 90.7}, ("saturated", "odd_size"),
               "exp that overflows"),
        Recipe("nearly flat", {"x": x5, "cdf": "cauchy", "beta": 1.9e-8}, ("boundary", "odd_size")),
        Recipe("hard", {"x": hard, "cdf": "heaviside", "beta": 1.0}, ("kink",), "the sorted values, no slope",
               kind="exact"),
        Recipe("hard, uniform", {"x": hard, "cdf": "uniform", "beta": 4.0, "network": "odd_even"}, ("saturated",),
               "beyond |beta d| = 1 nothing is mixed", kind="exact"),
        Recipe("corner of uniform", {**dyadic, "cdf": "uniform"}, ("kink",), MEAN, source="our choice"),
        Recipe("corner of reciprocal", {"x": np.array([0.5, 0.5, 0.5]), "cdf": "reciprocal", "beta": 2.0},
               ("kink", "ties"), MEAN),
        Recipe("corner of laplace", {"x": np.array([0.25, 0.25]), "cdf": "laplace", "beta": 3.0}, ("kink", "ties"), MEAN),
        Recipe("corner of optimal", {"x": np.array([0.5, 0.375]), "cdf": "optimal", "beta": 2.0}, ("kink",), MEAN),
        Recipe("ascending", {"x": np.array([-1.9, -0.6, 0.2, 1.1, 2.3]), "cdf": "cauchy", "beta": 5.7}, ("basic",),
               "a matrix returned transposed, or in descending order"),
        Recipe("descending", {"x": np.array([2.3, 1.1, 0.2, -0.6, -1.9]), "cdf": "cauchy", "beta": 5.7}, ("permuted",),
               "a matrix returned transposed, or in descending order"),
        Recipe("rotated", {"x": np.array([1.1, 2.3, -1.9, -0.6, 0.2]), "cdf": "cauchy", "beta": 5.7}, ("permuted",),
               "the inverse permutation instead of the permutation"),
        Recipe("three rows", {"x": irregular("three rows", (3, 3)), "cdf": "cauchy", "beta": 2.7}, ("batch", "broadcast"),
               "beta is shared: its gradient is a sum over rows"),
        Recipe("beta of a row", {"x": irregular("two rows", (2, 4)), "cdf": "logistic", "beta": np.array([0.7, 3.3])},
               ("batch",), "one gradient of beta a row"),
        Recipe("two batch axes", {"x": irregular("axes", (2, 2, 3)), "cdf": "hyperbolic_secant",
                                  "beta": np.array([[1.2], [2.9]])}, ("batch", "broadcast")),
        Recipe("lam of a row", {"x": irregular("rows", (2, 3)), "cdf": "art", "beta": 1.8, "lam": np.array([0.15, 0.55])},
               ("batch", "broadcast")),
        Recipe("lam left out", {"x": x5, "network": "odd_even", "cdf": "art", "beta": 1.2}, ("basic", "odd_size"),
               "lam is 1/4 by default"),
        Recipe("network of one's own", {"x": np.array([2.1, 0.5, 1.2]), "beta": 2.0, "network": [[[2, 0]], [[1, 2]]]},
               ("basic", "odd_size"), "the minimum goes to the first wire of a pair, wherever that is"),
        Recipe("five, logistic", plain, ("basic", "odd_size")),
        Recipe("five, permuted", {**plain, "x": x5[[2, 0, 4, 1, 3]]}, ("permuted", "odd_size"),
               "a soft sort is not symmetric: this is another case"),
        Recipe("tiny", {"x": x5 * 2.0**-500, "cdf": "cauchy", "beta": 2.0**500}, ("extreme_small", "odd_size"),
               "beta d is of order 1"),
        Recipe("huge", {"x": x5 * 2.0**500, "cdf": "gaussian", "beta": 2.0**-500}, ("extreme_large", "odd_size"),
               "beta d is of order 1"),
        Recipe("wide", {"x": np.array([-500.3, 30.1, 1000.7, -2.9, 0.5]), "network": "odd_even", "beta": 1.0},
               ("extreme_large", "saturated")),
        Recipe("subnormal", {"x": np.array([5e-324, -3e-310, 2e-309]), "beta": 1.0}, ("subnormal", "odd_size")),
        Recipe("signed zeros", {"x": np.array([0.0, -0.0, 0.0]), "cdf": "logistic", "beta": 2.0}, ("signed_zero", "ties")),
        Recipe("nothing", {"x": np.zeros((0, 3)), "beta": 1.6}, ("empty",), "the gradient of beta is 0, not missing"),
        Recipe("nan in one row", {"x": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "beta": 1.0}, ("nan", "batch"),
               "the other row is not touched", pull=False),
    ]  # fmt: skip


def _all_networks(op: AnyOp) -> list[Recipe]:
    found = [_network(cdf, number) for number, cdf in enumerate(SMOOTH)] + _networks()
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("logistic, bitonic", "seven, bitonic", "three rows", "six")]
    wanted = (
        "no values",
        "infinite x",
        "unknown cdf",
        "unknown network",
        "beta 0",
        "wire out of range",
        "wire used twice",
    )
    found += refusals(op, wanted)
    if op.name == "network_sort":  # the matrix would have 484 entries
        note = "a bitonic network with downward comparators, cut down to 22 wires, does not sort"
        x = irregular("twenty-two", 22)
        found.append(
            Recipe("22 wires", {"x": x, "cdf": "cauchy", "beta": 37.1}, ("known_bug", "non_power_of_two"), note)
        )
    return found


RECIPES = {
    "sorting.swap": _all_swaps(),
    "sorting.network_sort": _all_networks(sorting.network_sort),
    "sorting.network_permutation": _all_networks(sorting.network_permutation),
}
