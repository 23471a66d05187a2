"""Every GPU operator in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operator.

A process of its own: ``NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu/test_simulator.py``. The simulator checks indexing and
algebra; typing is checked by ``test_ptx.py``, races and divergence by neither.
"""

from __future__ import annotations

import importlib
import inspect
import os
from typing import Any

import numpy as np
import pytest

from refimpl import boundary
from refimpl.catalog import OPERATORS
from refimpl.checking.compare import compare
from refimpl.op import AnyOp, Case
from refimpl.scalars.distributions import FAMILIES
from refimpl.scalars.swaps import CDFS

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

TWINS = [op for op in OPERATORS if op.gpu]
SORT = ("sorting.network_sort", "sorting.network_permutation")
ONE_TEXT = 64.0  # gauged ulps: the same scalars in the same order, but sums of some 100 terms that cancel, in another
CUSTOM = [[(0, 2), (1, 3)], [(0, 1), (2, 3)], [(1, 2)]]


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs and workspace start as NaN: what a kernel forgets to write is seen."""
    monkeypatch.setattr(boundary, "poison", True)


def find(name: str) -> AnyOp:
    return next(op for op in OPERATORS if op.id == name)


def twin(op: AnyOp) -> Any:
    assert op.gpu
    return importlib.import_module(op.gpu)


def blocks(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def agree(got: Any, want: Any) -> None:
    """Same fields, shapes and dtypes, and numbers within ONE_TEXT ulps of the largest in their array."""
    assert len(blocks(got)) == len(blocks(want))
    for ours, theirs in zip(blocks(got), blocks(want), strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is None:
            continue
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        finite = np.abs(theirs[np.isfinite(theirs)])
        gauge = float(finite.max(initial=0.0))
        found = compare(ours, theirs, dtype=theirs.dtype.name, gauge=gauge, ulps=ONE_TEXT)
        assert found.ok, found


def same(name: str, *args: Any, seed: int = 7, **keywords: Any) -> None:
    """Value, forward, and the pullback of a random cotangent are those of the CPU operator."""
    op = find(name)
    rng = np.random.default_rng(seed)
    want, saved = op.forward(*args, **keywords)
    got, residuals = twin(op).forward(*args, **keywords)
    agree(got, want)
    agree(twin(op).value(*args, **keywords), want)
    assert type(residuals) is type(saved)
    cotangents = tuple(rng.standard_normal(y.shape) for y in blocks(want))
    cotangent = cotangents if isinstance(want, tuple) else cotangents[0]
    agree(twin(op).backward(residuals, cotangent), op.backward(saved, cotangent))


# one thread per element ----------------------------------------------------------------------------------------------

ANY_X = np.array([[-1.5, -1.0, -0.25, 0.0], [0.7, 1.0, 1.5, 4.0]])
SPECIAL_X = np.array([np.nan, np.inf, -np.inf, 1e300, -1e-300, 0.5])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["distributions.cdf", "distributions.pdf"])
def test_distributions(name: str, family: str) -> None:
    shape = {"shape": np.array([[0.5], [2.5]])} if family == "gamma" else {}
    same(name, ANY_X, family=family, **shape)
    same(name, ANY_X, family=family, scale=np.array([0.5, 1.0, 2.0, 3.0]), shift=np.full((2, 1), 0.3),
         reversed=True, squared=True, **shape)  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the simulator multiplies with NumPy, which remarks on overflow
@pytest.mark.parametrize("family", ["cauchy", "gaussian", "uniform", "exponential", "levy", "gamma"])
@pytest.mark.parametrize("name", ["distributions.cdf", "distributions.pdf"])
def test_distributions_of_special_numbers(name: str, family: str) -> None:
    shape = {"shape": 2.5} if family == "gamma" else {}
    for x in SPECIAL_X:  # one at a time: a sum would spread one NaN over the gradients of the parameters
        same(name, np.array([x]), family=family, scale=2.0, **shape)


@pytest.mark.parametrize("cdf", CDFS)
def test_swap(cdf: str) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 3)), rng.standard_normal(3)
    a[0, 1] = b[1]  # a tie
    lam = {"lam": np.array([0.0, 0.25, 0.9])} if cdf == "art" else {}
    same("sorting.swap", a, b, cdf=cdf, beta=np.array([[0.5], [8.0]]), **lam)
    same("sorting.swap", np.array([1.0, np.nan]), np.array([np.nan, 2.0]), cdf=cdf, beta=2.0)


# networks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cdf", ["logistic", "optimal", "art", "heaviside", "laplace"])
@pytest.mark.parametrize("network", ["bitonic", "odd_even"])
@pytest.mark.parametrize("name", SORT)
def test_networks(name: str, network: str, cdf: str) -> None:
    x = np.random.default_rng(2).standard_normal((2, 5))
    x[1, 3] = x[1, 1]
    same(name, x, network=network, cdf=cdf, beta=np.array([0.7, 9.0]))


@pytest.mark.parametrize("name", SORT)
def test_networks_of_odd_sizes(name: str) -> None:
    rng = np.random.default_rng(3)
    same(name, rng.standard_normal(4), network=CUSTOM, beta=2.0)
    same(name, rng.standard_normal((3, 1)), beta=2.0)  # one wire, no comparator
    same(name, rng.standard_normal((2, 1, 3)), cdf="art", beta=np.array([2.0]), lam=np.array([[0.1], [0.6]]))
    same(name, np.array([1, 0, 2]), beta=np.array(2))  # integers
    same(
        name, rng.standard_normal(18), beta=2.0
    )  # a layer of 9 comparators, more than the simulator's block has threads
    same(name, np.asfortranarray(rng.standard_normal((2, 6)))[:, ::2], beta=2.0)


@pytest.mark.parametrize(("name", "shape"), [(SORT[0], (0, 4)), (SORT[1], (0, 4, 4))])
def test_networks_of_no_rows(name: str, shape: tuple[int, ...]) -> None:
    y, residuals = twin(find(name)).forward(np.ones((0, 4)), beta=2.0)
    gradients = twin(find(name)).backward(residuals, np.ones(shape))
    assert (y.shape, gradients.x.shape, float(gradients.beta)) == (shape, (0, 4), 0.0)


@pytest.mark.parametrize("name", SORT)
def test_nan_stays_with_what_depends_on_it(name: str) -> None:
    same(name, np.array([[0.3, np.nan, -1.0, 2.0], [0.1, 0.7, 0.2, 0.4]]), network=[[(0, 1)], [(2, 3)]], beta=2.0)


def test_the_matrix_in_blocks_of_rows_and_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace too small for all rows, or for a whole matrix, changes the order of sums at most."""
    module = twin(find("sorting.network_permutation"))
    x, gp = np.random.default_rng(4).standard_normal((3, 4)), np.random.default_rng(5).standard_normal((3, 4, 4))
    _, residuals = module.forward(x, beta=2.0)
    whole = module.backward(residuals, gp)
    column = 8 * (residuals.network.first.size + 4)  # bytes
    for columns, bits in ((0, False), (3, False), (4, True), (9, True)):
        monkeypatch.setattr(module, "WORKSPACE", columns * column)
        parts = module.backward(residuals, gp)
        agree(parts, whole)
        assert not bits or np.array_equal(parts.x, whole.x)  # blocks of rows leave the bits alone


