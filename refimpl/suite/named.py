"""The aspects that an operator declares by name: its laws, its cases, and the inputs that must be refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.checking.implementation import BadAnswer, NotOffered
from refimpl.checking.packing import pack
from refimpl.checking.trial import verdict_of, weighed
from refimpl.op import Case, Values
from refimpl.suite.bench import Bench
from refimpl.suite.inputs import Sizes

GOLDEN_ULPS = 2.0**16  # expected values are printed with twelve digits


def law(bench: Bench, args: Values, sizes: Sizes) -> None:
    """The one law, and the one side of it, that the operator was reduced to."""
    bench.laws(args)


def case(declared: Case) -> Callable[[Bench, Values, Sizes], None]:
    """Value, gradients and contract at a named input, and the value that a closed form gives."""

    def judge(bench: Bench, args: Values, sizes: Sizes) -> None:
        bench.cases()
        if declared.expect is None or bench.note("runs", "contract").verdicts != ["right"]:
            return
        answer = bench.answer(bench.only.complete(args))
        if answer is not None and answer.dtype != "float32":
            want = pack(bench.op, declared.expect)
            found = weighed(answer.y, want, gauge=float(np.abs(want).max(initial=0.0)), ulps=GOLDEN_ULPS)
            text = "" if found.ok else f"not the value that {declared.source} gives"
            bench.note("golden value", "case").add(verdict_of(found), found.compared, detail=text)

    return judge


def bad_input(declared: Case) -> Callable[[Bench, Values, Sizes], None]:
    """It must be refused: any exception will do, numbers will not. (Of the library itself: the very message.)"""

    def judge(bench: Bench, args: Values, sizes: Sizes) -> None:
        note, error = bench.note("bad input", "contract"), declared.error
        assert error is not None
        if bench.subject.own:
            bench.refusal(declared.name, args, error)
            return
        placed = within(bench, args)
        if placed is None:
            note.add("not offered", 0, detail="outside of what is supported")
        elif bench.foreign and not plain(args):
            note.add("not offered", 0, detail="this input cannot be carried to where the implementation runs")
        else:
            attempt(bench, placed, error[0].__name__)

    return judge


def attempt(bench: Bench, args: Values, expected: str) -> None:
    from refimpl.checking.child import ProgramFailed

    note = bench.note("bad input", "contract")
    try:
        answer = bench.original.run(args)
    except NotOffered:
        note.add("not offered", 0)
    except BadAnswer as bad:
        note.add("wrong", detail=f"bad input is accepted: {bad}; expected a {expected}")
    except ProgramFailed as failure:
        note.add("crashed", detail=f"{type(failure).__name__}: {failure}"[:600])
    except (Exception, SystemExit):  # however it says no
        note.add("right")
    else:
        note.add("wrong", detail=f"bad input is accepted: it gives {_short(answer.y)}; expected a {expected}")


def within(bench: Bench, args: Values) -> Values | None:
    """The bad input in the part of the domain that is supported, if it can be moved there and stay bad."""
    choices = {name: options[0] for name, options in bench.only.choices.items()}
    placed = {**choices, **bench.only.numbers, **args}
    return placed if bench.only.admits(placed) else None


def plain(args: Values) -> bool:
    """Nothing but real arrays, numbers, names and flags: what another language, or framework, can be handed."""
    return all(
        type(value) in (str, bool, int, float)
        or (type(value) is np.ndarray and value.dtype.name in ("float64", "float32", "int64", "bool"))
        for value in args.values()
    )


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
