"""For each GPU twin one small call: plain arguments, keywords."""

from __future__ import annotations

from typing import Any

import numpy as np

EXAMPLES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "distributions.cdf": ((np.array([[-1.5, 0.0], [0.7, 4.0]]),), {"family": "cauchy", "scale": 2.0}),
    "distributions.pdf": ((np.array([[-1.5, 0.0], [0.7, 4.0]]),), {"family": "gaussian", "scale": 2.0}),
    "sorting.swap": ((np.array([0.1, 1.0]), np.array([0.4, -2.0])), {"beta": 3.0}),
    "sorting.network_sort": ((np.array([0.1, 1.0, -0.3]),), {"beta": 3.0}),
    "sorting.network_permutation": ((np.array([0.1, 1.0, -0.3]),), {"beta": 3.0}),
    "sorting.bubble_sort": ((np.array([0.1, 1.0, -0.3]),), {"beta": 3.0}),
    "topk.network_topk": ((np.array([0.1, 1.0, -0.3]),), {"k": 2, "beta": 3.0}),
    "sorting.permutation_cross_entropy": ((np.array([[0.7, 0.3], [0.3, 0.7]]), np.eye(2)), {}),
    "sorting.permutation_binary_cross_entropy": ((np.array([[0.7, 0.3], [0.3, 0.7]]), np.eye(2)), {}),
    "sorting.soft_values": ((np.array([[0.7, 0.3], [0.3, 0.7]]), np.array([2.0, -1.0])), {}),
    "sorting.soft_ranks": ((np.array([[0.7, 0.3], [0.3, 0.7]]),), {}),
    "sorting.fast_sort": ((np.array([0.1, 1.0, -0.3, 0.9]),), {"eps": 5.0, "regularization": "kl"}),
    "sorting.fast_rank": ((np.array([0.1, 1.0, -0.3, 0.9]),), {"eps": 0.5, "regularization": "kl"}),
    "topk.topk_loss": (
        (np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]]),),
        {"label": np.array([1, 2]), "weights": [0.7, 0.3]},
    ),
    "topk.topk_split_loss": (
        (np.array([0.1, 1.0, -0.3]), np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])),
        {"label": np.array([1, 2]), "weights": [0.7, 0.3]},
    ),
    "topk.subset": ((np.array([0.1, 1.0, -0.3, 2.0]),), {"label": 0, "m": 3}),
    "sorting.bubble_permutation": ((np.array([0.1, 1.0, -0.3]),), {"steepness": 3.0}),
    "sorting.bubble_sort_by": ((np.array([[0.5], [2.0], [-1.0]]), np.array([0.1, 1.0, -0.3])), {"steepness": 3.0}),
    "sorting.soft_median": ((np.array([0.1, 1.0, -0.3]),), {"kind": "fast", "selection": 3.0, "removal": 9.0}),
    "sorting.neural_sort": ((np.array([0.1, 1.0, -0.3]),), {"tau": 0.5}),
    "topk.neural_topk": ((np.array([0.1, 1.0, -0.3]),), {"k": 2, "tau": 0.5}),
    "sorting.soft_sort": ((np.array([0.1, 1.0, -0.3]),), {"tau": 0.5}),
    "topk.soft_topk": ((np.array([0.1, 1.0, -0.3]),), {"k": 2, "tau": 0.5}),
    "sorting.sinkhorn_sort": ((np.array([0.1, 1.0, -0.3]),), {"eps": 0.5, "iterations": 4}),
    "topk.sinkhorn_topk": ((np.array([0.1, 1.0, -0.3]),), {"k": 2, "eps": 0.5, "iterations": 4}),
}
