"""Relaxed top-k by SoftSort: the first k rows, bit for bit, what they pull back, and ties across k."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import agree, same_bits

from refimpl import boundary
from refimpl.sorting import soft_sort
from refimpl.sorting.scores import FEW
from refimpl.topk import soft_topk

seeds = st.integers(0, 2**32 - 1)
every_power = pytest.mark.parametrize("power", [1, 2])

SHEET = 1e-11  # the sheet prints 12 digits
GRADIENT = 64.0  # gauged ulp: as declared


def test_row_0_is_that_of_the_sheet() -> None:
    p = soft_topk(np.array([0.9, 0.1, 0.5, 0.2]), k=1, tau=0.3)
    assert p.shape == (1, 4)
    assert np.abs(p - [[0.699274998645, 0.04858804026, 0.184326888399, 0.067810072697]]).max() < SHEET


@every_power
@given(seed=seeds, n=st.integers(1, 40))
def test_it_is_the_first_k_rows_and_pulls_back_what_they_do(power: int, seed: int, n: int) -> None:
    """Scores are often equal here, on both sides of k too; few of many are found in another way than by sorting."""
    rng = np.random.default_rng(seed)
    k, tau = int(rng.integers(1, n + 1)), float(np.exp(rng.uniform(-3.0, 2.0)))
    s = rng.integers(0, 12, n) / 4.0 if seed % 2 else rng.normal(size=n)
    p, pullback = soft_topk.vjp(s, k=k, tau=tau, power=power)
    whole, pull_whole = soft_sort.vjp(s, tau=tau, power=power)
    same_bits(p, whole[:k])
    g = np.zeros((n, n))
    g[:k] = rng.standard_normal((k, n))
    grads, want = pullback(g[:k].copy()), pull_whole(g)
    agree(grads.s, want.s, GRADIENT, gauge=np.abs(g).sum() / tau)
    agree(grads.tau, want.tau, GRADIENT, gauge=np.abs(g).sum() / tau)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_rank_is_shared_by_all_scores_that_could_hold_it(k: int) -> None:
    """Four equal scores: whatever k is, a cotangent with equal columns pulls back equally, which is to nothing."""
    g = np.repeat(np.random.default_rng(k).standard_normal((k, 1)), 4, axis=1)
    grads = soft_topk.vjp(np.full(4, 0.7), k=k, tau=0.5)[1](g)
    agree(grads.s, np.zeros(4), GRADIENT, gauge=np.abs(g).sum())


def test_the_first_of_two_equal_scores_by_hand() -> None:
    """Row 0 of (a, b) is logistic(a - b), logistic(b - a), whichever is larger: its slope at a = b is 1/4, not 0."""
    _, pullback = soft_topk.vjp(np.array([2.0, 2.0]), k=1, tau=1.0)
    agree(pullback(np.array([[1.0, 0.0]])).s, np.array([0.25, -0.25]), 4.0)


@every_power
@pytest.mark.parametrize("n", [7 * FEW, 7 * FEW + 1, 400])
@pytest.mark.parametrize("order", ["random", "ascending", "descending", "equal"])
def test_few_of_many(n: int, order: str, power: int) -> None:
    s = np.random.default_rng(n).normal(size=(2, n))
    s = {"random": s, "ascending": np.sort(s), "descending": -np.sort(s), "equal": np.ones((2, n))}[order]
    same_bits(soft_topk(s, k=7, tau=0.3, power=power), soft_sort(s, tau=0.3, power=power)[:, :7])


def test_nan_where_few_are_sought() -> None:
    s = np.random.default_rng(0).normal(size=(2, 40))
    s[0, [0, 7]] = np.nan
    p, pullback = soft_topk.vjp(s, k=3, tau=np.array([0.4, 0.4]))
    grads = pullback(np.random.default_rng(1).standard_normal((2, 3, 40)))
    for part in (p, *grads):
        assert np.isnan(part[0]).all()
        assert np.isfinite(part[1]).all()


def test_float32_batches_and_strides() -> None:
    rng = np.random.default_rng(5)
    s = np.asfortranarray(rng.normal(size=(2, 3, 34)).astype(np.float32))[..., ::2]
    g = rng.standard_normal((2, 3, 4, 17)).astype(np.float32)
    tau = np.array([0.4, 0.9, 1.7])
    p, pullback = soft_topk.vjp(s, k=4, tau=tau)
    want, pull_wide = soft_topk.vjp(s.astype(float), k=4, tau=tau)
    same_bits(p, want.astype(np.float32))
    grads, wide = pullback(g), pull_wide(g.astype(float))
    same_bits(grads.s, wide.s.astype(np.float32))
    agree(grads.tau, wide.tau, 4.0, gauge=np.abs(g).sum())
    assert (p.shape, grads.s.shape, grads.tau.shape) == ((2, 3, 4, 17), (2, 3, 17), (3,))


@pytest.mark.usefixtures("eager_threads")
def test_threads_leave_the_bits_alone() -> None:
    rng = np.random.default_rng(7)
    s, g = rng.normal(size=(2, 300)), rng.standard_normal((2, 130, 300))
    found = []
    for threads in (1, 2, 5):
        boundary.set_threads(threads)
        p, pullback = soft_topk.vjp(s, k=130, tau=0.2)
        found.append((p, *pullback(g)))
    for other in found[1:]:
        same_bits(other, found[0])


def test_empty_batches_come_back_empty() -> None:
    p, pullback = soft_topk.vjp(np.zeros((0, 5)), k=2, tau=1.0)
    assert p.shape == (0, 2, 5)
    assert pullback(p).s.shape == (0, 5)


@pytest.mark.parametrize(
    ("k", "error", "came"),
    [(0, ValueError, "is 0"), (4, ValueError, "is 4"), (-1, ValueError, "is -1"), (1.0, TypeError, r"is 1\.0"),
     (True, TypeError, "is True"), ("2", TypeError, "is '2'"), (None, TypeError, "is None")],
)  # fmt: skip
def test_k_is_a_whole_number_from_1_to_n(k: object, error: type[Exception], came: str) -> None:
    with pytest.raises(error, match=rf"topk\.soft_topk: argument 'k' {came}; expected a whole number from 1 to n = 3"):
        soft_topk(np.zeros(3), k=k, tau=1.0)


def test_other_messages_name_this_operator() -> None:
    with pytest.raises(ValueError, match=r"topk\.soft_topk: argument 's' has shape \(2, 0\): nothing to sort"):
        soft_topk(np.zeros((2, 0)), k=1, tau=1.0)
    with pytest.raises(ValueError, match=r"topk\.soft_topk: argument 'power' is 3; expected 1 or 2"):
        soft_topk(np.zeros(3), k=1, tau=1.0, power=3)
    _, pullback = soft_topk.vjp(np.zeros(3), k=np.int64(2), tau=1.0)
    with pytest.raises(ValueError, match=r"topk\.soft_topk: argument 'cotangent' has shape \(3, 3\)"):
        pullback(np.zeros((3, 3)))
