"""Readers in other languages: no parser but their own, at most sixty lines, every number to the last bit."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from refimpl.catalog import OPERATORS
from refimpl.checking import vectors
from refimpl.checking.vectors_export import fields
from refimpl.checking.vectors_format import FOLDER

READERS = Path(__file__).parents[1] / "validation" / "vectors" / "readers"
FILES = [str(FOLDER / f"{op.id}.json") for op in OPERATORS]
LONGEST = 60
BUILT = {
    "read.c": ("gcc", ["gcc", "-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", "read.c", "-o", "read"], ["./read"]),
    "read.rs": ("rustc", ["rustc", "-O", "-D", "warnings", "read.rs"], ["./read"]),
    "read.js": ("node", [], ["node", "read.js"]),
    "read.jl": ("julia", [], ["julia", "read.jl"]),
}


def wanted() -> list[str]:
    """Every number, as Python decodes it."""
    return sorted(
        f"{op.id} {case.id} {name} {k} {struct.pack('>f' if array.dtype == np.float32 else '>d', number).hex()}"
        for op in OPERATORS
        for case in vectors.load(op)
        for name, array in fields(case)
        for k, number in enumerate(array.ravel())
    )


def test_readers_are_short() -> None:
    assert sorted(path.name for path in READERS.iterdir()) == sorted(BUILT)
    for path in READERS.iterdir():
        assert len(path.read_text().splitlines()) <= LONGEST, path.name


def test_there_is_something_to_read() -> None:
    """Infinities, nan, zeros of either sign, subnormal numbers, both formats."""
    words = {line.rpartition(" ")[2] for line in wanted()}
    numbers = np.array([struct.unpack(">d", bytes.fromhex(word))[0] for word in words if len(word) == 16])
    assert np.isnan(numbers).any()
    assert np.isinf(numbers).any()
    assert {"8000000000000000", "0000000000000000", "0000000000000001"} <= words
    assert any(len(word) == 8 for word in words)


@pytest.mark.parametrize("reader", BUILT)
def test_a_reader_reads_every_bit_of_every_file(reader: str, tmp_path: Path) -> None:
    tool, build, command = BUILT[reader]
    if not shutil.which(tool):
        pytest.skip(f"no {tool}")
    shutil.copy(READERS / reader, tmp_path)
    if build:
        subprocess.run(build, cwd=tmp_path, check=True, timeout=120)
    told = subprocess.run([*command, *FILES], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert sorted(told.stdout.splitlines()) == wanted()
