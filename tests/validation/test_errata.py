"""Every row of validation/ERRATA.md, shown: the printed formula evaluated beside what this library does.

One test per erratum, named ``test_<number>_...``; the last tests hold the table and this file against each other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from refimpl import distributions, sorting, topk
from validation.papers import table_3_5
from validation.papers.sigmoids import art_bound, largest_error

ERRATA = Path(__file__).parents[2] / "validation" / "ERRATA.md"
EXACT = 1e-14  # closed forms in float64
PRINTED = 5e-5  # witnesses the table gives to 4 digits


def minimum(x: float, y: float, **sigmoid: object) -> float:
    return float(sorting.swap(x, y, **sigmoid).min)


def maximum(x: float, y: float, **sigmoid: object) -> float:
    return float(sorting.swap(x, y, **sigmoid).max)


def weight(d: float, **sigmoid: object) -> float:
    """f(d): how much of (0, d) stays in order."""
    _, residuals = sorting.swap.forward(0.0, d, **sigmoid)
    return float(residuals.alpha[0])


def slope(d: float, **sigmoid: object) -> float:
    _, residuals = sorting.swap.forward(0.0, d, **sigmoid)
    return float(residuals.slope[0])


def cdf(x: float, family: str, **options: object) -> float:
    return float(distributions.cdf(np.array([x]), family=family, **options)[0])


# Chapter 2 ----------------------------------------------------------------------------------------------------------


def test_e03_the_loss_of_bubble_sort_is_no_probability() -> None:
    x = np.array([3.0, 1.0, 2.0])
    _, swaps, _ = sorting.bubble_sort(x, beta=1.0)
    assert swaps == pytest.approx(1.8205, abs=PRINTED)
    _, swaps, swapped = sorting.bubble_sort(x, beta=1e4)
    assert (float(swaps), float(swapped)) == (2.0, 0.0)  # sorted for certain, and "the probability of it" is 0


def test_e04_the_number_of_swaps_is_a_distance() -> None:
    _, swaps, _ = sorting.bubble_sort(np.array([3.0, 2.0, 1.0]), beta=1e4)
    assert float(swaps) == 3.0  # inversions
    assert 1.0 - 4.0 * float(swaps) / (3 * 2) == -1.0  # the coefficient


# Chapter 3, losses and two values -------------------------------------------------------------------------------------


def test_e16_the_two_cross_entropies_differ() -> None:
    p, q = np.array([[0.9, 0.1], [0.1, 0.9]]), np.eye(2)
    of_ranks, pull = sorting.permutation_cross_entropy.vjp(p, q)
    of_entries, pull_entries = sorting.permutation_binary_cross_entropy.vjp(p, q)
    assert float(of_ranks) == pytest.approx(-math.log(0.9), abs=EXACT)
    assert float(of_entries) == pytest.approx(-math.log(0.9), abs=EXACT)
    assert pull(1.0).P[0, 1] == 0.0
    assert pull_entries(1.0).P[0, 1] == pytest.approx(0.2778, abs=PRINTED)


def test_e17_squashing_forgets_the_distance_of_two_values() -> None:
    def first(gap: float, squash: str | None) -> float:
        x = np.array([0.0, gap])
        return float(sorting.sinkhorn_sort(x, eps=1.0, iterations=200, squash=squash)[0, 0])

    assert first(1.0, "zscore_logistic") == pytest.approx(first(100.0, "zscore_logistic"), abs=1e-12)
    for gap in (1.0, 2.0):  # without squashing: the logistic swap at beta = 1 / eps
        assert first(gap, None) == pytest.approx(weight(gap, cdf="logistic", beta=1.0), abs=1e-12)
    by_square = sorting.soft_sort(np.array([0.0, 2.0]), tau=0.2, power=2)[1, 0]
    assert float(by_square) == pytest.approx(weight(4.0, cdf="logistic", beta=5.0), abs=EXACT)  # d^2, not d


def test_e21_the_split_loss_has_a_minimum_above_zero() -> None:
    x, weights = np.array([1e3, 0.0, 0.0]), np.array([0.5, 0.0, 0.0, 0.0, 0.5])
    p = np.zeros((5, 3))
    p[0, 0] = 1.0
    printed = topk.topk_split_loss(x, p, 0, weights)
    assert float(printed) == pytest.approx(-0.5 * math.log(0.5), abs=EXACT)  # .3466
    assert float(topk.topk_split_loss(x, p, 0, weights, variant="normalised")) == pytest.approx(0.0, abs=EXACT)


# Chapter 3 ----------------------------------------------------------------------------------------------------------


def test_e07_the_integrand_of_the_reciprocal_sigmoid_lacks_a_beta() -> None:
    beta = 3.0
    printed, _ = integrate.quad(lambda t: 1.0 / (2.0 * beta * abs(t) + 1.0) ** 2, -math.inf, 0.0)
    mended, _ = integrate.quad(lambda t: beta / (2.0 * beta * abs(t) + 1.0) ** 2, -math.inf, 0.0)
    assert printed == pytest.approx(1.0 / (2.0 * beta), abs=1e-10)  # .1667: no sigmoid
    assert mended == pytest.approx(0.5, abs=1e-10)
    assert weight(0.0, cdf="reciprocal", beta=beta) == 0.5
    upto, _ = integrate.quad(lambda t: beta / (2.0 * beta * abs(t) + 1.0) ** 2, -math.inf, -0.4)
    assert weight(-0.4, cdf="reciprocal", beta=beta) == pytest.approx(upto, abs=1e-10)


def test_e08_the_cauchy_bound_holds_at_beta_pi_not_at_beta_one() -> None:
    at_one, _ = largest_error(cdf="cauchy", beta=1.0)
    at_pi, _ = largest_error(cdf="cauchy", beta=math.pi)
    assert at_one == pytest.approx(1.0 / math.pi, abs=EXACT)  # .3183, three times what the text says
    assert at_pi == pytest.approx(1.0 / math.pi**2, abs=EXACT)
    assert slope(0.0, cdf="cauchy", beta=1.0) == pytest.approx(1.0 / math.pi, abs=EXACT)
    assert slope(0.0, cdf="reciprocal", beta=1.0) == 1.0  # the same beta is not the same slope


def test_e09_the_art_bound_of_table_3_1_is_that_of_one_lambda() -> None:
    errors = {lam: largest_error(cdf="art", beta=4.0, lam=lam)[0] for lam in (0.25, 0.4, 0.5, 0.9)}
    assert errors == pytest.approx({0.25: 0.0495, 0.4: 0.0376, 0.5: 0.0302, 0.9: 0.4329}, abs=PRINTED)
    assert art_bound(0.99, 4.0) > 1e10  # no bound holds for all lam < 1
    assert slope(0.0, cdf="art", beta=4.0, lam=0.5) == pytest.approx(
        1e10, rel=1e-12
    )  # so there is no alpha to divide by
    step = 1.0 / (1.0 + math.exp(4.0))
    assert [x * step for x in (1.0, 1e3, 1e6)] == pytest.approx([0.018, 17.99, 17986.0], rel=1e-3)  # lam = 1: unbounded
    with pytest.raises(ValueError, match="0 <= lam < 1"):
        sorting.swap(np.zeros(1), np.ones(1), cdf="art", beta=4.0, lam=1.0)


def test_e10_the_reciprocal_sigmoid_and_distribution_differ_in_scale() -> None:
    d, beta = np.array([-2.0, -0.3, 0.0, 0.7, 5.0]), 1.7
    assert slope(0.0, cdf="reciprocal", beta=beta) == beta  # (3.22)
    assert distributions.pdf(np.zeros(1), family="reciprocal") == 0.5  # (A.10)
    ours = np.array([weight(float(value), cdf="reciprocal", beta=beta) for value in d])
    assert ours == pytest.approx(distributions.cdf(2.0 * beta * d, family="reciprocal"), abs=EXACT)
    released = 0.5 + beta * d / (2.0 * (2.0 + beta * np.abs(d)))  # the diffsort package: slope beta / 4
    quarter = np.array([weight(float(value), cdf="reciprocal", beta=beta / 4.0) for value in d])
    assert quarter == pytest.approx(released, abs=EXACT)


def test_e12_monotone_min_and_max_do_not_force_an_increasing_f() -> None:
    """The sheet's f, and one that is also a sigmoid at infinity: g(x) = x f(-x) flat, then steep, then flat."""

    def sheet(x: np.ndarray) -> np.ndarray:
        y = np.maximum(x, 1.0)
        return np.where(x <= 1.0, 0.5 - x / 4.0, 0.25 * (1.0 + 0.2 * np.sin(2.0 * (y - 1.0)) / y**1.5))

    def bump(x: np.ndarray) -> np.ndarray:
        below = x / 2.0 - x * x / 4.0
        return np.where(x <= 1.0, below, 0.25 + np.clip(x - 2.0, 0.0, 0.2)) / x

    x = np.linspace(1e-3, 60.0, 400001)
    for tail in (sheet(x), bump(x)):
        low, high = x * tail, x - x * tail  # min(x, 0) and max(x, 0) for x > 0; the other side follows by inversion
        assert (np.diff(low) >= -EXACT).all()
        assert (np.diff(high) >= -EXACT).all()
        assert (np.diff(tail) > 1e-7).any()  # f(-x) rises with x: f is not increasing
    assert bump(np.array([1e9]))[0] < 1e-9  # ... although f(-inf) = 0
    for name in ("reciprocal", "cauchy", "optimal"):  # here f increasing is a requirement of its own
        assert all(slope(d, cdf=name, beta=1.0) >= 0.0 for d in (-3.0, -0.25, 0.0, 1.0))


