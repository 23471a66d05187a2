"""Settings of the whole suite: hypothesis without deadline or chance, and fresh outputs filled with NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from refimpl import boundary
from refimpl.checking.process import Program

settings.register_profile("refimpl", deadline=None, derandomize=True, max_examples=40, database=None)
settings.load_profile("refimpl")


@pytest.fixture(scope="session", autouse=True)
def poisoned() -> Iterator[None]:
    """Every output and workspace starts as NaN: an element that a kernel forgets to write shows."""
    before, boundary.poison = boundary.poison, True
    yield
    boundary.poison = before


@pytest.fixture
def eager_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Any work is split over as many threads as are set, however small it is; the number set is restored."""
    before = boundary.get_threads()
    monkeypatch.setattr(boundary, "WORTH_A_THREAD", 1.0)
    yield
    boundary.set_threads(before)


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Programs that are stopped when the test ends."""
    programs: list[Program] = []

    def started(command: list[str], timeout: float = 10.0) -> Program:
        programs.append(Program(command, timeout))
        return programs[-1]

    yield started
    for program in programs:
        program.close()
