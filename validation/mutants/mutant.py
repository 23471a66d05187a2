"""What a mutant is: one place of an operator's file, rewritten."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """``old`` occurs once in the operator's file and becomes ``new``."""

    name: str
    operator: str
    old: str
    new: str


def of(operator: str, *rewrites: tuple[str, str, str]) -> tuple[Mutant, ...]:
    """Mutants of one operator: (name, old, new) each."""
    return tuple(Mutant(name, operator, old, new) for name, old, new in rewrites)
