"""The fifteen laws against mpmath at 50 digits: both tails, density and its slope, wherever the result is normal."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from refimpl.scalars import distributions
from refimpl.scalars.distributions import FAMILIES, SYMMETRIC, density_slope, law, tail

mpf, sqrt, pi, exp, expm1, log = mpmath.mpf, mpmath.sqrt, mpmath.pi, mpmath.exp, mpmath.expm1, mpmath.log

VALUE_ULP = 4.0  # a handful of roundings after an exponential or a polynomial that is itself good to about one
DENSITY_ULP = 8.0  # the same, with a product or two more
SLOPE_ULP = 8.0  # a density times a rational factor whose zero is exact
GAMMA = 1e-13  # relative, as in test_incomplete_gamma
WIGGLE = 4 * 2.0**-52  # neighbours closer than the rounding of F may come out in the wrong order
SMALLEST_NORMAL = sys.float_info.min
SHAPES = (0.5, 1.0, 2.0, 7.3)
Exact = tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf, mpmath.mpf]  # F, S, f, f'


# exact laws ----------------------------------------------------------------------------------------------------------


def mirrored(half: Callable[[mpmath.mpf], tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]]) -> Callable[..., Exact]:
    """A symmetric law from (F(-a), f(a), f'(a)), a > 0."""

    def exact(x: mpmath.mpf) -> Exact:
        t, f, slope = half(abs(x))
        return (t, 1 - t, f, -slope) if x < 0 else (1 - t, t, f, slope)

    return exact


def uniform(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    return ((1 - a) / 2, mpf(1) / 2, mpf(0)) if a < 1 else (mpf(0), mpf(0), mpf(0))


def cubic_hermite(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    y = (1 - a) / 2
    return (y**2 * (3 - 2 * y), (1 - a * a) * 3 / 4, -3 * a / 2) if a < 1 else (mpf(0), mpf(0), mpf(0))


def wigner(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    if a >= 1:
        return mpf(0), mpf(0), mpf(0)
    root = sqrt(1 - a * a)
    return mpf(1) / 2 - (a * root + mpmath.asin(a)) / pi, 2 * root / pi, -2 * a / (pi * root)


def gaussian(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    a = min(a, mpf(1000))  # mpmath's erfc gives up on 1e300
    f = exp(-a * a / 2) / sqrt(2 * pi)
    return mpmath.erfc(a / sqrt(2)) / 2, f, -a * f


def laplace(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    return exp(-a) / 2, exp(-a) / 2, -exp(-a) / 2


def logistic(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    e = exp(-a)
    return e / (1 + e), e / (1 + e) ** 2, -e * -expm1(-a) / (1 + e) ** 3


def hyperbolic_secant(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    u = pi * a / 2
    f = mpmath.sech(u) / 2
    return 2 * mpmath.atan(exp(-u)) / pi, f, -f * pi / 2 * mpmath.tanh(u)


def cauchy(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    return mpmath.atan2(1, a) / pi, 1 / (pi * (1 + a * a)), -2 * a / (pi * (1 + a * a) ** 2)


def reciprocal(a: mpmath.mpf) -> tuple[mpmath.mpf, ...]:
    return 1 / (2 * (1 + a)), 1 / (2 * (1 + a) ** 2), -1 / (1 + a) ** 3


def gumbel_max(x: mpmath.mpf) -> Exact:
    x = max(x, mpf(-50))  # and nobody has an exp(-exp(1e300))
    t = exp(-x)
    f = exp(-x - t)
    return exp(-t), -expm1(-t), f, f * expm1(-x)


def gumbel_min(x: mpmath.mpf) -> Exact:
    lower, upper, f, slope = gumbel_max(-x)
    return upper, lower, f, -slope


def exponential(x: mpmath.mpf) -> Exact:
    return (-expm1(-x), exp(-x), exp(-x), -exp(-x)) if x > 0 else (mpf(0), mpf(1), mpf(0), mpf(0))


def levy(x: mpmath.mpf) -> Exact:
    if x <= 0:
        return mpf(0), mpf(1), mpf(0), mpf(0)
    z = 1 / sqrt(2 * x)
    f = exp(-1 / (2 * x)) / sqrt(2 * pi * x**3)
    return mpmath.erfc(z), mpmath.erf(z), f, f * (1 - 3 * x) / (2 * x * x)


EXACT: dict[str, Callable[[mpmath.mpf], Exact]] = {
    "uniform": mirrored(uniform),
    "cubic_hermite": mirrored(cubic_hermite),
    "wigner": mirrored(wigner),
    "gaussian": mirrored(gaussian),
    "laplace": mirrored(laplace),
    "logistic": mirrored(logistic),
    "hyperbolic_secant": mirrored(hyperbolic_secant),
    "cauchy": mirrored(cauchy),
    "reciprocal": mirrored(reciprocal),
    "gumbel_max": gumbel_max,
    "gumbel_min": gumbel_min,
    "exponential": exponential,
    "levy": levy,
}

# where a law lives: the interval that holds everything but its power-law or underflowed tails
BODY = {
    "uniform": (-1, 1),
    "cubic_hermite": (-1, 1),
    "wigner": (-1, 1),
    "gaussian": (-39, 39),
    "laplace": (-745, 745),
    "logistic": (-745, 745),
    "hyperbolic_secant": (-475, 475),
    "cauchy": (-9, 9),
    "reciprocal": (-9, 9),
    "gumbel_max": (-7, 60),
    "gumbel_min": (-60, 7),
    "exponential": (0, 745),
    "levy": (0, 3),
}


def grid(name: str, size: int = 100) -> list[float]:
    """All magnitudes of both signs, the body evenly and near its middle and ends, and the powers of two beside +-1."""
    random = np.random.default_rng(size)
    lo, hi = BODY[name]
    powers = 10.0 ** random.uniform(-307.9, 308.2, size)
    near_one = 1.0 - 2.0 ** -random.uniform(0, 53, size // 2)
    ends = [lo * (1 - 0.02 * random.random(size // 4)), hi * (1 - 0.02 * random.random(size // 4))]
    points = [powers, -powers, random.uniform(lo, hi, size), random.normal(0, 1.5, size), near_one, -near_one, *ends]
    if name == "levy":
        points.append(1 / random.uniform(300, 1490, size))
    kinks = {0.0, 0.5, 1.0, 1.0 / 3.0, -1.0 / 3.0, -0.5, -1.0, math.nextafter(1, 0), math.nextafter(1, 2)}
    return sorted({float(x) for x in np.concatenate(points)} | kinks)


def at_kink(name: str, x: float) -> bool:
    return abs(x) == 1.0 if name in ("uniform", "cubic_hermite", "wigner") else x == 0.0


def ulps(value: float, exact: mpmath.mpf) -> float:
    """|value - exact| in units of the last place of the exact number; 0 where that is not a normal float."""
    if not SMALLEST_NORMAL <= abs(exact) <= sys.float_info.max:
        return 0.0
    unit = mpf(2) ** (math.floor(log(abs(exact), 2)) - 52)
    return float(abs(mpf(value) - exact) / unit)


def worst(name: str, size: int = 100) -> list[tuple[float, float]]:
    """For F, S, f, f': the largest error in ulp and where it is."""
    code, found = FAMILIES.index(name), [(0.0, 0.0)] * 4
    with mpmath.workdps(50):
        for x in grid(name, size):
            exact = EXACT[name](mpf(x))
            values = (*law(code, x, 1.0), density_slope(code, x, 1.0))
            for i in range(2 if at_kink(name, x) else 4):
                found[i] = max(found[i], (ulps(values[i], exact[i]), x))
    return found


# tests ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXACT)
def test_values_are_accurate_wherever_they_are_normal(name: str) -> None:
    limits = {"F": VALUE_ULP, "S": VALUE_ULP, "f": DENSITY_ULP, "f'": SLOPE_ULP}
    for (quantity, limit), (error, x) in zip(limits.items(), worst(name), strict=True):
        assert error <= limit, f"{quantity} of {name} is {error:.2f} ulp off at x = {x!r}"


def test_every_law_is_in_the_tables() -> None:
    assert set(EXACT) == set(FAMILIES) - {"heaviside", "gamma"}
    assert FAMILIES[: len(SYMMETRIC)] == SYMMETRIC
    assert len(tail.functions) == len(SYMMETRIC)
    for table, suffix in ((law, ""), (density_slope, "_dpdf")):
        assert [f.__name__.removesuffix("_law") for f in table.functions] == [name + suffix for name in FAMILIES]


# sheet 5.1: F(-.7), F(.7), F(2.5), f(.7)
GOLDEN = {
    ("uniform", 1.0): (0.15, 0.85, 1, 0.5),
    ("cubic_hermite", 1.0): (0.06075, 0.93925, 1, 0.3825),
    ("wigner", 1.0): (0.0940602021870937, 0.905939797812906, 1, 0.454637454055832),
    ("gaussian", 1.0): (0.241963652223073, 0.758036347776927, 0.993790334674224, 0.312253933366761),
    ("laplace", 1.0): (0.248292651895705, 0.751707348104295, 0.958957500688051, 0.248292651895705),
    ("logistic", 1.0): (0.331812227831834, 0.668187772168166, 0.924141819978756, 0.221712873293109),
    ("hyperbolic_secant", 1.0): (0.204652324473551, 0.795347675526449, 0.98745838421478, 0.299773203936119),
    ("cauchy", 1.0): (0.305599887785785, 0.694400112214215, 0.878881058409157, 0.213630796096504),
    ("reciprocal", 1.0): (0.294117647058824, 0.705882352941176, 0.857142857142857, 0.173010380622837),
    ("gumbel_max", 1.0): (0.133486796658084, 0.608605317804406, 0.921193655175516, 0.302224456630968),
    ("gumbel_min", 1.0): (0.391394682195594, 0.866513203341916, 0.999994880705701, 0.268809398181777),
    ("exponential", 1.0): (0, 0.50341469620859, 0.917915001376101, 0.49658530379141),
    ("levy", 1.0): (0, 0.231997723628734, 0.527089256865538, 0.333466845759821),
    ("gamma", 0.5): (0, 0.763276429362143, 0.974652681322532, 0.334865114690167),
    ("gamma", 2.0): (0, 0.155804983554604, 0.712702504816354, 0.347609712653987),
}
GOLDEN_DIGITS = 2e-15  # printed with 15 digits


@pytest.mark.parametrize(("name", "p"), GOLDEN)
def test_golden_values_of_the_sheet(name: str, p: float) -> None:
    code = FAMILIES.index(name)
    values = (law(code, -0.7, p)[0], law(code, 0.7, p)[0], law(code, 2.5, p)[0], law(code, 0.7, p)[2])
    np.testing.assert_allclose(values, GOLDEN[name, p], rtol=0, atol=GOLDEN_DIGITS)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("p", SHAPES)
def test_a_law_is_a_law(name: str, p: float) -> None:
    """F and S are monotone, complementary and in [0, 1]; f is nonnegative; everything is finite for finite x."""
    code = FAMILIES.index(name)
    points = grid(name if name in BODY else "exponential", 30)
    values = np.array([(*law(code, x, p), density_slope(code, x, p)) for x in points])
    lower, upper, density, _ = values.T
    assert np.isfinite(values[np.abs(points) > 1e-150 if name == "gamma" else slice(None)]).all()
    assert (np.diff(lower) >= -WIGGLE * lower[1:]).all()
    assert (np.diff(upper) <= WIGGLE * upper[:-1]).all()
    assert ((lower >= 0) & (lower <= 1) & (upper >= 0) & (upper <= 1) & (density >= 0)).all()
    np.testing.assert_allclose(lower + upper, 1, rtol=0, atol=GAMMA if name == "gamma" else 2.0**-52)


@pytest.mark.parametrize("name", FAMILIES)
def test_limits_and_nan(name: str) -> None:
    code = FAMILIES.index(name)
    assert law(code, -math.inf, 2.0) == (0.0, 1.0, 0.0)
    assert law(code, math.inf, 2.0) == (1.0, 0.0, 0.0)
    assert density_slope(code, -math.inf, 2.0) == density_slope(code, math.inf, 2.0) == 0.0
    assert np.isnan([*law(code, math.nan, 2.0), density_slope(code, math.nan, 2.0)]).all()
    if name in SYMMETRIC:
        assert tail(code, math.inf) == (0.0, 0.0)
        assert np.isnan(tail(code, math.nan)).all()
    if name == "gamma":
        for p in (math.nan, 0.0, -1.0, math.inf):
            assert np.isnan([*law(code, 1.0, p), density_slope(code, 1.0, p)]).all()


@pytest.mark.parametrize("name", sorted(set(SYMMETRIC) - {"heaviside"}))
def test_a_symmetric_law_is_its_tail(name: str) -> None:
    code = FAMILIES.index(name)
    for x in grid(name, 20):
        lower, upper, density = law(code, x, 1.0)
        assert (min(lower, upper), density) == tail(code, abs(x))
        assert law(code, -x, 1.0) == (upper, lower, density)
        assert density_slope(code, -x, 1.0) == -density_slope(code, x, 1.0)


def test_heaviside_has_two_conventions_at_zero() -> None:
    """1/2 where the tail is asked (swaps), 1 in the law (rendering); erratum E-32."""
    assert distributions.heaviside(0.0) == (0.5, 0.0)
    assert distributions.heaviside(1e-300) == (0.0, 0.0)
    assert distributions.heaviside_law(0.0) == distributions.heaviside_law(-0.0) == (1.0, 0.0, 0.0)
    assert distributions.heaviside_law(-1e-300) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "x", "density", "slope"),
    [
        ("uniform", 1.0, 0.25, 0.0),
        ("uniform", -1.0, 0.25, 0.0),
        ("cubic_hermite", 1.0, 0.0, -0.75),
        ("cubic_hermite", -1.0, 0.0, 0.75),
        ("wigner", 1.0, 0.0, 0.0),
        ("laplace", 0.0, 0.5, 0.0),
        ("reciprocal", 0.0, 0.5, 0.0),
        ("exponential", 0.0, 0.5, -0.5),
        ("levy", 0.0, 0.0, 0.0),
        ("gamma", 0.0, 0.0, 0.0),
    ],
)
def test_kinks_take_the_mean_of_both_sides(name: str, x: float, density: float, slope: float) -> None:
    code = FAMILIES.index(name)
    assert (law(code, x, 1.0)[2], density_slope(code, x, 1.0)) == (density, slope)


def test_gamma_of_shape_one_is_exponential() -> None:
    gamma, exponential = FAMILIES.index("gamma"), FAMILIES.index("exponential")
    for x in grid("exponential", 30):
        if x != 0.0:
            np.testing.assert_allclose(law(gamma, x, 1.0), law(exponential, x, 1.0), rtol=GAMMA, atol=1e-307)


def test_a12_as_printed_decreases() -> None:
    """Erratum E-30: exp(-e^x) is not a distribution function; ours is 1 minus it."""
    lower = [law(FAMILIES.index("gumbel_min"), x, 1.0)[0] for x in (-5.0, 0.0, 5.0)]
    printed = [math.exp(-math.exp(x)) for x in (-5.0, 0.0, 5.0)]
    assert printed[0] > printed[1] > printed[2]
    np.testing.assert_allclose(lower, 1 - np.array(printed), rtol=1e-14)
