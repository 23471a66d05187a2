"""The relaxed permutation matrix: the sheet, 50 digits, double stochasticity, blocks of columns, memory."""

from __future__ import annotations

import tracemalloc

import exact_networks as exact
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl import boundary, sorting
from refimpl.scalars.swaps import CDFS
from refimpl.sorting import network_permutation, network_sort

seeds = st.integers(0, 2**32 - 1)
every_cdf = pytest.mark.parametrize("cdf", CDFS)
NETWORKS = {"odd_even": sorting.odd_even, "bitonic": sorting.bitonic}

SHEET = 1e-12  # the sheet prints 12 digits
VALUE = 64.0  # gauged ulp: up to 10 layers, each with a weight to 4 ulp and two roundings
GRADIENT = 2048.0  # gauged ulp: as network_sort, summed over n columns
PER_LAYER = 4.0  # ulp that a layer may add to a sum of rows, columns, or of P x
MEBIBYTE = 2**20


def keywords(cdf: str, lam: float = 0.3) -> dict[str, object]:
    return {"cdf": cdf, **({"lam": lam} if cdf == "art" else {})}


def test_the_matrix_is_that_of_the_sheet() -> None:
    p = network_permutation(np.array([3.0, 1.0, 2.0]), network="odd_even", cdf="cauchy", beta=1.0)
    want = [
        [0.177087450343, 0.639777368448, 0.183135181209],
        [0.230116456742, 0.257588527219, 0.512295016039],
        [0.592796092915, 0.102634104333, 0.304569802752],
    ]
    assert np.abs(p - want).max() < SHEET


@pytest.mark.parametrize("cdf", exact.CDFS)
@pytest.mark.parametrize("network", NETWORKS)
@given(seed=seeds, n=st.integers(2, 5))
def test_vjp_against_50_digits(network: str, cdf: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, n)
    beta, lam = float(np.exp(rng.uniform(-1.5, 1.5))), float(rng.uniform(0.05, 0.6))
    how = {"network": network, **keywords(cdf, lam), "beta": beta}
    if network_permutation.margin(x, **how) < 1e-3:
        return

    def f(v: list[mpf]) -> list[mpf]:
        return exact.permutation(NETWORKS[network](n), cdf, v[:n], *v[n:])

    want, jacobian = exact.jacobian(f, [*x, beta, lam])
    p, pullback = network_permutation.vjp(x, **how)
    agree(p, want.reshape(n, n), VALUE, gauge=1.0)
    g = rng.standard_normal((n, n))
    exactly, size = g.ravel() @ jacobian, np.abs(g.ravel()) @ np.abs(jacobian)
    grads = pullback(g)
    agree(grads.x, exactly[:n], GRADIENT, gauge=1.0 + size.max())
    agree(grads.beta, exactly[n], GRADIENT, gauge=1.0 + size.max())
    if cdf == "art":
        agree(grads.lam, exactly[n + 1], GRADIENT, gauge=1.0 + size.max())


def test_full_jacobian_against_50_digits() -> None:
    x = np.array([0.4, -1.3, 2.2, 0.9, 0.1])
    network = sorting.bitonic(5)
    _, jacobian = exact.jacobian(lambda v: exact.permutation(network, "cauchy", v[:5], v[5], mpf(0)), [*x, 1.7])
    _, pullback = network_permutation.vjp(x, beta=1.7)
    for entry, g in enumerate(np.eye(25)):
        grads = pullback(g.reshape(5, 5))
        agree(np.append(grads.x, grads.beta), jacobian[entry], GRADIENT, gauge=1.0)


