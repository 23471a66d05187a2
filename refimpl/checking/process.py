"""Implementations in any language: a program that answers JSON lines, started once and asked over its standard pipes.

What is said is in ``protocol``, how it is read and written in ``child``. A program that ends, hangs, or answers out of
step is stopped, and started again for the next request; after FAILURES_IN_A_ROW or FAILURES_IN_ALL of that it is not
asked any more, so that a check of it ends soon.
"""

from __future__ import annotations

import os
import select
import shlex
import threading
from collections.abc import Sequence

from refimpl.checking.child import Child, Died, Garbage, ProgramFailed, Silent
from refimpl.checking.implementation import Answer, Array, CannotLoad, Gradients, Implementation, NotOffered, Pull
from refimpl.checking.packing import parts
from refimpl.checking.protocol import (
    HELLO,
    Refused,
    Reply,
    body,
    grads,
    introduction,
    outputs,
    reply_to,
    with_cotangents,
)
from refimpl.op import AnyOp, Values

__all__ = ["Died", "Garbage", "Program", "ProgramFailed", "Refused", "Silent"]

FAILURES_IN_A_ROW, FAILURES_IN_ALL = 5, 20
STARTING = 3.0  # times the timeout: interpreters take long to start


class Program:
    """A program that offers operators.

    Parameters
    ----------
    command : sequence of str, or one str
        The program and its arguments; one string is split as a shell would.
    timeout : float
        Seconds one answer may take; the first, to the handshake, may take three times as long.

    Raises
    ------
    CannotLoad
        It cannot be started, does not answer the handshake, speaks another protocol, or offers nothing known.

    Attributes
    ----------
    name : str
        What it calls itself.
    operators : tuple of operators
        What it offers, of what this library has.
    unknown : tuple of str
        What it offers that this library does not have.
    """

    def __init__(self, command: Sequence[str], timeout: float = 10.0) -> None:
        self.command = shlex.split(command) if isinstance(command, str) else [os.fspath(part) for part in command]
        self.shown, self.timeout = _shown(self.command), timeout
        if not self.command:
            raise CannotLoad("no program is named; expected a command, for example ['./adapter']")
        if not timeout > 0.0:
            raise CannotLoad(f"{self.shown}: the timeout is {timeout}; expected seconds > 0")
        if not hasattr(select, "poll"):
            raise CannotLoad(f"{self.shown}: programs are asked over pipes on POSIX systems only; use refimpl vectors")
        self._lock, self._asked = threading.Lock(), 0
        self._failures, self._in_a_row, self._last = 0, 0, ProgramFailed()
        child, hello = self._start()
        self._child: Child | None = child
        try:
            self.name, self.operators, self.unknown, self.dtypes = introduction(hello)
        except CannotLoad as failure:
            child.kill()
            raise CannotLoad(f"{self.shown}: {failure}") from failure

    def implementation(self, op: AnyOp) -> Implementation:
        """One of its operators, as the checks call it."""

        def run(args: Values) -> Answer:
            (answer,) = self._answers(op, [args])
            if isinstance(answer, NotOffered):
                raise answer
            return answer

        return Implementation(self.name, run, copies=True)

    def ask_many(self, op: AnyOp, inputs: Sequence[Values]) -> list[Answer | None]:
        """Answers to many inputs, None where one is not offered; requests are sent without waiting for answers."""
        return [None if isinstance(answer, NotOffered) else answer for answer in self._answers(op, inputs)]

    def close(self) -> None:
        """End its input, then the program; a later request would start it again."""
        with self._lock:
            if self._child:
                self._child.close()
                self._child = None

    def _answers(self, op: AnyOp, inputs: Sequence[Values]) -> list[Answer | NotOffered]:
        requests = [body(op, args, self.dtypes) for args in inputs]
        answers: list[Answer | NotOffered] = []
        for args, request, reply in zip(inputs, requests, self._ask(op, requests), strict=True):
            try:
                y = outputs(op, reply)
            except NotOffered as skipped:
                answers.append(skipped)
            except (ProgramFailed, Refused) as failure:
                raise type(failure)(f"{self.shown} {failure}") from None
            else:
                answers.append(Answer(y, self._pull(op, args, request), y.dtype.name))
        return answers

    def _pull(self, op: AnyOp, args: Values, request: str) -> Pull:
        def pull(g: Array) -> Gradients:
            (reply,) = self._ask(op, [with_cotangents(request, parts(op, args, g))])
            try:
                return grads(op, args, reply)
            except (ProgramFailed, Refused) as failure:
                raise type(failure)(f"{self.shown} {failure}") from None

        return pull

    def _ask(self, op: AnyOp, requests: Sequence[str]) -> list[Reply]:
        """Send requests, and take the answers. Whatever goes wrong on the way stops the program."""
        with self._lock:
            if self._in_a_row >= FAILURES_IN_A_ROW or self._failures >= FAILURES_IN_ALL:
                text = f"is not asked again after {self._failures} failures, the last of them: it {self._last}"
                raise type(self._last)(f"{self.shown} {text}")
            first = self._asked + 1
            self._asked += len(requests)
            try:
                if self._child is None:
                    self._child = self._restart()
                text = "".join(f'{{"id": {first + k}, {request}}}\n' for k, request in enumerate(requests))
                lines = self._child.exchange(text.encode(), len(requests), self.timeout)
                replies = [reply_to(first + k, line) for k, line in enumerate(lines)]
            except BaseException as failure:
                if self._child:
                    self._child.kill()
                    self._child = None
                if not isinstance(failure, ProgramFailed):
                    raise
                patience = 1 if not isinstance(failure, Silent) else FAILURES_IN_ALL // 3  # waiting is dear
                self._last, self._in_a_row = failure, self._in_a_row + 1
                self._failures += patience
                raise type(failure)(f"{self.shown} (request {self._asked}, {op.id}) {failure}") from None
            self._in_a_row = 0
            return replies

    def _start(self) -> tuple[Child, bytes]:
        """A fresh process, and its answer to the handshake."""
        try:
            child = Child(self.command)
        except (OSError, ValueError) as failure:
            raise CannotLoad(f"{self.shown}: {_not_started(self.command[0], failure)}") from failure
        try:
            return child, child.exchange(HELLO, 1, STARTING * self.timeout)[0]
        except BaseException as failure:
            child.kill()
            if isinstance(failure, ProgramFailed):
                raise CannotLoad(f"{self.shown}: at the handshake it {failure}") from failure
            raise

    def _restart(self) -> Child:
        try:
            return self._start()[0]
        except CannotLoad as failure:
            raise Died(f"cannot be started again: {failure}") from failure


def _shown(command: Sequence[str]) -> str:
    """The command as messages name it: on one line, and short."""
    text = " ".join(shlex.join(command).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _not_started(program: str, failure: Exception) -> str:
    """Why a program could not be started, and what to do."""
    if isinstance(failure, FileNotFoundError):
        if os.path.dirname(program) and os.path.exists(program):
            return "is there, but the interpreter that its first line names is not"
        if not os.path.dirname(program) and os.path.isfile(program):
            return f"not found on the path; there is one in this folder: write ./{program}"
        return "not found; build it first, or give its path"
    if isinstance(failure, PermissionError):
        return f"is not executable; chmod +x {program}, or name its interpreter first"
    return f"cannot be started: {getattr(failure, 'strerror', None) or failure}; name its interpreter first"
