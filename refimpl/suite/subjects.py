"""Whose implementation the suite runs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from refimpl.checking.doors import Impl, load
from refimpl.op import AnyOp


def resolved(
    impl: Impl | Mapping[str, Any] | str | None, framework: str, operators: Sequence[AnyOp]
) -> Impl | None:  # fmt: skip
    """An ``Impl`` of whatever was given; keys that are nearly operators are refused, not ignored."""
    if impl is None or isinstance(impl, Impl):
        return impl
    name = impl if isinstance(impl, str) else "a mapping"
    given = load(impl) if isinstance(impl, str) else impl
    if isinstance(given, Impl):
        return given
    return Impl(name).take(given, name, framework, operators[0] if len(operators) == 1 else None)
