"""The sigmoids of table 3.1, and how the swap operator of this library is probed with them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import mpmath
import numpy as np
from numpy.typing import NDArray

from refimpl import sorting

Array = NDArray[np.float64]
SMALLEST_NEGATIVE = -1e-15  # a Jacobian entry above this is not negative: it is a sum of terms of size 1, in float64


class Sigmoid(NamedTuple):
    """A sigmoid, with the beta at which table 3.1 states its bound: slope 1 at 0, or 4 for ART, which has no slope."""

    symbol: str
    cdf: str
    beta: float
    lam: float | None
    monotone: bool

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments that select it at ``beta``."""
        return {"cdf": self.cdf, "beta": self.beta, **({} if self.lam is None else {"lam": self.lam})}

    def bound(self, beta: float) -> float:
        """The supremum of x f(-x) in closed form, at any beta."""
        if self.lam is not None:
            return art_bound(self.lam, beta)
        return {
            "logistic": float(mpmath.lambertw(mpmath.exp(-1))),
            "reciprocal": 1.0 / 4.0,
            "cauchy": 1.0 / math.pi,
            "optimal": 1.0 / 16.0,
        }[self.cdf] / beta


SIGMOIDS = (
    Sigmoid("sigma", "logistic", 4.0, None, False),
    Sigmoid("sigma o phi", "art", 4.0, 0.5, False),
    Sigmoid("f_R", "reciprocal", 1.0, None, True),
    Sigmoid("f_C", "cauchy", math.pi, None, True),
    Sigmoid("f_O", "optimal", 1.0, None, True),
)


def art_bound(lam: float, beta: float) -> float:
    """The supremum over x of x s(-beta x^(1-lam)): beta^-k max_y y^k / (1 + e^y), k = 1 / (1 - lam)."""
    k = mpmath.mpf(1) / (1 - mpmath.mpf(lam))
    y = mpmath.findroot(lambda y: k * (1 + mpmath.exp(y)) - y * mpmath.exp(y), k + 1)  # the derivative's zero
    return float(mpmath.mpf(beta) ** -k * y**k / (1 + mpmath.exp(y)))


def largest_error(**sigmoid: Any) -> tuple[float, float]:
    """The supremum of min_f(x, 0) over x > 0 as the swap operator gives it, and where it is (inf: in the limit)."""
    x = np.logspace(-6.0, 15.0, 42001) / sigmoid["beta"]
    for _ in range(5):
        low = sorting.swap(x, np.zeros_like(x), **sigmoid).min
        best = int(low.argmax())
        if best == x.size - 1:
            return float(low[best]), math.inf
        x = np.linspace(x[max(best - 1, 0)], x[best + 1], 4001)
    return float(low[best]), float(x[best])


def slope_of_minimum(x: Array, **sigmoid: Any) -> Array:
    """D min_f(x, 0) / dx by the operator's VJP."""
    low_high, pullback = sorting.swap.vjp(x, np.zeros_like(x), **sigmoid)
    slope: Array = pullback((np.ones_like(x), np.zeros_like(x))).a
    assert low_high.min.shape == slope.shape
    return slope


def both_sides() -> Array:
    """A dense grid over the real line: 0, and both signs of 1e-6 to 1e6."""
    right = np.concatenate([np.logspace(-6.0, 6.0, 20001), np.linspace(0.0, 20.0, 20001)[1:]])
    return np.concatenate([-right[::-1], [0.0], right])


def jacobians(x: Array, **options: Any) -> Array:
    """The full Jacobians of network_sort at the rows of x: [row, output, input]."""
    rows, n = x.shape
    repeated = np.repeat(x[:, None, :], n, axis=1)
    _, pullback = sorting.network_sort.vjp(repeated, **options)
    jacobian: Array = pullback(np.broadcast_to(np.eye(n), (rows, n, n)).copy()).x
    return jacobian


def spread_inputs(rng: np.random.Generator, rows: int, n: int, decades: tuple[float, float] = (-2.0, 2.0)) -> Array:
    """Rows of normal values, each with its own scale, drawn log-uniformly."""
    drawn: Array = rng.standard_normal((rows, n)) * 10.0 ** rng.uniform(*decades, (rows, 1))
    return drawn


def layers(network: str, n: int) -> int:
    """How many layers a named network has."""
    return len({"odd_even": sorting.odd_even, "bitonic": sorting.bitonic}[network](n))
