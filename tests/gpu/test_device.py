"""Every GPU operator on a real device, against the CPU operator, on what its declaration samples."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import pytest
from ours import call

from refimpl.catalog import OPERATORS
from refimpl.checking.compare import compare
from refimpl.gpu.device import why_no_gpu, xp
from refimpl.op import AnyOp

if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
    pytest.skip("the simulator is tested in test_simulator.py", allow_module_level=True)
missing = why_no_gpu()
if missing:
    pytest.skip(f"no GPU: {missing}", allow_module_level=True)

TWINS = [op for op in OPERATORS if op.gpu]
SAMPLES = 25
OTHER_LIBM = 4.0  # times the declared tolerance: CUDA contracts a b + c, its erfc may be off by 5 ulp, its tgamma by 10


def lent(value: Any) -> Any:
    """Arrays go to the device, everything else stays."""
    if isinstance(value, tuple):
        return tuple(lent(part) for part in value)
    return xp().asarray(value) if isinstance(value, np.ndarray) and value.ndim else value


def blocks(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def agree(got: Any, want: Any, ulps: float, by_entry: bool) -> None:
    for ours, theirs in zip(blocks(got), blocks(want), strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is None:
            continue
        assert isinstance(ours, xp().ndarray)
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        gauge = None if by_entry else float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0))
        found = compare(ours.get(), theirs, dtype=theirs.dtype.name, gauge=gauge, ulps=ulps * OTHER_LIBM)
        assert found.ok, found


@pytest.mark.parametrize("seed", range(SAMPLES))
@pytest.mark.parametrize("op", TWINS, ids=lambda op: op.id)
def test_the_device_agrees_with_the_cpu(op: AnyOp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    positional, keywords = call(op, op.sample(rng))
    y, residuals = op.forward(*positional, **keywords)
    there = importlib.import_module(str(op.gpu))
    on_device = {name: lent(value) for name, value in keywords.items()}
    y_there, residuals_there = there.forward(*lent(tuple(positional)), **on_device)
    agree(y_there, y, op.tol.value, by_entry=False)
    parts = tuple(rng.standard_normal(part.shape) for part in blocks(y))
    gy = parts if isinstance(y, tuple) else parts[0]
    # a parameter's gradient is a sum that may cancel: it is judged by the largest entry of its array
    agree(there.backward(residuals_there, lent(gy)), op.backward(residuals, gy), op.tol.gradient, by_entry=False)


@pytest.mark.parametrize("op", TWINS, ids=lambda op: op.id)
def test_a_stream_of_its_own_gives_the_same_bits(op: AnyOp) -> None:
    positional, keywords = call(op, op.sample(np.random.default_rng(0)))
    arrays, on_device = lent(tuple(positional)), {name: lent(value) for name, value in keywords.items()}
    y = blocks(op(*arrays, **on_device))
    xp().cuda.get_current_stream().synchronize()
    with xp().cuda.Stream(non_blocking=True) as stream:
        again = blocks(op(*arrays, **on_device))
        stream.synchronize()
    for one, two in zip(y, again, strict=True):
        assert xp().array_equal(one, two, equal_nan=True)
