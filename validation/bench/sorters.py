"""Sorters, rankers and top-k beside the packages that have them: forward and VJP, on two threads.

What a package does not offer (difftopk: float64 in NeuralSort and networks) is left out, and so is a package that is not
installed. Floors are the ratios asked for.
"""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl import sorting, topk
from validation.bench.row import Row
from validation.bench.timing import medians

THREADS = 2
DTYPES = (np.float32, np.float64)
RANKS = ((32, 100, 1.2), (1024, 100, 1.5), (10_000, 1, 1.5))  # n, batch, floor beside torchsort
EPS = {"sort": 1.0, "rank": 1.0}
MANY = 10_450  # classes of the thesis's largest data set
K, BETA = 5, 8.0

Call = Callable[[], object]


def drawn(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def vjp_of(op: Any, x: Any, g: Any, **keywords: Any) -> Call:
    return lambda: op.vjp(x, **keywords)[1](g)


def through_torch(function: Callable[[Any], Any], x: Any, g: Any) -> Call:
    """Forward and backward of a torch function at x."""
    import torch

    torch.set_num_threads(THREADS)
    leaf, cotangent = torch.tensor(x, requires_grad=True), torch.tensor(g)
    return lambda: torch.autograd.grad(function(leaf), leaf, cotangent)


def beside(what: str, ours: Call, rivals: dict[str, tuple[Call, float]], rounds: int) -> list[Row]:
    """One row for each rival; everybody takes turns."""
    taken = medians({"refimpl": ours, **{name: call for name, (call, _) in rivals.items()}}, rounds)
    return [
        Row(what, name, "ms", taken["refimpl"] * 1e3, taken[name] * 1e3, floor) for name, (_, floor) in rivals.items()
    ]


def fast(quick: bool) -> list[Row]:
    """fast_sort and fast_rank beside torchsort's C++, and beside a Python loop over blocks, as fast-soft-sort has it."""
    rows = []
    try:
        import torchsort
    except ModuleNotFoundError:
        torchsort = None
    for n, batch, floor in RANKS if torchsort else ():
        for dtype in DTYPES:
            x, g = drawn((batch, n), dtype), drawn((batch, n), dtype, 1)
            for kind, op in (("sort", sorting.fast_sort), ("rank", sorting.fast_rank)):
                peer = getattr(torchsort, f"soft_{kind}")
                for regularization in ("l2", "kl"):
                    options = {"regularization": regularization}

                    def theirs(t: Any, peer: Any = peer, kind: str = kind, options: Any = options) -> Any:
                        return peer(t, **options, regularization_strength=EPS[kind])

                    ours = vjp_of(op, x, g, eps=EPS[kind], **options)
                    what = f"fast_{kind}, {regularization}, n={n} batch={batch} {x.dtype}"
                    rows += beside(what, ours, {"torchsort": (through_torch(theirs, x, g), floor)}, 7 if quick else 15)
    x, g = drawn((1024,), np.float64), drawn((1024,), np.float64, 1)
    _, residuals = sorting.fast_sort.forward(x, eps=1.0)
    loop = by_blocks(residuals, g)
    rows += beside(
        "backward of fast_sort, l2, n=1024 batch=1 float64", lambda: sorting.fast_sort.backward(residuals, g),
        {"a Python loop over blocks": (loop, 20.0)}, 9,
    )  # fmt: skip
    return rows


def by_blocks(residuals: Any, g: Any) -> Call:
    """The backward pass of fast-soft-sort (l2): block after block in Python. The package is not on the index."""
    starts, order = residuals.starts[0, : residuals.blocks[0] + 1].tolist(), residuals.order[0]

    def call() -> Any:
        averaged = np.zeros_like(g)
        for start, stop in itertools.pairwise(starts):
            averaged[start:stop] = g[start:stop].mean()
        found = np.empty_like(g)
        found[order] = averaged
        return found

    return call


def matrices(quick: bool) -> list[Row]:
    """neural_sort and soft_sort beside difftopk's, and beside the formula in torch."""
    import torch

    try:
        import difftopk
        from difftopk.softsort import SoftSort
    except ModuleNotFoundError:
        difftopk = None
    rows = []
    for n, batch in ((32, 100),) if quick else ((32, 100), (1024, 10)):
        for dtype in DTYPES:
            x, g = drawn((batch, n), dtype), drawn((batch, n, n), dtype, 1)
            for name, op, formula in (
                ("neural_sort", sorting.neural_sort, neural_formula),
                ("soft_sort", sorting.soft_sort, soft_formula),
            ):
                rivals = {}
                if n == 32 and difftopk and not (name == "neural_sort" and dtype is np.float64):
                    peer = difftopk.NeuralSort(tau=1.0) if name == "neural_sort" else SoftSort(tau=1.0)
                    rivals["difftopk"] = (through_torch(lambda t, peer=peer: matrix_of(peer(t)), x, g), 3.0)
                if n == 1024:
                    rivals["torch formula"] = (through_torch(formula, x, g), 3.0)
                if rivals:
                    what = f"{name}, n={n} batch={batch} {x.dtype}"
                    rows += beside(what, vjp_of(op, x, g, tau=1.0), rivals, 15 if n == 32 else 5)
    assert torch.get_num_threads() == THREADS
    return rows


def matrix_of(answer: Any) -> Any:
    """difftopk returns (None, P) in places."""
    return answer[-1] if isinstance(answer, tuple) else answer


def neural_formula(s: Any) -> Any:
    import torch

    n = s.shape[-1]
    b = (s[..., :, None] - s[..., None, :]).abs().sum(-1)
    scaling = n + 1 - 2 * torch.arange(1, n + 1, dtype=s.dtype)
    return torch.softmax(scaling[:, None] * s[..., None, :] - b[..., None, :], -1)


def soft_formula(s: Any) -> Any:
    import torch

    descending = s.sort(descending=True, dim=-1)[0]
    return torch.softmax(-(descending[..., :, None] - s[..., None, :]).abs(), -1)


def programs(quick: bool) -> list[Row]:
    """bubble_sort beside algovision's, which interprets the program."""
    import torch

    try:
        from validation.bench.algovision_bubble import bubble
    except ModuleNotFoundError:
        return []
    rows = []
    for dtype in DTYPES:
        x = drawn((32, 10), dtype)
        leaf, one = torch.tensor(x, requires_grad=True), torch.ones(32, dtype=torch.tensor(x).dtype)
        program, g = bubble(BETA), drawn((32, 10), dtype, 1)
        cotangent = torch.tensor(g)

        def theirs(leaf: Any = leaf, one: Any = one, cotangent: Any = cotangent, program: Any = program) -> Any:
            return torch.autograd.grad(program(leaf), leaf, (cotangent, one))

        ours = vjp_of(sorting.bubble_sort, x, (g, np.ones(32, dtype), np.zeros(32, dtype)), beta=BETA)
        rows += beside(f"bubble_sort, n=10 batch=32 {x.dtype}", ours, {"algovision": (theirs, 150.0)}, 7)
    return rows


def selections(quick: bool) -> list[Row]:
    """network_topk beside difftopk's dense form of the same network, and its memory where that cannot be built."""
    rows = []
    try:
        import difftopk
    except ModuleNotFoundError:
        difftopk = None
    if difftopk and not quick:
        x, g = drawn((4, 1024), np.float32), drawn((4, K, 1024), np.float32, 1)
        net = difftopk.DiffTopkNet("bitonic", 1024, K, sparse=False, distribution="cauchy", steepness=BETA)

        def theirs(t: Any) -> Any:
            p = net(t)[1]
            return p if p.shape == g.shape else p.transpose(1, 2)

        ours = vjp_of(topk.network_topk, x, g, k=K, network="bitonic", beta=BETA)
        rivals = {"difftopk, dense": (through_torch(theirs, x, g), 200.0)}
        rows += beside("network_topk, bitonic n=1024 k=5 batch=4 float32", ours, rivals, 3)
    for network, batch in (("splitter", 1), ("splitter", 10), ("bitonic", 1)):
        what = f"network_topk, {network} n={MANY} k=5 batch={batch}: peak of forward and VJP"
        rows.append(Row(what, "", "MB", peak(network, batch), None, 100.0, "below"))
    return rows


def peak(network: str, batch: int) -> float:
    """Megabytes that Python and NumPy hold at most in one call, the making of the network among them."""
    vjp_of(
        topk.network_topk, drawn((1, 8), np.float64), drawn((1, K, 8), np.float64), k=K, network=network, beta=BETA
    )()
    x, g = drawn((batch, MANY), np.float64), drawn((batch, K, MANY), np.float64, 1)
    call = vjp_of(topk.network_topk, x, g, k=K, network=network, beta=BETA)
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found


def transports(quick: bool) -> list[Row]:
    """sinkhorn_sort beside ott-jax: the same eps, squashing, and number of iterations, or tolerance."""
    try:
        import jax
        from ott.initializers.linear.initializers import DefaultInitializer
        from ott.tools import soft_sort
    except ModuleNotFoundError:
        return []
    rows = []
    for dtype in DTYPES:
        jax.config.update("jax_enable_x64", dtype is np.float64)
        for n, batch in ((32, 1), (32, 100), (128, 1)):
            x, weights = drawn((batch, n), dtype), drawn((batch, n), dtype, 1)
            g = weights[..., :, None] * x[..., None, :]
            settings: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
                ("100 iterations", {"iterations": 100}, {
                    "implicit_diff": None, "min_iterations": 100, "max_iterations": 100, "threshold": -1.0,
                    "inner_iterations": 100}),
                ("tol 1e-3, unrolled", {"tol": 1e-3, "iterations": 2000, "backward": "unrolled"}, {
                    "implicit_diff": None, "threshold": 1e-3, "max_iterations": 2000}),
            )  # fmt: skip
            for label, mine, goal in settings:

                def loss(t: Any, goal: Any = goal, weights: Any = weights) -> Any:
                    found = soft_sort.sort(t, axis=-1, epsilon=1e-2, initializer=DefaultInitializer(), **goal)
                    return (found * weights).sum()

                given, both = jax.numpy.asarray(x), jax.jit(jax.value_and_grad(loss))
                ours = vjp_of(sorting.sinkhorn_sort, x, g, eps=1e-2, squash="zscore_logistic", **mine)
                what = f"sinkhorn_sort, {label}, n={n} batch={batch} {x.dtype}"
                theirs = {"ott-jax": (lambda both=both, given=given: jax.block_until_ready(both(given)), 3.0)}
                rows += beside(what, ours, theirs, 3 if quick else 7)
    jax.config.update("jax_enable_x64", False)
    return rows


TABLES: dict[str, Callable[[bool], list[Row]]] = {
    "Soft sorts and ranks by projection": fast,
    "NeuralSort and SoftSort": matrices,
    "Optimal transport": transports,
    "Relaxed bubble sort": programs,
    "Top-k by networks": selections,
}