def test_e13_monotone_swaps_are_neither_quasiconvex_nor_quasiconcave() -> None:
    ends, middle = ((0.0, 4.0), (4.0, 0.0)), (2.0, 2.0)
    low = [minimum(*point, cdf="cauchy", beta=math.pi) for point in ends]
    high = [maximum(*point, cdf="cauchy", beta=math.pi) for point in ends]
    assert low == pytest.approx([0.1011, 0.1011], abs=PRINTED)
    assert high == pytest.approx([3.8989, 3.8989], abs=PRINTED)
    assert minimum(*middle, cdf="cauchy", beta=math.pi) == 2.0 > max(low)  # halfway above both ends: not quasiconvex
    assert maximum(*middle, cdf="cauchy", beta=math.pi) == 2.0 < min(high)  # halfway below both ends: not quasiconcave


def test_e14_the_slope_of_a_monotone_bounded_swap_may_vanish_again_and_again() -> None:
    powers = np.arange(40)

    def low(x: float) -> float:
        return float(np.prod(np.clip(x / 2.0**powers, 1.0, 1.0 + 0.25**powers))) / 16.0

    x = np.geomspace(1.0, 2.0**39, 20001)
    values = np.array([low(float(value)) for value in x])
    assert (np.diff(values) >= -EXACT).all()  # min(x, 0) is monotone
    assert (np.diff(values) <= np.diff(x)).all()  # and so is max(x, 0)
    assert values.max() == pytest.approx(0.1695, abs=PRINTED)  # and bounded
    for k in range(15):  # yet f(-x) = low(x) / x is constant, f' = 0, on (2^k, 2^k (1 + 4^-k))
        left, right = (2.0**k * (1.0 + share * 0.25**k) for share in (0.25, 0.75))
        assert low(left) / left == pytest.approx(low(right) / right, rel=1e-12)
    for name in ("reciprocal", "cauchy", "optimal"):  # these three do have a limit of x^2 f'(x)
        assert slope(1e8, cdf=name, beta=1.0) * 1e16 == pytest.approx(slope(1e7, cdf=name, beta=1.0) * 1e14, rel=1e-6)


