"""Rows sorted by keys: the sheet, 50 digits, the matrix, the keys themselves, blocks of columns, extremes, shapes."""

from __future__ import annotations

import exact_networks as exact
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl import boundary
from refimpl.sorting import bubble_permutation, bubble_sort_by, network_sort

seeds = st.integers(0, 2**32 - 1)

SHEET = 1e-12  # the sheet prints 12 digits
VALUE = 64.0  # gauged ulp: up to 10 rounds, each with a weight to 4 ulp and two roundings
GRADIENT = 2048.0  # gauged ulp: each round multiplies by a Jacobian at arguments off by their rounding
LONG = 16.0  # times that, for some 100 rounds


def exactly(v: list[mpf], n: int, q: int, steps: int) -> list[mpf]:
    """Rows and keys in turn, then the steepness, as one list; the rows, sorted."""
    t, a, s = [v[i * q : (i + 1) * q] for i in range(n)], v[n * q : n * q + n], v[-1]
    for j in range(steps):
        for i in range(j % 2, n - 1, 2):
            e = 1 / (1 + mpmath.exp(-s * (a[i + 1] - a[i])))
            a[i], a[i + 1] = e * a[i] + (1 - e) * a[i + 1], (1 - e) * a[i] + e * a[i + 1]
            upper, lower = t[i], t[i + 1]
            t[i] = [e * x + (1 - e) * y for x, y in zip(upper, lower, strict=True)]
            t[i + 1] = [(1 - e) * x + e * y for x, y in zip(upper, lower, strict=True)]
    return [entry for row in t for entry in row]


@pytest.mark.parametrize(
    ("a", "want"),
    [([3.0, 1.0, 2.0, 0.0], [0.164287699494, 1.019017317591, 1.980982682409, 2.835712300506]),
     ([3.0, 1.0, 2.0], [1.147021441734, 2.011349704671, 2.841628853595])],
)  # fmt: skip
def test_the_keys_themselves_are_those_of_the_sheet(a: list[float], want: list[float]) -> None:
    out = bubble_sort_by(np.array(a)[:, None], np.array(a), steepness=2.0, steps=len(a))
    assert np.abs(out[:, 0] - want).max() < SHEET


