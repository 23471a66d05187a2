"""exp for loops: no branch and no call, so that the compiler makes vector instructions of it.

x = k log 2 + r with |r| <= log(2) / 2, exp x = 2^k exp r. The sum 1 + r + r^2/2 + ... + r^13/13! is off by 4e-18 there;
rounding makes it 1 ulp. 2^k is put together from two powers, whose bits are its exponent: a product of normal numbers
stays right down to the last subnormal. One entry costs about 1 ns where ``math.exp`` takes 10.
"""

from __future__ import annotations

import numpy as np

from refimpl.jit import inlined

LOG2_E = 1.4426950408889634
LOG_2_HIGH = 6.93147180369123816490e-01  # log 2 in two parts: k times the first is exact for |k| < 2^20
LOG_2_LOW = 1.90821492927058770002e-10
ROUND = 6755399441055744.0  # 1.5 2^52: adding and subtracting it rounds to a whole number
FLOOR, CEILING = -745.2, 709.79  # beyond, exp is 0 or infinite


@inlined
def exponential(x: float) -> float:
    """exp(x) to 1 ulp; 0 and infinity beyond the range, NaN for NaN."""
    k, r = reduced(min(max(x, FLOOR), CEILING))
    whole = np.int64(k)
    half = whole >> 1
    lower, upper = power_of_two(half), power_of_two(whole - half)
    found = ((1.0 + from_one(r)) * lower) * upper
    return x if x != x else found


@inlined
def below_one(x: float) -> float:
    """exp(x) - 1 for x <= 0, to 2 ulp: 2^k (1 + p) - 1 = 2^k p + (2^k - 1)."""
    k, r = reduced(max(x, FLOOR / 2.0))  # beyond, it is -1
    power = power_of_two(np.int64(k))
    return power * from_one(r) + (power - 1.0)


@inlined
def reduced(x: float) -> tuple[float, float]:
    """The whole number k and the rest r of x = k log 2 + r."""
    k = (x * LOG2_E + ROUND) - ROUND
    return k, (x - k * LOG_2_HIGH) - k * LOG_2_LOW


@inlined
def from_one(r: float) -> float:
    """exp(r) - 1 for |r| <= log(2) / 2, by its series."""
    p = 1.6059043836821613e-10
    p = p * r + 2.0876756987868100e-9
    p = p * r + 2.5052108385441720e-8
    p = p * r + 2.7557319223985890e-7
    p = p * r + 2.7557319223985893e-6
    p = p * r + 2.4801587301587302e-5
    p = p * r + 1.9841269841269841e-4
    p = p * r + 1.3888888888888889e-3
    p = p * r + 8.3333333333333333e-3
    p = p * r + 4.1666666666666667e-2
    p = p * r + 1.6666666666666667e-1
    p = p * r + 0.5
    return p * (r * r) + r


@inlined
def power_of_two(k: np.int64) -> float:
    """2^k for -1022 <= k <= 1023, by its bits."""
    return np.int64((k + 1023) << 52).view(np.float64)
