"""What this machine can do: loops with nothing left out of the arithmetic and nothing else put in.

``swap_rows`` is the relaxed swap of two rows that stay in cache; a comparator of ``network_permutation`` cannot cost less
a column. ``sigmoid_swap`` evaluates one Cauchy sigmoid and one swap for each comparator, on contiguous data.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from refimpl.jit import kernel
from refimpl.scalars.swaps import cauchy_weights, exchange

FORWARD_AND_BACK = 3.5  # the swap forward, once more in the backward pass, and the swap of G with the product for q


@kernel
def swap_rows(rows: Any, alpha: Any, times: int) -> None:
    """Mix rows 2k and 2k + 1, ``times`` times."""
    pairs, width = rows.shape[0] // 2, rows.shape[1]
    for _ in range(times):
        for pair in range(pairs):
            a, b = alpha[pair], 1.0 - alpha[pair]
            for k in range(width):
                upper, lower = rows[2 * pair, k], rows[2 * pair + 1, k]
                rows[2 * pair, k] = a * upper + b * lower
                rows[2 * pair + 1, k] = b * upper + a * lower


@kernel
def sigmoid_swap(a: Any, b: Any, low: Any, high: Any, beta: float, times: int) -> None:
    """The library's own Cauchy sigmoid and swap of a[k] and b[k], ``times`` times."""
    for _ in range(times):
        for k in range(a.size):
            alpha, abar, _ = cauchy_weights(b[k] - a[k], beta)
            low[k], high[k] = exchange(a[k], b[k], b[k] - a[k], alpha, abar)


def on_threads(call: Any, count: int) -> None:
    """``call(part)`` on each of ``count`` threads."""
    if count == 1:
        call(0)
        return
    list(_pool.map(call, range(count)))


_pool = ThreadPoolExecutor(8)


def swap_floor(threads: int, dtype: Any) -> tuple[Any, float]:
    """(a call, swaps of one column in it): 64 rows of 64 columns on each thread, in the first-level cache."""
    width, pairs, times = 64, 32, 2000
    rows = [np.random.default_rng(part).random((2 * pairs, width)).astype(dtype) for part in range(threads)]
    alpha = np.full(pairs, 0.75, dtype)
    swap_rows(rows[0], alpha, 1)
    return (
        lambda: on_threads(lambda part: swap_rows(rows[part], alpha, times), threads)
    ), threads * width * pairs * times


def sigmoid_floor(threads: int, comparators: int) -> Any:
    """A call that evaluates ``comparators`` sigmoids and swaps in all, over the threads."""
    size = 512
    data = [np.random.default_rng(part).standard_normal((4, size)) for part in range(threads)]
    times = max(1, comparators // (size * threads))
    sigmoid_swap(*data[0], 8.0, 1)
    return lambda: on_threads(lambda part: sigmoid_swap(*data[part], 8.0, times), threads)
