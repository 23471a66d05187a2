"""The checks: our own library passes them, and each kind of wrong implementation fails the one that is made for it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import swap_ports as ports

import refimpl
from refimpl import NotOffered
from refimpl.checking import CannotLoad, Impl
from refimpl.suite import Suite, replay
from refimpl.suite.alarm import Hung, alarm

SWAP = "sorting.swap"
OURS = Suite(examples=2)


def outcomes(implementation, words=(), **more):
    suite = Suite({SWAP: implementation}, SWAP, ports.ONLY, **more)
    found = [suite.run(check) for check in suite.checks if not words or check.aspect in words]
    return {outcome.aspect: outcome for outcome in found}


@pytest.mark.parametrize("check", OURS.checks, ids=lambda check: check.id)
def test_our_own_library_conforms(check) -> None:
    outcome = OURS.run(check)
    assert outcome.verdict == "right", outcome.text()


def test_every_operator_has_every_aspect() -> None:
    ids = [check.id for check in Suite().checks]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[\w.-]+", name) for name in ids)
    for op in refimpl.OPERATORS:
        aspects = {check.aspect for check in Suite(None, op.id).checks}
        expected = {"runs", "value", "linear", "pure", "repeatable", "float32", "strided"}
        expected |= {f"gradient of {name}" for name in op.differentiable}
        expected |= {f"{'bad input' if case.error else 'case'} {case.name}" for case in op.cases}
        expected |= {f"law {law.name} forward" for law in op.laws if law.forward and not law.false}
        expected |= {f"law {law.name} backward" for law in op.laws if law.backward and not law.false}
        assert aspects == expected | ({"batch"} & aspects)


def test_a_right_implementation_passes_everything_it_offers() -> None:
    found = outcomes(ports.swap, examples=4)
    failed = [outcome.text() for outcome in found.values() if outcome.failed]
    assert not failed
    for aspect in ("value", "gradient of beta", "batch", "strided", "float32", "repeatable", "bad input beta 0"):
        assert found[aspect].verdict == "right", found[aspect]
    assert found["gradient of lam"].verdict == "vacuous"


@pytest.mark.parametrize(
    ("implementation", "aspect", "says"),
    [
        (ports.twice, "gradient of b", "right times 2"),
        (ports.clipped, "linear", "not linear in the cotangent"),
        (ports.affine, "linear", "zero cotangent|not linear"),
        (ports.writes, "pure", "forward pass writes into its argument a"),
        (ports.writes_cotangent, "pure", "writes into the cotangent"),
        (ports.stale, "repeatable", "another input came in between"),
        (ports.noisy, "repeatable", "equal call gives another value"),
        (ports.single_inside, "value", "entries off"),
        (ports.careless, "bad input complex a", "is accepted"),
        (ports.careless, "bad input beta 0", "is accepted"),
        (ports.careless, "bad input infinite b", "is accepted"),
        (ports.later_rows, "batch", "row [12] of a batch has another value"),
        (ports.contiguous_only, "strided", "strided arrays give another value"),
        (ports.writable_only, "strided", "read-only"),
        (ports.raises, "runs", "ZeroDivisionError: oops"),
        (ports.shapeless, "runs", "axis of length 1"),
        (ports.twice, "law sum backward", "ga \\+ gb"),
        (ports.twice, "case saturated", "entries off"),
        (ports.twice, "float32", "entries off"),
    ],
)
def test_what_is_wrong_fails_the_check_made_for_it(implementation, aspect, says) -> None:
    outcome = outcomes(implementation, [aspect])[aspect]
    assert outcome.failed, outcome
    assert outcome.signature
    assert re.search(says, outcome.text()), outcome.text()


@pytest.mark.parametrize(
    ("implementation", "right"),
    [
        (ports.twice, ("runs", "value", "linear", "pure", "repeatable", "batch", "strided")),
        (ports.stale, ("runs", "value", "linear", "pure")),
        (ports.later_rows, ("runs", "value", "linear", "pure", "strided")),
        (ports.careless, ("runs", "gradient of a", "linear")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_and_no_other(implementation, right) -> None:
    found = outcomes(implementation, right)
    assert {aspect: outcome.verdict for aspect, outcome in found.items()} == dict.fromkeys(right, "right")


def test_a_failure_is_small_and_can_be_seen_again() -> None:
    outcome = outcomes(ports.twice, ["gradient of a"])["gradient of a"]
    assert outcome.sizes is not None
    assert outcome.sizes["n"] == 1
    assert outcome.signature == "constant_factor"
    assert outcome.args is not None
    assert outcome.args["cdf"] == "logistic"
    line = outcome.reproduction.partition("; ")[2].removeprefix("print(").removesuffix(")")
    text = eval(line, {"replay": replay, "IMPL": ports.TWICE})  # as a user pastes it
    assert "WRONG" in text
    assert outcome.shown in text
    with pytest.raises(LookupError, match=r"did you mean sorting\.swap-gradient-of-"):
        replay(ports.TWICE, "sorting.swap-gradient-of-alpha")


def test_a_bug_behind_one_name_is_found_though_few_inputs_are_drawn() -> None:
    def wrong_for_art(x, *, network, cdf, beta, lam=None):
        y, pull = refimpl.sorting.network_sort.vjp(x, network=network, cdf=cdf, beta=beta, lam=lam)
        return (y + 1.0 if cdf == "wigner" else y), pull

    suite = Suite({"sorting.network_sort": wrong_for_art}, "network_sort", examples=1)
    for check in suite.checks:
        if check.aspect == "value":
            assert suite.run(check).failed


def test_same_inputs_in_every_run_and_others_with_another_seed() -> None:
    seen: list[list[float]] = []

    def recording(a, b, *, cdf, beta):
        seen[-1].append(float(np.sum(a)))
        return ports.swap(a, b, cdf=cdf, beta=beta)

    for seed in (0, 0, 1):
        seen.append([])
        outcomes(recording, ["runs"], seed=seed)
    assert seen[0] == seen[1] != seen[2]


def test_absent_operators_and_gradients_are_not_offered() -> None:
    def without_beta(a, b, *, cdf, beta):
        y, pullback = ports.swap(a, b, cdf=cdf, beta=beta)
        return y, lambda g: dict(zip("ab", pullback(g)[:2], strict=True))

    def skipping(a, b, *, cdf, beta):
        raise NotOffered

    assert outcomes(without_beta, ["gradient of beta"])["gradient of beta"].verdict == "not offered"
    assert {outcome.verdict for outcome in outcomes(skipping, examples=2).values()} <= {"not offered", "vacuous"}
    suite = Suite(ports.RIGHT, "sorting", ports.ONLY, examples=2)
    others = {suite.run(check).verdict for check in suite.checks if check.op.id != SWAP}
    assert others == {"not offered"}


def test_arrays_that_a_framework_cannot_be_handed_are_not_bad_input_for_it() -> None:
    pytest.importorskip("torch")
    import torch

    def with_torch(a, b, *, cdf, beta):
        alpha = torch.sigmoid(beta * (b - a))
        return alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b

    suite = Suite(Impl("torch").add(SWAP, with_torch, framework="torch"), SWAP, ports.ONLY, examples=3)
    found = {check.aspect: suite.run(check) for check in suite.checks}
    assert found["bad input complex a"].verdict == "not offered"
    assert found["bad input masked b"].verdict == "not offered"
    assert found["bad input beta 0"].verdict == "wrong"
    for aspect in ("runs", "value", "gradient of beta", "batch", "strided", "pure", "repeatable", "float32"):
        assert found[aspect].verdict == "right", found[aspect]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (({"sorting.swop": ports.swap},), LookupError, "did you mean 'sorting.swap'"),
        (({"other": ports.swap},), CannotLoad, "names no operator"),
        (("no_such_module:x",), CannotLoad, "no_such_module"),
        ((ports.RIGHT, "sorting.swop"), LookupError, "did you mean sorting.swap"),
        ((ports.RIGHT, SWAP, {"cfd": "logistic"}), ValueError, "did you mean 'cdf'"),
        ((ports.RIGHT, SWAP, {"cdf": "logit"}), ValueError, "nothing sorting.swap draws"),
        ((ports.RIGHT, SWAP, {"beta": -1.0}), ValueError, "outside the domain"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments, error, says) -> None:
    with pytest.raises(error, match=says):
        Suite(*arguments)


def test_an_alarm_ends_what_does_not_end() -> None:
    def forever() -> None:
        while True:
            try:
                pass
            except Exception:
                pass

    with pytest.raises(Hung), alarm(0.05):
        forever()
    with alarm(60.0):
        pass
