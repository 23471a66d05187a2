"""Golden vectors on disk: what a case is, which tags there are, and the one way each is written.

A folder holds ``manifest.json`` and a file for each operator, ``<room>.<operator>.json``: a JSON array, the header on its
first line and then one case a line, keys sorted, no blanks, so that twenty lines of C read it. Arrays are in bits (see
``bits``). A gauge is a float64 in bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refimpl.checking.bits import decode, decode_args, encode, encode_args

Array = NDArray[Any]

FORMAT = 1
FOLDER = Path(__file__).parent.parent / "vectors"
HEADER = {"cases", "format", "oracle", "op", "outputs", "tolerance"}
KEYS = {"args", "cotangents", "grads", "id", "kind", "note", "outputs", "source", "tags", "tol"}
KINDS = {
    "accurate": "the answer is within the stated ulps of the exact one",
    "exact": "every step is exact in binary arithmetic, and so is the answer",
    "invalid": "the arguments are outside the domain and must be refused",
}
TAGS = {  # what the input is, and the bug it is made to catch
    "basic": ("irregular inputs of ordinary size", "a wrong formula, sign, factor or index"),
    "ties": ("equal values", "x/|x|, a division by a difference, a slope forgotten where values are equal"),
    "near_ties": ("values that differ in the last digits", "differences formed in float32, or after a cancellation"),
    "boundary": ("arguments at the edge of the domain or nearly flat", "a comparison that is strict where it is not"),
    "kink": ("arguments where a slope jumps", "a one-sided slope, or nan, instead of the mean of both sides"),
    "saturated": ("far tails", "1 - F instead of the tail itself, exp that overflows, alpha a + abar b that cancels"),
    "extreme_small": ("numbers near the smallest", "products that underflow on the way, absolute epsilons"),
    "extreme_large": ("numbers near the largest", "products and squares that overflow on the way"),
    "subnormal": ("subnormal numbers", "flush to zero, a division by what was flushed"),
    "signed_zero": ("+0 and -0", "copysign or 1/x at zero, x == 0 tested by its sign"),
    "inf": ("infinite arguments that have a limit", "infinity minus infinity, 0 times infinity"),
    "nan": ("nan in one place", "nan lost, or spread to outputs that do not depend on it"),
    "empty": ("no numbers at all", "a reduction over nothing, unwritten memory"),
    "size_one": ("a single number", "axes dropped or added, loops that start at 1"),
    "odd_size": ("an odd number of values", "a last element left out by pairing or vectors of 2, 4, 8"),
    "non_power_of_two": ("a size between powers of two", "networks padded or cut wrongly"),
    "broadcast": ("a parameter shared by many values", "a gradient not summed over the axes it was shared along"),
    "batch": ("leading axes", "state of one row used for the next, axes mixed up"),
    "permuted": ("the values of another case in another order", "results left in sorted order"),
    "duplicate": ("the same number in several places", "indices found by comparing values"),
    "degenerate": ("arguments that make no sense", "arguments that are never looked at"),
    "known_bug": ("an input on which a public package is wrong", "the same mistake"),
}


class BadVectors(Exception):  # noqa: N818
    """Vectors or answers that cannot be read as what they should be; ends a command with exit code 2."""


@dataclass(frozen=True)
class Tolerance:
    """So many ulps of the gauge, or of the wanted number where that is larger."""

    ulp: float
    gauge: float


@dataclass(frozen=True)
class Vector:
    """One case, as plain arrays."""

    op: str
    id: int
    kind: str
    args: dict[str, Any]
    cotangents: tuple[Array, ...] | None  # one for each output; None: values only
    outputs: tuple[Array, ...]  # none if the case must be refused
    grads: dict[str, Array]
    tol: dict[str, Tolerance]  # by argument, and "value" for the outputs
    tags: tuple[str, ...]
    note: str
    source: str

    @property
    def dtype(self) -> str:
        """The format it is judged in."""
        return "float32" if any(y.dtype == np.float32 for y in self.outputs) else "float64"

    @property
    def request(self) -> int:
        """The number of its request: the same in every export, unique over all operators, below 2^31."""
        return int.from_bytes(hashlib.sha256(self.op.encode()).digest()[:4], "big") % 2_000_000 * 1000 + self.id

    def encoded(self) -> dict[str, Any]:
        """As it stands in its file."""
        return {
            "args": encode_args(self.args),
            "cotangents": None if self.cotangents is None else [encode(g) for g in self.cotangents],
            "grads": {name: encode(grad) for name, grad in self.grads.items()},
            "id": self.id,
            "kind": self.kind,
            "note": self.note,
            "outputs": [encode(y) for y in self.outputs],
            "source": self.source,
            "tags": list(self.tags),
            "tol": {n: {"gauge": encode(np.float64(t.gauge))["hex"], "ulp": t.ulp} for n, t in self.tol.items()},
        }


def vector_of(op: str, case: Mapping[str, Any]) -> Vector:
    """A case from its line."""
    return Vector(
        op=op,
        id=case["id"],
        kind=case["kind"],
        args=decode_args(case["args"]),
        cotangents=None if case["cotangents"] is None else tuple(decode(g, "cotangent") for g in case["cotangents"]),
        outputs=tuple(decode(y, "output") for y in case["outputs"]),
        grads={name: decode(grad, f"gradient of {name}") for name, grad in case["grads"].items()},
        tol={name: Tolerance(t["ulp"], _gauge(t["gauge"])) for name, t in case["tol"].items()},
        tags=tuple(case["tags"]),
        note=case["note"],
        source=case["source"],
    )


def _gauge(text: Any) -> float:
    return float(decode({"dtype": "f64", "shape": [], "hex": text}, "a gauge"))


def line(value: Any) -> str:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def written(header: Mapping[str, Any], cases: Iterable[Mapping[str, Any]]) -> str:
    """The text of a vector file."""
    return "[" + ",\n".join(map(line, (header, *cases))) + "\n]\n"


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and cases of a vector file, as JSON has them."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise BadVectors(f"cannot read {path}: {failure}") from failure
    try:
        header, *cases = json.loads(text)
    except (ValueError, TypeError) as failure:
        cut = "" if text.endswith("\n]\n") else "it is cut short: "
        raise BadVectors(f"{path} is no vector file: {cut}{failure}") from failure
    if not isinstance(header, dict) or not all(isinstance(case, dict) for case in cases):
        raise BadVectors(f"{path} is no vector file: its lines must be JSON objects")
    known_format(header, path)
    return header, cases


def known_format(header: Mapping[str, Any], path: Path) -> None:
    if header.get("format") != FORMAT:
        found = header.get("format")
        raise BadVectors(f"{path} has format {found!r}; this version of refimpl reads format {FORMAT}")


def manifest(folder: Path = FOLDER) -> dict[str, Any]:
    """What a folder of vectors says it holds."""
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as failure:
        raise BadVectors(f"{folder} holds no vectors: {failure}") from failure
    except ValueError as failure:
        raise BadVectors(f"{path} is no JSON: {failure}") from failure
    if not isinstance(found, dict) or not isinstance(found.get("files"), list):
        raise BadVectors(f"{path} is no manifest of vectors: it has no list of files")
    known_format(found, path)
    return found


def entry(op: str, text: str) -> dict[str, Any]:
    """What the manifest says of a vector file."""
    header, *cases = json.loads(text)
    tags = [tag for case in cases for tag in case["tags"]]
    return {
        "bytes": len(text.encode()),
        "cases": len(cases),
        "cases_by_tag": {tag: tags.count(tag) for tag in TAGS if tag in tags},
        "file": f"{op}.json",
        "op": op,
        "oracle": header["oracle"],
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def manifest_text(entries: Iterable[Mapping[str, Any]]) -> str:
    """The manifest, for people to read too; nothing in it depends on the machine that wrote it."""
    tags = {tag: {"description": description, "catches": bug} for tag, (description, bug) in TAGS.items()}
    found = {"files": list(entries), "format": FORMAT, "kinds": KINDS, "schema": "schema.json", "tags": tags}
    return json.dumps(found, indent=1, sort_keys=True) + "\n"