# what holds for every operator ---------------------------------------------------------------------------------------

EXAMPLES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "distributions.cdf": ((ANY_X,), {"family": "cauchy", "scale": 2.0}),
    "distributions.pdf": ((ANY_X,), {"family": "gaussian", "scale": 2.0}),
    "sorting.swap": ((np.array([0.1, 1.0]), np.array([0.4, -2.0])), {"beta": 3.0}),
    "sorting.network_sort": ((np.array([0.1, 1.0, -0.3]),), {"beta": 3.0}),
    "sorting.network_permutation": ((np.array([0.1, 1.0, -0.3]),), {"beta": 3.0}),
}
every_twin = pytest.mark.parametrize("op", TWINS, ids=lambda op: op.id)


def test_every_twin_has_an_example() -> None:
    assert set(EXAMPLES) == {op.id for op in TWINS}


@every_twin
def test_signatures_are_those_of_the_cpu(op: AnyOp) -> None:
    for half in ("value", "forward", "backward"):
        assert inspect.signature(getattr(twin(op), half)) == inspect.signature(getattr(op, half))


@every_twin
def test_float32_is_the_rounded_float64(op: AnyOp) -> None:
    arrays, keywords = EXAMPLES[op.id]
    narrow = [array.astype(np.float32) for array in arrays]
    y, residuals = twin(op).forward(*narrow, **keywords)
    wide, wide_residuals = twin(op).forward(*(array.astype(np.float64) for array in narrow), **keywords)
    for ours, exact in zip(blocks(y), blocks(wide), strict=True):
        assert ours.dtype == np.float32
        assert np.array_equal(ours, exact.astype(np.float32))
    rng = np.random.default_rng(6)
    cotangents = tuple(rng.standard_normal(part.shape).astype(np.float32) for part in blocks(y))
    cotangent = cotangents if isinstance(y, tuple) else cotangents[0]
    pulled, exactly = twin(op).backward(residuals, cotangent), twin(op).backward(wide_residuals, cotangent)
    for ours, exact in zip(pulled, exactly, strict=True):
        assert ours is exact is None or np.array_equal(ours, exact.astype(ours.dtype))
    assert pulled[0].dtype == np.float32


