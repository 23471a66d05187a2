"""Rounds of odd-even transposition on the device: comparators uploaded once."""

from __future__ import annotations

import functools

import numpy as np

from refimpl.gpu.device import current_device, settle, xp
from refimpl.sorting.networks import Comparators
from refimpl.sorting.problem import Problem
from refimpl.sorting.transposition import KEPT, transpositions


def placed(posed: Problem) -> Problem:
    """The same question with all its arrays on the device."""
    network = posed.network
    there = _uploaded(network.wires, network.starts.size - 1, current_device())
    return posed._replace(network=there, lam=xp().asarray(posed.lam))


@functools.lru_cache(maxsize=KEPT)
def _uploaded(n: int, layers: int, device: int) -> Comparators:
    """So many rounds with pairs; every second round of two wires has none. Finished before another stream may meet it."""
    network = transpositions(n, layers if n > 2 else 2 * layers)
    first, second = (xp().array(array) for array in network[:2])  # kernels there read neither low nor high
    starts = xp().array(network.starts.astype(np.int64))  # added to thread numbers, which are signed
    settle()
    return network._replace(first=first, second=second, starts=starts)
