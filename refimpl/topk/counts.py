"""How many of the largest are wanted: k of n, checked once.

A k is a whole number, and not a number that happens to be whole: a k that went through floating point is a mistake in
most programs, and True is no 1.
"""

from __future__ import annotations

import operator
from typing import Any

from refimpl.boundary import Gate


def wanted(gate: Gate, k: Any, n: int, name: str = "k") -> int:
    """``k`` as a whole number from 1 to ``n``: a Python or NumPy integer, or an array of one with no axes.

    With n = 0 any whole number passes: that there is nothing to choose from is said of the scores.
    """
    expected = f"a whole number from 1 to n = {n}"
    if isinstance(k, bool) or getattr(k, "ndim", 0) != 0:
        gate.refuse(name, f"is {k!r}", expected, TypeError)
    try:
        whole = operator.index(k)
    except TypeError:  # floats, texts, None, truth values of NumPy, lists
        gate.refuse(name, f"is {k!r}", expected, TypeError)
    if n and not 1 <= whole <= n:
        gate.refuse(name, f"is {whole}", expected)
    return whole
