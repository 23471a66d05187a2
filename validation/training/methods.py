"""Every sorter of this library as a loss of scores (B, n) against ranks (B, n), in torch through the bridge.

Those that give a permutation matrix are trained by the cross-entropy (3.12), the fast ranks by the mean squared error of
ranks, as in the thesis, section 3.5. ``temperatures`` are tried, and the best on held-out sets is kept (figure 3.9 does
the same with more of them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from refimpl import sorting
from refimpl.bridges.torch import function

Loss = Callable[[Any, Any], Any]  # scores, ranks (0 = smallest) -> mean loss

BETAS = (10.0, 40.0, 160.0)
SIGMOIDS = ("logistic", "art", "gaussian", "laplace", "hyperbolic_secant", "reciprocal", "cauchy", "optimal")

cross_entropy = function(sorting.permutation_cross_entropy)


@dataclass(frozen=True)
class Method:
    """A sorter and how it is told how hard to sort."""

    name: str
    parameter: str
    temperatures: tuple[float, ...]
    loss: Callable[[float], Loss]


def matrix_loss(matrix: Callable[[Any], Any], descending: bool) -> Loss:
    """Cross-entropy between the matrix of the scores and the permutation matrix of the ranks."""

    def loss(scores: Any, ranks: Any) -> Any:
        q = (
            torch.nn.functional.one_hot(ranks, scores.shape[-1]).transpose(1, 2).to(scores.dtype)
        )  # q[r, c]: c has rank r
        return cross_entropy(matrix(scores), q.flip(1) if descending else q).mean()

    return loss


def network(name: str, cdf: str) -> Method:
    permutation = function(sorting.network_permutation)

    def loss(beta: float) -> Loss:
        return matrix_loss(lambda x: permutation(x, network=name, cdf=cdf, beta=beta), descending=False)

    return Method(f"{name}, {cdf}", "beta", BETAS, loss)


def neural(tau: float) -> Loss:
    return matrix_loss(lambda s: function(sorting.neural_sort)(s, tau=tau), descending=True)


def soft(power: int) -> Callable[[float], Loss]:
    return lambda tau: matrix_loss(lambda s: function(sorting.soft_sort)(s, tau=tau, power=power), descending=True)


def sinkhorn(eps: float) -> Loss:
    sort = function(sorting.sinkhorn_sort)
    return matrix_loss(lambda x: sort(x, eps=eps, iterations=50, squash="zscore_logistic"), descending=False)


def fast(regularization: str) -> Callable[[float], Loss]:
    def at(eps: float) -> Loss:
        def loss(scores: Any, ranks: Any) -> Any:
            soft_ranks = function(sorting.fast_rank)(scores, eps=eps, regularization=regularization)
            return ((soft_ranks - (scores.shape[-1] - ranks)) ** 2).mean()  # rank 1 is the largest

        return loss

    return at


METHODS = (
    *(network("odd_even", cdf) for cdf in SIGMOIDS),
    *(network("bitonic", cdf) for cdf in SIGMOIDS),
    Method("NeuralSort", "tau", (0.1, 0.5, 2.0), neural),
    Method("SoftSort, power 1", "tau", (0.02, 0.1, 0.5), soft(1)),
    Method("SoftSort, power 2", "tau", (0.02, 0.1, 0.5), soft(2)),
    Method("Sinkhorn", "eps", (0.003, 0.01, 0.03), sinkhorn),
    Method("FastRank, l2", "eps", (0.3, 1.0, 3.0), fast("l2")),
    Method("FastRank, kl", "eps", (0.3, 1.0, 3.0), fast("kl")),
)
