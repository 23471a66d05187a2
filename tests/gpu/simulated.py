"""A GPU twin in the simulator beside its CPU operator. Helpers of the test_simulator files, not tests."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from refimpl.catalog import OPERATORS
from refimpl.checking.compare import compare
from refimpl.op import AnyOp

ONE_TEXT = 64.0  # gauged ulps: the same scalars in the same order, but sums of some 100 terms that cancel, in another


def find(name: str) -> AnyOp:
    return next(op for op in OPERATORS if op.id == name)


def twin(op: AnyOp) -> Any:
    assert op.gpu
    return importlib.import_module(op.gpu)


def blocks(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def agree(got: Any, want: Any) -> None:
    """Same fields, shapes and dtypes, and numbers within ONE_TEXT ulps of the largest in their array."""
    assert len(blocks(got)) == len(blocks(want))
    for ours, theirs in zip(blocks(got), blocks(want), strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is None:
            continue
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        finite = np.abs(theirs[np.isfinite(theirs)])
        gauge = float(finite.max(initial=0.0))
        found = compare(ours, theirs, dtype=theirs.dtype.name, gauge=gauge, ulps=ONE_TEXT)
        assert found.ok, found


def same(name: str, *args: Any, seed: int = 7, **keywords: Any) -> None:
    """Value, forward, and the pullback of a random cotangent are those of the CPU operator."""
    op = find(name)
    rng = np.random.default_rng(seed)
    want, saved = op.forward(*args, **keywords)
    got, residuals = twin(op).forward(*args, **keywords)
    agree(got, want)
    agree(twin(op).value(*args, **keywords), want)
    assert type(residuals) is type(saved)
    cotangents = tuple(rng.standard_normal(y.shape) for y in blocks(want))
    cotangent = cotangents if isinstance(want, tuple) else cotangents[0]
    agree(twin(op).backward(residuals, cotangent), op.backward(saved, cotangent))
