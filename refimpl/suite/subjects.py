"""Whose implementation the suite runs on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from refimpl import catalog
from refimpl.checking.doors import CannotLoad, Impl, load
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
    if not isinstance(given, Mapping):
        assert isinstance(impl, str)
        return Impl(name).attach(impl, framework, operators[0] if len(operators) == 1 else None)
    known = [op.id for op in catalog.OPERATORS]
    for key in given:
        near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.8)
        if near and key not in known:
            raise LookupError(f"{name} has {key!r}, which is no operator; did you mean {near[0]!r}?")
    entries = {key: function for key, function in given.items() if key in known}
    if not entries:
        raise CannotLoad(f"{name} names no operator of this library; it has {', '.join(map(str, given)) or 'nothing'}")
    made = Impl(name)
    for key, function in entries.items():
        made.add(key, function, framework)
    return made
