"""Which cases there are: named recipes in a fixed order. A case's id is its place in that list, so append, never insert.

A recipe that is no longer wanted keeps its place as ``retired(name)``. Operators without a list here get the declared
cases and draws from the declared domain, with values of the declared oracle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl.checking.bits import encode_args
from refimpl.op import AnyOp, Values
from validation.vectors.dual import Array

DRAWN = 24  # cases of an operator without a list, drawn from its domain
MOST = 64  # numbers in one array


@dataclass(frozen=True)
class Recipe:
    """One case before it is computed. ``pull`` false: values only."""

    name: str
    args: Values
    tags: tuple[str, ...]
    note: str = ""
    kind: str = "accurate"  # "exact" | "invalid" | "retired"
    form: str = "f64"
    pull: bool = True
    source: str = ""

    def single(self) -> Recipe:
        """The same in float32: every number of it."""
        args = {name: np.float32(v) if isinstance(v, float) else v for name, v in self.args.items()}
        args = {name: v.astype(np.float32) if isinstance(v, np.ndarray) else v for name, v in args.items()}
        return replace(self, name=f"{self.name.removesuffix(', float32')}, float32", args=args, form="f32")


def retired(name: str) -> Recipe:
    return Recipe(name, {}, (), kind="retired")


def irregular(key: str, shape: int | tuple[int, ...], low: float = -2.0, high: float = 2.0) -> Array:
    """Numbers between low and high without a pattern, the same on every machine: SHA-256, a product and a sum."""
    count = int(np.prod(shape))
    digests = (hashlib.sha256(f"{key} {index}".encode()).digest() for index in range(count))
    units = [int.from_bytes(digest[:7], "big") / 2.0**56 for digest in digests]
    return np.array([low + (high - low) * unit for unit in units]).reshape(shape)


def cotangent(key: str, shape: tuple[int, ...]) -> Array:
    """Dense, signed, none of them small."""
    g = irregular(f"cotangent of {key}", shape, -1.5, 1.5)
    return g + np.where(g < 0.0, -0.25, 0.25)


def refusals(op: AnyOp, names: Iterable[str] | None = None) -> list[Recipe]:
    """The declared inputs that must be refused, as far as they can be written in bits and have no other reading."""
    found = []
    for case in op.cases:
        if case.error is None or not plain(case.args) or (names is not None and case.name not in names):
            continue
        note = f"must be refused: {case.name}"
        found.append(Recipe(f"refused, {case.name}", case.args, ("degenerate",), note, kind="invalid", pull=False))
    return found


def plain(args: Values) -> bool:
    """Can these arguments be written down, without losing what is wrong with them?"""
    for value in args.values():
        if isinstance(value, np.ma.MaskedArray):
            return False
        if isinstance(value, np.ndarray | np.generic) and value.dtype not in (np.float64, np.float32):
            return False
        if isinstance(value, list) and any(isinstance(part, float) for row in value for part in np.ravel(row)):
            return False
    try:
        encode_args(args)
    except (TypeError, ValueError):
        return False
    return all(np.size(value) <= MOST for value in args.values() if isinstance(value, np.ndarray))


def generic(op: AnyOp) -> list[Recipe]:
    """For an operator without a list of its own."""
    found = [
        Recipe(case.name, case.args, case.tags or ("basic",), pull=False, source=case.source)
        for case in op.cases
        if case.error is None and plain(case.args)
    ]
    for number in range(DRAWN):
        args: dict[str, Any] = op.sample(np.random.default_rng(number))
        if plain(args):
            found.append(Recipe(f"drawn {number}", args, ("basic",), pull=False))
    return found + refusals(op)
