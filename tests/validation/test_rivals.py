"""The head to head: rivals get what they are told they get, right passes go through, wrong ones are seen."""

import numpy as np
import pytest

from refimpl import sorting
from refimpl.catalog import OPERATORS
from validation.mutants.build import build
from validation.mutants.corpus import MUTANTS
from validation.mutants.rivals import (
    INPUTS,
    MAKERS,
    Problem,
    differs,
    false_alarms,
    refused_here,
    refuses,
    revealing,
)

BY_NAME = {(mutant.operator, mutant.name): mutant for mutant in MUTANTS}


def rival(name):
    pytest.importorskip(name.split()[0])
    return MAKERS[name]()


def problem(sign: float) -> Problem:
    """A swap far from any saturation, its gradients times ``sign``."""

    def vjp(**args):
        y, pullback = sorting.swap.vjp(**args)
        return y, lambda g: type(grads := pullback(g))._make(None if one is None else sign * one for one in grads)

    args = {"a": np.array([0.3, -0.2]), "b": np.array([0.1, 0.4]), "cdf": "logistic", "beta": 1.5}
    return Problem(sorting.swap, args, vjp)


@pytest.mark.parametrize("name", MAKERS)
def test_rivals_pass_what_is_right_and_refuse_what_is_not(name) -> None:
    judge = rival(name)
    judge(problem(1.0))  # raises what went wrong
    assert refuses(judge, problem(-1.0))


def test_all_arguments_are_inputs() -> None:
    given = problem(1.0)
    assert given.names == ["a", "b", "beta"]
    y, pull = given.at(given.point)
    assert len(y) == 2
    assert [one.shape for one in pull([np.ones(2), np.ones(2)])] == [(2,), (2,), ()]


def test_inputs_show_the_mistake() -> None:
    mutant = BY_NAME["sorting.swap", "sign of ART's exponent"]  # most draws are not ART
    op, vjp = build(mutant)
    inputs = revealing(mutant, op, vjp)
    assert len(inputs) == INPUTS
    assert all(args["cdf"] == "art" and differs(op, vjp, args) for args in inputs)
    assert not any(differs(op, op.vjp, args) for args in inputs)


def test_the_checker_gets_the_inputs_of_its_rivals_and_no_others() -> None:
    op, seen = sorting.swap, []

    def spy(a, b, **keywords):
        seen.append(a.shape)
        return op.vjp(a, b, **keywords)

    inputs = [{"a": np.full(n, 0.3), "b": np.full(n, 0.1), "cdf": "logistic", "beta": 1.0} for n in (5, 7)]
    assert not refused_here(op, spy, inputs)
    assert {(5,), (7,)} == set(seen)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
def test_the_checker_refuses_on_the_inputs_of_its_rivals(op) -> None:
    """And does not refuse ours there."""
    mutant = next(mutant for mutant in MUTANTS if mutant.operator == op.id)
    _, vjp = build(mutant)
    inputs = revealing(mutant, op, vjp)
    assert refused_here(op, vjp, inputs)
    assert set(false_alarms(op, inputs, {}).values()) == {0}


def test_a_gradcheck_passes_what_the_checker_refuses() -> None:
    """A cotangent clipped to [-1, 1] is the identity for one-hot cotangents."""
    mutant = BY_NAME["sorting.network_sort", "cotangent clipped to [-1, 1]"]
    op, vjp = build(mutant)
    inputs = revealing(mutant, op, vjp)
    judge = rival("torch slow")
    assert not any(refuses(judge, Problem(op, args, vjp)) for args in inputs)
    assert refused_here(op, vjp, inputs)
