"""Comparison of two arrays in gauged ulps.

A gauged ulp of an entry is ``|got - want| / spacing(max(|want|, gauge))`` with the spacing of the implementation's own
dtype. Without a gauge it is the plain ulp. The gauge is the size of what was added up (``|J|^T |g|`` for a VJP): it
excuses cancellation, nothing else, and there is no absolute tolerance to hide behind.

Every pair of floats has a distance. nan against nan, and infinity against the same infinity, are 0 apart; against
anything else they are infinitely far. The signed zeros are 0 apart. A want that overflows in the dtype is an infinity
there. Subnormal numbers have the constant spacing that they have in hardware.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Format(NamedTuple):
    """A binary floating-point format: bits of the significand, exponent of the smallest normal, of the largest."""

    digits: int
    smallest: int
    largest: int


FORMATS = {
    "float64": Format(53, -1022, 1023),
    "float32": Format(24, -126, 127),
    "float16": Format(11, -14, 15),
    "bfloat16": Format(8, -126, 127),
}


@dataclass(frozen=True)
class Comparison:
    """How far ``got`` is from ``want``; ``worst`` indexes the most gauged ulps, None if nothing was compared."""

    ok: bool
    compared: int  # entries; 0 means that ok says nothing
    off: int  # entries beyond the allowed ulps
    max_gauged_ulps: float
    max_ulps: float
    max_relative: float
    worst: tuple[int, ...] | None
    got: float  # at worst
    want: float  # at worst
    nonfinite_mismatch: bool  # nan or infinity in one where the other has a number, or another of them


def compare(
    got: ArrayLike,
    want: ArrayLike,
    *,
    dtype: str = "float64",
    gauge: ArrayLike | None = None,
    ulps: ArrayLike,
) -> Comparison:
    """Is every entry of ``got`` within ``ulps`` gauged ulps of ``want``?

    ``dtype`` names the format whose ulps are counted: float64, float32, float16 or bfloat16. ``gauge`` and ``ulps``
    broadcast against the arrays, whose shapes must be equal. The relative error of an entry that should be 0 is taken
    relative to the smallest normal number.

    Examples
    --------
    >>> found = compare([1.0, 2.0], [1.0, 2.0 + 4.4e-16], ulps=0.5)
    >>> found.ok, found.max_gauged_ulps, found.worst
    (False, 1.0, (1,))
    """
    there, here = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if there.shape != here.shape:
        raise ValueError(f"compare: {describe_mismatch(there, here)}")
    form = FORMATS[dtype]
    size = np.zeros(here.shape) if gauge is None else np.broadcast_to(np.asarray(gauge, np.float64), here.shape)
    if not (np.isfinite(size) & (size >= 0.0)).all():
        raise ValueError("compare: the gauge must be finite and not negative")
    here = _overflowed(here, form)
    error = distance(there, here)
    gauged = _ratio(error, spacing(np.maximum(_number(np.abs(here)), size), dtype))
    beyond = gauged > np.asarray(ulps, np.float64)
    at = np.unravel_index(int(np.argmax(gauged)), gauged.shape) if gauged.size else None
    return Comparison(
        ok=not beyond.any(),
        compared=gauged.size,
        off=int(beyond.sum()),
        max_gauged_ulps=_greatest(gauged),
        max_ulps=_greatest(_ratio(error, spacing(_number(here), dtype))),
        max_relative=_greatest(_ratio(error, np.maximum(_number(np.abs(here)), 2.0**form.smallest))),
        worst=None if at is None else tuple(int(i) for i in at),
        got=np.nan if at is None else float(there[at]),
        want=np.nan if at is None else float(here[at]),
        nonfinite_mismatch=bool((np.isinf(error) & ~(np.isfinite(there) & np.isfinite(here))).any()),
    )


def spacing(values: ArrayLike, dtype: str = "float64") -> Array:
    """The distance from ``|v|`` to the next larger number of the format, ``2^(max(floor(log2 |v|), emin) - p + 1)``."""
    form = FORMATS[dtype]
    size = np.asarray(values, np.float64)
    exponent = np.where(size == 0.0, form.smallest, np.frexp(size)[1] - 1)
    return np.asarray(np.ldexp(1.0, np.clip(exponent, form.smallest, form.largest) - (form.digits - 1)))


def distance(got: Array, want: Array) -> Array:
    """``|got - want|``; 0 between equal infinities or nans, infinite between one of these and anything else."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(got - want)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def describe_mismatch(got: object, want: ArrayLike, *, name: str = "the array", dtype: str | None = None) -> str | None:
    """What is wrong with the type, shape or dtype of ``got``, in words; None if nothing is."""
    expected = np.shape(want)
    if got is None:
        return f"{name} is missing: got None, expected shape {expected}"
    there = np.asarray(got)
    if there.dtype.kind not in "fiub":
        return f"{name} holds {there.dtype}, not real numbers"
    if there.shape != expected:
        return f"{name} has shape {there.shape}, expected {expected}{_shape_hint(there.shape, expected)}"
    if dtype is not None and there.dtype.name != dtype:
        return f"{name} has dtype {there.dtype.name}, expected {dtype}"
    return None


def _shape_hint(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """The usual reason for these two shapes, if it is one of the usual ones."""
    if len(got) == len(want) and got[:-2] == want[:-2] and got[-2:] == want[-2:][::-1]:
        return ": transposed"
    if tuple(n for n in got if n != 1) == tuple(n for n in want if n != 1):
        return ": an axis of length 1 too many or too few"
    if len(got) > len(want) and got[len(got) - len(want) :] == want:
        return ": leading axes were not summed over; the gradient of a broadcast argument has the argument's shape"
    if len(got) < len(want) and want[len(want) - len(got) :] == got:
        return ": leading axes are missing"
    if sorted(got) == sorted(want):
        return ": axes permuted"
    return ": the same number of entries, reshaped" if np.prod(got) == np.prod(want) else ""


def _overflowed(values: Array, form: Format) -> Array:
    """Values that round to infinity in the format, made infinite."""
    half_limit = np.ldexp(1.0 - 2.0 ** -(form.digits + 1), form.largest)
    return np.where(np.abs(values) / 2 >= half_limit, np.copysign(np.inf, values), values)


def _number(values: Array) -> Array:
    """The finite ones among the values, 0 for the others."""
    return np.where(np.isfinite(values), values, 0.0)


def _ratio(error: Array, unit: Array) -> Array:
    """``error / unit``, which may well overflow."""
    with np.errstate(over="ignore"):
        return np.asarray(error / unit)


def _greatest(values: Array) -> float:
    """The maximum, 0 of nothing."""
    return float(np.max(values, initial=0.0))
