"""Sorted values of relaxed networks: the sheet, 50 digits, bounds, limits, extremes, shapes."""

from __future__ import annotations

import math
import tracemalloc

import exact_networks as exact
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl import sorting
from refimpl.scalars.swaps import CDFS
from refimpl.sorting import network_sort

seeds = st.integers(0, 2**32 - 1)
every_cdf = pytest.mark.parametrize("cdf", CDFS)
NETWORKS = {"odd_even": sorting.odd_even, "bitonic": sorting.bitonic}

SHEET = 1e-12  # the sheet prints 12 digits
VALUE = 64.0  # gauged ulp: up to 10 layers, each with a weight to 4 ulp and two roundings
GRADIENT = 1024.0  # gauged ulp: each layer multiplies by a Jacobian whose slope is at an argument off by its rounding
BOUND = 1.0 + 1e-9  # the bound is approached from below, to rounding
MEBIBYTE = 2**20

# equation sheet, section 3, sorting.network: odd-even, n = 3, x = (3, 1, 2), gradient of xs[0]
GOLDEN = [
    ({"cdf": "logistic", "beta": 1.0}, [1.507634862727, 1.973186597501, 2.519178539772],
     [-0.072455037274, 1.012220025917, 0.060235011357]),
    ({"cdf": "reciprocal", "beta": 1.0}, [1.364021164021, 1.989824989825, 2.646153846154],
     [0.023103916464, 0.922131379301, 0.054764704236]),
    ({"cdf": "cauchy", "beta": 1.0}, [1.537310081896, 1.972527929523, 2.490161988582],
     [0.034011115052, 0.877445954393, 0.088542930555]),
    ({"cdf": "optimal", "beta": 0.2}, [1.60537097168, 1.95634777832, 2.43828125],
     [0.0281953125, 0.8746875, 0.0971171875]),
    ({"cdf": "art", "lam": 0.25, "beta": 1.0}, [1.570276702902, 1.963014744527, 2.466708552571],
     [0.019662288681, 0.866419057418, 0.113918653901]),
]  # fmt: skip
ERRORS = {"logistic": 0.2784645427610738, "reciprocal": 0.25, "cauchy": 1.0 / math.pi, "optimal": 1.0 / 16.0}
TIGHT = {"logistic": 1.494, "reciprocal": 1.496, "cauchy": 1.90984, "optimal": 0.375}  # seen by the sheet, n = 8
MONOTONE = ("reciprocal", "cauchy", "optimal")


def keywords(cdf: str, lam: float = 0.3) -> dict[str, object]:
    return {"cdf": cdf, **({"lam": lam} if cdf == "art" else {})}


def jacobian(x: np.ndarray, **how: object) -> np.ndarray:
    _, pullback = network_sort.vjp(x, **how)
    return np.stack([pullback(g).x for g in np.eye(x.size)])


# values and gradients ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "values", "gradient"), GOLDEN, ids=lambda g: g["cdf"] if isinstance(g, dict) else "")
def test_values_and_gradient_are_those_of_the_sheet(how: dict, values: list[float], gradient: list[float]) -> None:
    y, pullback = network_sort.vjp(np.array([3.0, 1.0, 2.0]), network="odd_even", **how)
    assert np.abs(y - values).max() < SHEET
    assert np.abs(pullback(np.array([1.0, 0.0, 0.0])).x - gradient).max() < SHEET


def test_the_sheets_example_of_outputs_that_do_not_ascend() -> None:
    y = network_sort(np.array([0.0, 0.0, -1.0]), network="odd_even", cdf="cauchy", beta=1.0)
    assert np.abs(y - [-0.5286, -0.2214, -0.2500]).max() < 5e-5  # four digits are printed


@pytest.mark.parametrize("cdf", exact.CDFS)
@pytest.mark.parametrize("network", NETWORKS)
@given(seed=seeds, n=st.integers(2, 6))
def test_full_jacobian_against_50_digits(network: str, cdf: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, n)
    beta, lam = float(np.exp(rng.uniform(-1.5, 1.5))), float(rng.uniform(0.05, 0.6))
    how = {"network": network, **keywords(cdf, lam), "beta": beta}
    if network_sort.margin(x, **how) < 1e-3:
        return

    def f(v: list[mpf]) -> list[mpf]:
        return exact.sort(NETWORKS[network](n), cdf, v[:n], *v[n:])

    want, exactly = exact.jacobian(f, [*x, beta, lam])
    y, pullback = network_sort.vjp(x, **how)
    agree(y, want, VALUE, gauge=np.abs(x).max())
    for row, g in enumerate(np.eye(n)):
        grads = pullback(g)
        size = 1.0 + np.abs(exactly[row]).max()
        agree(grads.x, exactly[row, :n], GRADIENT, gauge=size)
        agree(grads.beta, exactly[row, n], GRADIENT, gauge=size)
        if cdf == "art":
            agree(grads.lam, exactly[row, n + 1], GRADIENT, gauge=size)


