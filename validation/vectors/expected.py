"""What a case must give: outputs, gradients, and tolerances, from the mathematics at 50 digits or the declared oracle.

A tolerance counts ulps of a gauge, the size of what is added up:
* value: the largest output, or the largest entry of |J| |arguments|, which one rounding of the arguments moves;
* gradient: the largest entry of |J|^T |g|, at least |g| |y| / |argument|, the slope of a change of y's own size.
Both as in ``refimpl.checking.trial``. How many ulps: those the operator declares, times SLACK.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

from refimpl.checking.vectors_format import Tolerance
from refimpl.op import AnyOp, Values
from validation.vectors.dual import DIGITS, Array, numbers, rounded
from validation.vectors.families import DEFINITIONS
from validation.vectors.recipes import Recipe

# Measured: where textbook formulas with torch's derivatives are right at all, they need up to a sixth of this in float64
# (1 - F in a tail), and 3 ulp in float32 throughout. This library itself needs 11.5 ulp, and no slack.
SLACK = {"f64": 64.0, "f32": 4.0}


class Expected(NamedTuple):
    """Outputs in the format of the case, gradients by argument, tolerances by "value" and argument."""

    outputs: list[Array]
    grads: dict[str, Array]
    tol: dict[str, Tolerance]


def expected(op: AnyOp, recipe: Recipe, cotangents: list[Array] | None, digits: int = DIGITS) -> Expected:
    """From the definition."""
    args, form = recipe.args, recipe.form
    with mpmath.workdps(digits):
        given = {name: args[name] for name in op.differentiable if args.get(name) is not None}
        first = 0
        seeded, places = {}, {}
        for name, value in given.items():
            size = np.size(value)
            seeded[name] = numbers(value, iter(range(first, first + size)).__next__)
            places[name] = range(first, first + size)
            first += size
        outputs = DEFINITIONS[op.id](**{**args, **seeded})
        flat = [y for output in outputs for y in output.ravel()]
        size = [abs(float(number)) for value in given.values() for number in np.ravel(value)]
        top = largest(y.v for y in flat)
        moved = largest(sum((abs(s) * size[k] for k, s in y.d.items()), mpf(0)) for y in flat)
        if recipe.kind == "exact" or "near_ties" in recipe.tags:  # differences of the arguments are exact
            moved = mpf(0)
        slack = 0.0 if recipe.kind == "exact" else SLACK[form]
        tol = {"value": Tolerance(slack * op.tol.value, float(max(top, moved)))}
        grads: dict[str, Array] = {}
        if cotangents is not None:
            g = [float(number) for cotangent in cotangents for number in cotangent.ravel()]
            pulled, sizes = [mpf(0)] * first, [mpf(0)] * first
            for y, weight in zip(flat, g, strict=True):
                for k, s in y.d.items():
                    pulled[k] += s * weight
                    sizes[k] += abs(s * weight)
            for name, place in places.items():
                natural = largest(map(mpf, g)) * top / max([mpf(1), *(mpf(size[k]) for k in place)])
                gauge = max([natural, *(sizes[k] for k in place)])
                tol[name] = Tolerance(slack * op.tol.gradient, float(gauge))
                grads[name] = array((pulled[k] for k in place), np.shape(given[name]), form)
        return Expected([array((y.v for y in output.ravel()), output.shape, form) for output in outputs], grads, tol)


def declared(op: AnyOp, args: Values) -> Expected:
    """From the declared oracle, for operators that have no definition here: values alone."""
    with np.errstate(all="ignore"):
        found = op.oracle(**args)
    outputs = [np.asarray(y, np.float64) for y in (found if isinstance(found, tuple) else (found,))]
    finite = [np.abs(y[np.isfinite(y)]).max(initial=0.0) for y in outputs]
    return Expected(outputs, {}, {"value": Tolerance(SLACK["f64"] * op.tol.value, float(max(finite)))})


def largest(sizes: Iterator[Any]) -> mpf:
    """The largest finite magnitude."""
    return max((abs(size) for size in sizes if mpmath.isfinite(size)), default=mpf(0))


def array(values: Iterator[mpf], shape: tuple[int, ...], form: str) -> Array:
    dtype = np.float32 if form == "f32" else np.float64
    return np.array([rounded(mpf(value), form) for value in values], dtype).reshape(shape)
