"""The derivative of a function by finite differences, with an error bound, and the verdict it allows.

Central differences ``D(h) = (f(x + h d) - f(x - h d)) / 2h`` at ``h = h0 2^-k`` fill a Neville table. Every entry
carries its own error: truncation, read off its neighbours, plus the rounding of f, amplified as the entry amplifies it.
The entry with the least error wins. One sweep serves all outputs of a vector-valued f: a column of the Jacobian.

A fixed step answers "close" or "not close". A bound allows three answers: right, wrong, cannot tell.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refimpl.checking.extrapolation import EPS, SHARP, Array, Mask, Sweep, Words, read

Values = float | Array
Function = Callable[[Any], Any]

LEVELS = 14  # halvings of the first sweep: h0 ... h0 / 8192
MORE = 12  # halvings added when a sweep leaves a doubt
RETRIES = 2
FACTORS = (1.0, 0.61, 0.37)  # unrelated first steps; "wrong" needs all three


@dataclass(frozen=True)
class Derivative:
    """``value +- bound``; at a kink the mean of the one-sided slopes ``left`` and ``right``, and bound spans both."""

    value: Values
    bound: Values
    left: Values
    right: Values
    status: str | Words  # "smooth" | "kink" | "noise" | "non-finite", one per output of f
    evaluations: int


@dataclass(frozen=True)
class Judgement:
    """Verdict on a claimed derivative, one per output of f; ``digits`` counts those that claim and probe share."""

    verdict: str | Words  # "right" | "wrong" | "cannot tell"
    digits: Values
    derivative: Derivative
    reason: str | Words  # "" if right, "differs" if wrong, else why the probe cannot tell

    @property
    def overall(self) -> str:
        """Wrong if any output is wrong, right if all are right, else cannot tell."""
        verdicts = np.atleast_1d(self.verdict)
        if (verdicts == "wrong").any():
            return "wrong"
        return "right" if (verdicts == "right").all() else "cannot tell"


def derivative(
    f: Function,
    x: ArrayLike,
    direction: ArrayLike | None = None,
    *,
    scale: float | None = None,
    noise: ArrayLike | None = None,
    margin: float | None = None,
) -> Derivative:
    """The derivative of ``t -> f(x + t direction)`` at 0, with a bound on its error.

    Parameters
    ----------
    f : callable
        Takes what ``x`` is (an array, or a float), returns a float or an array. 29 calls, 53 in doubt, 77 at a kink.
    x, direction : array_like
        Point and direction, of one shape. The direction may be left out if x is a single number.
    scale : float, optional
        Length in t over which f varies; the first step is a quarter of it. Default ``min_i max(|x_i|, 1) / |d_i|``.
    noise : array_like, optional
        Absolute error of one value of f, where it is known to exceed a few ulps (iterative solvers).
    margin : float, optional
        Distance in t to the nearest kink; no step reaches over it. 0 says that x is at a kink: nothing to bound.

    Examples
    --------
    >>> found = derivative(np.sin, 1.0)
    >>> bool(abs(found.value - np.cos(1.0)) <= found.bound < 1e-12), found.status
    (True, 'smooth')
    >>> derivative(abs, 0.0).status
    'kink'
    """
    line = _Line.through(f, x, direction)
    return line.probe(_first_step(line, scale, margin), noise)


def judge(
    claimed: ArrayLike,
    f: Function,
    x: ArrayLike,
    direction: ArrayLike | None = None,
    *,
    scale: float | None = None,
    noise: ArrayLike | None = None,
    margin: float | None = None,
    gauge: ArrayLike | None = None,
    subgradient: bool = False,
) -> Judgement:
    """Is ``claimed`` the derivative of f at x along direction?

    Wrong: ``|claimed - value| > 3 bound + 4 eps gauge`` for three unrelated first steps. Right: it is not, and
    ``bound <= 1e-6 gauge``. The gauge defaults to ``|value|``; hand in ``|J|^T |g|`` to excuse cancellation, or where
    the derivative may be 0. At a kink, ``subgradient`` says that any value between the one-sided slopes is right.

    Examples
    --------
    >>> judge(np.cos(1.0), np.sin, 1.0).verdict, judge(np.cos(1.0) + 1e-9, np.sin, 1.0).verdict
    ('right', 'wrong')
    >>> at_a_kink = judge(0.5, abs, 0.0)
    >>> at_a_kink.verdict, at_a_kink.reason
    ('cannot tell', 'kink within h')
    """
    line = _Line.through(f, x, direction)
    step = _first_step(line, scale, margin)
    found = line.probe(step * FACTORS[0], noise)
    claim = np.broadcast_to(np.asarray(claimed, np.float64), np.shape(found.value))
    size = np.broadcast_to(np.abs(found.value) if gauge is None else np.asarray(gauge, np.float64), claim.shape)
    wrong, evaluations = _beyond(claim, found, size), found.evaluations
    for factor in FACTORS[1:]:
        if not wrong.any():
            break
        again = line.probe(step * factor, noise)
        wrong, evaluations = wrong & _beyond(claim, again, size), evaluations + again.evaluations
    found = dataclasses.replace(found, evaluations=evaluations)
    excused = _between(claim, found, size) if subgradient else np.zeros(claim.shape, bool)
    sharp = np.asarray(found.bound <= SHARP * size)
    right = excused | (sharp & ~_beyond(claim, found, size))
    verdict = np.where(right, "right", np.where(wrong, "wrong", "cannot tell"))
    reason = np.where(right, "", np.where(wrong, "differs", _doubt(found, size)))
    return Judgement(_plain(verdict), _digits(claim, found, size), found, _plain(reason))


def _beyond(claim: Array, found: Derivative, gauge: Array) -> Mask:
    """``|claim - value| > 3 bound + 4 eps gauge``; a claim that is no number is beyond any finite bound."""
    distance = np.where(np.isfinite(claim), np.abs(claim - found.value), np.inf)
    return np.asarray(distance > 3.0 * np.asarray(found.bound) + 4.0 * EPS * gauge)


def _between(claim: Array, found: Derivative, gauge: Array) -> Mask:
    """Claims inside the closed interval of the one-sided slopes at a kink, widened by the error of the slopes."""
    low, high = np.minimum(found.left, found.right), np.maximum(found.left, found.right)
    slack = np.maximum(found.bound - (high - low) / 2, 0.0) + 4.0 * EPS * gauge
    return np.asarray((np.asarray(found.status) == "kink") & (low - slack <= claim) & (claim <= high + slack))


def _doubt(found: Derivative, gauge: Array) -> Words:
    """Why the probe cannot tell; where f is smooth, rounding has eaten the digits."""
    words = {"smooth": "cancellation", "kink": "kink within h", "noise": "noise", "non-finite": "non-finite neighbour"}
    status = np.asarray(found.status)
    unsettled = (status == "smooth") & (np.asarray(found.bound) <= SHARP * gauge)  # the three steps did not agree
    causes = np.select([status == word for word in words], list(words.values()), "")
    return np.asarray(np.where(unsettled, "noise", causes))


def _digits(claim: Array, found: Derivative, gauge: Array) -> Values:
    """``-log10(max(|claim - value|, bound) / gauge)``, between 0 and 16."""
    error = np.maximum(np.abs(claim - found.value), found.bound)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = np.where(error == 0.0, 16.0, -np.log10(error / gauge))
    return cast(Values, _plain(np.clip(np.nan_to_num(digits, nan=0.0), 0.0, 16.0)))


def _plain(values: NDArray[Any]) -> Any:
    """An array stays an array, a single number or word becomes one."""
    return values if values.ndim else values.item()


def _first_step(line: _Line, scale: float | None, margin: float | None) -> float:
    """``h0 = scale / 4``, below the margin if there is one."""
    step = 0.25 * (line.scale() if scale is None else scale)
    return min(step, 0.9 * margin) if margin else step


@dataclass(frozen=True)
class _Line:
    """The line ``t -> x + t d`` and f on it."""

    f: Function
    x: Array
    d: Array

    @classmethod
    def through(cls, f: Function, x: ArrayLike, direction: ArrayLike | None) -> _Line:
        point = np.array(x, np.float64)
        if direction is None and point.size != 1:
            raise ValueError(f"derivative: x has shape {point.shape}, so a direction of that shape is needed")
        d = np.ones_like(point) if direction is None else np.array(direction, np.float64)
        if d.shape != point.shape:
            raise ValueError(f"derivative: direction has shape {d.shape}, x has shape {point.shape}; make them equal")
        if not (np.isfinite(d).all() and d.any()):
            raise ValueError("derivative: direction must be finite and not all zero")
        return cls(f, point, d)

    @functools.cached_property
    def length2(self) -> float:
        """``d . d``, summed without BLAS, whose threads wait for each other on a busy machine."""
        return float((self.d * self.d).sum())

    def scale(self) -> float:
        """``min_i max(|x_i|, 1) / |d_i|`` over the entries that move."""
        moved = self.d != 0.0
        return float(np.min(np.maximum(np.abs(self.x[moved]), 1.0) / np.abs(self.d[moved])))

    def reach(self) -> float:
        """``|x| / |d|`` over the entries that move: the t whose rounding is that of x."""
        x, d = self.x[self.d != 0.0], self.d
        units = float(np.abs(x).max(initial=0.0)) or 1.0, float(np.abs(d).max())  # squares of 1e200 are no floats
        lengths = (math.sqrt(float(((v / unit) ** 2).sum())) for v, unit in zip((x, d), units, strict=True))
        return next(lengths) / next(lengths) * (units[0] / units[1])

    def at(self, t: float) -> tuple[float, Array]:
        """The t that rounding made of t, and f there; a point that f refuses counts as not finite."""
        point = self.x + t * self.d
        actual = float(((point - self.x) * self.d).sum() / self.length2)
        with np.errstate(all="ignore"):
            try:
                return actual, np.array(self.f(point[()]), np.float64)
            except (ArithmeticError, ValueError):
                if t == 0.0:
                    raise
                return actual, np.array(np.nan)

    def sweep(self, centre: Array, step: float, levels: int) -> Sweep:
        """F at ``-+ step 2^-k``, as long as x tells the steps apart."""
        smallest = 64.0 * EPS * self.reach()
        steps = [h for h in step * 0.5 ** np.arange(levels) if h > smallest]
        points = [(self.at(-h), self.at(h)) for h in steps]

        def rows(side: int) -> Array:
            values = [np.broadcast_to(point[side][1], centre.shape).ravel() for point in points]
            return np.array(values).reshape(-1, centre.size)

        back, ahead = (np.abs([point[side][0] for point in points]).reshape(-1, 1) for side in (0, 1))
        return Sweep(centre.ravel(), back, ahead, rows(0), rows(1))

    def probe(self, step: float, noise: ArrayLike | None) -> Derivative:
        """A sweep; a finer one if the first leaves a doubt; a yet finer one if the second still sees a kink."""
        centre = self.at(0.0)[1]
        known = 0.0 if noise is None else np.broadcast_to(np.asarray(noise, np.float64), centre.shape).ravel()
        sweep = self.sweep(centre, step, LEVELS)
        reading = read(sweep, self.reach(), known)
        for k in range(RETRIES):
            if (reading.status != "kink").all() if k else reading.settled.all():
                break
            sweep = sweep.joined(self.sweep(centre, step * 0.5 ** (LEVELS + k * MORE), MORE))
            reading = read(sweep, self.reach(), known)
        columns = (reading.value, reading.bound, reading.left, reading.right, reading.status)
        value, bound, left, right, status = (_plain(column.reshape(centre.shape)) for column in columns)
        return Derivative(value, bound, left, right, status, evaluations=1 + 2 * len(sweep.steps))
