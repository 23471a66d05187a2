"""The fifteen laws of the family, at unit scale (Petersen 2022, appendix A; A.12 to A.15 as corrected).

With F the distribution function, S = 1 - F and f = F':

* a symmetric law is ``name(a) -> (F(-a), f(a))`` for a = |x| >= 0: both tails are F(-a), never a difference 1 - F;
* any other law is ``name(x) -> (F, S, f)``, with F and S each computed from its own formula;
* ``name_dpdf(x) -> f'(x)``.

NaN gives NaN. At a kink f and f' are the mean of their one-sided values where that is finite.
Tables at the end, in one order: ``tail(code, a)``, ``law(code, x, p)``, ``density_slope(code, x, p)``; p is the shape
of gamma, which alone has one.
"""

from __future__ import annotations

import math

from refimpl.jit import Switch, scalar
from refimpl.scalars.one_sided import (
    exponential,
    exponential_dpdf,
    gamma,
    gamma_dpdf,
    gumbel_max,
    gumbel_max_dpdf,
    gumbel_min,
    gumbel_min_dpdf,
    levy,
    levy_dpdf,
)
from refimpl.scalars.symmetric import (
    cauchy,
    cauchy_dpdf,
    cubic_hermite,
    cubic_hermite_dpdf,
    gaussian,
    gaussian_dpdf,
    heaviside,
    heaviside_dpdf,
    hyperbolic_secant,
    hyperbolic_secant_dpdf,
    laplace,
    laplace_dpdf,
    logistic,
    logistic_dpdf,
    reciprocal,
    reciprocal_dpdf,
    uniform,
    uniform_dpdf,
    wigner,
    wigner_dpdf,
)


@scalar
def two_sided(x: float, t: float, f: float) -> tuple[float, float, float]:
    """(F, S, f) at x from the tail t = F(-|x|)."""
    return (t, 1.0 - t, f) if x < 0.0 else (1.0 - t, t, f)


@scalar
def heaviside_law(x: float) -> tuple[float, float, float]:
    """F = 1 from x = 0 on, the convention of rendering."""
    if math.isnan(x):
        return x, x, x
    return (0.0, 1.0, 0.0) if x < 0.0 else (1.0, 0.0, 0.0)


@scalar
def uniform_law(x: float) -> tuple[float, float, float]:
    t, f = uniform(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def cubic_hermite_law(x: float) -> tuple[float, float, float]:
    t, f = cubic_hermite(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def wigner_law(x: float) -> tuple[float, float, float]:
    t, f = wigner(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def gaussian_law(x: float) -> tuple[float, float, float]:
    t, f = gaussian(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def laplace_law(x: float) -> tuple[float, float, float]:
    t, f = laplace(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def logistic_law(x: float) -> tuple[float, float, float]:
    t, f = logistic(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def hyperbolic_secant_law(x: float) -> tuple[float, float, float]:
    t, f = hyperbolic_secant(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def cauchy_law(x: float) -> tuple[float, float, float]:
    t, f = cauchy(math.fabs(x))
    return two_sided(x, t, f)


@scalar
def reciprocal_law(x: float) -> tuple[float, float, float]:
    t, f = reciprocal(math.fabs(x))
    return two_sided(x, t, f)


# the tables ----------------------------------------------------------------------------------------------------------

FAMILIES: tuple[str, ...] = (
    "heaviside",
    "uniform",
    "cubic_hermite",
    "wigner",
    "gaussian",
    "laplace",
    "logistic",
    "hyperbolic_secant",
    "cauchy",
    "reciprocal",
    "gumbel_max",
    "gumbel_min",
    "exponential",
    "levy",
    "gamma",
)
SYMMETRIC: tuple[str, ...] = FAMILIES[:10]

tail = Switch(
    "tail",
    (
        heaviside,
        uniform,
        cubic_hermite,
        wigner,
        gaussian,
        laplace,
        logistic,
        hyperbolic_secant,
        cauchy,
        reciprocal,
    ),
)
law = Switch(
    "law",
    (
        heaviside_law,
        uniform_law,
        cubic_hermite_law,
        wigner_law,
        gaussian_law,
        laplace_law,
        logistic_law,
        hyperbolic_secant_law,
        cauchy_law,
        reciprocal_law,
        gumbel_max,
        gumbel_min,
        exponential,
        levy,
        gamma,
    ),
)
density_slope = Switch(
    "density_slope",
    (
        heaviside_dpdf,
        uniform_dpdf,
        cubic_hermite_dpdf,
        wigner_dpdf,
        gaussian_dpdf,
        laplace_dpdf,
        logistic_dpdf,
        hyperbolic_secant_dpdf,
        cauchy_dpdf,
        reciprocal_dpdf,
        gumbel_max_dpdf,
        gumbel_min_dpdf,
        exponential_dpdf,
        levy_dpdf,
        gamma_dpdf,
    ),
)
