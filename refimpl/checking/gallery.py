"""Pictures of the operators: what a family looks like says more than a table of its values.

``draw`` is behind ``python -m refimpl gallery``. Each picture is drawn from the public operators alone, so that a wrong
kernel shows. Matplotlib is imported when a picture is asked for (``pip install refimpl[plots]``).

Source: Petersen, thesis; ``soft_minimum`` follows figure 3.5, ``permutahedron_loss`` figure 3.6.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.catalog import find
from refimpl.op import Array
from refimpl.scalars.distributions import FAMILIES

# Okabe and Ito's palette: told apart by every kind of colour vision.
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#777777"
STYLE = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.6,
    "mathtext.fontset": "cm",
    "figure.facecolor": "white",
}
DOTS_PER_INCH = 150
NAMED_AT = 1.0 / 40.0
FLOOR = 1e-16  # of the tails drawn
ONE_SIDED = ("gumbel_max", "gumbel_min", "exponential", "levy", "gamma")
TAIL_COLOURS = {
    "uniform": BLACK, "cubic_hermite": BLUE, "wigner": SKY, "gaussian": GREEN, "laplace": ORANGE, "logistic": RED,
    "hyperbolic_secant": PINK, "cauchy": GREEN, "reciprocal": BLUE, "gumbel_max": SKY, "gumbel_min": BLUE,
    "exponential": BLACK, "levy": RED, "gamma": PINK,
}  # fmt: skip
STEEP = 4.0  # slope of the sigmoids over the permutahedron
# sigmoid -> (label, options at slope 1 in the middle, colour); ART has no slope: beta = 4, as in table 3.1
THESIS: dict[str, tuple[str, dict[str, Any], str]] = {
    "logistic": (r"logistic $\sigma$", {"beta": 4.0}, RED),
    "art": (r"$\sigma\circ\varphi$, $\lambda=\frac{1}{2}$", {"beta": 4.0, "lam": 0.5}, PINK),
    "reciprocal": (r"reciprocal $f_R$", {"beta": 1.0}, BLUE),
    "cauchy": (r"Cauchy $f_C$", {"beta": math.pi}, GREEN),
    "optimal": (r"optimal $f_O$", {"beta": 1.0}, ORANGE),
}
OTHERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "uniform": ("uniform", {"beta": 2.0}, BLACK),
    "wigner": ("Wigner", {"beta": math.pi / 2.0}, SKY),
    "cubic_hermite": ("cubic Hermite", {"beta": 4.0 / 3.0}, BLUE),
    "gaussian": ("Gaussian", {"beta": math.sqrt(2.0 * math.pi)}, GREEN),
    "hyperbolic_secant": ("sech", {"beta": 2.0}, PINK),
    "laplace": ("Laplace", {"beta": 2.0}, ORANGE),
}


def draw(folder: Path, progress: Callable[[str], None] = lambda name: None) -> list[Path]:
    """Draw every picture into ``folder`` as PNG.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    progress : callable
        Called with the name of each picture once it is written.

    Returns
    -------
    list of Path
        The files written, in the order of the gallery.

    Raises
    ------
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    plt = _pyplot()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in PICTURES.items():
        with plt.rc_context(STYLE):
            figure = picture(plt)
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=DOTS_PER_INCH, bbox_inches="tight", metadata={"Software": None})
            plt.close(figure)
        written.append(path)
        progress(path.name)
    return written


def _pyplot() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "the gallery draws with Matplotlib, which is not installed: pip install refimpl[plots]", name="matplotlib"
        ) from missing
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt


# Distributions


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


# Swaps


