"""A picture of all sorters at once: the smaller of two values, one of which is 0 (thesis, figure 3.7)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.catalog import find
from refimpl.checking.palette import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY
from refimpl.op import Array


def sorters(plt: Any) -> Any:
    """Min(x, 0) by every sorter: a curve that falls while x rises is not monotone, and the error of FastSort grows."""
    x = np.linspace(-2.0, 8.0, 2001)
    pairs = np.stack([x, np.zeros_like(x)], -1)
    curves = (
        ("FastSort (l2)", ORANGE, _op("fast_sort")(pairs, eps=1.0)[:, -1]),
        ("Cauchy network", GREEN, _network(pairs, cdf="cauchy", beta=math.pi / 4.0)),
        ("reciprocal network", BLUE, _network(pairs, cdf="reciprocal", beta=0.25)),
        ("optimal network", BLACK, _network(pairs, cdf="optimal", beta=0.25)),
        ("ART network, $\\lambda=1/4$", PINK, _network(pairs, cdf="art", beta=1.0)),
        ("NeuralSort, Sinkhorn, bubble sort,\nlogistic network, SoftSort (power 1)", RED, _last("neural_sort", pairs)),
        ("SoftSort (power 2)", SKY, _last("soft_sort", pairs, power=2)),
    )
    figure, axis = plt.subplots(figsize=(9.5, 5.2), layout="constrained")
    axis.plot(x, np.minimum(x, 0.0), color=GREY, linewidth=1.2, linestyle=(0, (4, 2)), label="hard")
    for label, colour, y in curves:
        axis.plot(x, y, color=colour, label=label)
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.02, 1.0), fontsize=9)
    axis.set(xlim=(-2.0, 8.0), ylim=(-1.6, 2.6), xlabel="$x$", ylabel=r"$\mathrm{min}(x,0)$")
    axis.set_title("The smaller of $x$ and 0 by every sorter (thesis, figure 3.7)")
    return figure


def _op(name: str) -> Any:
    (found,) = find(f"sorting.{name}")
    return found


def _last(name: str, pairs: Array, **options: Any) -> Array:
    """The last soft value of a sorter that gives a descending matrix."""
    values: Array = _op("soft_values")(_op(name)(pairs, tau=1.0, **options), pairs)
    return values[:, -1]


def _network(pairs: Array, **sigmoid: Any) -> Array:
    values: Array = _op("network_sort")(pairs, **sigmoid)
    return values[:, 0]
