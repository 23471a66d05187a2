"""What the tests of the checks share."""

import pytest

from refimpl.checking.process import Program


@pytest.fixture
def start():
    """Programs that are stopped when the test ends."""
    programs = []

    def started(command, timeout=10.0):
        programs.append(Program(command, timeout))
        return programs[-1]

    yield started
    for program in programs:
        program.close()
