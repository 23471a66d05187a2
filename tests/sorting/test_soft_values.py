"""Soft values and soft ranks against exact fractions, closed forms and the sorters of this library."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ours import agree, same_bits

from refimpl import boundary, sorting
from refimpl.op import AnyOp
from refimpl.sorting import soft_ranks, soft_values

seeds = st.integers(0, 2**32 - 1)
SUM = 8.0  # ulp of the sum of magnitudes: products, and a sum of at most 12 terms
LONG = 64.0  # the same for 1000 terms, in partial sums
ONE_PRODUCT = 0.5  # ulp: a single product
TWICE = 4.0  # ulp: networks give their values by another route, in another order

GOLD_X = np.array([0.9, 0.1, 0.5, 0.2])
# equation sheet, sorting.sinkhorn: x as above, eps = 0.1, converged; row c is n Pi[c], so this is the transposed P
GOLD = np.array(
    [
        [3.7897e-5, 0.00459205, 0.18345413, 0.81191592],
        [0.58814766, 0.34407055, 0.06636378, 0.00141800],
        [0.02501400, 0.21060218, 0.58460850, 0.17977532],
        [0.38680045, 0.44073521, 0.16557358, 0.00689076],
    ]
)


def dense(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


@given(seed=seeds)
def test_values_and_full_jacobian_are_the_exact_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    r, n = rng.integers(1, 6, 2)
    p, x, g = dense(rng, r, n), dense(rng, n), dense(rng, r)
    y, pullback = soft_values.vjp(p, x)
    want = [float(sum(Fraction(a) * Fraction(b) for a, b in zip(row, x.tolist(), strict=True))) for row in p.tolist()]
    agree(y, want, SUM, gauge=np.abs(p) @ np.abs(x))
    agree(pullback(g).P, np.outer(g, x), ONE_PRODUCT)
    for row, basis in enumerate(np.eye(r)):
        grads = pullback(basis)
        same_bits(grads.x, p[row] + 0.0)
        agree(grads.P, np.outer(basis, x), 0.0)


@given(seed=seeds)
def test_ranks_and_full_jacobian_are_the_exact_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    p, g = dense(rng, n, n), dense(rng, n)
    y, pullback = soft_ranks.vjp(p)
    columns = [[Fraction(entry) for entry in column] for column in p.T.tolist()]
    want = [float(sum((r + 1) * entry for r, entry in enumerate(column))) for column in columns]
    number = np.arange(1.0, n + 1.0)
    agree(y, want, SUM, gauge=number @ np.abs(p))
    agree(pullback(g).P, np.outer(number, g), ONE_PRODUCT)


def test_numbers_of_the_sheet() -> None:
    """Sinkhorn's matrix as printed; the soft ranks follow with pencil and paper."""
    p = GOLD.T
    agree(soft_ranks(p), [3.807248067, 1.4810521, 2.91914514, 1.79255465], SUM)
    assert np.argsort(soft_ranks(p)).tolist() == np.argsort(GOLD_X).tolist()
    assert (np.diff(soft_values(p, GOLD_X)) > 0.0).all()


@given(seed=seeds)
def test_hard_matrices_give_sorted_values_and_ranks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    x = dense(rng, n)
    order = np.argsort(x)
    hard = np.eye(n)[order]
    same_bits(soft_values(hard, x), np.sort(x))
    same_bits(soft_ranks(hard), np.argsort(order) + 1.0)
    same_bits(soft_values(hard[::-1], x), np.sort(x)[::-1].copy())
    same_bits(soft_ranks(hard[::-1]), n - np.argsort(order) + 0.0)


@given(seed=seeds)
def test_with_a_network_they_are_its_sorted_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = dense(rng, 3, int(rng.integers(1, 9)))
    p = sorting.network_permutation(x, beta=3.0)
    n = x.shape[-1]
    agree(soft_values(p, x), sorting.network_sort(x, beta=3.0), TWICE * n, gauge=np.abs(x).max())
    agree(soft_ranks(p).sum(-1), np.full(3, n * (n + 1) / 2.0), TWICE * n)
    same_bits(soft_values(p[:, :1], x), soft_values(p, x)[:, :1])


