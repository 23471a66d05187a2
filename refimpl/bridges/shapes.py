"""What an operator gives for arrays of which only shape and dtype are known, as a framework that traces has to ask.

Declared letters do not settle the dtype, nor a size that a number sets. So the operator itself is asked, once for each
combination: it runs on stand-ins of the right shape and dtype, with numbers drawn from the domains it declares.
"""

from __future__ import annotations

import collections
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from refimpl.op import AnyOp, Arg, Array, Values

DRAWS = 8  # before a refusal is believed
CHOICES = 400  # draws of what other arguments depend on, until an optional argument is present


class Kind(NamedTuple):
    """An array without its numbers."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Fixed:
    """Arguments that are no arrays of the framework: held fixed, and compared by what they hold."""

    def __init__(self, op: AnyOp, values: Values) -> None:
        self.values = values
        self._key = tuple((name, _frozen(value)) for name, value in values.items())
        for name, frozen in self._key:
            try:
                hash(frozen)
            except TypeError:
                came = f"argument {name!r} is a {type(values[name]).__name__}"
                raise TypeError(f"{op.id}: {came}; expected an array, a number, a name, or nested lists") from None

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and self._key == other._key


def _frozen(value: Any) -> Any:
    """Equal only for what means the same: 1, 1.0 and True differ, and so do arrays of different numbers."""
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(map(_frozen, value))
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float):
        return type(value), value.hex()  # NaN is itself, and 0 is not -0
    return type(value), value


def outputs(op: AnyOp, arrays: Mapping[str, Kind], fixed: Fixed) -> tuple[Kind, ...]:
    """Shape and dtype of each output.

    Raises
    ------
    TypeError, ValueError
        The operator's own refusal, if it refuses whatever numbers are drawn: names, shapes or dtypes are at fault.
    """
    refusal: Exception | None = None
    for draw in range(DRAWS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they would be about numbers that are nobody's
                y = op.value(**fixed.values, **stand_ins(op, arrays, draw))
        except (TypeError, ValueError) as refused:
            refusal = refusal or refused
            continue
        parts = y if isinstance(y, tuple) else (y,)
        return tuple(Kind(np.shape(part), np.asarray(part).dtype) for part in parts)
    assert refusal is not None
    if hasattr(refusal, "add_note"):
        refusal.add_note(f"(asked for its output shapes, {op.id} refused {DRAWS} inputs drawn from its domain)")
    raise refusal


def names_of_outputs(op: AnyOp) -> Callable[..., Any]:
    """A named tuple for several outputs."""
    made: Callable[..., Any] = collections.namedtuple(op.name, [out.name for out in op.outputs])  # type: ignore[misc]
    return made


def stand_ins(op: AnyOp, arrays: Mapping[str, Kind], draw: int) -> Values:
    """Arrays of the given kinds with numbers from the declared domains."""
    rng = np.random.default_rng(draw)
    declared = {argument.name: argument for argument in op.args}
    letters = {
        letter: length
        for name, kind in arrays.items()
        for letter, length in zip(reversed(core(declared[name])), reversed(kind.shape), strict=False)
    }
    found = {}
    for name, kind in arrays.items():
        value = _drawn(op, declared[name], letters, rng)
        array = np.ones(1) if value is None or np.size(value) == 0 else np.asarray(value)
        if kind.dtype.kind in "iu" and array.dtype.kind == "f":
            array = (np.ceil, np.floor)[draw % 2](array)
        found[name] = _spread(array, kind.shape).astype(kind.dtype)
    return found


def core(argument: Arg) -> list[str]:
    """The letters of an argument without its batch axes."""
    return [letter for letter in argument.shape.split() if letter != "..."]


def _drawn(op: AnyOp, argument: Arg, letters: Mapping[str, int], rng: np.random.Generator) -> Any:
    for _ in range(CHOICES if argument.sample else 0):
        sizes = op.sizes(rng)
        value = argument.sample(rng, {**sizes, **{k: v for k, v in letters.items() if k in sizes}})  # type: ignore[misc]
        if value is not None:
            return value
    return None


def _spread(array: Array, shape: tuple[int, ...]) -> Array:
    """Over batch axes if the rest fits already, entry by entry if not."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        return np.resize(array, shape)
