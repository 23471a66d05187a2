"""fast_sort and fast_rank in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operators.

A process of its own: ``NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu/test_simulator_fast.py``.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

NAMES = ("sorting.fast_sort", "sorting.fast_rank")
each = pytest.mark.parametrize("name", NAMES)
both = pytest.mark.parametrize("regularization", ["l2", "kl"])


@each
@both
@pytest.mark.parametrize("eps", [1e-300, 0.05, 0.7, 6.0, 1e9])
def test_partitions_from_hard_to_one_block(name: str, regularization: str, eps: float) -> None:
    theta = np.random.default_rng(2).standard_normal((11, 9))  # more rows than the simulator's block has threads
    theta[1, 3] = theta[1, 5]
    same(name, theta, eps=eps, regularization=regularization)


@each
@both
def test_shapes(name: str, regularization: str) -> None:
    rng = np.random.default_rng(3)
    same(name, rng.standard_normal(4), eps=2.0, regularization=regularization)
    same(name, rng.standard_normal((3, 1)), eps=2.0, regularization=regularization)
    same(name, rng.standard_normal((2, 2, 3)), eps=np.array([[0.5], [8.0]]), regularization=regularization)
    same(name, np.array([1, 0, 2, 1]), eps=np.array(2), regularization=regularization)  # integers
    same(name, np.asfortranarray(rng.standard_normal((2, 6)))[:, ::2], eps=2.0, regularization=regularization)


@pytest.mark.filterwarnings("ignore:.*overflow")  # infinity is what these differences mean
@each
@both
def test_extremes(name: str, regularization: str) -> None:
    same(name, np.array([1e308, -1.7e308, 3.0, 1.7e308]), eps=1.0, regularization=regularization)
    same(name, np.array([3e-310, -2e-310, 0.0, 1e-309]), eps=1e-310, regularization=regularization)
    same(name, np.array([0.0, -0.0, 1.0]), eps=1.0, regularization=regularization)


@each
@both
def test_nan_takes_its_row(name: str, regularization: str) -> None:
    same(name, np.array([[0.3, np.nan, -1.0], [0.1, 0.7, 0.2]]), eps=2.0, regularization=regularization)
    same(name, np.array([[np.nan], [0.1]]), eps=2.0, regularization=regularization)


@each
def test_no_rows(name: str) -> None:
    y, residuals = twin(find(name)).forward(np.ones((0, 4)), eps=2.0)
    pulled = twin(find(name)).backward(residuals, np.ones((0, 4)))
    assert (y.shape, pulled.theta.shape, float(pulled.eps)) == ((0, 4), (0, 4), 0.0)