def test_ranks_count_from_1_at_the_first_row() -> None:
    agree(soft_ranks(np.eye(3)), [1.0, 2.0, 3.0], 0.0)
    agree(soft_ranks(np.ones((1, 1))), [1.0], 0.0)
    agree(soft_ranks.vjp(np.eye(3))[1](np.ones(3)).P, np.array([[1.0] * 3, [2.0] * 3, [3.0] * 3]), 0.0)


# extremes ------------------------------------------------------------------------------------------------------------


def test_sums_that_leave_the_range_come_back() -> None:
    big = np.array([1.5e308, 1.5e308, -1.5e308])
    y, pullback = soft_values.vjp(np.ones((3, 3)), big)
    agree(y, np.full(3, 1.5e308), SUM)
    agree(pullback(big).x, np.full(3, 1.5e308), SUM)
    agree(soft_values(np.full((1, 3), 1e308), np.array([10.0, 1.0, -10.0])), [1e308], 16.0)  # 10 times the gauge
    agree(soft_ranks(np.array([[1.6e308, 0.0], [-1.5e308, 1.0]])), [-1.4e308, 2.0], SUM)


@pytest.mark.parametrize("x", [1.7e308, -1.7e308, 1e-308, 5e-324])
@pytest.mark.parametrize("n", [2, 3, 100])
def test_means_of_extreme_values_stay_finite(x: float, n: int) -> None:
    y, pullback = soft_values.vjp(np.full((n, n), 1.0 / n), np.full(n, x))
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= abs(x) * (1.0 + 1e-14) or abs(x) < 1e-300
    assert np.isfinite(np.concatenate([pullback(np.ones(n)).P.ravel(), pullback(np.ones(n)).x])).all()


def test_only_what_is_beyond_the_range_is_infinite() -> None:
    agree(soft_values(np.ones((2, 2)) * [[1.0], [-1.0]], np.full(2, 1.5e308)), [np.inf, -np.inf], 0.0)


def test_small_terms_survive_beside_large_ones_of_weight_0() -> None:
    same_bits(soft_values(np.eye(2), np.array([1e308, 1e-320])), np.array([1e308, 1e-320]))


# NaN, shapes, dtypes, threads ----------------------------------------------------------------------------------------


def test_nan_reaches_what_depends_on_it() -> None:
    p = np.array([[1.0, 0.0], [0.5, 0.5]])
    y, pullback = soft_values.vjp(p, np.array([1.0, np.nan]))
    assert (np.isnan(y) == [False, True]).all()
    grads = pullback(np.ones(2))
    assert np.isfinite(grads.x).all()
    assert (np.isnan(grads.P) == [[False, True]] * 2).all()
    y, pullback = soft_values.vjp(np.array([[np.nan, 0.5], [0.5, 0.5]]), np.ones(2))
    assert (np.isnan(y) == [True, False]).all()
    assert (np.isnan(pullback(np.ones(2)).x) == [True, False]).all()
    assert (np.isnan(soft_ranks(np.array([[np.nan, 0.5], [0.5, 0.5]]))) == [True, False]).all()