@every_twin
def test_inputs_are_left_alone_and_pullbacks_repeat(op: AnyOp) -> None:
    arrays, keywords = EXAMPLES[op.id]
    before = [array.copy() for array in arrays]
    y, residuals = twin(op).forward(*arrays, **keywords)
    cotangent = tuple(np.ones_like(part) for part in y) if isinstance(y, tuple) else np.ones_like(y)
    once, again = twin(op).backward(residuals, cotangent), twin(op).backward(residuals, cotangent)
    for one, two in zip(once, again, strict=True):
        assert one is two is None or one.tobytes() == two.tobytes()
    for array, kept in zip(arrays, before, strict=True):
        assert np.array_equal(array, kept)


@every_twin
def test_a_cotangent_of_another_shape_is_refused(op: AnyOp) -> None:
    arrays, keywords = EXAMPLES[op.id]
    y, residuals = twin(op).forward(*arrays, **keywords)
    wrong = (np.ones(7), np.ones(7)) if isinstance(y, tuple) else np.ones(7)
    with pytest.raises(ValueError, match=rf"{op.id}: argument 'cotangent.* has shape \(7,\); expected the shape of"):
        twin(op).backward(residuals, wrong)


def on_device(case: Case) -> bool:
    """Could this case arrive on a device? There are no masked arrays there, and no lists but those of a network."""
    return not any(
        isinstance(value, np.ma.MaskedArray | list) for name, value in case.args.items() if name != "network"
    )


REFUSALS = [(op, case) for op in TWINS for case in op.cases if case.error and on_device(case)]


@pytest.mark.parametrize(("op", "case"), REFUSALS, ids=[f"{op.id}: {case.name}" for op, case in REFUSALS])
def test_what_the_cpu_refuses_is_refused_in_the_same_words(op: AnyOp, case: Case) -> None:
    assert case.error
    plain = [case.args[name] for name in ("x", "a", "b") if name in case.args]
    keywords = {name: value for name, value in case.args.items() if name not in ("x", "a", "b")}
    with pytest.raises(case.error[0]) as there:
        op(*plain, **keywords)
    with pytest.raises(case.error[0]) as here:
        twin(op).value(*plain, **keywords)
    assert str(here.value) == str(there.value)


@every_twin
def test_host_sequences_are_refused(op: AnyOp) -> None:
    arrays, keywords = EXAMPLES[op.id]
    with pytest.raises(TypeError, match=r"is a list; expected a CuPy array: convert with cupy\.asarray"):
        twin(op).value(*(array.tolist() for array in arrays), **keywords)
