"""What cdf and pdf compute, and on what: domain, kinks, and the definition from SciPy or the book."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.op import Arg, Array
from refimpl.scalars.distributions import FAMILIES

SMOOTH_ENOUGH = tuple(name for name in FAMILIES if name != "heaviside")


# The domain


def sizes(rng: np.random.Generator) -> dict[str, int]:
    """Up to nine elements; the choices that other arguments depend on are drawn here, as indices."""
    return {
        "n": int(rng.integers(1, 10)),
        "family": int(rng.integers(len(SMOOTH_ENOUGH))),
        "vector": int(rng.integers(2)),
    }


def _family(size: Any) -> str:
    return SMOOTH_ENOUGH[int(size["family"])]


def _log_uniform(rng: np.random.Generator, size: Any, low: float, high: float) -> Any:
    drawn = np.exp(rng.uniform(math.log(low), math.log(high), size["n"]))
    return drawn if size["vector"] else float(drawn[0])


ARGS = (
    Arg(
        name="x",
        shape="...",
        domain="any, infinities included",
        sample=lambda rng, size: rng.normal(0.0, 2.0, size["n"]),
    ),
    Arg(
        name="family",
        shape="",
        domain=", ".join(FAMILIES),
        differentiable=False,
        sample=lambda rng, size: _family(size),
    ),
    Arg(name="scale", shape="...", domain="> 0", sample=lambda rng, size: _log_uniform(rng, size, 0.2, 5.0)),
    Arg(
        name="shape",
        shape="...",
        domain="> 0, family='gamma' only",
        optional=True,
        sample=lambda rng, size: _log_uniform(rng, size, 0.6, 20.0) if _family(size) == "gamma" else None,
    ),
    Arg(name="shift", shape="...", domain="any", sample=lambda rng, size: float(rng.normal(0.0, 0.5))),
    Arg(
        name="reversed",
        shape="",
        domain="True or False",
        differentiable=False,
        sample=lambda rng, size: bool(rng.random() < 0.3),
    ),
    Arg(
        name="squared",
        shape="",
        domain="True or False",
        differentiable=False,
        sample=lambda rng, size: bool(rng.random() < 0.3),
    ),
)

KINKS = {
    "heaviside": (0.0,), "uniform": (-1.0, 1.0), "cubic_hermite": (-1.0, 1.0), "wigner": (-1.0, 1.0), "laplace": (0.0,),
    "reciprocal": (0.0,), "exponential": (0.0,), "levy": (0.0,), "gamma": (0.0,),
}  # fmt: skip


def _arguments(x: Any, scale: Any, shift: Any, reversed: bool, squared: bool) -> tuple[Array, Array]:
    """(v, du/dx) as the equation has them."""
    x, scale = np.asarray(x, np.float64), np.asarray(scale, np.float64)
    u = np.abs(x) * x / scale if squared else x / scale
    per_x = 2.0 * np.abs(x) / scale if squared else np.broadcast_to(1.0 / scale, x.shape)
    return (np.asarray(shift) - u if reversed else np.asarray(shift) + u), per_x


def margin(
    x: Any, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> float:  # fmt: skip
    """Distance of the nearest element from a kink, in the units of x."""
    x = np.asarray(x, np.float64)
    v, per_x = _arguments(x, scale, shift, reversed, squared)
    nearest = float(np.abs(x).min(initial=math.inf)) if squared else math.inf
    for kink in KINKS.get(family, ()):
        steep = np.maximum(per_x, 1e-3)
        nearest = min(nearest, float((np.abs(v - kink) / steep).min(initial=math.inf)))
    return nearest


# The definition: SciPy where it has the distribution, appendix A otherwise


def _by_definition(v: Array, family: str, shape: Any) -> tuple[Array, Array, Array]:
    """(F, 1 - F, f), by formulas that share nothing with the kernels."""
    from scipy import stats

    if family == "heaviside":
        return np.where(v >= 0.0, 1.0, 0.0), np.where(v >= 0.0, 0.0, 1.0), np.zeros_like(v)
    if family == "cubic_hermite":
        t, s = np.clip((v + 1.0) / 2.0, 0.0, 1.0), np.clip((1.0 - v) / 2.0, 0.0, 1.0)
        return t * t * (3.0 - 2.0 * t), s * s * (3.0 - 2.0 * s), np.clip(0.75 * (1.0 - v) * (1.0 + v), 0.0, None)
    if family == "reciprocal":
        f = 0.5 + v / (2.0 + 2.0 * np.abs(v))
        return f, 1.0 - f, 0.5 / (1.0 + np.abs(v)) ** 2
    frozen = {
        "uniform": stats.uniform(-1.0, 2.0),
        "wigner": stats.semicircular(),
        "gaussian": stats.norm(),
        "laplace": stats.laplace(),
        "logistic": stats.logistic(),
        "hyperbolic_secant": stats.hypsecant(scale=2.0 / math.pi),
        "cauchy": stats.cauchy(),
        "gumbel_max": stats.gumbel_r(),
        "gumbel_min": stats.gumbel_l(),
        "exponential": stats.expon(),
        "levy": stats.levy(),
        "gamma": stats.gamma(1.0 if shape is None else shape),
    }[family]
    return frozen.cdf(v), frozen.sf(v), frozen.pdf(v)


def cdf_by_definition(
    x: Any, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> Array:  # fmt: skip
    """F or 1 - F, from SciPy or from appendix A."""
    v, _ = _arguments(x, scale, shift, reversed, squared)
    below, above, _ = _by_definition(v, family, shape)
    return above if reversed else below


def pdf_by_definition(
    x: Any, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> Array:  # fmt: skip
    """F du/dx, from SciPy or from appendix A."""
    v, per_x = _arguments(x, scale, shift, reversed, squared)
    return _by_definition(v, family, shape)[2] * per_x
