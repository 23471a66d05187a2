"""cdf and pdf of fifteen families: values, VJPs at 50 digits, kinks, extremes, broadcasting, dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl.distributions import cdf, pdf
from refimpl.op import AnyOp
from refimpl.scalars.distributions import FAMILIES, SYMMETRIC

mpmath.mp.dps = 50
half, pi = mpf(1) / 2, mpmath.pi

SHEET = 5e-15  # the sheet prints 15 digits
VALUE = 24.0  # gauged ulp: 4 ulp in F, 8 in f; the gauge includes what the rounding of the argument v costs
GRADIENT = 256.0  # gauged ulp: 16 ulp in f', three or four products; gauge as for values
GAMMA = 4096.0  # ulp: the incomplete gamma function and its slopes are good to 1e-13 or 3e-13 (scalars), 1e-12 in all
RESOLVED = 1e-20  # what differences of differences at 50 digits resolve; tails have a test of their own
H = mpf(10) ** -13  # central differences of second order twice nested: truncation 1e-26, rounding 1e-24

seeds = st.integers(0, 2**32 - 1)
every_family = pytest.mark.parametrize("family", FAMILIES)
modes = pytest.mark.parametrize(
    ("reversed", "squared"), [(False, False), (True, False), (False, True), (True, True)],
    ids=["plain", "reversed", "squared", "reversed and squared"],
)  # fmt: skip

# equation sheet 5.1: F(-.7), F(.7), F(2.5), f(.7)
GOLDEN = {
    "uniform": (0.15, 0.85, 1.0, 0.5),
    "cubic_hermite": (0.06075, 0.93925, 1.0, 0.3825),
    "wigner": (0.0940602021870937, 0.905939797812906, 1.0, 0.454637454055832),
    "gaussian": (0.241963652223073, 0.758036347776927, 0.993790334674224, 0.312253933366761),
    "laplace": (0.248292651895705, 0.751707348104295, 0.958957500688051, 0.248292651895705),
    "logistic": (0.331812227831834, 0.668187772168166, 0.924141819978756, 0.221712873293109),
    "hyperbolic_secant": (0.204652324473551, 0.795347675526449, 0.98745838421478, 0.299773203936119),
    "cauchy": (0.305599887785785, 0.694400112214215, 0.878881058409157, 0.213630796096504),
    "reciprocal": (0.294117647058824, 0.705882352941176, 0.857142857142857, 0.173010380622837),
    "gumbel_max": (0.133486796658084, 0.608605317804406, 0.921193655175516, 0.302224456630968),
    "gumbel_min": (0.391394682195594, 0.866513203341916, 0.999994880705701, 0.268809398181777),
    "exponential": (0.0, 0.50341469620859, 0.917915001376101, 0.49658530379141),
    "levy": (0.0, 0.231997723628734, 0.527089256865538, 0.333466845759821),
    "gamma 0.5": (0.0, 0.763276429362143, 0.974652681322532, 0.334865114690167),
    "gamma 2": (0.0, 0.155804983554604, 0.712702504816354, 0.347609712653987),
}


# appendix A, as corrected, at 50 digits ------------------------------------------------------------------------------


def _wigner(v: mpf) -> mpf:
    v = max(mpf(-1), min(mpf(1), v))
    return half + v * mpmath.sqrt(1 - v * v) / pi + mpmath.asin(v) / pi


def _unit(v: mpf) -> mpf:
    return max(mpf(0), min(mpf(1), (1 + v) / 2))


EXACT: dict[str, Callable[[mpf, mpf], mpf]] = {
    "heaviside": lambda v, p: mpf(v >= 0),
    "uniform": lambda v, p: _unit(v),
    "cubic_hermite": lambda v, p: _unit(v) ** 2 * (3 - 2 * _unit(v)),
    "wigner": lambda v, p: _wigner(v),
    "gaussian": lambda v, p: mpmath.erfc(-v / mpmath.sqrt(2)) / 2,
    "laplace": lambda v, p: mpmath.exp(v) / 2 if v <= 0 else 1 - mpmath.exp(-v) / 2,
    "logistic": lambda v, p: 1 / (1 + mpmath.exp(-v)),
    "hyperbolic_secant": lambda v, p: 2 / pi * mpmath.atan(mpmath.exp(pi * v / 2)),
    "cauchy": lambda v, p: half + mpmath.atan(v) / pi,
    "reciprocal": lambda v, p: half + v / (2 + 2 * abs(v)),
    "gumbel_max": lambda v, p: mpmath.exp(-mpmath.exp(-v)),
    "gumbel_min": lambda v, p: -mpmath.expm1(-mpmath.exp(v)),
    "exponential": lambda v, p: -mpmath.expm1(-v) if v > 0 else mpf(0),
    "levy": lambda v, p: mpmath.erfc(mpmath.sqrt(1 / (2 * v))) if v > 0 else mpf(0),
    "gamma": lambda v, p: mpmath.gammainc(p, 0, v, regularized=True) if v > 0 else mpf(0),
}


def derivative(f: Callable[[mpf], mpf], at: mpf) -> mpf:
    return (8 * (f(at + H) - f(at - H)) - (f(at + 2 * H) - f(at - 2 * H))) / (12 * H)


def partial(f: Callable[..., mpf], at: list[mpf], k: int) -> mpf:
    """The derivative of f in its argument k."""
    return derivative(lambda t: f(*at[:k], t, *at[k + 1 :]), at[k])


def mixed(f: Callable[..., mpf], at: list[mpf], k: int, other: int) -> mpf:
    """The derivative of that in another argument."""
    return derivative(lambda t: partial(f, [*at[:other], t, *at[other + 1 :]], k), at[other])


def exact_cdf(family: str, x: mpf, scale: mpf, shift: mpf, p: mpf, reversed: bool, squared: bool) -> mpf:
    u = abs(x) * x / scale if squared else x / scale
    return 1 - EXACT[family](shift - u, p) if reversed else EXACT[family](shift + u, p)


def exact(op: AnyOp, family: str, reversed: bool, squared: bool) -> Callable[..., mpf]:
    """(x, scale, shift, p) -> value."""

    def value(x: mpf, scale: mpf, shift: mpf, p: mpf) -> mpf:
        if op is cdf:
            return exact_cdf(family, x, scale, shift, p, reversed, squared)
        return derivative(lambda t: exact_cdf(family, t, scale, shift, p, reversed, squared), x)

    return value


def sheet_keywords(name: str) -> dict[str, object]:
    family, _, p = name.partition(" ")
    return {"family": family, **({"shape": float(p)} if p else {})}


# values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_values_are_those_of_the_sheet(name: str) -> None:
    *values, density = GOLDEN[name]
    assert np.abs(cdf(np.array([-0.7, 0.7, 2.5]), **sheet_keywords(name)) - values).max() < SHEET
    assert np.abs(pdf(np.array([0.7]), **sheet_keywords(name)) - density).max() < SHEET


def test_gumbel_min_at_0_is_1_minus_1_over_e() -> None:
    """As printed, (A.12) decreases: erratum E-30."""
    agree(cdf(np.zeros(1), family="gumbel_min"), [-math.expm1(-1.0)], 2.0)
    assert (np.diff(cdf(np.linspace(-5.0, 5.0, 50), family="gumbel_min")) >= 0.0).all()


def test_gamma_with_shape_1_is_exponential_and_with_one_half_is_erf() -> None:
    x = np.array([0.01, 0.5, 2.0, 9.0])
    agree(cdf(x, family="gamma", shape=1.0), -np.expm1(-x), GAMMA)
    agree(cdf(x, family="gamma", shape=0.5), [math.erf(math.sqrt(v)) for v in x], GAMMA)
    agree(pdf(x, family="gamma", shape=1.0), np.exp(-x), GAMMA)


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
@every_family
@settings(max_examples=10)  # SciPy takes a millisecond to freeze a distribution
@given(seed=seeds)
def test_values_agree_with_scipy_or_appendix_a(op: AnyOp, family: str, seed: int) -> None:
    args = op.sample(np.random.default_rng(seed))
    args.pop("shape", None)
    x = args.pop("x")
    args |= {"family": family, **({"shape": 1.0 + abs(float(x[0]))} if family == "gamma" else {})}
    want = op.oracle(x, **args)
    density = pdf.oracle(x, **args)
    gauge = np.abs(want) + (np.abs(x) + np.abs(args["scale"] * args["shift"])) * np.abs(density) + 1e-300
    if op is cdf:
        agree(op(x, **args), want, 1e4, gauge=gauge + 1e-3)  # SciPy's own tails, 1 - F here and there
    elif op.margin(x, **args) > 1e-3:
        agree(op(x, **args), want, 1e6, gauge=gauge)  # SciPy's densities are good to 10 digits


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
@every_family
@modes
def test_value_and_vjp_against_50_digits(op: AnyOp, family: str, reversed: bool, squared: bool) -> None:
    rng = np.random.default_rng([FAMILIES.index(family), reversed, squared])
    flags = {"family": family, "reversed": reversed, "squared": squared}
    f = exact(op, family, reversed, squared)
    tested = 0
    while tested < 6:
        x, scale, shift = rng.normal(0.0, 1.5), float(np.exp(rng.normal(0.0, 0.7))), rng.normal(0.0, 0.5)
        p = float(np.exp(rng.uniform(-0.5, 2.5)))
        how = {**flags, "scale": scale, "shift": shift, **({"shape": p} if family == "gamma" else {})}
        if op.margin(np.array([x]), **how) < 1e-3:
            continue
        tested += 1
        point = [mpf(x), mpf(scale), mpf(shift), mpf(p)]
        want = f(*point)
        y, pullback = op.vjp(np.array([x]), **how)
        g = rng.standard_normal(1)
        grads = pullback(g)

        # rounding the argument v moves a result as a relative change of x, scale and shift by an ulp each does
        slopes = [partial(f, point, k) for k in range(3)]
        moved = sum(abs(slope * at) for slope, at in zip(slopes, point[:3], strict=True))
        slack = GAMMA if family == "gamma" else 0.0
        agree(y, [float(want)], VALUE + slack, gauge=float(abs(want) + moved) + RESOLVED)
        for name, k in (("x", 0), ("scale", 1), ("shift", 2), *([("shape", 3)] if family == "gamma" else [])):
            slope = slopes[k] if k < 3 else partial(f, point, k)
            bend = abs(mixed(f, point, k, 0) * point[0]) + abs(mixed(f, point, k, 2) * point[2])
            size = float(abs(g[0]) * (abs(slope) + bend + moved)) + RESOLVED
            agree(np.ravel(getattr(grads, name)), [float(g[0] * slope)], GRADIENT + 8 * slack, gauge=size)


@every_family
def test_both_tails_are_computed_apart(family: str) -> None:
    """1 - F(shift - u) reversed is the upper tail, to full relative accuracy, where 1 - F would be 0."""
    shape = {"shape": 3.0} if family == "gamma" else {}
    x = -np.array([3.0, 9.0, 30.0])  # reversed: the tail beyond 3, 9, 30
    with mpmath.workdps(900):
        want = [float(1 - EXACT[family](mpf(-v), mpf(3))) for v in x]
    got = cdf(x, family=family, reversed=True, **shape)
    normal = np.array(want) > 1e-300  # below, ulps are subnormal
    agree(got[normal], np.array(want)[normal], GAMMA if family == "gamma" else VALUE)
    assert (got[~normal] <= 1e-300).all()


# shapes of parameters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
@pytest.mark.parametrize("family", ["cauchy", "gamma"])
@modes
def test_parameters_per_row_and_per_element(op: AnyOp, family: str, reversed: bool, squared: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 2.0, (3, 4))
    g = rng.standard_normal((3, 4))
    per_row, per_element, number = np.exp(rng.normal(size=(3, 1))), rng.normal(size=(3, 4)), 1.25
    shape = {"shape": 1.0 + rng.random(4)} if family == "gamma" else {}
    flags = {"family": family, "reversed": reversed, "squared": squared}
    for scale, shift in ((per_row, number), (np.exp(per_element), per_row), (number, per_element)):
        y, pullback = op.vjp(x, scale=scale, shift=shift, **shape, **flags)
        grads = pullback(g)
        alone: dict[str, np.ndarray] = {name: np.zeros((3, 4)) for name in grads._fields}
        for at in np.ndindex(3, 4):
            one = {name: float(np.broadcast_to(value, (3, 4))[at])
                   for name, value in (("scale", scale), ("shift", shift), *shape.items())}  # fmt: skip
            value, pull = op.vjp(x[at], **one, **flags)
            same_bits(y[at], value[()])
            for name, grad in pull(g[at])._asdict().items():
                alone[name][at] = 0.0 if grad is None else grad
        same_bits(grads.x, alone["x"])
        sums = {"scale": scale, "shift": shift, **shape}
        for name, parameter in sums.items():
            found = getattr(grads, name)
            assert found.shape == np.shape(parameter)
            axes = {(): (0, 1), (3, 1): (1,), (4,): (0,), (3, 4): ()}[np.shape(parameter)]
            want = alone[name].sum(axes).reshape(np.shape(parameter))
            agree(found, want, 8.0, gauge=np.abs(alone[name]).sum())


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
def test_a_parameter_must_broadcast_to_x_and_not_beyond(op: AnyOp) -> None:
    with pytest.raises(ValueError, match=r"argument 'shift' has shape \(2, 3\); expected .* broadcasts to \(3,\)"):
        op(np.zeros(3), family="cauchy", shift=np.zeros((2, 3)))


# kinks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "at", "density"),
    [("heaviside", 0.0, 0.0), ("uniform", 1.0, 0.25), ("uniform", -1.0, 0.25), ("exponential", 0.0, 0.5), ("levy", 0.0, 0.0),
     ("cubic_hermite", 1.0, 0.0), ("wigner", -1.0, 0.0), ("laplace", 0.0, 0.5), ("reciprocal", 0.0, 0.5)],
)  # fmt: skip
def test_the_density_at_a_kink_is_the_mean_of_both_sides(family: str, at: float, density: float) -> None:
    x = np.array([at])
    same_bits(pdf(x, family=family), np.array([density]))
    same_bits(cdf.vjp(x, family=family)[1](np.array([2.0])).x, np.array([2.0 * density]))


@pytest.mark.parametrize(
    ("family", "at", "slope"),
    [("uniform", 1.0, 0.0), ("uniform", -1.0, 0.0), ("exponential", 0.0, -0.5), ("cubic_hermite", 1.0, -0.75),
     ("cubic_hermite", -1.0, 0.75), ("laplace", 0.0, 0.0), ("reciprocal", 0.0, 0.0), ("wigner", 1.0, 0.0)],
)  # fmt: skip
def test_the_slope_of_the_density_at_a_kink(family: str, at: float, slope: float) -> None:
    assert pdf.vjp(np.array([at]), family=family)[1](np.ones(1)).x == slope


def test_what_the_docstring_says_of_jumps_of_the_density_is_what_happens() -> None:
    """uniform at +-1 has slope 0, and exponential at 0 the mean of 0 and -1; the text must agree."""
    found = float(pdf.vjp(np.zeros(1), family="exponential")[1](np.ones(1)).x[0])
    text = " ".join((pdf.__doc__ or "").split())
    told = 0.0 if "Jumps of f (uniform at +-1, exponential at 0) have slope 0 there" in text else -0.5
    assert found == told


@every_family
def test_a_squared_argument_has_no_slope_at_0(family: str) -> None:
    shape = {"shape": 2.0} if family == "gamma" else {}
    grads = cdf.vjp(np.zeros(1), family=family, squared=True, shift=0.3, **shape)[1](np.ones(1))
    assert grads.x == 0.0
    assert grads.scale == 0.0


def test_heaviside_is_1_at_its_jump_and_reversed_0() -> None:
    """Erratum E-32: the rendering convention; swaps use 1/2."""
    assert cdf(np.zeros(1), family="heaviside") == 1.0
    assert cdf(np.zeros(1), family="heaviside", reversed=True) == 0.0


# infinities, NaN, extremes -------------------------------------------------------------------------------------------


@every_family
@modes
def test_infinities_are_limits(family: str, reversed: bool, squared: bool) -> None:
    how = {"family": family, "reversed": reversed, "squared": squared, "scale": 2.0, "shift": 0.5}
    how |= {"shape": 2.5} if family == "gamma" else {}
    x = np.array([-np.inf, np.inf])
    y, pullback = cdf.vjp(x, **how)
    same_bits(y, np.array([0.0, 1.0]))
    density, pull_density = pdf.vjp(x, **how)
    same_bits(density, np.zeros(2))
    for grad in (*pullback(np.ones(2)), *pull_density(np.ones(2))):
        assert grad is None or (np.asarray(grad) == 0.0).all()


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
@every_family
@modes
def test_nan_stays_where_it_is(op: AnyOp, family: str, reversed: bool, squared: bool) -> None:
    x = np.array([0.4, np.nan, 1.3])
    how = {"family": family, "reversed": reversed, "squared": squared, "scale": np.array([1.0, 2.0, 3.0])}
    how |= {"shape": np.full(3, 2.5)} if family == "gamma" else {}
    y, pullback = op.vjp(x, **how)
    clean, pull_clean = op.vjp(np.nan_to_num(x), **how)
    g = np.array([0.5, -1.0, 2.0])
    grads, want = pullback(g), pull_clean(g)
    hit = np.array([False, True, False])
    smooth = family != "heaviside" or op is cdf
    assert (np.isnan(y) == hit).all() or not smooth
    same_bits(y[~hit], clean[~hit])
    for name in ("x", "scale"):
        assert (np.isnan(getattr(grads, name)) == hit).all()
        same_bits(getattr(grads, name)[~hit], getattr(want, name)[~hit])


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
@every_family
@modes
def test_extreme_finite_arguments_give_finite_results(op: AnyOp, family: str, reversed: bool, squared: bool) -> None:
    size = np.array([5e-324, 1e-308, 1e-160, 1e-20, 1e-5, 1.0, 30.0, 745.0, 1e5, 1e20, 1e77, 1e154, 1e200, 1.7e308])
    x = np.concatenate([-size[::-1], [-0.0, 0.0], size])
    for shape in [{"shape": 1.0}, {"shape": 30.0}, {"shape": 1e5}] if family == "gamma" else [{}]:
        y, pullback = op.vjp(x, family=family, reversed=reversed, squared=squared, **shape)
        assert np.isfinite(y).all()
        assert (y >= 0.0).all()
        if op is cdf:
            assert (y <= 1.0).all()
            assert (np.diff(y) >= -1e-15).all()  # increasing, to rounding
        for name, grad in pullback(np.random.default_rng(0).standard_normal(x.size))._asdict().items():
            assert grad is None or np.isfinite(grad).all(), name


@pytest.mark.parametrize("family", ["cauchy", "reciprocal", "levy"])
def test_a_squared_argument_whose_square_overflows_is_still_the_ratio(family: str) -> None:
    """|x| x / scale = 4 here, though x * x is beyond the largest float."""
    scale = 1e308
    x = np.array([2.0 * math.sqrt(scale)])
    agree(cdf(x, family=family, squared=True, scale=scale), cdf(np.array([4.0]), family=family), 16.0)


@pytest.mark.parametrize(("family", "x", "scale"), [("levy", 1e50, 1e-150), ("cauchy", 1e-40, 1e-190)])
def test_heavy_tails_keep_the_gradient_of_scale_however_far(family: str, x: float, scale: float) -> None:
    """-f(u) u / scale is 4e49 and 3e39 here, though u / scale overflows or f(u) nearly underflows."""
    with mpmath.workdps(500):
        u = mpf(x) / mpf(scale)
        density = (
            1 / (pi * (1 + u * u)) if family == "cauchy" else mpmath.exp(-1 / (2 * u)) / mpmath.sqrt(2 * pi * u**3)
        )
        want = float(-density * u / mpf(scale))
    grads = cdf.vjp(np.array([x]), family=family, scale=scale)[1](np.ones(1))
    agree(np.ravel(grads.scale), [want], GRADIENT)


@pytest.mark.parametrize("family", SYMMETRIC[1:])
def test_far_tails_are_exactly_0_or_keep_their_size(family: str) -> None:
    y = cdf(np.array([-1e300]), family=family)
    want = {"cauchy": 1e-300 / math.pi, "reciprocal": 5e-301}.get(family, 0.0)
    agree(y, [want], 2.0)


# sizes and dtypes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_nothing_in_nothing_out(op: AnyOp, shape: tuple[int, ...]) -> None:
    y, pullback = op.vjp(np.zeros(shape), family="cauchy")
    assert y.shape == shape
    grads = pullback(np.zeros(shape))
    assert grads.x.shape == shape
    assert grads.scale == grads.shift == 0.0


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
def test_a_million_elements(op: AnyOp) -> None:
    x = np.random.default_rng(0).normal(size=1_000_000)
    y, pullback = op.vjp(x, family="cauchy", scale=2.0)
    want = 0.5 + np.arctan(x / 2.0) / math.pi if op is cdf else 0.5 / (math.pi * (1.0 + (x / 2.0) ** 2))
    agree(y, want, VALUE)
    grads = pullback(np.ones_like(x))
    assert np.isfinite(grads.x).all()
    agree(grads.scale * 2.0, -(x * grads.x).sum() - (0.0 if op is cdf else y.sum()), 1e3, gauge=y.sum())


@pytest.mark.parametrize("op", [cdf, pdf], ids=["cdf", "pdf"])
@pytest.mark.parametrize("family", ["logistic", "gamma"])
def test_float32_is_the_rounded_float64_answer(op: AnyOp, family: str) -> None:
    rng = np.random.default_rng(1)
    x, g = (rng.standard_normal(200).astype(np.float32) for _ in range(2))
    how = {"family": family, "scale": np.float32(0.7), **({"shape": 2.5} if family == "gamma" else {})}
    y, pullback = op.vjp(x, **how)
    want, pull_wide = op.vjp(x.astype(float), **how)
    same_bits(y, want.astype(np.float32))
    grads, wide = pullback(g), pull_wide(g.astype(float))
    same_bits(grads.x, wide.x.astype(np.float32))
    agree(grads.scale, wide.scale, 2.0)
    agree(grads.shift, wide.shift, 2.0)
