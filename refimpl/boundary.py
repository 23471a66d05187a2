"""The one gate between users' arrays and kernels: what may come in, how it is laid out, and on how many threads it runs.

Kernels see C-contiguous float arrays of a known rank and nothing else. Everything a user can get wrong is refused
here, with a message that names the operator, the argument, what came, what was expected and what to do.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # imported when the first kernel is worth a second thread
    from concurrent.futures import ThreadPoolExecutor

Array = NDArray[Any]
Float = NDArray[np.float64]
Index: TypeAlias = "int | np.uint64"  # unsigned where a loop is to be vectorised: no index counts from the end

FLOAT64 = np.dtype(np.float64)
FLOAT32 = np.dtype(np.float32)
LARGEST = {dtype: float(np.finfo(dtype).max) for dtype in (FLOAT64, FLOAT32)}

SINGLE_THREADED = 10_000  # beyond so many numbers, BLAS's product of vectors wakes threads, and may wait 20 ms for them
SCRATCH_SIZES = (2**12, 2**22)  # numbers: below, allocation is cheap; above, keeping 32 MiB a role would be greedy
_scratch = threading.local()

poison = 0  # while positive, fresh outputs are filled with NaN, to prove that kernels write all of them
_poison_lock = threading.Lock()


class Gate:
    """The checks of one operator; every message begins with its name."""

    def __init__(self, operator: str) -> None:
        self.operator = operator

    def refuse(self, argument: str, came: str, expected: str, error: type[Exception] = ValueError) -> NoReturn:
        raise error(f"{self.operator}: argument {argument!r} {came}; expected {expected}")

    def array(self, argument: str, value: Any, *, rank: int = 0) -> Array:
        """``value`` as a C-contiguous float64 or float32 array in native byte order, of at least ``rank`` axes."""
        if type(value) is np.ndarray and value.dtype is FLOAT64 and value.ndim >= rank and value.flags.c_contiguous:
            return value
        if isinstance(value, np.ma.MaskedArray):
            self.refuse(argument, "is a masked array", "a plain array: fill the masked entries first", TypeError)
        try:
            array = np.asarray(value)
        except ValueError:
            self.refuse(argument, "is a ragged sequence", "an array of one shape")
        except (TypeError, RuntimeError) as why:  # arrays of another device, or that record gradients, are not copied
            came = f"is a {type(value).__module__}.{type(value).__name__} that NumPy cannot read ({why})"
            expected = "NumPy arrays, or CuPy arrays for all (refimpl.gpu has their forward and backward)"
            self.refuse(argument, came, f"{expected}; for torch see refimpl.bridges", TypeError)
        kind, dtype = array.dtype.kind, array.dtype
        if kind in "biu":
            dtype = FLOAT64
        elif kind == "f" and dtype.itemsize in (4, 8):
            dtype = dtype.newbyteorder("=")
        else:
            advice = {
                "c": "real numbers: treat real and imaginary parts as two arrays",
                "O": "float64 or float32: convert with .astype(float)",
                "f": "float64 or float32: convert with .astype(numpy.float64) if that is what you mean",
            }.get(kind, "numbers, as float64 or float32")
            self.refuse(argument, f"has dtype {array.dtype}", advice, TypeError)
        if array.ndim < rank:
            axes = "axis" if rank == 1 else "axes"
            self.refuse(argument, f"has shape {array.shape}", f"at least {rank} {axes}; reshape it")
        laid_out: Array = np.ascontiguousarray(array, dtype) if array.ndim else array.astype(dtype)
        return laid_out

    def parameter(self, argument: str, value: Any, *, positive: bool = True) -> Array:
        """A continuous parameter: a number, or an array that broadcasts; NaN, infinity and (by default) <= 0 are refused."""
        if type(value) is float and (0.0 < value < math.inf):
            return np.float64(value)  # type: ignore[return-value]
        if value is None:
            self.refuse(argument, "is missing", "a number", TypeError)
        array = self.array(argument, value)
        good = np.isfinite(array) & (array > 0 if positive else True)
        if not good.all():
            bad = array[~good].flat[0] if array.ndim else array[()]
            self.refuse(argument, f"holds {bad}", "finite values > 0" if positive else "finite values")
        return array

    def spread(self, argument: str, parameter: Array, shape: tuple[int, ...], *, full: bool = False) -> Float:
        """A parameter as a flat array: one number (unless ``full``), or one for each entry of ``shape``."""
        if parameter.ndim == 0:
            return np.full(math.prod(shape) if full else 1, parameter, np.float64)
        try:
            return np.array(np.broadcast_to(parameter, shape), np.float64).reshape(-1)
        except ValueError:
            self.refuse(argument, f"has shape {parameter.shape}", f"a number, or a shape that broadcasts to {shape}")

    def finite_or_nan(self, argument: str, array: Array, why: str) -> None:
        """Refuse infinities (NaN passes through: it marks what depends on it)."""
        if array.size <= SINGLE_THREADED:  # the quick way out: true only if every entry is finite
            total = np.vdot(array, array)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                total = array.sum()
        if math.isfinite(total):
            return
        if np.isinf(array).any():
            where = tuple(int(i) for i in np.argwhere(np.isinf(array))[0])
            self.refuse(argument, f"is infinite at index {where}", why)

    def choice(self, argument: str, value: Any, options: Sequence[str]) -> int:
        """The index of a name among its options; a wrong name is answered with the nearest right ones."""
        try:
            return options.index(value)
        except ValueError:
            near = difflib.get_close_matches(value.lower(), options, n=3, cutoff=0.4) if isinstance(value, str) else []
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            self.refuse(argument, f"is {value!r}", f"one of {', '.join(options)}{hint}")

    def cotangent(self, value: Any, shape: tuple[int, ...], name: str = "cotangent") -> Array:
        """The cotangent of an output: its shape, any real dtype, laid out as kernels read it."""
        if value is None:
            self.refuse(name, "is missing", f"an array of the output's shape, {shape}", TypeError)
        array = self.array(name, value)
        if array.shape != shape:
            self.refuse(name, f"has shape {array.shape}", f"the shape of the output, {shape}")
        return array


def result_dtype(*arrays: Array) -> np.dtype[Any]:
    """float32 if every array that has axes is float32 (or, where none has, every number), else float64."""
    if len(arrays) == 1:
        return arrays[0].dtype
    deciding = [array for array in arrays if array.ndim] or arrays
    return FLOAT64 if any(array.dtype.itemsize == 8 for array in deciding) else FLOAT32


def remind(message: str, category: type[Warning]) -> None:
    """A warning at the line that called the library, however deep inside it the reason was found."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("refimpl."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def empty(shape: tuple[int, ...] | int, dtype: Any = FLOAT64) -> Array:
    """A fresh output or workspace. Whoever gets it writes all of it."""
    if poison and np.dtype(dtype).kind == "f":
        return np.full(shape, np.nan, dtype)
    return np.empty(shape, dtype)


