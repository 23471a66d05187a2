"""The declaration, the four ways to call an operator, and its docstring."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import Ours, agree, call, same_bits, value, vjp

from refimpl import boundary
from refimpl.catalog import OPERATORS
from refimpl.checking.packing import pack, unpack
from refimpl.law import Law
from refimpl.op import AnyOp, Arg, Case, Tol

every_operator = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
seeds = st.integers(0, 2**32 - 1)

SECTIONS = ["Parameters", "Returns", "Residuals", "Raises", "VJP", "Not smooth", "Numerics", "Source", "Examples"]
LINEAR = 16.0  # gauged ulps: a pullback that is linear in exact arithmetic adds up the same few products twice
FAR = 1e6  # gauged ulps: a false law is false by far more than rounding


# the declaration -----------------------------------------------------------------------------------------------------


@every_operator
def test_an_operator_without_a_source_is_refused(op: AnyOp) -> None:
    with pytest.raises(AssertionError, match=f"{op.id} names no source"):
        dataclasses.replace(op, sources=())


@every_operator
def test_a_declaration_that_forgets_an_argument_is_refused(op: AnyOp) -> None:
    with pytest.raises(AssertionError, match="declares"):
        dataclasses.replace(op, args=op.args[:-1])


@every_operator
def test_a_declaration_with_arguments_out_of_order_is_refused(op: AnyOp) -> None:
    with pytest.raises(AssertionError, match="declares"):
        dataclasses.replace(op, args=op.args[::-1] if len(op.args) > 1 else op.args * 2)


@every_operator
def test_no_gpu_twin_needs_a_reason_and_a_twin_needs_none(op: AnyOp) -> None:
    with pytest.raises(AssertionError, match="GPU twin"):
        dataclasses.replace(op, gpu=None, no_gpu="")
    with pytest.raises(AssertionError, match="GPU twin"):
        dataclasses.replace(op, gpu="somewhere", no_gpu="a reason")


def test_a_tolerance_a_false_law_and_an_expected_value_need_their_reasons() -> None:
    def nothing(run: Any, args: Any, rng: Any) -> Any:
        return None

    with pytest.raises(AssertionError, match="reason"):
        Tol(value=1.0, gradient=1.0, why="")
    with pytest.raises(AssertionError, match="counterexample"):
        Law(name="a", statement="b", forward=nothing, false=True)
    with pytest.raises(AssertionError, match="counterexample"):
        Law(name="a", statement="b", forward=nothing, counterexample={})
    with pytest.raises(AssertionError, match="empty"):
        Law(name="empty", statement="b")
    with pytest.raises(AssertionError, match="where the expected value comes from"):
        Case(name="a", args={}, expect=1.0)
    with pytest.raises(AssertionError):
        Arg(name="a", shape="", domain="", differentiable=True, why_not="contradicts")


def test_a_declaration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        OPERATORS[0].id = "another"  # type: ignore[misc]


# calling -------------------------------------------------------------------------------------------------------------


@every_operator
@given(seed=seeds)
def test_call_vjp_forward_and_backward_agree_bit_for_bit(op: AnyOp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = op.sample(rng)
    positional, keywords = call(op, args)
    y, pullback = op.vjp(*positional, **keywords)
    again, residuals = op.forward(*positional, **keywords)
    g = unpack(op, args, rng.standard_normal(pack(op, y).shape))
    same_bits(y, op(*positional, **keywords))
    same_bits(y, again)
    same_bits(pullback(g), op.backward(residuals, g))
    same_bits(pullback(g), pullback(g))


@every_operator
@given(seed=seeds)
def test_gradients_are_named_after_the_differentiable_arguments_and_shaped_like_them(op: AnyOp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = op.sample(rng)
    y, pullback = vjp(op, args)
    grads = pullback(unpack(op, args, rng.standard_normal(pack(op, y).shape)))
    assert grads._fields == op.differentiable
    for name, grad in grads._asdict().items():
        if name in args:
            assert np.shape(grad) == np.shape(args[name])
            assert np.isfinite(grad).all()
        else:
            assert next(arg for arg in op.args if arg.name == name).optional
            assert grad is None


@every_operator
def test_the_same_bits_wherever_arrays_lie_in_memory(op: AnyOp) -> None:
    """A compiler may add in another order where arrays lie otherwise: then the same input has several answers."""
    rng = np.random.default_rng(11)
    for _ in range(3):
        args = op.sample(rng)
        g = rng.standard_normal(pack(op, value(op, args)).shape)
        found, garbage = [], []
        for offset in range(6):
            boundary._scratch.__dict__.clear()
            garbage.append(np.empty(int(rng.integers(1, 3000))))
            moved = {name: elsewhere(v, offset) if isinstance(v, np.ndarray) else v for name, v in args.items()}
            y, pullback = vjp(op, moved)
            cotangent = unpack(op, args, elsewhere(g, offset))
            found.append((y, pullback(cotangent)))
        for y, gradients in found[1:]:
            same_bits(
                tuple(y) if isinstance(y, tuple) else y, tuple(found[0][0]) if isinstance(y, tuple) else found[0][0]
            )
            same_bits(tuple(gradients), tuple(found[0][1]))


def elsewhere(array: Any, offset: int) -> Any:
    """The same numbers, ``offset`` entries into a fresh buffer."""
    buffer = np.empty(array.size + offset, array.dtype)
    buffer[offset:] = array.ravel()
    return buffer[offset:].reshape(array.shape)


@every_operator
@given(seed=seeds)
def test_the_pullback_is_linear(op: AnyOp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = op.sample(rng)
    y, pullback = vjp(op, args)
    shape = pack(op, y).shape
    g, h = rng.standard_normal(shape), rng.standard_normal(shape)
    three = (pullback(unpack(op, args, one)) for one in (g, h, 2.0 * g - h))
    for of_g, of_h, of_both in zip(*three, strict=True):
        if of_g is not None:
            size = max(np.abs(of_g).max(initial=0.0), np.abs(of_h).max(initial=0.0), 1.0) * g.size
            agree(of_both, 2.0 * of_g - of_h, LINEAR, gauge=size)


@every_operator
@given(seed=seeds)
def test_values_agree_with_the_oracle(op: AnyOp, seed: int) -> None:
    args = op.sample(np.random.default_rng(seed))
    want = pack(op, op.oracle(**args))
    agree(pack(op, value(op, args)), want, 4 * op.tol.value, gauge=np.abs(want).max(initial=1.0))


@every_operator
def test_arguments_may_be_passed_by_name(op: AnyOp) -> None:
    args = op.sample(np.random.default_rng(3))
    same_bits(op(**args), value(op, args))
    same_bits(op.vjp(**args)[0], value(op, args))


@every_operator
def test_missing_and_unknown_arguments_are_type_errors(op: AnyOp) -> None:
    args = op.sample(np.random.default_rng(3))
    positional, keywords = call(op, args)
    with pytest.raises(TypeError, match="nonsense"):
        op(*positional, **keywords, nonsense=1)
    with pytest.raises(TypeError, match="missing"):
        op()


class Foreign:
    """Stands for a CuPy array: the type's module is all that dispatch looks at."""


