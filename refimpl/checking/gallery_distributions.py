"""Pictures of the distributions: all of them with their slopes, and both tails."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.catalog import find
from refimpl.checking.palette import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY
from refimpl.scalars.distributions import FAMILIES

FLOOR = 1e-16  # of the tails drawn
ONE_SIDED = ("gumbel_max", "gumbel_min", "exponential", "levy", "gamma")
TAIL_COLOURS = {
    "uniform": BLACK, "cubic_hermite": BLUE, "wigner": SKY, "gaussian": GREEN, "laplace": ORANGE, "logistic": RED,
    "hyperbolic_secant": PINK, "cauchy": GREEN, "reciprocal": BLUE, "gumbel_max": SKY, "gumbel_min": BLUE,
    "exponential": BLACK, "levy": RED, "gamma": PINK,
}  # fmt: skip


def distributions(plt: Any) -> Any:
    """The fifteen families: distribution function and density, one panel each."""
    cdf, pdf = find("distributions.cdf")[0], find("distributions.pdf")[0]
    x = np.linspace(-4.0, 4.0, 1601)
    figure, axes = plt.subplots(3, 5, figsize=(11.0, 6.0), sharex=True, sharey=True, layout="constrained")
    for axis, family in zip(axes.flat, FAMILIES, strict=True):
        shape = {"shape": 2.0} if family == "gamma" else {}
        below, density = cdf(x, family=family, **shape), pdf(x, family=family, **shape)
        if family == "heaviside":
            below = np.where(x == 0.0, np.nan, below)  # a jump is not a steep line
            axis.plot([0.0], [1.0], "o", color=BLUE, markersize=3.5)
            axis.annotate("", (0.0, 1.0), (0.0, 0.0), arrowprops={"arrowstyle": "->", "color": ORANGE, "lw": 1.4})
        axis.axhline(0.0, color=GREY, linewidth=0.5)
        axis.axvline(0.0, color=GREY, linewidth=0.5)
        axis.fill_between(x, density, color=ORANGE, alpha=0.18, linewidth=0.0)
        axis.plot(x, density, color=ORANGE, linewidth=1.2)
        axis.plot(x, below, color=BLUE)
        axis.set_title(family.replace("_", " ") + (", p = 2" if shape else ""))
    axes[0, 1].text(1.3, 0.88, "$F$", color=BLUE, fontsize=12, va="top")
    axes[0, 1].text(1.15, 0.38, "$F'$", color=ORANGE, fontsize=12)
    axes[0, 0].text(0.25, 0.4, "all mass\nat 0", color=ORANGE)
    axes[0, 0].set(xlim=(-4.0, 4.0), ylim=(-0.04, 1.06), xticks=[-3, 0, 3], yticks=[0.0, 0.5, 1.0])
    figure.suptitle("Distribution function and slope of the fifteen families, at scale 1")
    return figure


def tails(plt: Any) -> Any:
    """Both tails of every family on logarithmic axes, down to where float64 ends."""
    cdf = find("distributions.cdf")[0]
    symmetric = FAMILIES[1:10]
    x = np.unique(np.concatenate([np.geomspace(0.1, 1e4, 4001), 1.0 - np.geomspace(1e-15, 0.1, 400)]))
    sides = (
        (r"left tail: $F(-x)$", (*symmetric, "gumbel_max", "gumbel_min"), False),
        (r"right tail: $1-F(x)$", FAMILIES[1:], True),
    )
    figure, axes = plt.subplots(1, 2, figsize=(11.0, 5.4), sharey=True, layout="constrained")
    for axis, (title, families, reverse) in zip(axes, sides, strict=True):
        ends: list[tuple[float, float, str]] = []
        for family in families:
            y = cdf(-x, family=family, reversed=reverse, **({"shape": 2.0} if family == "gamma" else {}))
            dashes = (0, (3, 2)) if family in ONE_SIDED else "-"
            axis.plot(x, np.where(y > 0.0, y, np.nan), color=TAIL_COLOURS[family], linestyle=dashes)
            last = int(np.flatnonzero(y >= FLOOR)[-1])
            ends.append((float(x[last]), float(y[last]), family))
        axis.set(xscale="log", yscale="log", xlim=(0.1, 1e4), ylim=(FLOOR, 2.0), xlabel="$x$", title=title)
        _name_tails(axis, ends)
    figure.suptitle("Tails at scale 1: power laws are straight lines; no digit is lost to a subtraction from 1")
    return figure


def _name_tails(axis: Any, ends: list[tuple[float, float, str]]) -> None:
    """Names along the curves where there is room to their left, in a stack to the right of those that coincide."""

    def name(x: float, y: float, family: str, **options: Any) -> None:
        label = {"gamma": "gamma, p = 2", "hyperbolic_secant": "sech"}.get(family, family.replace("_", " "))
        axis.text(x, y, label, color=TAIL_COLOURS[family], **options)

    for x, y, family in ends:
        if x > 1e3:  # a power law
            shift = {"reciprocal": 2.2, "cauchy": 0.45}.get(family, 1.0)
            name(x * 1.15, y * shift, family, va="center")
    bounded = [family for x, _, family in ends if x <= 1.0]
    for column, family in enumerate(bounded):
        name(0.86 * 0.66**column, FLOOR * 3.0, family, rotation=90, ha="right", va="bottom")
    for x, _, family in ends:
        if 1.0 < x < 30.0:
            name(x * 0.84, FLOOR * 3.0, family, rotation=90, ha="right", va="bottom")
    together = sorted(((x, family) for x, _, family in ends if 30.0 <= x < 1e3), reverse=True)
    for row, (_, family) in enumerate(together):
        name(55.0, FLOOR * 4.0 * 12.0**row, family, va="bottom")
