"""Every reproduced number of validation/papers holds; the program that prints them fails when one does not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from validation import papers
from validation.papers import TABLES
from validation.papers.__main__ import RESULTS, main, markdown, plain
from validation.papers.row import Row, at_least, at_most, number, rounded, text, word


@pytest.mark.parametrize("title", TABLES)
def test_table(title: str) -> None:
    rows = TABLES[title]()
    assert rows, "nothing was compared"
    drifted = [f"{row.what}: printed {text(row.printed)}, ours {text(row.ours)}" for row in rows if not row.ok]
    assert not drifted, "\n".join(drifted)
    assert all(row.reason and row.source and row.what for row in rows)


def test_rows_refuse_what_is_off() -> None:
    assert number("s", "w", 0.0696, 0.06961614, rounded(4), "r").ok
    assert not number("s", "w", 0.0697, 0.06961614, rounded(4), "r").ok
    assert not number("s", "w", 1.0, math.nan, 1.0, "r").ok
    assert at_most("s", "w", 1.0, 1.0, 0.0, "r").ok
    assert not at_most("s", "w", 1.0, 1.1, 0.05, "r").ok
    assert not at_most("s", "w", 1.0, math.nan, 0.05, "r").ok
    assert at_least("s", "w", 1.0, 1.0, 0.0, "r").ok
    assert not at_least("s", "w", 1.0, 0.9, 0.05, "r").ok
    assert not word("s", "w", "yes", "no", "r").ok


def one(*, ok: bool) -> Row:
    return number("a | b", "w", 1.0, 1.0 if ok else 2.0, 0.5, "r")


def test_a_drift_is_an_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(papers.__main__, "TABLES", {"t": lambda: [one(ok=True)]})
    assert main([]) == 0
    monkeypatch.setattr(papers.__main__, "TABLES", {"t": lambda: [one(ok=True), one(ok=False)]})
    assert main([]) == 1
    assert "DRIFT a | b: w: printed 1, ours 2" in capsys.readouterr().out
    monkeypatch.setattr(papers.__main__, "TABLES", {"t": list})
    assert main([]) == 2, "nothing compared is not green"


def test_markdown_is_written_and_holds_every_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(papers.__main__, "TABLES", {"t": lambda: [one(ok=True)]})
    monkeypatch.setattr(papers.__main__, "RESULTS", tmp_path / "RESULTS.md")
    assert main(["--markdown"]) == 0
    written = (tmp_path / "RESULTS.md").read_text()
    assert written == markdown({"t": [one(ok=True)]})
    assert "| a &#124; b | w | 1 | 1 | 0.5 | ok | r |" in written
    assert len(plain([one(ok=True)])) == 3


def test_the_committed_results_list_every_table() -> None:
    headings = [line[3:] for line in RESULTS.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert headings == list(TABLES)
