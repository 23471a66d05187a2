"""``conformance``: the checks as one parametrised test in somebody's own test file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from refimpl.checking.doors import Impl
from refimpl.suite.aspects import Check
from refimpl.suite.session import Session, id_of
from refimpl.suite.suite import EXAMPLES, Suite

KNOWN = "known.json"  # taken if it is there


def conformance(
    impl: Impl | Mapping[str, Any] | str | None,
    ops: str | Sequence[str] | None = None,
    only: Mapping[str, Any] | None = None,
    known: str | Path | None = KNOWN,
    floor: int | None = None,
    *,
    framework: str = "numpy",
    examples: int = EXAMPLES,
    seed: int = 0,
) -> Callable[[str | Check], None]:
    """The property suite as a pytest test; assign it to a name that begins with ``test_``.

    Parameters
    ----------
    impl : Impl, mapping or str
        An ``Impl``, a mapping from operator ids to callables, or "module:attr" of one.
    ops, only, framework, examples, seed
        As for ``Suite``.
    known : str or path, optional
        The list of known failures, beside the test file if the path is relative. It is written by ``refimpl conform
        --known FILE --update``. Left at its default, it may be absent.
    floor : int, optional
        The item ``floor`` fails if fewer checks ran; default 1.

    Returns
    -------
    function
        A test with one item for each check, ``test_conformance[sorting.swap-gradient-of-beta]``, and two more: ``floor``,
        and ``known-failures``, which fails if the list names a check that does not exist. Wrong and crashed fail, listed
        failures are expected to, what is not offered or cannot be told is skipped. Where checks are shared out among
        processes (xdist), ``floor`` counts those of other processes as run if their operator is offered.

    Examples
    --------
    ::

        from refimpl.suite import conformance

        test_conformance = conformance("my_port:OPERATORS", floor=200)
    """
    suite = Suite(impl, ops, only, framework=framework, examples=examples, seed=seed)
    caller = sys._getframe(1).f_globals
    path = None if known is None else Path(caller.get("__file__", ".")).parent / known
    if known == KNOWN and path is not None and not path.exists():
        path = None
    session = Session(suite, path, floor)

    @pytest.mark.parametrize("check", session.items, ids=id_of)
    def test_conformance(check: str | Check) -> None:
        session.run(check)

    test_conformance.__module__ = caller.get("__name__", __name__)
    return test_conformance
