"""What a user sees where there is no GPU: imports work, and the first call says what is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from refimpl import sorting
from refimpl.catalog import OPERATORS
from refimpl.gpu import device

TWINS = [op for op in OPERATORS if op.gpu]
simulated = pytest.mark.skipif(
    os.environ.get("NUMBA_ENABLE_CUDASIM") == "1", reason="the simulator stands in for a GPU"
)


class DriverError(RuntimeError):
    """Stands for CuPy's CUDARuntimeError."""


def stand_in(monkeypatch: pytest.MonkeyPatch, answer: Any, *, missing: str = "") -> None:
    """A CuPy whose driver gives that answer when asked for the number of devices; one package may be missing."""

    def count() -> int:
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    runtime = SimpleNamespace(getDeviceCount=count, CUDARuntimeError=DriverError)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else object())


def test_cupy_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, 1, missing="cupy")
    assert device.why_no_gpu() == "CuPy is not installed; pip install 'refimpl[gpu]'"


def test_numba_cuda_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, 1, missing="numba_cuda")
    assert device.why_no_gpu() == "numba-cuda is not installed; pip install 'refimpl[gpu]'"


def test_the_driver_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, DriverError("cudaErrorInsufficientDriver"))
    assert "no usable NVIDIA driver or device (cudaErrorInsufficientDriver)" in (device.why_no_gpu() or "")


def test_no_device_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, 0)
    assert "CUDA_VISIBLE_DEVICES" in (device.why_no_gpu() or "")


def test_a_device_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, 1)
    assert device.why_no_gpu() is None


@simulated
@pytest.mark.parametrize("op", TWINS, ids=lambda op: op.id)
def test_the_first_call_says_what_is_missing(op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, DriverError("no driver"))
    device.xp.cache_clear()
    required = [p for p in op.signature.parameters.values() if p.default is p.empty]
    plain = [np.ones(2) for p in required if p.kind is p.POSITIONAL_OR_KEYWORD]
    keywords: dict[str, Any] = {p.name: 1.0 for p in required if p.kind is p.KEYWORD_ONLY}
    keywords |= {name: value for name, value in {"family": "cauchy", "k": 1}.items() if name in keywords}
    with pytest.raises(RuntimeError, match=r"refimpl\.gpu cannot run: .*no driver.*; or pass NumPy arrays"):
        importlib.import_module(op.gpu).value(*plain, **keywords)


@simulated
def test_a_cupy_array_finds_its_way_to_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, DriverError("no driver"))
    device.xp.cache_clear()
    arrived: Any = type("ndarray", (), {"__module__": "cupy"})()
    with pytest.raises(RuntimeError, match=r"refimpl\.gpu cannot run"):
        sorting.network_sort(arrived, beta=1.0)


def test_cpu_work_imports_nothing_of_the_gpu() -> None:
    program = (
        "import sys, numpy; from refimpl import sorting; sorting.network_sort(numpy.ones(2), beta=1.0); "
        "print([name for name in sys.modules if name == 'cupy' or name.startswith(('refimpl.gpu', 'numba.cuda.'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
