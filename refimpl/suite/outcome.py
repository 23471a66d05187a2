"""What one check found out, and how it is handed from process to process."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from refimpl.checking.report import Verdict

FAILED = ("wrong", "crashed")
RAN = ("right", "wrong", "cannot tell", "crashed")

Listed = Literal["", "expected", "stale", "changed", "did not run"]


class Found(NamedTuple):
    """What one input showed."""

    verdict: Verdict
    detail: str = ""
    disagreements: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return self.verdict in FAILED

    @property
    def costly(self) -> bool:
        """A program died, hung or lost the thread: it bears only so many of these, so no smaller input is looked for."""
        return self.verdict == "crashed" and self.detail.startswith(("Died:", "Silent:", "Garbage:"))


@dataclass(frozen=True)
class Outcome:
    """The verdict of one check. ``sizes`` and ``seed`` are the smallest failing input, None for a named one."""

    id: str
    operator: str
    aspect: str
    verdict: Verdict
    examples: int = 0
    detail: str = ""
    signature: str = ""  # the kind of failure in few words that stay the same from run to run
    sizes: dict[str, int] | None = None
    seed: int = 0
    telling: dict[str, Any] | None = None  # sizes and seed of the failing input that the signature is about
    shown: str = ""  # the failing input as text
    args: dict[str, Any] | None = None  # the failing input in bits
    reproduction: str = ""
    disagreement: str = ""
    seconds: float = 0.0
    listed: Listed = ""  # what the list of known failures makes of it
    remark: str = ""  # the reason given there, or what is wrong with the entry

    @property
    def ran(self) -> bool:
        return self.verdict in RAN

    @property
    def failed(self) -> bool:
        return self.verdict in FAILED

    @property
    def unexpected(self) -> bool:
        """A failure that nobody listed, or listed as another."""
        return self.failed and self.listed != "expected"

    def text(self) -> str:
        """The failure as a person wants it: what, why, where, and how to see it again."""
        lines = [f"{self.id} is {self.verdict.upper()}: {self.detail or self.signature}"]
        lines += [f"  known failures: {self.listed}. {self.remark}"] if self.listed else []
        lines += [f"  kind: {self.signature}"] if self.signature and self.signature not in self.detail else []
        lines += [f"  smallest failing input: {self.shown}"] if self.shown else []
        lines += [f"  ORACLES DISAGREE (please report this): {self.disagreement}"] if self.disagreement else []
        lines += [f"  again: {self.reproduction}"] if self.reproduction else []
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        return asdict(self)


def kind_of(detail: str) -> str:
    """The words of the first clause: a text that does not change with the numbers of the day."""
    clause = re.split(r"[:;]", detail, maxsplit=1)[0]
    return " ".join(re.findall(r"[A-Za-z_']+", re.sub(r"^\d+ of \d+ ", "", clause)))
