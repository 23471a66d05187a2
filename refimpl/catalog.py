"""The rooms in reading order. An explicit tuple: what is not listed here does not exist (a test walks the modules)."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from refimpl import distributions, sorting, topk
from refimpl.op import AnyOp

ROOMS = (distributions, sorting, topk)
OPERATORS: tuple[AnyOp, ...] = tuple(operator for room in ROOMS for operator in room.OPERATORS)


def select(names: Sequence[str]) -> tuple[AnyOp, ...]:
    """The operators that these names mean, each once; without names, all."""
    return tuple(dict.fromkeys(op for name in names for op in find(name))) if names else OPERATORS


def find(name: str) -> tuple[AnyOp, ...]:
    """Operators by id ("sorting.swap"), by last name ("swap") or by room ("sorting")."""
    found = tuple(op for op in OPERATORS if name in (op.id, op.name, op.room))
    if not found:
        known = [op.id for op in OPERATORS]
        near = difflib.get_close_matches(name, [*known, *(op.name for op in OPERATORS)], n=3, cutoff=0.4)
        raise LookupError(
            f"no operator {name!r}; "
            + (f"did you mean {', '.join(near)}? " if near else "")
            + f"known: {', '.join(known)}"
        )
    return found
