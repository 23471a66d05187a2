"""Make a mutant live: rewrite the operator's file, run its backward pass uncompiled behind our own forward pass."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from refimpl.catalog import find
from refimpl.jit import Compiled, Specialised
from refimpl.op import AnyOp
from validation.mutants.mutant import Mutant


def build(mutant: Mutant) -> tuple[AnyOp, Callable[..., Any]]:
    """The operator, and a callable ``(args) -> (y, pullback)`` with the mutated backward pass."""
    (op,) = find(mutant.operator)
    rewritten = _load(mutant, inspect.getsource(_module(op)))

    def vjp(*args: Any, **keywords: Any) -> tuple[Any, Callable[[Any], Any]]:
        y, residuals = op.forward(*args, **keywords)
        return y, lambda cotangent: rewritten.backward(residuals, cotangent)

    vjp.__name__ = mutant.name
    return op, vjp


def _module(op: AnyOp) -> ModuleType:
    return importlib.import_module(op.backward.__module__)


def _load(mutant: Mutant, source: str) -> ModuleType:
    """The rewritten file as a module whose kernels are plain Python (nothing to compile, nothing cached)."""
    assert source.count(mutant.old) == 1, f"{mutant.operator}, {mutant.name}: found {source.count(mutant.old)} times"
    module = ModuleType("mutant")
    module.__dict__["np"] = np  # a rewrite may name NumPy where the file itself does not
    sys.modules["mutant"] = module  # named tuples look their module up
    exec(compile(source.replace(mutant.old, mutant.new), f"<{mutant.name}>", "exec"), module.__dict__)
    for name, value in list(vars(module).items()):
        if isinstance(value, Compiled) and value.__module__ == "mutant":
            setattr(module, name, value.python)
        elif isinstance(value, Specialised) and value.__module__ == "mutant":
            setattr(module, name, value.factory)
    return module