@pytest.mark.parametrize(("of_p", "of_x"), [((), (3,)), ((3,), ()), ((2, 1), (3,)), ((2, 3), (2, 3)), ((0,), ())])
def test_broadcasting_is_that_of_the_expanded_arrays(of_p: tuple[int, ...], of_x: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    p, x = dense(rng, *of_p, 2, 4), dense(rng, *of_x, 4)
    batch = np.broadcast_shapes(of_p, of_x)
    wide_p, wide_x = np.array(np.broadcast_to(p, (*batch, 2, 4))), np.array(np.broadcast_to(x, (*batch, 4)))
    y, pullback = soft_values.vjp(p, x)
    want, pull = soft_values.vjp(wide_p, wide_x)
    same_bits(y, want)
    g = dense(rng, *batch, 2)
    grads, full = pullback(g), pull(g)
    agree(grads.P, boundary.unbroadcast(full.P, p.shape), SUM, gauge=np.abs(full.P).sum())
    agree(grads.x, boundary.unbroadcast(full.x, x.shape), SUM, gauge=np.abs(full.x).sum())


def test_no_rows_and_no_lists() -> None:
    y, pullback = soft_values.vjp(np.ones((0, 3)), np.ones(3))
    assert y.shape == (0,)
    agree(pullback(y).x, np.zeros(3), 0.0)
    assert soft_ranks(np.ones((0, 2, 2))).shape == (0, 2)
    assert soft_ranks.vjp(np.ones((0, 2, 2)))[1](np.ones((0, 2))).P.shape == (0, 2, 2)


def test_float32_is_the_rounded_float64_answer() -> None:
    rng = np.random.default_rng(1)
    p, x, g = (dense(rng, *shape).astype(np.float32) for shape in ((3, 5, 5), (5,), (3, 5)))
    for got, want in (
        (soft_values.vjp(p, x), soft_values.vjp(p.astype(float), x.astype(float))),
        (soft_ranks.vjp(p), soft_ranks.vjp(p.astype(float))),
    ):
        same_bits(got[0], want[0].astype(np.float32))
        rounded = tuple(grad.astype(np.float32) for grad in want[1](g.astype(float)))
        same_bits(tuple(got[1](g)), rounded)


def test_any_layout_gives_the_same_bits_and_the_pullback_keeps_its_own_copy() -> None:
    rng = np.random.default_rng(2)
    p, x = dense(rng, 2, 4, 4), dense(rng, 4)
    y, pullback = soft_values.vjp(p, x)
    grads = pullback(y)
    frozen = np.asfortranarray(p)
    frozen.setflags(write=False)
    for one, other in ((frozen, np.repeat(x, 2)[::2]), (p.astype(">f8"), x.tolist())):
        again, pull = soft_values.vjp(one, other)
        same_bits((again, *pull(y)), (y, *grads))
        same_bits(soft_ranks(one), soft_ranks(p))
    p[:], x[:] = 0.0, 0.0
    same_bits(tuple(pullback(y)), tuple(grads))


def test_bits_do_not_depend_on_threads_or_batches(eager_threads: None) -> None:
    rng = np.random.default_rng(3)
    p, x, g = dense(rng, 3, 300, 300), dense(rng, 300), dense(rng, 3, 300)
    found = []
    for threads in (1, 2, 3, 7):
        boundary.set_threads(threads)
        (y, pull), (ranks, pull_ranks) = soft_values.vjp(p, x), soft_ranks.vjp(p)
        found.append((y, *pull(g), ranks, *pull_ranks(g)))
        same_bits(found[-1], found[0])
    for k in range(3):
        y, pull = soft_values.vjp(p[k], x)
        same_bits((y, pull(g[k]).P, soft_ranks(p[k])), (found[0][0][k], found[0][1][k], found[0][3][k]))


def test_long_sums_are_accurate() -> None:
    rng = np.random.default_rng(4)
    p, x = rng.random((3, 1000)), dense(rng, 1000)
    agree(soft_values(p, x), soft_values.oracle(p, x), LONG, gauge=np.abs(x).max())


@pytest.mark.parametrize(
    ("op", "case"), [(op, case) for op in (soft_values, soft_ranks) for case in op.cases if case.error],
    ids=lambda thing: thing.name,
)  # fmt: skip
def test_wrong_input_is_refused_by_name(op: AnyOp, case: Any) -> None:
    with pytest.raises(case.error[0]) as refused:
        op(**case.args)
    assert str(refused.value).startswith(f"{op.id}: argument ")
    assert case.error[1] in str(refused.value)
