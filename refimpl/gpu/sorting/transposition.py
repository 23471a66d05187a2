"""Rounds of odd-even transposition on the device: comparators uploaded once."""

from __future__ import annotations

from refimpl.gpu.device import xp
from refimpl.gpu.sorting.networks import on_device
from refimpl.sorting.problem import Problem


def placed(posed: Problem) -> Problem:
    """The same question with all its arrays on the device."""
    network = posed.network
    wiring = on_device(network, "rounds", network.wires, network.starts.size)
    return posed._replace(network=wiring, lam=xp().asarray(posed.lam))
