"""Answers in a file: the offline door, for a program in any language."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refimpl.__main__ import main
from refimpl.catalog import OPERATORS
from refimpl.checking import vectors
from refimpl.checking.bits import encode
from refimpl.checking.vectors_export import export

BUDGET = 1_500_000  # bytes, compressed, in the wheel
SWAP = "sorting.swap"
IDS = [op.id for op in OPERATORS]
every_operator = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)


# answers in a file


def answered(path: Path, ops: list[str], change: Callable[[dict[str, Any]], Any] = lambda answer: answer) -> Path:
    """What a right program would have written, each line put through ``change``."""
    lines = []
    for op in ops:
        for case in vectors.load(op):
            answer: dict[str, Any] = {"id": case.request}
            if case.kind == "invalid":
                answer["error"] = "refused"
            else:
                answer["outputs"] = [encode(y) for y in case.outputs]
                answer["grads"] = {name: encode(grad) for name, grad in case.grads.items()}
            changed = change(answer)
            lines += [changed if isinstance(changed, str) else json.dumps(changed)] if changed else []
    path.write_text("\n".join(['{"protocol": 1, "name": "my lib", "ops": ["sorting.swap"]}', *lines]) + "\n")
    return path


def test_right_answers_are_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = answered(tmp_path / "answers.jsonl", IDS)
    assert main(["vectors", "verify", str(path)]) == 0
    assert main(["vectors", "verify", str(path), "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    assert told["name"] == "my lib"
    assert [row["operator"] for row in told["operators"]] == IDS


def test_the_program_that_answers_requests_is_the_one_of_the_protocol(tmp_path: Path) -> None:
    (path,) = export(tmp_path, "requests", IDS)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"hello": True, "protocol": 1}
    cases = {case.request: case for op in OPERATORS for case in vectors.load(op)}
    assert [line["id"] for line in lines[1:]] == list(cases)
    for line in lines[1:]:
        case = cases[line["id"]]
        assert line["case"] == f"{case.op}#{case.id}"
        assert line["op"] == case.op
        assert line["args"].keys() == case.args.keys()
        assert ("cotangents" in line) == (case.cotangents is not None)


def test_unanswered_cases_are_not_offered(tmp_path: Path) -> None:
    path = answered(tmp_path / "answers.jsonl", [SWAP])
    found = vectors.verify(path)
    assert found.exit_code == 0
    assert sum(one.verdict == "not offered" for one in found.judged) == sum(
        len(vectors.load(op)) for op in IDS if op != SWAP
    )
    (tmp_path / "none.jsonl").write_text("")
    assert main(["vectors", "verify", str(tmp_path / "none.jsonl")]) == 5


def test_wrong_answers_say_which_case_and_what_it_was_made_to_catch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = next(case for case in vectors.load(SWAP) if "saturated" in case.tags)

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        if answer["id"] == case.request:
            answer["outputs"][0] = encode(np.minimum(case.args["a"], case.args["b"]) - 1e-9)
        return answer

    path = answered(tmp_path / "answers.jsonl", [SWAP], spoil)
    assert main(["vectors", "verify", str(path)]) == 1
    told = capsys.readouterr().out
    assert f"case {case.id} [saturated] wrong: value at" in told
    assert case.note in told


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (lambda path: path.write_text(path.read_text()[:-40]), 2, "is cut short in line"),
        (lambda path: path.write_text("hello\n" + path.read_text()), 2, "line 1, is no JSON"),
        (lambda path: path.write_text(path.read_text().replace('"protocol": 1', '"protocol": 2')), 2, "protocol 2"),
        (lambda path: path.write_text('{"protocol": 1, "name": "x", "ops": ["sorting.swop"]}\n'), 2, "sorting.swap"),
        (lambda path: path.write_text('{"id": 7, "op": "sorting.swop"}\n'), 2, "did you mean sorting.swap"),
        (lambda path: path.write_text('{"id": 7}\n'), 2, "no case has the request id 7"),
        (lambda path: path.write_text('{"outputs": []}\n'), 2, "has no id"),
        (lambda path: path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n"), 2, "answered twice"),
        (lambda path: path.write_text("[1]\n"), 2, "no JSON object"),
        (lambda path: path.unlink(), 2, "cannot read"),
    ],
    ids=[
        "cut",
        "noise",
        "protocol",
        "unknown in handshake",
        "unknown op",
        "unknown id",
        "no id",
        "twice",
        "list",
        "gone",
    ],
)
def test_a_file_that_is_no_answer(
    change: Callable[[Path], Any], code: int, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answered(tmp_path / "answers.jsonl", [SWAP])
    change(path)
    assert main(["vectors", "verify", str(path)]) == code
    assert text in capsys.readouterr().err


def test_one_bad_answer_is_a_crash_and_the_others_are_still_judged(tmp_path: Path) -> None:
    first = vectors.load(SWAP)[0].request
    path = answered(tmp_path / "a.jsonl", [SWAP], lambda a: {"id": first, "outputs": 3} if a["id"] == first else a)
    found = vectors.verify(path, [SWAP])
    assert found.exit_code == 4
    assert sum(one.verdict == "right" for one in found.judged) == len(found.judged) - 1