def test_e18_the_guard_of_art_as_printed_gives_a_slope_of_1e10_at_a_tie() -> None:
    beta, lam, guard = 4.0, 0.25, 1e-10
    printed = beta / 4.0 / guard
    released = beta / 4.0 * guard**-lam  # x / (|x| + eps)^lam, as the diffsort package has it
    assert released == pytest.approx(316.23, abs=5e-3)
    assert slope(0.0, cdf="art", beta=beta, lam=lam) == pytest.approx(printed, rel=1e-12)
    d = 0.3
    phi = d / (d**lam + guard)
    assert weight(d, cdf="art", beta=beta, lam=lam) == pytest.approx(1.0 / (1.0 + math.exp(-beta * phi)), rel=EXACT)


def test_e20_table_3_5_is_not_better_for_every_larger_n() -> None:
    n_128, n_256, n_512, n_1024 = table_3_5.ENTRIES[:, 3:7].mean(axis=0)
    assert [n_128, n_256, n_512, n_1024] == pytest.approx([81.284, 81.028, 82.242, 81.36], abs=1e-9)
    assert n_256 < n_128
    assert n_1024 < n_512
    of_batch_4_512, of_batch_4_1024 = table_3_5.ENTRIES[:, 11:].mean(axis=0)
    assert of_batch_4_1024 < of_batch_4_512


