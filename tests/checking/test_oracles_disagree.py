"""Oracles that contradict each other: each of the three is made wrong, and a right implementation is not blamed.

Every operator is its own implementation here: what is wrong is only ever the oracle.
"""

from dataclasses import replace

import numpy as np
import pytest

from refimpl.catalog import OPERATORS
from refimpl.checking import check, trial
from refimpl.checking.derivative import judge
from refimpl.checking.packing import pack
from refimpl.checking.report import EXIT_CRASHED, EXIT_DISAGREE, EXIT_RIGHT, EXIT_WRONG
from refimpl.law import Law, Sides, changed

FEW = 4
EVERY = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)


def law(name, **sides) -> Law:
    return Law(name=name, statement="is false", **sides)


def doubled(run, args, rng) -> Sides:
    return Sides(run.value(args), 2.0 * run.value(args), 1.0)


def doubled_gradient(run, args, rng) -> Sides:
    g = rng.standard_normal(run.value(args).shape)
    first = next(iter(run.pull(args, g).values()))
    return Sides(first, 2.0 * first + 1.0, 1.0)


def astray(run, args, rng) -> Sides:
    """Leads out of the domain: nobody has an answer there."""
    run.value(changed(args, **{next(iter(args)): np.array(["no number"])}))
    raise AssertionError


def lying_backward(op):
    """The operator with the gradient of its first argument off by half."""
    name = op.differentiable[0]

    def backward(residuals, cotangents):
        gradients = op.backward(residuals, cotangents)
        return gradients._replace(**{name: 1.5 * getattr(gradients, name)})

    return replace(op, backward=backward, terms=None)


@EVERY
def test_wrong_finite_differences(op, monkeypatch) -> None:
    def wrong(claimed, f, x, direction=None, **options):
        """The slope of something else: twice the function."""
        return judge(claimed, lambda at: 2.0 * f(at), x, direction, **options)

    monkeypatch.setattr(trial, "judge", wrong)
    report = check(op, op.vjp, samples=FEW, cases=False)
    assert report.exit_code == EXIT_DISAGREE
    assert any("finite differences refute the reference" in text for text in report.disagreements)
    assert "ORACLES DISAGREE" in report.text()


@EVERY
def test_wrong_reference(op) -> None:
    right = op.vjp
    report = check(lying_backward(op), right, samples=FEW, cases=False)
    assert report.exit_code == EXIT_DISAGREE, report.text()
    assert any(
        text.startswith(f"{op.differentiable[0]}: finite differences refute the reference")
        for text in report.disagreements
    )


@EVERY
@pytest.mark.parametrize(
    "wrong", [law("doubled", forward=doubled), law("doubled", backward=doubled_gradient), law("astray", forward=astray)]
)
def test_wrong_law(op, wrong) -> None:
    report = check(replace(op, laws=(wrong, *op.laws)), op.vjp, samples=FEW, cases=False)
    assert report.exit_code == EXIT_DISAGREE, report.text()
    side = "forward" if wrong.forward else "backward"
    assert report.disagreements == (f"law {wrong.name} ({side}) refutes the reference",)
    assert report.by_argument.get("laws", "right") == "right"  # the implementation is not blamed for it
    assert report.verdict == "right"


@EVERY
def test_nothing_is_made_up(op) -> None:
    """The same set-up with nothing wrong in it."""
    report = check(op, op.vjp, samples=FEW, cases=False)
    assert report.exit_code == EXIT_RIGHT, report.text()
    assert not report.disagreements


@EVERY
def test_a_right_law_that_an_implementation_breaks_is_a_verdict_on_it(op) -> None:
    """Refuted by a law that the reference obeys: no disagreement."""

    def noisy(*args, **keywords):
        y, pullback = op.vjp(*args, **keywords)
        crooked = tuple(one + 1e-3 for one in y) if isinstance(y, tuple) else y + 1e-3
        return crooked, pullback

    def same_as_ours(run, args, rng) -> Sides:
        return Sides(run.value(args), pack(op, op.value(**args)), 1.0)

    report = check(replace(op, laws=(law("same", forward=same_as_ours),)), noisy, samples=FEW, cases=False)
    assert report.exit_code == EXIT_WRONG
    assert report.by_argument["laws"] == "wrong"
    assert not report.disagreements


def test_a_crash_under_a_right_law_is_a_crash() -> None:
    op = OPERATORS[0]
    calls = []

    def tired(*args, **keywords):
        calls.append(args)
        if len(calls) > 1:
            raise RuntimeError("tired")
        return op.vjp(*args, **keywords)

    same = law("same", forward=lambda run, args, rng: Sides(run.value(args), run.value(args), 1.0))
    report = check(replace(op, laws=(same,)), tired, samples=1, cases=False)
    assert report.exit_code == EXIT_CRASHED
    assert not report.disagreements


def test_the_library_itself_is_told_of_its_wrong_gradient() -> None:
    """Without an implementation there is nobody else to blame: wrong, by finite differences."""
    for op in OPERATORS:
        assert check(lying_backward(op), samples=FEW, cases=False).exit_code == EXIT_WRONG
