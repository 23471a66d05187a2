"""What the losses between permutation matrices declare: domain, corners, definitions, named inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.op import Arg, Array, Case
from refimpl.scalars.surprise import PMIN
from refimpl.sorting.permutation_losses import SLACK

BATCHES = (((), ()), ((), ()), ((2,), (2,)), ((2,), ()), ((), (3,)), ((2, 1), (3,)))  # of P, of Q
STOCHASTIC, ANY = 0, 1


def sizes(rng: np.random.Generator) -> dict[str, int]:
    names = ("p", "q")
    kinds = {name: int(rng.integers(2)) for name in names}
    return {"n": int(rng.integers(1, 6)), "batch": int(rng.integers(len(BATCHES))), **kinds}


def doubly_stochastic(rng: np.random.Generator, shape: tuple[int, ...], n: int) -> Array:
    """A mixture of three permutation matrices and the constant one: rows and columns sum to 1, entries are positive."""
    weights = rng.dirichlet(np.ones(3), shape)
    mixed = np.zeros((*shape, n, n))
    for k in range(3):
        orders = np.argsort(rng.random((*shape, n)), axis=-1)
        mixed = mixed + weights[..., k, None, None] * np.eye(n)[orders]
    flat = rng.uniform(0.1, 0.9, (*shape, 1, 1))
    found: Array = (1.0 - flat) * mixed + flat / n
    return found


def _sample(rng: np.random.Generator, size: Any, kind: int, batch: tuple[int, ...]) -> Array:
    """Interior: finite differences must stay between the clamps."""
    n = size["n"]
    return doubly_stochastic(rng, batch, n) if kind == STOCHASTIC and n > 1 else rng.uniform(0.02, 0.98, (*batch, n, n))


ARGS = (
    Arg(name="P", shape="... n n", domain="entries in [0, 1]",
        sample=lambda rng, size: _sample(rng, size, size["p"], BATCHES[size["batch"]][0])),
    Arg(name="Q", shape="... n n", domain="entries in [0, 1]",
        sample=lambda rng, size: _sample(rng, size, size["q"], BATCHES[size["batch"]][1])),
)  # fmt: skip


def _pmin(P: Any) -> float:
    array = np.asarray(P)
    return PMIN[4 if array.dtype == np.float32 else 8]


def margin(P: Any, Q: Any) -> float:
    """Distance of the nearest entry from a clamp, or from where it would be refused."""
    p, q, pmin = np.asarray(P, np.float64), np.asarray(Q, np.float64), _pmin(P)
    ends = [np.abs(p - pmin), np.abs(1.0 - p - pmin), *(end for a in (p, q) for end in (a + SLACK, 1.0 + SLACK - a))]
    return float(min(end.min(initial=math.inf) for end in ends))


def _each(P: Any, Q: Any, loss: Callable[[float, float, float], float], power: int) -> Array:
    """-(1/n^power) times the exactly rounded sum of ``loss(P, Q, pmin)``, matrix by matrix."""
    p, q = np.broadcast_arrays(np.asarray(P, np.float64), np.asarray(Q, np.float64))
    found, n = np.empty(p.shape[:-2]), p.shape[-1]
    for row in np.ndindex(found.shape):
        terms = [loss(float(a), float(b), _pmin(P)) for a, b in zip(p[row].flat, q[row].flat, strict=True)]
        found[row] = -math.fsum(terms) / n**power
    return found


def cross_entropy_by_definition(P: Any, Q: Any) -> Array:
    """(3.12) as it stands, entry by entry."""
    return _each(P, Q, lambda p, q, pmin: q * math.log(max(p, pmin)) if q else 0.0, 1)


def binary_by_definition(P: Any, Q: Any) -> Array:
    """The caption of figure 3.1 as it stands, entry by entry."""

    def loss(p: float, q: float, pmin: float) -> float:
        return q * math.log(max(p, pmin)) + (1.0 - q) * (math.log1p(-p) if 1.0 - p > pmin else math.log(pmin))

    return _each(P, Q, loss, 2)


P0 = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
Q0 = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
_HALF = np.full((2, 2), 0.5)
_MIXED = np.array([[0.0, 0.75, 0.25], [1.0, 0.0, 0.0], [0.0, 0.25, 0.75]])
_SHARED_CASES = (
    Case(name="zeros and ones", args={"P": _MIXED, "Q": Q0}, tags=("boundary",)),
    Case(name="zeros where the target is", args={"P": _MIXED, "Q": P0}, tags=("boundary", "saturated")),
    Case(name="P = Q, hard", args={"P": Q0, "Q": Q0}, expect=np.array(0.0), source="the minimum", tags=("boundary",)),
    Case(name="beyond 1 by rounding", args={"P": _MIXED * (1.0 + 1e-15), "Q": P0}, tags=("boundary",)),
    Case(name="below 0 by rounding", args={"P": _MIXED - 1e-9, "Q": Q0}, tags=("boundary",)),
    Case(name="small entries", args={"P": P0 * np.array([1e-11, 1.0, 1e-9]), "Q": P0}, tags=("extreme_small",)),
    Case(name="subnormal target", args={"P": P0, "Q": Q0 * 5e-324}, tags=("subnormal",)),
    Case(name="one entry", args={"P": np.array([[0.25]]), "Q": np.array([[1.0]])}, expect=np.array(math.log(4.0)),
         source="-log P", tags=("size_one",)),
    Case(name="shared target", args={"P": np.stack([P0, P0.T, _MIXED]), "Q": Q0}, tags=("broadcast", "batch")),
    Case(name="shared P", args={"P": P0, "Q": np.stack([Q0, P0])[:, None]}, tags=("broadcast", "batch")),
    Case(name="NaN", args={"P": np.stack([[[math.nan, 0.5], [0.5, 0.5]], _HALF]), "Q": _HALF}, tags=("nan",)),
    Case(name="NaN target", args={"P": _HALF, "Q": np.stack([[[0.5, math.nan], [0.5, 0.5]], _HALF])}, tags=("nan",)),
    Case(name="empty", args={"P": np.ones((0, 3, 3)), "Q": Q0}, tags=("empty", "broadcast")),
    Case(name="many entries", args={"P": np.full((40, 40), 1 / 40), "Q": np.eye(40)}, tags=("basic",)),
    Case(name="no rows", args={"P": np.ones((2, 0, 0)), "Q": np.ones((0, 0))}, error=(ValueError, "no ranks")),
    Case(name="not square", args={"P": np.full((2, 3), 0.5), "Q": _HALF}, error=(ValueError, "square matrices")),
    Case(name="a vector", args={"P": _HALF, "Q": np.array([0.0, 1.0])}, error=(ValueError, "at least 2 axes")),
    Case(name="two sizes", args={"P": P0, "Q": _HALF}, error=(ValueError, "of the size of P's")),
    Case(name="batches that do not fit", args={"P": np.stack([P0, P0]), "Q": np.stack([Q0, Q0, Q0])},
         error=(ValueError, "broadcast against P's")),
    Case(name="logarithms for P", args={"P": np.log(P0), "Q": Q0}, error=(ValueError, "probabilities, not scores")),
    Case(name="scores for Q", args={"P": P0, "Q": 2.0 * Q0}, error=(ValueError, "holds 2 at index (0, 1)")),
    Case(name="infinite P", args={"P": P0 * np.inf, "Q": Q0}, error=(ValueError, "holds inf at index (0, 0)")),
    Case(name="complex P", args={"P": P0 * 1j, "Q": Q0}, error=(TypeError, "complex128")),
    Case(name="masked Q", args={"P": P0, "Q": np.ma.masked_array(Q0, Q0 == 0.0)}, error=(TypeError, "masked")),
)  # fmt: skip
_UNIFORM = {"P": np.full((4, 4), 0.25), "Q": np.eye(4)}
CROSS_ENTROPY_CASES = (
    *_SHARED_CASES,
    Case(name="uniform", args=_UNIFORM, expect=np.array(math.log(4.0)), source="log n for every doubly stochastic Q"),
    Case(name="all wrong", args={"P": _HALF * [[0], [2]], "Q": np.array([[1.0, 0.0], [0.0, 1.0]])},
         expect=np.array(0.5 * math.log(1e12)), source="one clamped entry of two", tags=("boundary",)),
    Case(name="NaN where the target is 0", tags=("nan",),
         args={"P": np.array([[[1.0, math.nan], [0.5, 0.5]], [[math.nan, 0.5], [0.5, 0.5]]]), "Q": np.eye(2)}),
)  # fmt: skip
BINARY_CASES = (
    *_SHARED_CASES,
    Case(name="uniform", args=_UNIFORM, expect=np.array((math.log(4.0) + 3.0 * math.log(4.0 / 3.0)) / 4.0),
         source="-(1/n) (log(1/n) + (n-1) log(1 - 1/n))"),
    Case(name="all wrong", args={"P": 1.0 - np.eye(2), "Q": np.eye(2)}, expect=np.array(math.log(1e12)),
         source="every entry clamped", tags=("boundary",)),
    Case(name="small P", args={"P": np.full((1, 1), 1e-9), "Q": np.zeros((1, 1))}, expect=np.array(1e-9 + 5e-19),
         source="-log(1 - P) = P + P^2/2 + ...", tags=("extreme_small",)),
)  # fmt: skip
