"""The gate between users' arrays and kernels: dtypes, layouts, refusals, threads, forks."""

from __future__ import annotations

import math
import os
import select
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import same_bits

from refimpl import boundary, get_threads, set_threads
from refimpl.boundary import Gate, empty, result_dtype, rounded, unbroadcast
from refimpl.distributions import cdf, pdf
from refimpl.sorting import network_permutation, network_sort, swap

FORK_SECONDS = 60.0  # a child that has not answered by then hangs
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 5)), RNG.normal(size=(6, 5))
Call = Callable[[Any], Any]

CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "cdf": (cdf, {"family": "cauchy"}),
    "pdf": (pdf, {"family": "cauchy"}),
    "network_sort": (network_sort, {"beta": 2.0}),
    "network_permutation": (network_permutation, {"beta": 2.0}),
}
every_call = pytest.mark.parametrize("name", CALLS)


def results(name: str, x: Any, g: Any = None) -> tuple[Any, ...]:
    """The value and all gradients, for a random dense cotangent."""
    op, how = CALLS[name]
    y, pullback = op.vjp(x, **how)
    g = np.random.default_rng(1).standard_normal(y.shape) if g is None else g
    return y, *pullback(g)


# dtypes --------------------------------------------------------------------------------------------------------------


@every_call
@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "i4", "i8", "u8", ">i4"])
def test_integers_and_bools_are_float64(name: str, dtype: str) -> None:
    x = np.arange(10).reshape(2, 5).astype(dtype)
    same_bits(results(name, x), results(name, x.astype(np.float64)))


@every_call
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_byte_order_does_not_matter(name: str, dtype: type) -> None:
    x = X.astype(dtype)
    swapped = x.astype(x.dtype.newbyteorder(">"))
    found = results(name, swapped)
    assert found[0].dtype.isnative
    same_bits(found, results(name, x))


@every_call
def test_lists_and_tuples_are_arrays(name: str) -> None:
    same_bits(results(name, X.tolist()), results(name, X))
    same_bits(results(name, tuple(map(tuple, X))), results(name, X))


@every_call
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_outputs_and_gradients_have_the_dtype_of_x(name: str, dtype: type) -> None:
    y, gx, *_ = results(name, X.astype(dtype))
    assert y.dtype == gx.dtype == dtype


