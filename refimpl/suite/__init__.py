"""The property suite: one list of checks, made from the catalog, run on anybody's implementation.

``conformance``  the checks as one parametrised pytest test, for a test file of your own
``Suite``        the checks as objects, run one at a time
``replay``       one check at one input, as a failing check prints it

Also ``python -m refimpl.suite`` (the same as ``refimpl conform``) and ``pytest --refimpl-impl MODULE:OBJECT``. The suite
needs hypothesis, and the pytest entrances need pytest; both are imported only then.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refimpl.suite.parametrised import conformance as conformance
    from refimpl.suite.suite import Suite as Suite
    from refimpl.suite.suite import replay as replay

_HOMES = {
    "conformance": "refimpl.suite.parametrised",
    "Suite": "refimpl.suite.suite",
    "replay": "refimpl.suite.suite",
}

__all__ = ["Suite", "conformance", "replay"]


def __getattr__(name: str) -> Any:
    """Imported when first asked for: pytest loads this package in every run, and must not pay for it."""
    if name in _HOMES:
        found = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'refimpl.suite' has no attribute {name!r}; it has {', '.join(__all__)}")