@contextlib.contextmanager
def poisoned() -> Iterator[None]:
    """Fill fresh outputs with NaN inside this block; blocks may overlap, in any threads."""
    global poison
    with _poison_lock:
        poison += 1
    try:
        yield
    finally:
        with _poison_lock:
            poison -= 1


def scratch(role: str, shape: tuple[int, ...]) -> Float:
    """A workspace that later calls on this thread use again, so that its pages are mapped once. Never leaves the room.

    Fresh memory costs more than what is computed in it: a page fault takes as long as filling the page 20 times.
    """
    size = math.prod(shape)
    if size < SCRATCH_SIZES[0] or size > SCRATCH_SIZES[1]:
        return empty(shape)
    kept: dict[str, Float] = _scratch.__dict__
    block = kept.get(role)
    if block is None or block.size < size:
        block = kept[role] = np.empty(size)
    view = block[:size].reshape(shape)
    if poison:
        view.fill(np.nan)
    return view


def rounded(gradient: Array, dtype: np.dtype[Any]) -> Array:
    """A gradient in its dtype. What is too large for that becomes the largest number; NaN stays."""
    if isinstance(gradient, np.ndarray):  # on a device, to ask is to wait
        with np.errstate(over="ignore", invalid="ignore"):
            found: Array = gradient.astype(dtype, copy=False)
            if math.isfinite(found.sum()):
                return found
    largest = LARGEST[dtype]
    return gradient.reshape(-1).clip(-largest, largest).astype(dtype, copy=False).reshape(gradient.shape)


