"""The gallery draws valid pictures, says what it draws, and says what is missing."""

from __future__ import annotations

import builtins
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refimpl.checking import gallery


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height, after checking the signature and the checksum of every chunk."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    kinds, at, pixels = [], 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        kinds.append(kind)
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        if kind == b"IDAT":
            pixels += body
        at += 12 + length
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    assert len(set(zlib.decompress(pixels))) > 20, "an empty picture"
    return width, height


def test_draw_writes_every_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    told: list[str] = []
    written = gallery.draw(tmp_path / "new" / "folder", told.append)
    assert [path.stem for path in written] == list(gallery.PICTURES)
    assert told == [path.name for path in written]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(told)
    for path in written:
        width, height = png_size(path.read_bytes())
        assert 600 <= width <= 2400, path.name
        assert 400 <= height <= 2000, path.name


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really: Callable[..., Any] = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return really(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=r"pip install refimpl\[plots\]"):
        gallery.draw(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
