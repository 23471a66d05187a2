"""The relaxed bubble sort against the sheet, 50 digits, counting by hand, and the swap it is made of."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from ours import agree, same_bits

import refimpl
from refimpl.checking.packing import pack
from refimpl.sorting import bubble_sort, swap

PRINTED = 5e-13  # the sheet prints 12 digits
A3 = np.array([3.0, 1.0, 2.0])
VALUE, GRADIENT = 64.0, 256.0  # as declared


def exactly(a: list[mpf], beta: mpf) -> list[mpf]:
    """The program in numbers of 50 digits: array, swaps, swapped."""
    values, n = list(a), len(a)
    out, swaps, swapped, reached, loss = [mpf(0)] * n, mpf(0), mpf(0), mpf(1), mpf(0)
    for t in range(n):
        some = mpf(0)
        for i in range(n - 1 - t):
            p = 1 / (1 + mpmath.exp(-beta * (values[i] - values[i + 1])))
            values[i], values[i + 1] = (1 - p) * values[i] + p * values[i + 1], p * values[i] + (1 - p) * values[i + 1]
            some, loss = p + (1 - p) * some, loss + p
        w, reached = reached * (1 - some), reached * some
        out = [o + w * v for o, v in zip(out, values, strict=True)]
        swaps, swapped = swaps + w * loss, swapped + w * some
    return [*out, swaps, swapped]


def test_the_sheets_values_and_gradient() -> None:
    (array, swaps, swapped), pullback = bubble_sort.vjp(A3, beta=1.0)
    assert np.abs(array - [1.497419688928, 1.9834017713, 2.519178539772]).max() < PRINTED
    assert abs(swaps - 1.8204762264207) < PRINTED
    assert abs(swapped - 0.2253039535996) < PRINTED
    gradient = pullback((np.zeros(3), 1.0, 0.0)).a
    assert np.abs(gradient - [0.30954611818, 0.074281008112, -0.383827126292]).max() < 5e-12


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("beta", [0.3, 2.0, 30.0])
def test_values_and_full_jacobian_against_50_digits(n: int, beta: float) -> None:
    a = np.random.default_rng(n).standard_normal(n)
    point = [*a, beta]
    with mpmath.workdps(80):
        want = exactly([mpf(x) for x in a], mpf(beta))
        step, columns = mpf(10) ** -30, []
        for k in range(n + 1):
            above, below = ([mpf(x) + (sign * step if j == k else 0) for j, x in enumerate(point)] for sign in (1, -1))
            pairs = zip(exactly(above[:-1], above[-1]), exactly(below[:-1], below[-1]), strict=True)
            columns.append([float((up - down) / (2 * step)) for up, down in pairs])
    y, pullback = bubble_sort.vjp(a, beta=beta)
    agree(pack(bubble_sort, y), [float(w) for w in want], VALUE, gauge=max(1.0, n * (n - 1) / 2))
    jacobian = np.array(columns).T
    for row, g in enumerate(np.eye(n + 2)):
        grads = pullback((g[:n], g[n], g[n + 1]))
        agree([*grads.a, grads.beta], jacobian[row], GRADIENT, gauge=1.0 + np.abs(jacobian).max())


def test_hard_limit_sorts_and_counts_inversions() -> None:
    for n in range(1, 6):
        for order in itertools.permutations(range(n)):
            array, swaps, swapped = bubble_sort(np.array(order, float), beta=1e4)
            inversions = sum(i < j and order[i] > order[j] for i in range(n) for j in range(n))
            assert array.tolist() == sorted(order)
            assert (float(swaps), float(swapped)) == (inversions, 0.0)


def test_two_values_are_the_relaxed_swap() -> None:
    a, b, beta = 0.9, 0.4, 3.0
    array, swaps, _ = bubble_sort(np.array([a, b]), beta=beta)
    agree(array, np.stack(swap(a, b, cdf="logistic", beta=beta)), 4.0)
    agree(swaps, (1.0 / (1.0 + math.exp(-beta * (a - b)))) * 1.0, 4.0)


def test_swapped_of_the_first_pass_is_one_minus_the_product_of_staying() -> None:
    _, residuals = bubble_sort.forward(np.array([0.3, -0.2, 0.9, 0.1]), beta=2.0)
    agree(residuals.passes[0, 0, 2], residuals.alpha[0, :3].prod(), 4.0)
    agree(residuals.passes[0, 0, 1] + residuals.passes[0, 0, 2], 1.0, 4.0)


def test_weights_of_the_passes_sum_to_one() -> None:
    _, residuals = bubble_sort.forward(np.random.default_rng(3).standard_normal((5, 7)), beta=1.5)
    weights = residuals.passes[..., 0] * residuals.passes[..., 2]
    agree(weights.sum(-1), np.ones(5), 16.0)


@pytest.mark.parametrize("beta", [1e-300, 1e300])
def test_extreme_temperatures_and_sizes_stay_finite(beta: float) -> None:
    for a in ([1e308, -1e308, 0.0], [5e-324, 0.0, -5e-324], [1.0, 1.0, 1.0], [1e308, 1e308, -1e308]):
        y, pullback = bubble_sort.vjp(np.array(a), beta=beta)
        assert np.isfinite(pack(bubble_sort, y)).all()
        for gradient in pullback((np.array([1.0, -2.0, 0.5]), 0.7, -1.0)):
            assert np.isfinite(gradient).all()


def test_float32_is_the_rounded_float64() -> None:
    a = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    single, double = bubble_sort(a, beta=2.0), bubble_sort(a.astype(np.float64), beta=2.0)
    same_bits(tuple(single), tuple(y.astype(np.float32) for y in double))
    assert bubble_sort.vjp(a, beta=2.0)[1](single).a.dtype == np.float32


def test_threads_and_batches_leave_the_bits_alone(eager_threads: None) -> None:
    a, g = np.random.default_rng(1).standard_normal((8, 6)), np.random.default_rng(2).standard_normal((8, 6))
    results = []
    for threads in (1, 3):
        refimpl.set_threads(threads)
        y, pullback = bubble_sort.vjp(a, beta=2.0)
        results.append((tuple(y), tuple(pullback((g, g[:, 0], g[:, 1])))))
    same_bits(results[0][0], results[1][0])
    same_bits(results[0][1], results[1][1])
    same_bits(tuple(bubble_sort(a[3], beta=2.0)), tuple(y[3] for y in results[0][0]))


def test_layouts_and_integers_are_taken() -> None:
    a = np.asfortranarray(np.random.default_rng(4).standard_normal((3, 8)))[:, ::2]
    a.flags.writeable = False
    same_bits(tuple(bubble_sort(a, beta=2.0)), tuple(bubble_sort(np.array(a), beta=2.0)))
    same_bits(tuple(bubble_sort([3, 1, 2], beta=1)), tuple(bubble_sort(A3, beta=1.0)))


def test_a_cotangent_that_is_no_triple_is_refused() -> None:
    _, pullback = bubble_sort.vjp(A3, beta=1.0)
    with pytest.raises(TypeError, match=r"sorting\.bubble_sort: argument 'cotangent' is not a triple; expected three"):
        pullback(1.0)
    with pytest.raises(
        ValueError, match=r"cotangent of swaps' has shape \(3,\); expected the shape of the output, \(\)"
    ):
        pullback((A3, A3, 0.0))


def test_the_array_never_leaves_the_range_of_the_values() -> None:
    big = float(np.finfo(float).max)
    for a, beta in (
        (big * np.array([-1.0, 0.9999999999, 1.0, -1.0, 0.9999999999]), 1e-300),
        (big * np.array([1.0, 1.0 - 2.2e-16, 1.0]), 2.78e-296),
        (np.array([1.1, 1.3, 1.3, 1.1, 1.3]), 0.7),
    ):
        array = bubble_sort(a, beta=beta).array
        assert array.min() >= a.min()
        assert array.max() <= a.max()


def test_the_value_alone_takes_no_more_memory_than_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.random.default_rng(5).standard_normal((2, 300))
    same_bits(tuple(bubble_sort(a, beta=3.0)), tuple(bubble_sort.forward(a, beta=3.0)[0]))
    tracemalloc.start()
    bubble_sort(a, beta=3.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * a.nbytes


def test_huge_cotangents_of_counts_stay_numbers() -> None:
    _, pullback = bubble_sort.vjp(np.array([1e10, -1e10, 3.0]), beta=1e-9)
    for gradient in pullback((np.zeros(3), 1e308, -1e308)):
        assert not np.isnan(gradient).any()
