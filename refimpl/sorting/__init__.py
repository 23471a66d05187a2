"""Differentiable sorting by networks of relaxed swaps.

    x        values to sort      P        matrix, P x = sorted values, row 0 = minimum
    n        number of values    C        number of comparators
    beta     inverse temperature d        difference x_j - x_i at a comparator
    f        sigmoid             alpha    f(d);  abar = f(-d) = 1 - alpha
    lam      exponent of ART     g...     cotangent of ...

``odd_even``, ``bitonic`` and ``splitter`` list the comparators; ``swap`` is one of them relaxed; ``network_sort`` gives
sorted values, ``network_permutation`` the doubly stochastic matrix.
"""

from refimpl.sorting.bubble_sort import bubble_sort
from refimpl.sorting.network_permutation import network_permutation
from refimpl.sorting.network_sort import network_sort
from refimpl.sorting.networks import bitonic, odd_even, splitter
from refimpl.sorting.swap import swap

OPERATORS = (swap, network_sort, network_permutation, bubble_sort)

__all__ = ["OPERATORS", "bitonic", "bubble_sort", "network_permutation", "network_sort", "odd_even", "splitter", "swap"]
