"""Every GPU kernel, for every code, compiled to PTX for compute capability 9.0. No device and no driver is needed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import refimpl.gpu
from refimpl.scalars.distributions import FAMILIES
from refimpl.scalars.swaps import CDFS

pytestmark = pytest.mark.ptx
if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
    pytest.skip("the simulator compiles nothing", allow_module_level=True)
if importlib.util.find_spec("numba_cuda") is None:
    pytest.skip("numba-cuda is not installed", allow_module_level=True)

from numba import cuda, types  # noqa: E402

HOPPER = (9, 0)
COUNTS, COUNTS2, FLAG, INDEX, REAL = types.int64[::1], types.int64[:, ::1], types.boolean, types.int64, types.float64
STARTS, ORDER = types.int32[:, ::1], types.uint32[:, ::1]  # of the blocks of a row; of its entries
F4 = types.float64[:, :, :, ::1]
F1, F2, F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
ELEMENTWISE = (F1, F1, F1, F1, FLAG, FLAG)  # x, scale, shape, shift, reversed, squared

# module, kernel, what its codes stand for (nothing: it has none), types of its arguments, has it barriers
KERNELS: tuple[tuple[str, str, tuple[str, ...], tuple[Any, ...], bool], ...] = (
    ("distributions.cdf", "cdf_kernel", FAMILIES, (*ELEMENTWISE, F1), False),
    ("distributions.cdf", "cdf_backward_kernel", FAMILIES, (*ELEMENTWISE, F1, F1, F1, F1, F1), False),
    ("distributions.pdf", "pdf_kernel", FAMILIES, (*ELEMENTWISE, F1), False),
    ("distributions.pdf", "pdf_backward_kernel", FAMILIES, (*ELEMENTWISE, F1, F1, F1, F1, F1), False),
    ("sorting.swap", "swap_kernel", CDFS, (F1,) * 10, False),
    ("sorting.swap", "swap_backward", (), (*(F1,) * 6, FLAG, *(F1,) * 6), False),
    ("sorting.network_sort", "values_kernel", CDFS,
     (COUNTS, COUNTS, COUNTS, F2, F1, F1, F2, F2, F2, F2, F2, FLAG), True),
    ("sorting.network_sort", "values_backward", (),
     (COUNTS, COUNTS, COUNTS, F2, F2, F2, F2, F1, F1, FLAG, F2, F3, F2, F2, F2), True),
    ("sorting.network_permutation", "matrix", (), (COUNTS, COUNTS, F2, F2, F3), False),
    ("sorting.network_permutation", "matrix_backward", (),
     (COUNTS, COUNTS, F2, F2, F3, F3, F3, INDEX, INDEX), False),
    ("sorting.bubble_sort", "program", (), (F2, F1, F2, F1, F1, *(F2,) * 5, F3, F3), False),
    ("sorting.bubble_sort", "program_backward", (), (F1, *(F2,) * 5, F3, F3, F2, F1, F1, F2, F1), False),
    ("topk.network_topk", "rows_kernel", (), (COUNTS, COUNTS, F2, F2, F3), False),
    ("topk.network_topk", "rows_backward", (), (COUNTS, COUNTS, F2, F2, F3, F3, F3, INDEX, INDEX), False),
    ("sorting.permutation_cross_entropy", "cross_entropy", (), (F2, F2, COUNTS, COUNTS, REAL, F2), False),
    ("sorting.permutation_cross_entropy", "cross_entropy_backward", (),
     (F2, F2, COUNTS, COUNTS, REAL, INDEX, F1, F2, F2), False),
    ("sorting.permutation_binary_cross_entropy", "binary", (), (F2, F2, COUNTS, COUNTS, REAL, F2), False),
    ("sorting.permutation_binary_cross_entropy", "binary_backward", (),
     (F2, F2, COUNTS, COUNTS, REAL, INDEX, F1, F2, F2), False),
    ("sorting.soft_values", "values", (), (F3, F2, COUNTS, COUNTS, F2), False),
    ("sorting.soft_values", "values_backward", (), (F3, F2, COUNTS, COUNTS, F2, F3, F2), False),
    ("sorting.soft_ranks", "ranks", (), (F3, F2), False),
    ("sorting.soft_ranks", "ranks_backward", (), (F2, F3), False),
    ("sorting.arrangement", "pool_kernel", ("sort l2", "sort kl", "rank l2", "rank kl"),
     (F2, F1, F1, STARTS, COUNTS, F2, F2), False),
    ("sorting.fast_sort", "values", (), (F2, F1, F1, STARTS, COUNTS, FLAG, F2), False),
    ("sorting.fast_sort", "sort_backward", (), (F2, ORDER, STARTS, COUNTS, F1, F1, FLAG, F2, F2, F1), False),
    ("sorting.fast_rank", "values", (), (F2, ORDER, F1, F1, STARTS, COUNTS, FLAG, F2), False),
    ("sorting.fast_rank", "rank_backward", (), (F2, ORDER, STARTS, COUNTS, F1, F1, FLAG, F2, F2, F1), False),
    ("topk.topk_loss", "loss_kernel", (), (F3, COUNTS, COUNTS, F1, REAL, REAL, F1, F1), False),
    ("topk.topk_loss", "slopes", (), (F1, REAL, REAL, F1), False),
    ("topk.topk_loss", "pull_rows", (), (COUNTS, COUNTS, COUNTS, F1, F1, F1, F3), False),
    ("topk.topk_split_loss", "loss_kernel", (),
     (F2, COUNTS, F3, COUNTS, COUNTS, F2, F1, F1, F1, REAL, REAL, REAL, REAL, FLAG, F1, F1), False),
    ("topk.topk_split_loss", "pull_outputs", (),
     (COUNTS, COUNTS, F2, F1, F1, F1, REAL, REAL, REAL, REAL, FLAG, F1, F1), False),
    ("topk.topk_split_loss", "gather", (), (COUNTS, COUNTS, COUNTS, F1, F2, F1), False),
    ("topk.topk_split_loss", "pull_softmax", (), (F2, F1, F2, COUNTS, F1, F2), False),
    ("topk.subset", "scatter", (), (COUNTS, COUNTS, types.int64[:, ::1], F2, F2), False),
    ("sorting.bubble_sort_by", "mixed", (), (COUNTS, COUNTS, F2, F2, F3), False),
    ("sorting.bubble_sort_by", "mixed_backward", (), (COUNTS, COUNTS, F2, F2, F3, F3, F3, INDEX, INDEX), False),
    ("sorting.soft_median", "trim", (), (F2, F1, F1, F3, F2, F1, INDEX, FLAG, F3), False),
    ("sorting.soft_median", "trim_backward", (), (F2, F1, F1, F3, F2, F1, F1, F2, F1, F1, F3), False),
    ("sorting.neural_sort", "matrix", (), (F2, F2, F1, F1, F3, F3), False),
    ("sorting.neural_sort", "pull", (), (F3, F3, F3, F2, F2, F2, F2, F2, F2), False),
    ("sorting.neural_sort", "balance", (), (F2, F2, F2), False),
    ("sorting.soft_sort", "weights", (), (F2, F2, F1, F1, FLAG, F3), False),
    ("sorting.soft_sort", "ties", (), (F2, F2, F2, F2), False),
    ("sorting.soft_sort", "slopes", (), (F2, F2, F1, FLAG, F3, F2, F3, F3), False),
    ("sorting.soft_sort", "share", (), (F2, F2, F2, F2, F2), False),
    ("sorting.soft_sort", "scale", (), (F1, F1, types.float64, F2, F1), False),
    ("sorting.sinkhorn_sort", "sinkhorn_kernel", (),
     (F2, F2, F2, COUNTS, types.float64, FLAG, F2, F2, F2, types.float64[:, :, :, ::1], F3, COUNTS, F1), True),
    ("sorting.sinkhorn_sort", "sinkhorn_backward", (),
     (F2, F2, F2, COUNTS, types.float64[:, :, :, ::1], F3, F3, F2, F2, F2, F2), True),
    ("sorting.sinkhorn_sort", "implicit_kernel", (), (F2, F2, F3, F3, COUNTS2, COUNTS2, F2, F2, F2, F3, F3, F2, F2), True),
)  # fmt: skip
CASES = [(module, kernel, code, signature, barriers)
         for module, kernel, codes, signature, barriers in KERNELS
         for code in range(len(codes) or 1)]  # fmt: skip
NAMES = [f"{module}.{kernel}" + (f"-{codes[code]}" if codes else "")
         for module, kernel, codes, _, _ in KERNELS for code in range(len(codes) or 1)]  # fmt: skip

# Inside libdevice, exp looks at a high word through abs.f32 and setp.f32, and erfc finds its power of two with mul.f32,
# cvt and ex2.f32. Nothing there adds, divides, loads or stores float32; neither may we.
FLOAT32 = re.compile(r"\b(add|sub|div|fma|mad|neg|min|max|sqrt|rsqrt|rcp|ld|st)\.\S*f32")


@pytest.fixture(scope="module", autouse=True)
def pretended_device() -> Iterator[None]:
    """numba-cuda asks the current device which code to make for a device function; here it is told (a private name)."""
    from numba.cuda import dispatcher

    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=HOPPER)
    try:
        compiled(lambda out: None, (F1,))
    except Exception as error:  # the compiler's wheels are missing, each with an exception of its own
        pytest.skip(f"nothing compiles here: {type(error).__name__}: {error}")
    yield
    dispatcher.get_current_device = before


def compiled(python: Callable[..., Any], signature: tuple[Any, ...]) -> str:
    ptx, _ = cuda.compile_ptx(python, signature, cc=HOPPER)
    return str(ptx)


@pytest.mark.parametrize(("module", "kernel", "code", "signature", "barriers"), CASES, ids=NAMES)
def test_kernels_compile(module: str, kernel: str, code: int, signature: tuple[Any, ...], barriers: bool) -> None:
    from refimpl.gpu.device import DeviceKernel
    from refimpl.jit import resolve

    found = getattr(importlib.import_module(f"refimpl.gpu.{module}"), kernel)
    ptx = compiled(resolve((found if isinstance(found, DeviceKernel) else found(code)).python), signature)
    assert ".visible .entry" in ptx
    assert ".f64" in ptx
    assert not FLOAT32.search(ptx), FLOAT32.search(ptx)
    assert ("bar.sync" in ptx) == barriers


def test_no_kernel_is_forgotten() -> None:
    from refimpl.gpu.device import DeviceFamily, DeviceKernel

    found = set()
    for info in pkgutil.walk_packages(refimpl.gpu.__path__, "refimpl.gpu."):
        for name, thing in vars(importlib.import_module(info.name)).items():
            if isinstance(thing, DeviceKernel | DeviceFamily):
                found.add((info.name.removeprefix("refimpl.gpu."), name))
    assert found == {(module, kernel) for module, kernel, *_ in KERNELS}
