"""The transforms are exact in rational arithmetic; exp and log as pairs reach the digits they promise."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from refimpl.scalars.extended import exp_pair, exp_sum, log_pair, split, two_product, two_sum

PAIR = 2.0**-70  # relative error of exp_pair, absolute error of log_pair: what deviance() needs at p = 1e4 and more
ULP = 1.6  # exp_sum: the library's exponential, good to about one, and one rounding more


def pairs(count: int, decades: float) -> list[tuple[float, float]]:
    random = np.random.default_rng(3)
    values = random.normal(size=(count, 2)) * 10.0 ** random.uniform(-decades, decades, (count, 2))
    return [(float(a), float(b)) for a, b in values]


@pytest.mark.parametrize("decades", [0.5, 8.0, 60.0])
def test_transforms_are_exact(decades: float) -> None:
    for a, b in pairs(300, decades):
        s, s_lo = two_sum(a, b)
        assert s == a + b
        assert Fraction(s) + Fraction(s_lo) == Fraction(a) + Fraction(b)
        p, p_lo = two_product(a, b)
        assert p == a * b
        assert abs(Fraction(p) + Fraction(p_lo) - Fraction(a) * Fraction(b)) <= abs(Fraction(a * b)) / 2**104
        head, rest = split(a)
        assert Fraction(head) + Fraction(rest) == Fraction(a)
        assert Fraction(head) * Fraction(head) == Fraction(head * head)


@pytest.mark.parametrize("scale", [1e-9, 0.3, 7.0, 690.0])
def test_exponential_and_logarithm_as_pairs(scale: float) -> None:
    for x in np.random.default_rng(4).uniform(-scale, scale, 300).tolist():
        with mpmath.workdps(60):
            hi, lo = exp_pair(x)
            assert abs((mpmath.mpf(hi) + lo) / mpmath.exp(x) - 1) < PAIR
            y = float(mpmath.exp(x))
            hi, lo = log_pair(y)
            assert abs(mpmath.mpf(hi) + lo - mpmath.log(y)) < PAIR


def test_exponential_of_a_pair() -> None:
    for x in np.random.default_rng(5).uniform(-690, 690, 300).tolist():
        lo = x * 2.0**-54
        with mpmath.workdps(60):
            exact = mpmath.exp(mpmath.mpf(x) + mpmath.mpf(lo))
            assert abs(exp_sum(x, lo) - exact) <= ULP * np.spacing(float(exact))
