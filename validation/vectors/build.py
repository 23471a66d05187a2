"""From recipes to the text of a vector file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from refimpl.checking.vectors_format import FORMAT, TAGS, Vector, written
from refimpl.op import AnyOp
from validation.vectors.dual import DIGITS
from validation.vectors.expected import SLACK, Expected, declared, expected
from validation.vectors.families import DEFINITIONS, RECIPES
from validation.vectors.recipes import Recipe, cotangent, generic


def recipes_of(op: AnyOp) -> list[Recipe]:
    return RECIPES[op.id] if op.id in RECIPES else generic(op)


def vectors(op: AnyOp, digits: int = DIGITS) -> Iterator[Vector]:
    """The cases of an operator, in the order of their ids."""
    names = [recipe.name for recipe in recipes_of(op)]
    assert len(set(names)) == len(names), f"{op.id}: two recipes of one name"
    for number, recipe in enumerate(recipes_of(op), 1):
        if recipe.kind != "retired":
            yield vector(op, recipe, number, digits)


def vector(op: AnyOp, recipe: Recipe, number: int, digits: int = DIGITS) -> Vector:
    recipe, cotangents = complete(op, recipe), None
    if recipe.kind == "invalid":
        found = Expected([], {}, {})
    elif op.id in DEFINITIONS:
        found = expected(op, recipe, None, digits)
        if recipe.pull:
            cotangents = [cotangents_of(op, recipe, k, y.shape) for k, y in enumerate(found.outputs)]
            found = expected(op, recipe, cotangents, digits)
    else:
        found = declared(op, recipe.args)
    note = recipe.note or "; ".join(TAGS[tag][1] for tag in recipe.tags[:1])
    return Vector(
        op.id, number, recipe.kind, recipe.args, None if cotangents is None else tuple(cotangents), tuple(found.outputs),
        found.grads, found.tol, recipe.tags, f"{recipe.name}: {note}", recipe.source,
    )  # fmt: skip


def complete(op: AnyOp, recipe: Recipe) -> Recipe:
    """With the defaults written out, as the protocol sends them: a file must not depend on who knows them."""
    defaults = {name: p.default for name, p in op.signature.parameters.items() if p.default not in (p.empty, None)}
    args = {name: value for name, value in {**defaults, **recipe.args}.items() if value is not None}
    recipe = replace(recipe, args={name: args[name] for name in op.signature.parameters if name in args})
    return recipe.single() if recipe.form == "f32" else recipe


def cotangents_of(op: AnyOp, recipe: Recipe, output: int, shape: tuple[int, ...]) -> np.ndarray:
    g = cotangent(f"{op.id} {recipe.name} {output}", shape)
    if recipe.kind == "exact":  # few digits, so that sums of products are exact
        g = np.round(16.0 * g) / 16.0
    return g.astype(np.float32) if recipe.form == "f32" else g


def text(op: AnyOp) -> str:
    """The file of an operator."""
    of = f"mpmath-{DIGITS}" if op.id in DEFINITIONS else "declared"
    tolerance = {"float32": SLACK["f32"], "float64": SLACK["f64"], "gradient": op.tol.gradient, "value": op.tol.value}
    cases = [case.encoded() for case in vectors(op)]
    outputs = [out.name for out in op.outputs]
    header = {
        "cases": len(cases),
        "format": FORMAT,
        "oracle": of,
        "op": op.id,
        "outputs": outputs,
        "tolerance": tolerance,
    }
    return written(header, cases)