def unbroadcast(gradient: Array, shape: tuple[int, ...], dtype: np.dtype[Any] = FLOAT64) -> Array:
    """Sum a gradient over the axes along which its argument was broadcast; ``rounded``, also where terms overflow."""
    if gradient.shape == shape:
        return rounded(gradient, dtype)
    extra = gradient.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + axis for axis, length in enumerate(shape) if length == 1 and gradient.shape[extra + axis] != 1
    )
    with np.errstate(over="ignore", invalid="ignore"):
        total: Array = gradient.sum(axis=axes, keepdims=True).reshape(-1)
    beyond = ~(abs(total) <= LARGEST[FLOAT64])
    if beyond.any():  # again, of terms so small that their sum cannot overflow
        share = 2.0 ** -gradient.size.bit_length()
        most = LARGEST[FLOAT64] * share
        again = (rounded(gradient, FLOAT64) * share).sum(axis=axes, keepdims=True).reshape(-1)
        total[beyond] = again[beyond].clip(-most, most) / share
    return rounded(total.reshape(shape), dtype)


# Threads. Serial kernels that release the GIL, over chunks of rows; results do not depend on the number of threads.

_threads: int | None = None
_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()

MOST_THREADS = 256
WORTH_A_THREAD = 200_000.0  # nanoseconds: handing a chunk to another thread and back takes 30 to 100 us


def get_threads() -> int:
    """How many threads kernels may use: set_threads, else REFIMPL_THREADS, else the processors this process may use."""
    global _threads
    if _threads is None:
        chosen = os.environ.get("REFIMPL_THREADS", "")
        if chosen and not (chosen.isascii() and chosen.isdigit() and int(chosen) > 0):
            raise ValueError(f"refimpl: the variable REFIMPL_THREADS is {chosen!r}; expected a whole number >= 1")
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        _threads = int(chosen) if chosen else available
    return _threads


def set_threads(count: int) -> None:
    """Let kernels use ``count`` threads from now on. The numbers they compute stay the same, bit for bit."""
    global _threads
    if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
        raise ValueError(f"refimpl.set_threads: argument 'count' is {count!r}; expected a whole number >= 1")
    _threads = int(count)


def run(chunk: Callable[[int, int], None], units: int, work: float) -> None:
    """Call ``chunk(start, stop)`` over ``range(units)``, in several threads if ``work`` nanoseconds are worth it."""
    parts = min(get_threads(), MOST_THREADS, units, 1 + int(work / WORTH_A_THREAD))
    if parts <= 1:
        chunk(0, units)
        return
    bounds = [units * part // parts for part in range(parts + 1)]
    pool = _executor()
    others = [pool.submit(chunk, bounds[part], bounds[part + 1]) for part in range(1, parts)]
    try:
        chunk(bounds[0], bounds[1])
    finally:  # the others write into the caller's arrays: never leave before they are done
        for other in others:
            other.exception()
    for other in others:
        other.result()


def _executor() -> ThreadPoolExecutor:
    global _pool
    with _pool_lock:
        if _pool is None:
            from concurrent.futures import ThreadPoolExecutor

            _pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="refimpl")  # started as they are needed
        return _pool


def _forget_pool() -> None:
    """A forked child has the parent's pool object and none of its threads."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