@every_cdf
@pytest.mark.parametrize("network", NETWORKS)
@given(seed=seeds, n=st.integers(1, 40))
def test_doubly_stochastic_and_p_times_x_is_the_sorted_values(network: str, cdf: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, how = rng.normal(0.0, 2.0, n), {"network": network, "beta": float(np.exp(rng.normal())), **keywords(cdf)}
    p = network_permutation(x, **how)
    ulps = PER_LAYER * (1 + len(NETWORKS[network](n)))
    agree(p.sum(0), np.ones(n), ulps)
    agree(p.sum(1), np.ones(n), ulps)
    assert (p >= 0.0).all()
    assert (p <= 1.0 + 1e-15 * ulps).all()
    agree(p @ x, network_sort(x, **how), ulps, gauge=np.abs(x).sum())


@pytest.mark.parametrize("n", [63, 64, 65, 127, 128, 129, 256, 257, 300])
def test_columns_do_not_notice_their_block(n: int) -> None:
    """Around the widths of blocks (128) and groups (256): P and its VJP against products of whole matrices."""
    rng = np.random.default_rng(n)
    x, g = rng.normal(size=n), rng.standard_normal((n, n))
    p, pullback = network_permutation.vjp(x, cdf="logistic", beta=2.0)
    _, residuals = network_permutation.forward(x, cdf="logistic", beta=2.0)
    first, second = residuals.network.first, residuals.network.second
    m, before = np.eye(n), []
    for c, (i, j) in enumerate(zip(first, second, strict=True)):
        a, b = residuals.alpha[0, c], residuals.abar[0, c]
        before.append(m[i] - m[j])
        m[[i, j]] = a * m[i] + b * m[j], b * m[i] + a * m[j]
    agree(p, m, 4.0)
    big, gx = g.copy(), np.zeros(n)
    for c in range(first.size - 1, -1, -1):  # the sheet's VJP, comparator by comparator
        i, j = first[c], second[c]
        a, b, d = residuals.alpha[0, c], residuals.abar[0, c], residuals.d[0, c]
        q = (big[i] - big[j]) @ before[c] - (gx[i] - gx[j]) * d
        pushed = residuals.slope[0, c] * q
        gx[i], gx[j] = a * gx[i] + b * gx[j] - pushed, b * gx[i] + a * gx[j] + pushed
        big[[i, j]] = a * big[i] + b * big[j], b * big[i] + a * big[j]
    agree(pullback(g).x, gx, GRADIENT, gauge=np.abs(gx).max())


def test_directional_derivative_of_a_large_matrix() -> None:
    """<g, P(x + h u) - P(x - h u)> / 2h at n = 300; truncation and rounding are both below 1e-8 of its size."""
    rng = np.random.default_rng(0)
    x, u, g = rng.normal(size=300), rng.normal(size=300), rng.standard_normal((300, 300))
    h, how = 1e-5, {"cdf": "cauchy", "beta": 1.5}
    _, pullback = network_permutation.vjp(x, **how)
    found = float(pullback(g).x @ u)
    rows = network_permutation(np.stack([x + h * u, x - h * u]), **how)
    assert abs(found - float((g * (rows[0] - rows[1])).sum()) / (2 * h)) < 1e-7 * np.abs(pullback(g).x) @ np.abs(u)


def test_large_beta_gives_the_permutation_of_argsort() -> None:
    x = np.random.default_rng(0).normal(size=(4, 19))
    p = network_permutation(x, beta=1e300)
    want = np.zeros_like(p)
    np.put_along_axis(want, np.argsort(x)[..., None], 1.0, axis=-1)
    assert np.abs(p - want).max() < 1e-14


def test_small_entries_keep_their_relative_accuracy() -> None:
    """Entries are sums of products of positive weights; logistic tails reach 1e-100 here."""
    x, network = np.array([0.0, 80.0, 160.0, 240.0]), sorting.bitonic(4)
    with mpmath.workdps(400):  # 1 - alpha is 1e-105, and must be right to 16 digits
        want = exact.permutation(network, "logistic", [mpf(v) for v in x], mpf(1), mpf(0))
    p = network_permutation(x, cdf="logistic", beta=1.0).ravel()
    assert p.min() < 1e-60
    # each value is rounded at 240, and a tail magnifies an absolute error of its argument: 240 ulp per layer
    agree(p, [float(entry) for entry in want], 4 * 240.0)


def test_one_value_gives_the_one_by_one_identity() -> None:
    p, pullback = network_permutation.vjp(np.array([[2.5], [1.0]]), beta=1.0)
    same_bits(p, np.ones((2, 1, 1)))
    same_bits(pullback(np.full((2, 1, 1), 3.0)).x, np.zeros((2, 1)))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 4)])
