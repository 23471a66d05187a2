"""What soft_median is asked: its arguments, checked, and laid out one row per batch entry."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refimpl.boundary import Float, Gate
from refimpl.sorting.problem import Problem, values_to_sort
from refimpl.sorting.transposition import asked_for, count, problem

KINDS = ("exact", "fast")
MOST = 2**31  # rounds times values of the fast kind that may be asked for: half a minute a row, or the default rounds


class Asked(NamedTuple):
    """Arguments as kernels take them, one row per batch entry."""

    exact: Problem | None
    fast: tuple[Float, Float, Float] | None  # x, selection, removal
    rounds: int  # of the fast kind
    shapes: tuple[tuple[int, ...], ...]
    dtype: np.dtype[Any]


def setup(gate: Gate, x: Any, kind: Any, steepness: Any, rounds: Any, selection: Any, removal: Any) -> Asked:
    """Check the arguments."""
    fast = KINDS[gate.choice("kind", kind, KINDS)] == "fast"
    x = values_to_sort(gate, "x", x)
    batch, n = x.shape[:-1], x.shape[-1]
    others = {"steepness": steepness} if fast else {"selection": selection, "removal": removal}
    for name, given in others.items():
        if given is not None:
            only = f"it with kind={KINDS[not fast]!r} only, not with {kind!r}: leave it out"
            gate.refuse(name, "is given", only, TypeError)
    if not fast:
        network = asked_for(gate, "rounds", rounds, n)
        posed = problem(gate, "x", x, batch, steepness, network, np.dtype(np.float64))
        return Asked(posed, None, 0, (x.shape, *posed.shapes[1:2]), x.dtype)
    to_the_middle = (n - 1) // 2
    why = f"{MOST} over n; floor((n - 1) / 2), which is {to_the_middle}, leave the median"
    times = count(gate, "rounds", rounds, to_the_middle, max(to_the_middle, MOST // n), why)
    b1, b2 = gate.parameter("selection", selection), gate.parameter("removal", removal)
    spread = [gate.spread(name, b, batch, full=True) for name, b in (("selection", b1), ("removal", b2))]
    table = x.reshape(spread[0].size, n).astype(np.float64)
    return Asked(None, (table, *spread), times, (x.shape, b1.shape, b2.shape), x.dtype)


def middle(n: int) -> tuple[int, int]:
    """The places of the middle in n sorted values: one twice if n is odd."""
    return (n - 1) // 2, n // 2
