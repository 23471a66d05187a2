"""Golden vectors as people use them: loading and verifying; what is wrong is refused, by name."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from refimpl.catalog import OPERATORS
from refimpl.checking import vectors
from refimpl.checking.doors import Impl
from refimpl.checking.implementation import NotOffered
from refimpl.checking.vectors_export import fields
from refimpl.checking.vectors_format import FOLDER, KINDS, TAGS, manifest
from refimpl.op import AnyOp

BUDGET = 1_500_000  # bytes, compressed, in the wheel
SWAP = "sorting.swap"
IDS = [op.id for op in OPERATORS]
every_operator = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)


def wrapped(op: AnyOp, change: Callable[[str, Any], Any]) -> Callable[..., Any]:
    """Our own operator with every gradient put through ``change``."""

    def run(*args: Any, **keywords: Any) -> Any:
        y, pullback = op.vjp(*args, **keywords)

        def pull(g: Any) -> dict[str, Any]:
            return {name: change(name, grad) for name, grad in pullback(g)._asdict().items() if grad is not None}

        return y, pull

    return run


def single(value: Any) -> Any:
    return np.asarray(value, np.float32).astype(np.float64)


# what comes with the library


def test_every_operator_has_vectors_with_enough_cases_and_their_hashes() -> None:
    entries = {entry["op"]: entry for entry in manifest()["files"]}
    assert list(entries) == IDS
    for op in OPERATORS:
        raw = (FOLDER / entries[op.id]["file"]).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == entries[op.id]["sha256"]
        assert len(raw) == entries[op.id]["bytes"]
        assert entries[op.id]["cases"] == len(vectors.load(op)) >= 25


def test_they_fit_into_the_wheel() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in FOLDER.iterdir()) <= BUDGET


@every_operator
def test_cases_are_small_and_say_what_they_are_for(op: AnyOp) -> None:
    cases = vectors.load(op)
    assert {"basic", "ties", "kink", "nan", "empty"} & {tag for case in cases for tag in case.tags}
    for case in cases:
        assert set(case.tags) <= set(TAGS)
        assert case.kind in KINDS
        assert case.note
        assert all(array.size <= 64 for _, array in fields(case))
        if case.cotangents is not None:
            assert set(case.grads) == {name for name in op.differentiable if name in case.args}
            assert all(grad.shape == np.shape(case.args[name]) for name, grad in case.grads.items())
        else:
            assert not case.grads


def test_request_numbers_are_unique_and_fit_into_32_bits() -> None:
    numbers = [case.request for op in OPERATORS for case in vectors.load(op)]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < 2**31


def test_this_library_is_right_on_all_of_them() -> None:
    found = vectors.verify()
    assert found.exit_code == 0, found.text()
    assert {one.verdict for one in found.judged} == {"right"}
    assert all(row["gradients"] == row["asked"] for row in found.rows())


# wrong implementations are refused, and the tag says what kind of bug


@every_operator
@pytest.mark.parametrize(
    "change",
    [lambda name, g: 2.0 * g, lambda name, g: -g, lambda name, g: g * (1.0 + 1e-9)],
    ids=["twice", "sign", "off by 1e-9"],
)
def test_a_wrong_gradient_is_refused(op: AnyOp, change: Callable[[str, Any], Any]) -> None:
    if not any(case.grads for case in vectors.load(op)):
        pytest.skip("values only")
    found = vectors.verify(Impl("wrong").add(op, wrapped(op, change)), [op])
    assert found.exit_code == 1
    assert "basic" in {tag for one in found.wrong for tag in one.case.tags}


@every_operator
def test_one_wrong_argument_is_named(op: AnyOp) -> None:
    name = list(next(case for case in vectors.load(op) if case.grads).grads)[-1]
    found = vectors.verify(Impl("wrong").add(op, wrapped(op, lambda n, g: 1.5 * g if n == name else g)), [op])
    faults = [one.detail for one in found.wrong]
    assert faults
    assert all(f"gradient of {name}" in fault for fault in faults)
    assert not any("value" in fault for fault in faults)


def test_float32_inside_is_caught_by_near_ties() -> None:
    op = next(op for op in OPERATORS if op.id == SWAP)

    def port(a: Any, b: Any, **keywords: Any) -> Any:
        y, pullback = op.vjp(single(a), single(b), **keywords)
        return y, pullback

    found = vectors.verify(Impl("float32 inside").add(op, port), [op])
    near = [one for one in found.judged if "near_ties" in one.case.tags and one.case.kind != "invalid"]
    assert near
    assert {one.verdict for one in near} == {"wrong"}
    assert "near_ties" in found.text()
    assert "in float32 it is 0" in found.text()


def test_a_tail_computed_as_1_minus_f_is_caught_by_saturated() -> None:
    op = next(op for op in OPERATORS if op.id == "distributions.cdf")

    def port(x: Any, **keywords: Any) -> Any:
        flipped = {**keywords, "reversed": not keywords["reversed"]}
        _, pullback = op.vjp(x, **keywords)
        other = op(-np.asarray(x), **{**flipped, "shift": keywords["shift"]})
        return 1.0 - other, pullback

    found = vectors.verify(Impl("1 - F").add(op, port), [op])
    assert found.exit_code == 1
    assert "saturated" in {tag for one in found.wrong for tag in one.case.tags}


def test_batch_state_is_caught_by_batch() -> None:
    """Gradients of every row from the first one."""
    op = next(op for op in OPERATORS if op.id == "sorting.network_sort")

    def stale(name: str, g: Any) -> Any:
        return np.broadcast_to(g[:1], g.shape).copy() if name == "x" and np.ndim(g) > 1 and g.size else g

    found = vectors.verify(Impl("stale").add(op, wrapped(op, stale)), [op])
    assert found.exit_code == 1
    assert all("batch" in one.case.tags for one in found.wrong)


def test_an_input_that_must_be_refused_is() -> None:
    op = next(op for op in OPERATORS if op.id == SWAP)

    def lenient(a: Any, b: Any, **keywords: Any) -> Any:
        try:
            return op.vjp(a, b, **keywords)
        except (TypeError, ValueError):
            return (np.zeros(3), np.zeros(3)), lambda g: {}

    found = vectors.verify(Impl("lenient").add(op, lenient), [op])
    assert {one.case.kind for one in found.wrong} == {"invalid"}
    assert "must be refused: beta 0" in found.text()
    assert found.without_refusals().exit_code == 0


def test_what_is_missing_is_counted_and_nothing_is_not_green() -> None:
    op = next(op for op in OPERATORS if op.id == SWAP)

    def cauchy(a: Any, b: Any, *, cdf: str, **keywords: Any) -> Any:
        if cdf != "cauchy":
            raise NotOffered(cdf)
        return op.vjp(a, b, cdf=cdf, **keywords)

    found = vectors.verify(Impl("some").add(op, cauchy))
    rows = {row["operator"]: row for row in found.rows()}
    assert found.exit_code == 0
    assert rows[SWAP]["right"] > 10
    assert rows[SWAP]["not offered"] > 20
    assert all(rows[other]["not offered"] == rows[other]["cases"] for other in IDS if other != SWAP)
    assert vectors.verify(Impl("nothing")).exit_code == 5
    silent = Impl("values only").add(op, lambda *a, **k: (op(*a, **k), lambda g: {}))
    assert vectors.verify(silent, [op]).exit_code == 5
    assert "no gradient was answered" in vectors.verify(silent, [op]).text()


def test_a_crash_is_a_verdict_and_hides_nothing() -> None:
    op = next(op for op in OPERATORS if op.id == SWAP)

    def fragile(a: Any, b: Any, **keywords: Any) -> Any:
        if np.ndim(a) == 2:
            raise ZeroDivisionError("two axes")
        return op.vjp(a, b, **keywords)

    found = vectors.verify(Impl("fragile").add(op, fragile), [op])
    assert found.exit_code == 4
    assert {one.verdict for one in found.judged} == {"right", "crashed"}
    assert "ZeroDivisionError: two axes" in found.text()
