"""k of n: what counts as a whole number, and the one message for what does not, in every operator that asks for one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from refimpl import topk
from refimpl.boundary import Gate
from refimpl.topk.counts import wanted

S4 = np.array([0.4, -1.3, 2.2, 0.9])
gate = Gate("topk.some")

ASKED = {
    "neural_topk": lambda k: topk.neural_topk(S4, k=k, tau=1.0),
    "soft_topk": lambda k: topk.soft_topk(S4, k=k, tau=1.0),
    "sinkhorn_topk": lambda k: topk.sinkhorn_topk(S4, k=k, eps=0.5, iterations=2),
    "subset": lambda k: topk.subset(S4, 0, k),
}
FLOATS = (2.0, 1.5, np.float64(2.0), np.float32(2.0), np.array(2.0), float("nan"))
TRUTHS = (True, False, np.True_, np.array(True))
AXES = ([2], (2,), np.array([2]), np.array([[2]]), np.array([], np.int64), np.array([2, 3]))
OTHERS = ("2", b"2", None, 2 + 0j)


@pytest.mark.parametrize("k", [3, np.int8(3), np.uint64(3), np.int64(3), np.array(3), np.array(3, np.uint8)])
def test_whole_numbers_of_any_width_are_accepted(k: Any) -> None:
    found = wanted(gate, k, 4)
    assert type(found) is int
    assert found == 3


@pytest.mark.parametrize("k", [*FLOATS, *TRUTHS, *AXES, *OTHERS], ids=repr)
def test_what_is_no_whole_number_is_a_type_error(k: Any) -> None:
    with pytest.raises(TypeError, match=r"topk\.some: argument 'k' is .*; expected a whole number from 1 to n = 4$"):
        wanted(gate, k, 4)


@pytest.mark.parametrize("k", [0, -1, 5, 2**70, np.int64(-3), np.array(5)])
def test_a_whole_number_out_of_range_is_a_value_error(k: Any) -> None:
    with pytest.raises(ValueError, match=rf"argument 'm' is {int(k)}; expected a whole number from 1 to n = 4$"):
        wanted(gate, k, 4, "m")


def test_of_nothing_any_whole_number_passes() -> None:
    assert wanted(gate, 1, 0) == 1
    with pytest.raises(TypeError, match="expected a whole number"):
        wanted(gate, 1.0, 0)


@pytest.mark.parametrize("name", ASKED)
def test_all_operators_ask_the_same(name: str) -> None:
    ask, argument = ASKED[name], "m" if name == "subset" else "k"
    says = rf"topk\.{name}: argument '{argument}' is .*; expected a whole number from 1 to n = 4$"
    for k in (2.0, True, np.True_, "2", None, np.array([2])):
        with pytest.raises(TypeError, match=says):
            ask(k)
    for k in (0, 5):
        with pytest.raises(ValueError, match=says):
            ask(k)
    for k in (np.int16(2), np.array(2)):
        assert np.array_equal(ask(k), ask(2))