@given(seed=seeds, n=st.integers(1, 4), q=st.integers(1, 3), steps=st.integers(0, 6))
def test_value_and_full_jacobian_against_50_digits(seed: int, n: int, q: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    t, a, s = rng.normal(size=(n, q)), rng.normal(size=n), float(np.exp(rng.uniform(-1.5, 1.5)))
    want, jacobian = exact.jacobian(lambda v: exactly(list(v), n, q, steps), [*t.ravel(), *a, s])
    out, pullback = bubble_sort_by.vjp(t, a, steepness=s, steps=steps)
    agree(out, want.reshape(n, q), VALUE, gauge=np.abs(t).max())
    for entry, g in enumerate(np.eye(n * q)):
        grads = pullback(g.reshape(n, q))
        found = np.concatenate([grads.t.ravel(), grads.a, [grads.steepness]])
        agree(found, jacobian[entry], GRADIENT, gauge=1.0 + np.abs(jacobian[entry]).max())


@pytest.mark.parametrize(
    ("n", "q", "steps"), [(5, 1, 5), (130, 3, 40), (9, 127, 4), (9, 128, 4), (9, 129, 4), (6, 257, 20)]
)
def test_it_is_the_matrix_times_the_rows(n: int, q: int, steps: int) -> None:
    """Around the widths of blocks (128) and groups (256): value and VJP against those of the matrix."""
    rng = np.random.default_rng(n)
    t, a, g = rng.normal(size=(n, q)), rng.normal(size=n), rng.standard_normal((n, q))
    out, pullback = bubble_sort_by.vjp(t, a, steepness=1.5, steps=steps)
    p, pull = bubble_permutation.vjp(a, steepness=1.5, steps=steps)
    agree(out, p @ t, LONG * VALUE, gauge=np.abs(t).max())
    grads, want = pullback(g), pull(g @ t.T)
    agree(grads.t, p.T @ g, LONG * VALUE, gauge=np.abs(g).max())
    agree(grads.a, want.a, LONG * GRADIENT, gauge=np.abs(want.a).max())
    agree(grads.steepness, want.steepness, LONG * GRADIENT, gauge=np.abs(want.a).sum())


def test_a_short_tape_changes_the_order_of_sums_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    module = importlib.import_module("refimpl.sorting.bubble_sort_by")
    rng = np.random.default_rng(0)
    t, a, g = rng.normal(size=(12, 50)), rng.normal(size=12), rng.standard_normal((12, 50))
    _, pullback = bubble_sort_by.vjp(t, a, steepness=1.5)
    want = pullback(g)
    monkeypatch.setattr(module, "TAPE", 1)
    grads = pullback(g)
    same_bits(grads.t, want.t)
    agree(grads.a, want.a, VALUE, gauge=np.abs(want.a).max())


@given(seed=seeds, n=st.integers(1, 20))
def test_the_keys_themselves_are_network_sort(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    a, s, g = rng.normal(size=n), float(np.exp(rng.normal())), rng.standard_normal(n)
    out, pullback = bubble_sort_by.vjp(a[:, None], a, steepness=s)
    want, pull = network_sort.vjp(a, network="odd_even", cdf="logistic", beta=s)
    agree(out[:, 0], want, VALUE, gauge=np.abs(a).max())
    grads, exactly = pullback(g[:, None]), pull(g)
    size = (1.0 + s) * (1.0 + np.abs(a).max()) * np.abs(g).max()
    agree(grads.a + grads.t[:, 0], exactly.x, GRADIENT, gauge=size)
    agree(grads.steepness, exactly.beta, GRADIENT, gauge=size)


def test_a_large_steepness_sorts_rows_and_ties_share() -> None:
    t, a = np.arange(8.0).reshape(4, 2), np.array([3.0, 1.0, 2.0, 0.0])
    same_bits(bubble_sort_by(t, a, steepness=1e6), t[np.argsort(a)])
    agree(bubble_sort_by(t[:2], np.ones(2), steepness=1e300), np.repeat(t[:2].mean(0, keepdims=True), 2, 0), 1.0)


# extremes and NaN ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steepness", [1e-300, 1e-3, 1.0, 10.0])
def test_extreme_finite_inputs_give_finite_results(steepness: float) -> None:
    edge = np.array([1.7976931348623157e308, -1e308, 1.7e308, -1.7e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])
    keys = np.array([0.3, -1.0, 2.0, 0.1, 0.4, 1e308, -1e308, 1.0, 5e-324])
    out, pullback = bubble_sort_by.vjp(edge[:, None], keys, steepness=steepness)
    assert (np.abs(out) <= 1.7976931348623157e308).all()
    grads = pullback(np.random.default_rng(0).standard_normal((9, 1)) * 1e-3)
    assert np.isfinite(grads.t).all()
    assert np.isfinite(grads.a).all()
    assert not np.isnan(grads.steepness)  # its true value may exceed all floats: keys and rows are both 1e308


def test_the_largest_float_stays_itself() -> None:
    same_bits(bubble_sort_by(np.full((5, 1), 1.7976931348623157e308), np.arange(5.0), steepness=1.0),
              np.full((5, 1), 1.7976931348623157e308))  # fmt: skip


def test_gradients_of_large_rows_are_those_of_small_rows_scaled() -> None:
    rng = np.random.default_rng(3)
    t, a, g = rng.normal(size=(6, 2)), rng.normal(size=6), rng.standard_normal((6, 2))
    _, small = bubble_sort_by.vjp(t, a, steepness=2.0)
    _, large = bubble_sort_by.vjp(t * 2.0**1000, a, steepness=2.0)
    same_bits(large(g).t, small(g).t)
    same_bits(large(g).a * 2.0**-1000, small(g).a)


def test_nan_goes_where_it_is_asked_for() -> None:
    t, a = np.arange(10.0).reshape(5, 2), np.array([0.3, -1.0, 0.2, 2.0, 0.1])
    t[2, 1] = np.nan
    out = bubble_sort_by(t, a, steepness=1.0, steps=1)  # pairs (0, 1) and (2, 3)
    assert np.isnan(out[2:4, 1]).all()
    assert np.isnan(out).sum() == 2
    a[0] = np.nan
    assert np.isnan(bubble_sort_by(np.ones((5, 1)), a, steepness=1.0, steps=1))[:2].all()
    assert np.isfinite(bubble_sort_by(np.ones((5, 1)), a, steepness=1.0, steps=1))[2:].all()


# shapes and dtypes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch_t", "batch_a", "batch_s"),
    [((), (2,), ()), ((2,), (), (2,)), ((2, 1), (3,), (2, 1)), ((2, 3), (2, 3), (3,)), ((1, 3), (2, 1), (1, 1))],
)
def test_batch_axes_broadcast_and_gradients_are_summed(batch_t: tuple, batch_a: tuple, batch_s: tuple) -> None:
    rng = np.random.default_rng(4)
    t, a, s = rng.normal(size=(*batch_t, 4, 2)), rng.normal(size=(*batch_a, 4)), np.exp(rng.normal(size=batch_s))
    batch = np.broadcast_shapes(batch_t, batch_a)
    g = rng.standard_normal((*batch, 4, 2))
    out, pullback = bubble_sort_by.vjp(t, a, steepness=s, steps=3)
    wide = [np.broadcast_to(t, (*batch, 4, 2)), np.broadcast_to(a, (*batch, 4)), np.broadcast_to(s, batch)]
    grads = pullback(g)
    sums = [np.zeros(part.shape) for part in wide]
    for row in np.ndindex(batch):
        alone, pull = bubble_sort_by.vjp(wide[0][row], wide[1][row], steepness=float(wide[2][row]), steps=3)
        same_bits(out[row], alone)
        for total, part in zip(sums, pull(g[row]), strict=True):
            total[row] = part
    for got, total, shape in zip(grads, sums, (t.shape, a.shape, s.shape), strict=True):
        assert got.shape == shape
        agree(got, boundary.unbroadcast(total, shape), 16.0, gauge=np.abs(total).sum())


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 3, 0), (3, 0)])
def test_nothing_comes_back_as_nothing(shape: tuple[int, ...]) -> None:
    out, pullback = bubble_sort_by.vjp(np.zeros(shape), np.array([0.3, 0.1, 0.2]), steepness=1.0)
    assert out.shape == shape
    grads = pullback(np.zeros(shape))
    same_bits((grads.a, grads.steepness), (np.zeros(3), np.array(0.0)))


