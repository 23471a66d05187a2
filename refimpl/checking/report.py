"""What a check found, as a person reads it and as a program does."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from refimpl.checking.bits import encode_args
from refimpl.checking.evidence import Diagnosis

Verdict = Literal["right", "wrong", "cannot tell", "vacuous", "not offered", "crashed"]
# Of several subjects the gravest verdict counts. About one subject, one sample that settles it outweighs those that
# could not: finite differences are blind where a sigmoid is saturated, and say so.
ACROSS: tuple[Verdict, ...] = ("crashed", "wrong", "cannot tell", "right", "vacuous", "not offered")
WITHIN: tuple[Verdict, ...] = ("crashed", "wrong", "right", "cannot tell", "vacuous", "not offered")

EXIT_RIGHT, EXIT_WRONG, EXIT_USAGE, EXIT_CANNOT_TELL, EXIT_CRASHED, EXIT_NOTHING, EXIT_STALE, EXIT_DISAGREE = range(8)


@dataclass(frozen=True)
class Finding:
    """One verdict: of one oracle, about one subject ("value", an argument's name, a law, the contract)."""

    subject: str
    oracle: str  # "reference" | "finite differences" | "law" | "contract" | "case"
    verdict: Verdict
    checked: int = 0
    ulps: float = 0.0  # worst gauged ulps seen, where the oracle counts in ulps
    detail: str = ""


@dataclass
class Tally:
    """What one oracle has said about one subject so far."""

    checked: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    ulps: float = 0.0
    details: list[str] = field(default_factory=list)  # of the gravest verdict so far, at most three kinds

    def add(self, verdict: Verdict, checked: int = 1, ulps: float = 0.0, detail: str = "") -> None:
        before, after = settled(self.verdicts), settled([*self.verdicts, verdict])
        if detail and (not self.verdicts or before != after):
            self.details = [detail]
        elif detail and verdict == after and len(self.details) < 3:
            if _kind(detail) not in map(_kind, self.details):
                self.details.append(detail)
        self.verdicts.append(verdict)
        self.checked += checked
        self.ulps = max(self.ulps, ulps)

    def finding(self, subject: str, oracle: str) -> Finding:
        verdict, doubts = settled(self.verdicts), self.verdicts.count("cannot tell")
        detail = f"{doubts} could not be told" if verdict == "right" and doubts else "; ".join(self.details)
        return Finding(
            subject, oracle, verdict, self.checked, self.ulps, "" if verdict == "right" and not doubts else detail
        )


def _kind(detail: str) -> str:
    """What a remark is about, without its numbers: one of each kind is enough."""
    return detail.split(":")[0].split(";")[0].lstrip("0123456789 of")


@dataclass(frozen=True)
class Report:
    """All findings about one implementation of one operator."""

    operator: str
    implementation: str
    findings: tuple[Finding, ...]
    diagnoses: dict[str, Diagnosis] = field(default_factory=dict)  # by argument, or "value"
    not_checked: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()  # oracles that contradict each other: the library's bug, not yours
    example: dict[str, Any] | None = None  # the smallest failing input
    seed: int = 0
    gradients: tuple[str, ...] = ()  # the differentiable arguments

    @property
    def verdict(self) -> Verdict:
        """The gravest of all; right only if at least one gradient was offered and judged."""
        offered = [self.by_argument.get(name, "not offered") for name in self.gradients]
        if offered and all(verdict == "not offered" for verdict in offered) and self._gravest == "right":
            return "not offered"
        return self._gravest

    @property
    def _gravest(self) -> Verdict:
        return min(self.by_argument.values(), key=ACROSS.index, default="vacuous")

    @property
    def checks(self) -> int:
        return sum(finding.checked for finding in self.findings)

    @property
    def by_argument(self) -> dict[str, Verdict]:
        """The verdict on every subject: the value, each argument's gradient, the contract, the laws."""
        subjects = dict.fromkeys(finding.subject for finding in self.findings)
        return {name: settled([f.verdict for f in self.findings if f.subject == name]) for name in subjects}

    @property
    def exit_code(self) -> int:
        if self.disagreements:
            return EXIT_DISAGREE
        return {
            "crashed": EXIT_CRASHED,
            "wrong": EXIT_WRONG,
            "right": EXIT_RIGHT,
            "cannot tell": EXIT_RIGHT,
            "vacuous": EXIT_NOTHING,
            "not offered": EXIT_NOTHING,
        }[self.verdict]

    def raise_if_wrong(self) -> None:
        """For use inside one's own tests; that nothing was offered is not right either."""
        if self.exit_code != EXIT_RIGHT:
            raise AssertionError(self.text())

    def text(self) -> str:
        """The whole report."""
        lines = [
            f"{self.operator}: {self.implementation} is {self.verdict.upper()}  ({self.checks} checks, seed {self.seed})"
        ]
        width = max((len(f.subject) for f in self.findings), default=0)
        for finding in self.findings:
            size = f"  worst {finding.ulps:.3g} ulp" if finding.ulps else ""
            text = f"  {finding.detail}" if finding.detail else ""
            counted = f"{finding.checked:>5} checks{size}{text}"
            lines.append(f"  {finding.subject:<{width}}  {finding.verdict:<11}  {finding.oracle:<18}  {counted}")
        for subject, diagnosis in self.diagnoses.items():
            lines.append(f"  diagnosis, {subject}: {diagnosis.kind}. {diagnosis.sentence} {diagnosis.hint}")
        for kind in dict.fromkeys(diagnosis.kind for diagnosis in self.diagnoses.values()):
            lines.append(f"  next: refimpl explain {kind}")
        for disagreement in self.disagreements:
            lines.append(f"  ORACLES DISAGREE (please report this): {disagreement}")
        if self.example is not None:
            lines.append("  smallest failing input, to paste (--save FOLDER keeps it for refimpl replay):")
            lines.append(f"    {self.reproduction()}")
        if self.not_checked:
            lines.append(f"  not checked: {'; '.join(self.not_checked)}")
        return "\n".join(lines)

    def reproduction(self) -> str:
        """A line of Python that calls the reference on the smallest failing input, to the last bit."""
        if self.example is None:
            return ""
        arguments = ", ".join(f"{name}={literal(value)}" for name, value in self.example.items())
        return f"y, pullback = refimpl.{self.operator}.vjp({arguments})"

    def json(self) -> dict[str, Any]:
        """The report with a stable schema, numbers and strings only."""
        return {
            "format": 1,
            "operator": self.operator,
            "implementation": self.implementation,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "checks": self.checks,
            "seed": self.seed,
            "by_argument": self.by_argument,
            "findings": [asdict(finding) for finding in self.findings],
            "diagnoses": {
                k: {"kind": d.kind, "sentence": d.sentence, "hint": d.hint} for k, d in self.diagnoses.items()
            },
            "disagreements": list(self.disagreements),
            "not_checked": list(self.not_checked),
            "example": None if self.example is None else encode_args(self.example),
            "reproduction": self.reproduction(),
        }


def literal(value: Any) -> str:
    """Python that makes this argument again, every digit of it."""
    if isinstance(value, np.ndarray):
        numbers = np.array2string(
            value, separator=", ", threshold=value.size + 1, max_line_width=10**9, floatmode="unique",
            formatter={"float_kind": lambda number: repr(float(number)).replace("nan", "np.nan").replace("inf", "np.inf")},
        )  # fmt: skip
        shaped = f".reshape{value.shape}" if value.size == 0 else ""
        return f"np.array({numbers}, np.{value.dtype}){shaped}".replace("\n", "")
    value = value.item() if isinstance(value, np.generic) else value
    return repr(value) if not isinstance(value, float) or math.isfinite(value) else f"float({str(value)!r})"


def settled(verdicts: list[Verdict]) -> Verdict:
    """What several verdicts about one subject amount to; none at all: vacuous."""
    return min(verdicts, key=WITHIN.index, default="vacuous")


def table(reports: list[Report]) -> str:
    """One line an implementation: what people look at first."""
    rows = [("operator", "implementation", "verdict", "checks", "worst ulp", "remarks")]
    for report in reports:
        ulps = max((f.ulps for f in report.findings), default=0.0)
        remarks = "; ".join(f"{subject}: {d.kind}" for subject, d in report.diagnoses.items())
        wrong = [name for name, verdict in report.by_argument.items() if verdict == "wrong"]
        single = any(f.oracle == "reference in float32" and f.subject == "value" for f in report.findings)
        doubt = [name for name, verdict in report.by_argument.items() if verdict == "cannot tell"]
        missing = [name for name, verdict in report.by_argument.items() if verdict == "not offered"]
        parts = [remarks or ("wrong in " + ", ".join(wrong) if wrong else "")]
        parts.append("crashes" if "crashed" in report.by_argument.values() else "")
        parts.append("judged in float32 only" if single else "")
        parts.append("cannot tell " + ", ".join(doubt) if doubt else "")
        parts.append("not offered: " + ", ".join(missing) if missing else "")
        parts.append("ORACLES DISAGREE" if report.disagreements else "")
        remarks = "; ".join(part for part in parts if part)
        rows.append(
            (report.operator, report.implementation, report.verdict, str(report.checks), f"{ulps:.3g}", remarks)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def exit_code(reports: list[Report]) -> int:
    """One code for several reports: disagreement, crash, wrong, then nothing ran; else right."""
    codes = [report.exit_code for report in reports]
    for code in (EXIT_DISAGREE, EXIT_CRASHED, EXIT_WRONG):
        if code in codes:
            return code
    return EXIT_RIGHT if EXIT_RIGHT in codes else EXIT_NOTHING
