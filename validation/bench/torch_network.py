"""The strongest plain-PyTorch rival: a sorting network by index tensors, without dense selection matrices.

A layer reads its two sets of wires by advanced indexing, mixes the values and the rows of the matrix, and puts them back
by one more gather: about ten torch calls a layer. autograd derives the backward pass.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from refimpl import sorting

SIGMOIDS = {
    "cauchy": lambda y: torch.atan(y) / math.pi + 0.5,
    "logistic": torch.sigmoid,
}


class TorchNetwork:
    """``network(x) -> (sorted values, matrix)`` for x of shape (batch, n)."""

    def __init__(self, kind: str, n: int, cdf: str, beta: float) -> None:
        layers = {"odd_even": sorting.odd_even, "bitonic": sorting.bitonic}[kind](n)
        self.n, self.beta, self.sigmoid = n, beta, SIGMOIDS[cdf]
        self.layers = []
        for layer in layers:
            first, second = np.array(layer).T
            idle = np.setdiff1d(np.arange(n), np.concatenate([first, second]))
            back = np.argsort(np.concatenate([first, second, idle]))  # where each wire is after concatenation
            self.layers.append(tuple(torch.from_numpy(np.ascontiguousarray(w)) for w in (first, second, idle, back)))

    def __call__(self, x: Any) -> tuple[Any, Any]:
        p = torch.eye(self.n, dtype=x.dtype).expand(x.shape[0], self.n, self.n)
        for first, second, idle, back in self.layers:
            a, b = x[:, first], x[:, second]
            alpha = self.sigmoid(self.beta * (b - a))
            shift = (1.0 - alpha) * (b - a)  # alpha a + (1 - alpha) b = a + shift
            x = torch.cat([a + shift, b - shift, x[:, idle]], 1)[:, back]
            upper, lower = p[:, first], p[:, second]
            moved = (1.0 - alpha).unsqueeze(-1) * (lower - upper)
            p = torch.cat([upper + moved, lower - moved, p[:, idle]], 1)[:, back]
        return x, p
