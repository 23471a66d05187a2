"""The package softjax (JAX, Python >= 3.12) as an implementation of the sorting operators.

What is only a convention is turned into ours here, one line each; what is wrong stays as it is, for the check to find:

    standardize=False: its own squashing is another function than ours
    one softness for all rows; softness is 1/beta, tau, or eps
    descending=True where ours descends
    fast_soft_sort has anchors 0 to 1: softness is eps/(n - 1) for sorting, eps (n - 1) for ranking
    its bitonic network is ours for n = 2^k; in other sizes it is padded (SJ-01)
    JAX compiles each shape: one row, n = 2, 3, 4 alone
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import softjax

from refimpl import NotOffered
from validation.peers import Check, Witness

SIZES = ((2,), (3,), (4,))


@functools.partial(jax.jit, static_argnums=(0, 3))
def compiled(function: Callable[..., Any], x: Any, softness: Any, options: tuple[tuple[str, Any], ...]) -> Any:
    return function(x, axis=-1, softness=softness, standardize=False, **dict(options))


def run(function: Callable[..., Any], x: Any, softness: Any, **options: Any) -> Any:
    """One of its functions of one row."""
    if x.shape not in SIZES:
        raise NotOffered("another shape")
    return compiled(function, x, jnp.asarray(softness, x.dtype), tuple(options.items()))


def logistic_bitonic(network: Any, cdf: str) -> None:
    if (network, cdf) != ("bitonic", "logistic"):
        raise NotOffered("another network, or another sigmoid")


def network_permutation(x: Any, *, network: str = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Any:
    logistic_bitonic(network, cdf)
    return run(softjax.argsort, x, 1.0 / beta, method="sorting_network")


def fast_sort(theta: Any, *, eps: Any, regularization: str = "l2") -> Any:
    mode = {"l2": "c0", "kl": "smooth"}[regularization]
    steps = max(theta.shape[-1] - 1, 1)
    return run(softjax.sort, theta, eps / steps, method="fast_soft_sort", mode=mode, descending=True)


def fast_rank(theta: Any, *, eps: Any, regularization: str = "l2") -> Any:
    if regularization != "l2":
        raise NotOffered("kl: the projection of exponentials is another operator")
    return run(softjax.rank, theta, eps * max(theta.shape[-1] - 1, 1), method="fast_soft_sort", mode="c0")


# What is expected of the checks

NETWORK = {"cdf": "logistic", "network": "bitonic"}
PADDED = dict.fromkeys(("value", "x", "beta"), ("wrong", "SJ-01"))
FAR = dict.fromkeys(("value", "theta", "eps"), ("wrong", "SJ-03"))
RANK = {**FAR, "runs": ("crashed", "SJ-03")}

CHECKS = (
    Check("sorting.network_permutation", network_permutation, "softjax", "jax", NETWORK, PADDED, 2),
    Check("sorting.fast_sort", fast_sort, "softjax l2", "jax", {"regularization": "l2"}, FAR, 2),
    Check("sorting.fast_rank", fast_rank, "softjax l2", "jax", {"regularization": "l2"}, RANK, 2),
)


# Witnesses: the smallest input for each row of BUGS.md


def sort(x: list[Any], dtype: Any = jnp.float32, **options: Any) -> Any:
    return softjax.sort(jnp.array(x, dtype), axis=-1, **options)


def shown(x: Any) -> str:
    return str([float(f"{value:.4g}") for value in x.tolist()])


NET = {"method": "sorting_network", "standardize": False, "softness": 1.0}

WITNESSES = (
    Witness(
        "SJ-01",
        "sorting_network: 1, 2, 3 sorted (exact: sum 6)",
        lambda: shown(sort([1.0, 2.0, 3.0], **NET)),
        "[1.661, 1.804, 3.196]",
    ),
    Witness(
        "SJ-01",
        "the same next to a row 7, 8, 9",
        lambda: shown(sort([[1.0, 2.0, 3.0], [7.0, 8.0, 9.0]], **NET)[0]),
        "[1.509, 1.771, 2.733]",
    ),
    Witness(
        "SJ-02",
        "neuralsort, float32: 0, 1e20, 2e20 sorted",
        lambda: shown(sort([0.0, 1e20, 2e20], method="neuralsort", standardize=False)),
        "[nan, 1e+20, 2e+20]",
    ),
    Witness(
        "SJ-03",
        "fast_soft_sort, float32 ranks of 0, 1e8 (exact: 2, 1)",
        lambda: shown(softjax.rank(jnp.array([0.0, 1e8]), -1, 1.0, "c0", method="fast_soft_sort", standardize=False)),
        "[2.0, 0.0]",
    ),
    Witness(
        "SJ-04",
        "float32, as called by default: 0, 1e20, 2e20 sorted",
        lambda: shown(sort([0.0, 1e20, 2e20], method="softsort")),
        "[1e+20, 1e+20, 1e+20]",
    ),
    Witness(
        "SJ-05",
        "ot, float32: 1e30, -1e30, 0 sorted",
        lambda: shown(sort([1e30, -1e30, 0.0], method="ot", standardize=False)),
        "[0.0, 0.0, 0.0]",
    ),
)
