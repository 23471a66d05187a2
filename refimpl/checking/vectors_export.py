"""Golden vectors in other shapes, for programs that would rather not read JSON with bits in it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from refimpl.checking.bits import FORMATS
from refimpl.checking.doors import one_operator
from refimpl.checking.protocol import HELLO, body, with_cotangents
from refimpl.checking.vectors import load
from refimpl.checking.vectors_format import FOLDER, Array, Vector, manifest, manifest_text


def export(target: Path, shape: str, ops: Iterable[str], folder: Path = FOLDER) -> list[Path]:
    """Write the vectors of some operators in one of ``SHAPES``; returns the files."""
    target.mkdir(parents=True, exist_ok=True)
    return SHAPES[shape](target, list(ops), folder)


def _json(target: Path, ops: list[str], folder: Path) -> list[Path]:
    """The files as they are, and a manifest of these."""
    entries = [entry for entry in manifest(folder)["files"] if entry["op"] in ops]
    for name in ("schema.json", *(entry["file"] for entry in entries)):
        shutil.copyfile(folder / name, target / name)
    (target / "manifest.json").write_text(manifest_text(entries), encoding="utf-8", newline="\n")
    return [target / name for name in ("manifest.json", "schema.json", *(entry["file"] for entry in entries))]


def _requests(target: Path, ops: list[str], folder: Path) -> list[Path]:
    """The lines that a program would be sent: ``./program < requests.jsonl > answers.jsonl``."""
    lines = [HELLO.decode().rstrip("\n")]
    lines += [request(case) for op in ops for case in load(op, folder)]
    return [_write(target / "requests.jsonl", lines)]


def request(case: Vector) -> str:
    """One request of the protocol. ``case`` says what it is about; programs need not look at it."""
    op = one_operator(case.op)
    text = body(op, case.args)
    if case.cotangents is not None:
        text = with_cotangents(text, tuple(case.cotangents))
    return f'{{"id": {case.request}, {text}, "case": "{case.op}#{case.id}"}}'


def fields(case: Vector) -> Iterator[tuple[str, Array]]:
    """Every array of a case, by the names that the text formats use."""
    for name, value in case.args.items():
        if isinstance(value, np.ndarray | np.generic | float):
            array = np.asarray(value)
            yield f"args.{name}", array if array.dtype == np.float32 else array.astype(np.float64)
    yield from ((f"cotangents.{k}", g) for k, g in enumerate(case.cotangents or ()))
    yield from ((f"outputs.{k}", y) for k, y in enumerate(case.outputs))
    yield from ((f"grads.{name}", grad) for name, grad in case.grads.items())


def words(case: Vector) -> dict[str, object]:
    """The arguments that are no numbers."""
    return {n: v for n, v in case.args.items() if not isinstance(v, np.ndarray | np.generic | float)}


def bits_of(array: Array) -> list[str]:
    """Each number in hexadecimal, in C order."""
    form = FORMATS["f32" if array.dtype == np.float32 else "f64"]
    digits = 2 * form.itemsize
    text = array.astype(form).tobytes().hex()
    return [text[at : at + digits] for at in range(0, len(text), digits)]


def _txt(target: Path, ops: list[str], folder: Path) -> list[Path]:
    """One number a line: ``case op array index hex``, for sscanf, Fortran and awk; words with index -1."""
    found = []
    for op in ops:
        lines = ["# case op array index hex; index -1: a word or the shape of an array"]
        for case in load(op, folder):
            lines.append(f"{case.id} {op} kind -1 {case.kind}")
            lines += [f"{case.id} {op} args.{name} -1 {_word(value)}" for name, value in words(case).items()]
            for name, array in fields(case):
                lines.append(f"{case.id} {op} {name} -1 {'x'.join(map(str, array.shape)) or 'scalar'}")
                lines += [f"{case.id} {op} {name} {k} {bits}" for k, bits in enumerate(bits_of(array))]
            for name, tol in case.tol.items():
                lines.append(f"{case.id} {op} tol.{name} -1 {tol.ulp:g}:{bits_of(np.array(tol.gauge))[0]}")
        found.append(_write(target / f"{op}.txt", lines))
    return found


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


HEAD = """\
/* Golden vectors of refimpl, format 1. A number is memcpy(&x, &bits, 8); float32 is widened to float64, which is exact.
   ulp and gauge: how many ulps of max(|number|, gauge) an answer may be off; 0 and 0 for arguments and cotangents. */
#include <stddef.h>
#include <stdint.h>
#ifndef REFIMPL_VECTORS
#define REFIMPL_VECTORS
typedef struct { int id; const char *kind, *words, *field; int axes, shape[8]; size_t size; const uint64_t *bits;
                 double ulp; uint64_t gauge; int single; } refimpl_array;
#endif"""


def _c_header(target: Path, ops: list[str], folder: Path) -> list[Path]:
    """A header for each operator: a table of its arrays."""
    found = []
    for op in ops:
        name, lines, rows = re.sub(r"\W", "_", op), [HEAD], []
        for case in load(op, folder):
            said = json.dumps(json.dumps(words(case), sort_keys=True))
            for field, array in fields(case):
                label = f"{name}_{case.id}_{field.replace('.', '_')}"
                wide = bits_of(array.astype(np.float64))
                numbers = ", ".join(f"0x{bits}ULL" for bits in wide) or "0"
                lines.append(f"static const uint64_t {label}[] = {{{numbers}}};")
                tol = case.tol.get(field.partition(".")[2] if field.startswith("grads") else "value")
                judged = tol if tol and field.startswith(("grads", "outputs")) else None
                limit = f"{judged.ulp!r}, 0x{bits_of(np.array(judged.gauge))[0]}ULL" if judged else "0, 0"
                shape = ", ".join(map(str, array.shape)) or "0"
                rows.append(
                    f'  {{{case.id}, "{case.kind}", {said}, "{field}", {array.ndim}, {{{shape}}}, {array.size}, {label}, '
                    f"{limit}, {int(array.dtype == np.float32)}}},"
                )
        lines += [f"static const refimpl_array {name}[] = {{", *rows, "};"]
        lines.append(f"static const size_t {name}_count = sizeof {name} / sizeof *{name};")
        found.append(_write(target / f"{name}.h", lines))
    return found


def _npz(target: Path, ops: list[str], folder: Path) -> list[Path]:
    """One archive for each operator; the arrays are called ``3.args.x``, ``3.grads.x`` ..., words included."""
    found = []
    for op in ops:
        arrays: dict[str, Array] = {}
        for case in load(op, folder):
            arrays |= {f"{case.id}.{name}": array for name, array in fields(case)}
            arrays |= {f"{case.id}.args.{name}": np.array(_word(value)) for name, value in words(case).items()}
            arrays |= {f"{case.id}.tol.{name}": np.array([tol.ulp, tol.gauge]) for name, tol in case.tol.items()}
            arrays[f"{case.id}.kind"] = np.array(case.kind)
        np.savez_compressed(target / f"{op}.npz", **arrays)  # type: ignore[arg-type]
        found.append(target / f"{op}.npz")
    return found


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path


SHAPES: dict[str, Callable[[Path, list[str], Path], list[Path]]] = {
    "json": _json,
    "requests": _requests,
    "txt": _txt,
    "c-header": _c_header,
    "npz": _npz,
}
