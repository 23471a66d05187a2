"""The command line: every command is a file in ``refimpl/commands``; this one parses and turns mistakes into words."""

from __future__ import annotations

import argparse
import os
import sys

import refimpl
from refimpl.commands import UsageError, adapter, check, conform, explain, gallery, listing, replay, vectors
from refimpl.commands.watch import watched

USAGE = 2
COMMANDS = (listing, check, conform, vectors, replay, explain, adapter, gallery)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (UsageError, LookupError) as mistake:
        text = str(mistake.args[0]).removeprefix(f"{options.command}: ")
        print(f"refimpl {options.command}: {text}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what follows the pipe has seen enough
        return 0
    return code


def entry() -> int:
    """The console script. Code of somebody else's runs in a child: it may end the process it is in."""
    foreign = any(word.split("=")[0] == "--impl" for word in sys.argv[1:])
    return watched(main) if foreign and hasattr(os, "fork") else main()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="refimpl", description="The reference implementation of differentiable algorithms."
    )
    parser.add_argument("--version", action="version", version=f"refimpl {refimpl.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(entry())
