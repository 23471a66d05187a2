"""On what the two losses are checked: how arguments are drawn, where the kinks are, and the definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.op import Arg, Array
from refimpl.scalars.surprise import PMIN

PARTS = 64  # weights are multiples of 1/64, whose sum is exactly 1
GRID = 1024  # and so are the entries of a matrix whose p may pass 1: there L is small and rounding would be all of it
HUGE = 1e300  # beyond, a sum of entries may overflow
INTEGERS = (np.int64, np.int32, np.uint8)


# The domain


def sizes(rng: np.random.Generator) -> dict[str, int]:
    n = int(rng.integers(1, 8))
    return {"K": int(rng.integers(1, min(4, n) + 1)), "n": n, "batch": int(rng.integers(0, 4))}


def sample_matrix(rng: np.random.Generator, size: Any) -> Array:
    """Rows of a doubly stochastic matrix (a mean of permutations), or rows that are distributions and no more."""
    rows, n = size["K"], size["n"]
    batch = (size["batch"],) if size["batch"] else ()
    found = np.empty((*batch, rows, n))
    for at in np.ndindex(batch):
        if rows < n and rng.random() < 0.6:
            shares = rng.dirichlet(np.ones(3))
            mean = sum(share * np.eye(n)[rng.permutation(n)[:rows]] for share in shares)
            found[at] = 0.7 * mean + 0.3 / n
        else:
            likely = np.exp(rng.normal(0.0, 1.0, (rows, n)))
            likely /= likely.sum(-1, keepdims=True)
            found[at] = np.array([1 + rng.multinomial(GRID - n, row) for row in likely]) / GRID
    return found


def sample_proper(rng: np.random.Generator, size: Any) -> Array:
    """Columns add up to at most 0.9: no mixture with a softmax passes 1 or comes close, where rounding would be all of L."""
    means = [np.eye(size["n"])[np.resize(rng.permutation(size["n"]), size["K"])] for _ in range(3)]
    batch = (size["batch"],) if size["batch"] else ()
    shares = rng.dirichlet(np.ones(3), batch)
    mean = sum(shares[..., k, None, None] * means[k] for k in range(3))
    return np.asarray(0.9 * (0.7 * mean + 0.3 / size["n"]))


def sample_label(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] == 0 or rng.random() < 0.2:
        return int(rng.integers(size["n"]))
    return rng.integers(size["n"], size=size["batch"]).astype(INTEGERS[rng.integers(len(INTEGERS))])


def sample_weights(rng: np.random.Generator, size: Any) -> Array:
    """A distribution over k; some k may have no weight."""
    return np.asarray(rng.multinomial(PARTS, rng.dirichlet(np.ones(size["K"])))) / PARTS


MATRIX = Arg(name="P_k", shape="... K n", domain="finite, probabilities; K, n >= 1", sample=sample_matrix)
LABEL = Arg(name="label", shape="...", domain="integers, 0 <= label < n", differentiable=False, sample=sample_label)
WEIGHTS = Arg(
    name="weights",
    shape="K",
    domain=">= 0, sum 1",
    differentiable=False,
    sample=sample_weights,
    why_not="moving one weight leaves the simplex, where the loss is not defined",
)
ARGS = (MATRIX, LABEL, WEIGHTS)


# The definition


def probability(P_k: Any, label: Any, weights: Any, scale: float = 1.0) -> Array:
    """p_y / scale = sum_k PK(k) sum_{m <= k} P_m,y / scale, in two sums as the thesis has it."""
    P, y, weights = np.asarray(P_k, np.float64) / scale, np.asarray(label, np.int64), np.asarray(weights, np.float64)
    batch = np.broadcast_shapes(P.shape[:-2], y.shape)
    P, y = np.broadcast_to(P, batch + P.shape[-2:]), np.broadcast_to(y, batch)
    found = np.empty(batch)
    for at in np.ndindex(batch):
        column = P[at][:, y[at]]
        asked = [k for k in range(len(weights)) if weights[k] > 0.0]
        found[at] = math.fsum(weights[k] * column[m] for k in asked for m in range(k + 1))
    return found


def loss_by_definition(P_k: Any, label: Any, weights: Any) -> Array:
    """(4.3), with the least probability put in."""
    least = PMIN[np.asarray(P_k).itemsize if np.asarray(P_k).dtype.kind == "f" else 8]
    if (np.abs(P_k) > HUGE).any():
        return -np.log(probability(P_k, label, weights, 16.0)) - math.log(16.0)
    return np.asarray(-np.log(np.maximum(probability(P_k, label, weights), least)))


def margin(P_k: Any, label: Any, weights: Any) -> float:
    """How far entries of P_k may move until some p reaches its floor."""
    p, rows = probability(P_k, label, weights, 16.0), np.shape(P_k)[-2]
    return float(np.abs(p - PMIN[8] / 16.0).min(initial=math.inf) * 16.0 / rows)
