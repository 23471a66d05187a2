"""The list of checks: every operator of the catalog times every aspect that it has. Nothing is listed by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from refimpl import catalog
from refimpl.op import AnyOp, Values
from refimpl.suite import layouts, named, plain
from refimpl.suite.bench import Bench
from refimpl.suite.inputs import Applies, Sizes, always

Judge = Callable[[Bench, Values, Sizes], None]


@dataclass(frozen=True)
class Check:
    """One aspect of one operator. ``at`` is its named input; None: inputs are drawn."""

    op: AnyOp  # reduced to the one law, or case, that this is about
    aspect: str
    judge: Judge
    subjects: frozenset[str] | None  # of the findings, those that belong to this aspect; None: all
    applies: Applies = always
    at: Values | None = None
    id: str = ""

    def __repr__(self) -> str:
        return self.id


def checks_of(operators: Iterable[AnyOp]) -> tuple[Check, ...]:
    """All checks, in the order of the catalog, each with an id of its own."""
    found: dict[str, Check] = {}
    for op in operators:
        for check in _aspects(op):
            slug = re.sub(r"[^A-Za-z0-9._]+", "-", check.aspect).strip("-")
            name, number = f"{op.id}-{slug}", 2
            while name in found:  # two names that differ in signs only
                name, number = f"{op.id}-{slug}-{number}", number + 1
            found[name] = replace(check, id=name)
    return tuple(found.values())


def every_id() -> list[str]:
    """The ids of all checks of the whole catalog: what a list of known failures may name."""
    return [check.id for check in checks_of(catalog.OPERATORS)]


def _aspects(op: AnyOp) -> Iterator[Check]:
    yield _drawn(op, "runs", plain.runs)
    yield _drawn(op, "value", plain.value)
    for name in op.differentiable:
        yield replace(_drawn(op, f"gradient of {name}", plain.gradient(name), name), applies=_given(name))
    yield _drawn(op, "linear", plain.linear)
    yield replace(_drawn(op, "pure", plain.pure), subjects=frozenset({"pure", "contract", "runs"}))
    yield _drawn(op, "repeatable", plain.repeatable)
    yield _drawn(op, "float32", plain.float32)
    if layouts.has_batch_axes(op):
        yield _drawn(op, "batch", layouts.batch)
    yield _drawn(op, "strided", layouts.strided)
    for law in op.laws:
        for side, other in (("forward", "backward"), ("backward", "forward")):
            if not law.false and getattr(law, side) is not None:
                half = replace(op, laws=(replace(law, **{other: None}),))  # type: ignore[arg-type]
                check = _drawn(half, f"law {law.name} {side}", named.law, "laws")
                yield replace(check, applies=law.applies)
    for case in op.cases:
        one = replace(op, cases=(case,))
        if case.error is None:
            yield Check(one, f"case {case.name}", named.case(case), None, at=case.args)
        else:
            subjects = frozenset({"bad input", "cases"})
            yield Check(one, f"bad input {case.name}", named.bad_input(case), subjects, at=case.args)


def _given(name: str) -> Applies:
    """The argument is there: an optional one may be left out."""
    return lambda args: args.get(name) is not None


def _drawn(op: AnyOp, aspect: str, judge: Judge, subject: str = "") -> Check:
    return Check(op, aspect, judge, frozenset({subject or aspect, "runs"}))
