"""What the laws and cases of fast_sort and fast_rank have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.law import changed, symmetry
from refimpl.op import Array, Case, Values


def l2(args: Values) -> bool:
    return bool(args.get("regularization", "l2") == "l2")


def kl(args: Values) -> bool:
    return not l2(args)


def size(args: Values) -> float:
    """How large the numbers are that a row adds up."""
    theta = np.asarray(args["theta"])
    return float(np.abs(theta).max(initial=0.0) * theta.shape[-1])


def eps_column(args: Values) -> Array:
    """Eps, so that it broadcasts against the rows."""
    theta = np.asarray(args["theta"])
    return np.broadcast_to(np.asarray(args["eps"], np.float64), theta.shape[:-1])[..., None]


def shift(moves: bool) -> Any:
    """f(theta + c) = f(theta), plus c if it ``moves``."""
    return symmetry(
        "shift",
        "sort(theta + c) = sort(theta) + c" if moves else "rank(theta + c) = rank(theta)",
        draw=lambda args, rng: float(rng.integers(-4, 5)),
        move=lambda args, c: changed(args, theta=np.asarray(args["theta"]) + c),
        image=lambda y, c: y + c if moves else y,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    )


def _permuted(array: Any, order: Any) -> Array:
    return np.asarray(array)[..., order]


def permutation(moves: bool) -> Any:
    """f(theta[order]) = f(theta), or f(theta)[order] if it ``moves``."""
    return symmetry(
        "permutation",
        "rank(theta[order]) = rank(theta)[order]" if moves else "sort(theta[order]) = sort(theta)",
        draw=lambda args, rng: rng.permutation(np.shape(args["theta"])[-1]),
        move=lambda args, order: changed(args, theta=_permuted(args["theta"], order)),
        image=lambda y, order: _permuted(y, order) if moves else y,
        pull_move=lambda grads, order: {**grads, "theta": _permuted(grads["theta"], np.argsort(order))},
        pull_image=lambda g, order: _permuted(g, np.argsort(order)) if moves else g,
    )


T4 = np.array([0.9, 0.1, 0.5, 0.2])
T3 = np.array([3.0, 1.0, 2.0])
ROW = 2.0 * np.cos(np.arange(40.0) ** 2)


def named(*, fine: float, coarse: float) -> tuple[Case, ...]:
    """Inputs for both operators and both regularizations; ``fine`` is an eps of many blocks, ``coarse`` of few."""
    both = [
        Case(name=f"{name}, {regularization}", args={**args, "regularization": regularization}, tags=tags)
        for regularization in ("l2", "kl")
        for name, args, tags in (
            ("one value", {"theta": np.array([2.5]), "eps": 1.0}, ("size_one",)),
            ("all equal", {"theta": np.full(5, 1.5), "eps": 2.0}, ("ties",)),
            ("ties", {"theta": np.array([1.0, 0.0, 1.0, 0.0, 0.25]), "eps": 1.0}, ("ties",)),
            ("hard", {"theta": T4, "eps": 1e-300}, ("saturated",)),
            ("one block", {"theta": T4, "eps": 1e9}, ("boundary",)),
            ("one block, huge eps", {"theta": T4, "eps": 1e300}, ("boundary",)),
            ("huge", {"theta": np.array([1e308, -1e308, 1.0, 1.7e308]), "eps": 1.0}, ("extreme_large",)),
            ("tiny", {"theta": 1e-300 * T4, "eps": 1e-300}, ("extreme_small",)),
            ("subnormal", {"theta": np.array([5e-324, -3e-310, 0.0]), "eps": 1e-290}, ("subnormal",)),
            ("shifted", {"theta": 1e8 + T4, "eps": coarse}, ("near_ties",)),
            ("near ties", {"theta": 1.0 + 2.0**-50 * np.array([3.0, 0.0, 1.0, 7.0]), "eps": coarse}, ("near_ties",)),
            ("many blocks", {"theta": ROW, "eps": fine}, ("non_power_of_two",)),
            ("few blocks", {"theta": ROW, "eps": coarse}, ("non_power_of_two",)),
            ("ascending", {"theta": np.linspace(-2.0, 2.0, 33), "eps": coarse}, ("odd_size",)),
            ("two batch axes", {"theta": ROW[:12].reshape(2, 2, 3), "eps": np.array([[fine], [coarse]])},
             ("batch", "broadcast")),
            ("NaN in one row", {"theta": np.array([[np.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "eps": 1.0}, ("nan",)),
            ("empty batch", {"theta": np.zeros((0, 3)), "eps": 1.0}, ("empty",)),
        )
    ]  # fmt: skip
    return (*both, *REFUSED)


REFUSED = (
    Case(name="complex theta", args={"theta": T3 * 1j, "eps": 1.0}, error=(TypeError, "complex128")),
    Case(name="object theta", args={"theta": np.array([1, None], object), "eps": 1.0}, error=(TypeError, "object")),
    Case(
        name="masked theta",
        args={"theta": np.ma.masked_array([1.0, 2.0], [False, True]), "eps": 1.0},
        error=(TypeError, "masked"),
    ),
    Case(
        name="half precision theta", args={"theta": np.zeros(2, np.float16), "eps": 1.0}, error=(TypeError, "float16")
    ),
    Case(name="no values", args={"theta": np.zeros((2, 0)), "eps": 1.0}, error=(ValueError, "nothing to sort")),
    Case(name="scalar theta", args={"theta": np.float64(1.0), "eps": 1.0}, error=(ValueError, "at least 1 axis")),
    Case(
        name="infinite theta",
        args={"theta": np.array([1.0, np.inf]), "eps": 1.0},
        error=(ValueError, "infinite at index"),
    ),
    Case(
        name="unknown regularization",
        args={"theta": T3, "eps": 1.0, "regularization": "l1"},
        error=(ValueError, "did you mean 'l2'"),
    ),
    Case(name="eps 0", args={"theta": T3, "eps": 0.0}, error=(ValueError, "finite values > 0")),
    Case(name="eps negative", args={"theta": T3, "eps": -1.0}, error=(ValueError, "finite values > 0")),
    Case(name="eps NaN", args={"theta": T3, "eps": np.nan}, error=(ValueError, "finite values > 0")),
    Case(name="eps of the wrong shape", args={"theta": T3, "eps": np.ones(2)}, error=(ValueError, "broadcasts")),
)
