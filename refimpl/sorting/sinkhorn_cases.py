"""Named inputs of the Sinkhorn operators, refused ones among them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.op import Case

X4, X3 = np.array([0.9, 0.1, 0.5, 0.2]), np.array([0.8, -0.3, 0.4])


def _refused(name: str, text: str, kind: type[Exception] = ValueError, **args: Any) -> Case:
    return Case(name=name, args={"x": X3, "eps": 0.5, "iterations": 3, **args}, error=(kind, text))


REFUSED = (
    _refused("complex x", "complex128", TypeError, x=np.array([1j, 2.0])),
    _refused("masked x", "masked", TypeError, x=np.ma.masked_array([1.0, 2.0], [False, True])),
    _refused("no values", "nothing to sort", x=np.zeros((2, 0))),
    _refused("scalar x", "at least 1 axis", x=np.float64(1.0)),
    _refused("infinite x", "infinite at index", x=np.array([1.0, np.inf])),
    _refused("eps 0", "finite values > 0", eps=0.0),
    _refused("eps negative", "finite values > 0", eps=-1.0),
    _refused("eps of the wrong shape", "broadcasts", eps=np.ones(2)),
    _refused("no iterations", "a whole number >= 1", iterations=0),
    _refused("half an iteration", "a whole number >= 1", iterations=2.5),
    _refused("tol 0", "a finite number > 0", tol=0.0),
    _refused("tol in words", "a finite number > 0", tol="small"),
    _refused("two targets", "3 values along the last axis", targets=np.array([0.0, 1.0])),
    _refused("descending targets", "not strictly ascending", targets=np.array([1.0, 0.5, 0.0])),
    _refused("equal targets", "not strictly ascending", targets=np.array([0.0, 0.5, 0.5])),
    _refused("NaN among the targets", "not strictly ascending", targets=np.array([0.0, math.nan, 1.0])),
    _refused("infinite target", "infinite at index", targets=np.array([0.0, 0.5, math.inf])),
    _refused("targets of too many rows", "broadcasts", targets=np.zeros((2, 1)) + np.array([0.0, 0.5, 1.0])),
    _refused("unknown squash", "did you mean 'zscore_logistic'", squash="logistic"),
    _refused("unknown backward", "did you mean 'implicit'", backward="implict"),
)
PLAIN = (
    Case(name="one value", args={"x": np.array([2.5]), "eps": 0.3, "iterations": 2}, tags=("size_one",)),
    Case(name="one value, squashed", args={"x": np.array([2.5]), "eps": 0.3, "iterations": 2,
                                           "squash": "zscore_logistic"}, tags=("size_one",)),
    Case(name="up to the default tolerance", args={"x": X4, "eps": 0.4}, tags=("basic",)),
    Case(name="up to a tolerance", args={"x": X4, "eps": 0.4, "tol": 1e-3, "iterations": 100,
                                        "backward": "unrolled"}, tags=("basic",)),
    Case(name="symmetric values", args={"x": np.array([0.0, 1.0]), "eps": 0.4, "tol": 1e-13}, tags=("basic",),
         expect=np.array([[1.0, 0.0], [0.0, 1.0]]) + np.array([[-1.0, 1.0], [1.0, -1.0]]) / (1.0 + math.exp(2.5)),
         source="n = 2 is a logistic swap with beta = 1 / eps"),
    Case(name="symmetric values, cold", args={"x": np.array([0.0, 1.0]), "eps": 0.02, "tol": 1e-13}, tags=("saturated",)),
    Case(name="implicit", args={"x": X4, "eps": 0.4, "backward": "implicit"}, tags=("basic",)),
    Case(name="implicit, squashed, own targets", args={
        "x": X4, "eps": 0.4, "backward": "implicit", "squash": "zscore_logistic",
        "targets": np.array([0.1, 0.3, 0.4, 0.9])}, tags=("basic",)),
    Case(name="ties", args={"x": np.array([1.0, 0.0, 1.0, 0.0]), "eps": 0.3, "iterations": 7}, tags=("ties",)),
    Case(name="cold", args={"x": X4, "eps": 0.1, "iterations": 20}, tags=("saturated",)),
    Case(name="flat", args={"x": X4, "eps": 1e300, "iterations": 3}, tags=("boundary",)),
    Case(name="far from the targets", args={"x": 1e6 + X4, "eps": 0.5, "iterations": 60}, tags=("extreme_large",)),
    Case(name="huge", args={"x": np.array([1e308, -1e308, 3e307]), "eps": 1e308, "iterations": 5},
         tags=("extreme_large",)),
    Case(name="empty batch", args={"x": np.zeros((0, 3)), "eps": 1.0, "iterations": 2}, tags=("empty",)),
    Case(name="two batch axes", args={"x": np.arange(12.0).reshape(2, 2, 3) % 5.0 / 4.0, "iterations": 6,
                                      "eps": np.array([[0.3], [1.0]])}, tags=("batch", "broadcast")),
    Case(name="nine values", args={"x": np.sin(np.arange(9.0) ** 2), "eps": 0.4, "iterations": 15}, tags=("odd_size",)),
    Case(name="NaN in one row", args={"x": np.array([[math.nan, 1.0, 2.0], [0.3, 0.1, 0.2]]), "eps": 0.5,
                                      "iterations": 4}, tags=("nan",)),
)  # fmt: skip
SORT_CASES = (*PLAIN, *REFUSED)
