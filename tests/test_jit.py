"""Compilation: static selection, the disk cache, first calls from many threads, and a light import."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ours import agree

import refimpl
from refimpl import jit
from refimpl.boundary import Float
from refimpl.distributions.cdf import cdf_kernel
from refimpl.jit import Switch, kernel, reduction, scalar, specialised
from refimpl.scalars.distributions import FAMILIES, law
from refimpl.scalars.swaps import CDFS, weights
from refimpl.sorting.isotonic import weights_sum

PACKAGE = Path(refimpl.__file__).parent
INTERPRETED = 4.0  # ulp: compiled code calls the same mathematical functions, from another library perhaps
HEAVY = ("numba", "llvmlite", "scipy", "cupy", "torch", "mpmath", "hypothesis", "matplotlib", "pytest")


@scalar
def plus_one(x: float) -> float:
    return x + 1.0


@scalar
def product(x: float, y: float) -> float:
    return x * y


@scalar
def three(x: float, y: float, z: float) -> float:
    return x + 10.0 * y + 100.0 * z


choice = Switch("choice", (plus_one, product, three))


@specialised
def fill(code: int) -> Callable[..., None]:
    def fill(x: Float, y: Float) -> None:
        for e in range(x.size):
            y[e] = choice(code, x[e], 3.0, 5.0)

    return fill


@reduction
def total(x: Float) -> float:
    s = 0.0
    for e in range(x.size):
        s += x[e]
    return s


# static selection ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "want"), [(0, 3.0), (1, 6.0), (2, 532.0)])
def test_a_switch_chooses_by_code_compiled_and_interpreted(code: int, want: float) -> None:
    x, y, z = np.array([2.0]), np.zeros(1), np.zeros(1)
    fill(code)(x, y)
    fill(code).python(x, z)
    assert y[0] == z[0] == choice(code, 2.0, 3.0, 5.0) == want


def test_one_kernel_per_code_is_made_once() -> None:
    assert fill(0) is fill(0)
    assert fill(0) is not fill(1)
    assert fill(0).dispatcher is fill(0).dispatcher


def test_compiled_functions_keep_their_names_and_their_text() -> None:
    assert plus_one.__name__ == "plus_one"
    assert repr(plus_one) == f"<compiled {__name__}.plus_one>"
    assert plus_one.python(1.0) == plus_one(1.0) == 2.0


@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_do_what_their_text_says(family: str) -> None:
    x = np.array([-2.5, -0.7, 0.0, 0.3, 1.0, 6.0])
    one = np.ones(1)
    compiled, interpreted = np.full(6, np.nan), np.full(6, np.nan)
    family_kernel = cdf_kernel(FAMILIES.index(family))
    family_kernel(x, one, 2.5 * one, 0.25 * one, False, False, compiled, 0, 6)
    family_kernel.python(x, one, 2.5 * one, 0.25 * one, False, False, interpreted, 0, 6)
    agree(compiled, interpreted, INTERPRETED)


def test_tables_are_in_the_order_of_the_names() -> None:
    for name, function in zip(FAMILIES, law.functions, strict=True):
        assert function.__name__ in (name, f"{name}_law")
    for name, function in zip(CDFS, weights.functions, strict=True):
        assert function.__name__ == f"{name}_weights"


def test_no_kernel_is_compiled_with_fast_mathematics_and_all_release_the_gil() -> None:
    assert jit.Compiled.options == {"cache": True, "nogil": True, "error_model": "numpy"}
    assert jit.Reduction.options.items() >= jit.Compiled.options.items()
    assert jit.Reduction.options["fastmath"] == {"reassoc"}  # not nnan, not ninf: these keep their meaning
    assert not {"parallel", "boundscheck"} & jit.Reduction.options.keys()


def test_a_reduction_keeps_nan_and_infinity() -> None:
    x = np.ones(100)
    x[50] = np.inf
    assert total(x) == np.inf
    x[51] = -np.inf
    assert np.isnan(total(x))


REDUCTIONS = [
    pytest.param(node, id=f"{path.stem}.{node.name}")
    for path in sorted(PACKAGE.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef) and any(getattr(d, "id", "") == "reduction" for d in node.decorator_list)
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_reduction_writes_nothing(reduction: ast.FunctionDef) -> None:
    """Else its sum depends on where memory was given out: the compiler chooses its loop by the distance of the arrays."""
    stores = [
        node for node in ast.walk(reduction) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    ]
    assert not stores
    assert any(isinstance(node, ast.AugAssign) for node in ast.walk(reduction)), "it is a sum"


@pytest.mark.parametrize("n", [5, 12, 28, 61])
def test_a_sum_does_not_depend_on_where_its_arrays_lie(n: int) -> None:
    memory = np.empty(3 * n + 64)
    x = np.sort(np.random.default_rng(n).standard_normal(n))
    found = set()
    for gap in range(64):
        memory[:n] = x
        found.add(weights_sum(memory[:n].reshape(1, n), 0, 0.7, memory[n + gap : 2 * n + gap], 0, n))
    assert len(found) == 1


def test_a_first_call_may_come_from_many_threads_at_once() -> None:
    @kernel
    def squared(x: Float, y: Float) -> None:
        for e in range(x.size):
            y[e] = x[e] * x[e]

    start, results, failures = threading.Barrier(8), [], []

    def call() -> None:
        x, y = np.arange(5.0), np.zeros(5)
        start.wait()
        try:
            squared(x, y)
            results.append(y)
        except BaseException as failure:  # told to the main thread
            failures.append(failure)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert np.array_equal(results, np.tile(np.arange(5.0) ** 2, (8, 1)))


def test_the_users_cache_folder_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    @kernel
    def nothing(x: Float) -> None:
        x[0] = 1.0

    nothing(np.zeros(1))
    assert numba.config.CACHE_DIR == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


# the disk cache ------------------------------------------------------------------------------------------------------

STATISTICS = """
import numpy as np
from refimpl.sorting.network_sort import network_sort, values_backward, values_kernel
from refimpl.scalars.swaps import CDFS
y, pullback = network_sort.vjp(np.array([3.0, 1.0, 2.0]), cdf="{cdf}", beta=1.0)
pullback(y)
for found in (values_kernel(CDFS.index("{cdf}")).dispatcher, values_backward.dispatcher):
    print(sum(found.stats.cache_hits.values()), sum(found.stats.cache_misses.values()))
