"""The one place that names Numba's options.

Five kinds of function are compiled, each at its first call and not before, so that importing refimpl stays light:

``@scalar``       floats in, floats out. The mathematics. CPU loops and CUDA kernels compile this very text.
``@kernel``       loops over arrays that are handed in. Touches nothing else.
``@inlined``      a kernel that is one short loop, compiled into its caller.
``@reduction``    an inlined kernel that is one sum, in any order of addition, and writes nothing.
``@specialised``  a factory ``code -> kernel function``: one kernel per integer code, compiled when first asked for.

Which scalar a code stands for is settled at compile time by a :class:`Switch`, so the choice costs nothing per element
and the disk cache still hits (the integer is part of Numba's key; a function in a closure would not be).

Numba's cache notices edits only in the file that holds a kernel, never in the files it calls. The cache folder is
therefore named after a hash of all sources of the package: an edit anywhere starts a new folder.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

KEPT_SECONDS = 86_400.0  # folders of other versions of the sources stay a day: a running process may use them
_lock = threading.RLock()  # a first call may come from two threads at once


class Compiled(Generic[P, T]):
    """A function that Numba compiles when it is first called; ``.python`` is its text, uncompiled."""

    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}

    def __init__(self, python: Callable[P, T]) -> None:
        self.python = python
        self._dispatcher: Any = None
        functools.update_wrapper(self, python)

    @property
    def dispatcher(self) -> Any:
        if self._dispatcher is None:
            with _lock:
                if self._dispatcher is None:
                    self._dispatcher = _njit(resolve(self.python), self.options)
        return self._dispatcher

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = (self._dispatcher or self.dispatcher)(*args, **kwargs)
        return result

    def __repr__(self) -> str:
        return f"<compiled {self.python.__module__}.{self.python.__qualname__}>"


class Inlined(Compiled[P, T]):
    """A kernel that becomes part of its caller: a loop so short that the call would cost as much."""

    options = {**Compiled.options, "forceinline": True}


class Reduction(Inlined[P, T]):
    """An inlined kernel with one sum, whose order of addition the compiler may choose (a vector of partial sums).

    It must write nothing. The compiler guards a loop that reads one array and writes another by a test of how far apart
    they lie, with a loop of plain additions beside it: the sum would depend on where memory happened to be given out.
    NaN and infinity keep their meaning.
    """

    options = {**Inlined.options, "fastmath": {"reassoc"}}


scalar = Compiled
kernel = Compiled
inlined = Inlined
reduction = Reduction


class Specialised(Generic[P, T]):
    """A family of kernels, one per integer code: ``family(code)`` is the kernel, compiled once."""

    def __init__(self, factory: Callable[[int], Callable[P, T]]) -> None:
        self.factory = factory
        self._kernels: dict[int, Compiled[P, T]] = {}
        functools.update_wrapper(self, factory)

    def __call__(self, code: int) -> Compiled[P, T]:
        found = self._kernels.get(code)
        if found is None:
            found = self._kernels.setdefault(code, Compiled(self.factory(code)))
        return found


specialised = Specialised


class Switch:
    """``switch(code, *args)`` calls ``functions[code](*args)``; inside a kernel the choice is made by the compiler.

    A function that takes fewer arguments than the call gives ignores the last ones: only the gamma distribution has
    a shape parameter, and only its scalar mentions one.
    """

    def __init__(self, name: str, functions: tuple[Compiled[..., Any], ...]) -> None:
        self.name = name
        self.functions = functions
        self._stub: Any = None

    def __call__(self, code: int, *args: float) -> Any:
        chosen = self.functions[code]
        return chosen(*args[: _arity(chosen.python)])

    @property
    def stub(self) -> Any:
        """The plain function that stands for this switch in compiled code (and, interpreted, does the same)."""
        with _lock:
            if self._stub is None:
                self._stub = _overloaded(self)
        return self._stub


def _arity(python: Callable[..., Any]) -> int:
    return python.__code__.co_argcount


def _overloaded(switch: Switch) -> Any:
    from numba import types
    from numba.extending import overload

    def stub(code: int, *args: float) -> Any:
        return switch(code, *args)

    stub.__name__ = stub.__qualname__ = switch.name

    def choose(code: Any, arguments: int) -> Any:
        if not isinstance(code, types.IntegerLiteral):
            return None
        compiled = switch.functions[code.literal_value]
        scalar, arity = compiled.dispatcher, _arity(compiled.python)
        takes: tuple[Any, ...] = (
            lambda code, *args: scalar(args[0]),
            lambda code, *args: scalar(args[0], args[1]),
            lambda code, *args: scalar(args[0], args[1], args[2]),
        )
        return takes[arity - 1] if arity <= arguments else None

    overload(stub, prefer_literal=True)(lambda code, *args: choose(code, len(args)))
    return stub


def resolve(python: Callable[..., Any]) -> Any:
    """The same function with every :class:`Compiled` and :class:`Switch` it names replaced by what Numba understands."""
    assert isinstance(python, FunctionType)
    globals_ = dict(python.__globals__)
    for name in _names(python.__code__):
        value = globals_.get(name)
        if isinstance(value, Compiled):
            globals_[name] = value.dispatcher
        elif isinstance(value, Switch):
            globals_[name] = value.stub
    copy = FunctionType(python.__code__, globals_, python.__name__, python.__defaults__, python.__closure__)
    return functools.update_wrapper(copy, python)


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _njit(python: Callable[..., Any], options: dict[str, Any]) -> Any:
    import numba

    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(
        cache_folder()
    )  # read while the dispatcher is made; the user's own kernels keep theirs
    try:
        return numba.njit(python, **options)
    finally:
        numba.config.CACHE_DIR = previous


@functools.cache
def fingerprint() -> str:
    """A hash of every source file of the package."""
    import hashlib

    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: ``REFIMPL_CACHE_DIR``, else beside the package, else in the user's cache."""
    import shutil
    import tempfile

    name = f"numba-{fingerprint()}"
    chosen = os.environ.get("REFIMPL_CACHE_DIR")
    if chosen:
        try:
            return _made(Path(chosen) / name)
        except OSError as why:
            raise OSError(f"refimpl: cannot use the variable REFIMPL_CACHE_DIR, {chosen!r}: {why}") from why
    beside = Path(__file__).parent / "__pycache__"
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "refimpl"
    for parent in (beside, home):
        try:
            folder = _made(parent / name)
            break
        except (OSError, RuntimeError):  # read only, or nobody's home
            continue
    else:
        folder = Path(tempfile.mkdtemp(prefix="refimpl-"))  # this process's own; a shared one could be planted
    for other in beside.glob("numba-*"):
        if other.name != name and time.time() - other.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
