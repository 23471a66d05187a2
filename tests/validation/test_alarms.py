"""The false-alarm run: its doors are right, and it would see an alarm."""

import json
import subprocess
import sys

import numpy as np
import pytest

from refimpl.catalog import OPERATORS
from refimpl.checking import check
from refimpl.checking.bits import decode, encode, encode_args
from refimpl.checking.implementation import from_callable
from refimpl.sorting import swap
from validation.alarms.__main__ import checks, is_alarm, judged
from validation.alarms.doors import DOORS
from validation.alarms.serve import answer

EVERY = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
ARGS = {"a": np.array([0.3]), "b": np.array([0.1]), "cdf": "logistic", "beta": 2.0}


@EVERY
@pytest.mark.parametrize("door", [door for door in DOORS if door.name in ("rounded", "float32")], ids=lambda d: d.name)
def test_doors_are_right_and_no_alarm(op, door) -> None:
    report = check(op, door.open()(op), samples=2, cases=False)
    assert not is_alarm(report), report.text()


def test_an_alarm_would_be_seen() -> None:
    def wrong(*args, **keywords):
        y, pullback = swap.vjp(*args, **keywords)
        return y, lambda g: pullback(g)._replace(beta=None if (found := pullback(g).beta) is None else 1.01 * found)

    report, counts = judged(swap, from_callable(swap, wrong), 0, named=False)
    assert is_alarm(report)
    assert counts["float64"] > 300

    def crashes(*args, **keywords):
        raise RuntimeError("no")

    report, counts = judged(swap, from_callable(swap, crashes), 0, named=False)
    assert is_alarm(report)
    assert checks({"callable": counts}) == 0  # nothing ran, nothing is counted


def test_checks_are_verdicts_not_entries() -> None:
    report, counts = judged(swap, from_callable(swap, swap.vjp), 0, named=False)
    assert not is_alarm(report)
    assert 0 < checks({"callable": counts}) < report.checks


def test_the_program_answers_and_refuses() -> None:
    request = {"id": 7, "op": swap.id, "args": encode_args(ARGS)}
    y, pullback = swap.vjp(**ARGS)
    found = answer({**request, "cotangents": [encode(np.ones(1)), encode(-np.ones(1))]})
    assert [decode(one).tolist() for one in found["outputs"]] == [one.tolist() for one in y]
    assert decode(found["grads"]["a"]).tolist() == pullback((np.ones(1), -np.ones(1))).a.tolist()
    assert "lam" not in found["grads"]
    assert "grads" not in answer(request)
    assert "expected" in answer({**request, "args": {**request["args"], "beta": encode(-1.0)}})["error"]
    assert "skip" in answer({"id": 8, "op": "sorting.nothing", "args": {}})


def test_the_program_speaks_json_lines() -> None:
    lines = [
        json.dumps(one) for one in ({"hello": True, "protocol": 1}, {"id": 1, "op": swap.id, "args": encode_args(ARGS)})
    ]
    command = [sys.executable, "-m", "validation.alarms.serve"]
    spoken = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    hello, found = map(json.loads, spoken.splitlines())
    assert hello["ops"] == [op.id for op in OPERATORS]
    assert found["id"] == 1
    assert len(found["outputs"]) == 2
