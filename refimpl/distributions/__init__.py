"""Distribution functions and densities, and their derivatives.

    x        where               F, f     distribution function, density
    scale    width tau           shape    p of the gamma distribution
    shift    added after scaling u, v     scaled, and shifted argument

Fifteen families: the noise behind a smooth step is a choice, and every relaxation of this library (swaps, renderers,
logic) is such a step. One scalar per family in ``refimpl/scalars/distributions.py``.
"""

from refimpl.distributions.cdf import cdf
from refimpl.distributions.pdf import pdf

OPERATORS = (cdf, pdf)

__all__ = ["OPERATORS", "cdf", "pdf"]
