"""The sorters of chapter 3 other than networks, as functions of a row of values: sorted values, ascending, and a VJP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refimpl import sorting

Array = NDArray[np.float64]
Vjp = Callable[[Array], tuple[Array, Callable[[Array], Array]]]  # x (rows, n) -> sorted (rows, n), pullback to x


class Sorter(NamedTuple):
    """A sorter at a hardness of about one."""

    name: str
    vjp: Vjp


def by_matrix(matrix: Callable[[Array], tuple[Array, Callable[[Any], Any]]], argument: str, descending: bool) -> Vjp:
    """Sorted values P x of a permutation matrix, through the matrix and directly."""

    def vjp(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        p, pull_matrix = matrix(x)
        y, pull_values = sorting.soft_values.vjp(p, x)
        flip = (lambda a: a[..., ::-1]) if descending else (lambda a: a)

        def pullback(g: Array) -> Array:
            grads = pull_values(np.ascontiguousarray(flip(g)))
            gx: Array = grads.x + getattr(pull_matrix(grads.P), argument)
            return gx

        return flip(y), pullback

    return vjp


def fast(regularization: str) -> Vjp:
    def vjp(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y, pullback = sorting.fast_sort.vjp(x, eps=1.0, regularization=regularization)
        return y[..., ::-1], lambda g: pullback(np.ascontiguousarray(g[..., ::-1])).theta

    return vjp


def bubble(x: Array) -> tuple[Array, Callable[[Array], Array]]:
    y, pullback = sorting.bubble_sort.vjp(x, beta=1.0)
    nothing = np.zeros(x.shape[:-1])
    return y.array, lambda g: pullback((g, nothing, nothing)).a


SORTERS = (
    Sorter("NeuralSort", by_matrix(lambda x: sorting.neural_sort.vjp(x, tau=1.0), "s", descending=True)),
    Sorter("SoftSort, power 1", by_matrix(lambda x: sorting.soft_sort.vjp(x, tau=1.0), "s", descending=True)),
    Sorter("SoftSort, power 2", by_matrix(lambda x: sorting.soft_sort.vjp(x, tau=1.0, power=2), "s", descending=True)),
    Sorter("SinkhornSort", by_matrix(lambda x: sorting.sinkhorn_sort.vjp(x, eps=1.0, iterations=30), "x", descending=False)),
    Sorter("FastSort, l2", fast("l2")),
    Sorter("FastSort, kl", fast("kl")),
    Sorter("Relaxed Bubble Sort", bubble),
)  # fmt: skip


def jacobians(sorter: Sorter, x: Array) -> Array:
    """[row, output, input]."""
    rows, n = x.shape
    _, pullback = sorter.vjp(np.repeat(x, n, axis=0))
    return pullback(np.tile(np.eye(n), (rows, 1))).reshape(rows, n, n)
