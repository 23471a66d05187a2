"""Answers in a file: what a program wrote when it was fed the requests of ``refimpl vectors export --as requests``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl import catalog
from refimpl.checking.bits import decode
from refimpl.checking.implementation import CannotLoad
from refimpl.checking.protocol import introduction
from refimpl.checking.vectors_format import BadVectors
from refimpl.checking.vectors_judge import Given


@dataclass(frozen=True)
class Answers:
    """All answers in a file."""

    name: str
    by_request: dict[int, Given]
    remarks: tuple[str, ...] = ()


def answers_of(path: Path, known: set[int]) -> Answers:
    """The answers in a file; a message says which line is no answer."""
    found: dict[int, Given] = {}
    name, remarks = str(path), list[str]()
    for number, row, record in _lines(path):
        where = f"{path}, line {number}"
        if "protocol" in record:
            try:
                said = introduction(row.encode())
            except CannotLoad as failure:
                raise BadVectors(f"{where}: the program {failure}") from failure
            name, remarks = said.name, [unknown(op) for op in said.unknown]
            continue
        request = record.get("id")
        if type(request) is not int:
            raise BadVectors(f"{where}: the answer has no id; copy the one of the request")
        if request not in known:
            raise BadVectors(f"{where}: {_stranger(record)}")
        if request in found:
            raise BadVectors(f"{where}: request {request} is answered twice")
        found[request] = given(record)
    return Answers(name, found, tuple(remarks))


def _lines(path: Path) -> list[tuple[int, str, dict[str, Any]]]:
    """Line numbers, lines and the objects on them."""
    try:
        rows = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as failure:
        raise BadVectors(f"cannot read {path}: {failure}") from failure
    found = []
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        try:
            record = json.loads(row)
        except (ValueError, RecursionError) as failure:
            if number == len(rows):
                raise BadVectors(f"{path} is cut short in line {number}: {failure}") from failure
            raise BadVectors(f"{path}, line {number}, is no JSON: {failure}; write nothing but answers") from failure
        if not isinstance(record, dict):
            raise BadVectors(f"{path}, line {number}, is no JSON object: {row[:60]}")
        found.append((number, row, record))
    return found


def _stranger(record: Mapping[str, Any]) -> str:
    """Why an answer is about no case."""
    op = str(record.get("op") or record.get("case") or "").partition("#")[0]
    if op and op not in [operator.id for operator in catalog.OPERATORS]:
        return unknown(op)
    return f"no case has the request id {record['id']}; were the requests exported from these vectors?"


def unknown(op: str) -> str:
    """A name that no operator has, and the nearest ones."""
    ids = [operator.id for operator in catalog.OPERATORS]
    near = difflib.get_close_matches(op, ids, n=3, cutoff=0.4)
    return f"no operator {op!r}; " + (f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(ids)}")


def given(record: Mapping[str, Any]) -> Given:
    """What an answer says; a part of it that cannot be read makes it a crash, not a wrong number."""
    if "skip" in record:
        return Given(skip=str(record["skip"]) or "skipped")
    if "error" in record:
        return Given(error=str(record["error"])[:300] or "an error without a text")
    try:
        outputs = [decode(y, f"output {k}") for k, y in enumerate(record["outputs"])]
        grads = {n: decode(g, f"gradient of {n}") for n, g in dict(record.get("grads") or {}).items() if g is not None}
    except (KeyError, TypeError, ValueError) as failure:
        return Given(broken=f"no answer: {type(failure).__name__}: {failure}"[:300])
    return Given(outputs, grads)
