"""The package ott-jax (JAX) as an implementation of ``sorting.sinkhorn_sort``: the plan behind its soft sort and ranks.

What is only a convention is turned into ours here, one line each; what is wrong stays as it is, for the check to find:

    its plan is (values, targets), of mass 1: ours is n times its transpose
    squashing_fun is the identity; targets are linspace(0, 1, n)
    it iterates to a threshold; ours does so too, to a smaller one
    its default derivative is implicit; JAX compiles each shape: one row, n = 3 or 4, values of the targets' size
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from ott.tools import soft_sort

from refimpl import NotOffered
from validation.peers import Check, Witness, error_of


@jax.jit
def plan(x: Any, eps: Any) -> Any:
    """n times its transport plan, transposed."""
    weights = jnp.ones(x.shape, x.dtype) / len(x)
    options = {"threshold": 1e-12, "max_iterations": 10_000}
    return len(x) * soft_sort.transport_for_sort(x, weights, weights, lambda z: z, eps, **options).matrix.T


def sinkhorn_sort(
    x: Any, *, eps: Any, iterations: Any = None, tol: Any = None, targets: Any = None, squash: Any = None,
    backward: str | None = None,
) -> Any:  # fmt: skip
    if targets is not None or squash is not None or x.shape not in ((3,), (4,)):
        raise NotOffered("targets, squashing, or another shape")
    if x.dtype == jnp.float32 or not float(jnp.abs(jax.lax.stop_gradient(x)).max()) < 10.0:
        raise NotOffered("float32, where the gradient raises (O-01), or values far from the targets")
    return plan(x, jnp.asarray(eps, x.dtype))


# What is expected of the checks

FLAT = ("wrong", "1e-300 of rounding where the exact gradient is 0")

CHECKS = (
    Check(
        "sorting.sinkhorn_sort", sinkhorn_sort, "ott in float64", "jax", {"iterations": 10_000, "tol": 1e-14},
        {"eps": FLAT}, 4,
    ),
)  # fmt: skip


# Witnesses: the smallest input for each row of BUGS.md

X4 = (0.9, 0.1, 0.5, 0.2)


def failing(function: Callable[..., Any], dtype: Any = jnp.float32, x64: bool = False, **options: Any) -> str:
    """What its gradient raises."""
    handler = logging.getLogger("jax._src.callback")
    before, handler.disabled = handler.disabled, True
    try:
        with jax.enable_x64(x64):
            return error_of(lambda: jax.grad(lambda x: function(x, **options)[0])(jnp.array(X4, dtype)))
    finally:
        handler.disabled = before


def shown(x: Any) -> str:
    return str([float(f"{value:.3g}") for value in x.tolist()])


def mixed() -> str:
    with jax.enable_x64(True):
        return error_of(lambda: soft_sort.sort(jnp.array(X4, jnp.float32)))


WITNESSES = (
    Witness(
        "O-01",
        "float32: gradient of ranks, as called by default",
        lambda: failing(soft_sort.ranks),
        "EquinoxRuntimeError",
    ),
    Witness(
        "O-02",
        "quantile: 0.8, 0.2, 0.5 of 0 to 9 (in the order 0.2, 0.5, 0.8: 1.45, 4.5, 7.55)",
        lambda: shown(soft_sort.quantile(jnp.arange(10.0), jnp.array([0.8, 0.2, 0.5]))),
        "[4.5, 7.55, 1.45]",
    ),
    Witness("O-03", "ranks of one value", lambda: error_of(lambda: soft_sort.ranks(jnp.array([2.5]))), "ValueError"),
    Witness(
        "O-04",
        "transport_for_sort without its optional weights",
        lambda: error_of(lambda: soft_sort.transport_for_sort(jnp.array(X4))),
        "TypeError",
    ),
    Witness(
        "O-05",
        "float32 ranks of 0, 1e20, 2e20 (hard: 0, 1, 2)",
        lambda: shown(soft_sort.ranks(jnp.array([0.0, 1e20, 2e20]))),
        "[1.0, 1.0, 1.0]",
    ),
    Witness("O-06", "under x64, float32 values sorted", mixed, "TypeError"),
)
