"""Whose implementation a command is about: the options --impl, --cmd and --framework, and the ``Impl`` they make."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from refimpl.commands import UsageError

if TYPE_CHECKING:
    from refimpl.checking.doors import Impl
    from refimpl.op import AnyOp

FRAMEWORKS = ("numpy", "torch", "jax")


def add_subject(parser: argparse.ArgumentParser) -> None:
    """The options that say which implementation; none of them means the library's own."""
    parser.add_argument(
        "--impl",
        type=nonempty,
        metavar="MODULE:OBJECT",
        help="a callable, a mapping from operator ids to callables, or an Impl",
    )
    parser.add_argument(
        "--cmd", type=nonempty, metavar="COMMAND", help="a program that answers JSON lines, e.g. './port --quiet'"
    )
    parser.add_argument("--framework", choices=FRAMEWORKS, default="numpy", help="what --impl speaks (default numpy)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds a program may take for one answer")


def nonempty(text: str) -> str:
    """What an option names; an empty one, as of a variable that is not set, must not mean the library's own."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; name an implementation, or leave the option out")
    return text


def flags(options: argparse.Namespace) -> list[str]:
    """The options that name the implementation, as they were given."""
    words = [word for name in ("impl", "cmd") if (given := getattr(options, name)) for word in (f"--{name}", given)]
    return words + (["--framework", options.framework] if options.framework != "numpy" else [])


def subject(options: argparse.Namespace, chosen: Sequence[AnyOp], named: bool) -> Impl | None:
    """The implementation to check, or None for the library's own. ``named``: the user listed the operators."""
    from refimpl.checking.doors import Impl
    from refimpl.checking.implementation import CannotLoad

    if options.impl and options.cmd:
        raise UsageError("--impl and --cmd are two implementations; give one of them")
    if options.framework != "numpy" and not options.impl:
        raise UsageError(f"--framework {options.framework} says what --impl MODULE:OBJECT speaks; there is no --impl")
    if not options.impl and not options.cmd:
        return None
    flag = f"--impl {options.impl}" if options.impl else f"--cmd {options.cmd}"
    try:
        if options.cmd:
            impl = Impl(options.cmd).spawn(shlex.split(options.cmd), options.timeout)
        else:
            only = chosen[0] if len(chosen) == 1 else None
            impl = Impl(options.impl).attach(options.impl, options.framework, only)
    except CannotLoad as failure:  # begins with what was asked for
        raise UsageError(f"{'--impl' if options.impl else '--cmd'} {failure}") from failure
    except ModuleNotFoundError as failure:
        raise UsageError(f"--framework {options.framework}: {failure}") from failure
    missing = [op.id for op in chosen if op.id not in impl]
    if named and missing:
        raise UsageError(f"{flag} has nothing for {', '.join(missing)}; it has {', '.join(impl)}")
    if not len(impl):
        raise UsageError(f"{flag} offers no operator of this library")
    return impl
