"""A failing input as a file, and its replay: the same arguments and cotangent, against the reference, number by number.

The file is JSON with arrays in bits (``refimpl.checking.bits``), so that what failed is what is replayed, on any machine
and in any language.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refimpl import boundary
from refimpl.checking.bits import BadBits, decode, decode_args, encode, encode_args
from refimpl.checking.checker import report_of
from refimpl.checking.compare import Array
from refimpl.checking.doors import one_operator
from refimpl.checking.implementation import Implementation, reference
from refimpl.checking.packing import pack, parts
from refimpl.checking.report import Report
from refimpl.checking.trial import Trials
from refimpl.op import AnyOp, Values

FORMAT = 1
SHOWN = 8  # entries of an array that are printed


@dataclass(frozen=True)
class Saved:
    """One input of one operator: its arguments and the cotangent of its outputs (packed)."""

    operator: AnyOp
    args: Values
    cotangent: Array
    note: str = ""


def save(report: Report, path: Path) -> None:
    """Write the smallest failing input of a report."""
    if report.example is None:
        raise ValueError(f"{report.operator}: this report has no failing input to save")
    op = one_operator(report.operator)
    y = reference(op).run(report.example).y
    g = np.random.default_rng([report.seed, 1]).standard_normal(y.shape)
    content = {
        "format": FORMAT,
        "op": op.id,
        "args": encode_args(report.example),
        "cotangents": [encode(part) for part in parts(op, report.example, g)],
        "note": f"{report.implementation}: {report.verdict}",
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Saved:
    """Read what ``save`` wrote; whatever else it finds it refuses in words."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise LookupError(f"cannot read {path}: {failure.strerror}") from failure
    except ValueError as failure:
        raise LookupError(f"{path} is no JSON: {failure}") from failure
    if not isinstance(content, dict) or not {"format", "op", "args", "cotangents"} <= set(content):
        raise LookupError(f"{path} is no saved case: expected format, op, args and cotangents")
    if content["format"] != FORMAT:
        raise LookupError(f"{path} has format {content['format']!r}; this version reads {FORMAT}")
    op = one_operator(content["op"])
    try:
        found = [decode(part, f"cotangent {number}") for number, part in enumerate(content["cotangents"])]
        args = decode_args(content["args"])
    except BadBits as failure:
        raise LookupError(f"{path}: {failure}") from failure
    if len(found) != len(op.outputs):
        raise LookupError(f"{path} has {len(found)} cotangents; {op.id} has {len(op.outputs)} outputs")
    return Saved(op, args, pack(op, tuple(found)), str(content.get("note", "")))


def replay(saved: Saved, implementation: Implementation | None = None) -> Report:
    """Everything the checks ask of one input, asked of this one."""
    subject = implementation or reference(saved.operator)
    trials = Trials(saved.operator, subject, seed=0, slack=None)
    with boundary.poisoned(), np.errstate(all="ignore"):
        trials.trial(saved.args, {"replayed": 1})
        trials.trial32(saved.args)
    return report_of(trials, {}, ("every other input",))


def side_by_side(saved: Saved, implementation: Implementation) -> str:
    """The implementation's numbers beside the reference's: value and every gradient, the first entries of each."""
    with np.errstate(all="ignore"):
        truth = reference(saved.operator).run(saved.args)
        answer = implementation.run(saved.args)
        want, got = truth.pull(saved.cotangent), answer.pull(saved.cotangent)
    rows: list[tuple[str, Array | None, Array]] = [("value", answer.y, truth.y)]
    rows += [
        (f"gradient of {name}", got.get(name), gradient) for name, gradient in want.items() if gradient is not None
    ]
    lines = []
    for what, theirs, ours in rows:
        lines.append(f"  {what}, shape {np.shape(ours)}")
        if theirs is None:
            lines.append("    not offered")
        elif np.shape(theirs) != np.shape(ours):
            lines.append(f"    has shape {np.shape(theirs)}")
        else:
            pairs = list(zip(np.ravel(theirs), np.ravel(ours), strict=True))
            lines += [f"    {a:< 25.17g} want {b:< 25.17g} off by {a - b:.3g}" for a, b in pairs[:SHOWN]]
            lines += [f"    ... and {len(pairs) - SHOWN} more"] if len(pairs) > SHOWN else []
    return "\n".join(lines)
