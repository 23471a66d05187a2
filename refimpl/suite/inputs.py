"""Inputs of an operator from two whole numbers: an index into its possible sizes, smallest first, and a seed.

The floats come from the operator's own samplers. Hypothesis draws and shrinks the two numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from refimpl.checking.restriction import Restriction
from refimpl.checking.trial import size_of
from refimpl.op import AnyOp, Values

Sizes = dict[str, int]
Applies = Callable[[Values], bool]

POOL = 160  # sizes to choose from
RAW = 8_000  # sizes drawn, at most, to find so many that the restriction admits
REPEATS = 200  # in a row, after which all sizes are taken to be known
TRIES = 24  # samples of the same sizes, to meet a restriction or the condition of a law


def always(args: Values) -> bool:
    return True


class Inputs:
    """The part of an operator's domain that an implementation supports."""

    def __init__(self, op: AnyOp, only: Restriction) -> None:
        self.op, self.only = op, only

    def draw(self, sizes: Sizes, seed: int, applies: Applies = always, tries: int = TRIES) -> Values | None:
        """The input that these sizes and this seed stand for; None if there is none of the kind asked for."""
        for attempt in range(tries):
            args = {**self.op.sample(np.random.default_rng([seed, attempt]), sizes), **self.only.numbers}
            if self.only.admits(args) and applies(args):
                return args
        return None

    @cached_property
    def pool(self) -> tuple[Sizes, ...]:
        """Distinct sizes, those with the smallest inputs first."""
        rng, seen, found = np.random.default_rng(0), set(), []
        repeats = 0
        for _ in range(RAW):
            sizes = self.op.sizes(rng)
            key = tuple(sorted(sizes.items()))
            repeats = repeats + 1 if key in seen else 0
            if key not in seen:
                seen.add(key)
                args = self.draw(sizes, 0, tries=6)
                if args is not None:
                    found.append((size_of(args), sum(sizes.values()), key, sizes))
            if len(found) == POOL or repeats == REPEATS:
                break
        if not found:
            text = f"nothing {self.op.id} draws has {self.only.only}"
            raise ValueError(f"{text}; 'refimpl show {self.op.id}' prints the domains")
        return tuple(entry[-1] for entry in sorted(found, key=lambda entry: entry[:3]))

    @cached_property
    def choices(self) -> dict[tuple[str, Any], tuple[int, ...]]:
        """For every name and flag that an argument may be: which sizes lead to it."""
        found: dict[tuple[str, Any], list[int]] = {}
        for index, sizes in enumerate(self.pool):
            for name, value in self.choices_in(self.draw(sizes, 0) or {}):
                found.setdefault((name, value), []).append(index)
        return {choice: tuple(indices) for choice, indices in found.items()}

    @staticmethod
    def choices_in(args: Values) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in args.items() if isinstance(value, str | bool)]

    def refused(self, reference: Callable[[Values], Any]) -> str:
        """Why a number of the restriction is outside the domain; empty if it is not."""
        args = self.draw(self.pool[0], 0)
        try:
            reference(args or {})
        except (TypeError, ValueError) as why:
            return str(why)
        return ""
