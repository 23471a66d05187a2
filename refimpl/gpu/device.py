"""The gate between CuPy arrays and device kernels, and the one place that launches them.

Kernels see C-contiguous float64 device arrays; float32 is converted on the way in and rounded once on the way out. The
refusals are those of ``refimpl/boundary.py``, word for word, because its ``Gate`` utters them: this one only replaces
what would touch the elements on the host. With NUMBA_ENABLE_CUDASIM=1 the same kernels run in Numba's simulator on NumPy
arrays, one operating system thread per device thread: blocks are small then.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config, cuda

from refimpl import boundary
from refimpl.boundary import FLOAT64, Array, Float
from refimpl.jit import resolve

SIMULATED = bool(config.ENABLE_CUDASIM)
BLOCK = 8 if SIMULATED else 256  # threads in a block, at most: occupancy hardly changes between 128 and 512
INSTALL = "pip install 'refimpl[gpu]'"


def why_no_gpu() -> str | None:
    """What is missing for arrays to live on a GPU; None if nothing is."""
    for module, package in (("cupy", "CuPy"), ("numba_cuda", "numba-cuda")):
        if importlib.util.find_spec(module) is None:
            return f"{package} is not installed; {INSTALL}"
    import cupy

    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"there is no usable NVIDIA driver or device ({error}); see nvidia-smi"
    return None if devices else "the NVIDIA driver shows no device; see nvidia-smi and CUDA_VISIBLE_DEVICES"


@functools.cache
def xp() -> Any:
    """The module of the arrays: CuPy, or NumPy in the simulator."""
    if SIMULATED:
        return np
    missing = why_no_gpu()
    if missing:
        raise RuntimeError(f"refimpl.gpu cannot run: {missing}; or pass NumPy arrays, to compute on the CPU")
    import cupy

    return cupy


def current_device() -> int:
    """The number of the device where new arrays are made and kernels run."""
    return 0 if SIMULATED else int(xp().cuda.runtime.getDevice())


def settle() -> None:
    """Wait until everything asked for on the current stream is done."""
    if not SIMULATED:
        xp().cuda.get_current_stream().synchronize()


class Gate(boundary.Gate):
    """The checks of one operator on device arrays. Numbers may come from the host; arrays with axes may not."""

    def array(self, argument: str, value: Any, *, rank: int = 0) -> Array:
        """``value`` as a C-contiguous float64 or float32 array on the device, of at least ``rank`` axes."""
        on_device = isinstance(value, xp().ndarray)
        if not on_device and (isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0):
            self.refuse(argument, f"is a {_kind(value)}", "a CuPy array: convert with cupy.asarray", TypeError)
        # An empty stand-in of the same dtype and rank: the CPU gate says what becomes of it, or refuses.
        stand_in = np.empty((0,) * value.ndim, value.dtype) if on_device else value
        checked = super().array(argument, stand_in, rank=rank)
        array: Array = xp().asarray(value, checked.dtype, order="C") if on_device else checked
        return array

    def cotangent(self, value: Any, shape: tuple[int, ...], name: str = "cotangent") -> Array:
        """Of an output without axes it may be a number from the host."""
        array: Array = xp().asarray(super().cotangent(value, shape, name))
        return array

    def spread(self, argument: str, parameter: Array, shape: tuple[int, ...], *, full: bool = False) -> Float:
        """A parameter as a flat device array: one number (unless ``full``), or one for each entry of ``shape``."""
        if parameter.ndim == 0:
            filled: Float = xp().full(math.prod(shape) if full else 1, parameter.item(), np.float64)
            return filled
        try:
            wide = xp().broadcast_to(parameter, shape)
        except ValueError:  # of the same shape, without memory: the CPU gate refuses it
            return super().spread(argument, np.broadcast_to(np.float64(0), parameter.shape), shape)
        spread: Float = xp().array(wide, np.float64, order="C").reshape(-1)
        return spread


def _kind(value: Any) -> str:
    return "NumPy array" if isinstance(value, np.ndarray) else type(value).__name__


def empty(shape: tuple[int, ...] | int, dtype: Any = FLOAT64) -> Array:
    """A fresh device array. Whoever gets it writes all of it; the suite poisons it as it does on the CPU."""
    made: Array = xp().full(shape, np.nan, dtype) if boundary.poison else xp().empty(shape, dtype)
    return made


class DeviceKernel:
    """A kernel that Numba compiles when it is first launched; ``.python`` is its text, uncompiled."""

    def __init__(self, python: Callable[..., None]) -> None:
        self.python = python

    @functools.cached_property
    def dispatcher(self) -> Any:
        return cuda.jit(resolve(self.python))


class DeviceFamily:
    """A family of kernels, one per integer code: ``family(code)`` is the kernel, compiled once."""

    def __init__(self, factory: Callable[[int], Callable[..., None]]) -> None:
        self.factory = factory
        self._kernels: dict[int, DeviceKernel] = {}

    def __call__(self, code: int) -> DeviceKernel:
        found = self._kernels.get(code)
        if found is None:
            found = self._kernels.setdefault(code, DeviceKernel(self.factory(code)))
        return found


device_kernel = DeviceKernel
device_specialised = DeviceFamily


def per_element(kernel: DeviceKernel, size: int, *args: Any) -> None:
    """Launch one thread for each of ``size`` elements; the kernel guards the last block."""
    _launch(kernel, -(-size // BLOCK), BLOCK, args)


def per_row(kernel: DeviceKernel, rows: int, width: int, *args: Any) -> None:
    """Launch one block for each row, with about ``width`` threads (a multiple of a warp, at most BLOCK)."""
    _launch(kernel, rows, min(BLOCK, max(32, -(-width // 32) * 32)), args)


def _launch(kernel: DeviceKernel, blocks: int, threads: int, args: tuple[Any, ...]) -> None:
    if blocks == 0:
        return
    if SIMULATED:
        kernel.dispatcher[blocks, threads](*args)
        return
    current = int(xp().cuda.get_current_stream().ptr)
    stream = cuda.external_stream(current) if current else 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Grid size")  # a small batch is no mistake
        configured = kernel.dispatcher[blocks, threads, stream]
    configured(*args)
