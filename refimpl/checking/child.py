"""A running program and its three pipes: write lines, read lines, never block, leave nothing behind.

One loop polls all three pipes, so that a program that fills its standard error, or answers before it has read all of a
large request, blocks neither itself nor us.
"""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress

LONGEST_LINE = 1 << 28  # bytes; no answer is that long
CHUNK = 1 << 20
LAST_WORDS = 300  # characters of standard error that a message quotes
GRACE = 1.0  # seconds to end by itself, once its input has ended


class ProgramFailed(Exception):  # noqa: N818
    """The program did not answer as the protocol asks; the checks count it as crashed."""


class Died(ProgramFailed):
    """It ended instead of answering."""


class Silent(ProgramFailed):
    """It did not answer in time, and was stopped."""


class Garbage(ProgramFailed):
    """It answered with something that is no answer to what was asked."""


class Child:
    """One process. After any ``ProgramFailed`` it is of no more use: ``kill`` it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, bufsize=0, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        pipes = (self.process.stdin, self.process.stdout, self.process.stderr)
        self._stdin, self._stdout, self._stderr = (pipe.fileno() for pipe in pipes if pipe)
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe, False)
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._poll.register(self._stderr, select.POLLIN)
        self._unread, self._words = bytearray(), b""
        self._end = weakref.finalize(self, _end, self.process)  # also when the interpreter exits

    def exchange(self, data: bytes, answers: int, timeout: float) -> list[bytes]:
        """Write ``data`` and read as many lines, whichever can go on; each line may take ``timeout`` seconds."""
        pending, lines = self._write(memoryview(data)), self._lines(0)
        deadline = time.monotonic() + timeout
        if pending:
            self._poll.register(self._stdin, select.POLLOUT)
        while pending or len(lines) < answers:
            ready = self._poll.poll(max(0, math.ceil(1000 * (deadline - time.monotonic()))))
            for pipe, _ in ready:
                if pipe == self._stdin:
                    pending = self._write(pending)
                    if not pending:
                        self._poll.unregister(self._stdin)
                elif pipe == self._stderr:
                    if not self._listen():
                        self._poll.unregister(self._stderr)
                else:
                    fresh = self._read()
                    lines += fresh
                    if fresh:
                        deadline = time.monotonic() + timeout
            if (pending or len(lines) < answers) and (not ready or time.monotonic() > deadline):
                raise Silent(self._silence(timeout))
        return lines

    def kill(self) -> None:
        """Stop it and what it started, now."""
        self._end()

    def close(self) -> None:
        """End its input and give it a moment to end by itself."""
        assert self.process.stdin
        self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        self._end()

    def _write(self, data: memoryview) -> memoryview:
        """What is left to be written; nothing if it reads no more (what it says, or how it ended, is read then)."""
        try:
            while data:
                data = data[os.write(self._stdin, data) :]
        except BlockingIOError:
            return data
        except BrokenPipeError:
            pass
        return memoryview(b"")

    def _read(self) -> list[bytes]:
        chunk, before = os.read(self._stdout, CHUNK), len(self._unread)
        if not chunk:
            raise Died(self._death())
        self._unread += chunk
        if len(self._unread) > LONGEST_LINE:
            raise Garbage(f"wrote {LONGEST_LINE} characters without a line end")
        return self._lines(before)

    def _lines(self, start: int) -> list[bytes]:
        """The whole lines that have come; the first ``start`` characters are known to hold no line end."""
        lines = []
        while (end := self._unread.find(b"\n", start)) >= 0:
            lines.append(bytes(self._unread[:end]))
            del self._unread[: end + 1]
            start = 0
        return lines

    def _listen(self) -> bool:
        """Read standard error, and remember its end; False when it is over."""
        chunk = os.read(self._stderr, CHUNK)
        self._words = (self._words + chunk)[-4 * LAST_WORDS :]
        return bool(chunk)

    def _silence(self, timeout: float) -> str:
        begun = f" after it had begun one ({_quote(self._unread)})" if self._unread else ""
        flush = "flush standard output after each line, or raise the timeout"
        return f"gave no whole answer within {timeout:g} s{begun}, and was stopped; {flush}{self._quoted()}"

    def _death(self) -> str:
        """How it ended, when its standard output is at its end."""
        last, deadline = select.poll(), time.monotonic() + GRACE
        last.register(self._stderr, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0 and last.poll(1000 * left) and self._listen():
            pass
        try:
            status = self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return f"closed its standard output and ran on{self._quoted()}"
        half = f", in the middle of an answer ({_quote(self._unread)})" if self._unread else ""
        if status < 0:
            return f"died of {_signal(-status)}{half}{self._quoted()}"
        return f"ended with exit status {status} instead of answering{half}{self._quoted()}"

    def _quoted(self) -> str:
        text = " | ".join(line.strip() for line in self._words.decode("utf-8", "replace").splitlines() if line.strip())
        return f"; on standard error: {text[-LAST_WORDS:]}" if text else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process with its group, unless it has ended, and close the pipes."""
    if process.returncode is None:  # not waited for: the number is still its own
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe
        pipe.close()


def _signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _quote(text: bytes | bytearray) -> str:
    return repr(bytes(text[:40]).decode("utf-8", "replace"))
