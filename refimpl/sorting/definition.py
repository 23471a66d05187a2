"""What the network operators compute, and on what: domain, kinks, and the definition as the book has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.boundary import Gate
from refimpl.op import Arg, Array, log_uniform
from refimpl.scalars.swaps import ART_GUARD, CDFS, DEFAULT_LAM
from refimpl.sorting.networks import NAMES, comparators

DIFFERENTIABLE_CDFS = tuple(name for name in CDFS if name != "heaviside")
BETA = (0.3, 30.0)  # sampled log-uniformly: from nearly averaging to nearly hard, for values of unit size


# The domain


def sizes(rng: np.random.Generator) -> dict[str, int]:
    """N up to 9, sometimes a batch; the choices that other arguments depend on are drawn here, as indices."""
    return {
        "n": int(rng.integers(1, 10)),
        "batch": int(rng.integers(0, 4)),
        "network": int(rng.integers(len(NAMES))),
        "cdf": int(rng.integers(len(DIFFERENTIABLE_CDFS))),
    }


def _sample_x(rng: np.random.Generator, size: Any) -> Array:
    shape = (size["batch"], size["n"]) if size["batch"] else (size["n"],)
    return rng.normal(0.0, 2.0, shape)


def _sample_beta(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] > 1 and rng.random() < 0.5:
        return np.array([log_uniform(rng, *BETA) for _ in range(size["batch"])])
    return log_uniform(rng, *BETA)


def _sample_lam(rng: np.random.Generator, size: Any) -> float | None:
    return float(rng.uniform(0.0, 0.6)) if DIFFERENTIABLE_CDFS[size["cdf"]] == "art" else None


NETWORK_ARGS = (
    Arg(name="x", shape="... n", domain="finite, n >= 1", sample=_sample_x),
    Arg(
        name="network",
        shape="",
        domain=f"{', '.join(NAMES)}, or layers of pairs",
        differentiable=False,
        sample=lambda rng, size: NAMES[size["network"]],
    ),
    Arg(
        name="cdf",
        shape="",
        domain=", ".join(CDFS),
        differentiable=False,
        sample=lambda rng, size: DIFFERENTIABLE_CDFS[size["cdf"]],
    ),
    Arg(name="beta", shape="...", domain="> 0", sample=_sample_beta),
    Arg(name="lam", shape="...", domain="[0, 1), cdf='art' only", sample=_sample_lam, optional=True),
)


# The definition


def _art(y: float, d: float, beta: float, lam: float) -> float:
    return _logistic(beta * d / (abs(d) ** lam + ART_GUARD))


def _logistic(y: float) -> float:
    return 1.0 / (1.0 + math.exp(-y)) if y > -700.0 else 0.0


def _wigner(y: float) -> float:
    y = max(-1.0, min(1.0, y))
    return 0.5 + y * math.sqrt(1.0 - y * y) / math.pi + math.asin(y) / math.pi


def _cubic(y: float) -> float:
    t = max(0.0, min(1.0, (y + 1.0) / 2.0))
    return t * t * (3.0 - 2.0 * t)


DEFINITIONS: dict[str, Callable[[float], float]] = {
    "logistic": _logistic,
    "reciprocal": lambda y: 0.5 + y / (1.0 + 2.0 * abs(y)),
    "cauchy": lambda y: 0.5 + math.atan(y) / math.pi,
    "optimal": lambda y: 0.5 + y if abs(y) <= 0.25 else (1.0 - 0.0625 / y if y > 0.0 else -0.0625 / y),
    "heaviside": lambda y: 0.5 * (1.0 + (y > 0.0) - (y < 0.0)),
    "uniform": lambda y: max(0.0, min(1.0, (1.0 + y) / 2.0)),
    "cubic_hermite": _cubic,
    "wigner": _wigner,
    "gaussian": lambda y: 0.5 * math.erfc(-y / math.sqrt(2.0)),
    "laplace": lambda y: math.exp(y) / 2.0 if y <= 0.0 else 1.0 - math.exp(-y) / 2.0,
    "hyperbolic_secant": lambda y: 2.0 / math.pi * math.atan(math.exp(math.pi * max(-400.0, min(400.0, y)) / 2.0)),
}


def weight_by_definition(cdf: str, d: float, beta: float, lam: float) -> float:
    """Alpha = f(d), as the book has it."""
    if cdf == "art":
        return _art(beta * d, d, beta, lam)
    return DEFINITIONS[cdf](beta * d)


def sorted_by_definition(x: Any, network: Any, cdf: str, beta: Any, lam: Any) -> tuple[Array, Array]:
    """Sorted values and matrix, one comparator at a time, by (3.5) to (3.11) as they stand: slow and obvious."""
    x = np.asarray(x, np.float64)
    n, batch = x.shape[-1], x.shape[:-1]
    betas = np.broadcast_to(np.asarray(beta, np.float64), batch)
    lams = np.broadcast_to(np.asarray(DEFAULT_LAM if lam is None else lam, np.float64), batch)
    wires = comparators(Gate("oracle"), network, n)
    y, p = x.copy(), np.zeros((*batch, n, n))
    for row in np.ndindex(batch):
        matrix = np.eye(n)
        for i, j in zip(wires.first.tolist(), wires.second.tolist(), strict=True):
            d = float(y[row][j] - y[row][i])
            alpha = weight_by_definition(cdf, d, float(betas[row]), float(lams[row]))
            mix = np.array([[alpha, 1.0 - alpha], [1.0 - alpha, alpha]])
            y[row][[i, j]] = mix @ y[row][[i, j]]
            matrix[[i, j]] = mix @ matrix[[i, j]]
        p[row] = matrix
    return y, p


def values_by_definition(x: Any, *, network: Any = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Array:
    """The sorted values."""
    return sorted_by_definition(x, network, cdf, beta, lam)[0]


def matrix_by_definition(x: Any, *, network: Any = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Array:
    """The matrix."""
    return sorted_by_definition(x, network, cdf, beta, lam)[1]


def terms(backward: Callable[[Any, Any], Any]) -> Callable[[Any, Any], dict[str, Any]]:
    """The pullback of a network as a sum: through the weights as they are, and through the slope of the sigmoid."""

    def split(residuals: Any, cotangent: Any) -> dict[str, Any]:
        whole = backward(residuals, cotangent)
        direct = backward(residuals._replace(slope=np.zeros_like(residuals.slope)), cotangent)
        slope = type(whole)(*(None if a is None else a - b for a, b in zip(whole, direct, strict=True)))
        return {"the direct weights": direct, "the slope of the sigmoid": slope}

    return split


KINKS = {
    "reciprocal": 0.0,
    "laplace": 0.0,
    "art": 0.0,
    "optimal": 0.25,
    "uniform": 1.0,
    "cubic_hermite": 1.0,
    "wigner": 1.0,
}


def margin(x: Any, *, network: Any = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> float:
    """How far the nearest comparator is from a kink of its sigmoid, in the units of x; infinite for analytic ones."""
    if cdf not in KINKS:
        return math.inf
    x = np.asarray(x, np.float64)
    batch, nearest = x.shape[:-1], math.inf
    betas = np.broadcast_to(np.asarray(beta, np.float64), batch)
    lams = np.broadcast_to(np.asarray(DEFAULT_LAM if lam is None else lam, np.float64), batch)
    wires = comparators(Gate("margin"), network, x.shape[-1])
    for row in np.ndindex(batch):
        y, b = x[row].copy(), float(betas[row])
        for i, j in zip(wires.first.tolist(), wires.second.tolist(), strict=True):
            d = float(y[j] - y[i])
            nearest = min(nearest, abs(abs(b * d) - KINKS[cdf]) / b)
            alpha = weight_by_definition(cdf, d, b, float(lams[row]))
            y[i], y[j] = alpha * y[i] + (1.0 - alpha) * y[j], (1.0 - alpha) * y[i] + alpha * y[j]
    return nearest