"""


def fresh_process(program: str, *arguments: str, cache: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    if cache is not None:
        environment["REFIMPL_CACHE_DIR"] = str(cache)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, env=environment
    ).stdout


def test_the_second_process_compiles_nothing(tmp_path: Path) -> None:
    assert fresh_process(STATISTICS.format(cdf="cauchy"), cache=tmp_path).split() == ["0", "1", "0", "1"]
    assert fresh_process(STATISTICS.format(cdf="cauchy"), cache=tmp_path).split() == ["1", "0", "1", "0"]
    # another sigmoid is another kernel, and never taken for the first
    assert fresh_process(STATISTICS.format(cdf="optimal"), cache=tmp_path).split() == ["0", "1", "1", "0"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package's sources."""
    shutil.copytree(PACKAGE, tmp_path / "refimpl", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "refimpl"


def jit_of(package: Path) -> ModuleType:
    """The copy's own jit module, loaded anew."""
    spec = importlib.util.spec_from_file_location("jit_of_a_copy", package / "jit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_edit_of_any_source_changes_the_fingerprint(copied: Path) -> None:
    fingerprint = jit_of(copied).fingerprint.__wrapped__
    seen = {fingerprint()}
    assert fingerprint() in seen, "the same sources, the same name"
    sources = sorted(copied.rglob("*.py"))
    for source in sources:
        text = source.read_bytes()
        source.write_bytes(text + b"#")
        seen.add(fingerprint())
        source.write_bytes(text)
    assert len(seen) == len(sources) + 1
    sources[-1].rename(sources[-1].with_name("renamed_xyz.py"))
    assert fingerprint() not in seen


def test_the_cache_folder_is_where_the_environment_says(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFIMPL_CACHE_DIR", str(tmp_path / "elsewhere"))
    module = jit_of(copied)
    folder = module.cache_folder()
    assert folder == tmp_path / "elsewhere" / f"numba-{module.fingerprint()}"
    assert folder.is_dir()


def test_else_it_is_beside_the_package_and_stale_ones_go(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFIMPL_CACHE_DIR", raising=False)
    stale, recent = (copied / "__pycache__" / f"numba-{digit * 16}" for digit in "01")
    for other in (stale, recent):
        other.mkdir(parents=True)
        (other / "a.nbi").write_text("of other sources")
    module = jit_of(copied)
    long_ago = time.time() - 2.0 * module.KEPT_SECONDS
    os.utime(stale, (long_ago, long_ago))
    folder = module.cache_folder()
    assert folder.parent == copied / "__pycache__"
    assert not stale.exists()
    assert recent.exists(), "a running process may use it"


def test_and_in_the_users_cache_where_the_package_is_read_only(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REFIMPL_CACHE_DIR", raising=False)
    module = jit_of(copied)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = module._made

    def refused(folder: Path) -> Path:
        if copied in folder.parents:
            raise PermissionError(folder)
        return made(folder)

    monkeypatch.setattr(module, "_made", refused)
    folder = module.cache_folder()
    assert tmp_path / "cache" in folder.parents
    assert folder.is_dir()


# a light import ------------------------------------------------------------------------------------------------------

LOADED = """
import sys
before = set(sys.modules)
{statement}
print(*(name for name in sys.modules if name not in before))
"""


def loaded_by(statement: str) -> set[str]:
    return set(fresh_process(LOADED.format(statement=statement)).split())


def test_importing_refimpl_loads_nothing_but_refimpl_and_the_standard_library() -> None:
    tops = {name.partition(".")[0] for name in loaded_by("import refimpl")}
    assert tops - set(sys.stdlib_module_names) == {"refimpl"}
    assert {name for name in loaded_by("import refimpl") if name.startswith("refimpl")} == {"refimpl"}


@pytest.mark.parametrize(
    "statement",
    ["from refimpl import sorting, distributions", "import refimpl.catalog", "from refimpl import OPERATORS"],
)
def test_importing_rooms_loads_numpy_and_nothing_heavier(statement: str) -> None:
    tops = {name.partition(".")[0] for name in loaded_by(statement)}
    assert not tops & set(HEAVY)
    others = {top for top in tops - set(sys.stdlib_module_names) if "cython" not in top}  # numpy.random's runtime
    assert others == {"refimpl", "numpy"}


def test_declaring_what_is_asked_of_an_operator_compiles_nothing() -> None:
    statement = """
from refimpl import OPERATORS
import numpy
for op in OPERATORS:
    op.sample(numpy.random.default_rng(0)), repr(op), op.__doc__
"""
    assert "numba" not in {name.partition(".")[0] for name in loaded_by(statement)}
