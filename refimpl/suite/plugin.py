"""A pytest plugin: ``pytest --refimpl-impl MODULE:OBJECT`` collects the property suite, without a test file.

pytest loads this in every run where refimpl is installed. Unless it is asked for, it adds options and does nothing else;
it imports nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ACTIVE = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("refimpl", "conformance to refimpl")
    group.addoption(
        "--refimpl-impl", metavar="MODULE:OBJECT", help="run refimpl's property suite on this implementation"
    )
    group.addoption("--refimpl-framework", choices=("numpy", "torch", "jax"), default="numpy", help="what it speaks")
    group.addoption("--refimpl-ops", action="append", default=[], metavar="NAME", help="operators or rooms (all)")
    group.addoption("--refimpl-only", action="append", default=[], metavar="ARG=VALUE", help="restrict an argument")
    group.addoption("--refimpl-known", metavar="FILE", help="list of known failures")
    group.addoption("--refimpl-floor", type=int, metavar="N", help="fail if fewer checks ran")
    parser.addini("refimpl_impl", "as --refimpl-impl, in runs that name no files", default="")
    parser.addini("refimpl_known", "as --refimpl-known", default="")
    parser.addini("refimpl_floor", "as --refimpl-floor", default="")


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.refimpl_impl and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.option.refimpl_impl = config.getini("refimpl_impl")  # in the options: xdist hands them to its workers
    if config.option.refimpl_impl:
        config.stash[ACTIVE] = _session(config)


def _session(config: pytest.Config) -> Any:
    """The suite that the options ask for."""
    try:
        from refimpl.checking.implementation import CannotLoad
        from refimpl.commands import UsageError, restriction
        from refimpl.suite.session import Session
        from refimpl.suite.suite import Suite
    except ModuleNotFoundError as missing:
        raise pytest.UsageError(f"--refimpl-impl: {missing}") from missing
    option = config.option
    known = option.refimpl_known or config.getini("refimpl_known")
    floor = option.refimpl_floor if option.refimpl_floor is not None else config.getini("refimpl_floor")
    try:
        only = dict(restriction(text) for text in option.refimpl_only)
        ops = option.refimpl_ops or None
        suite = Suite(option.refimpl_impl, ops, only, framework=option.refimpl_framework)
        return Session(suite, config.rootpath / Path(known) if known else None, int(floor) if floor else None)
    except (CannotLoad, LookupError, UsageError, ValueError, ModuleNotFoundError) as mistake:
        raise pytest.UsageError(f"--refimpl-impl {option.refimpl_impl}: {mistake.args[0]}") from mistake


def pytest_report_header(config: pytest.Config) -> str | None:
    session = config.stash.get(ACTIVE, None)
    if session is None:
        return None
    operators = {check.op.id for check in session.suite.checks if session.suite.offers(check.op.id)}
    checks = sum(check.op.id in operators for check in session.suite.checks)
    listed = f", {len(session.known)} known failures" if len(session.known) else ""
    return f"refimpl conformance: {session.suite.name}, {checks} checks of {len(operators)} operators{listed}"


@pytest.hookimpl(tryfirst=True)  # before -k deselects
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    running = config.stash.get(ACTIVE, None)
    if running is not None:
        items += Collected.from_parent(session, name="refimpl", nodeid="refimpl", running=running).collect()


class Collected(pytest.Collector):
    """All checks of one implementation."""

    def __init__(self, running: Any, **more: Any) -> None:
        super().__init__(**more)
        self.running = running

    def collect(self) -> Iterator[ConformanceItem]:
        from refimpl.suite.session import id_of

        for check in self.running.items:
            yield ConformanceItem.from_parent(self, name=id_of(check), check=check)


class ConformanceItem(pytest.Item):
    """One check."""

    def __init__(self, check: Any, **more: Any) -> None:
        super().__init__(**more)
        self.check = check

    def runtest(self) -> None:
        self.parent.running.run(self.check)  # type: ignore[union-attr]

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name