def test_float32_is_the_rounded_float64_answer() -> None:
    rng = np.random.default_rng(5)
    t, a = rng.normal(size=(2, 6, 3)).astype(np.float32), rng.normal(size=(2, 6)).astype(np.float32)
    g = rng.standard_normal((2, 6, 3)).astype(np.float32)
    out, pullback = bubble_sort_by.vjp(t, a, steepness=2.0)
    want, pull = bubble_sort_by.vjp(t.astype(float), a.astype(float), steepness=2.0)
    same_bits(out, want.astype(np.float32))
    same_bits((pullback(g).t, pullback(g).a), (pull(g).t.astype(np.float32), pull(g).a.astype(np.float32)))
    assert bubble_sort_by(t, a.astype(float), steepness=2.0).dtype == np.float64


def test_layouts_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    t, a = rng.normal(size=(4, 8)), rng.normal(size=8)
    frozen = np.asfortranarray(t)[:, ::2]
    frozen.setflags(write=False)
    want = bubble_sort_by(np.ascontiguousarray(t[:, ::2]), np.ascontiguousarray(a[::2]), steepness=2.0)
    same_bits(bubble_sort_by(frozen, a[::2], steepness=2.0), want)


@pytest.mark.parametrize(("rows", "q"), [(1, 600), (7, 3)])
def test_threads_and_batch_splits_leave_every_bit(eager_threads: None, rows: int, q: int) -> None:
    rng = np.random.default_rng(7)
    t, a, g = rng.normal(size=(rows, 20, q)), rng.normal(size=(rows, 20)), rng.standard_normal((rows, 20, q))
    found = []
    for threads in (1, 2, 5):
        boundary.set_threads(threads)
        out, pullback = bubble_sort_by.vjp(t, a, steepness=2.0)
        found.append((out, *pullback(g)))
    for other in found[1:]:
        same_bits(other, found[0])


def test_a_cotangent_of_another_shape_is_refused() -> None:
    _, pullback = bubble_sort_by.vjp(np.ones((3, 2)), np.arange(3.0), steepness=1.0)
    with pytest.raises(ValueError, match=r"sorting\.bubble_sort_by: argument 'cotangent' has shape \(3,\)"):
        pullback(np.ones(3))
