"""Impl: what comes in by each door, and what each refuses."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from swap_programs import ARGS, logistic

import refimpl
from refimpl import sorting
from refimpl.checking import CannotLoad, Impl, check
from refimpl.checking.doors import load, one_operator
from refimpl.checking.frameworks import FRAMEWORKS
from refimpl.checking.implementation import reference
from refimpl.checking.report import EXIT_NOTHING, EXIT_RIGHT

PORT = """
import refimpl
from refimpl import distributions, sorting
def swap(a, b, *, cdf, beta, lam=None): return sorting.swap.vjp(a, b, cdf=cdf, beta=beta, lam=lam)
OPERATORS = {"sorting.swap": swap, "sorting.heap": None}
WRONG = {"sorting.heap": swap}
IMPL = refimpl.Impl("inner").add("sorting.swap", swap)
NUMBER = 3
class Inside:
    table = OPERATORS
"""


@pytest.fixture(autouse=True)
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in the current folder, which is not on the path."""
    monkeypatch.chdir(tmp_path)
    Path("my_port_of_doors.py").write_text(PORT)
    Path("broken_port_of_doors.py").write_text("1 / 0")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("my_port_of_doors", "broken_port_of_doors"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def same_as_ours(implementation) -> bool:
    want = reference(sorting.swap).run(ARGS)
    return implementation is not None and np.array_equal(implementation.run(ARGS).y, want.y)


# What comes in


def test_add_takes_a_callable_or_an_implementation_and_chains() -> None:
    impl = Impl("mine").add("swap", sorting.swap.vjp).add(sorting.network_sort, reference(sorting.network_sort))
    assert list(impl) == ["sorting.swap", "sorting.network_sort"]
    assert len(impl) == 2
    assert "sorting.swap" in impl
    assert sorting.network_sort in impl
    assert "sorting.network_permutation" not in impl
    assert 3 not in impl
    assert same_as_ours(impl.get(sorting.swap))
    assert impl.get("sorting.network_permutation") is None
    assert repr(impl) == "<Impl 'mine': sorting.swap, sorting.network_sort>"
    assert repr(Impl("empty")) == "<Impl 'empty': nothing yet>"


@pytest.mark.parametrize("attribute", ["OPERATORS", "IMPL", "Inside.table"])
def test_attach_takes_mappings_and_impls(attribute: str) -> None:
    impl = Impl("mine").attach(f"my_port_of_doors:{attribute}")
    assert list(impl) == ["sorting.swap"]
    assert same_as_ours(impl.get("sorting.swap"))


def test_attach_takes_one_callable_for_one_operator() -> None:
    assert same_as_ours(Impl("mine").attach("my_port_of_doors:swap", op="swap").get(sorting.swap))


def test_attach_leaves_the_path_as_it_was() -> None:
    before = list(sys.path)
    load("my_port_of_doors:swap")
    with pytest.raises(CannotLoad):
        load("broken_port_of_doors:swap")
    assert sys.path == before
    assert os.getcwd() not in before


def test_spawn_offers_what_the_program_says_and_close_stops_it() -> None:
    with Impl("mine").spawn(logistic()) as impl:
        assert list(impl) == ["sorting.swap"]
        y = impl.get("sorting.swap").run(ARGS).y
        assert np.abs(y - reference(sorting.swap).run(ARGS).y).max() < 1e-14
        (program,) = impl._programs
        child = program._child
    assert child.process.returncode is not None


def test_what_is_absent_is_not_offered_which_is_nothing_ran() -> None:
    impl = Impl("mine").add("swap", sorting.swap.vjp)
    assert check("sorting.swap", impl, samples=3).exit_code == EXIT_RIGHT
    report = check("sorting.network_sort", impl, samples=3)
    assert (report.verdict, report.exit_code) == ("not offered", EXIT_NOTHING)


# What is refused


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("my_port_of_doors", "'my_port_of_doors' is not MODULE:OBJECT, for example my_port:sort"),
        ("my_port_of_doors:", "is not MODULE:OBJECT"),
        ("no_port_of_doors:swap", "no_port_of_doors:swap: ModuleNotFoundError: No module named 'no_port_of_doors'"),
        ("my_port_of_doors:sort", "my_port_of_doors:sort: AttributeError: .*no attribute 'sort'"),
        ("my_port_of_doors:Inside.gone", "AttributeError: .*no attribute 'gone'"),
        ("broken_port_of_doors:swap", "broken_port_of_doors:swap: ZeroDivisionError"),
        (":swap", ":swap: ValueError"),
    ],
)
def test_load_refuses(spec: str, message: str) -> None:
    with pytest.raises(CannotLoad, match=message):
        load(spec)


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("WRONG", "names no operator of this library; it has sorting.heap"),
        ("swap", "is one callable; name the one operator it implements"),
        ("NUMBER", "is of type int; expected a callable, or a mapping"),
    ],
)
def test_attach_refuses(attribute: str, message: str) -> None:
    with pytest.raises(CannotLoad, match=message):
        Impl("mine").attach(f"my_port_of_doors:{attribute}")


def test_attach_refuses_what_is_no_callable_for_an_operator() -> None:
    with pytest.raises(CannotLoad, match=r"sorting.swap is given int; expected a callable"):
        Impl("mine").attach("my_port_of_doors:NUMBER", op="swap")


def test_add_refuses() -> None:
    with pytest.raises(CannotLoad, match=r"sorting.swap is given NoneType; expected a callable"):
        Impl("mine").add("swap", None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"framework is 'tensorflow'; expected one of {', '.join(FRAMEWORKS)}"):
        Impl("mine").add("swap", sorting.swap.vjp, framework="tensorflow")
    with pytest.raises(LookupError, match="did you mean"):
        Impl("mine").add("swop", sorting.swap.vjp)
    with pytest.raises(LookupError, match=r"'sorting' names \d+ operators: sorting.swap, .*; name one"):
        Impl("mine").add("sorting", sorting.swap.vjp)


def test_one_operator() -> None:
    assert one_operator("swap") is sorting.swap
    assert one_operator(sorting.swap) is sorting.swap


def test_cannot_load_is_public() -> None:
    assert issubclass(CannotLoad, LookupError)
    assert refimpl.Impl is Impl
