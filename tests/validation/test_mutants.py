"""A checker is trusted after it has refused wrong rules: every mutant of the corpus, and right rules are not refused."""

import numpy as np
import pytest

from refimpl.catalog import OPERATORS
from refimpl.checking import check
from validation.mutants.build import build
from validation.mutants.corpus import MUTANTS
from validation.mutants.mutant import Mutant

FEW, MANY = 12, 48  # random inputs: most mutants show on a few


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.operator}-{m.name}".replace(" ", "_"))
def test_every_mutant_is_refused(mutant: Mutant) -> None:
    op, vjp = build(mutant)
    report = check(op, vjp, name=mutant.name, samples=FEW, cases=False)
    if report.exit_code == 0:
        report = check(op, vjp, name=mutant.name, samples=MANY, cases=False)
    assert report.exit_code == 1, report.text()
    assert not report.disagreements


def test_the_corpus_is_large_and_covers_every_operator() -> None:
    assert len(MUTANTS) >= 40
    for op in OPERATORS:
        assert sum(mutant.operator == op.id for mutant in MUTANTS) >= 10


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
def test_an_unmutated_backward_pass_is_not_refused(op) -> None:
    """The machinery itself: the file rewritten into itself, its kernels uncompiled, is right."""
    first = f'gate = Gate("{op.id}")'
    _, vjp = build(Mutant("itself", op.id, first, first))
    report = check(op, vjp, samples=MANY, cases=False)
    assert report.verdict == "right", report.text()


def test_a_known_mistake_is_named() -> None:
    by_name = {(mutant.operator, mutant.name): mutant for mutant in MUTANTS}
    expected = {
        ("sorting.swap", "sign of the weight's cotangent"): ("a", "missing_term"),
        ("sorting.swap", "cotangents exchanged"): ("a", "swapped_arguments"),
        ("sorting.swap", "beta's path left out"): ("beta", "zero"),
        ("sorting.network_sort", "straight through"): ("x", "straight_through"),
        ("sorting.network_sort", "left in reversed order"): ("x", "permuted"),
        ("sorting.network_sort", "divided by n"): ("x", "constant_factor"),
        ("sorting.network_sort", "comparators undone first to last"): ("x", "jvp_not_vjp"),
        ("distributions.cdf", "sign of scale"): ("scale", "constant_factor"),
    }
    for key, (argument, kind) in expected.items():
        op, vjp = build(by_name[key])
        report = check(op, vjp, samples=FEW, cases=False)
        assert report.diagnoses[argument].kind == kind, (key, report.text())


def test_rewrites_apply_exactly_once() -> None:
    with pytest.raises(AssertionError, match="found 0 times"):
        build(Mutant("nowhere", "sorting.swap", "no such text", ""))


def test_seeds_do_not_matter_to_right_rules() -> None:
    """No false alarm of our own operators over other seeds."""
    for seed in (1, 2, 3):
        for op in OPERATORS:
            report = check(op, samples=FEW, seed=seed)
            assert report.verdict == "right", report.text()
            assert np.isfinite([finding.ulps for finding in report.findings]).all()
