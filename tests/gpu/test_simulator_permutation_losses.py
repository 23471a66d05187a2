"""The permutation losses, soft values and soft ranks in Numba's CUDA simulator, against the CPU operators.

A process of its own, as ``test_simulator.py``, which checks what holds for every operator.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

LOSSES = ("sorting.permutation_cross_entropy", "sorting.permutation_binary_cross_entropy")
every_loss = pytest.mark.parametrize("name", LOSSES)


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


@every_loss
def test_losses(name: str) -> None:
    same(name, drawn(1, 3, 3), drawn(2, 3, 3))
    same(name, drawn(3, 1, 1), np.ones((1, 1)))
    same(name, drawn(4, 2, 3, 3), np.eye(3))  # a shared target
    same(name, drawn(5, 2, 2), drawn(6, 3, 2, 2))  # a shared matrix
    same(name, drawn(7, 2, 1, 2, 2), drawn(8, 3, 2, 2))
    same(name, np.asfortranarray(drawn(9, 4, 4))[::2, ::2], drawn(10, 2, 2))
    same(name, np.eye(2, dtype=int), drawn(11, 2, 2))


@every_loss
def test_losses_of_more_entries_than_one_thread_sums(name: str) -> None:
    same(name, drawn(12, 20, 20), drawn(13, 20, 20))


@every_loss
def test_losses_at_the_clamp(name: str) -> None:
    edge = np.array([[0.0, 1e-12, 1.0], [1e-13, 1.0 + 1e-15, -1e-9], [1e-11, 1.0 - 1e-11, 0.5]])
    same(name, edge, drawn(14, 3, 3))
    same(name, edge, np.eye(3))
    same(name, edge.astype(np.float32), np.eye(3, dtype=np.float32))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_nan(name: str) -> None:
    p = drawn(15, 2, 2)
    p[0, 1] = np.nan
    same(name, p, np.eye(2))
    same(name, drawn(16, 2, 2), np.where(np.eye(2) > 0.0, np.nan, 0.0))


@every_loss
def test_losses_of_no_matrices(name: str) -> None:
    y, residuals = twin(find(name)).forward(np.ones((0, 2, 2)), np.eye(2))
    gradients = twin(find(name)).backward(residuals, np.ones(0))
    assert (y.shape, gradients.P.shape) == ((0,), (0, 2, 2))
    assert not gradients.Q.any()


def test_soft_values() -> None:
    name = "sorting.soft_values"
    same(name, drawn(1, 3, 3), drawn(2, 3))
    same(name, drawn(3, 2, 3), drawn(4, 3))  # the first rows
    same(name, drawn(5, 2, 2, 3), drawn(6, 3))
    same(name, drawn(7, 2, 3), drawn(8, 4, 3))
    same(name, drawn(9, 2, 1, 2, 3), drawn(10, 3, 3))
    same(name, np.ones((1, 1)), np.array([3]))
    same(name, np.eye(3), np.array([1.0, np.nan, 2.0]))
    same(name, np.array([[np.nan, 0.5], [0.5, 0.5]]), np.array([1.0, 2.0]))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the simulator adds with NumPy, which remarks on overflow
def test_soft_values_beyond_the_range_and_back() -> None:
    same("sorting.soft_values", np.ones((1, 3)), np.array([1.5e308, 1.5e308, -1.5e308]))
    op = twin(find("sorting.soft_values"))
    _, residuals = op.forward(np.ones((3, 1)), np.ones(1))
    assert op.backward(residuals, np.array([1.5e308, 1.5e308, -1.5e308])).x == np.array([1.5e308])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_soft_ranks() -> None:
    name = "sorting.soft_ranks"
    same(name, drawn(1, 3, 3))
    same(name, drawn(2, 2, 2, 4, 4))
    same(name, np.ones((1, 1)))
    same(name, np.eye(3, dtype=int)[[2, 0, 1]])
    same(name, np.array([[1.6e308, np.nan], [-1.5e308, 1.0]]))
    y, residuals = twin(find(name)).forward(np.ones((0, 2, 2)))
    assert (y.shape, twin(find(name)).backward(residuals, np.ones((0, 2))).P.shape) == ((0, 2), (0, 2, 2))
