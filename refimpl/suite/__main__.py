"""``python -m refimpl.suite``: the same as ``refimpl conform``."""

from __future__ import annotations

import argparse
import os
import sys

from refimpl.checking.report import EXIT_USAGE
from refimpl.commands import UsageError, conform


def main(arguments: list[str] | None = None) -> int:
    """Run the suite; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m refimpl.suite",
        description=conform.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    conform.arguments(parser)
    try:
        return conform.run(parser.parse_args(arguments))
    except (UsageError, LookupError) as mistake:
        print(f"refimpl.suite: {mistake.args[0]}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what follows the pipe has seen enough
        return 0


if __name__ == "__main__":
    sys.exit(main())
