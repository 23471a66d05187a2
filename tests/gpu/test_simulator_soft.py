"""SoftSort and its top-k in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operators."""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

every_power = pytest.mark.parametrize("power", [1, 2])


@every_power
@pytest.mark.parametrize("tau", [0.02, 0.3, 5.0])
def test_soft_sort(power: int, tau: float) -> None:
    s = np.random.default_rng(2).standard_normal((2, 5))
    same("sorting.soft_sort", s, tau=np.array([tau, 2.0 * tau]), power=power)
    same("topk.soft_topk", s, k=2, tau=tau, power=power)


@every_power
def test_equal_scores(power: int) -> None:
    s = np.array([[1.0, 0.5, 1.0, 0.5, 0.5], [2.0, 2.0, 2.0, 2.0, 2.0]])
    same("sorting.soft_sort", s, tau=0.7, power=power)
    for k in (1, 3, 4):  # the equal ones lie on both sides of k
        same("topk.soft_topk", s, k=k, tau=0.7, power=power)


@every_power
def test_shapes(power: int) -> None:
    rng = np.random.default_rng(3)
    same("sorting.soft_sort", rng.standard_normal((3, 1)), tau=2.0, power=power)
    same("sorting.soft_sort", rng.standard_normal((2, 1, 3)), tau=np.array([[0.5]]), power=power)
    same("sorting.soft_sort", np.array([1, 0, 2]), tau=np.array(2), power=power)
    same("topk.soft_topk", np.asfortranarray(rng.standard_normal((2, 12)))[:, ::2], k=3, tau=0.4, power=power)


@every_power
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the simulator computes with NumPy, which remarks on overflow
def test_extremes(power: int) -> None:
    wide = np.array([1e308, -1e308, 1.7e308, 0.0])
    for tau in (1e-300, 1.0, 1e300, 1e308):
        same("sorting.soft_sort", wide, tau=tau, power=power)
    same("sorting.soft_sort", np.array([[np.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), tau=1.0, power=power)


@pytest.mark.parametrize(("name", "more", "rows"), [("sorting.soft_sort", {}, 4), ("topk.soft_topk", {"k": 2}, 2)])
def test_no_rows(name: str, more: dict[str, int], rows: int) -> None:
    p, residuals = twin(find(name)).forward(np.ones((0, 4)), tau=2.0, **more)
    gradients = twin(find(name)).backward(residuals, np.ones((0, rows, 4)))
    assert (p.shape, gradients.s.shape, float(gradients.tau)) == ((0, rows, 4), (0, 4), 0.0)
