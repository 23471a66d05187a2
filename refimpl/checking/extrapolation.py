"""Reading a derivative, and the error of it, off values of a function at halved steps.

Slopes at steps ``h 2^-k`` fill a Neville table, whose entries carry their own errors. Rows are steps, columns are the
outputs of f: all outputs are read at once. What cannot be used is nan, and so is whatever is computed from it.

Where f is smooth, ``J(h) = |right slope - left slope|`` is O(h); over a kink it is O(1). Steps at which J stays above
its noise and does not shrink reach over a kink and are dropped. If finer steps show J gone, the kink lies at a distance
and the derivative comes from the finer steps; if none does, the two one-sided slopes are the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Words = NDArray[np.str_]

EPS = float(np.finfo(np.float64).eps)
COLUMNS = 8  # of a table: order 16 for central differences
NOISE = 4.0  # ulps by which one value of f may be off
SHARP = 1e-6  # relative bounds below this are sharp


@dataclass(frozen=True)
class Sweep:
    """f at x and at x -+ h d: steps as they came out after rounding; rows are halvings, columns outputs."""

    centre: Array
    back: Array
    ahead: Array
    below: Array
    above: Array

    def joined(self, finer: Sweep) -> Sweep:
        """These halvings, then the finer ones."""
        pairs = ((getattr(self, name), getattr(finer, name)) for name in ("back", "ahead", "below", "above"))
        return Sweep(self.centre, *(np.concatenate(pair) for pair in pairs))

    @property
    def steps(self) -> Array:
        """The mean of the steps either way."""
        return np.asarray((self.back + self.ahead) / 2)

    @property
    def left(self) -> Array:
        """``(f(x) - f(x - h d)) / h``."""
        return np.asarray((self.centre - self.below) / self.back)

    @property
    def right(self) -> Array:
        """``(f(x + h d) - f(x)) / h``."""
        return np.asarray((self.above - self.centre) / self.ahead)

    @property
    def central(self) -> Array:
        """``(f(x + h d) - f(x - h d)) / 2h``."""
        return np.asarray((self.above - self.below) / (self.back + self.ahead))

    def rounding(self, reach: float) -> Array:
        """By how much a value of f may be off: its own rounding, and that of x carried through the slope."""
        largest = np.maximum(np.maximum(np.abs(self.below), np.abs(self.above)), np.abs(self.centre))
        steepest = np.maximum(np.abs(self.left), np.abs(self.right))
        return np.asarray(NOISE * EPS * (largest + (reach + self.steps) * steepest))


@dataclass(frozen=True)
class Reading:
    """What a sweep says of each output; ``settled`` where finer steps could not say more."""

    value: Array
    bound: Array
    left: Array
    right: Array
    status: Words
    settled: Mask


def read(sweep: Sweep, reach: float, known: Array | float) -> Reading:
    """The derivative of every output; ``reach`` is the t whose rounding is that of x, ``known`` a noise that f has."""
    if len(sweep.steps) < 2:
        return _nothing(sweep)
    with np.errstate(all="ignore"):
        central, left, right, steps = sweep.central, sweep.left, sweep.right, sweep.steps
        rounding = np.maximum(sweep.rounding(reach), known)
        noise = np.maximum(rounding, _measured_noise(central, steps))
        usable, kinked = _clear_of_kinks(np.abs(right - left), 4 * noise / steps)
        usable &= _below_last(~np.isfinite(central))
        value, bound, row = _best(np.where(usable, central, np.nan), noise / steps, 2)
        left, left_bound, _ = _best(np.where(usable, left, np.nan), 2 * noise / steps, 1)
        right, right_bound, _ = _best(np.where(usable, right, np.nan), 2 * noise / steps, 1)
        bound = _agreeing(_agreeing(bound, value - left, left_bound), value - right, right_bound)
        gap, doubt = np.abs(right - left), np.maximum(left_bound, right_bound)
        kinked |= gap > np.maximum(4 * doubt, SHARP * np.maximum(np.abs(left), np.abs(right)))
        value = np.where(kinked, (left + right) / 2, value)
        bound = np.where(kinked, gap / 2 + doubt, bound)
        explained = np.take_along_axis(rounding / steps, row[None], 0)[0]
        noisy = ~(bound <= np.maximum(SHARP * np.abs(value), 64 * explained))
        finite = np.isfinite(sweep.centre) & usable.any(axis=0)
        status = np.select([~finite, kinked, noisy], ["non-finite", "kink", "noise"], "smooth")
        done = (bound <= 1e-10 * np.abs(value)) | (8 * bound <= (noise / steps)[-1])
    return Reading(value, np.where(np.isnan(bound), np.inf, bound), left, right, status, (status == "smooth") & done)


def _nothing(sweep: Sweep) -> Reading:
    """What a sweep says in which x cannot tell the steps apart."""
    unknown = np.full(sweep.centre.shape, np.nan)
    status = np.where(np.isfinite(sweep.centre), "noise", "non-finite")
    return Reading(unknown, np.full_like(unknown, np.inf), unknown, unknown, status, np.ones(status.shape, bool))


def _neville(slopes: Array, noise: Array, power: int) -> tuple[Array, Array]:
    """``T[k, j] = T[k, j-1] + (T[k, j-1] - T[k-1, j-1]) / (2^(power j) - 1)``, and the error of each entry.

    Error: the largest change against the two entries it came from and the one above, plus the noise carried through.
    """
    shape = (len(slopes), COLUMNS, slopes.shape[1])
    table, errors = np.full(shape, np.nan), np.full(shape, np.inf)
    table[:, 0], carried = slopes, noise
    errors[1:, 0] = np.abs(slopes[1:] - slopes[:-1]) + noise[1:]
    for j in range(1, min(COLUMNS, len(slopes))):
        fine, coarse, gain = table[j:, j - 1], table[j - 1 : -1, j - 1], 2.0 ** (power * j) - 1.0
        table[j:, j] = fine + (fine - coarse) / gain
        carried = carried[1:] + (carried[1:] + carried[:-1]) / gain
        changes = [np.abs(table[j:, j] - neighbour) for neighbour in (fine, coarse, table[j - 1 : -1, j])]
        errors[j:, j] = np.fmax.reduce(changes) + carried
    return table, np.where(np.isnan(errors), np.inf, errors)


def _best(slopes: Array, noise: Array, power: int) -> tuple[Array, Array, NDArray[np.intp]]:
    """Value, error and row of the entry with the least error, after finer slopes had their say against coarser ones."""
    table, errors = _neville(slopes, noise, power)
    change = np.abs(np.diff(slopes, axis=0, prepend=np.nan)) * (1.0 if power == 2 else 2.0) + noise
    low = np.fmax.accumulate((slopes - change)[::-1], axis=0)[::-1]  # what all finer slopes allow
    high = np.fmin.accumulate((slopes + change)[::-1], axis=0)[::-1]
    excess = np.fmax(np.fmax(low[:, None] - table, table - high[:, None]), 0.0)
    errors = np.maximum(errors, excess).reshape(-1, slopes.shape[1])
    best = np.argmin(errors, axis=0)[None]
    value = np.take_along_axis(table.reshape(errors.shape), best, 0)[0]
    return value, np.take_along_axis(errors, best, 0)[0], best[0] // COLUMNS


def _agreeing(bound: Array, apart: Array, other_bound: Array) -> Array:
    """The bound, or the distance to another estimate of the same slope if the two bounds do not bridge it."""
    distance = np.abs(apart)
    return np.asarray(np.where(distance > bound + other_bound, distance + other_bound, bound))


def _measured_noise(central: Array, steps: Array) -> Array:
    """The noise of f as the last four changes of the third column show it: truncation there is O(h^6)."""
    third = _neville(central, central, 2)[0][:, 2]
    changes = np.abs(np.diff(third, axis=0)) * steps[1:]
    return np.asarray(np.fmax.reduce(changes[-4:], axis=0, initial=0.0))


def _clear_of_kinks(jump: Array, floor: Array) -> tuple[Mask, Mask]:
    """Rows whose steps do not reach over a kink, and outputs for which there are none (all rows count then).

    Four rows of J above its noise floor without shrinking, ``J_k > 0.7 J_{k-1}``, reach over a kink. Finer rows with J
    well below that level are clear of it.
    """
    flat = np.zeros(jump.shape, bool)
    flat[1:] = (jump[1:] > floor[1:]) & (jump[1:] > 0.7 * jump[:-1])
    crossing = np.zeros(jump.shape, bool)
    crossing[3:] = flat[3:] & flat[2:-1] & flat[1:-2]
    rows = np.arange(len(jump))[:, None]
    last = np.max(np.where(crossing, rows, -1), axis=0)
    level = np.fmax.accumulate(np.where(rows >= last, jump, 0.0), axis=0)
    calm = (rows > last) & (np.maximum(jump, floor) < 0.4 * level)
    kinked = (last >= 0) & ~calm.any(0)
    return (last < 0) | kinked | (np.cumsum(calm, axis=0) > 0), kinked


def _below_last(bad: Mask) -> Mask:
    """The rows after the last bad one."""
    return np.asarray(np.cumsum(bad[::-1], axis=0)[::-1] == 0)
