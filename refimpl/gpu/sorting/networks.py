"""Networks on the device, uploaded once."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from refimpl.gpu.device import current_device, settle, xp
from refimpl.sorting.networks import KEPT_BYTES, Comparators, Kept

_kept = Kept(KEPT_BYTES)


def on_device(network: Comparators, *key: Hashable) -> Comparators:
    """The network where kernels can read it; one with a key is not uploaded again while it is kept."""
    if not key:
        return _uploaded(network)
    return _kept.get((*key, current_device()), lambda: _uploaded(network))


def _uploaded(network: Comparators) -> Comparators:
    """Finished before another stream may meet it."""
    first, second = (xp().array(array) for array in network[:2])  # kernels there read neither low nor high
    starts = xp().array(network.starts.astype(np.int64))  # added to thread numbers, which are signed
    settle()
    return network._replace(first=first, second=second, starts=starts)