def soft_minimum(plt: Any) -> Any:
    """The relaxed minimum of x and 0 for every sigmoid, at slope 1 in the middle, with the hard one."""
    swap = find("sorting.swap")[0]
    x = np.linspace(-0.6, 2.0, 2601)
    figure, axes = plt.subplots(1, 2, figsize=(11.0, 4.6), sharex=True, sharey=True, layout="constrained")
    places: tuple[dict[str, tuple[float, float]], ...] = (
        {"logistic": (1.02, 0.038), "reciprocal": (1.55, 0.2), "cauchy": (1.55, 0.1035),
         "optimal": (1.55, 0.069)},
        {"laplace": (1.25, 0.053)},
    )  # fmt: skip
    titles = ("the sigmoids of the thesis (figure 3.5)", "other symmetric distributions: none is monotone")
    for axis, table, place, title in zip(axes, (THESIS, OTHERS), places, titles, strict=True):
        _hard_minimum(axis, x)
        for cdf, (label, options, colour) in table.items():
            axis.plot(x, swap(x, np.zeros_like(x), cdf=cdf, **options).min, color=colour)
            if cdf in place:
                axis.text(*place[cdf], label, color=colour, va="bottom")
        axis.set(title=title, xlabel="$x$", ylim=(-0.2, 0.26), xlim=(-0.6, 2.0))
    axes[0].annotate(
        THESIS["art"][0], (0.5, 0.0284), (0.2, -0.05), color=PINK, va="center",
        arrowprops={"arrowstyle": "-", "color": PINK, "lw": 0.6, "shrinkB": 0.0, "relpos": (0.7, 1.0)},
    )  # fmt: skip
    _name_at_height(axes[1], [name for name in OTHERS if name != "laplace"], x, swap)
    axes[0].set_ylabel(r"$\mathrm{min}_f(x,0)$")
    figure.suptitle(r"The relaxed minimum of $x$ and 0, every sigmoid at slope 1 ($\sigma\circ\varphi$ at $\beta=4$)")
    return figure


def _hard_minimum(axis: Any, x: Array) -> None:
    axis.plot(x, np.minimum(x, 0.0), color=GREY, linewidth=1.2, linestyle=(0, (4, 2)))
    axis.text(-0.1, -0.14, "hard", color=GREY)


def _name_at_height(axis: Any, names: list[str], x: Array, swap: Any) -> None:
    """Names in a column, each with a thin line to the place where its curve has fallen to 1/40."""
    crossings = []
    for cdf in names:
        label, options, colour = OTHERS[cdf]
        low = swap(x, np.zeros_like(x), cdf=cdf, **options).min
        after = np.flatnonzero((x > x[int(low.argmax())]) & (low < NAMED_AT))
        crossings.append((float(x[after[0]]), label, colour))
    crossings.sort()
    for row, (at, label, colour) in enumerate(reversed(crossings)):
        axis.annotate(
            label, (at, NAMED_AT), (1.3, 0.1 + 0.027 * row), color=colour, va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkB": 0.0, "relpos": (0.0, 0.5)},
        )  # fmt: skip


