"""Output shapes before there are numbers: stand-ins from the domain, and what is held fixed."""

from __future__ import annotations

import numpy as np
import pytest

from refimpl import OPERATORS, sorting
from refimpl.bridges import shapes
from refimpl.bridges.shapes import Fixed, Kind


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_shapes_and_dtypes_are_those_that_come_out(op, dtype):
    for seed in range(60):
        args = op.sample(np.random.default_rng(seed))
        arrays = {name: np.asarray(args[name], dtype) for name in op.differentiable if name in args}
        fixed = {name: value for name, value in args.items() if name not in arrays}
        y = op.value(**fixed, **arrays)
        kinds = {name: Kind(array.shape, array.dtype) for name, array in arrays.items()}
        found = shapes.outputs(op, kinds, Fixed(op, fixed))
        assert found == tuple(Kind(one.shape, one.dtype) for one in (y if isinstance(y, tuple) else (y,)))


def test_stand_ins_lie_in_the_domain_and_have_the_shapes_asked_for():
    arrays = {"x": Kind((5, 3), np.dtype("f4")), "beta": Kind((5,), np.dtype("i8")), "lam": Kind((), np.dtype("f8"))}
    for draw in range(shapes.DRAWS):
        found = shapes.stand_ins(sorting.network_sort, arrays, draw)
        assert {name: Kind(array.shape, array.dtype) for name, array in found.items()} == arrays
        assert (found["beta"] >= 0).all()
        assert 0.0 <= found["lam"] < 1.0
    kinds = shapes.outputs(sorting.network_permutation, arrays, Fixed(sorting.network_permutation, {"cdf": "art"}))
    assert kinds == (Kind((5, 3, 3), np.dtype("f4")),)


def test_what_no_numbers_can_mend_is_refused_in_the_operators_words():
    arrays = {"x": Kind((5, 3), np.dtype("f8")), "beta": Kind((2,), np.dtype("f8"))}
    with pytest.raises(ValueError, match=r"network_sort: argument 'beta' has shape \(2,\)"):
        shapes.outputs(sorting.network_sort, arrays, Fixed(sorting.network_sort, {}))


def test_what_is_held_fixed_is_compared_by_what_it_holds():
    assert Fixed(sorting.swap, {"beta": 1}) != Fixed(sorting.swap, {"beta": True})
    assert Fixed(sorting.swap, {"beta": 0.0}) != Fixed(sorting.swap, {"beta": -0.0})
    assert Fixed(sorting.swap, {"beta": np.ones(2)}) == Fixed(sorting.swap, {"beta": np.ones(2)})
