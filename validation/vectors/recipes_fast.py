"""Cases of fast_sort and fast_rank."""

from __future__ import annotations

import math

import numpy as np

from refimpl import sorting
from refimpl.op import AnyOp, Values
from validation.vectors.recipes import Recipe, irregular, refusals

REGULARIZATIONS = ("l2", "kl")
PAPER = "Blondel, Teboul, Berthet, Djolonga (2020), propositions 2 to 4"
P2 = "the softmax of kl taken over the ladder (fast-soft-sort, SoftSort)"
T4 = np.array([0.9, 0.1, 0.5, 0.2])


def _both(ranks: bool) -> list[Recipe]:
    """Eps at which some positions are pooled and others are not; for sorts it is large, for ranks small."""
    mixed, one, hard = (0.43, 7.3, 1e-3) if ranks else (2.3, 211.7, 0.01)
    x5, x7 = irregular("fast five", 5), irregular("fast seven", 7)
    found = []
    for name in REGULARIZATIONS:
        kind: Values = {"regularization": name}
        found += [
            Recipe(f"some blocks, {name}", {"theta": x7, "eps": mixed, **kind}, ("basic", "odd_size"), source=PAPER),
            Recipe(f"one block, {name}", {"theta": x5, "eps": one, **kind}, ("basic", "odd_size"),
                   "a mean or softmax over the whole row", source=PAPER),
            Recipe(f"hard, {name}", {"theta": x5, "eps": hard, **kind}, ("saturated", "odd_size"), "no block is joined"),
            Recipe(f"sheet, {name}", {"theta": T4, "eps": 0.5 if ranks else 4.0, **kind}, ("basic",), source=PAPER),
            Recipe(f"package, {name}", {"theta": np.array([0.0, 1.0, 3.0]), "eps": 10.0, **kind},
                   ("known_bug", "odd_size"), P2),
            Recipe(f"permuted, {name}", {"theta": x7[[3, 0, 6, 1, 5, 2, 4]], "eps": mixed, **kind}, ("permuted", "odd_size"),
                   "the inverse permutation instead of the permutation"),
            Recipe(f"all equal, {name}", {"theta": np.full(4, 1.37), "eps": 0.7, **kind}, ("ties", "duplicate"),
                   "ranks share their mean, sorted values stay"),
            Recipe(f"pairs of equals, {name}", {"theta": np.array([1.0, 0.0, 1.0, 0.0, 0.3]), "eps": 1.1, **kind},
                   ("ties", "duplicate", "odd_size")),
            Recipe(f"nearly one block, {name}", {"theta": x5, "eps": 3.1e7, **kind}, ("boundary", "odd_size"),
                   "block averages whose difference cancels"),
            Recipe(f"shifted, {name}", {"theta": 4096.0 + np.round(x5 * 1024.0) / 1024.0, "eps": mixed, **kind},
                   ("near_ties", "odd_size"), "sums of the values instead of their differences"),
            Recipe(f"far apart, {name}", {"theta": np.array([-500.3, 30.1, 1000.7, -2.9]), "eps": 0.9, **kind},
                   ("extreme_large",), "exp that overflows"),
            Recipe(f"one value, {name}", {"theta": np.array([2.53]), "eps": 1.0, **kind}, ("size_one",)),
            Recipe(f"three rows, {name}", {"theta": irregular("fast rows", (3, 4)), "eps": mixed, **kind},
                   ("batch", "broadcast"), "eps is shared: its gradient is a sum over rows"),
            Recipe(f"eps of a row, {name}", {"theta": irregular("two rows", (2, 5)), "eps": np.array([mixed, one]), **kind},
                   ("batch",), "one gradient of eps a row"),
            Recipe(f"nan in one row, {name}",
                   {"theta": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "eps": 1.0, **kind}, ("nan", "batch"),
                   "the other row is not touched", pull=False),
        ]  # fmt: skip
    found += [
        Recipe("dyadic", {"theta": np.array([4.0, 0.0]), "eps": 0.5 if not ranks else 8.0}, ("basic",), kind="exact"),
        Recipe("two batch axes", {"theta": irregular("axes", (2, 2, 3)), "eps": np.array([[mixed], [one]])},
               ("batch", "broadcast")),
        Recipe("nothing", {"theta": np.zeros((0, 3)), "eps": 1.6}, ("empty",), "the gradient of eps is 0, not missing"),
        Recipe("signed zeros", {"theta": np.array([0.0, -0.0, 0.0]), "eps": 2.0}, ("signed_zero", "ties")),
        Recipe("tiny", {"theta": x5 * 2.0**-500, "eps": mixed * (2.0**-500 if ranks else 2.0**500)},
               ("extreme_small", "odd_size"), "products that underflow"),
        Recipe("huge", {"theta": x5 * 2.0**500, "eps": mixed * (2.0**500 if ranks else 2.0**-500)},
               ("extreme_large", "odd_size"), "products that overflow"),
    ]  # fmt: skip
    return found


def _all(op: AnyOp) -> list[Recipe]:
    found = _both(op.name == "fast_rank")
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[f"{name}, {kind}"].single() for kind in REGULARIZATIONS for name in ("some blocks", "three rows")]
    wanted = ("no values", "infinite theta", "unknown regularization", "eps 0", "eps of the wrong shape")
    return found + refusals(op, wanted)


RECIPES = {
    "sorting.fast_sort": _all(sorting.fast_sort),
    "sorting.fast_rank": _all(sorting.fast_rank),
}