def soft_minimum_slope(plt: Any) -> Any:
    """The gradient of the relaxed minimum: where it is negative, lowering the input raises the minimum."""
    swap = find("sorting.swap")[0]
    x = np.linspace(-2.0, 3.0, 5001)
    figure, axis = plt.subplots(figsize=(8.0, 4.6), layout="constrained")
    axis.axhspan(-0.2, 0.0, color="#f3e6e0")
    axis.axhline(0.0, color=BLACK, linewidth=0.7)
    axis.plot([-2.0, 0.0, 0.0, 3.0], [1.0, 1.0, 0.0, 0.0], color=GREY, linewidth=1.2, linestyle=(0, (4, 2)))
    for cdf, (_, options, colour) in THESIS.items():
        low, pullback = swap.vjp(x, np.zeros_like(x), cdf=cdf, **options)
        slope = pullback((np.ones_like(low.min), np.zeros_like(low.max))).a
        axis.plot(x, slope, color=colour)
        if cdf == "logistic":
            turn = float(x[(x > 0.0) & (slope < 0.0)][0])
            axis.fill_between(x, slope, where=slope < 0.0, color=colour, alpha=0.35, linewidth=0.0)
    axis.annotate(
        rf"negative from $x={turn:.2f}$: raising the larger" + "\ninput lowers the minimum", (0.62, -0.085), (1.15, -0.145),
        color=RED, va="center", arrowprops={"arrowstyle": "-", "color": RED, "lw": 0.7},
    )  # fmt: skip
    axis.text(-0.6, 1.115, THESIS["logistic"][0], color=RED, ha="center", va="bottom")
    axis.text(-1.0, 0.91, THESIS["reciprocal"][0], color=BLUE, ha="center", va="top")
    for cdf, at, (px, py) in (
        ("cauchy", -0.3, (-0.85, 0.66)), ("art", 0.02, (-0.85, 0.33)), ("optimal", 0.18, (-0.85, 0.13)),
    ):  # fmt: skip
        label, options, colour = THESIS[cdf]
        _, pullback = swap.vjp(np.array([at]), np.zeros(1), cdf=cdf, **options)
        height = float(pullback((np.ones(1), np.zeros(1))).a[0])
        axis.annotate(
            label, (at, height), (px, py), color=colour, ha="right", va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.7, "shrinkB": 0.0},
        )  # fmt: skip
        axis.plot([at], [height], "o", color=colour, markersize=3.5)
    axis.text(2.95, 0.03, "hard", color=GREY, ha="right", va="bottom")
    axis.set(xlim=(-2.0, 3.0), ylim=(-0.2, 1.2), xlabel="$x$", ylabel=r"$\partial\,\mathrm{min}_f(x,0)/\partial x$")
    axis.set_title(r"Slope of the relaxed minimum, every sigmoid at slope 1 ($\sigma\circ\varphi$ at $\beta=4$)")
    return figure


# Networks


def permutation_temperature(plt: Any) -> Any:
    """Permutation matrices against inverse temperature: rows are sigmoids, columns are beta."""
    permutation = find("sorting.network_permutation")[0]
    x = np.random.default_rng(5).permutation(8) / 7.0
    factors = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    figure, axes = plt.subplots(
        len(THESIS), len(factors) + 1, figsize=(10.4, 7.6), layout="constrained", sharex=True, sharey=True
    )
    image = None
    for index, (cdf, (label, options, colour)) in enumerate(THESIS.items()):
        row = axes[index]
        columns = [(f"slope {factor:g}", cdf, {**options, "beta": options["beta"] * factor}) for factor in factors]
        for axis, (title, name, chosen) in zip(row, [*columns, ("hard", "heaviside", {"beta": 1.0})], strict=True):
            image = axis.imshow(permutation(x, cdf=name, **chosen), vmin=0.0, vmax=1.0, cmap="magma_r")
            axis.set(xticks=[], yticks=[])
            for side in ("top", "right"):
                axis.spines[side].set_visible(True)
            if index == 0:
                axis.set_title(title)
        row[0].set_ylabel(label, color=colour)
    axes[-1, 0].set_xlabel("input")
    figure.colorbar(image, ax=axes, shrink=0.5, label="weight of an input (column) at a rank (row, minimum on top)")
    figure.suptitle(
        "Permutation matrices of the bitonic network, n = 8, values 0 to 1 in steps of 1/7\n"
        r"every sigmoid at the same slope in the middle ($\sigma\circ\varphi$: at $\beta$ = 4 times the slope)"
    )
    return figure


