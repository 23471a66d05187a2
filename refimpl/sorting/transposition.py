"""Rounds of odd-even transposition: their comparators, and the checked arguments of the operators that run them.

Round j compares the wires (i, i + 1) with i = j mod 2, j mod 2 + 2, ...; any number of rounds may be asked for, up to
2^31 comparators. Rounds without a pair (every second one for n = 2, all for n = 1) are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Gate
from refimpl.sorting.networks import Comparators, Kept, wired
from refimpl.sorting.problem import Problem

MOST = 2**31  # comparators: 64 GiB of network
KEPT_BYTES = 2**26  # n rounds on n = 1024 wires fill 16 MiB, and take 5 ms to make again
_kept = Kept(KEPT_BYTES)


def transpositions(n: int, rounds: int) -> Comparators:
    """The comparators of so many rounds on n wires."""
    if n <= 2:  # round 0 alone has a pair, or none has
        rounds = (rounds + 1) // 2 if n == 2 else 0
    return _kept.get((n, rounds), lambda: _tiled(n, rounds))


def _tiled(n: int, rounds: int) -> Comparators:
    """Rounds on two wires are those that have a pair."""
    even, odd = (np.arange(parity, n - 1, 2, dtype=np.uint64) for parity in (0, 1))
    period = [even] if n <= 2 else [even, odd]
    repeats = -(-rounds // len(period))
    starts = np.zeros(rounds + 1, np.uint64)
    np.cumsum(np.tile([part.size for part in period], repeats)[:rounds], out=starts[1:])
    first = np.tile(np.concatenate(period), repeats)[: int(starts[-1])]
    return wired("custom", first, first + np.uint64(1), starts, n)


def asked_for(gate: Gate, name: str, value: Any, n: int) -> Comparators:
    """The comparators of a number of rounds on n wires, by default n."""
    most = 2 * MOST // (n - 1) if n > 1 else None  # on average (n - 1) / 2 comparators a round
    return transpositions(n, count(gate, name, value, n, most, f"{MOST} comparators in all; n rounds sort n values"))


def count(gate: Gate, name: str, value: Any, default: int, most: int | None, why: str) -> int:
    """A number of rounds, not beyond ``most``."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0):
        gate.refuse(name, f"is {value!r}", "a whole number >= 0, or None")
    rounds = default if value is None else int(value)
    if most is not None and rounds > most:
        came = str(rounds) if rounds < 2**128 else "more than 2^128"
        by_default = ", the default" if value is None else ""
        gate.refuse(name, f"is {came}{by_default}", f"at most {most} rounds here ({why}): ask for fewer")
    return rounds


def problem(
    gate: Gate, name: str, a: Array, batch: tuple[int, ...], steepness: Any, network: Comparators, dtype: np.dtype[Any]
) -> Problem:  # fmt: skip
    """What the network kernels are asked: the keys ``a`` broadcast over ``batch``, with the logistic sigmoid."""
    steepness, shape = gate.parameter("steepness", steepness), (*batch, a.shape[-1])
    beta = gate.spread("steepness", steepness, batch, full=True)
    return Problem(
        x=gate.spread(name, a, shape, full=True).reshape(beta.size, shape[-1]),
        beta=beta,
        lam=np.zeros(beta.size),
        network=network,
        cdf="logistic",
        shapes=(shape, steepness.shape, None),
        dtype=dtype,
    )
