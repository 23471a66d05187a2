"""Somebody's implementation of an operator, as the checks call it.

A plain callable returns ``(y, pullback)``; what speaks another language is made into the same thing in ``frameworks``
(PyTorch, JAX) and ``process`` (any program). Whatever comes out is checked once, here; nothing else knows where it came
from.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refimpl.checking.packing import BadAnswer as BadAnswer
from refimpl.checking.packing import pack as pack
from refimpl.checking.packing import unpack as unpack
from refimpl.law import Runner
from refimpl.op import AnyOp, Values

Array = NDArray[Any]
Gradients = dict[str, Array | None]  # None: the implementation offers no gradient for that argument
Pull = Callable[[Array], Gradients]


class CannotLoad(LookupError):  # noqa: N818
    """An implementation that cannot be found, imported or started as asked."""


class NotOffered(Exception):  # noqa: N818  (not an error: partial implementations are normal)
    """Raise this from an implementation for arguments it does not support; the case is counted, not failed."""


@dataclass(frozen=True)
class Answer:
    """Outputs, packed into one array if there are several, and the pullback; dtype as the implementation gave it."""

    y: Array
    pull: Pull
    dtype: str


@dataclass(frozen=True)
class Implementation:
    """``run(args)`` calls it. ``own`` marks the library's own operator, whose reference is the declared oracle."""

    name: str
    run: Callable[[Values], Answer]
    own: bool = False
    copies: bool = False  # it is handed copies, in a framework's arrays or in bits, not the caller's own arrays
    least: float = 0.0  # a gauge, in whose ulps the numbers are small that are 0 there


HERE = str(Path(__file__).parent)


def crash_text(crash: BaseException, args: Values) -> str:
    """What somebody's code raised, where (if that is theirs to know), and at what input."""
    last = traceback.extract_tb(crash.__traceback__)[-1]
    where = "" if last.filename.startswith(HERE) else f"in {last.name}, line {last.lineno}, "
    return f"{type(crash).__name__}: {crash} ({where}for {shortened(args)})"[:600]


def shortened(args: Values) -> str:
    """Arguments on one line that fits a message."""
    text = ", ".join(f"{name}={value!r}" for name, value in args.items())
    return text if len(text) <= 240 else text[:237] + "..."


def split(op: AnyOp, args: Values) -> tuple[list[Any], Values]:
    """Positional and keyword arguments by the operator's signature; defaults are passed on, absent ones left out."""
    positional, keywords = [], {}
    for name, parameter in op.signature.parameters.items():
        value = args.get(name, parameter.default)
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            positional.append(value)
        elif value is not None:
            keywords[name] = value
    return positional, keywords


def reference(op: AnyOp) -> Implementation:
    """The library's own operator."""
    return Implementation(f"refimpl {op.id}", from_callable(op, op.vjp).run, own=True)


def nothing(op: AnyOp, name: str) -> Implementation:
    """What stands for an operator that somebody's library does not have."""

    def run(args: Values) -> Answer:
        raise NotOffered(f"{name} does not offer {op.id}")

    return Implementation(name, run)


def from_callable(op: AnyOp, function: Callable[..., Any], name: str | None = None) -> Implementation:
    """``function(*args, **keywords) -> (y, pullback)``; the pullback returns gradients by name, in order, or just one."""

    def run(args: Values) -> Answer:
        positional, keywords = split(op, args)
        answer = function(*positional, **keywords)
        if not (isinstance(answer, tuple) and len(answer) == 2 and callable(answer[1])):
            pair = isinstance(answer, tuple) and len(answer) == 2
            came = f"(y, {type(answer[1]).__name__})" if pair else describe(answer)
            raise BadAnswer(f"returned {came}; expected the pair (y, pullback), the pullback a callable")
        outputs, pullback = answer
        y = numbers_of(pack(op, outputs), "y")
        return Answer(y, lambda g: named(op, args, pullback(unpack(op, args, g))), y.dtype.name)

    return Implementation(name or name_of(function), run)


def named(op: AnyOp, args: Values, gradients: Any) -> Gradients:
    """Gradients by argument name, from a named tuple, a mapping, a sequence in declared order, or a single array."""
    given = [name for name in op.differentiable if args.get(name) is not None]
    if hasattr(gradients, "_asdict"):
        gradients = gradients._asdict()
    if isinstance(gradients, Mapping):
        unknown = [name for name in gradients if name not in op.differentiable]
        if unknown:
            raise BadAnswer(f"gradients for {', '.join(unknown)}; the arguments are {', '.join(op.differentiable)}")
        found = {name: gradients.get(name) for name in given}
    elif isinstance(gradients, tuple) or (isinstance(gradients, list) and not _is_one_array(gradients)):
        names = op.differentiable if len(gradients) == len(op.differentiable) else tuple(given)
        if len(gradients) > len(names):
            raise BadAnswer(f"{len(gradients)} gradients for the arguments {', '.join(names)}")
        found = {**dict.fromkeys(given), **dict(zip(names, gradients, strict=False))}
    else:
        found = {**dict.fromkeys(given), **({} if gradients is None else {given[0]: gradients})}
    return {
        name: None if found[name] is None else numbers_of(np.asarray(found[name]), f"gradient of {name}")
        for name in given
    }


def _is_one_array(values: list[Any]) -> bool:
    """A list of numbers is an array; a list of arrays is several gradients."""
    return bool(values) and all(isinstance(value, int | float | np.number) for value in values)


def numbers_of(array: Array, what: str) -> Array:
    if array.dtype.kind not in "fiub":
        raise BadAnswer(f"{what} holds {array.dtype}, not real numbers")
    return array


def name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", "implementation"))


def describe(answer: Any) -> str:
    return f"a tuple of {len(answer)}" if isinstance(answer, tuple) else f"a {type(answer).__name__}"


class Running(Runner):
    """An implementation as laws see it."""

    def __init__(self, implementation: Implementation, admits: Callable[[Values], bool] = lambda args: True) -> None:
        self.implementation, self.admits = implementation, admits

    def run(self, args: Values) -> Answer:
        if not self.admits(args):  # a law may lead out of the part that is supported
            raise NotOffered
        return self.implementation.run(args)

    def value(self, args: Values) -> Array:
        return self.run(args).y

    def pull(self, args: Values, cotangent: Array) -> dict[str, Array]:
        grads = self.run(args).pull(cotangent)
        return _Offered({name: grad for name, grad in grads.items() if grad is not None})


class _Offered(dict[str, Array]):
    def __missing__(self, name: str) -> Array:
        raise NotOffered
