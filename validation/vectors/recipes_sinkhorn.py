"""Cases of sinkhorn_sort and sinkhorn_topk."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from refimpl import sorting, topk
from refimpl.op import AnyOp, Values
from validation.vectors.recipes import Recipe, irregular, refusals

THESIS = "thesis, 3.1.2; Cuturi, Teboul, Vert 2019"
X4 = np.array([0.9, 0.1, 0.5, 0.2])
SQUASH = "zscore_logistic"


def _ascending(key: str, shape: int | tuple[int, ...]) -> np.ndarray:
    return np.cumsum(irregular(key, shape, 0.1, 0.5), axis=-1)


def _recipes() -> list[Recipe]:
    x5, x3 = irregular("sinkhorn five", 5, -0.5, 1.5), irregular("sinkhorn three", 3, -0.5, 1.5)
    plain: Values = {"x": x5, "eps": 0.31, "iterations": 7}
    return [
        Recipe("seven iterations", plain, ("basic", "odd_size"), "the derivative of exactly seven", source=THESIS),
        Recipe("one iteration", {**plain, "iterations": 1}, ("basic", "odd_size"), "rows of the plan are not exact yet"),
        Recipe("two iterations", {**plain, "iterations": 2}, ("basic",), "the last half step is not forgotten"),
        Recipe("sheet", {"x": X4, "eps": 0.1, "tol": 1e-13}, ("basic",), "converged, and so is the gradient", source=THESIS),
        Recipe("up to the default tolerance", {"x": x3, "eps": 0.4, "backward": "unrolled"}, ("basic",), "row error 1e-9"),
        Recipe("up to a tolerance", {"x": x3, "eps": 0.4, "tol": 1e-3, "iterations": 50, "backward": "unrolled"},
               ("basic",), "stops after the iteration that reaches it"),
        Recipe("implicit", {"x": x3, "eps": 0.4, "tol": 1e-13, "backward": "implicit"}, ("basic",),
               "the derivative of the limit"),
        Recipe("symmetric values", {"x": np.array([0.0, 1.0]), "eps": 0.4, "tol": 1e-13}, ("basic",),
               "the plan is there after one iteration, its derivative is not"),
        Recipe("all equal, to the limit", {"x": np.full(3, 0.7), "eps": 0.4, "tol": 1e-13}, ("ties",),
               "so too"),
        Recipe("implicit, squashed", {"x": X4, "eps": 0.3, "tol": 1e-13, "backward": "implicit", "squash": SQUASH},
               ("basic",), "the null vector (1, -1) of the system"),
        Recipe("implicit, own targets", {"x": X4, "eps": 0.5, "tol": 1e-13, "backward": "implicit",
                                         "targets": _ascending("implicit", 4)}, ("basic",)),
        Recipe("own targets", {**plain, "targets": _ascending("own", 5)}, ("basic", "odd_size")),
        Recipe("targets of each row", {"x": irregular("rows", (2, 3), -0.5, 1.5), "eps": 0.4, "iterations": 4,
                                       "targets": _ascending("each", (2, 3))}, ("batch",)),
        Recipe("targets of all rows", {"x": irregular("rows", (2, 3), -0.5, 1.5), "eps": np.array([0.4, 0.9]),
                                       "iterations": 4, "targets": _ascending("all", 3)}, ("batch", "broadcast"),
               "gradients of shared targets are summed"),
        Recipe("one temperature for all rows", {"x": irregular("rows", (2, 3), -0.5, 1.5), "eps": 0.7,
                                                "iterations": 3}, ("batch", "broadcast")),
        Recipe("squashed", {**plain, "squash": SQUASH}, ("basic", "odd_size"), "population variance"),
        Recipe("squashed, two values", {"x": np.array([0.3, 5.7]), "eps": 0.2, "iterations": 5, "squash": SQUASH},
               ("basic",), "does not depend on the distance (erratum E-17)"),
        Recipe("two values", {"x": np.array([0.81, 0.37]), "eps": 0.6, "iterations": 60}, ("basic",),
               "a logistic swap with beta = (y_2 - y_1) / eps"),
        Recipe("one value", {"x": np.array([2.53]), "eps": 0.6, "iterations": 3}, ("size_one",), "P is 1"),
        Recipe("all equal", {"x": np.full(3, 0.7), "eps": 0.6, "iterations": 3}, ("ties", "duplicate"), "P is 1 / n"),
        Recipe("ties", {"x": np.array([0.2, 0.9, 0.2]), "eps": 0.3, "iterations": 5}, ("ties", "duplicate")),
        Recipe("nearly flat", {**plain, "eps": 1e6}, ("boundary",), "the gradient of eps is of the order 1 / eps^2"),
        Recipe("cold", {"x": X4, "eps": 0.02, "iterations": 12}, ("saturated",), "exp that overflows"),
        Recipe("far from the targets", {"x": 1000.0 + X4, "eps": 0.5, "iterations": 30}, ("extreme_large",),
               "x^2 / eps rounds by more than what is left"),
        Recipe("tiny", {"x": X4 * 2.0**-500, "eps": 0.3 * 2.0**-1000, "iterations": 3,
                        "targets": _ascending("tiny", 4) * 2.0**-500}, ("extreme_small",), "squares that underflow"),
        Recipe("ascending", {"x": np.array([0.1, 0.3, 0.6, 1.1]), "eps": 0.2, "iterations": 9}, ("basic",),
               "a matrix returned transposed, or in descending order"),
        Recipe("descending", {"x": np.array([1.1, 0.6, 0.3, 0.1]), "eps": 0.2, "iterations": 9}, ("permuted",)),
        Recipe("rotated", {"x": np.array([0.6, 1.1, 0.1, 0.3]), "eps": 0.2, "iterations": 9}, ("permuted",),
               "the inverse permutation instead of the permutation"),
        Recipe("NaN in one row", {"x": np.array([[math.nan, 1.0, 2.0], [0.3, 0.1, 0.2]]), "eps": 0.5, "iterations": 4},
               ("nan",), pull=False),
        Recipe("nothing", {"x": np.zeros((0, 3)), "eps": 1.3, "iterations": 2}, ("empty",)),
    ]  # fmt: skip


def _all(op: AnyOp) -> list[Recipe]:
    found = _recipes()
    if op.name == "sinkhorn_topk":
        k = {recipe.name: 1 + number % 3 for number, recipe in enumerate(found)}
        found = [
            replace(r, args={"x": r.args["x"], "k": min(k[r.name], r.args["x"].shape[-1]), **r.args}) for r in found
        ]
    named = {recipe.name: recipe for recipe in found}
    found += [named[name].single() for name in ("seven iterations", "own targets", "squashed")]
    wanted = (
        "eps 0", "no iterations", "tol 0", "two targets", "descending targets", "unknown squash", "unknown backward",
        "infinite x", "k 0", "k beyond n",
    )  # fmt: skip
    return found + refusals(op, wanted)


RECIPES = {op.id: _all(op) for op in (sorting.sinkhorn_sort, topk.sinkhorn_topk)}
