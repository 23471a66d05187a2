"""Several outputs as one array, for everything that compares, probes or counts arrays.

Outputs declared with one shape are stacked along a new first axis. Others are laid side by side: batch axes stay, the
rest of each output is flattened, and all of them follow one another along the last axis.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.op import AnyOp, Array, Values


class BadAnswer(Exception):  # noqa: N818
    """The implementation ran and returned something that is no answer: wrong type, shape or number of gradients."""


def stacks(op: AnyOp) -> bool:
    """Do the outputs have one shape, so that packing adds an axis in front?"""
    return len(op.outputs) > 1 and len({out.shape for out in op.outputs}) == 1


def pack(op: AnyOp, outputs: Any) -> Array:
    """One array for one output; several outputs in one array."""
    if not isinstance(outputs, tuple):
        return np.asarray(outputs)
    parts = [np.asarray(y) for y in outputs]
    if len(parts) == 1:
        return parts[0]
    came = f"outputs of shapes {' and '.join(str(part.shape) for part in parts)}"
    if len(parts) != len(op.outputs):
        raise BadAnswer(f"{came}; expected {len(op.outputs)}: {', '.join(out.name for out in op.outputs)}")
    if stacks(op):
        if len({part.shape for part in parts}) > 1:
            raise BadAnswer(f"{came}; expected one shape")
        return np.stack(parts)
    ranks = [len(_core(out.shape)) for out in op.outputs]
    batches = {part.shape[: part.ndim - rank] for part, rank in zip(parts, ranks, strict=True) if part.ndim >= rank}
    if len(batches) > 1 or any(part.ndim < rank for part, rank in zip(parts, ranks, strict=True)):
        expected = ", ".join(f"{out.name} ({out.shape})" for out in op.outputs)
        raise BadAnswer(f"{came}; expected {expected} with the same batch axes")
    (batch,) = batches
    flat = [part.reshape(*batch, math.prod(part.shape[len(batch) :])) for part in parts]
    return np.concatenate(flat, axis=-1)


def unpack(op: AnyOp, args: Values, packed: Array) -> Any:
    """What was packed: one array, or a tuple with one for each output."""
    if len(op.outputs) == 1:
        return packed
    if stacks(op):
        return tuple(packed)
    letters = _letters(op, args)
    cores = [tuple(letters[letter] for letter in _core(out.shape)) for out in op.outputs]
    batch, ends = packed.shape[:-1], np.cumsum([math.prod(core) for core in cores])
    pieces = np.split(packed, ends[:-1], axis=-1)
    return tuple(piece.reshape((*batch, *core)) for piece, core in zip(pieces, cores, strict=True))


def parts(op: AnyOp, args: Values, packed: Array) -> tuple[Array, ...]:
    """What was packed, always as a tuple."""
    found = unpack(op, args, packed)
    return found if isinstance(found, tuple) else (found,)


def _core(shape: str) -> list[str]:
    return [letter for letter in shape.split() if letter != "..."]


def _letters(op: AnyOp, args: Values) -> dict[str, int]:
    """How long the axes are that the letters of the declared shapes stand for."""
    found: dict[str, int] = {}
    for argument in op.args:
        core = _core(argument.shape)
        lengths = np.shape(args[argument.name]) if core and args.get(argument.name) is not None else ()
        found.update(zip(reversed(core), reversed(lengths), strict=False))
    return found
