"""The list of known failures: a JSON file that must stay true.

    {"format": 1, "failures": [{"id": "sorting.swap-gradient-of-beta", "verdict": "wrong", "signature": "constant_factor",
                                "reason": "beta is shared", "input": {"sizes": {"n": 3, "cdf": 2}, "seed": 7}}]}

``id`` and ``reason`` are needed, and verdict is wrong unless said. A listed check that passes (stale), fails otherwise
than listed (changed), did not run, or does not exist (unmatched) is itself a failure. ``input`` is where it failed when
the file was written: a listed check is tried there first, and only there if it still fails.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from refimpl.suite.outcome import Outcome

FORMAT = 1
UNEXPLAINED = "not explained yet"


class BadList(ValueError):  # noqa: N818
    """The file is no list of known failures."""


@dataclass(frozen=True)
class Entry:
    """One listed failure."""

    id: str
    reason: str
    verdict: str = "wrong"
    signature: str | None = None  # None: any
    input: dict[str, Any] | None = None


class Known:
    """The listed failures, by check id."""

    def __init__(self, entries: Iterable[Entry] = (), path: str = "") -> None:
        self.entries, self.path = {entry.id: entry for entry in entries}, path

    def __len__(self) -> int:
        return len(self.entries)

    def input_of(self, check: str) -> dict[str, Any] | None:
        """Where a listed check is tried first."""
        entry = self.entries.get(check)
        return entry.input if entry else None

    def judged(self, outcome: Outcome) -> Outcome:
        """The outcome, with what the list makes of it."""
        entry = self.entries.get(outcome.id)
        if entry is None:
            return outcome
        if not outcome.ran:
            return replace(outcome, listed="did not run", remark=f"It is {outcome.verdict}; take it off the list")
        if not outcome.failed:
            return replace(outcome, listed="stale", remark=f"It is {outcome.verdict} now; take it off the list")
        if outcome.verdict != entry.verdict or entry.signature not in (None, outcome.signature):
            was = f"{entry.verdict}, {entry.signature}" if entry.signature else entry.verdict
            now = f"{outcome.verdict}, {outcome.signature}"
            return replace(outcome, listed="changed", remark=f"Listed as {was}; it is {now}")
        return replace(outcome, listed="expected", remark=entry.reason)

    def unmatched(self, checks: Sequence[str]) -> list[str]:
        """A line for every entry that is no check, with the nearest ids."""
        lines = []
        for name in self.entries:
            if name not in checks:
                near = difflib.get_close_matches(name, checks, n=3, cutoff=0.5)
                lines.append(f"{name} is no check" + (f"; did you mean {', '.join(near)}?" if near else ""))
        return lines


def read(path: Path) -> Known:
    """The list in a file; whatever else it holds is refused in words."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise BadList(f"cannot read {path}: {failure.strerror}; --update writes it") from failure
    except ValueError as failure:
        raise BadList(f"{path} is no JSON: {failure}") from failure
    if not isinstance(content, Mapping) or content.get("format") != FORMAT or not isinstance(
        content.get("failures"), list
    ):  # fmt: skip
        raise BadList(f'{path} is no list of known failures; expected {{"format": {FORMAT}, "failures": [...]}}')
    entries: dict[str, Entry] = {}
    for number, raw in enumerate(content["failures"]):
        entry = _entry(f"{path}, entry {number}", raw)
        if entry.id in entries:
            raise BadList(f"{path}, entry {number}: {entry.id} is listed twice")
        entries[entry.id] = entry
    return Known(entries.values(), str(path))


def _entry(where: str, raw: Any) -> Entry:
    if not isinstance(raw, Mapping) or not all(isinstance(raw.get(k), str) and raw[k] for k in ("id", "reason")):
        raise BadList(f"{where}: expected an object with the texts id and reason")
    verdict, signature, at = raw.get("verdict", "wrong"), raw.get("signature"), raw.get("input")
    if verdict not in ("wrong", "crashed"):
        raise BadList(f"{where}: verdict is {verdict!r}; expected wrong or crashed")
    if not (signature is None or isinstance(signature, str)):
        raise BadList(f"{where}: signature is {signature!r}; expected a text")
    if not (at is None or (isinstance(at, Mapping) and isinstance(at.get("sizes"), Mapping))):
        raise BadList(f"{where}: input is {at!r}; expected an object with sizes and seed")
    return Entry(raw["id"], raw["reason"], verdict, signature, None if at is None else dict(at))


def write(path: Path, outcomes: Sequence[Outcome], before: Known) -> Known:
    """The failures of a full run, as the new list; reasons that were given are kept."""
    entries = []
    for outcome in outcomes:
        if outcome.failed:
            old = before.entries.get(outcome.id)
            reason = old.reason if old else UNEXPLAINED
            entries.append(Entry(outcome.id, reason, outcome.verdict, outcome.signature, outcome.telling))
    failures = [
        {"id": e.id, "verdict": e.verdict, "signature": e.signature, "reason": e.reason}
        | ({"input": e.input} if e.input else {})
        for e in entries
    ]
    path.write_text(json.dumps({"format": FORMAT, "failures": failures}, indent=1) + "\n", encoding="utf-8")
    return Known(entries, str(path))
