"""Speed and memory of network_topk: beside difftopk's dense form, and at the size of an ImageNet-21K classifier.

``python -m validation.bench.network_topk speed`` or ``... memory splitter 10``; memory wants a fresh process.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import refimpl
from refimpl import topk
from validation.bench.timing import medians

K, BETA, THREADS = 5, 8.0, 2
MANY = 10450  # classes


def drawn(n: int, batch: int, dtype: Any = np.float64) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, n)).astype(dtype), rng.standard_normal((batch, K, n)).astype(dtype)


def ours(network: str, x: Any, g: Any) -> Callable[[], object]:
    return lambda: topk.network_topk.vjp(x, k=K, network=network, beta=BETA)[1](g)


def difftopk_dense(x: Any, g: Any) -> Callable[[], object]:
    """The same network with dense selection matrices, gradients by autograd."""
    import difftopk
    import torch

    torch.set_num_threads(THREADS)
    net = difftopk.DiffTopkNet("bitonic", x.shape[-1], K, sparse=False, distribution="cauchy", steepness=BETA)
    leaf, cotangent = torch.tensor(x, requires_grad=True), torch.tensor(g)

    def call() -> object:
        p = net(leaf)[1]
        return torch.autograd.grad(p, leaf, cotangent if p.shape == cotangent.shape else cotangent.transpose(1, 2))

    return call


def speed() -> None:
    """Milliseconds of forward and VJP, n = 1024, float32."""
    refimpl.set_threads(THREADS)
    x, g = drawn(1024, 4, np.float32)
    subjects = {"bitonic": ours("bitonic", x, g), "splitter": ours("splitter", x, g)}
    taken = {**medians(subjects, 9), **medians({"difftopk": difftopk_dense(x, g)}, 3)}
    print({name: round(seconds * 1e3, 3) for name, seconds in taken.items()}, taken["difftopk"] / taken["bitonic"])


def memory(network: str, batch: int) -> float:
    """MiB that Python and NumPy hold at most in one first call, the making of the network among them."""
    small, cotangent = drawn(8, 1)
    ours(network, small, cotangent)()  # compiled
    x, g = drawn(MANY, batch)
    tracemalloc.start()
    ours(network, x, g)()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    if sys.argv[1] == "speed":
        speed()
    else:
        print(f"{memory(sys.argv[2], int(sys.argv[3])):.0f} MiB")