def test_a_custom_network_with_downward_pairs_against_50_digits() -> None:
    layers = [[(2, 0)], [(1, 2)], [(3, 1), (0, 2)]]
    x = np.array([0.4, -1.3, 2.2, 0.9])
    want, exactly = exact.jacobian(lambda v: exact.sort(layers, "cauchy", v[:4], v[4], mpf(0)), [*x, 1.7])
    y, pullback = network_sort.vjp(x, network=layers, beta=1.7)
    agree(y, want, VALUE, gauge=2.2)
    g = np.random.default_rng(0).standard_normal(4)
    grads = pullback(g)
    agree(np.append(grads.x, grads.beta), g @ exactly, GRADIENT, gauge=np.abs(g) @ np.abs(exactly))


@pytest.mark.parametrize("cdf", MONOTONE)
@pytest.mark.parametrize("network", NETWORKS)
@given(seed=seeds, n=st.integers(1, 12))
def test_the_jacobian_is_doubly_stochastic_for_monotone_sigmoids(network: str, cdf: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    j = jacobian(rng.normal(0.0, 2.0, n), network=network, cdf=cdf, beta=float(np.exp(rng.uniform(-2, 3))))
    assert j.min() >= -1e-14  # an entry that is exactly 0 (optimal, beyond its corner) may be rounded below
    agree(j.sum(0), np.ones(n), VALUE)
    agree(j.sum(1), np.ones(n), VALUE)


def test_the_jacobian_is_not_for_the_logistic_sigmoid() -> None:
    j = jacobian(np.array([0.0, 3.0]), network="odd_even", cdf="logistic", beta=1.0)
    agree(j.sum(1), np.ones(2), VALUE)
    s = 1.0 / (1.0 + math.exp(-3.0))
    agree(j[0, 1], (1.0 - s) - 3.0 * s * (1.0 - s), VALUE, gauge=1.0)
    assert j[0, 1] < -0.08


# bounds and limits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cdf", ERRORS)
@pytest.mark.parametrize("network", NETWORKS)
@given(seed=seeds, n=st.integers(2, 40))
def test_the_error_is_at_most_layers_times_that_of_a_swap(network: str, cdf: str, seed: int, n: int) -> None:
    """Theorem 3.5, with the constants for beta as it is defined here (errata E-08)."""
    rng = np.random.default_rng(seed)
    x, beta = rng.normal(0.0, 10.0 ** rng.integers(-2, 4), n), float(np.exp(rng.uniform(-2, 3)))
    error = np.abs(network_sort(x, network=network, cdf=cdf, beta=beta) - np.sort(x)).max()
    assert error <= len(NETWORKS[network](n)) * ERRORS[cdf] / beta * BOUND + 1e-13 * np.abs(x).max()


@pytest.mark.parametrize("cdf", ["reciprocal", "cauchy", "optimal"])
def test_the_bound_is_nearly_reached_on_eight_wires(cdf: str) -> None:
    """Each layer pushes the wire by c / beta if its partner is far away: hugely different inputs do that."""
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], (2000, 8)) * 10.0 ** rng.integers(0, 9, (2000, 8))
    worst = np.abs(network_sort(x, cdf=cdf, beta=1.0) - np.sort(x)).max()
    assert 0.9 * TIGHT[cdf] < worst <= 6 * ERRORS[cdf] * (1.0 + 1e-6)  # 1e9 has a spacing of 1e-7


