"""Differentiable sorting and ranking: networks of relaxed swaps, softmax and transport matrices, projections, programs.

    x, s, theta, a   values to sort           P       matrix, P x = sorted values; P[r, c] = weight of input c at rank r
    n                number of values         Q       the permutation matrix that P should be
    beta, steepness  inverse temperature      tau, eps    temperature
    f                sigmoid                  alpha   f(d), d = x_j - x_i at a comparator; abar = f(-d) = 1 - alpha
    lam              exponent of ART          C       number of comparators
    g...             cotangent of ...

Ascending, row 0 of P = minimum: ``network_sort`` and ``network_permutation`` (of ``swap``s, wired by ``odd_even`` and
``bitonic``; ``splitter`` selects), ``sinkhorn_sort``, ``bubble_sort``, ``bubble_permutation``, ``bubble_sort_by``.
Descending, row 0 = maximum, rank 1 = largest: ``neural_sort``, ``soft_sort``, ``fast_sort``, ``fast_rank``.

``soft_values`` and ``soft_ranks`` read any P; ``soft_median`` is a median; ``permutation_cross_entropy`` and
``permutation_binary_cross_entropy`` compare P with Q; ``exact_match`` and ``element_match`` are metrics, without VJP.
"""

from refimpl.sorting.bubble_permutation import bubble_permutation
from refimpl.sorting.bubble_sort import bubble_sort
from refimpl.sorting.bubble_sort_by import bubble_sort_by
from refimpl.sorting.fast_rank import fast_rank
from refimpl.sorting.fast_sort import fast_sort
from refimpl.sorting.metrics import element_match, exact_match
from refimpl.sorting.network_permutation import network_permutation
from refimpl.sorting.network_sort import network_sort
from refimpl.sorting.networks import bitonic, odd_even, splitter
from refimpl.sorting.neural_sort import neural_sort
from refimpl.sorting.permutation_binary_cross_entropy import permutation_binary_cross_entropy
from refimpl.sorting.permutation_cross_entropy import permutation_cross_entropy
from refimpl.sorting.sinkhorn_problem import NotConverged
from refimpl.sorting.sinkhorn_sort import sinkhorn_sort
from refimpl.sorting.soft_median import soft_median
from refimpl.sorting.soft_ranks import soft_ranks
from refimpl.sorting.soft_sort import soft_sort
from refimpl.sorting.soft_values import soft_values
from refimpl.sorting.swap import swap

OPERATORS = (
    swap,
    network_sort,
    network_permutation,
    bubble_sort,
    permutation_cross_entropy,
    permutation_binary_cross_entropy,
    soft_values,
    soft_ranks,
    fast_sort,
    fast_rank,
    bubble_permutation,
    bubble_sort_by,
    soft_median,
    neural_sort,
    soft_sort,
    sinkhorn_sort,
)

__all__ = [
    "OPERATORS",
    "NotConverged",
    "bitonic",
    "bubble_permutation",
    "bubble_sort",
    "bubble_sort_by",
    "element_match",
    "exact_match",
    "fast_rank",
    "fast_sort",
    "network_permutation",
    "network_sort",
    "neural_sort",
    "odd_even",
    "permutation_binary_cross_entropy",
    "permutation_cross_entropy",
    "sinkhorn_sort",
    "soft_median",
    "soft_ranks",
    "soft_sort",
    "soft_values",
    "splitter",
    "swap",
]
