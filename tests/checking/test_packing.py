"""Outputs of several shapes in one array, and back; and a whole check of an operator that has them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from ours import same_bits

from refimpl.checking import check
from refimpl.checking.packing import BadAnswer, pack, parts, stacks, unpack
from refimpl.op import AnyOp, Arg, Op, Out, Source, Tol
from refimpl.sorting import network_sort, swap


class Outputs(NamedTuple):
    total: Any
    square: Any


class Residuals(NamedTuple):
    x: Any


class Gradients(NamedTuple):
    x: Any


def value(x: Any) -> Outputs:
    return forward(x)[0]


def forward(x: Any) -> tuple[Outputs, Residuals]:
    x = np.asarray(x)
    return Outputs(x.sum(-1), (x.astype(np.float64)[..., :, None] * x[..., None, :]).astype(x.dtype)), Residuals(x)


def backward(residuals: Residuals, cotangents: Any) -> Gradients:
    gtotal, gsquare = cotangents
    both = gsquare + np.swapaxes(gsquare, -1, -2)
    return Gradients(
        (np.asarray(gtotal)[..., None] + (both @ residuals.x[..., None])[..., 0]).astype(residuals.x.dtype)
    )


def declared(backward: Any) -> AnyOp:
    return Op(
        id="test.packed", value=value, forward=forward, backward=backward, gpu=None, no_gpu="a test",
        args=(Arg(name="x", shape="... n", domain="finite", sample=lambda rng, size: rng.standard_normal(size["n"])),),
        outputs=(Out(name="total", shape="..."), Out(name="square", shape="... n n")),
        backward_is="derivative", oracle=lambda x: tuple(value(x)), sources=(Source(where="here", what="all"),),
        tol=Tol(value=64.0, gradient=64.0, why="sums of a few products"), sizes=lambda rng: {"n": int(rng.integers(1, 5))},
    )  # fmt: skip


def test_outputs_of_several_shapes_lie_side_by_side_and_come_apart_again() -> None:
    op, x = declared(backward), np.arange(6.0).reshape(2, 3)
    y = op(x)
    packed = pack(op, tuple(y))
    assert packed.shape == (2, 1 + 9)
    same_bits(tuple(unpack(op, {"x": x}, packed)), tuple(y))
    assert not stacks(op)


def test_outputs_of_one_shape_are_stacked_and_one_output_is_itself() -> None:
    low, high = swap(np.zeros(3), np.ones(3), beta=1.0)
    assert stacks(swap)
    same_bits(pack(swap, (low, high)), np.stack([low, high]))
    same_bits(unpack(swap, {}, np.stack([low, high])), (low, high))
    assert parts(network_sort, {}, low)[0] is pack(network_sort, low) is low


@pytest.mark.parametrize("outputs", [(np.zeros(2),), (np.zeros(2), np.zeros((3, 3, 3))), (np.zeros(2), np.zeros(3))])
def test_outputs_that_do_not_belong_together_are_refused(outputs: tuple[Any, ...]) -> None:
    op = declared(backward)
    if len(outputs) == 1:
        assert pack(op, outputs) is outputs[0]
        return
    with pytest.raises(BadAnswer, match=r"outputs of shapes .*; expected total \(\.\.\.\), square \(\.\.\. n n\)"):
        pack(op, outputs)


def test_an_operator_with_outputs_of_several_shapes_is_checked_whole() -> None:
    assert check(declared(backward)).verdict == "right"


def test_a_wrong_backward_pass_of_one_of_them_is_refused() -> None:
    def halved(residuals: Residuals, cotangents: Any) -> Gradients:
        return backward(residuals, (cotangents[0], 0.5 * np.asarray(cotangents[1])))

    def vjp(x: Any) -> Any:
        y, residuals = forward(x)
        return y, lambda g: halved(residuals, g)

    assert check(declared(backward), vjp).verdict == "wrong"
