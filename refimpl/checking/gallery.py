"""Pictures of the operators: what a family looks like says more than a table of its values.

``draw`` is behind ``python -m refimpl gallery``. Each picture is drawn from the public operators alone, so that a wrong
kernel shows. Matplotlib is imported when a picture is asked for (``pip install refimpl[plots]``).

Source: Petersen, thesis; ``soft_minimum`` follows figure 3.5, ``permutahedron_loss`` figure 3.6, ``sorters`` figure 3.7.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from refimpl.checking.gallery_distributions import distributions, tails
from refimpl.checking.gallery_sorters import sorters
from refimpl.checking.gallery_sorting import (
    permutahedron_loss,
    permutation_temperature,
    soft_minimum,
    soft_minimum_slope,
)

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
PICTURES: dict[str, Callable[[Any], Any]] = {
    "distributions": distributions,
    "tails": tails,
    "soft_minimum": soft_minimum,
    "soft_minimum_slope": soft_minimum_slope,
    "permutation_temperature": permutation_temperature,
    "permutahedron_loss": permutahedron_loss,
    "sorters": sorters,
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
