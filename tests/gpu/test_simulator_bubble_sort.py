"""The relaxed bubble sort in the simulator against the CPU."""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)


def test_bubble_sort() -> None:
    a = np.random.default_rng(2).standard_normal((2, 5))
    a[1, 3] = a[1, 1]
    same("sorting.bubble_sort", a, beta=np.array([0.7, 9.0]))
    same("sorting.bubble_sort", a.reshape(2, 1, 5), beta=np.array([[0.7], [1e6]]))
    same("sorting.bubble_sort", np.array([2.5]), beta=1.0)


def test_nan_stays_in_its_row() -> None:
    same("sorting.bubble_sort", np.array([[0.3, np.nan, -1.0], [0.1, 0.7, 0.2]]), beta=2.0)


def test_no_rows() -> None:
    op = find("sorting.bubble_sort")
    y, residuals = twin(op).forward(np.ones((0, 4)), beta=2.0)
    gradients = twin(op).backward(residuals, (np.ones((0, 4)), np.ones(0), np.ones(0)))
    assert (y.array.shape, y.swaps.shape, gradients.a.shape, float(gradients.beta)) == ((0, 4), (0,), (0, 4), 0.0)
