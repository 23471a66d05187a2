"""Differentiable top-k: the first rows of a relaxed permutation matrix, and losses that need no more.

    x, s     scores, one for each class     P_k      matrix of k rows; row m - 1 = distribution of the m-th LARGEST
    n        number of classes              K, k     number of rows; rank, 1 <= k <= K
    label    index of the true class, y     PK(k)    weights: the share of the loss that asks for the top k
    w_m      PK(m) + ... + PK(K)            p_y      sum_m w_m P_m,y, probability of y being in the top k
    m        size of a subset of classes    C        comparators that reach one of the last k wires of a network
    beta     inverse temperature            Y, G     rows carried back through a network, and their cotangent
    tau, eps temperatures                   g...     cotangent of ...

``network_topk``, ``neural_topk``, ``soft_topk`` and ``sinkhorn_topk`` make the first k rows and leave the others alone.
``topk_loss`` and ``topk_split_loss`` are the losses on them; ``subset`` picks the few classes that are worth sorting.
"""

from refimpl.topk.network_topk import network_topk
from refimpl.topk.neural_topk import neural_topk
from refimpl.topk.sinkhorn_topk import sinkhorn_topk
from refimpl.topk.soft_topk import soft_topk
from refimpl.topk.subset import subset
from refimpl.topk.topk_loss import topk_loss
from refimpl.topk.topk_split_loss import topk_split_loss

OPERATORS = (
    network_topk,
    topk_loss,
    topk_split_loss,
    subset,
    neural_topk,
    soft_topk,
    sinkhorn_topk,
)

__all__ = [
    "OPERATORS",
    "network_topk",
    "neural_topk",
    "sinkhorn_topk",
    "soft_topk",
    "subset",
    "topk_loss",
    "topk_split_loss",
]
