"""The top rows of a network in Numba's CUDA simulator, on tiny NumPy arrays, against the CPU operator.

A process of its own: ``NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu/test_simulator_network_topk.py``.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from simulated import agree, find, same, twin

pytestmark = pytest.mark.simulator
if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    pytest.skip("the CUDA simulator needs NUMBA_ENABLE_CUDASIM=1, in a process of its own", allow_module_level=True)

TOPK = "topk.network_topk"
CUSTOM = [[(0, 2), (1, 3)], [(0, 1), (2, 3)], [(1, 2)]]


@pytest.mark.parametrize("cdf", ["logistic", "optimal", "art", "heaviside", "laplace"])
@pytest.mark.parametrize("network", ["splitter", "bitonic", "odd_even"])
def test_networks(network: str, cdf: str) -> None:
    x = np.random.default_rng(2).standard_normal((2, 5))
    x[1, 3] = x[1, 1]
    same(TOPK, x, k=2, network=network, cdf=cdf, beta=np.array([0.7, 9.0]))


def test_odd_sizes() -> None:
    rng = np.random.default_rng(3)
    same(TOPK, rng.standard_normal(4), k=3, network=CUSTOM, beta=2.0)
    same(TOPK, rng.standard_normal((3, 1)), k=1, beta=2.0)  # one wire, no comparator
    same(TOPK, rng.standard_normal((2, 1, 3)), k=1, cdf="art", beta=np.array([2.0]), lam=np.array([[0.1], [0.6]]))
    same(TOPK, np.array([1, 0, 2]), k=3, beta=np.array(2))  # integers, all of them
    same(TOPK, rng.standard_normal(18), k=9, beta=2.0)  # more rows than the simulator's block has threads
    same(TOPK, np.asfortranarray(rng.standard_normal((2, 6)))[:, ::2], k=2, beta=2.0)


def test_no_rows() -> None:
    y, residuals = twin(find(TOPK)).forward(np.ones((0, 4)), k=2, beta=2.0)
    gradients = twin(find(TOPK)).backward(residuals, np.ones((0, 2, 4)))
    assert (y.shape, gradients.x.shape, float(gradients.beta)) == ((0, 2, 4), (0, 4), 0.0)


def test_nan_stays_with_what_depends_on_it() -> None:
    x = np.array([[0.3, np.nan, -1.0, 2.0], [0.1, 0.7, 0.2, 0.4]])
    same(TOPK, x, k=3, network=[[(0, 1)], [(2, 3)]], beta=2.0)


def test_rows_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace too small for all batch rows, or for all k, changes the order of sums at most."""
    module = twin(find(TOPK))
    x, gp = np.random.default_rng(4).standard_normal((3, 4)), np.random.default_rng(5).standard_normal((3, 3, 4))
    _, residuals = module.forward(x, k=3, beta=2.0)
    whole = module.backward(residuals, gp)
    one = 8 * (residuals.network.first.size + 4)  # bytes
    for some, bits in ((0, False), (2, False), (3, True), (7, True)):
        monkeypatch.setattr(module, "WORKSPACE", some * one)
        parts = module.backward(residuals, gp)
        agree(parts, whole)
        assert not bits or np.array_equal(parts.x, whole.x)  # blocks of batch rows leave the bits alone