def test_e22_the_order_of_rows_is_ascending_in_networks_and_descending_elsewhere() -> None:
    x, sharp = np.array([3.0, 1.0, 2.0]), 1e-6
    logits = -np.abs(np.sort(x)[::-1, None] - x[None, :]) / sharp
    softsort = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)  # (3.1): SoftSort, descending
    ours = sorting.network_permutation(x, network="odd_even", beta=1e9)
    assert softsort[0] == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)  # row 0: the maximum
    assert ours[0] == pytest.approx([0.0, 1.0, 0.0], abs=1e-6)  # row 0: the minimum
    assert ours[::-1] == pytest.approx(softsort, abs=1e-6)


def test_e51_a_multiple_of_pi_in_table_3_8_is_off() -> None:
    assert round(169.0 * math.pi, 1) == 530.9  # printed 531.0
    assert round(169.0 * 3.142, 1) == 531.0


# Chapter 5 and appendix A -------------------------------------------------------------------------------------------


def test_e23_the_squared_distribution_is_no_function_of_the_ratio() -> None:
    d, tau = 0.2, 0.1
    intended = cdf(d, "logistic", scale=tau, squared=True)
    as_printed = cdf(abs(d / tau) * d / tau, "logistic")  # F_sq(y) := F(|y| y) at y = d / tau
    assert intended == pytest.approx(0.5987, abs=PRINTED)
    assert as_printed == pytest.approx(0.9820, abs=PRINTED)
    assert cdf(2.0 * d, "logistic", scale=4.0 * tau, squared=True) == intended  # tau is a length squared
    assert cdf(2.0 * d, "logistic", scale=2.0 * tau, squared=True) != intended  # not a length


def test_e30_gumbel_min_as_printed_decreases() -> None:
    x = np.array([-5.0, 0.0, 5.0])
    printed = np.exp(-np.exp(x))
    assert (np.diff(printed) < 0.0).all()
    assert printed == pytest.approx([0.993285, 0.367879, 3.5e-65], rel=1e-2)
    assert distributions.cdf(x, family="gumbel_min") == pytest.approx(1.0 - printed, abs=EXACT)
    assert distributions.cdf(x, family="gumbel_max", reversed=True) == pytest.approx(1.0 - printed, abs=EXACT)
    assert cdf(0.0, "gumbel_min") == pytest.approx(0.632121, abs=5e-7)


