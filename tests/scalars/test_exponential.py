"""exp and exp - 1 for loops, against 50 digits and at their ends."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from refimpl.jit import kernel
from refimpl.scalars.exponential import below_one, exponential

ULP = {"exponential": 1.0, "below_one": 2.0}  # as their docstrings say


@kernel
def exponentials(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:  # type: ignore[type-arg]
    for i in range(x.size):
        y[i] = exponential(x[i])
        z[i] = below_one(min(x[i], 0.0))


def evaluated(x: list[float]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    array = np.array(x)
    y, z = np.empty_like(array), np.empty_like(array)
    exponentials(array, y, z)
    return y, z


@pytest.mark.parametrize("size", [1e-300, 1e-9, 1e-3, 1.0, 30.0, 700.0])
def test_against_50_digits(size: float) -> None:
    rng = np.random.default_rng(int(abs(math.log10(size))))
    x = (rng.uniform(-1.0, 1.0, 2000) * size).tolist()
    y, z = evaluated(x)
    with mpmath.workdps(50):
        want = np.array([float(mpmath.exp(mpf(v))) for v in x])
        below = np.array([float(mpmath.expm1(mpf(min(v, 0.0)))) for v in x])
    assert (np.abs(y - want) / np.spacing(want)).max() <= ULP["exponential"]
    assert (np.abs(z - below) / np.spacing(np.abs(below))).max() <= ULP["below_one"]


def test_subnormal_results_are_right_to_the_last() -> None:
    x = np.linspace(-745.0, -708.0, 3701).tolist()
    y, _ = evaluated(x)
    with mpmath.workdps(50):
        want = np.array([float(mpmath.exp(mpf(v))) for v in x])
    assert (np.abs(y - want) / np.spacing(want)).max() <= ULP["exponential"]


def test_the_ends() -> None:
    x = [0.0, -0.0, -746.0, -1e308, -math.inf, 709.782712893384, 709.79, 1e308, math.inf, math.nan]
    y, _ = evaluated(x)
    assert y[:5].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert math.isfinite(y[5])
    assert y[6:9].tolist() == [math.inf] * 3
    assert math.isnan(y[9])
    _, z = evaluated([0.0, -math.inf, -800.0])
    assert z.tolist() == [0.0, -1.0, -1.0]


def test_interpreted_and_compiled_give_the_same_bits() -> None:
    x = np.random.default_rng(0).uniform(-50.0, 5.0, 200).tolist()
    y, z = evaluated(x)
    assert [exponential.python(v) for v in x] == y.tolist()
    assert [below_one.python(min(v, 0.0)) for v in x] == z.tolist()
