"""Are vector files what they should be (``lint``), and what is different between two folders of them (``diff``)?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.checking.bits import BadBits, decode, decode_args
from refimpl.checking.compare import compare
from refimpl.checking.vectors_format import (
    FOLDER,
    HEADER,
    KEYS,
    KINDS,
    TAGS,
    Array,
    BadVectors,
    entry,
    known_format,
    manifest,
    read,
    vector_of,
    written,
)  # fmt: skip

TYPES: dict[str, type | tuple[type, ...]] = {
    "args": dict, "cotangents": (list, type(None)), "grads": dict, "id": int, "kind": str, "note": str, "outputs": list,
    "source": str, "tags": list, "tol": dict,
}  # fmt: skip


def lint(folder: Path = FOLDER) -> list[str]:
    """Everything that is wrong with a folder of vectors; nothing: an empty list."""
    try:
        listed = manifest(folder)
    except BadVectors as failure:
        return [str(failure)]
    found = []
    if set(listed.get("tags", {})) != set(TAGS):
        odd = set(listed.get("tags", {})) ^ set(TAGS)
        found.append(f"manifest.json: its tags are not the closed list: {', '.join(sorted(odd))}")
    files = [item for item in listed["files"] if isinstance(item, dict) and isinstance(item.get("file"), str)]
    if len(files) != len(listed["files"]):
        found.append("manifest.json: an entry names no file")
    names = [item["file"] for item in files]
    found += [f"manifest.json: {name} is listed twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for item in files:
        found += [f"{item['file']}: {fault}" for fault in _file(folder / item["file"], item)]
    strangers = {path.name for path in folder.glob("*.json")} - {*names, "manifest.json", "schema.json"}
    return found + [f"{name}: not in the manifest" for name in sorted(strangers)]


def _file(path: Path, listed: Mapping[str, Any]) -> Iterator[str]:
    try:
        header, cases = read(path)
        text = path.read_text(encoding="utf-8")
    except BadVectors as failure:
        yield str(failure)
        return
    if set(header) != HEADER:
        yield f"its header has {', '.join(sorted(header))}; expected {', '.join(sorted(HEADER))}"
        return
    if header["op"] != path.name.removesuffix(".json"):
        yield f"its header says {header['op']}"
    if header["cases"] != len(cases):
        yield f"its header counts {header['cases']} cases; there are {len(cases)}"
    try:
        if text != written(header, cases):
            yield "not in canonical form: one case a line, keys sorted, no blanks; regenerate it"
    except ValueError as failure:
        yield f"not in canonical form: {failure}"
    ids = [int(case["id"]) if type(case.get("id")) is int else 0 for case in cases]
    if 0 in ids or ids != sorted(set(ids)):
        yield "ids must be whole numbers >= 1, ascending, each used once"
    faults = [f"case {case.get('id')}: {fault}" for case in cases for fault in _case(header, case)]
    yield from faults
    if not faults:
        true = entry(header["op"], text)
        odd = [key for key in true if true[key] != listed.get(key)]
        yield from (f"{key} is {true[key]}, the manifest says {listed.get(key)}" for key in odd)


def _case(header: Mapping[str, Any], case: Mapping[str, Any]) -> Iterator[str]:
    if set(case) != KEYS:
        odd = ", ".join(sorted(set(case) ^ KEYS))
        yield f"missing or unknown keys: {odd}"
        return
    wrong = [key for key, kind in TYPES.items() if not isinstance(case[key], kind)]
    if wrong:
        yield f"of the wrong type: {', '.join(wrong)}"
        return
    if case["kind"] not in KINDS:
        yield f"kind is {case['kind']!r}; expected one of {', '.join(KINDS)}"
    unknown = [str(tag) for tag in case["tags"] if tag not in TAGS]
    if unknown:
        yield f"unknown tags: {', '.join(unknown)}"
    if not case["tags"] or not case["note"]:
        yield "a case has a tag and a note"
    try:
        vector = vector_of(header["op"], case)
    except (BadBits, KeyError, TypeError, AttributeError) as failure:
        yield f"{type(failure).__name__}: {failure}"
        return
    if vector.kind == "invalid":
        if vector.outputs or vector.grads or vector.tol or vector.cotangents is not None:
            yield "it must be refused, and has an answer"
        return
    if len(vector.outputs) != len(header["outputs"]):
        yield f"{len(vector.outputs)} outputs; the header names {len(header['outputs'])}"
    if vector.cotangents is None and vector.grads:
        yield "gradients without a cotangent"
    if vector.cotangents is not None and [g.shape for g in vector.cotangents] != [y.shape for y in vector.outputs]:
        yield "a cotangent has not the shape of its output"
    if set(vector.tol) != {"value", *vector.grads}:
        yield "tolerances are for the value and for every gradient"
    for name, tol in vector.tol.items():
        if isinstance(tol.ulp, bool) or not isinstance(tol.ulp, int | float) or not (0 <= tol.ulp < 2**40):
            yield f"tol of {name}: ulp is {tol.ulp!r}"
        if not (np.isfinite(tol.gauge) and tol.gauge >= 0.0):
            yield f"tol of {name}: the gauge is {tol.gauge}"
    for name, grad in vector.grads.items():
        shape = np.shape(vector.args.get(name, ()))
        if name not in vector.args or shape != grad.shape:
            yield f"the gradient of {name} has shape {grad.shape}, the argument {shape}"


def diff(before: Path, after: Path) -> list[str]:
    """What the second folder has, has not, or has otherwise; changed numbers in plain ulps."""
    old, new = _folder(before), _folder(after)
    found = [f"{op}: removed" for op in old if op not in new] + [f"{op}: added" for op in new if op not in old]
    for op in old:
        found += [f"{op} {text}" for text in changes(old[op], new[op])] if op in new else []
    return found


def _folder(folder: Path) -> dict[str, dict[int, dict[str, Any]]]:
    files = [item.get("file") for item in manifest(folder)["files"]]
    read_in = [(str(name).removesuffix(".json"), read(folder / str(name))[1]) for name in files]
    return {op: {case.get("id", 0): case for case in cases} for op, cases in read_in}


def changes(old: Mapping[int, dict[str, Any]], new: Mapping[int, dict[str, Any]]) -> Iterator[str]:
    yield from (f"case {one}: removed ({old[one].get('note')})" for one in old if one not in new)
    yield from (f"case {one}: added ({new[one].get('note')})" for one in new if one not in old)
    for one in (one for one in old if one in new and old[one] != new[one]):
        parts = [key for key in sorted(KEYS) if old[one].get(key) != new[one].get(key)]
        yield f"case {one}: changed: " + ", ".join(_change(key, old[one].get(key), new[one].get(key)) for key in parts)


def _change(key: str, old: Any, new: Any) -> str:
    """One key of a case that is different, with how far its numbers moved."""
    try:
        a, b = _arrays(key, old), _arrays(key, new)
    except (BadBits, TypeError, AttributeError):
        return key
    if set(a) != set(b) or any(a[name].shape != b[name].shape or a[name].dtype != b[name].dtype for name in a):
        return f"{key} (other arrays)"
    moved = {name: compare(a[name], b[name], dtype=a[name].dtype.name, ulps=0.0).max_ulps for name in a}
    apart = [f"{name} by {ulps:.3g} ulp" for name, ulps in moved.items() if ulps]
    return f"{key} ({', '.join(apart)})" if apart else key


def _arrays(key: str, value: Any) -> dict[str, Array]:
    if key == "args":
        return {name: np.asarray(v) for name, v in decode_args(value).items() if isinstance(v, np.ndarray | float)}
    if key in ("outputs", "cotangents"):
        return {f"{key} {k}": decode(v) for k, v in enumerate(value)}
    return {name: decode(v) for name, v in value.items()} if key == "grads" else {}


def moved(old: str, new: str) -> bool:
    """Do two texts of one file differ by more than values within their tolerance?"""
    try:
        (before, *was), (after, *now) = json.loads(old), json.loads(new)
        known_format(before, Path("vectors"))
        pairs = [(vector_of(after["op"], a), vector_of(after["op"], b)) for a, b in zip(was, now, strict=True)]
    except (ValueError, BadVectors, KeyError):
        return True
    for a, b, one, other in ((a, b, x, y) for (a, b), x, y in zip(pairs, was, now, strict=True)):
        same = [key for key in KEYS - {"outputs", "tol"} if one[key] != other[key]]
        if same or [y.shape for y in a.outputs] != [y.shape for y in b.outputs]:
            return True
        limits = ((x, y, b.tol["value"]) for x, y in zip(a.outputs, b.outputs, strict=True))
        if any(not compare(x, y, dtype=b.dtype, gauge=t.gauge, ulps=t.ulp).ok for x, y, t in limits):
            return True
    return bool(before != after)
