"""Top-k rows of the Sinkhorn matrix: the sheet, the sorter reversed, k."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import agree, same_bits

from refimpl import boundary
from refimpl.sorting import NotConverged, sinkhorn_sort
from refimpl.topk import sinkhorn_topk

seeds = st.integers(0, 2**32 - 1)
X4 = np.array([0.9, 0.1, 0.5, 0.2])
SHEET = 5.1e-9  # half a unit of the eighth digit
SAME = 8.0  # gauged ulp: the same passage; zero rows of the cotangent are added


def test_the_largest_are_those_of_the_sheet() -> None:
    want = [[0.81191592, 0.00141800, 0.17977532, 0.00689076], [0.18345413, 0.06636378, 0.58460850, 0.16557358]]
    assert np.abs(sinkhorn_topk(X4, k=2, eps=0.1, tol=1e-12) - want).max() < SHEET


@pytest.mark.parametrize("squash", [None, "zscore_logistic"])
@pytest.mark.parametrize("backward", ["unrolled", "implicit"])
@given(seed=seeds, n=st.integers(1, 6))
def test_rows_and_gradients_are_those_of_the_sorter(squash: str | None, backward: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, n + 1))
    targets = np.cumsum(rng.uniform(0.1, 0.5, n))
    goal = {"iterations": 5} if backward == "unrolled" else {"tol": 1e-9}
    how = {"eps": rng.uniform(0.5, 2.0, 2), "targets": targets, "squash": squash, "backward": backward, **goal}
    x = rng.normal(0.4, 0.5, (2, n))
    p, pullback = sinkhorn_topk.vjp(x, k=k, **how)
    full, pull_full = sinkhorn_sort.vjp(x, **how)
    same_bits(p, full[:, ::-1][:, :k].copy())
    g, wide = rng.standard_normal(p.shape), np.zeros(full.shape)
    wide[:, ::-1][:, :k] = g
    for ours, theirs in zip(pullback(g), pull_full(wide), strict=True):
        agree(ours, theirs, SAME, gauge=1.0 + np.abs(theirs).max())


@pytest.mark.parametrize(
    ("k", "error"),
    [(0, ValueError), (-1, ValueError), (5, ValueError), (1.0, TypeError), (True, TypeError), (None, TypeError),
     ("2", TypeError)],
)  # fmt: skip
def test_k_is_a_whole_number_from_1_to_n(k: object, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=r"topk\.sinkhorn_topk: argument 'k' is .*; expected a whole number from 1 to n = 4"
    ):
        sinkhorn_topk(X4, k=k, eps=0.3, iterations=2)


def test_a_numpy_integer_is_a_whole_number() -> None:
    same_bits(sinkhorn_topk(X4, k=np.int32(3), eps=0.3, iterations=2), sinkhorn_topk(X4, k=3, eps=0.3, iterations=2))


def test_the_warning_names_this_operator() -> None:
    with pytest.warns(NotConverged, match=r"topk\.sinkhorn_topk: after 2 iterations"):
        sinkhorn_topk(X4, k=2, eps=0.05, iterations=2, tol=1e-6)


def test_nan_float32_empty_and_one_value() -> None:
    p, pullback = sinkhorn_topk.vjp(np.array([[np.nan, 1.0], [0.2, 0.1]]), k=1, eps=0.5, iterations=3)
    assert np.isnan(p[0]).all()
    same_bits(p[1], sinkhorn_topk(np.array([0.2, 0.1]), k=1, eps=0.5, iterations=3))
    assert np.isfinite(pullback(np.ones((2, 1, 2))).x[1]).all()
    assert sinkhorn_topk(X4.astype(np.float32), k=2, eps=0.5, iterations=3).dtype == np.float32
    p, pullback = sinkhorn_topk.vjp(np.zeros((0, 4)), k=2, eps=0.5)
    assert p.shape == (0, 2, 4)
    assert pullback(p).x.shape == (0, 4)
    same_bits(sinkhorn_topk(np.array([7.0]), k=1, eps=0.5), np.ones((1, 1)))


@pytest.mark.usefixtures("eager_threads")
def test_same_bits_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(2)
    x, g = rng.normal(size=(5, 6)), rng.standard_normal((5, 2, 6))
    found = []
    for threads in (1, 3):
        boundary.set_threads(threads)
        p, pullback = sinkhorn_topk.vjp(x, k=2, eps=0.1, iterations=9)
        found.append((p, pullback(g).x))
    same_bits(*found)
