"""Starting points for implementations in other languages, as files beside this one. ``refimpl adapter new`` copies them.

Each implements sorting.swap with the logistic sigmoid, skips the rest, and runs as it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

CHECK = "python -m refimpl check sorting.swap"
FRAMEWORK = f"{CHECK} --impl {{stem}}:OPERATORS --framework {{language}}"


@dataclass(frozen=True)
class Template:
    """A file, what it is called when it is copied, and what to run then ({file}, {stem} and {language} stand in it)."""

    source: str
    file: str
    build: tuple[str, ...]
    check: str

    def text(self) -> str:
        return Path(__file__).with_name(self.source).read_text(encoding="utf-8")

    def commands(self, language: str, path: PurePath) -> list[str]:
        """What to run next, from the folder of the copy."""
        names = {"file": shlex.quote(path.name), "stem": shlex.quote(path.stem), "language": language}
        folder = [f"cd {shlex.quote(str(path.parent))}"] if path.parent.name else []
        return [*folder, *(line.format(**names) for line in (*self.build, f"{self.check} --only cdf=logistic"))]


TEMPLATES: Mapping[str, Template] = {
    "torch": Template("torch_adapter.py.txt", "torch_adapter.py", (), FRAMEWORK),
    "jax": Template("jax_adapter.py.txt", "jax_adapter.py", (), FRAMEWORK),
    "c": Template("adapter.c", "adapter.c", ("gcc -O2 -Wall {file} -o {stem} -lm",), f"{CHECK} --cmd ./{{stem}}"),
    "rust": Template("adapter.rs", "adapter.rs", ("rustc -O {file} -o {stem}",), f"{CHECK} --cmd ./{{stem}}"),
    "julia": Template("adapter.jl", "adapter.jl", (), f"{CHECK} --cmd 'julia {{file}}' --timeout 30"),
}
