"""Arrays as JSON without losing a bit: hexadecimal IEEE 754, big-endian, in C order.

    {"dtype": "f64", "shape": [3], "hex": "40080000000000003ff00000000000004000000000000000"}

Decimal text is not safe: several JSON libraries round it differently by default, and NaN, infinity and -0 have no place
in it. Sixteen hexadecimal digits a number are read in three lines of any language.

Arguments of an operator: numbers and arrays as above, names as strings, flags as booleans, whole numbers as integers,
labels and a network of one's own as nested lists of integers. The subprocess protocol, golden vectors and saved cases
share this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Encoded = dict[str, Any]

FORMATS: dict[str, np.dtype[Any]] = {"f64": np.dtype(">f8"), "f32": np.dtype(">f4")}


class BadBits(ValueError):  # noqa: N818
    """Something that should be an array in bits is not."""


def encode(array: Any) -> Encoded:
    """A float64 or float32 array, or a number; whole numbers and truth values become float64."""
    if isinstance(array, np.ma.MaskedArray):
        raise BadBits("a masked array has no place in JSON; fill the masked entries first")
    numbers = np.asarray(array)
    if numbers.dtype.kind not in "fiub":
        raise BadBits(f"an array of {numbers.dtype} has no place in JSON; expected real numbers")
    dtype = "f32" if numbers.dtype.kind == "f" and numbers.dtype.itemsize == 4 else "f64"
    return {"dtype": dtype, "shape": list(numbers.shape), "hex": numbers.astype(FORMATS[dtype]).tobytes().hex()}


def decode(encoded: Any, what: str = "array") -> Array:
    """The array, in native byte order; a message says what is wrong with anything else."""
    if not isinstance(encoded, Mapping) or not {"dtype", "shape", "hex"} <= set(encoded):
        raise BadBits(f"{what} is {_short(encoded)}; expected an object with dtype, shape and hex")
    dtype, shape, text = encoded["dtype"], encoded["shape"], encoded["hex"]
    if not isinstance(dtype, str) or dtype not in FORMATS:
        raise BadBits(f"{what} has dtype {dtype!r}; expected f64 or f32")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadBits(f"{what} has shape {shape!r}; expected a list of whole numbers")
    digits = 2 * FORMATS[dtype].itemsize * math.prod(shape)
    if not isinstance(text, str) or len(text) != digits:
        came = f"{len(text)} digits" if isinstance(text, str) else _short(text)
        raise BadBits(f"{what} has {came} in hex; shape {shape} of {dtype} takes {digits}")
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if 2 * len(raw) != digits:  # fromhex skips blanks
        raise BadBits(f"{what} holds something that is no hexadecimal digit")
    numbers: Array = np.frombuffer(raw, FORMATS[dtype]).astype(FORMATS[dtype].newbyteorder("="))
    return numbers.reshape(shape)


def encode_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name; absent ones (None) are left out."""
    return {name: _encode_value(value) for name, value in args.items() if value is not None}


def decode_args(encoded: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as an operator takes them; numbers without axes come back as Python floats."""
    found: dict[str, Any] = {}
    for name, value in encoded.items():
        if isinstance(value, Mapping):
            array = decode(value, f"argument {name}")
            found[name] = array if array.ndim or array.dtype == np.float32 else float(array)
        else:
            found[name] = value
    return found


def _encode_value(value: Any) -> Any:
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, list | tuple):
        return [_encode_value(part) for part in value]
    if isinstance(value, np.bool_ | np.integer):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        return value.tolist()
    return encode(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
