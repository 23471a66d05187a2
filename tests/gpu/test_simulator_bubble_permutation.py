"""The bubble operators and the medians in Numba's CUDA simulator, against the CPU operators.

A process of its own: ``NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu/test_simulator_bubble_permutation.py``.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import agree, find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

FAST = {"kind": "fast", "selection": 2.0, "removal": 3.0}  # larger removals magnify the last bits of a round


@pytest.mark.parametrize("steps", [None, 0, 1, 2, 7])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_bubble_permutation(n: int, steps: int | None) -> None:
    a = np.random.default_rng(n).standard_normal((2, n))
    a[1, 0] = a[1, -1]
    same("sorting.bubble_permutation", a, steepness=np.array([0.7, 9.0]), steps=steps)


def test_bubble_permutation_of_a_layer_wider_than_a_block() -> None:
    same("sorting.bubble_permutation", np.random.default_rng(3).standard_normal(18), steepness=2.0, steps=3)


@pytest.mark.parametrize("steps", [None, 0, 3])
@pytest.mark.parametrize(("batch_t", "batch_a"), [((), ()), ((2,), ()), ((), (2,)), ((2, 1), (3,))])
def test_bubble_sort_by(batch_t: tuple[int, ...], batch_a: tuple[int, ...], steps: int | None) -> None:
    rng = np.random.default_rng(4)
    t, a = rng.standard_normal((*batch_t, 4, 3)), rng.standard_normal((*batch_a, 4))
    same("sorting.bubble_sort_by", t, a, steepness=3.0, steps=steps)


def test_bubble_sort_by_of_no_columns_and_of_one_row() -> None:
    same("sorting.bubble_sort_by", np.zeros((3, 0)), np.array([0.1, 1.0, -0.3]), steepness=3.0)
    same("sorting.bubble_sort_by", np.ones((2, 1, 2)), np.array([[0.1], [1.0]]), steepness=np.array([3.0, 1.0]))


def test_bubble_sort_by_of_large_numbers() -> None:
    same("sorting.bubble_sort_by", np.array([[1e308], [-1e308], [1.0]]), np.array([0.1, 1.0, -0.3]), steepness=3.0)


def test_columns_and_rows_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace too small for all rows and columns changes the order of sums at most."""
    module, rng = twin(find("sorting.bubble_sort_by")), np.random.default_rng(5)
    t, a, g = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 4)), rng.standard_normal((3, 4, 5))
    _, residuals = module.forward(t, a, steepness=2.0)
    whole = module.backward(residuals, g)
    column = 8 * (residuals.keys.network.first.size + 4)  # bytes
    for columns in (0, 2, 5, 11):
        monkeypatch.setattr(module, "WORKSPACE", columns * column)
        agree(module.backward(residuals, g), whole)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_exact_median(n: int) -> None:
    x = np.random.default_rng(n).standard_normal((2, n))
    same("sorting.soft_median", x, steepness=np.array([0.7, 9.0]))
    same("sorting.soft_median", x[0], steepness=2.0, rounds=2)


@pytest.mark.parametrize("rounds", [None, 0, 1, 2])
@pytest.mark.parametrize("n", [1, 3, 4, 5])
def test_fast_median(n: int, rounds: int | None) -> None:
    x = np.random.default_rng(n).standard_normal((3, n))
    x[1, 0] = x[1, -1]
    same("sorting.soft_median", x, **FAST, rounds=rounds)
    same("sorting.soft_median", x, kind="fast", selection=np.array([1.0, 2.0, 4.0]), removal=1.0, rounds=rounds)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the simulator multiplies with NumPy, which remarks on overflow
def test_extremes_and_nan() -> None:
    same("sorting.soft_median", np.array([1e308, -1e308, 1.0, 2.0, 3.0]), **FAST, rounds=1)
    same("sorting.soft_median", np.array([[np.nan, 1.0, 2.0]]), **FAST)
    same("sorting.soft_median", np.array([[0.3, np.nan, 1.0]]), **FAST, rounds=0)
    same("sorting.soft_median", np.array([[0.3, np.nan, 1.0]]), steepness=1.0)
    same("sorting.bubble_permutation", np.array([[0.3, np.nan, 1.0], [1.0, 2.0, 0.5]]), steepness=1.0)
    same("sorting.bubble_sort_by", np.eye(3), np.array([0.3, np.nan, 1.0]), steepness=1.0, steps=1)


def test_no_rows() -> None:
    module = twin(find("sorting.soft_median"))
    for how in (FAST, {"steepness": 2.0}):
        y, residuals = module.forward(np.ones((0, 4)), **how)
        assert y.shape == (0,)
        assert module.backward(residuals, np.ones(0)).x.shape == (0, 4)
