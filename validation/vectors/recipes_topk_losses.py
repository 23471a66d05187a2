"""Cases of topk_loss, topk_split_loss and subset. Labels are whole numbers, or lists of them: they are never floats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl import topk
from refimpl.op import Values
from refimpl.topk.topk_loss_declarations import SHEET
from validation.vectors.dual import Array
from validation.vectors.recipes import Recipe, irregular, refusals

THESIS = "thesis, (4.3), (4.4), section 4.3.1"
VARIANTS = ("split", "normalised", "mixed")
EVEN = np.array([0.5, 0.5])
THREE = np.array([0.25, 0.4375, 0.3125])


def matrix(key: str, rows: int, n: int, batch: tuple[int, ...] = ()) -> Array:
    """Rows that are distributions."""
    p = irregular(f"matrix {key}", (*batch, rows, n), 0.05, 1.0)
    return p / p.sum(-1, keepdims=True)


def _shared(loss: Values) -> list[Recipe]:
    """What both losses are asked; ``loss`` holds the other arguments, of 5 classes."""
    P = matrix("five", 3, 5)
    base: Values = {**loss, "P_k": P, "label": 2, "weights": THREE}
    order = [3, 0, 4, 2, 1]
    moved = {name: np.asarray(value)[order] for name, value in loss.items() if isinstance(value, np.ndarray)}
    nan = np.where(np.arange(5) == 3, math.nan, P)
    return [
        Recipe("three ranks", base, ("basic", "odd_size"), source=THESIS),
        Recipe("first class", {**base, "label": 0}, ("basic", "odd_size"), "a label counted from 1"),
        Recipe("last class", {**base, "label": 4}, ("basic", "odd_size"), "a label counted from 1"),
        Recipe("classes permuted", {**base, **moved, "P_k": P[:, order], "label": 3}, ("permuted", "odd_size")),
        Recipe("top 1", {**base, "weights": np.array([1.0, 0.0, 0.0])}, ("boundary",), "w = [1, 0, 0]"),
        Recipe("top 3", {**base, "weights": np.array([0.0, 0.0, 1.0])}, ("boundary",), "w = [1, 1, 1]"),
        Recipe("top 2", {**base, "weights": np.array([0.0, 1.0, 0.0])}, ("boundary",),
               "w = [1, 1, 0]: weights summed from the wrong end give [0, 1, 1]"),
        Recipe("figure 4.1", {**base, "weights": np.array([0.5, 0.5, 0.0])}, ("basic",), "w = [1, .5, 0]"),
        Recipe("one row", {**base, "P_k": P[:1], "weights": np.ones(1)}, ("size_one",)),
        Recipe("several labels", {**base, "label": [4, 0, 4]}, ("broadcast", "duplicate", "batch"),
               "one matrix for all labels: what they send is added up"),
        Recipe("a matrix each", {**base, "P_k": matrix("each", 2, 5, (3,)), "label": [1, 4, 1], "weights": EVEN},
               ("batch",), "the label of the first row used for all"),
        Recipe("one label for all", {**base, "P_k": matrix("all", 2, 5, (3,)), "weights": EVEN}, ("batch", "broadcast")),
        Recipe("two batch axes", {**base, "P_k": matrix("axes", 2, 5, (2, 1)), "label": [[0, 3]], "weights": EVEN},
               ("batch", "broadcast")),
        Recipe("nothing", {**base, "P_k": np.zeros((0, 2, 5)), "weights": EVEN}, ("empty",)),
        Recipe("small", {**base, "P_k": P * 2.0**-20}, ("extreme_small",), "an epsilon added under the logarithm shows"),
        Recipe("below the floor", {**base, "P_k": P * 2.0**-60}, ("kink",), "below 1e-12 the derivative is 0"),
        Recipe("nothing at the label", {**base, "P_k": np.where(np.arange(5) == 2, 0.0, P)}, ("saturated", "kink"),
               "log 0: a finite loss, and no gradient"),
        Recipe("nan beside the label", {**base, "P_k": nan}, ("nan",), "only the label's column matters"),
        Recipe("nan at the label", {**base, "P_k": nan, "label": 3}, ("nan",), pull=False),
        Recipe("nan beyond the last weight", {**base, "P_k": np.concatenate([P[:2], np.full((1, 5), math.nan)]),
                                              "weights": np.array([0.25, 0.75, 0.0])}, ("nan",), pull=False),
    ]  # fmt: skip


def _loss() -> list[Recipe]:
    found = _shared({})
    past = np.array([[0.90625, 0.09375], [0.8125, 0.1875]])
    found += [
        Recipe("the sheet, label 2", {"P_k": SHEET, "label": 2, "weights": EVEN}, ("basic", "odd_size"),
               source="equation sheet, section 4"),
        Recipe("the sheet, label 4", {"P_k": SHEET, "label": 4, "weights": EVEN}, ("basic", "odd_size"),
               source="equation sheet, section 4"),
        Recipe("past 1", {"P_k": past, "label": 0, "weights": np.array([0.0, 1.0])}, ("boundary",),
               "rows are distributions, columns are not: the loss is negative"),
        Recipe("exactly 1", {"P_k": np.eye(3)[:2], "label": 1, "weights": np.array([0.0, 1.0])}, ("boundary",)),
        Recipe("large", {"P_k": np.array([[2.0**1000], [2.0**1000]]), "label": 0, "weights": EVEN}, ("extreme_large",)),
        Recipe("one class", {"P_k": np.array([[0.375]]), "label": 0, "weights": np.ones(1)}, ("size_one",)),
    ]  # fmt: skip
    return [*found, *_singles(found, "several labels"), *refusals(topk.topk_loss)]


def _split() -> list[Recipe]:
    x = irregular("scores", 5)
    found = _shared({"x": x, "variant": "split"})
    base: Values = {"x": x, "P_k": matrix("five", 3, 5), "label": 2, "weights": THREE}
    sure = np.array([0.0, 1.5, 40.25, -3.0, 2.0])
    for variant in VARIANTS:
        args: Values = {**base, "variant": variant}
        found += [
            Recipe(f"plain, {variant}", args, ("basic", "odd_size"), source=THESIS),
            Recipe(f"sure, {variant}", {**args, "x": sure}, ("saturated",), "1 - softmax, where its digits are gone"),
            Recipe(f"sure of another, {variant}", {**args, "x": sure, "label": 3}, ("saturated",),
                   "softmax first and the logarithm of it then"),
            Recipe(f"shared scores, {variant}", {**args, "label": [4, 0, 4]}, ("broadcast", "duplicate", "batch")),
            Recipe(f"no top 1, {variant}", {**args, "weights": np.array([0.0, 0.625, 0.375])}, ("boundary",)),
            Recipe(f"below the floor, {variant}", {**args, "x": np.array([0.0, 1.5, -90.0, -3.0, 2.0]),
                   "P_k": base["P_k"] * 2.0**-60}, ("kink",), "the second term has no gradient there"),
        ]  # fmt: skip
    found += [
        Recipe("huge scores", {**base, "x": np.array([1e308, -1e308, 1.0, 2.0, 1e308])}, ("extreme_large",),
               "exp that overflows"),
        Recipe("equal scores", {**base, "x": np.full(5, 0.7)}, ("ties",)),
        Recipe("scores of a row", {**base, "x": irregular("rows", (2, 5)), "label": [3, 1]}, ("batch", "broadcast")),
    ]  # fmt: skip
    return [*found, *_singles(found, "plain, mixed"), *refusals(topk.topk_split_loss)]


def _subset() -> list[Recipe]:
    x = irregular("subset", 9)
    base: Values = {"x": x, "label": 3, "m": 4}
    ties = np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0])
    found = [
        Recipe(f"{m} of 9", {**base, "m": m}, ("basic", "odd_size"), source=THESIS, kind="exact")
        for m in (1, 2, 4, 8, 9)
    ]
    found += [Recipe(f"class {y}", {**base, "label": y}, ("basic", "odd_size"), kind="exact") for y in range(9)]
    found += [
        Recipe("classes permuted", {**base, "x": x[::-1].copy(), "label": 5}, ("permuted", "odd_size"), kind="exact"),
        Recipe("ties", {"x": ties, "label": 3, "m": 4}, ("ties", "kink", "duplicate"), "of equals the lower index is kept",
               kind="exact", source="our choice"),
        Recipe("ties, the true class low", {"x": ties, "label": 4, "m": 5}, ("ties", "kink", "duplicate"), kind="exact",
               source="our choice"),
        Recipe("all equal", {"x": np.full(5, 1.5), "label": 2, "m": 3}, ("ties", "kink"), kind="exact", source="our choice"),
        Recipe("zeros of either sign", {"x": np.array([0.0, -0.0, 0.0, -0.0]), "label": 3, "m": 3}, ("signed_zero", "ties"),
               "equal: the index decides", kind="exact"),
        Recipe("ascending", {"x": np.arange(12.0), "label": 11, "m": 5}, ("basic",), kind="exact"),
        Recipe("descending", {"x": -np.arange(12.0), "label": 6, "m": 5}, ("basic",), kind="exact"),
        Recipe("one class", {"x": np.array([2.5]), "label": 0, "m": 1}, ("size_one",), kind="exact"),
        Recipe("rows", {"x": irregular("subset rows", (3, 6)), "label": [5, 0, 2], "m": 3}, ("batch",), kind="exact"),
        Recipe("one label for all", {"x": irregular("subset rows", (3, 6)), "label": 1, "m": 3}, ("batch", "broadcast"),
               kind="exact"),
        Recipe("several labels", {**base, "label": [3, 0, 3]}, ("batch", "broadcast", "duplicate"),
               "scores shared by labels add up their gradients", kind="exact"),
        Recipe("two batch axes", {"x": irregular("subset axes", (2, 1, 4)), "label": [[3, 1, 0]], "m": 2},
               ("batch", "broadcast"), kind="exact"),
        Recipe("extremes", {"x": np.array([1e308, -1e308, 5e-324, 0.0]), "label": 1, "m": 3},
               ("extreme_large", "subnormal"), kind="exact"),
        Recipe("nan among the others", {"x": np.array([0.0, math.nan, 2.0, math.nan]), "label": 0, "m": 3}, ("nan",),
               "chosen before every number", pull=False),
        Recipe("nan at the label", {"x": np.array([math.nan, 1.0, 2.0]), "label": 0, "m": 2}, ("nan",), pull=False),
        Recipe("nothing", {"x": np.zeros((0, 3)), "label": 2, "m": 2}, ("empty",)),
    ]  # fmt: skip
    found += [recipe.single() for recipe in found if recipe.name in ("rows", "ties", "several labels")]
    return [*found, *refusals(topk.subset)]


def _singles(found: list[Recipe], *more: str) -> list[Recipe]:
    wanted: Any = ("three ranks", "a matrix each", "nothing at the label", "nan beside the label", *more)
    return [recipe.single() for recipe in found if recipe.name in wanted]


RECIPES = {
    "topk.topk_loss": _loss(),
    "topk.topk_split_loss": _split(),
    "topk.subset": _subset(),
}
