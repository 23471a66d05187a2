"""Sinkhorn operators in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operators."""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import agree, find, same, twin

from refimpl import sorting

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

NAMES = ("sorting.sinkhorn_sort", "topk.sinkhorn_topk")
both = pytest.mark.parametrize("name", NAMES)
X = np.array([[0.3, -0.2, 0.9, 0.4], [1.1, 0.2, 0.2, -0.5]])
TARGETS = np.array([[0.0, 0.3, 0.4, 1.0], [-0.5, 0.0, 0.1, 0.7]])


def keywords(name: str, **more: object) -> dict[str, object]:
    return {"k": 3, **more} if name.startswith("topk") else more


@both
@pytest.mark.parametrize("squash", [None, "zscore_logistic"])
@pytest.mark.parametrize("backward", ["unrolled", "implicit"])
def test_ways_back(name: str, squash: str | None, backward: str) -> None:
    goal = {"iterations": 5} if backward == "unrolled" else {}
    eps = np.array([0.5, 2.0])
    same(name, X, **keywords(name, eps=eps, squash=squash, backward=backward, targets=TARGETS, **goal))


@both
@pytest.mark.parametrize("eps", [0.02, 0.3])
def test_implicit_of_plans_near_and_far_from_hard(name: str, eps: float) -> None:
    two = {"k": 2} if name.startswith("topk") else {}
    same(name, np.array([[0.1, 0.9], [1.0, 0.0]]), eps=eps, **two)
    same(name, np.array([[np.nan, 1.0], [0.0, 1.0]]), eps=eps, **two)


@both
def test_one_iteration_one_value_and_no_rows(name: str) -> None:
    same(name, X, **keywords(name, eps=0.4, iterations=1))
    one = {"k": 1} if name.startswith("topk") else {}
    same(name, np.array([[2.0], [3.0]]), eps=0.4, iterations=2, **one)
    same(name, np.zeros((0, 4)), **keywords(name, eps=0.4, iterations=2))


@both
def test_rows_stop_when_they_have_converged(name: str) -> None:
    same(name, X, **keywords(name, eps=np.array([5.0, 0.4]), tol=1e-6, backward="unrolled"))


@both
def test_nan_stays_in_its_row(name: str) -> None:
    same(
        name, np.array([[np.nan, 1.0, 0.3], [0.1, 0.2, 0.3]]), **keywords(name, eps=np.array([0.5, 0.5]), iterations=3)
    )


@both
def test_cold_rows_and_far_values(name: str) -> None:
    """Half steps that the CPU does in logarithms: values alone, since gradients cancel there."""
    for x, eps in ((X, 0.01), (X + 1e6, 0.3)):
        given = keywords(name, eps=eps, iterations=3)
        agree(twin(find(name)).value(x, **given), find(name)(x, **given))


@both
def test_the_warning_is_that_of_the_cpu(name: str) -> None:
    given = keywords(name, eps=0.05, iterations=2, tol=1e-6)
    with pytest.warns(sorting.NotConverged) as there:
        find(name)(X, **given)
    with pytest.warns(sorting.NotConverged) as here:
        twin(find(name)).value(X, **given)
    assert str(here[0].message)[:60] == str(there[0].message)[:60]
