"""Gauged ulps: a distance between any two floats, in units of the format that was used."""

from __future__ import annotations

import math

import numpy as np
import pytest

from refimpl.checking.compare import compare, describe_mismatch, distance, spacing

FORMATS = {"float64": np.float64, "float32": np.float32, "float16": np.float16}


def ulps(got: float, want: float, dtype: str = "float64", gauge: float | None = None) -> float:
    return compare(got, want, dtype=dtype, gauge=gauge, ulps=0).max_gauged_ulps


@pytest.mark.parametrize("dtype", FORMATS)
def test_spacing_is_that_of_numpy(dtype: str) -> None:
    kind = FORMATS[dtype]
    info = np.finfo(kind)
    rng = np.random.default_rng(0)
    exponents = rng.uniform(math.log2(float(info.smallest_subnormal)), info.maxexp - 0.01, 2000)
    values = np.concatenate([np.exp2(exponents), [0.0, info.tiny, info.smallest_subnormal]]).astype(kind)
    assert np.array_equal(spacing(values, dtype), np.spacing(values).astype(np.float64))
    assert spacing(info.max, dtype) == float(info.max) - float(np.nextafter(info.max, kind(0)))


def test_spacing_of_bfloat16() -> None:
    assert spacing(1.0, "bfloat16") == 2.0**-7
    assert spacing(0.0, "bfloat16") == 2.0**-133


@pytest.mark.parametrize("dtype", FORMATS)
def test_neighbours_are_one_ulp_apart(dtype: str) -> None:
    kind = FORMATS[dtype]
    for value in np.array([1.0, -1.5, 3.25e-3, 0.0, np.finfo(kind).smallest_subnormal, np.finfo(kind).tiny], kind):
        assert ulps(np.nextafter(value, kind(np.inf)), value, dtype) == 1.0


def test_what_is_not_a_number_has_a_distance_too() -> None:
    nan, inf = math.nan, math.inf
    assert ulps(nan, nan) == ulps(inf, inf) == ulps(-inf, -inf) == ulps(0.0, -0.0) == ulps(-0.0, 0.0) == 0.0
    for got, want in ((nan, 1.0), (1.0, nan), (inf, nan), (nan, inf), (inf, -inf), (inf, 1e308), (0.0, inf)):
        found = compare(got, want, ulps=1e300)
        assert found.max_gauged_ulps == found.max_relative == inf
        assert found.nonfinite_mismatch
        assert not found.ok
    huge = compare(1.7e308, -1.7e308, ulps=1e300)
    assert huge.max_ulps == inf
    assert not huge.nonfinite_mismatch


def test_a_want_that_overflows_is_an_infinity_in_the_dtype() -> None:
    assert ulps(math.inf, 1e39, "float32") == 0.0
    assert ulps(-math.inf, -70000.0, "float16") == 0.0
    assert ulps(math.inf, 65519.0, "float16") == math.inf  # rounds down to the largest number
    assert ulps(65504.0, 65519.0, "float16") < 0.5


def test_the_gauge_excuses_cancellation_and_nothing_else() -> None:
    got, want = np.array([1e-16, 1.0 + 1e-15]), np.array([0.0, 1.0])
    assert compare(got, want, ulps=8).max_ulps > 1e300
    assert compare(got, want, gauge=1.0, ulps=8).max_gauged_ulps == 5.0
    assert compare(got, want, gauge=[1.0, 0.0], ulps=4).worst == (1,)
    assert ulps(2.0, 3.0, gauge=1e-3) == ulps(2.0, 3.0)


def test_the_worst_entry_is_named() -> None:
    want = np.arange(1.0, 13.0).reshape(3, 4)
    got = want.copy()
    got[1, 2] += 5 * np.spacing(want[1, 2])
    got[0, 1] += 1 * np.spacing(want[0, 1])
    found = compare(got, want, ulps=2)
    assert not found.ok
    assert found.off == 1
    assert found.compared == 12
    assert found.worst == (1, 2)
    assert found.max_gauged_ulps == 5.0
    assert (found.got, found.want) == (got[1, 2], want[1, 2])
    assert found.max_relative == pytest.approx(5 * np.spacing(7.0) / 7.0)
    assert compare(got, want, ulps=5).ok


def test_ulps_may_differ_by_entry() -> None:
    want = np.ones(2)
    got = want + np.array([4, 1]) * np.spacing(1.0)
    assert compare(got, want, ulps=[4, 1]).ok
    assert compare(got, want, ulps=[1, 4]).off == 1


def test_relative_error_to_zero_is_relative_to_the_smallest_normal_number() -> None:
    assert compare(2.0**-1022, 0.0, ulps=0).max_relative == 1.0
    assert compare(0.0, 0.0, ulps=0).max_relative == 0.0


def test_a_scalar_and_an_empty_array() -> None:
    assert compare(1.0, 1.0, ulps=0).worst == ()
    empty = compare(np.zeros((0, 3)), np.zeros((0, 3)), ulps=0)
    assert empty.ok
    assert empty.compared == 0
    assert empty.worst is None


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="transposed"):
        compare(np.zeros((2, 3)), np.zeros((3, 2)), ulps=0)
    for gauge in (math.inf, math.nan, -1.0):
        with pytest.raises(ValueError, match="gauge"):
            compare(1.0, 1.0, gauge=gauge, ulps=0)


def test_distance_is_symmetric() -> None:
    values = np.array([0.0, -0.0, 1.0, -2.0, math.inf, -math.inf, math.nan, 5e-324])
    a, b = np.meshgrid(values, values)
    assert np.array_equal(distance(a, b), distance(b, a))
    assert not np.isnan(distance(a, b)).any()


@pytest.mark.parametrize(
    ("got", "want", "words"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "transposed"),
        (np.zeros((5, 3)), np.zeros(3), "not summed"),
        (np.zeros(3), np.zeros((5, 3)), "leading axes are missing"),
        (np.zeros((1, 3)), np.zeros(3), "length 1"),
        (np.zeros((2, 3, 4)), np.zeros((4, 2, 3)), "axes permuted"),
        (np.zeros(6), np.zeros((2, 3)), "reshaped"),
        (np.zeros(4), np.zeros(3), r"shape (4,), expected (3,)"),
        (None, np.zeros(3), "missing"),
        (np.array(["a"]), np.zeros(1), "not real numbers"),
        (np.array([1j]), np.zeros(1), "complex128"),
    ],
)
def test_mismatches_in_words(got: object, want: np.ndarray, words: str) -> None:
    text = describe_mismatch(got, want, name="the gradient of x")
    assert text is not None
    assert words in text
    assert text.startswith("the gradient of x")


def test_a_dtype_mismatch_in_words() -> None:
    assert describe_mismatch(np.zeros(3, np.float32), np.zeros(3)) is None
    assert describe_mismatch(np.zeros(3, np.float32), np.zeros(3), dtype="float32") is None
    assert "dtype float64, expected float32" in str(describe_mismatch(np.zeros(3), np.zeros(3), dtype="float32"))
