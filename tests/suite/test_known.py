"""The list of known failures: it must be true, entry by entry, and says so in words where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import swap_ports as ports

from refimpl.checking.report import (
    EXIT_CANNOT_TELL,
    EXIT_CRASHED,
    EXIT_DISAGREE,
    EXIT_NOTHING,
    EXIT_RIGHT,
    EXIT_STALE,
    EXIT_WRONG,
)
from refimpl.suite import Suite
from refimpl.suite.known import BadList, Entry, Known, read, write
from refimpl.suite.outcome import Outcome
from refimpl.suite.summary import Summary

ID = "sorting.swap-gradient-of-a"


def one(verdict, signature="constant_factor", **more) -> Outcome:
    return Outcome(ID, "sorting.swap", "gradient of a", verdict, signature=signature, **more)


def code(outcome: Outcome, *entries: Entry, checks=(ID,), **more) -> int:
    known = Known(entries)
    return Summary("x", (known.judged(outcome),), problems=tuple(known.unmatched(checks)), **more).exit_code


LISTED = Entry(ID, "why", "wrong", "constant_factor")


@pytest.mark.parametrize(
    ("outcome", "entries", "listed", "expected"),
    [
        (one("wrong"), (LISTED,), "expected", EXIT_RIGHT),
        (one("wrong", "anything"), (Entry(ID, "why"),), "expected", EXIT_RIGHT),
        (one("right", ""), (LISTED,), "stale", EXIT_STALE),
        (one("cannot tell", ""), (LISTED,), "stale", EXIT_STALE),
        (one("wrong", "not_linear"), (LISTED,), "changed", EXIT_STALE),
        (one("crashed"), (LISTED,), "changed", EXIT_STALE),
        (one("not offered"), (LISTED,), "did not run", EXIT_STALE),
        (one("vacuous"), (LISTED,), "did not run", EXIT_STALE),
        (one("wrong"), (), "", EXIT_WRONG),
        (one("crashed"), (), "", EXIT_CRASHED),
        (one("right", ""), (), "", EXIT_RIGHT),
        (one("not offered"), (), "", EXIT_NOTHING),
        (one("wrong", disagreement="!"), (LISTED,), "expected", EXIT_DISAGREE),
    ],
)
def test_each_way_an_entry_can_meet_its_check(outcome, entries, listed, expected) -> None:
    assert Known(entries).judged(outcome).listed == listed
    assert code(outcome, *entries) == expected


def test_an_entry_that_is_no_check_is_a_failure_with_the_nearest_ids() -> None:
    entry = Entry("sorting.swap-gradient-of-c", "why")
    assert code(one("right"), entry) == EXIT_STALE
    (line,) = Known([entry]).unmatched([ID])
    assert line == f"sorting.swap-gradient-of-c is no check; did you mean {ID}?"


def test_a_floor_is_kept_and_doubts_count_only_if_asked() -> None:
    assert code(one("right"), floor=2) == EXIT_NOTHING
    assert code(one("cannot tell")) == EXIT_RIGHT
    assert code(one("cannot tell"), strict=True) == EXIT_CANNOT_TELL
    assert "NOTHING WAS CHECKED" in Summary("x", (one("not offered"),)).text()
    assert "FEWER THAN THE FLOOR" in Summary("x", (one("right"),), floor=2).text()


def test_what_is_written_is_true_and_keeps_its_reasons(tmp_path: Path) -> None:
    path, suite = tmp_path / "known.json", Suite(ports.TWICE, "sorting.swap", ports.ONLY, examples=2)
    outcomes = [suite.run(check) for check in suite.checks]
    first = write(path, outcomes, Known([Entry(ID, "twice on purpose")]))
    assert read(path).entries == first.entries
    assert first.entries[ID].reason == "twice on purpose"
    assert first.entries[ID].signature == "constant_factor"
    again = [first.judged(suite.run(check, first.input_of(check.id))) for check in suite.checks]
    assert {outcome.listed for outcome in again if outcome.failed} == {"expected"}
    assert Summary("twice", tuple(again)).exit_code == EXIT_RIGHT
    right = Suite(ports.RIGHT, "sorting.swap", ports.ONLY, examples=2)
    mended = [first.judged(right.run(check, first.input_of(check.id))) for check in right.checks]
    assert Summary("right", tuple(mended)).exit_code == EXIT_STALE
    assert {outcome.listed for outcome in mended} == {"", "stale"}


def test_a_known_failure_is_tried_at_one_input_only(tmp_path: Path) -> None:
    calls = 0

    def counting(a, b, *, cdf, beta):
        nonlocal calls
        calls += 1
        return ports.twice(a, b, cdf=cdf, beta=beta)

    suite = Suite({"sorting.swap": counting}, "sorting.swap", ports.ONLY)
    (check,) = (check for check in suite.checks if check.id == ID)
    fresh = suite.run(check)
    before, calls = calls, 0
    replayed = suite.run(check, fresh.telling)
    assert replayed.examples == 1
    assert calls <= before
    assert replayed.signature == fresh.signature


def test_an_entry_whose_input_no_longer_fails_is_searched_for_anew() -> None:
    suite = Suite({"sorting.swap": ports.later_rows}, "sorting.swap", ports.ONLY)
    (check,) = (check for check in suite.checks if check.aspect == "batch")
    assert suite.run(check, {"sizes": {"no such size": 1}, "seed": 0}).failed


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "no JSON"),
        ("[]", "no list of known failures"),
        ({"format": 2, "failures": []}, "no list of known failures"),
        ({"format": 1, "failures": [{"id": "x"}]}, "entry 0: expected an object with the texts id and reason"),
        ({"format": 1, "failures": [{"id": "x", "reason": ""}]}, "entry 0: expected an object"),
        ({"format": 1, "failures": [{"id": "x", "reason": "y", "verdict": "right"}]}, "expected wrong or crashed"),
        ({"format": 1, "failures": [{"id": "x", "reason": "y", "signature": 3}]}, "signature is 3"),
        ({"format": 1, "failures": [{"id": "x", "reason": "y", "input": 3}]}, "input is 3"),
        ({"format": 1, "failures": 2 * [{"id": "x", "reason": "y"}]}, "entry 1: x is listed twice"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content, says) -> None:
    path = tmp_path / "known.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(BadList, match=says):
        read(path)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadList, match="cannot read"):
        read(tmp_path / "none.json")