def test_empty_batches_come_back_empty(shape: tuple[int, ...]) -> None:
    p, pullback = network_permutation.vjp(np.zeros(shape), beta=2.0)
    assert p.shape == (*shape, shape[-1])
    assert pullback(p).x.shape == shape


@every_cdf
@pytest.mark.parametrize("beta", [5e-324, 1e-300, 1.0, 1e300, 1.7e308])
def test_extreme_finite_values_give_finite_results(cdf: str, beta: float) -> None:
    edge = np.array([1e308, -1e308, 1.7e308, -1.7e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])
    p, pullback = network_permutation.vjp(edge, beta=beta, **keywords(cdf))
    agree(p.sum(1), np.ones(9), VALUE)
    for grad in pullback(np.random.default_rng(0).standard_normal((9, 9))):
        assert grad is None or np.isfinite(grad).all()


# NaN -----------------------------------------------------------------------------------------------------------------


def test_nan_reaches_no_row_of_wires_it_never_met() -> None:
    x = np.array([0.3, -1.0, np.nan, 2.0, 0.1])
    p, pullback = network_permutation.vjp(x, network=[[(0, 1), (2, 3)]], beta=1.0)
    clean, pull_clean = network_permutation.vjp(np.nan_to_num(x), network=[[(0, 1), (2, 3)]], beta=1.0)
    g = np.random.default_rng(0).standard_normal((5, 5))
    same_bits(p[[0, 1, 4]], clean[[0, 1, 4]])
    assert np.isnan(p[2:4, 2:4]).all()
    same_bits(pullback(g).x[[0, 1, 4]], pull_clean(g).x[[0, 1, 4]])
    assert np.isnan(pullback(g).x[2:4]).all()


def test_where_nan_goes_does_not_depend_on_the_blocks_of_columns() -> None:
    """One comparator, whose wires lie two blocks apart: what lies between cannot have reached it, and stays 0."""
    x, pair = np.zeros(300), [0, 280]
    x[0] = np.nan
    p, pullback = network_permutation.vjp(x, network=[[(0, 280)]], beta=1.0)
    want = np.eye(300)
    want[np.ix_(pair, pair)] = np.nan
    same_bits(p, want)
    spread = np.isnan(pullback(np.ones((300, 300))).x)
    assert np.flatnonzero(spread).tolist() == pair


# dtypes, memory ------------------------------------------------------------------------------------------------------


def test_float32_is_the_rounded_float64_answer() -> None:
    rng = np.random.default_rng(5)
    x, g = rng.normal(size=(2, 17)).astype(np.float32), rng.standard_normal((2, 17, 17)).astype(np.float32)
    p, pullback = network_permutation.vjp(x, beta=2.0)
    want, pull_wide = network_permutation.vjp(x.astype(float), beta=2.0)
    same_bits(p, want.astype(np.float32))
    grads, wide = pullback(g), pull_wide(g.astype(float))
    same_bits(grads.x, wide.x.astype(np.float32))
    agree(grads.beta, wide.beta, 2.0)


def test_a_thousand_values_need_less_than_64_mebibytes_beyond_the_matrices() -> None:
    n = 1024
    x, g = np.random.default_rng(0).normal(size=n), np.random.default_rng(1).standard_normal((n, n))
    network_sort(x, beta=1.0)  # keeps the list of comparators
    before = boundary.get_threads()
    boundary.set_threads(2)
    tracemalloc.start()
    try:
        p, residuals = network_permutation.forward(x, beta=1.0)
        network_permutation.backward(residuals, g)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        boundary.set_threads(before)
    assert peak - p.nbytes < 64 * MEBIBYTE
    saved = sum(part.nbytes for part in (*residuals, *residuals.network) if isinstance(part, np.ndarray))
    assert saved < 2 * MEBIBYTE  # four numbers, two wires and their reach for each of 28160 comparators