def test_e31_the_one_sided_distributions_lack_their_left_side() -> None:
    assert 1.0 - math.exp(1.0) == pytest.approx(-1.718, abs=5e-4)  # (A.13) at -1
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        math.sqrt(1.0 / -1.0)  # (A.14) at -1
    with pytest.raises(ZeroDivisionError):
        math.sqrt(1.0 / 0.0)  # (A.14) at 0
    for family, more in (("exponential", {}), ("levy", {}), ("gamma", {"shape": 2.0})):
        assert [cdf(x, family, **more) for x in (-1.0, -1e-300, 0.0)] == [0.0, 0.0, 0.0]
        assert cdf(1.0, family, **more) > 0.0


def test_e32_heaviside_with_the_value_one_at_a_tie_is_no_swap() -> None:
    a, h_at_0 = 1.5, 1.0  # (A.1)
    assert h_at_0 * a + h_at_0 * a == 2.0 * a  # min(a, a) = f(0) a + f(-0) a, by (3.5)
    assert cdf(0.0, "heaviside") == 1.0  # rendering keeps (A.1)
    assert cdf(-0.0, "heaviside", reversed=True) == 0.0  # so Rev = F fails at 0
    assert weight(0.0, cdf="heaviside", beta=1.0) == 0.5  # swaps share a tie
    assert minimum(a, a, cdf="heaviside", beta=1.0) == a


def test_e33_the_gudermannian_of_the_code_is_another_scale() -> None:
    code = 2.0 / math.pi * math.atan(math.exp(1.0))
    assert code == pytest.approx(0.77558, abs=5e-6)
    assert cdf(1.0, "hyperbolic_secant") == pytest.approx(0.86952, abs=5e-6)  # (A.8)
    assert cdf(1.0, "hyperbolic_secant", scale=math.pi / 2.0) == pytest.approx(code, abs=EXACT)


# Appendix C ---------------------------------------------------------------------------------------------------------


def test_e11_the_minimum_of_c_1_is_the_maximum() -> None:
    x = np.linspace(-5.0, 5.0, 101)
    printed = x * 0.5 * (x / (1.0 + np.abs(x)) + 1.0)
    low, high = sorting.swap(x, np.zeros_like(x), cdf="reciprocal", beta=0.5)  # slope 1/2, the scale of (C.1)
    assert printed == pytest.approx(high, abs=EXACT)
    assert minimum(1.0, 0.0, cdf="reciprocal", beta=0.5) == 0.25
    assert maximum(1.0, 0.0, cdf="reciprocal", beta=0.5) == 0.75 > min(1.0, 0.0)
    mended = x * 0.5 * (1.0 - x / (1.0 + np.abs(x)))
    assert mended == pytest.approx(low, abs=EXACT)


# The table and this file --------------------------------------------------------------------------------------------


def table() -> dict[str, str]:
    """Erratum -> the test its row names."""
    found = {}
    for line in ERRATA.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| (E-\d+)(?: \(!\))? \|", line):
            named = re.search(r"`(test_\w+)`", line)
            assert named, f"{match[1]} names no test"
            assert match[1] not in found, f"{match[1]} has two rows"
            found[match[1]] = named[1]
    return found


def shown() -> dict[str, Callable[[], None]]:
    return {name: item for name, item in globals().items() if re.match(r"test_e\d+_", name)}


def test_every_row_has_its_test_and_every_test_its_row() -> None:
    rows = table()
    assert len(rows) >= 17
    assert sorted(rows.values()) == sorted(shown())
    for erratum, name in rows.items():
        assert name.startswith(f"test_{erratum.replace('-', '').lower()}_"), (erratum, name)


def test_every_row_is_complete() -> None:
    for line in ERRATA.read_text(encoding="utf-8").splitlines():
        if line.startswith("| E-"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 6, line
            assert all(cells), line
