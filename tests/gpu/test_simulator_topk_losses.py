"""The top-k losses and the subset in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operators.

A process of its own: ``NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu/test_simulator_topk_losses.py``.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from simulated import find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

LOSS, SPLIT, SUBSET = "topk.topk_loss", "topk.topk_split_loss", "topk.subset"
MASS = [0.25, 0.5, 0.25]


def stochastic(rng: np.random.Generator, *shape: int) -> Any:
    found = rng.uniform(0.05, 1.0, shape)
    return found / found.sum(-1, keepdims=True)


@pytest.mark.parametrize("weights", [MASS, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
def test_topk_loss(weights: list[float]) -> None:
    rng = np.random.default_rng(0)
    same(LOSS, stochastic(rng, 4, 3, 5), np.array([0, 4, 2, 2]), weights)
    same(LOSS, stochastic(rng, 3, 5), np.array([[0, 4], [0, 1]]), weights)  # shared
    same(LOSS, stochastic(rng, 2, 1, 3, 5), np.array([1, 1, 3]), weights)
    same(LOSS, stochastic(rng, 2, 3, 5), 3, weights)
    same(LOSS, stochastic(rng, 3, 5), 3, weights)


def test_topk_loss_at_its_edges() -> None:
    same(LOSS, np.stack([np.eye(3)[:2], np.full((2, 3), 0.5e-12)]), 2, [0.5, 0.5])  # below the floor, at it
    same(LOSS, np.full((3, 2), 1.5e308), 0, [0.0, 0.0, 1.0])
    same(LOSS, np.array([[0.5, np.nan], [np.nan, 0.1]]), np.array([0]), [1.0, 0.0])
    same(LOSS, np.ones((1, 1)), 0, [1.0])
    same(LOSS, np.zeros((0, 2, 3)), 1, [0.5, 0.5])


@pytest.mark.parametrize("weights", [MASS, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
@pytest.mark.parametrize("variant", ["split", "normalised", "mixed"])
def test_topk_split_loss(variant: str, weights: list[float]) -> None:
    rng = np.random.default_rng(1)
    x, matrix = rng.standard_normal((4, 5)), stochastic(rng, 4, 3, 5)
    same(SPLIT, x, matrix, np.array([0, 4, 2, 2]), weights, variant=variant)
    same(SPLIT, x[0], matrix, np.array([0, 4, 0, 2]), weights, variant=variant)
    same(SPLIT, x, matrix[1], 3, weights, variant=variant)
    same(SPLIT, x[:, None], matrix[:2], np.array([1, 0]), weights, variant=variant)
    same(SPLIT, x[0], matrix[0], np.array([3, 3]), weights, variant=variant)


@pytest.mark.parametrize("variant", ["split", "normalised", "mixed"])
def test_topk_split_loss_at_its_edges(variant: str) -> None:
    even = [0.5, 0.5]
    same(SPLIT, np.array([0.0, 60.0, 1.0]), np.eye(3)[[0, 2]], 1, even, variant=variant)
    same(SPLIT, np.array([np.nan, 1.0]), np.full((2, 2), 0.5), 1, even, variant=variant)
    same(SPLIT, np.array([np.nan, 1.0]), np.full((2, 2), 0.5), 1, [0.0, 1.0], variant=variant)
    same(SPLIT, np.array([0.5]), np.ones((1, 1)), 0, [1.0], variant=variant)
    same(SPLIT, np.zeros((0, 3)), np.ones((2, 3)), 1, even, variant=variant)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy remarks on the overflow of a difference
def test_topk_split_loss_of_huge_scores() -> None:
    same(SPLIT, np.array([1e308, -1e308, 0.0]), np.full((2, 3), 0.25), np.array([1]), [0.5, 0.5])


@pytest.mark.parametrize("m", [1, 3, 7])
def test_subset(m: int) -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(-2, 3, (4, 7)) / 2.0  # ties
    same(SUBSET, x, np.array([0, 6, 3, 3]), m)
    same(SUBSET, x[0], np.array([[2, 5], [2, 0]]), m)
    same(SUBSET, x, 4, m)
    same(SUBSET, -0.0 * x, 4, m)  # zeros of either sign
    same(SUBSET, np.zeros((0, 7)), 4, m)
    x[1, [2, 5]] = np.nan
    same(SUBSET, x, np.array([2, 5, 1, 0]), m)


def test_the_classes_chosen_are_those_of_the_cpu() -> None:
    x = np.array([0.0, -0.0, 1.0, np.nan, 1.0, -2.0, np.nan])
    for label in range(7):
        here, there = (side.forward(x, label, 6)[1].indices for side in (find(SUBSET), twin(find(SUBSET))))
        assert np.array_equal(here, there)
        assert here.dtype == there.dtype