Foreign.__module__ = "cupy"


@pytest.mark.parametrize("how", ["first", "by name", "by name, last"])
@every_operator
def test_a_cupy_array_is_recognised_however_it_is_passed(op: AnyOp, how: str) -> None:
    here = dataclasses.replace(op, gpu=None, no_gpu="a reason")
    positional, keywords = call(op, op.sample(np.random.default_rng(0)))
    names = list(op.signature.parameters)[: len(positional)]
    arrays = {name: Foreign() for name in names}
    positional = list(arrays.values()) if how == "first" else []
    keywords = {"first": keywords, "by name": arrays | keywords, "by name, last": keywords | arrays}[how]
    for run in (here, here.vjp):
        with pytest.raises(TypeError, match=f"{op.id}: got a CuPy array, and there is no GPU twin: a reason"):
            run(*positional, **keywords)


# laws and cases ------------------------------------------------------------------------------------------------------


def pairs(false: bool) -> list[Any]:
    found = [(op, law) for op in OPERATORS for law in op.laws if law.false == false]
    return [pytest.param(op, law, id=f"{op.id}: {law.name}") for op, law in found]


@pytest.mark.parametrize(("op", "law"), pairs(false=False))
def test_every_law_holds_on_samples(op: AnyOp, law: Law) -> None:
    applied = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 2024])
        args = op.sample(rng)
        if not law.applies(args):
            continue
        applied += 1
        for identity, tolerance in ((law.forward, op.tol.value), (law.backward, op.tol.gradient)):
            if identity is not None:
                left, right, gauge = identity(Ours(op), args, rng)
                agree(left, right, 2 * tolerance, gauge=gauge)  # both sides are rounded
    assert applied >= 5, "a law that never applies says nothing"


@pytest.mark.parametrize(("op", "law"), pairs(false=True))
def test_every_false_law_is_false_at_its_counterexample(op: AnyOp, law: Law) -> None:
    assert law.counterexample is not None
    for identity in (law.forward, law.backward):
        if identity is not None:
            left, right, _ = identity(Ours(op), law.counterexample, np.random.default_rng(0))
            with pytest.raises(AssertionError):
                agree(left, right, FAR, gauge=np.abs(right).max(initial=1.0))


