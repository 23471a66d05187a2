"""The normal tail without its exponential: for the Gaussian and Levy laws and for the incomplete gamma at large p."""

from __future__ import annotations

from refimpl.jit import scalar


@scalar
def scaled_tail(a: float) -> float:
    """exp(a^2/2) erfc(a/sqrt 2)/2 for 0 <= a < 39, to 2 ulp; libm's erfc is up to 6 ulp off and underflows.

    Times a + 5/4, which is nearly constant, it is a polynomial in t = (a-4)/(a+4): Chebyshev interpolant of degree 24
    over 0 <= a < inf, error below 1e-16.
    """
    t = (a - 4.0) / (a + 4.0)
    y = 1.9035382083477424e-10
    y = (y * t + -6.27309925291951e-10) * t + -2.699436973745408e-09
    y = (y * t + 4.954250859352813e-09) * t + 2.0324798756302064e-08
    y = (y * t + -1.4912426609080933e-08) * t + -1.1212144680176336e-07
    y = (y * t + -1.4503192007398367e-08) * t + 5.312571044341239e-07
    y = (y * t + 4.582719338967889e-07) * t + -2.44899914933162e-06
    y = (y * t + -3.6407540882122214e-06) * t + 1.2551487578645765e-05
    y = (y * t + 2.2408346585754612e-05) * t + -8.069121208450835e-05
    y = (y * t + -0.00010581906530395624) * t + 0.0006481010535180423
    y = (y * t + -0.0001259196235511721) * t + -0.004875488073649123
    y = (y * t + 0.01581307360831334) * t + -0.024481636401447845
    y = (y * t + 0.010673512219144294) * t + 0.04509444855924031
    y = (y * t + -0.13930290771363993) * t + 0.4956558668353369
    return y / (a + 1.25)
