"""Section 4.2: the top-k operators give the rows of the full matrices, and the losses their printed values."""

from __future__ import annotations

import numpy as np

from refimpl import sorting, topk
from validation.papers.row import Row, at_most, number, rounded

SOURCE = "thesis, 4.1, 4.2"
SAME = 1e-14  # the same products, summed in another order
P_K = np.array(
    [
        [0.049549732971, 0.040788763146, 0.591104247613, 0.07893323925, 0.23962401702],
        [0.132310675624, 0.059754111346, 0.155640968499, 0.128736800457, 0.523557444073],
    ]
)


def rows() -> list[Row]:
    table = []
    for n, k in ((7, 3), (16, 5), (22, 22), (50, 5)):
        x = np.random.default_rng([n, k]).standard_normal((20, n))
        for network in ("bitonic", "odd_even"):
            whole = sorting.network_permutation(x, network=network, beta=3.0)
            top = topk.network_topk(x, k=k, network=network, beta=3.0)
            table.append(_same(f"{network} n = {n}, k = {k}", top, whole[:, ::-1][:, :k]))
        layers = sorting.splitter(n, k)
        whole = sorting.network_permutation(x, network=layers, beta=3.0)
        top = topk.network_topk(x, k=k, network="splitter", beta=3.0)
        table.append(_same(f"splitter n = {n}, k = {k}", top, whole[:, ::-1][:, :k]))
        table.append(
            _same(
                f"NeuralSort n = {n}, k = {k}",
                topk.neural_topk(x, k=k, tau=0.7),
                sorting.neural_sort(x, tau=0.7)[:, :k],
            )
        )
        table.append(
            _same(f"SoftSort n = {n}, k = {k}", topk.soft_topk(x, k=k, tau=0.7), sorting.soft_sort(x, tau=0.7)[:, :k])
        )
        whole = sorting.sinkhorn_sort(x, eps=0.5, iterations=20)
        top = topk.sinkhorn_topk(x, k=k, eps=0.5, iterations=20)
        table.append(_same(f"Sinkhorn n = {n}, k = {k}", top, whole[:, ::-1][:, :k]))
    weights = np.array([0.5, 0.5])
    for label, printed in ((2, 0.40208373361), (4, 0.69034563046)):
        loss = float(topk.topk_loss(P_K, np.array(label), weights))
        what = f"top-k loss, P_K = (.5, .5), y = {label}"
        table.append(number("sheet, loss.topk", what, printed, loss, rounded(10), "P_k printed to 12 digits"))
    return table


def _same(what: str, top: np.ndarray, rows_of_the_whole: np.ndarray) -> Row:  # type: ignore[type-arg]
    apart = float(np.abs(top - rows_of_the_whole).max())
    return at_most(SOURCE, f"top-k rows against the full matrix, {what}: difference", 0.0, apart, SAME, "rounding")
