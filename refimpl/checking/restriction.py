"""``only``: the part of an operator's domain that somebody's implementation supports."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from refimpl.op import AnyOp, Values


class Restriction:
    """Choices (names, flags) must be among those listed; a number replaces what was drawn."""

    def __init__(self, op: AnyOp, only: Mapping[str, Any]) -> None:
        self.op, self.only = op, dict(only)
        self.choices: dict[str, tuple[Any, ...]] = {}
        self.numbers: dict[str, Any] = {}
        known = [argument.name for argument in op.args]
        for name, wanted in self.only.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise ValueError(f"check: only has {name!r}; {hint}{op.id} takes {', '.join(known)}")
            options = tuple(wanted) if isinstance(wanted, tuple | list) else (wanted,)
            if all(isinstance(option, str | bool) for option in options):
                self.choices[name] = options
            elif len(options) == 1:
                self.numbers[name] = options[0]
            else:
                raise ValueError(f"check: only has {name}={wanted!r}; give names, flags, or one number")

    def complete(self, args: Values) -> Values:
        """With the operator's defaults, and the numbers that replace what was drawn."""
        defaults = {name: p.default for name, p in self.op.signature.parameters.items()}
        given = {
            name: value
            for name, value in defaults.items()
            if value is not None and value is not inspect.Parameter.empty
        }
        return {**given, **args, **self.numbers}

    def admits(self, args: Values) -> bool:
        """Are these arguments, defaults included, in the part that is supported?"""
        full = self.complete(args)
        asked = {**full, **args}
        return all(full.get(name) in options for name, options in self.choices.items()) and all(
            np.array_equal(asked[name], number) for name, number in self.numbers.items()
        )

    def __iter__(self) -> Any:
        return iter(self.only.items())
