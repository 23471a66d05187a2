"""Soft values and soft ranks as the books define them, in dual numbers: products of a matrix with x, and with 1 to n."""

from __future__ import annotations

import numpy as np

from validation.vectors.dual import Array, Dual


def soft_values(P: Array, x: Array) -> tuple[Array, ...]:
    batch = np.broadcast_shapes(P.shape[:-2], x.shape[:-1])
    p, v = np.broadcast_to(P, (*batch, *P.shape[-2:])), np.broadcast_to(x, (*batch, x.shape[-1]))
    y = np.empty(p.shape[:-1], object)
    for at in np.ndindex(y.shape):
        y[at] = sum((_product(a, b) for a, b in zip(p[at], v[at[:-1]], strict=True)), Dual(0))
    return (y,)


def _product(p: Dual, x: Dual) -> Dual:
    """A weight of 0 takes its value out, NaN included."""
    return Dual(0, {k: s * x.v for k, s in p.d.items()}) if p.v == 0 and x.v != x.v else p * x


def soft_ranks(P: Array) -> tuple[Array, ...]:
    rank = np.empty(P.shape[:-1], object)
    for at in np.ndindex(rank.shape):
        column = P[(*at[:-1], slice(None), at[-1])]
        rank[at] = sum((p * (r + 1) for r, p in enumerate(column)), Dual(0))
    return (rank,)


DEFINITIONS = {"sorting.soft_values": soft_values, "sorting.soft_ranks": soft_ranks}
