"""Scalars of the classification losses: -log of a probability that may be 0 or pass 1, and the softmax cross entropy.

A probability arrives as p / scale, with ``scale`` a power of two, so that the sum it came from cannot overflow.

Sigmoids of bounded support, and rounding, make probabilities of 0. Hence a least probability stands under the logarithm:
1e-7 for float32, about its spacing at 1, and 1e-12 for float64. No slope is beyond 1e7, or 1e12. All losses share them.
"""

from __future__ import annotations

import math

from refimpl.jit import scalar
from refimpl.scalars.swaps import LARGEST

PMIN = {4: 1e-7, 8: 1e-12}  # the least probability under a logarithm, by bytes of the dtype


@scalar
def surprise(p: float, scale: float, floor: float) -> float:
    """-log(max(p scale, floor)); NaN for NaN."""
    whole = p * scale
    if whole < floor:
        whole = floor
    if whole > LARGEST:
        return -(math.log(p) + math.log(scale))
    return 0.0 - math.log(whole)  # at 1 this is 0, where -log gives -0


@scalar
def surprise_slope(p: float, scale: float, floor: float) -> float:
    """Its derivative in p: 0 below the floor, the mean of both sides at the floor."""
    whole = p * scale
    if whole < floor:
        return 0.0
    return -0.5 / p if whole == floor else -1.0 / p


@scalar
def cross_entropy(share: float, peak: float, score: float, tail: float) -> float:
    """Share (log sum_j exp x_j - score), where the sum is exp(peak) (1 + tail); at most the largest number."""
    gap = peak - score
    if gap > LARGEST:
        return min(2.0 * share * (0.5 * peak - 0.5 * score), LARGEST)
    return share * (gap + math.log1p(tail))
