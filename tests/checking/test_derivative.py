"""The derivative probe keeps its word: the true derivative lies within the bound, and verdicts follow from it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from refimpl.checking.derivative import derivative, judge

Array = NDArray[np.float64]


class Point(NamedTuple):
    """A function, where, along what, and its derivative there in closed form."""

    family: str
    f: Callable[..., float]
    x: float | Array
    direction: Array | None
    truth: float


def logistic(x: float | Array) -> float | Array:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))


def logistic_slope(x: float | Array) -> float | Array:
    e = np.exp(-np.abs(x))
    return e / (1.0 + e) ** 2


def layer(x: Array, v: Array, beta: float, start: int) -> tuple[Array, Array]:
    """One relaxed odd-even layer and its Jacobian times v."""
    stop = start + (len(x) - start) // 2 * 2
    low, high = slice(start, stop, 2), slice(start + 1, stop, 2)
    gap, moved = x[high] - x[low], v[high] - v[low]
    p, slope = logistic(beta * gap), beta * logistic_slope(beta * gap)
    y, w = x.copy(), v.copy()
    y[low], y[high] = x[high] - p * gap, x[low] + p * gap
    w[low], w[high] = v[high] - p * moved - slope * moved * gap, v[low] + p * moved + slope * moved * gap
    return y, w


def sort3(x: Array, v: Array, beta: float) -> tuple[Array, Array]:
    """Three layers of a relaxed odd-even sort and their Jacobian times v."""
    for k in range(3):
        x, v = layer(x, v, beta, k % 2)
    return x, v


def smooth_points(rng: np.random.Generator) -> Iterator[Point]:
    for x in np.linspace(-30.0, 30.0, 241):
        yield Point("logistic", logistic, float(x), None, float(logistic_slope(x)))
    for _ in range(300):
        n, beta, scale = int(rng.integers(2, 9)), 10 ** rng.uniform(-2, 3), 10 ** rng.uniform(-2, 2)
        x, w = scale * rng.standard_normal(n), rng.standard_normal(n)
        v = rng.choice([-1.0, 1.0], n) * np.maximum(np.abs(x), 1.0) * rng.uniform(0.5, 1.0, n)
        truth = float(w @ sort3(x, v, beta)[1])
        yield Point("sort3", lambda x, v=v, w=w, beta=beta: float(w @ sort3(x, v, beta)[0]), x, v, truth)
    for x in np.concatenate([10 ** np.linspace(-8, 6, 200), -(10 ** np.linspace(-8, 6, 100))]):
        yield Point(
            "x atan 10x", lambda t: t * math.atan(10 * t), x, None, math.atan(10 * x) + 10 * x / (1 + 100 * x * x)
        )
    for _ in range(130):
        x, w, beta = rng.normal() * 10 ** rng.uniform(-3, 3), rng.normal(), 10 ** rng.uniform(0, 5)
        yield Point("sin", math.sin, x, None, math.cos(x))
        yield Point("fast sin", lambda t, b=beta: math.sin(b * t), w, None, beta * math.cos(beta * w))
        yield Point("log", math.log, abs(x), None, 1 / abs(x))  # refuses the steps beyond 0
        yield Point("power", lambda t: t**2.5 if t >= 0 else math.nan, abs(x), None, 2.5 * abs(x) ** 1.5)
        z = beta * (w - 0.3)
        yield Point(
            "step", lambda t, b=beta: math.tanh(b * (t - 0.3)) + t, w, None, 1 + beta / math.cosh(min(abs(z), 300)) ** 2
        )
        truth = math.atan2(1, -z) / math.pi + w * beta / math.pi / (1 + z * z)
        yield Point("x cauchy", lambda t, b=beta: t * math.atan2(1, -b * (t - 0.3)) / math.pi, w, None, truth)


def kinked_points(rng: np.random.Generator) -> Iterator[Point]:
    """Kinks of size 1e-6 to 10 at distances 1e-10 to 1, in the slope (C0) and in its derivative (C1)."""
    for _ in range(250):
        x, c, size = 3 * rng.normal(), rng.normal(), rng.choice([-1, 1]) * 10 ** rng.uniform(-6, 1)
        kink = x + rng.choice([-1, 1]) * 10 ** rng.uniform(-10, 0)
        slope = c * math.cos(c * x)
        yield Point(
            "C0 kink",
            lambda t, c=c, a=size, k=kink: math.sin(c * t) + a * abs(t - k),
            x,
            None,
            slope + size * float(np.sign(x - kink)),
        )
        yield Point(
            "C1 kink",
            lambda t, c=c, a=size, k=kink: math.sin(c * t) + a * max(t - k, 0.0) ** 2,
            x,
            None,
            slope + 2 * size * max(x - kink, 0.0),
        )


def test_true_error_is_within_the_bound() -> None:
    rng = np.random.default_rng(7)
    tried, missed, useful = Counter[str](), Counter[str](), Counter[str]()
    for point in [*smooth_points(rng), *kinked_points(rng)]:
        found = derivative(point.f, point.x, point.direction)
        tried[point.family] += 1
        missed[point.family] += not abs(found.value - point.truth) <= found.bound + 4e-16 * abs(point.truth)
        useful[point.family] += bool(found.bound <= 1e-6 * abs(point.truth))
    assert sum(tried.values()) >= 2000
    assert sum(missed.values()) <= 0.001 * sum(tried.values()), missed
    assert useful["sort3"] == tried["sort3"]
    assert useful["x atan 10x"] == tried["x atan 10x"]
    for family in ("sin", "fast sin", "power", "step", "x cauchy"):
        assert useful[family] >= 0.97 * tried[family], (family, useful[family], tried[family])


def test_one_sweep_gives_a_column_of_the_jacobian() -> None:
    x, beta = np.random.default_rng(1).standard_normal(6), 3.0
    for i in range(6):
        v = np.eye(6)[i]
        calls = []
        found = derivative(lambda y: calls.append(0) or sort3(y, v, beta)[0], x, v)  # noqa: B023
        truth = sort3(x, v, beta)[1]
        assert isinstance(found.value, np.ndarray)
        assert found.value.shape == (6,)
        assert np.all(np.abs(found.value - truth) <= found.bound)
        assert np.all(found.bound < 1e-11)
        assert np.all(found.status == "smooth")
        assert len(calls) == found.evaluations <= 77


def test_outputs_keep_their_shape_and_their_own_status() -> None:
    found = derivative(lambda t: np.array([[abs(t), np.exp(t)], [np.log(t - 1.0), 0.0]]), 0.0)
    assert np.array_equal(found.status, [["kink", "smooth"], ["non-finite", "smooth"]])
    assert found.value.shape == (2, 2)
    assert abs(found.value[0, 1] - 1.0) <= found.bound[0, 1]
    assert (found.left[0, 0], found.right[0, 0]) == pytest.approx((-1.0, 1.0))


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_kink_at_the_point_is_flagged_with_both_slopes(size: float) -> None:
    found = derivative(lambda t: size * abs(t - 0.7) + math.sin(t), 0.7)
    assert found.status == "kink"
    assert (found.left, found.right) == pytest.approx((math.cos(0.7) - size, math.cos(0.7) + size), rel=1e-9)
    assert found.value == pytest.approx(math.cos(0.7), rel=1e-6)
    assert found.bound == pytest.approx(size, rel=1e-6)


@pytest.mark.parametrize("away", [1e-8, 1e-6, 1e-5, 1e-3, 0.1])
def test_a_kink_at_a_distance_is_stepped_under(away: float) -> None:
    found = derivative(lambda t: abs(t) + math.sin(t), away)
    assert found.status == "smooth"
    assert abs(found.value - 1.0 - math.cos(away)) <= found.bound < 1e-8


def test_the_margin_bounds_the_step() -> None:
    seen: list[float] = []
    found = derivative(lambda t: seen.append(t) or abs(t) + math.sin(t), 1e-5, margin=1e-5)
    assert min(seen) > 0.0
    assert max(seen) < 2e-5
    assert found.status == "smooth"
    assert abs(found.value - 1.0 - math.cos(1e-5)) <= found.bound


def test_noise_is_found_and_bounded() -> None:
    rng = np.random.default_rng(3)
    for size in (1e-12, 1e-8, 1e-4):
        for _ in range(20):
            x = rng.normal()
            found = derivative(lambda t, size=size: math.sin(t) + size * rng.uniform(-1, 1), x)
            assert abs(found.value - math.cos(x)) <= found.bound < 1e4 * size
    told = derivative(math.sin, 1.0, noise=1e-6)
    assert 1e-7 < told.bound < 1e-4


def test_a_jump_is_no_derivative() -> None:
    assert derivative(lambda t: float(t > 0), 0.0).status in ("noise", "kink")
    assert judge(0.0, lambda t: float(t > 0), 0.0).verdict == "cannot tell"


def test_points_that_f_refuses() -> None:
    assert derivative(math.log, 1e-3).value == pytest.approx(1e3, rel=1e-8)
    assert derivative(lambda t: math.sqrt(t), 0.0).status == "non-finite"
    assert derivative(lambda t: float("nan"), 0.0).status == "non-finite"
    with pytest.raises(ValueError, match="math domain"):
        derivative(math.log, -1.0)


def test_far_too_small_a_step_is_no_answer() -> None:
    found = derivative(math.sin, 1.0, scale=1e-16)
    assert found.status == "noise"
    assert found.bound == math.inf
    assert judge(1e9, math.sin, 1.0, scale=1e-16).verdict == "cannot tell"


@pytest.mark.parametrize("x", [-30.0, -20.0, -5.0, -1.0, 0.0, 1.0, 5.0, 8.0])
def test_off_by_a_millionth_is_wrong(x: float) -> None:
    truth = float(logistic_slope(x))
    right = judge(truth, logistic, x)
    assert right.verdict == "right"
    assert right.digits >= 6
    assert right.reason == ""
    assert judge(truth * (1 + 1e-6), logistic, x).verdict == "wrong"
    assert judge(-truth, logistic, x).reason == "differs"
    assert judge(math.nan, logistic, x).verdict == "wrong"


def test_saturation_is_cannot_tell_until_the_error_is_large() -> None:
    truth = float(logistic_slope(20.0))
    small, large = judge(truth * (1 + 1e-6), logistic, 20.0), judge(truth * 1.01, logistic, 20.0)
    assert (small.verdict, small.reason, large.verdict) == ("cannot tell", "cancellation", "wrong")
    truth = float(logistic_slope(30.0))
    assert judge(truth * 1.01, logistic, 30.0).verdict == "cannot tell"
    assert judge(truth * 2, logistic, 30.0).verdict == "wrong"
    assert judge(truth, logistic, 30.0, gauge=1.0).verdict == "right"


def test_subgradients_at_a_kink_are_right_only_if_allowed() -> None:
    assert judge(0.3, abs, 0.0).verdict == "cannot tell"
    assert judge(0.3, abs, 0.0).reason == "kink within h"
    for claim in (-1.0, 0.3, 1.0):
        assert judge(claim, abs, 0.0, subgradient=True).verdict == "right"
    assert judge(1.001, abs, 0.0, subgradient=True).verdict == "cannot tell"
    assert judge(7.0, abs, 0.0, subgradient=True).verdict == "wrong"


def test_elementwise_verdicts() -> None:
    x, beta, v = np.array([0.3, -0.4, 1.1, 0.2]), 2.0, np.array([1.0, -1.0, 0.5, 2.0])
    truth = sort3(x, v, beta)[1]
    wrong = truth * (1 + 1e-6 * (np.arange(4) == 2))
    found = judge(wrong, lambda y: sort3(y, v, beta)[0], x, v)
    assert found.verdict.tolist() == ["right", "right", "wrong", "right"]
    assert found.overall == "wrong"
    assert judge(truth, lambda y: sort3(y, v, beta)[0], x, v).overall == "right"
    independent = judge(np.zeros(2), lambda t: np.array([3.0, 3.0 + 0.0 * t]), 1.0, gauge=1.0)
    assert independent.overall == "right"


def test_no_correct_claim_is_called_wrong() -> None:
    rng = np.random.default_rng(11)
    points = [p for p in [*smooth_points(rng), *kinked_points(rng)] if rng.uniform() < 0.25]
    wrong = [p for p in points if judge(p.truth, p.f, p.x, p.direction).verdict == "wrong"]
    assert not wrong, [(p.family, p.x) for p in wrong]


def test_wrong_claims_are_called_wrong() -> None:
    rng = np.random.default_rng(13)
    points = [
        p for p in smooth_points(rng) if p.family in ("sort3", "sin", "step", "x atan 10x") and abs(p.truth) > 1e-3
    ]
    points = [p for p in points if rng.uniform() < 0.25]
    caught = [judge(p.truth * (1 + 1e-5), p.f, p.x, p.direction).verdict == "wrong" for p in points]
    assert np.mean(caught) > 0.97


def test_bad_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="direction of that shape is needed"):
        derivative(np.sum, np.zeros(3))
    with pytest.raises(ValueError, match="make them equal"):
        derivative(np.sum, np.zeros(3), np.ones(4))
    with pytest.raises(ValueError, match="not all zero"):
        derivative(np.sum, np.zeros(3), np.zeros(3))