def permutahedron_loss(plt: Any) -> Any:
    """The loss of a 3-wire odd-even network over the hexagon of permutations of (1, 2, 3), as in figure 3.6.

    The loss is the permutation cross-entropy against the identity, -mean_r log P[r, r] (3.12), at slope 4. What the
    figure's text says can be read off: the logistic loss is as high at 321, where one rank is right, as where none is.
    """
    sort = find("sorting.network_permutation")[0]

    def loss(points: Array, cdf: str) -> Array:
        beta = STEEP * THESIS[cdf][1]["beta"]
        p = sort(points, network="odd_even", cdf=cdf, beta=beta)
        value: Array = -np.log(np.diagonal(p, axis1=-2, axis2=-1)).mean(axis=-1)
        return value

    # The plane x1 + x2 + x3 = 6, turned so that (1, 2, 3) is rightmost, as the figure has it.
    right = np.array([-1.0, 0.0, 1.0]) / math.sqrt(2.0)
    up = np.array([-1.0, 2.0, -1.0]) / math.sqrt(6.0)
    u, v = np.meshgrid(np.linspace(-1.5, 1.5, 301), np.linspace(-1.5, 1.5, 301))
    points = 2.0 + u[..., None] * right + v[..., None] * up
    corners = np.array(list(itertools.permutations((1.0, 2.0, 3.0))))
    at = np.stack([(corners - 2.0) @ right, (corners - 2.0) @ up], axis=-1)
    around = np.argsort(np.arctan2(at[:, 1], at[:, 0]))
    inside = (points.min(-1) >= 1.0) & (points.max(-1) <= 3.0)

    figure = plt.figure(figsize=(11.0, 4.3), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 0.9))
    line = np.linspace(0.0, 1.0, 401)
    path = np.array([1.0, 2.0, 3.0]) * (1.0 - line[:, None]) + np.array([3.0, 2.0, 1.0]) * line[:, None]
    for axis, cdf in zip(axes[:2], ("logistic", "optimal"), strict=True):
        label, _, colour = THESIS[cdf]
        values = np.where(inside, loss(points, cdf), np.nan)
        top = float(np.nanmax(values))
        axis.contourf(u, v, values, levels=np.linspace(0.0, top, 41), cmap="cividis_r")
        lines = axis.contour(u, v, values, levels=6, colors="white", linewidths=0.6)
        nearest = []  # per level, its point nearest to where a label can be read
        for pieces in lines.allsegs:
            known = np.concatenate([np.empty((0, 2)), *pieces])
            away = np.abs(known - (-0.35, 0.6)).sum(axis=-1)
            if away.min(initial=np.inf) < 0.8:
                nearest.append(known[int(away.argmin())])
        axis.clabel(lines, fmt="%.3g", fontsize=6.5, manual=nearest)
        ring = at[[*around, around[0]]]
        axis.plot(ring[:, 0], ring[:, 1], color=BLACK, linewidth=1.0)
        axis.plot([-math.sqrt(2.0), math.sqrt(2.0)], [0.0, 0.0], color=RED, linewidth=1.2, linestyle="--")
        for corner, (a, b) in zip(corners, at, strict=True):
            value = float(loss(corner, cdf))
            name = "".join(f"{entry:.0f}" for entry in corner)
            axis.text(a * 1.24, b * 1.2, f"{name}\n{value:.3f}", ha="center", va="center", fontsize=8)
        axis.set(title=label, xlim=(-2.05, 2.05), ylim=(-1.85, 1.85), xticks=[], yticks=[], aspect="equal")
        for side in ("left", "bottom"):
            axis.spines[side].set_visible(False)
        along = loss(path, cdf)
        axes[2].plot(line, along / top, color=colour)
        place, side = {"logistic": ((0.79, 0.5), "left"), "optimal": ((0.63, 0.57), "right")}[cdf]
        axes[2].text(*place, label, color=colour, ha=side)
    axes[2].set(
        title="along the dashed line", xlim=(0.0, 1.0), ylim=(0.0, 1.02), xticks=[0.0, 0.5, 1.0],
        xticklabels=["123", "222", "321"], ylabel="share of the largest loss",
    )  # fmt: skip
    figure.suptitle(
        r"Loss over the permutahedron: $-\mathrm{mean}_r\,\log P_{rr}$ of a 3-wire odd-even network at slope 4"
    )
    return figure


PICTURES: dict[str, Callable[[Any], Any]] = {
    "distributions": distributions,
    "tails": tails,
    "soft_minimum": soft_minimum,
    "soft_minimum_slope": soft_minimum_slope,
    "permutation_temperature": permutation_temperature,
    "permutahedron_loss": permutahedron_loss,
}
