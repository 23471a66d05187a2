"""Log-mean-exps of evenly spaced numbers, in closed form.

m numbers spaced by u have the mean c and the log-mean-exp

    c + width(m u / 2) - width(u / 2),    width(x) = log(sinh(x) / x),

because their exponentials are a geometric series. Where m u is small both are nearly c, and no digit is lost.
"""

from __future__ import annotations

import math

from refimpl.jit import scalar

SERIES = 0.5  # below, width and its slope are ten terms of their series: 3e-16 of the first
# (-1)^(k+1) zeta(2k) / (k pi^(2k)), k = 1, ..., 10
C1, C2, C3, C4, C5 = 1.0 / 6.0, -1.0 / 180.0, 1.0 / 2835.0, -1.0 / 37800.0, 1.0 / 467775.0
C6, C7, C8 = -691.0 / 3831077250.0, 2.0 / 127702575.0, -3617.0 / 2605132530000.0
C9, C10 = 43867.0 / 350813659321125.0, -174611.0 / 15313294652906250.0


@scalar
def width(x: float) -> float:
    """log(sinh(x) / x) for x >= 0."""
    if x >= SERIES:
        return x + (math.log1p(-math.exp(-2.0 * x)) - math.log(2.0 * x))
    z = x * x
    low = C6 + z * (C7 + z * (C8 + z * (C9 + z * C10)))
    return z * (C1 + z * (C2 + z * (C3 + z * (C4 + z * (C5 + z * low)))))


@scalar
def width_slope(x: float) -> float:
    """Its derivative, coth(x) - 1 / x: Langevin's function."""
    if x >= SERIES:
        return 1.0 / math.tanh(x) - 1.0 / x
    z = x * x
    low = 12.0 * C6 + z * (14.0 * C7 + z * (16.0 * C8 + z * (18.0 * C9 + z * 20.0 * C10)))
    return x * (2.0 * C1 + z * (4.0 * C2 + z * (6.0 * C3 + z * (8.0 * C4 + z * (10.0 * C5 + z * low)))))
