"""One answer against one golden vector, and what many of them amount to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl.checking.compare import compare, describe_mismatch
from refimpl.checking.report import EXIT_CRASHED, EXIT_NOTHING, EXIT_RIGHT, EXIT_WRONG, Verdict
from refimpl.checking.vectors_format import Array, Tolerance, Vector

SHOWN = 12  # wrong cases of an operator that are printed in full


UNANSWERED = "not answered"


@dataclass(frozen=True)
class Given:
    """What an implementation gave: outputs and gradients, or why not. Nothing at all: it did not answer."""

    outputs: list[Array] | None = None
    grads: Mapping[str, Array] = field(default_factory=dict)
    skip: str = ""
    error: str = ""
    broken: str = ""  # an answer that cannot be read


@dataclass(frozen=True)
class Judged:
    """The verdict on one case."""

    case: Vector
    verdict: Verdict
    detail: str = ""
    ulps: float = 0.0  # the worst, in gauged ulps
    compared: int = 0  # numbers
    gradients: int = 0  # gradients that were there to be judged


def judge(case: Vector, given: Given) -> Judged:
    """Is this the right answer?"""
    if given.broken:
        return Judged(case, "crashed", given.broken)
    if given.skip or (given.outputs is None and not given.error):
        return Judged(case, "not offered", given.skip or UNANSWERED)
    if case.kind == "invalid":
        return Judged(case, "right" if given.error else "wrong", "" if given.error else "it was accepted")
    if given.error:
        return Judged(case, "crashed", given.error)
    outputs = given.outputs or []
    if len(outputs) != len(case.outputs):
        return Judged(case, "wrong", f"{len(outputs)} outputs; expected {len(case.outputs)}")
    parts = [("value", got, want, case.tol["value"]) for got, want in zip(outputs, case.outputs, strict=True)]
    offered = [name for name in case.grads if name in given.grads]
    parts += [(f"gradient of {name}", given.grads[name], case.grads[name], case.tol[name]) for name in offered]
    faults, worst, compared = [], 0.0, 0
    for name, got, want, tol in parts:
        fault, ulps = _part(name, np.asarray(got), want, tol, case.dtype)
        faults += [fault] if fault else []
        worst, compared = max(worst, ulps), compared + want.size
    return Judged(case, "wrong" if faults else "right", "; ".join(faults), worst, compared, len(offered))


def _part(name: str, got: Array, want: Array, tol: Tolerance, dtype: str) -> tuple[str, float]:
    mismatch = describe_mismatch(got, want, name=name)
    if mismatch:
        return mismatch, 0.0
    found = compare(got, want, dtype=dtype, gauge=tol.gauge, ulps=tol.ulp)
    if found.ok or found.worst is None:
        return "", found.max_gauged_ulps
    single = ", in float32" if got.dtype == np.float32 and dtype == "float64" else ""
    at = list(found.worst)
    text = f"got {found.got:.17g}{single}, want {found.want:.17g}, {found.max_gauged_ulps:.3g} ulp, allowed {tol.ulp:g}"
    return f"{name} at {at}: {text} ({found.off} of {found.compared} entries off)", found.max_gauged_ulps


@dataclass(frozen=True)
class Verified:
    """Verdicts on many cases."""

    name: str
    judged: tuple[Judged, ...]
    remarks: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """4 crashed, 1 wrong, 5 nothing (or not one gradient) answered, 0 right."""
        verdicts = {one.verdict for one in self.judged}
        if "crashed" in verdicts or self.unanswered:
            return EXIT_CRASHED
        if "wrong" in verdicts:
            return EXIT_WRONG
        answered = [one for one in self.judged if one.verdict == "right" and one.case.kind != "invalid"]
        asked = any(one.case.grads for one in answered)
        offered = any(one.gradients for one in answered)
        return EXIT_RIGHT if answered and (offered or not asked) else EXIT_NOTHING

    @property
    def unanswered(self) -> int:
        """Requests without a line, of operators that have lines: what is not offered is answered with skip."""
        silent = Counter(one.case.op for one in self.judged if one.detail == UNANSWERED)
        spoken = {one.case.op for one in self.judged if one.detail != UNANSWERED}
        return sum(count for op, count in silent.items() if op in spoken)

    @property
    def wrong(self) -> list[Judged]:
        """The cases that are wrong or crashed."""
        return [one for one in self.judged if one.verdict in ("wrong", "crashed")]

    def without_refusals(self) -> Verified:
        """Without the cases that must be refused."""
        return Verified(self.name, tuple(one for one in self.judged if one.case.kind != "invalid"), self.remarks)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each operator, numbers only."""
        found = []
        for op in dict.fromkeys(one.case.op for one in self.judged):
            of = [one for one in self.judged if one.case.op == op]
            counts = Counter(one.verdict for one in of)
            answered = [one for one in of if one.verdict in ("right", "wrong")]
            found.append({
                "operator": op, "cases": len(of), **{v: counts[v] for v in ("right", "wrong", "crashed", "not offered")},
                "gradients": sum(one.gradients for one in answered), "asked": sum(len(one.case.grads) for one in answered),
                "ulps": max((one.ulps for one in of), default=0.0),
            })  # fmt: skip
        return found

    def text(self) -> str:
        """The table, and every wrong case with what it was made to catch."""
        head = ("operator", "cases", "right", "wrong", "crashed", "not offered", "gradients", "worst ulp")
        rows = [head]
        for row in self.rows():
            numbers = [str(row[key]) for key in ("cases", "right", "wrong", "crashed", "not offered")]
            rows.append((row["operator"], *numbers, f"{row['gradients']} of {row['asked']}", f"{row['ulps']:.3g}"))
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "-" * max(map(len, lines)))
        for op in dict.fromkeys(one.case.op for one in self.wrong):
            wrong = [one for one in self.wrong if one.case.op == op]
            lines += ["", f"{op}: {len(wrong)} wrong; tags: {_tags(wrong)}"]
            for one in _telling(wrong)[:SHOWN]:
                lines.append(f"  case {one.case.id} [{', '.join(one.case.tags)}] {one.verdict}: {one.detail}")
                lines.append(f"    made to catch: {one.case.note}")
            lines += [f"  and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        lines += [f"note: {remark}" for remark in self.remarks]
        if self.unanswered:
            lines.append(
                f"{self.unanswered} requests have no answer: did the program end early? What is not offered is skipped"
            )
        if self.exit_code == EXIT_NOTHING:
            compared = any(one.compared for one in self.judged)
            lines += [
                "",
                "no gradient was answered" if compared else "nothing was answered: there is nothing to call right",
            ]
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """The same for programs."""
        wrong = [
            {"op": one.case.op, "id": one.case.id, "tags": list(one.case.tags), "verdict": one.verdict,
             "detail": one.detail, "note": one.case.note}
            for one in self.wrong
        ]  # fmt: skip
        return {"format": 1, "name": self.name, "exit_code": self.exit_code, "operators": self.rows(), "wrong": wrong,
                "remarks": list(self.remarks)}  # fmt: skip


def _telling(wrong: list[Judged]) -> list[Judged]:
    """One case of every tag first."""
    first: dict[str, int] = {}
    for place, one in enumerate(wrong):
        for tag in one.case.tags:
            first.setdefault(tag, place)
    ahead = list(dict.fromkeys(first.values()))
    return [wrong[k] for k in ahead] + [one for place, one in enumerate(wrong) if place not in ahead]


def _tags(wrong: list[Judged]) -> str:
    counts = Counter(tag for one in wrong for tag in one.case.tags)
    return ", ".join(f"{tag} {count}" for tag, count in counts.most_common())
