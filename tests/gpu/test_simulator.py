"""Every GPU operator in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operator.

A process of its own: ``NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu/test_simulator.py``. The simulator checks indexing and
algebra; typing is checked by ``test_ptx.py``, races and divergence by neither.
"""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest
from ours import call
from simulated import agree, blocks, find, same, twin
from simulator_examples import EXAMPLES

from refimpl.catalog import OPERATORS
from refimpl.op import AnyOp, Case
from refimpl.scalars.distributions import FAMILIES
from refimpl.scalars.swaps import CDFS

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

TWINS = [op for op in OPERATORS if op.gpu]
SORT = ("sorting.network_sort", "sorting.network_permutation")
CUSTOM = [[(0, 2), (1, 3)], [(0, 1), (2, 3)], [(1, 2)]]

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
    wrong = tuple(np.ones(7) for _ in y) if isinstance(y, tuple) else np.ones(7)
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
    plain, keywords = call(op, case.args)
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
