"""One object for somebody's implementations, and the doors they come in by.

    impl = Impl("my library 0.3")
    impl.add("sorting.swap", my_swap)                            # a callable that returns (y, pullback)
    impl.add("sorting.network_sort", my_sort, framework="jax")   # the framework derives the VJP
    impl.attach("my_port:OPERATORS")                             # a mapping from operator ids to callables
    impl.spawn(["./my_program"])                                 # a program that speaks JSON lines

What an ``Impl`` has no entry for is not offered, which is counted and never a failure.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from refimpl import catalog
from refimpl.checking.frameworks import FRAMEWORKS
from refimpl.checking.implementation import CannotLoad, Implementation
from refimpl.op import AnyOp


class Impl:
    """Implementations of operators, by operator id."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: dict[str, Implementation] = {}
        self._programs: list[Any] = []

    def add(self, op: str | AnyOp, function: Callable[..., Any] | Implementation, framework: str = "numpy") -> Impl:
        """Offer one operator. ``function`` takes its arguments; see ``refimpl.check`` for what it returns."""
        operator = one_operator(op)
        if isinstance(function, Implementation):
            self._entries[operator.id] = function
            return self
        if framework not in FRAMEWORKS:
            raise ValueError(f"Impl.add: framework is {framework!r}; expected one of {', '.join(FRAMEWORKS)}")
        if not callable(function):
            raise CannotLoad(f"{operator.id} is given {type(function).__name__}; expected a callable")
        self._entries[operator.id] = FRAMEWORKS[framework](operator, function, None)
        return self

    def attach(self, spec: str, framework: str = "numpy", op: str | AnyOp | None = None) -> Impl:
        """Take what MODULE:OBJECT names: a mapping from operator ids to callables, an Impl, or one callable for ``op``."""
        return self.take(load(spec), spec, framework, op)

    def take(self, found: Any, spec: str, framework: str = "numpy", op: str | AnyOp | None = None) -> Impl:
        """The same with the object itself; ``spec`` is its name in messages."""
        if isinstance(found, Impl):
            self._entries.update(found._entries)
            self._programs += found._programs
        elif isinstance(found, Mapping):
            for name, function in entries(found, spec).items():
                self.add(name, function, framework)
        elif op is None:
            came = "is one callable" if callable(found) else f"is of type {type(found).__name__}"
            expected = "name the one operator it implements" if callable(found) else "expected a callable, or a mapping"
            raise CannotLoad(f"{spec} {came}; {expected}")
        else:
            self.add(op, found, framework)
        return self

    def spawn(self, command: Sequence[str], timeout: float = 10.0) -> Impl:
        """Start a program that speaks the protocol of ``refimpl.checking.process``, and offer what it says it has."""
        from refimpl.checking.process import Program

        program = Program(command, timeout)
        self._programs.append(program)
        for operator in program.operators:
            self._entries[operator.id] = program.implementation(operator)
        return self

    def get(self, op: str | AnyOp) -> Implementation | None:
        """The implementation of an operator, if there is one."""
        return self._entries.get(op if isinstance(op, str) else op.id)

    def close(self) -> None:
        """Stop the programs."""
        for program in self._programs:
            program.close()

    def __enter__(self) -> Impl:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __contains__(self, op: object) -> bool:
        return (op if isinstance(op, str) else getattr(op, "id", None)) in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Impl {self.name!r}: {', '.join(self._entries) or 'nothing yet'}>"


def load(spec: str) -> Any:
    """The object that MODULE:OBJECT names, with the current folder first on the path."""
    module_name, _, attribute = spec.partition(":")
    if not attribute:
        raise CannotLoad(f"{spec!r} is not MODULE:OBJECT, for example my_port:sort")
    sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as failure:  # the module is somebody else's and may fail in any way
        raise CannotLoad(f"{spec}: {type(failure).__name__}: {failure}") from failure
    finally:
        sys.path.remove(os.getcwd())
    return found


def entries(given: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """What a mapping offers of this library's operators; ids that are nearly right, or none at all, are refused."""
    known = [op.id for op in catalog.OPERATORS]
    for key in given:
        near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.9)
        if near and key not in known:
            raise CannotLoad(f"{name} has {key!r}, which is no operator; did you mean {near[0]!r}?")
    found = {key: function for key, function in given.items() if key in known}
    if not found:
        raise CannotLoad(f"{name} names no operator of this library; it has {', '.join(map(str, given)) or 'nothing'}")
    return found


def one_operator(op: str | AnyOp) -> AnyOp:
    """The operator that a name means, and only that one."""
    if not isinstance(op, str):
        return op
    found = catalog.find(op)
    if len(found) != 1:
        raise LookupError(f"{op!r} names {len(found)} operators: {', '.join(o.id for o in found)}; name one")
    return found[0]
