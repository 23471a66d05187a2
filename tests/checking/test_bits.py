"""Arrays as bits in JSON: every float comes back, and anything else is refused with what is wrong with it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.catalog import OPERATORS
from refimpl.checking.bits import BadBits, decode, decode_args, encode, encode_args
from refimpl.checking.packing import pack

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -2.2e-308, 1.7976931348623157e308, 0.1, 1.0 + 2.0**-52]


def through(array: object) -> np.ndarray:
    return decode(json.loads(json.dumps(encode(array))))


def test_the_bits_are_those_of_the_module_text() -> None:
    assert encode(np.array([3.0, 1.0, 2.0])) == {
        "dtype": "f64", "shape": [3], "hex": "40080000000000003ff00000000000004000000000000000",
    }  # fmt: skip
    assert encode(np.float32(1.0)) == {"dtype": "f32", "shape": [], "hex": "3f800000"}
    assert encode(-0.0)["hex"] == "8000000000000000"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_special_numbers_come_back_to_the_bit(dtype: type) -> None:
    with np.errstate(over="ignore"):
        array = np.array(SPECIAL, dtype)
    back = through(array)
    assert back.dtype == dtype
    assert back.dtype.isnative
    assert back.tobytes() == array.tobytes()


@given(st.lists(st.floats(allow_subnormal=True), max_size=20))
def test_float64_comes_back_to_the_bit(numbers: list[float]) -> None:
    array = np.array(numbers, np.float64)
    assert through(array).tobytes() == array.tobytes()


@given(st.lists(st.floats(width=32, allow_subnormal=True), max_size=20))
def test_float32_comes_back_to_the_bit(numbers: list[float]) -> None:
    array = np.array(numbers, np.float32)
    assert through(array).tobytes() == array.tobytes()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3), (1, 1, 4)])
def test_shapes_come_back(shape: tuple[int, ...]) -> None:
    assert through(np.ones(shape)).shape == shape


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3).T, np.arange(6.0)[::-2], np.arange(3.0).astype(">f8")],
    ids=["transposed", "strided", "big-endian"],
)
def test_any_layout_comes_back_in_c_order(array: np.ndarray) -> None:
    assert np.array_equal(through(array), array)
    assert through(array).dtype == np.float64


def test_whole_numbers_and_truth_values_become_float64() -> None:
    assert through(np.array([1, -2])).tolist() == [1.0, -2.0]
    assert through(np.array([True, False])).tolist() == [1.0, 0.0]


GOOD = {"dtype": "f64", "shape": [2], "hex": "0" * 32}


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (None, "x is None; expected an object with dtype, shape and hex"),
        ([1.0, 2.0], r"x is \[1.0, 2.0\]; expected an object"),
        ({"dtype": "f64", "shape": [2]}, "expected an object with dtype, shape and hex"),
        ({**GOOD, "dtype": "f16"}, "x has dtype 'f16'; expected f64 or f32"),
        ({**GOOD, "shape": 2}, "x has shape 2; expected a list of whole numbers"),
        ({**GOOD, "shape": [-2]}, r"x has shape \[-2\]; expected a list of whole numbers"),
        ({**GOOD, "shape": [2.0]}, r"x has shape \[2.0\]"),
        ({**GOOD, "shape": [True, 2]}, r"x has shape \[True, 2\]"),
        ({**GOOD, "shape": [3]}, r"x has 32 digits in hex; shape \[3\] of f64 takes 48"),
        ({**GOOD, "dtype": "f32"}, r"x has 32 digits in hex; shape \[2\] of f32 takes 16"),
        ({**GOOD, "hex": "0" * 31}, "x has 31 digits in hex"),
        ({**GOOD, "hex": 0}, "x has 0 in hex"),
        ({**GOOD, "hex": "g" * 32}, "x holds something that is no hexadecimal digit"),
        ({**GOOD, "hex": "0 " * 16}, "x holds something that is no hexadecimal digit"),
    ],
)
def test_what_is_no_array_is_refused(encoded: object, message: str) -> None:
    with pytest.raises(BadBits, match=message):
        decode(encoded, "x")


def test_arguments_come_back_as_operators_take_them() -> None:
    args = {"x": np.ones(2), "beta": 2.0, "cdf": "art", "reversed": True, "n": 3, "lam": None, "scale": np.float64(0.5)}
    back = decode_args(json.loads(json.dumps(encode_args({**args, "network": (((0, 1),), [(np.int64(1), 2)])}))))
    assert "lam" not in back
    assert back["network"] == [[[0, 1]], [[1, 2]]]
    assert (back["beta"], back["scale"], back["cdf"], back["reversed"], back["n"]) == (2.0, 0.5, "art", True, 3)
    assert type(back["beta"]) is float
    assert type(back["n"]) is int
    assert np.array_equal(back["x"], args["x"])
    assert decode_args(encode_args({"x": np.float32(1.5)}))["x"].dtype == np.float32


def test_a_bad_argument_is_named() -> None:
    with pytest.raises(BadBits, match="argument beta has dtype 'int'"):
        decode_args({"beta": {**GOOD, "dtype": "int"}})


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
def test_what_operators_draw_gives_the_same_bits_afterwards(op) -> None:
    args = op.sample(np.random.default_rng(3))
    back = decode_args(json.loads(json.dumps(encode_args(args))))
    first, second = op.value(**args), op.value(**back)
    assert pack(op, first).tobytes() == pack(op, second).tobytes()
