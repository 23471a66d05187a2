"""Cases of cdf and pdf."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import distributions
from refimpl.op import AnyOp, Values
from validation.vectors.dual import Array
from validation.vectors.recipes import Recipe, irregular, refusals

FAMILIES = (
    "uniform", "cubic_hermite", "wigner", "gaussian", "laplace", "logistic", "hyperbolic_secant", "cauchy", "reciprocal",
    "gumbel_max", "gumbel_min", "exponential", "levy", "gamma",
)  # fmt: skip
ONE_SIDED = ("exponential", "levy", "gamma")
INSIDE = ("uniform", "cubic_hermite", "wigner")
TAILS = {  # where both F and 1 - F are small but not gone
    "gaussian": [-31.7, -8.9, 9.3, 33.1], "laplace": [-601.3, -38.2, 41.9, 555.1], "logistic": [-587.9, -37.4, 39.3, 612.7],
    "hyperbolic_secant": [-391.3, -25.1, 27.7, 402.9], "cauchy": [-3.3e40, -7.1e8, 9.7e7, 2.9e33],
    "reciprocal": [-3.7e40, -5.9e8, 8.3e7, 2.3e33], "gumbel_max": [-5.93, -3.71, 36.7, 522.3],
    "gumbel_min": [-533.9, -36.1, 3.63, 5.87], "exponential": [37.3, 533.7], "levy": [0.00131, 0.0371, 3.1e9, 7.7e21],
    "gamma": [1.3e-41, 2.7e-9, 91.7, 411.3],
}  # fmt: skip
KINKS = {
    "uniform": (-1.0, 1.0), "cubic_hermite": (-1.0, 1.0), "wigner": (-1.0, 1.0), "laplace": (0.0,), "reciprocal": (0.0,),
    "exponential": (0.0,), "levy": (0.0,),
}  # fmt: skip
SHEET = "thesis, appendix A"


def _shape(family: str, value: Any = 2.625) -> Values:
    return {"shape": value} if family == "gamma" else {}


def _inputs(family: str, size: int) -> Array:
    low, high = {**dict.fromkeys(INSIDE, (-0.9, 0.9)), **dict.fromkeys(ONE_SIDED, (0.1, 4.0))}.get(family, (-3.0, 3.0))
    return irregular(f"distribution {family}", size, low, high)


def _basic(family: str, number: int) -> Recipe:
    """Every second family reversed, every third squared; the argument stays where the family is interesting."""
    reversed, squared = number % 2 == 1, number % 3 == 2
    x = _inputs(family, 5)
    x = -x if reversed and family in ONE_SIDED else x
    args: Values = {"x": x, "family": family, "scale": 1.0703125 + number / 64.0, "shift": 0.03, **_shape(family)}
    flags = {"reversed": reversed, "squared": squared}
    return Recipe(f"{family}", {**args, **flags}, ("basic", "odd_size"), source=SHEET)


def _tails(family: str, number: int) -> Recipe:
    x, reversed = np.array(TAILS[family]), number % 2 == 0
    note = "a tail computed as 1 - F, or exp that overflows"
    args = {"x": -x if reversed else x, "family": family, "reversed": reversed, **_shape(family, 3.5)}
    return Recipe(f"tails of {family}", args, ("saturated",), note, source=SHEET)


def _kink(family: str) -> Recipe:
    ends = KINKS[family]
    x = np.array([*ends, 0.5, -0.25] if family in INSIDE else [*ends, 1.0, 3.0])
    note = f"{family} has a corner at {' and '.join(f'{end:g}' for end in ends)}: the slope there is the mean of both sides"
    return Recipe(f"kink of {family}", {"x": x, "family": family}, ("kink",), note, source="(A.1) to (A.15)")


def _more(op: AnyOp) -> list[Recipe]:
    density = op.name == "pdf"
    x7 = irregular("seven", 7)
    tiny = 2.0**-300 if density else 2.0**-700
    near = 0.7 + np.array([0.0, 1.0, 2.0, 3.0, 7.0]) * 2.0**-52
    cauchy: Values = {"x": x7, "family": "cauchy", "scale": 0.8203125}
    order = [3, 0, 6, 1, 5, 2, 4]
    wide = irregular("wide", (3, 4))
    return [
        Recipe("heaviside", {"x": np.array([-1.5, 0.0, 2.5]), "family": "heaviside"}, ("kink",),
               "F(0) = 1; the slope is 0 everywhere", kind="exact", source="(A.1)"),
        Recipe("heaviside reversed", {"x": np.array([-1.5, 0.0, 2.5]), "family": "heaviside", "reversed": True}, ("kink",),
               "1 - F(0) = 0", kind="exact", source="(A.1)"),
        Recipe("uniform, dyadic", {"x": np.array([-0.75, 0.125, 0.5, 3.0]), "family": "uniform", "scale": 2.0}, ("basic",),
               kind="exact"),
        Recipe("squared at 0", {"x": np.array([0.0, 0.5, -0.5]), "family": "logistic", "squared": True, "shift": 0.25},
               ("kink",), "with a squared argument the slope at x = 0 is 0"),
        Recipe("squared reversed", {"x": x7, "family": "gaussian", "squared": True, "reversed": True, "scale": 1.3},
               ("basic", "odd_size"), "scale is a length squared; reversing flips the sign of u and of F"),
        Recipe("size one", {"x": np.array(0.37), "family": "hyperbolic_secant", "scale": 1.7}, ("size_one",)),
        Recipe("one of one", {"x": np.array([[-1.21]]), "family": "gumbel_min"}, ("size_one",)),
        Recipe("nothing", {"x": np.zeros((0, 3)), "family": "cauchy", "scale": 2.0}, ("empty",),
               "gradients of parameters are 0, not missing"),
        Recipe("seven", cauchy, ("basic", "odd_size")),
        Recipe("seven, permuted", {**cauchy, "x": x7[order]}, ("permuted", "odd_size")),
        Recipe("twice the same", {"x": np.repeat(x7[:3], 2), "family": "laplace", "scale": 1.9}, ("duplicate",)),
        Recipe("scale of a row", {"x": wide, "family": "logistic", "scale": irregular("scale", (3, 1), 0.5, 2.0)},
               ("broadcast", "batch"), "the gradient of scale is a sum over the row"),
        Recipe("shift of a column", {"x": wide, "family": "gumbel_max", "shift": irregular("shift", 4)},
               ("broadcast", "batch"), "the gradient of shift is a sum over the column"),
        Recipe("one scale for all", {"x": wide, "family": "wigner", "scale": 3.4}, ("broadcast", "batch")),
        Recipe("scale for each", {"x": x7, "family": "reciprocal", "scale": irregular("each", 7, 0.3, 3.0), "shift": -0.4},
               ("basic", "odd_size")),
        Recipe("gamma, shapes", {"x": irregular("g", 6, 0.2, 9.0), "family": "gamma", "scale": 1.6,
                                 "shape": irregular("p", 6, 0.4, 30.0)}, ("basic",), "the slope in the shape is a series"),
        Recipe("gamma, one shape", {"x": irregular("h", (2, 3), 0.2, 9.0), "family": "gamma", "shape": 0.625,
                                    "reversed": False}, ("broadcast", "batch")),
        Recipe("neighbours", {"x": near, "family": "cauchy", "scale": 2.0**-30, "shift": -0.7 * 2.0**30}, ("near_ties",),
               "u + shift cancels to a few digits: in float32 they are all one number"),
        Recipe("tiny units", {"x": tiny * irregular("tiny", 4), "family": "logistic", "scale": tiny * 1.1},
               ("extreme_small",), "x / scale is of order 1; x times a slope is not"),
        Recipe("tiny, squared", {"x": 2.0**-150 * irregular("small", 4), "family": "cauchy", "squared": True,
                                 "scale": 2.0**-300 * 1.2}, ("extreme_small",), "|x| x / scale, with x squared near 1e-90"),
        Recipe("large units", {"x": 2.0**1000 * irregular("large", 4), "family": "gaussian", "scale": 2.0**1000},
               ("extreme_large",)),
        Recipe("far out", {"x": np.array([-3.1e70, 7.7e65, 1.3e8]), "family": "cauchy"}, ("extreme_large", "saturated"),
               "1 + x^2 squared, or 1/2 - atan(x)/pi"),
        Recipe("subnormal", {"x": np.array([5e-324, -3e-310, 2.2e-308]), "family": "reciprocal", "scale": 1.5},
               ("subnormal",)),
        Recipe("signed zeros", {"x": np.array([0.0, -0.0]), "family": "laplace"}, ("signed_zero", "kink"),
               "the slope at either zero is 1/2; that of the density 0"),
        Recipe("signed zeros, squared", {"x": np.array([0.0, -0.0]), "family": "gaussian", "squared": True, "shift": 0.3},
               ("signed_zero", "kink"), "x/|x| at zero"),
        Recipe("infinities", {"x": np.array([-np.inf, np.inf, 0.7]), "family": "cauchy", "scale": 2.0}, ("inf",),
               "limits 0 and 1; slopes 0, not 0 times infinity"),
        Recipe("infinities, reversed", {"x": np.array([-np.inf, np.inf]), "family": "gumbel_max", "reversed": True},
               ("inf",), "reversing flips u and F: the limits stay"),
        Recipe("nan", {"x": np.array([0.3, np.nan, -1.4]), "family": "logistic"}, ("nan",), pull=False),
    ]  # fmt: skip


def recipes(op: AnyOp) -> list[Recipe]:
    """The cases of cdf, or of pdf, in the order of their ids."""
    found = [_basic(family, number) for number, family in enumerate(FAMILIES)]
    found += [_tails(family, number) for number, family in enumerate(TAILS)]
    found += [_kink(family) for family in KINKS]
    found += _more(op)
    chosen = {recipe.name: recipe for recipe in found}
    found += [chosen[name].single() for name in ("logistic", "gaussian", "seven", "scale of a row")]
    wanted = (
        "unknown family",
        "scale 0",
        "scale NaN",
        "shift infinite",
        "gamma without shape",
        "scale of the wrong shape",
    )
    return found + refusals(op, wanted)


RECIPES = {op.id: recipes(op) for op in (distributions.cdf, distributions.pdf)}
