"""Named inputs of NeuralSort, refused ones among them. Expected values are those of the equation sheet or of a symmetry."""

from __future__ import annotations

import math

import numpy as np

from refimpl.op import Case

S4 = np.array([0.9, 0.1, 0.5, 0.2])
HUGE = np.array([1e308, -1e308, 1.0, 0.0, 1.7e308])

PLAIN = (
    Case(name="two scores", args={"s": np.array([0.0, math.log(3.0)]), "tau": 1.0}, tags=("basic",),
         expect=np.array([[0.25, 0.75], [0.75, 0.25]]), source="the logistic swap: 1 / (1 + 1/3)"),
    Case(name="one score", args={"s": np.array([2.5]), "tau": 1.0}, tags=("size_one",), expect=np.ones((1, 1)),
         source="a softmax over one entry"),
    Case(name="all equal", args={"s": np.full(4, 1.5), "tau": 0.7}, tags=("ties",), expect=np.full((4, 4), 0.25),
         source="ties share equally"),
    Case(name="ties", args={"s": np.array([1.0, 0.0, 1.0, 0.0, 2.0]), "tau": 2.0}, tags=("ties",)),
    Case(name="nearly hard", args={"s": S4, "tau": 1e-6}, tags=("saturated",)),
    Case(name="nearly flat", args={"s": S4, "tau": 1e6}, tags=("boundary",)),
    Case(name="coldest", args={"s": np.array([1e-300, 0.0, 1e308]), "tau": 1e-300}, tags=("extreme_small",)),
    Case(name="hottest", args={"s": HUGE, "tau": 1.7e308}, tags=("extreme_large",)),
    Case(name="huge", args={"s": HUGE, "tau": 1.0}, tags=("extreme_large",)),
    Case(name="empty batch", args={"s": np.zeros((0, 3)), "tau": 1.0}, tags=("empty",)),
    Case(
        name="two batch axes",
        args={"s": np.arange(12.0).reshape(2, 2, 3) % 5.0, "tau": np.array([[1.0], [4.0]])},
        tags=("batch", "broadcast"),
    ),
    Case(name="33 scores", args={"s": 3.0 * np.sin(np.arange(33.0) ** 2), "tau": 2.0}, tags=("odd_size",)),
    Case(name="70 scores", args={"s": 3.0 * np.sin(np.arange(70.0) ** 2), "tau": 5.0}, tags=("non_power_of_two",)),
    Case(
        name="NaN in one row", args={"s": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "tau": 1.0}, tags=("nan",)
    ),
)  # fmt: skip
REFUSED = (
    Case(name="complex s", args={"s": np.array([1j, 2.0]), "tau": 1.0}, error=(TypeError, "complex128")),
    Case(name="object s", args={"s": np.array([1, None], object), "tau": 1.0}, error=(TypeError, "object")),
    Case(
        name="masked s",
        args={"s": np.ma.masked_array([1.0, 2.0], [False, True]), "tau": 1.0},
        error=(TypeError, "masked"),
    ),
    Case(name="half precision s", args={"s": np.zeros(2, np.float16), "tau": 1.0}, error=(TypeError, "float16")),
    Case(name="no scores", args={"s": np.zeros((2, 0)), "tau": 1.0}, error=(ValueError, "nothing to sort")),
    Case(name="scalar s", args={"s": np.float64(1.0), "tau": 1.0}, error=(ValueError, "at least 1 axis")),
    Case(name="infinite s", args={"s": np.array([1.0, np.inf]), "tau": 1.0}, error=(ValueError, "infinite at index")),
    Case(name="tau 0", args={"s": S4, "tau": 0.0}, error=(ValueError, "finite values > 0")),
    Case(name="tau negative", args={"s": S4, "tau": -1.0}, error=(ValueError, "finite values > 0")),
    Case(name="tau NaN", args={"s": S4, "tau": math.nan}, error=(ValueError, "finite values > 0")),
    Case(name="tau of the wrong shape", args={"s": S4, "tau": np.ones(2)}, error=(ValueError, "broadcasts")),
)
SORT_CASES = (*PLAIN, *REFUSED)
