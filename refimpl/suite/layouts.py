"""The aspects about how arrays are laid out: batches of rows, strided, Fortran-ordered and read-only arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from refimpl.checking.implementation import Array
from refimpl.checking.packing import stacks
from refimpl.checking.trial import is_float_array
from refimpl.op import AnyOp, Values
from refimpl.suite.bench import Bench, offered
from refimpl.suite.inputs import Sizes

ROWS = 3


def has_batch_axes(op: AnyOp) -> bool:
    """Every output, and some argument, has leading axes that are a batch."""
    return all(out.shape.startswith("...") for out in op.outputs) and any(a.shape.startswith("...") for a in op.args)


def batch(bench: Bench, args: Values, sizes: Sizes) -> None:
    """Each row of a batch is what that row gives alone. Numbers are shared by the rows; their gradients add up."""
    stacked = stack(bench, args, sizes)
    if not stacked:
        return
    together = {**args, **stacked}
    try:
        bench.reference.run(together)
    except (TypeError, ValueError):  # these rows do not go together
        return
    ready = bench.ready(together)
    if ready is None:
        return
    answer, truth, _ = ready
    g = bench.cotangent(answer.y.shape)
    pulled = bench.pulled(answer, g, together)
    if pulled is None:
        return
    axis, tol = int(stacks(bench.op)), bench.op.tol
    rows, cotangents = np.moveaxis(answer.y, axis, 0), np.moveaxis(g, axis, 0)
    gauges, size = bench.gauges(truth, together, g), float(np.abs(truth.y).max(initial=0.0))
    sums: dict[str, Array] = {}
    for k in range(ROWS):
        row = {**args, **{name: value[k] for name, value in stacked.items()}}
        alone = bench.answer(row)
        if alone is None:
            return
        bench.near("batch", rows[k], alone.y, size, tol.value, answer, f"row {k} of a batch has another value alone")
        for name, gradient in offered(bench.pulled(alone, np.array(cotangents[k]), row)).items():
            if name not in stacked:
                sums[name] = sums.get(name, np.zeros(gradient.shape)) + gradient
            elif pulled.get(name) is not None:
                got = np.asarray(pulled[name])[k]
                text = f"row {k} of a batch has another gradient of {name} alone"
                bench.near("batch", got, gradient.reshape(got.shape), gauges[name], tol.gradient, answer, text)
    for name, total in sums.items():
        got_sum = pulled.get(name)
        if got_sum is not None:
            text = f"the gradient of {name}, which the rows of a batch share, is not their sum"
            bench.near("batch", got_sum, total, gauges[name], tol.gradient * ROWS, answer, text)


def stack(bench: Bench, args: Values, sizes: Sizes) -> Values:
    """Rows drawn with the same sizes, along a new leading axis, for every array that has batch axes."""
    draws = [bench.op.sample(np.random.default_rng([bench.seed, 8, k]), sizes) for k in range(1, ROWS)]
    cores = {a.name: len(a.shape.split()) - 1 for a in bench.op.args if a.shape.startswith("...")}
    arrays = {
        name: args[name] for name in cores
        if is_float_array(args.get(name)) and args[name].ndim and name not in bench.only.numbers
    }  # fmt: skip
    lead = max((array.ndim - cores[name] for name, array in arrays.items()), default=0)
    found: Values = {}
    for name, array in arrays.items():
        parts = [array, *(fitted(draw.get(name), array) for draw in draws)]
        missing = lead - (array.ndim - cores[name])
        found[name] = np.stack(parts).reshape(ROWS, *(1,) * missing, *array.shape)
    return found


def fitted(drawn: object, like: Array) -> Array:
    """What was drawn, in the shape of the first row; the first row again where it does not fit."""
    try:
        return np.broadcast_to(np.asarray(drawn, np.float64), like.shape)
    except (TypeError, ValueError):
        return like


def strided(bench: Bench, args: Values, sizes: Sizes) -> None:
    """The layout of an array in memory changes nothing."""
    ready = bench.ready(args)
    if ready is None:
        return
    answer, truth, _ = ready
    g = bench.cotangent(answer.y.shape)
    plain = offered(bench.pulled(answer, g, args))
    gauges, size = bench.gauges(truth, args, g), float(np.abs(truth.y).max(initial=0.0))
    for label, variant in layouts(args):
        if bench.foreign and label == "reversed":  # torch has no such strides: this is about the door, not about them
            continue
        found = bench.raw(variant, np.array(g), f"{label} arrays")
        if found is None:
            continue
        other, gradients = found
        bench.near("strided", other.y, answer.y, size, bench.op.tol.value, answer, f"{label} arrays give another value")
        for name in plain.keys() & gradients.keys():
            text = f"{label} arrays give another gradient of {name}"
            bench.near("strided", gradients[name], plain[name], gauges[name], bench.op.tol.gradient, answer, text)


def layouts(args: Values) -> Iterator[tuple[str, Values]]:
    """The same numbers, laid out otherwise."""
    arrays = {name: v for name, v in args.items() if isinstance(v, np.ndarray) and v.ndim and v.size}
    if not arrays:
        return
    yield "strided", {**args, **{name: every_second(v) for name, v in arrays.items()}}
    yield "reversed", {**args, **{name: np.array(v[..., ::-1])[..., ::-1] for name, v in arrays.items()}}
    if any(v.ndim > 1 for v in arrays.values()):
        yield "Fortran-ordered", {**args, **{name: np.array(v, order="F") for name, v in arrays.items()}}
    yield "read-only", {**args, **{name: read_only(v) for name, v in arrays.items()}}


def every_second(array: Array) -> Array:
    """A view that skips the numbers in between, which are NaN (for whole numbers: 0)."""
    hole = np.nan if array.dtype.kind == "f" else 0
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), hole, array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def read_only(array: Array) -> Array:
    copy = np.array(array)
    copy.flags.writeable = False
    return copy
