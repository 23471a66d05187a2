"""What the operators with a label share: labels, a distribution over k, and who reads which row of a broadcast argument.

Labels are whole numbers, and not numbers that happen to be whole: a label that went through floating point is a mistake
in most programs, and a negative one would silently count from the end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl import boundary
from refimpl.boundary import FLOAT32, Array, Float, Gate
from refimpl.scalars.surprise import PMIN

# Float32 weights that add up to 1 are off by 6e-8 and a sum of them in float32 by a little more.
SUM_TOLERANCE = 1e-6


def labels(gate: Gate, label: Any, n: int, xp: Any = np) -> Array:
    """``label`` as int64, every entry in 0 <= label < n. Where ``xp`` is CuPy, arrays are on the device, and stay there."""
    expected = f"integers with 0 <= label < {n}"
    if isinstance(label, int) and not isinstance(label, bool) and not 0 <= label < n:
        gate.refuse("label", f"is {label}", f"{expected}; nothing counts from the end")
    if isinstance(label, np.ma.MaskedArray):
        gate.refuse("label", "is a masked array", "a plain array: fill the masked entries first", TypeError)
    array = label if on_device(label) else _read(gate, label)
    if xp is not np and array is not label and array.ndim:
        gate.refuse("label", "is not on the device", "a CuPy array: convert with cupy.asarray", TypeError)
    if array.dtype.kind not in "iu":
        advice = {
            "b": "; a mask becomes labels with .argmax(-1)",
            "f": "; if these are whole numbers, convert with .astype(int)",
        }.get(array.dtype.kind, "")
        gate.refuse("label", f"has dtype {array.dtype}", f"{expected}{advice}", TypeError)
    wide: Array = array.astype(np.int64)  # what does not fit becomes negative
    if wide.size and (int(wide.min()) < 0 or int(wide.max()) >= n):
        at = int(((wide < 0) | (wide >= n)).reshape(-1).argmax())
        found = int(array.reshape(-1)[at])
        where = tuple(int(i) for i in np.unravel_index(at, array.shape))
        came = f"holds {found} at index {where}" if array.ndim else f"is {found}"
        gate.refuse("label", came, f"{expected}; nothing counts from the end")
    placed: Array = xp.asarray(wide)
    return placed


def _read(gate: Gate, label: Any) -> Array:
    try:
        array = np.asarray(label)
    except (TypeError, ValueError, RuntimeError):
        return boundary.Gate.array(gate, "label", label)  # which says what is wrong with it
    empty_list = isinstance(label, list | tuple) and array.size == 0
    return array.astype(np.int64) if empty_list else array


def on_device(value: Any) -> bool:
    return type(value).__module__.startswith("cupy")


def distribution(gate: Gate, weights: Any, rows: int) -> Float:
    """``weights`` as ``rows`` float64 numbers on the host, none negative, with sum 1.

    They are few, and decide how much work there is: the device takes them from either side.
    """
    array = boundary.Gate.array(gate, "weights", weights.get() if on_device(weights) else weights)
    if array.shape != (rows,):
        gate.refuse("weights", f"has shape {array.shape}", f"shape ({rows},): one number for each row of P_k")
    bad = ~(np.isfinite(array) & (array >= 0.0))
    if bad.any():
        at = int(bad.argmax())
        gate.refuse("weights", f"holds {array[at]} at index {at}", "finite numbers >= 0 that add up to 1")
    total = math.fsum(array.tolist())
    if not abs(total - 1.0) <= SUM_TOLERANCE:
        gate.refuse(
            "weights", f"has the sum {total:.9g}", "a distribution over k, which adds up to 1: divide by the sum"
        )
    return array.astype(np.float64)


def tail_sums(weights: Float) -> Float:
    """w_m = weights_m + weights_m+1 + ..., without the zeros at the end: rows of P_k that nothing depends on."""
    sums = np.cumsum(weights[::-1])[::-1]
    return np.ascontiguousarray(sums[: np.count_nonzero(sums)])


def scale_of(terms: int) -> float:
    """A power of two so large that the mean of so many numbers, in place of their sum, cannot overflow."""
    return 2.0 ** (1 + terms.bit_length())


def least(dtype: np.dtype[Any]) -> float:
    """The least probability under a logarithm: 1e-12, and 1e-7 for float32 input."""
    return PMIN[4 if dtype == FLOAT32 else 8]


def common_batch(gate: Gate, **shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that these batch axes broadcast to; the last argument is the one that is refused."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        *others, last = shapes
        against = " and ".join(f"{shapes[name]} of {name}" for name in others)
        gate.refuse(last, f"has batch axes {shapes[last]}", f"axes that broadcast against {against}")


def sources(shape: tuple[int, ...], batch: tuple[int, ...], xp: Any = np) -> Array:
    """Which row of an argument with batch axes ``shape`` each output reads."""
    rows = xp.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    found: Array = xp.array(xp.broadcast_to(rows, batch), order="C").reshape(-1)
    return found


def readers(source: Array, rows: int, xp: Any = np) -> tuple[Array, Array]:
    """The outputs that read a row: ``order[first[row]:first[row + 1]]``, in ascending order."""
    steps = xp.arange(rows + 1, dtype=np.int64)
    if source.size == rows:  # nothing was broadcast
        return source, steps
    order = xp.argsort(source, kind="stable")
    return order.astype(np.int64), xp.searchsorted(source[order], steps).astype(np.int64)
