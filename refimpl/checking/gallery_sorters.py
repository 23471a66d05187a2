"""A picture of all sorters at once: the smaller of two values, one of which is 0 (thesis, figure 3.7)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.catalog import find
from refimpl.checking.palette import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY
from refimpl.op import Array


def _op(name: str) -> Any:
    (found,) = find(f"sorting.{name}")
    return found


def soft_minimum_of_every_sorter(plt: Any) -> Any:
    """Min(x, 0) by every sorter. Where a curve falls while x rises, the sorter is not monotone; FastSort's error grows."""
    x = np.linspace(-2.0, 8.0, 2001)
    pairs = np.stack([x, np.zeros_like(x)], -1)
    curves: tuple[tuple[str, str, Array, float], ...] = (
        ("FastSort (l2), $\\varepsilon=1$", ORANGE, _op("fast_sort")(pairs, eps=1.0)[:, -1], 7.0),
        (
            "NeuralSort = SoftSort = Sinkhorn = bubble = logistic",
            RED,
            _last(_op("neural_sort")(pairs, tau=1.0), x),
            3.0,
        ),
        ("SoftSort, power 2", SKY, _last(_op("soft_sort")(pairs, tau=1.0, power=2), x), 1.2),
        ("ART, $\\lambda=1/4$", PINK, _network(pairs, cdf="art", beta=1.0), 6.6),
        ("reciprocal", BLUE, _network(pairs, cdf="reciprocal", beta=0.25), 7.0),
        ("Cauchy", GREEN, _network(pairs, cdf="cauchy", beta=math.pi / 4.0), 7.0),
        ("optimal", BLACK, _network(pairs, cdf="optimal", beta=0.25), 7.0),
    )
    figure, axis = plt.subplots(figsize=(9.5, 5.2), layout="constrained")
    axis.plot(x, np.minimum(x, 0.0), color=GREY, linewidth=1.2, linestyle=(0, (4, 2)))
    axis.text(-1.45, -1.62, "hard", color=GREY)
    for label, colour, y, at in curves:
        axis.plot(x, y, color=colour, label=label)
        _ = at
    axis.legend(frameon=False, loc="lower right", fontsize=9)
    axis.set(xlim=(-2.0, 8.0), ylim=(-2.0, 1.6), xlabel="$x$", ylabel=r"$\mathrm{min}(x,0)$")
    axis.set_title("The smaller of $x$ and 0 by every sorter (thesis, figure 3.7), slopes alike in the middle")
    return figure


def _last(p: Array, x: Array) -> Array:
    """The smaller soft value of (x, 0): the last row of a descending matrix, its first column."""
    weight: Array = p[:, -1, 0] * x
    return weight


def _network(pairs: Array, **sigmoid: Any) -> Array:
    low: Array = _op("network_sort")(pairs, **sigmoid)[:, 0]
    return low