def cases(refused: bool) -> list[Any]:
    found = [(op, case) for op in OPERATORS for case in op.cases if (case.error is not None) == refused]
    return [pytest.param(op, case, id=f"{op.id}: {case.name}") for op, case in found]


@pytest.mark.parametrize(("op", "case"), cases(refused=True))
def test_every_refusal_names_operator_argument_and_expectation(op: AnyOp, case: Case) -> None:
    assert case.error is not None
    error, text = case.error
    with pytest.raises(error) as raised:
        value(op, case.args)
    message = str(raised.value)
    assert text in message
    names = "|".join(op.signature.parameters)
    assert re.fullmatch(rf"{re.escape(op.id)}: argument '({names})' (is|has|holds|uses) .+; expected .+", message)


@every_operator
def test_gradients_of_the_largest_float32_cotangents_are_numbers(op: AnyOp) -> None:
    """What leaves the range of float32 becomes its largest number: no infinity, no warning."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        args = op.sample(rng)
        single = {
            k: v.astype(np.float32) if isinstance(v, np.ndarray) and v.dtype == float else v for k, v in args.items()
        }
        y, pullback = op.vjp(**single)
        parts = y if isinstance(y, tuple) else (y,)
        cotangents = tuple(np.asarray(rng.choice([-3e38, 3e38], np.shape(part)), np.float32) for part in parts)
        for gradient in pullback(cotangents if isinstance(y, tuple) else cotangents[0]):
            assert gradient is None or np.isfinite(gradient).all()


@pytest.mark.parametrize(("op", "case"), cases(refused=False))
def test_every_case_gives_its_expected_value_and_finite_gradients(op: AnyOp, case: Case) -> None:
    y, pullback = vjp(op, case.args)
    if case.expect is not None:
        # the sheet prints 12 to 15 digits
        want = pack(op, case.expect)
        printed = 5e-15 if "distributions" in op.id else 5e-13
        assert np.abs(pack(op, y) - want).max() < printed * max(1.0, np.abs(want).max())
    if "nan" in case.tags:  # what does not depend on it stays a number
        assert np.isnan(pack(op, y)).any()
        assert np.isfinite(pack(op, y)).any()
        return
    assert np.isfinite(pack(op, y)).all()
    g = np.random.default_rng(1).standard_normal(pack(op, y).shape)
    for grad in pullback(unpack(op, case.args, g)):
        assert grad is None or np.isfinite(grad).all()


@every_operator
def test_names_of_cases_and_laws_are_unique(op: AnyOp) -> None:
    for names in ([case.name for case in op.cases], [(law.name, law.false) for law in op.laws]):
        assert len(set(names)) == len(names)


# docstrings ----------------------------------------------------------------------------------------------------------


def sections(op: AnyOp) -> dict[str, str]:
    """Header -> body; the text before the first header stands under ''."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", op.__doc__ or "", flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@every_operator
def test_docstrings_have_their_sections_in_order(op: AnyOp) -> None:
    found = sections(op)
    assert [name for name in found if name] == SECTIONS
    sentence, _, equation = found[""].partition("\n")
    assert sentence.endswith(".")
    assert re.search(r"^    \S.*=", equation, re.MULTILINE), "the equation comes next"
    assert all(body.strip() for body in found.values())


@every_operator
def test_documented_parameters_are_those_of_the_signature(op: AnyOp) -> None:
    heads = re.findall(r"^(\w[\w, ]*?)(?: :.*)?$", sections(op)["Parameters"], re.MULTILINE)
    documented = [name for head in heads for name in head.split(", ")]
    assert documented == list(op.signature.parameters)


@every_operator
def test_value_forward_and_operator_share_one_signature(op: AnyOp) -> None:
    assert inspect.signature(op.value).parameters == inspect.signature(op.forward).parameters
    assert str(op.signature) in repr(op)


@every_operator
def test_every_line_of_a_derivation_is_carried_by_the_kernel(op: AnyOp) -> None:
    text = Path(inspect.getsourcefile(op.backward) or "").read_text()
    derivation, code = text.partition("# Derivation")[2].partition("@")[::2]
    numbers = set(re.findall(r"^#\s+\((\d+)\)", derivation, re.MULTILINE))
    carried = set(re.findall(r"\((\d+)\)", " ".join(re.findall(r"  #((?: \(\d+\))+)$", code, re.MULTILINE))))
    if not re.search("^@(kernel|inlined|reduction|specialised)", text, re.MULTILINE):
        assert re.search("[Dd]erivation", text), "it has no kernel of its own, and says where the derivation is"
        return
    assert numbers
    assert numbers == carried


@every_operator
def test_sources_and_tolerance_are_told(op: AnyOp) -> None:
    assert all(source.where and source.what for source in op.sources)
    assert op.tol.why
    assert re.search("thesis|AlgoNet", sections(op)["Source"])
