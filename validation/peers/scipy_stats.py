"""SciPy's distributions as an implementation of ``distributions.cdf`` and ``distributions.pdf``.

The shortest kind of adapter: our arguments in, ``(y, pullback)`` out. A pullback may know some gradients and leave out
others (the report then says "not offered"), and ``NotOffered`` is raised for arguments that the package has nothing for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from refimpl import NotOffered
from validation.peers import Check, Witness

FAMILIES: dict[str, Any] = {
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
    "gamma": stats.gamma,  # needs its shape
}


def law(family: str, shape: Any) -> Any:
    """SciPy's object for one of our families."""
    if family not in FAMILIES:
        raise NotOffered(family)
    return FAMILIES[family] if shape is None else FAMILIES[family](shape)


def cdf(
    x: Any, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> tuple[Any, Callable[..., Any]]:  # fmt: skip
    """F(u + shift), or the survival function at shift - u; its slope is SciPy's own density."""
    if squared:
        raise NotOffered("a squared argument")
    frozen, sign = law(family, shape), -1.0 if reversed else 1.0
    v = shift + sign * x / scale
    y = frozen.sf(v) if reversed else frozen.cdf(v)
    return y, lambda g: {"x": g * frozen.pdf(v) / scale}


def pdf(
    x: Any, *, family: str, scale: Any = 1.0, shape: Any = None, shift: Any = 0.0, reversed: bool = False,
    squared: bool = False,
) -> tuple[Any, Callable[..., Any]]:  # fmt: skip
    """f(v) / scale. SciPy has no derivative of a density."""
    if squared:
        raise NotOffered("a squared argument")
    v = shift + (-x if reversed else x) / scale
    return law(family, shape).pdf(v) / scale, lambda g: {}


# What is expected of the checks

ABSENT = ("not offered", "SciPy has no such derivative")
DOUBLE = ("not offered", "SciPy answers in float64")
PLAIN = {"squared": False, "family": tuple(name for name in FAMILIES if name != "gamma")}
GAMMA = {"squared": False, "family": "gamma"}
CDF = {"scale": ABSENT, "shift": ABSENT, "float32": DOUBLE}
PDF = {"x": ABSENT, **CDF}
SHAPE = {"shape": ABSENT}

CHECKS = (
    Check("distributions.cdf", cdf, "scipy.stats, 11 families", only=PLAIN, known=CDF),
    Check("distributions.cdf", cdf, "scipy.stats.gamma", only=GAMMA, known=CDF | SHAPE, samples=5),
    Check("distributions.pdf", pdf, "scipy.stats, 11 families", only=PLAIN, known=PDF),
    Check("distributions.pdf", pdf, "scipy.stats.gamma", only=GAMMA, known=PDF | SHAPE, samples=5),
)

# Outside of what a check samples: the tails, against 60-digit values of mpmath (recorded in BUGS.md).

WITNESSES = (
    Witness(
        "S-1",
        "semicircular.cdf(-1 + 1.2e-14) is negative (exact: 8.3e-22)",
        lambda: f"{stats.semicircular.cdf(-0.9999999999999876):.1e}",
        "-1.1e-16",
    ),
    Witness(
        "S-1",
        "semicircular.sf(1 - 1e-14) is 0 (exact: 6.0e-22)",
        lambda: f"{stats.semicircular.sf(0.99999999999999):.1e}",
        "0.0e+00",
    ),
    Witness(
        "S-2",
        "relative error of semicircular.pdf(1 - 2^-30) (exact: 2.7475473509139552e-05)",
        lambda: f"{abs(stats.semicircular.pdf(1.0 - 2.0**-30) / 2.7475473509139552e-05 - 1.0):.0e}",
        "2e-10",
    ),
    Witness(
        "S-3",
        "hypsecant.pdf(1000) warns of overflow (and is right, 0)",
        lambda: overflow(lambda: stats.hypsecant.pdf(1000.0)),
        "RuntimeWarning",
    ),
)


def overflow(call: Callable[[], Any]) -> str:
    with np.errstate(over="raise"):
        try:
            call()
        except FloatingPointError:
            return "RuntimeWarning"
    return "quiet"
