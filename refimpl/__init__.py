"""refimpl: the reference implementation of differentiable algorithms.

Forward and hand-written backward passes in plain arrays, with their derivations, proved right by independent means.

>>> import numpy as np
>>> from refimpl import sorting
>>> y, pullback = sorting.network_sort.vjp(np.array([3.0, 1.0, 2.0]), beta=8.0)
>>> pullback(np.array([1.0, 0.0, 0.0])).x.shape
(3,)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refimpl import catalog as catalog
    from refimpl import distributions as distributions
    from refimpl import sorting as sorting
    from refimpl import topk as topk
    from refimpl.boundary import get_threads as get_threads
    from refimpl.boundary import set_threads as set_threads
    from refimpl.catalog import OPERATORS as OPERATORS
    from refimpl.checking import Impl as Impl
    from refimpl.checking import NotOffered as NotOffered
    from refimpl.checking import check as check

__version__ = "0.1.0"

_MODULES = ("catalog", "distributions", "sorting", "topk", "checking", "bridges")
_NAMES = {
    "OPERATORS": "refimpl.catalog",
    "Impl": "refimpl.checking",
    "NotOffered": "refimpl.checking",
    "check": "refimpl.checking",
    "get_threads": "refimpl.boundary",
    "set_threads": "refimpl.boundary",
}

__all__ = [*_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    """Rooms and names are imported when first asked for."""
    if name in _MODULES:
        return importlib.import_module(f"refimpl.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'refimpl' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
