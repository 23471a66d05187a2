"""Pictures of sorting: the soft minimum of every sigmoid, matrices against temperature, a loss over permutations."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from refimpl.catalog import find
from refimpl.checking.palette import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY
from refimpl.op import Array

NAMED_AT = 1.0 / 40.0
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
