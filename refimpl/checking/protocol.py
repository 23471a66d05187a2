"""What is said between this library and a program in another language: JSON lines, arrays as bits.

    us       {"hello": true, "protocol": 1}
    program  {"protocol": 1, "name": "my lib 0.3", "ops": ["sorting.swap"], "dtypes": ["f64"]}
    us       {"id": 1, "op": "sorting.swap", "args": {"a": {"dtype": "f64", "shape": [1], "hex": "3ff0000000000000"}, ...}}
    program  {"id": 1, "outputs": [array, ...]}
    us       {"id": 2, "op": "sorting.swap", "args": {...}, "cotangents": [array, ...]}
    program  {"id": 2, "outputs": [array, ...], "grads": {"a": array, ...}}

One object a line, one answer for each request, in order. Arrays are in the bits of ``refimpl.checking.bits``. All arguments
are sent, defaults included, absent ones are not. ``cotangents`` holds one array for each output, and asks for gradients;
an argument left out of ``grads`` has none. Instead of outputs, ``{"id": 2, "skip": "why"}`` says that this is not offered
(counted, never a failure) and ``{"id": 2, "error": "what happened"}`` that it failed. ``dtypes`` may be left out: f64 and
f32. Unknown keys are ignored, both ways.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from refimpl import catalog
from refimpl.checking.bits import BadBits, decode, encode, encode_args
from refimpl.checking.child import Garbage
from refimpl.checking.implementation import Array, BadAnswer, CannotLoad, Gradients, NotOffered, named, pack
from refimpl.op import AnyOp, Values

PROTOCOL = 1
DTYPES = ("f64", "f32")
HELLO = b'{"hello": true, "protocol": %d}\n' % PROTOCOL
Reply = dict[str, Any]


class Refused(Exception):  # noqa: N818
    """The program answered with an error of its own."""


class Introduction(NamedTuple):
    """What a program says of itself."""

    name: str
    operators: tuple[AnyOp, ...]
    unknown: tuple[str, ...]  # operators that this library does not have
    dtypes: frozenset[str]


def introduction(line: bytes) -> Introduction:
    """The answer to the handshake, or ``CannotLoad``, whose message does not name the program."""
    expected = f'expected {{"protocol": {PROTOCOL}, "name": "...", "ops": ["sorting.swap", ...]}}'
    hello = _object(line)
    if hello is None or "protocol" not in hello:
        hint = "standard output is for answers only, diagnostics go to standard error"
        raise CannotLoad(f"answers the handshake with {_short(line)}; {expected}; {hint}")
    if hello["protocol"] != PROTOCOL:
        raise CannotLoad(f"speaks protocol {_short(hello['protocol'])}; this library speaks {PROTOCOL}")
    name, ops, dtypes = hello.get("name"), hello.get("ops"), hello.get("dtypes", list(DTYPES))
    if not isinstance(name, str) or not _names(ops):
        raise CannotLoad(f"answers the handshake with {_short(line)}; {expected}")
    if not _names(dtypes) or not set(dtypes) & set(DTYPES):
        raise CannotLoad(f"takes the dtypes {_short(dtypes)}; expected some of {', '.join(DTYPES)}")
    operators = tuple(op for op in catalog.OPERATORS if op.id in ops)
    unknown = tuple(other for other in ops if other not in {op.id for op in operators})
    if not operators:
        raise CannotLoad(f"offers no operator of this library: {_nearest(unknown)}")
    return Introduction(name, operators, unknown, frozenset(dtypes))


def body(op: AnyOp, args: Values, dtypes: frozenset[str] = frozenset(DTYPES)) -> str:
    """A request without its number and its braces; what the protocol or the program cannot take is not offered."""
    for name, value in args.items():
        if isinstance(value, np.ndarray | np.generic | complex) and not _sayable(value):
            kind = "a masked array" if isinstance(value, np.ma.MaskedArray) else np.asarray(value).dtype
            raise NotOffered(f"{name} is {kind}, which the protocol has no words for")
    single = any(isinstance(value, np.ndarray) and value.dtype == np.float32 for value in args.values())
    if ("f32" if single else "f64") not in dtypes:
        raise NotOffered(f"arrays are {'f32' if single else 'f64'}; offered: {', '.join(sorted(dtypes))}")
    defaults = {
        name: p.default for name, p in op.signature.parameters.items() if p.default is not inspect.Parameter.empty
    }
    real = {name: np.asarray(args[name], np.float64) for name in op.differentiable if _whole(args.get(name))}
    try:
        return f'"op": "{op.id}", "args": {json.dumps(encode_args({**defaults, **args, **real}))}'
    except (TypeError, ValueError) as failure:
        raise NotOffered(f"the protocol has no words for these arguments: {failure}") from failure


def with_cotangents(request: str, cotangents: tuple[Array, ...]) -> str:
    """The same request, asking for gradients: one cotangent for each output."""
    return f'{request}, "cotangents": {json.dumps([encode(part) for part in cotangents])}'


def reply_to(number: int, line: bytes) -> Reply:
    """The answer to the request of that number, or ``Garbage``."""
    reply = _object(line)
    if reply is None:
        raise Garbage(f"wrote {_short(line)}; expected one JSON object a line, diagnostics go to standard error")
    if type(reply.get("id")) is not int or reply["id"] != number:
        raise Garbage(f"answered with id {_short(reply.get('id'))}; expected {number}: one answer a request, in order")
    return reply


def outputs(op: AnyOp, reply: Reply) -> Array:
    """The outputs, packed."""
    _refusals(op, reply)
    found = reply.get("outputs")
    if not isinstance(found, list) or len(found) != len(op.outputs):
        came = f"{len(found)} outputs" if isinstance(found, list) else f"outputs {_short(found)}"
        names = ", ".join(out.name for out in op.outputs)
        raise Garbage(f"answered {op.id} with {came}; expected a list of {len(op.outputs)}: {names}")
    arrays = tuple(_array(op, y, f"output {out.name}") for y, out in zip(found, op.outputs, strict=True))
    try:
        return pack(op, arrays)
    except BadAnswer as bad:
        raise Garbage(f"answered {op.id} with {bad}") from bad


def grads(op: AnyOp, args: Values, reply: Reply) -> Gradients:
    """The gradients by name; without any, none is offered."""
    _refusals(op, reply)
    found = reply.get("grads", {})
    if not isinstance(found, Mapping):
        raise Garbage(f"answered {op.id} with grads {_short(found)}; expected an object by argument name")
    arrays = {name: _array(op, g, f"gradient of {name}") for name, g in found.items() if g is not None}
    try:
        return named(op, args, arrays)
    except BadAnswer as bad:
        raise Garbage(f"answered {op.id} with {bad}") from bad


def _array(op: AnyOp, encoded: Any, what: str) -> Array:
    try:
        return decode(encoded, what)
    except (BadBits, TypeError) as bad:
        raise Garbage(f"answered {op.id} badly: {bad}") from bad


def _refusals(op: AnyOp, reply: Reply) -> None:
    if "skip" in reply:
        raise NotOffered(f"{op.id} is skipped: {reply['skip']}")
    if "error" in reply:
        raise Refused(f"answered {op.id} with an error: {reply['error']}")


def _nearest(unknown: tuple[str, ...]) -> str:
    if unknown:
        try:
            catalog.find(unknown[0])
        except LookupError as failure:
            return str(failure)
    return f"{', '.join(unknown) or 'nothing'}; known: {', '.join(op.id for op in catalog.OPERATORS)}"


def _whole(value: Any) -> bool:
    """Whole numbers where real ones are meant: a program is sent those."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "biu"


def _sayable(value: Any) -> bool:
    dtype = np.asarray(value).dtype
    real = dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize in (4, 8))
    return real and not isinstance(value, np.ma.MaskedArray)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _names(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _short(value: Any) -> str:
    text = repr(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
    return text if len(text) <= 80 else text[:77] + "..."
