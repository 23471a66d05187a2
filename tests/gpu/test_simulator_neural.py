"""NeuralSort in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operators.

A process of its own: ``NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu/test_simulator_neural.py``.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import agree, find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

SORT, TOP = "sorting.neural_sort", "topk.neural_topk"


@pytest.mark.parametrize("tau", [0.01, 0.7, 100.0])
def test_scores_of_all_sizes_and_with_ties(tau: float) -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 7):
        s = rng.standard_normal((2, n))
        s[1, -1] = s[1, 0]  # a tie
        same(SORT, s, tau=tau)
        for k in {1, (n + 1) // 2, n}:
            same(TOP, s, k=k, tau=tau)


def test_more_rows_than_a_group() -> None:
    same(SORT, np.random.default_rng(2).standard_normal(35), tau=2.0)
    same(TOP, np.random.default_rng(2).standard_normal(35), k=33, tau=2.0)


def test_layouts_numbers_and_broadcast_temperatures() -> None:
    rng = np.random.default_rng(3)
    same(SORT, rng.standard_normal((2, 2, 3)), tau=np.array([[0.5], [3.0]]))
    same(SORT, np.array([1, 0, 2]), tau=np.array(2))
    same(TOP, np.asfortranarray(rng.standard_normal((2, 6)))[:, ::2], k=2, tau=np.array([0.5, 3.0]))
    same(SORT, np.ones((0, 4)), tau=1.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the simulator adds with NumPy, which remarks on overflow
def test_extremes_and_nan() -> None:
    same(SORT, np.array([1e308, -1e308, 1.0, 0.0, 1.7e308]), tau=1.0)
    same(SORT, np.array([1e308, -1e308, 1.0, 0.0, 1.7e308]), tau=1.7e308)
    same(SORT, np.array([[np.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), tau=np.array([1.0, 2.0]))


def test_batch_rows_in_blocks_have_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    module, rng = twin(find(SORT)), np.random.default_rng(4)
    s, gp = rng.standard_normal((3, 4)), rng.standard_normal((3, 4, 4))
    _, residuals = module.forward(s, tau=0.5)
    whole = module.backward(residuals, gp)
    monkeypatch.setattr(module, "WORKSPACE", 16 * 16)  # one batch row
    parts = module.backward(residuals, gp)
    agree(parts, whole)
    assert np.array_equal(parts.s, whole.s)