@every_call
@pytest.mark.parametrize(
    ("wrong", "error", "came"),
    [
        (np.zeros(3, np.float16), TypeError, "has dtype float16"),
        (np.zeros(3, np.longdouble), TypeError, "has dtype (float|longdouble)"),
        (np.zeros(3, complex), TypeError, "has dtype complex128"),
        (np.array([1.0, None]), TypeError, "has dtype object"),
        (np.array(["1.0", "2.0"]), TypeError, "has dtype <U3"),
        (np.array([b"a"]), TypeError, r"has dtype \|S1"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "has dtype datetime64"),
        (np.zeros(2, [("a", float)]), TypeError, "has dtype"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), TypeError, "is a masked array"),
        ([[1.0, 2.0], [3.0]], ValueError, "is a ragged sequence"),
        (None, TypeError, "has dtype object"),
        ({"a": 1}, TypeError, "has dtype object"),
        ("text", TypeError, "has dtype <U4"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_real_array_is_refused(name: str, wrong: Any, error: type[Exception], came: str) -> None:
    op, how = CALLS[name]
    with pytest.raises(error, match=rf"^{op.id}: argument 'x' {came}.*; expected .{{5,}}"):
        op(wrong, **how)


@pytest.mark.parametrize("wrong", [np.zeros(3, complex), np.zeros(2), np.zeros((3, 1)), 1.0, None, "text"])
def test_a_cotangent_of_another_kind_or_shape_is_refused(wrong: Any) -> None:
    _, pullback = network_sort.vjp(np.zeros(3), beta=1.0)
    with pytest.raises(
        (TypeError, ValueError), match=r"^sorting\.network_sort: argument 'cotangent' (has|is) .*; expected"
    ):
        pullback(wrong)


@every_call
def test_the_cotangent_may_have_any_real_dtype(name: str) -> None:
    op, how = CALLS[name]
    y, _ = op.vjp(X, **how)
    g = np.random.default_rng(1).integers(-3, 4, y.shape)
    for dtype in ("i4", ">f8", "f4", "i1"):
        same_bits(results(name, X, g.astype(dtype)), results(name, X, g.astype(float)))


@pytest.mark.parametrize("beta", [0.0, -1.0, np.nan, np.inf, "2", None, 1j, [1.0, 2.0, 3.0], [0.0] * 6])
def test_a_parameter_that_is_no_positive_number_is_refused(beta: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^sorting\.network_sort: argument 'beta' .*; expected"):
        network_sort(X, beta=beta)


@pytest.mark.parametrize("beta", [2, 2.0, np.float32(2.0), np.int8(2), np.array(2.0), [2.0] * 6, np.full((6,), 2.0)])
def test_a_parameter_may_be_any_number_or_one_per_row(beta: Any) -> None:
    same_bits(network_sort(X, beta=beta), network_sort(X, beta=2.0))


def test_float32_needs_only_arrays_that_are_float32() -> None:
    wide, narrow = np.zeros(2), np.zeros(2, np.float32)
    assert result_dtype(narrow) == np.float32
    assert result_dtype(narrow, np.float64(1.0)) == np.float32  # type: ignore[arg-type]
    assert result_dtype(narrow, wide) == np.float64
    assert result_dtype(np.float32(1.0)) == np.float32  # type: ignore[arg-type]


# layouts -------------------------------------------------------------------------------------------------------------


def layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    wide = np.full((2 * x.shape[0], 3 * x.shape[1]), np.nan)
    wide[::2, ::3] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    shifted = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    return {
        "fortran": np.asfortranarray(x),
        "strided": wide[::2, ::3],
        "reversed": np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
        "read-only": frozen,
        "unaligned": shifted,
        "broadcast": np.broadcast_to(x, (1, *x.shape))[0],
    }


@every_call
@pytest.mark.parametrize("layout", ["fortran", "strided", "reversed", "read-only", "unaligned", "broadcast"])
def test_layout_does_not_change_a_bit_and_inputs_are_never_written(name: str, layout: str) -> None:
    x = layouts(X)[layout]
    g = np.random.default_rng(1).standard_normal(results(name, X)[0].shape)
    wide = np.moveaxis(np.ascontiguousarray(np.moveaxis(g, 0, -1)), -1, 0)  # another order of axes
    assert not wide.flags.c_contiguous
    wide.flags.writeable = False
    before = x.tobytes(), wide.tobytes()
    same_bits(results(name, x, wide), results(name, X, g))
    assert (x.tobytes(), wide.tobytes()) == before


def test_a_broadcast_input_with_zero_strides() -> None:
    row = np.broadcast_to(X[0], (4, 5))
    same_bits(results("network_sort", row), results("network_sort", np.array(row)))


@every_call
def test_inputs_and_cotangents_are_not_written(name: str) -> None:
    x = X.copy()
    g = np.random.default_rng(1).standard_normal(results(name, X)[0].shape)
    kept = g.copy()
    results(name, x, g)
    same_bits(x, X)
    same_bits(g, kept)


@every_call
@pytest.mark.parametrize("n", [1, 5])
def test_outputs_are_fresh(name: str, n: int) -> None:
    x = X[:, :n].copy()
    op, how = CALLS[name]
    y, pullback = op.vjp(x, **how)
    g = np.random.default_rng(1).standard_normal(y.shape)
    first, second = pullback(g), pullback(g)
    arrays = [y, *first, *second]
    arrays = [array for array in arrays if array is not None]
    for i, array in enumerate(arrays):
        assert array.flags.writeable
        assert not np.shares_memory(array, x)
        assert not np.shares_memory(array, g)
        assert not any(np.shares_memory(array, other) for other in arrays[:i])


@every_call
def test_a_pullback_belongs_to_the_input_as_it_was(name: str) -> None:
    """Writing to x after the forward pass must not change the gradient there."""
    x = X.copy()
    op, how = CALLS[name]
    y, pullback = op.vjp(x, **how)
    g = np.random.default_rng(1).standard_normal(y.shape)
    before = pullback(g)
    x[:] = 7.0
    same_bits(pullback(g), before)


# batches and threads -------------------------------------------------------------------------------------------------


@every_call
def test_the_number_of_threads_does_not_change_a_bit(name: str, eager_threads: None) -> None:
    found = []
    for threads in (1, 2, 3, 4, 17):
        set_threads(threads)
        found.append(results(name, X))
    for other in found[1:]:
        same_bits(other, found[0])


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_groups_of_columns_are_shared_out_without_changing_a_bit(threads: int, eager_threads: None) -> None:
    x = np.random.default_rng(2).normal(size=600)  # three groups of columns
    set_threads(1)
    alone = results("network_permutation", x)
    set_threads(threads)
    same_bits(results("network_permutation", x), alone)


@every_call
@given(cut=st.integers(0, 6))
def test_splitting_a_batch_does_not_change_a_bit(name: str, cut: int) -> None:
    op, how = CALLS[name]
    y, pullback = op.vjp(X, **how)
    g = np.random.default_rng(1).standard_normal(y.shape)
    parts = [op.vjp(part, **how) for part in (X[:cut], X[cut:])]
    same_bits(y, np.concatenate([part for part, _ in parts]))
    halves = [pull(half).x for (_, pull), half in zip(parts, (g[:cut], g[cut:]), strict=True)]
    same_bits(pullback(g).x, np.concatenate(halves))


@every_call
def test_the_same_input_gives_the_same_bits_again(name: str) -> None:
    same_bits(results(name, X), results(name, X.copy()))


def test_set_threads_is_what_get_threads_tells(eager_threads: None) -> None:
    set_threads(3)
    assert get_threads() == 3
    for wrong in (0, -1, 1.5, "2", True, None):
        with pytest.raises(ValueError, match=r"refimpl\.set_threads: argument 'count' is .*; expected a whole number"):
            set_threads(wrong)  # type: ignore[arg-type]
    assert get_threads() == 3


@pytest.mark.parametrize(("chosen", "count"), [("3", 3), ("", None)])
def test_the_environment_sets_the_number_of_threads(
    chosen: str, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "_threads", None)
    monkeypatch.setenv("REFIMPL_THREADS", chosen)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert get_threads() == (count or available)


@pytest.mark.parametrize("chosen", ["0", "many", "-1", "\u00b2", "1.5"])
def test_a_senseless_environment_is_refused(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "_threads", None)
    monkeypatch.setenv("REFIMPL_THREADS", chosen)
    with pytest.raises(ValueError, match="REFIMPL_THREADS"):
        get_threads()


def test_chunks_cover_every_unit_once(eager_threads: None) -> None:
    for units in (1, 2, 7, 100):
        for threads in (1, 2, 5, 300):
            set_threads(threads)
            seen: list[int] = []
            boundary.run(lambda start, stop, seen=seen: seen.extend(range(start, stop)), units, work=1e9)
            assert sorted(seen) == list(range(units))


def test_little_work_stays_in_the_calling_thread() -> None:
    seen = []
    boundary.run(lambda start, stop: seen.append(threading.get_ident()), 100, work=boundary.WORTH_A_THREAD / 2)
    assert seen == [threading.get_ident()]


@pytest.mark.parametrize("guilty", [0, 1, 3])
def test_an_exception_in_any_chunk_reaches_the_caller_after_the_others_end(guilty: int, eager_threads: None) -> None:
    set_threads(4)
    ended = []

    def chunk(start: int, stop: int) -> None:
        if start == guilty:
            raise ZeroDivisionError(f"chunk {start}")
        ended.append(start)

    with pytest.raises(ZeroDivisionError, match=f"chunk {guilty}"):
        boundary.run(chunk, 4, work=1e9)
    assert sorted(ended) == [start for start in range(4) if start != guilty]
    boundary.run(lambda start, stop: ended.append(start), 4, work=1e9)  # and the pool still works


def test_two_python_threads_at_once_get_what_one_gets(eager_threads: None) -> None:
    set_threads(2)
    want = {name: results(name, X) for name in CALLS}
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                for name in CALLS:
                    same_bits(results(name, X), want[name])
        except BaseException as failure:  # told to the main thread
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # JAX warns of any fork, once it is imported
def test_a_forked_child_computes_the_same_bits(eager_threads: None) -> None:
    set_threads(3)
    want = results("network_permutation", X)[0].tobytes()  # the pool runs in the parent
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork with threads, which is the point here
        child = os.fork()
    if child == 0:
        answer = b"wrong"
        try:
            answer = b"right" if results("network_permutation", X)[0].tobytes() == want else b"wrong"
        finally:
            os.write(sender, answer)
            os._exit(0)
    os.close(sender)
    ready, _, _ = select.select([receiver], [], [], FORK_SECONDS)
    answer = os.read(receiver, 16) if ready else b"hangs"
    if not ready:
        os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(receiver)
    assert answer == b"right"


# small parts ---------------------------------------------------------------------------------------------------------


def test_fresh_arrays_are_poisoned_in_this_suite() -> None:
    assert np.isnan(empty((2, 3))).all()
    assert np.isnan(empty(4, np.float32)).all()
    assert empty(3, np.int64).dtype == np.int64


@given(
    shape=st.lists(st.integers(1, 4), max_size=3).map(tuple),
    keep=st.integers(0, 7),
    drop=st.integers(0, 3),
)
def test_unbroadcast_is_the_transpose_of_broadcasting(shape: tuple[int, ...], keep: int, drop: int) -> None:
    small = tuple(size if keep >> axis & 1 else 1 for axis, size in enumerate(shape))[min(drop, len(shape)) :]
    rng = np.random.default_rng(keep)
    g, p = rng.integers(-9, 9, shape).astype(float), rng.integers(-9, 9, small).astype(float)
    back = unbroadcast(g, small)
    assert back.shape == small
    assert (back * p).sum() == (g * np.broadcast_to(p, shape)).sum()  # whole numbers: exact


def test_sums_of_rows_are_plain_sums_until_they_overflow() -> None:
    def added(rows: list[float], batch: tuple[int, ...], shape: tuple[int, ...]) -> Any:
        return unbroadcast(np.array(rows).reshape(batch), shape)

    most = np.finfo(np.float64).max
    same_bits(added([1e-320, 3e-310], (2,), ()), np.float64(1e-320 + 3e-310))
    same_bits(added([1.5e308, 1.5e308, -1.5e308], (3,), ()), np.float64(1.5e308))
    same_bits(added([math.inf, math.inf, -math.inf], (3,), (1,)), np.array([most]))
    same_bits(added([math.inf, -math.inf], (2,), (2,)), np.array([most, -most]))
    same_bits(added([math.inf], (), ()), np.float64(most))
    found = added([most, most, 1e-320, 5e-324, math.nan, 1.0], (3, 2), (3, 1))
    same_bits(found[:2], np.array([[most], [1e-320 + 5e-324]]))
    assert np.isnan(found[2, 0])
    same_bits(added([], (0,), ()), np.float64(0.0))


def test_a_gradient_too_large_for_its_dtype_is_the_largest_number() -> None:
    """Warnings are errors here."""
    found = rounded(np.array([1e300, -np.inf, np.nan, 1.5]), boundary.FLOAT32)
    most = np.finfo(np.float32).max
    same_bits(found, np.array([most, -most, np.nan, 1.5], np.float32))
    assert isinstance(rounded(np.array(np.inf), boundary.FLOAT64), np.ndarray)
    same_bits(unbroadcast(np.full(4, 1e38), (), boundary.FLOAT32), np.array(most))


def test_a_wrong_choice_is_answered_with_the_nearest_right_ones() -> None:
    gate = Gate("room.operator")
    assert gate.choice("family", "levy", ("cauchy", "levy")) == 1
    with pytest.raises(
        ValueError, match=r"^room\.operator: argument 'family' is 'Levi'; .*, levy; did you mean 'levy'\?$"
    ):
        gate.choice("family", "Levi", ("cauchy", "levy"))
    with pytest.raises(ValueError, match=r"^room\.operator: argument 'family' is 7; expected one of cauchy, levy$"):
        gate.choice("family", 7, ("cauchy", "levy"))
    with pytest.raises(ValueError, match=r"^room\.operator: argument 'family' is array"):
        gate.choice("family", np.zeros(2), ("cauchy", "levy"))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_finite_values_are_finite_and_raise_no_warning(dtype: type) -> None:
    """A warning would be an error here."""
    x = np.full(4, np.finfo(dtype).max)
    Gate("room.operator").finite_or_nan("x", x, "finite values")
    x[1] = np.nan
    Gate("room.operator").finite_or_nan("x", x, "finite values")
    x[2] = -np.inf
    with pytest.raises(ValueError, match=r"^room\.operator: argument 'x' is infinite at index \(2,\); expected finite"):
        Gate("room.operator").finite_or_nan("x", x, "finite values")
    x = np.array([np.inf, 0.0, -np.inf])  # whose sum is NaN
    with pytest.raises(ValueError, match=r"infinite at index \(0,\)"):
        Gate("room.operator").finite_or_nan("x", x, "finite values")


def test_swap_names_the_argument_at_fault() -> None:
    with pytest.raises(ValueError, match=r"^sorting\.swap: argument 'b' has shape \(2,\); expected .* a's, \(3,\)$"):
        swap(np.zeros(3), np.zeros(2), beta=1.0)
    with pytest.raises(ValueError, match=r"^sorting\.swap: argument 'a' is infinite at index \(\); expected"):
        swap(np.inf, 1.0, beta=1.0)
    assert np.stack(swap(1, 2, beta=1e300)).tolist() == [1.0, 2.0]
