"""The commands of ``python -m refimpl``, one file each: arguments, a call into the library, and what is printed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any


class UsageError(Exception):
    """What the user asked for cannot be done as asked; ends the command with exit code 2."""


class Progress:
    """A line that rewrites itself on a terminal, once the work has taken two seconds; silent otherwise."""

    def __init__(self) -> None:
        self.started, self.drawn = time.monotonic(), False
        self.terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if self.terminal and time.monotonic() - self.started > 2.0:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self.drawn = True

    def close(self) -> None:
        if self.drawn:
            sys.stderr.write("\r\x1b[K")


def natural(text: str) -> int:
    """A whole number >= 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number >= 0")
    return int(text)


def positive(text: str) -> int:
    """A whole number >= 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number >= 1")
    return int(text)


def writable(path: Path) -> None:
    """Find out before the run, not after it."""
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as failure:
        raise UsageError(f"cannot write {path}: {failure.strerror}") from failure


def restriction(text: str) -> tuple[str, Any]:
    """ARG=VALUE[,VALUE] of --only."""
    name, equals, values = text.partition("=")
    if not equals:
        raise UsageError(f"--only is {text!r}; expected ARG=VALUE, for example cdf=cauchy,logistic")
    return name, tuple(_literal(value) for value in values.split(","))


def _literal(text: str) -> Any:
    words = {"true": True, "false": False}
    try:
        return words[text.lower()] if text.lower() in words else float(text)
    except ValueError:
        return text