@every_cdf
@pytest.mark.parametrize("network", NETWORKS)
def test_large_beta_sorts_and_small_beta_averages(network: str, cdf: str) -> None:
    x = np.random.default_rng(1).normal(0.0, 3.0, (5, 13))
    hard = network_sort(x, network=network, beta=1e300, **keywords(cdf))
    assert np.abs(hard - np.sort(x)).max() < 1e-13
    if cdf != "heaviside":
        flat = network_sort(x[:, :4], network="bitonic", beta=1e-300, **keywords(cdf))
        agree(flat, np.repeat(x[:, :4].mean(1, keepdims=True), 4, 1), 16.0, gauge=np.abs(x).max())


def test_heaviside_is_the_hard_sort_and_shares_ties() -> None:
    x = np.array([2.0, -1.0, 2.0, 0.5, -1.0])
    same_bits(network_sort(x, cdf="heaviside", beta=1.0), np.sort(x))


@every_cdf
def test_equal_values_stay_and_share_the_cotangent(cdf: str) -> None:
    x = np.full(4, 1.25)
    y, pullback = network_sort.vjp(x, beta=2.0, **keywords(cdf))
    same_bits(y, x)
    g = np.random.default_rng(2).standard_normal(4)
    agree(pullback(g).x, np.full(4, g.mean()), VALUE, gauge=1.0)


@every_cdf
def test_one_value_passes_through(cdf: str) -> None:
    y, pullback = network_sort.vjp(np.array([[2.5], [-1.0]]), beta=2.0, **keywords(cdf))
    same_bits(y, np.array([[2.5], [-1.0]]))
    grads = pullback(np.array([[3.0], [4.0]]))
    same_bits(grads.x, np.array([[3.0], [4.0]]))
    assert grads.beta == 0.0


@given(seed=seeds, n=st.integers(1, 30))
def test_sums_are_kept_and_values_are_majorised(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = network_sort(x, beta=float(np.exp(rng.normal())))
    agree(y.sum(), x.sum(), VALUE, gauge=np.abs(x).sum())
    largest_sums = np.cumsum(np.sort(x)[::-1]) - np.cumsum(np.sort(y)[::-1])
    assert largest_sums.min() >= -1e-13 * np.abs(x).sum()


# NaN, infinity, extremes ---------------------------------------------------------------------------------------------


def reached(layers: list[list[tuple[int, int]]], n: int, wires: set[int]) -> np.ndarray:
    """Which outputs depend on these inputs."""
    hit = np.isin(np.arange(n), list(wires))
    for layer in layers:
        for i, j in layer:
            hit[[i, j]] = hit[i] | hit[j]
    return hit


@every_cdf
@given(seed=seeds, n=st.integers(2, 9))
def test_nan_reaches_exactly_the_outputs_that_depend_on_it(cdf: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    layers = [[tuple(map(int, rng.permutation(n)[:2]))] for _ in range(4)]
    bad = int(rng.integers(n))
    x = rng.normal(size=(2, n))
    y, pullback = network_sort.vjp(x, network=layers, beta=1.0, **keywords(cdf))
    g = rng.standard_normal((2, n))
    grads = pullback(g)
    x[1, bad] = np.nan
    y_bad, pull_bad = network_sort.vjp(x, network=layers, beta=1.0, **keywords(cdf))
    hit = reached(layers, n, {bad})
    assert (np.isnan(y_bad[1]) == hit).all() or cdf == "heaviside"
    same_bits(y_bad[0], y[0])
    same_bits(y_bad[1, ~hit], y[1, ~hit])
    same_bits(pull_bad(g).x[0], grads.x[0])
    meets = reached(layers[::-1], n, set(np.flatnonzero(hit)))  # inputs that share an output with the NaN
    same_bits(pull_bad(g).x[1, ~meets], grads.x[1, ~meets])


@every_cdf
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("beta", [1e-300, 1e-3, 1.0, 1e300])
def test_extreme_finite_values_give_finite_results(network: str, cdf: str, beta: float) -> None:
    edge = np.array([1e308, -1e308, 1.7e308, -1.7e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])
    y = network_sort(edge, network=network, beta=beta, **keywords(cdf))
    assert np.isfinite(y).all()
    assert y.min() >= -1.7e308
    if 1e-3 <= beta <= 1.0:
        _, pullback = network_sort.vjp(edge, network=network, beta=beta, **keywords(cdf))
        grads = pullback(np.random.default_rng(0).standard_normal(9))
        assert all(grad is None or np.isfinite(grad).all() for grad in grads)


def test_infinities_are_refused_where_they_stand() -> None:
    x = np.zeros((2, 3))
    x[1, 2] = -np.inf
    with pytest.raises(ValueError, match=r"argument 'x' is infinite at index \(1, 2\); expected finite values"):
        network_sort(x, beta=1.0)


# shapes, dtypes, memory ----------------------------------------------------------------------------------------------


@given(seed=seeds)
def test_batches_are_their_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, beta = rng.normal(size=(2, 3, 5)), np.exp(rng.normal(size=(2, 1)))
    lam = rng.uniform(0.0, 0.7, 3)
    y, pullback = network_sort.vjp(x, cdf="art", beta=beta, lam=lam)
    g = rng.standard_normal((2, 3, 5))
    grads = pullback(g)
    of_beta, of_lam = np.zeros((2, 3)), np.zeros((2, 3))
    for i, j in np.ndindex(2, 3):
        row, pull = network_sort.vjp(x[i, j], cdf="art", beta=float(beta[i, 0]), lam=float(lam[j]))
        same_bits(y[i, j], row)
        alone = pull(g[i, j])
        same_bits(grads.x[i, j], alone.x)
        of_beta[i, j], of_lam[i, j] = alone.beta, alone.lam
    agree(grads.beta, of_beta.sum(1, keepdims=True), 8.0, gauge=np.abs(of_beta).sum())
    agree(grads.lam, of_lam.sum(0), 8.0, gauge=np.abs(of_lam).sum())


@pytest.mark.parametrize("cdf", ["cauchy", "art"])
def test_float32_is_the_rounded_float64_answer(cdf: str) -> None:
    rng = np.random.default_rng(5)
    x, g = (rng.standard_normal((3, 17)).astype(np.float32) for _ in range(2))
    y, pullback = network_sort.vjp(x, beta=2.0, **keywords(cdf))
    want, pull_wide = network_sort.vjp(x.astype(float), beta=2.0, **keywords(cdf))
    same_bits(y, want.astype(np.float32))
    grads, wide = pullback(g), pull_wide(g.astype(float))
    same_bits(grads.x, wide.x.astype(np.float32))
    agree(grads.beta, wide.beta, 2.0)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 4), (0, 1)])
