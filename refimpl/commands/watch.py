"""A command that runs somebody's code in a child, so that code that ends the process cannot end it as "right"."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

CRASHED = 4


def watched(run: Callable[[], int]) -> int:
    """Run in a forked child; its exit code, or 4 with a message if it ended before it could tell one."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = _code(run)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(writing, bytes([code]))
        os._exit(code)
    os.close(writing)
    told = os.read(reading, 1)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if told:
        return told[0]
    how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit status {os.WEXITSTATUS(status)}"
    text = "the implementation ended the process before there was a report; 'refimpl conform' finds the check that does"
    print(f"refimpl: {text} ({how})", file=sys.stderr)
    return CRASHED


def _code(run: Callable[[], int]) -> int:
    try:
        return run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
