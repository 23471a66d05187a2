"""The first k rows of NeuralSort: the sheet, 50 digits, the whole matrix, k."""

from __future__ import annotations

import exact_neural as exact
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import agree, same_bits

from refimpl import boundary
from refimpl.sorting import neural_sort
from refimpl.topk import neural_topk

seeds = st.integers(0, 2**32 - 1)

SHEET = 1e-12  # the sheet prints 13 digits
VALUE = 16.0  # ulp of 1, as sorting.neural_sort
GRADIENT = 64.0  # gauged ulp, as sorting.neural_sort
WIDE = 700  # digits, so that 1e308 + 5e-324 is neither
MEBIBYTE = 2**20

S4 = np.array([0.9, 0.1, 0.5, 0.2])


def test_the_first_row_is_that_of_the_sheet() -> None:
    p = neural_topk(S4, k=1, tau=0.3)
    assert np.abs(p - [[0.7817388194337, 0.001937736800256, 0.2060641155567, 0.01025932820938]]).max() < SHEET


@given(seed=seeds, n=st.integers(1, 6), share=st.floats(0.0, 1.0))
def test_value_and_vjp_against_50_digits(seed: int, n: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    k = 1 + int(share * (n - 1))
    s, tau = rng.normal(0.0, 1.0, n), float(np.exp(rng.uniform(-3.0, 3.0)))
    g = rng.standard_normal((k, n))
    p, pullback = neural_topk.vjp(s, k=k, tau=tau)
    agree(p, exact.rounded(exact.rows(s, k, tau)), VALUE, gauge=1.0)
    gs, gtau = exact.vjp(s, k, tau, g)
    size_s, size_tau = exact.size(s, k, tau, g)
    agree(pullback(g).s, gs, GRADIENT, gauge=max(size_s, 1e-16 / tau))
    agree(pullback(g).tau, gtau, GRADIENT, gauge=max(size_tau, 1e-16 / tau))


def test_full_jacobian_against_50_digits() -> None:
    s = np.array([0.4, -1.3, 2.2, 0.9, 0.1])
    jacobian = exact.jacobian(s, 2, 0.7)
    _, pullback = neural_topk.vjp(s, k=2, tau=0.7)
    for entry, g in enumerate(np.eye(10)):
        grads = pullback(g.reshape(2, 5))
        agree(np.append(grads.s, grads.tau), jacobian[entry], GRADIENT, gauge=1.0)


@pytest.mark.parametrize("k", [1, 7, 31, 32, 33, 64, 79, 80])
def test_rows_are_those_of_the_whole_matrix(k: int) -> None:
    rng = np.random.default_rng(k)
    s, g = np.round(rng.normal(size=(2, 80)), 1), rng.standard_normal((2, k, 80))
    p, pullback = neural_topk.vjp(s, k=k, tau=4.0)
    whole, pull_whole = neural_sort.vjp(s, tau=4.0)
    agree(p, whole[:, :k], VALUE, gauge=1.0)
    padded = np.zeros((2, 80, 80))
    padded[:, :k] = g
    grads, want = pullback(g), pull_whole(padded)
    agree(grads.s, want.s, GRADIENT, gauge=np.abs(want.s).max())
    agree(grads.tau, want.tau, GRADIENT, gauge=np.abs(want.s).max())
    if k == 80:
        same_bits((p, *grads), (whole, *want))


def test_at_ties_the_gradient_is_that_of_the_sheet_with_sign_0_at_0() -> None:
    s, g = np.array([1.0, 0.0, 1.0, 1.0, 0.0]), np.random.default_rng(0).standard_normal((2, 5))
    p, pullback = neural_topk.vjp(s, k=2, tau=0.7)
    gs, gtau = exact.vjp(s, 2, 0.7, g)
    agree(pullback(g).s, gs, GRADIENT, gauge=np.abs(gs).max())
    agree(pullback(g).tau, gtau, GRADIENT, gauge=np.abs(gs).max())
    same_bits(p[:, 0], p[:, 2])
    same_bits(p[:, 1], p[:, 4])


def test_the_mask_sums_to_k_and_tends_to_the_hard_one() -> None:
    s = np.random.default_rng(0).normal(size=(3, 12))
    for k in (1, 4, 12):
        mask = neural_topk(s, k=k, tau=0.5).sum(-2)
        agree(mask.sum(-1), np.full(3, float(k)), VALUE)
        hard = np.zeros((3, 12))
        np.put_along_axis(hard, np.argsort(-s)[:, :k], 1.0, axis=-1)
        same_bits(neural_topk(s, k=k, tau=1e-300).sum(-2), hard)


@pytest.mark.parametrize("tau", [5e-324, 1e-300, 1.0, 1e300, 1.7e308])
def test_extreme_finite_inputs_give_finite_and_right_results(tau: float) -> None:
    edge = np.array([1e308, -1e308, 1.7e308, -1.7e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])
    p, pullback = neural_topk.vjp(edge, k=3, tau=tau)
    with mpmath.workdps(WIDE):
        agree(p, exact.rounded(exact.rows(edge, 3, tau)), VALUE, gauge=1.0)
    for grad in pullback(np.random.default_rng(0).standard_normal((3, 9))):
        assert np.isfinite(grad).all()


def test_nan_fills_its_own_batch_row_and_no_other() -> None:
    s = np.array([[0.3, np.nan, -1.0], [3.0, 1.0, 2.0]])
    p, pullback = neural_topk.vjp(s, k=2, tau=1.0)
    assert np.isnan(p[0]).all()
    same_bits(p[1], neural_topk(s[1], k=2, tau=1.0))
    grads = pullback(np.ones((2, 2, 3)))
    assert np.isnan(grads.s[0]).all()
    assert np.isfinite(grads.s[1]).all()


def test_float32_batches_and_empty_batches() -> None:
    s = np.random.default_rng(5).normal(size=(2, 2, 9)).astype(np.float32)
    p = neural_topk(s, k=3, tau=0.5)
    assert (p.shape, p.dtype) == ((2, 2, 3, 9), np.float32)
    same_bits(p, neural_topk(s.astype(float), k=3, tau=0.5).astype(np.float32))
    empty, pullback = neural_topk.vjp(np.zeros((0, 4)), k=2, tau=1.0)
    assert (empty.shape, pullback(empty).s.shape) == ((0, 2, 4), (0, 4))


@pytest.mark.usefixtures("eager_threads")
def test_bits_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(3)
    s, g = rng.normal(size=(2, 90)), rng.standard_normal((2, 70, 90))
    results = []
    for threads in (1, 2, 5):
        boundary.set_threads(threads)
        p, pullback = neural_topk.vjp(s, k=70, tau=0.7)
        results.append((p, *pullback(g)))
    for other in results[1:]:
        same_bits(other, results[0])


@pytest.mark.parametrize("k", [np.int64(2), np.uint8(2)])
def test_any_whole_number_will_do(k: object) -> None:
    same_bits(neural_topk(S4, k=k, tau=1.0), neural_topk(S4, k=2, tau=1.0))


@pytest.mark.parametrize("k", [True, 2.0, "2", None, np.array([2])])
def test_what_is_no_whole_number_is_refused(k: object) -> None:
    with pytest.raises(
        TypeError, match=r"topk\.neural_topk: argument 'k' is .*; expected a whole number from 1 to n = 4"
    ):
        neural_topk(S4, k=k, tau=1.0)


@pytest.mark.parametrize("k", [0, -3, 5])
def test_a_k_out_of_range_is_refused(k: int) -> None:
    with pytest.raises(
        ValueError, match=rf"topk\.neural_topk: argument 'k' is {k}; expected a whole number from 1 to n = 4$"
    ):
        neural_topk(S4, k=k, tau=1.0)


def test_a_few_of_many_take_little_memory() -> None:
    """Three of 100 000: the matrix would take 75 GiB."""
    import tracemalloc

    s = np.random.default_rng(0).normal(size=100_000)
    tracemalloc.start()
    try:
        p, residuals = neural_topk.forward(s, k=3, tau=0.5)
        grads = neural_topk.backward(residuals, np.ones_like(p))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * MEBIBYTE
    assert np.array_equal(np.argmax(p, axis=-1), np.argsort(-s)[:3])
    assert grads.s.shape == s.shape