def test_empty_batches_come_back_empty(shape: tuple[int, ...]) -> None:
    y, pullback = network_sort.vjp(np.zeros(shape), beta=2.0)
    assert y.shape == shape
    grads = pullback(np.zeros(shape))
    assert grads.x.shape == shape
    assert grads.beta == 0.0


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 0)])
def test_nothing_to_sort_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="nothing to sort"):
        network_sort(np.zeros(shape), beta=2.0)


@pytest.mark.parametrize("network", [[[(0, 1)], []], [], [[(0, 1)], [(1, 2)]], [[[0, 1]]], ((np.array([0, 1]),),)])
def test_custom_networks_may_be_any_nested_sequence(network: object) -> None:
    assert network_sort(np.array([3.0, 1.0, 2.0]), network=network, beta=1.0).shape == (3,)


@pytest.mark.parametrize(
    ("network", "error"),
    [([[(0, 0)]], ValueError), ([[(-1, 0)]], ValueError), ([[(0, 1, 2)]], TypeError), ([(0, 1)], TypeError),
     (None, TypeError), ([[(0, 1)], [(2, 3)]], ValueError), ({"a": 1}, TypeError), ([["ab"]], TypeError)],
)  # fmt: skip
def test_what_is_no_network_is_refused(network: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"sorting\.network_sort: argument 'network' .*; expected"):
        network_sort(np.array([3.0, 1.0, 2.0]), network=network, beta=1.0)


def test_wires_that_are_not_whole_numbers_are_refused() -> None:
    with pytest.raises((TypeError, ValueError), match="argument 'network'"):
        network_sort(np.array([3.0, 1.0, 2.0]), network=[[(0.5, 1.7)]], beta=1.0)


def test_values_alone_never_build_the_matrix() -> None:
    n = 2048  # whose matrix would fill 32 MiB
    x = np.random.default_rng(0).normal(size=n)
    network_sort(x, beta=1.0)  # compiles, and keeps the list of comparators
    tracemalloc.start()
    try:
        network_sort(x, beta=1.0)
        _, alone = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        _, pullback = network_sort.vjp(x, beta=1.0)
        pullback(x)
        _, both = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert alone < MEBIBYTE / 4  # of 67584 comparators, one layer at a time
    assert both < 6 * MEBIBYTE
