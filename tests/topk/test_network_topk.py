"""Top k rows of a network's matrix: the sheet, 50 digits, the whole matrix, hard limits, extremes, shapes, memory."""

from __future__ import annotations

import functools
import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from ours import agree, same_bits

from refimpl import boundary, sorting
from refimpl.boundary import Gate
from refimpl.scalars.swaps import CDFS
from refimpl.sorting import network_permutation
from refimpl.sorting.networks import Kept, comparators
from refimpl.topk import network_topk, selection
from refimpl.topk.blocks import GROUP, WIDTHS, width_of
from refimpl.topk.selection import NAMES, reaching, selecting

mpmath.mp.dps = 50
seeds = st.integers(0, 2**32 - 1)
every_cdf = pytest.mark.parametrize("cdf", CDFS)
every_network = pytest.mark.parametrize("network", NAMES)

SHEET = 1e-12  # the sheet prints 12 digits
VALUE = 64.0  # gauged ulp: up to 10 layers, each with a weight to 4 ulp and two roundings
GRADIENT = 1024.0  # gauged ulp: each layer multiplies by a Jacobian whose slope is at an argument off by its rounding
PER_LAYER = 4.0  # ulp that a layer may add to a sum of a row or a column
ORDER = 16.0  # gauged ulp: the same weights, multiplied from the other end
STEP = mpf(10) ** -16  # central differences: truncation 1e-32 of what is found, rounding 1e-34
MEBIBYTE = 2**20

X5 = np.array([0.5, -1.0, 2.0, 0.0, 1.0])
GOLDEN = [
    [0.049549732971, 0.040788763146, 0.591104247613, 0.07893323925, 0.23962401702],
    [0.132310675624, 0.059754111346, 0.155640968499, 0.128736800457, 0.523557444073],
]


def layers_of(network: str, n: int, k: int) -> list[list[tuple[int, int]]]:
    if network == "splitter":
        return sorting.splitter(n, k)
    return {"bitonic": sorting.bitonic, "odd_even": sorting.odd_even}[network](n)


def keywords(cdf: str, lam: float = 0.3) -> dict[str, object]:
    return {"cdf": cdf, **({"lam": lam} if cdf == "art" else {})}


SIGMOIDS = {
    "logistic": lambda y: 1 / (1 + mpmath.exp(-y)),
    "reciprocal": lambda y: mpf(1) / 2 + y / (1 + 2 * abs(y)),
    "cauchy": lambda y: mpf(1) / 2 + mpmath.atan(y) / mpmath.pi,
    "gaussian": lambda y: mpmath.erfc(-y / mpmath.sqrt(2)) / 2,
    "laplace": lambda y: mpmath.exp(y) / 2 if y <= 0 else 1 - mpmath.exp(-y) / 2,
    "hyperbolic_secant": lambda y: 2 / mpmath.pi * mpmath.atan(mpmath.exp(mpmath.pi * y / 2)),
}


def exactly(layers: list[list[tuple[int, int]]], k: int, cdf: str, v: list[mpf], lam: bool) -> list[mpf]:
    """The k last rows of the whole matrix, reversed, row by row; v holds x, beta and (ART) lam."""
    n = len(v) - 1 - lam
    x, beta = list(v[:n]), v[n]
    rows = [[mpf(r == c) for c in range(n)] for r in range(n)]
    for i, j in (pair for layer in layers for pair in layer):
        d = x[j] - x[i]
        y = beta * d / (abs(d) ** v[n + 1] + mpf(1e-10)) if lam else beta * d
        alpha = SIGMOIDS["logistic" if lam else cdf](y)
        x[i], x[j] = alpha * x[i] + (1 - alpha) * x[j], (1 - alpha) * x[i] + alpha * x[j]
        upper, lower = rows[i], rows[j]
        rows[i] = [alpha * a + (1 - alpha) * b for a, b in zip(upper, lower, strict=True)]
        rows[j] = [(1 - alpha) * a + alpha * b for a, b in zip(upper, lower, strict=True)]
    return [entry for m in range(k) for entry in rows[n - 1 - m]]


def jacobian(f, at: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """The value of f and its derivatives (outputs, arguments), rounded to float64 at the very end."""
    point, columns = [mpf(float(number)) for number in at], []
    for e in range(len(point)):
        above, below = (f([*point[:e], point[e] + step, *point[e + 1 :]]) for step in (STEP, -STEP))
        columns.append([float((u - v) / (2 * STEP)) for u, v in zip(above, below, strict=True)])
    return np.array([float(y) for y in f(point)]), np.array(columns).T


# values and gradients ------------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_sheet() -> None:
    assert np.abs(network_topk(X5, k=2, network="bitonic", cdf="cauchy", beta=2.0) - GOLDEN).max() < SHEET
    assert np.abs(network_topk(X5, k=1, network="bitonic", cdf="cauchy", beta=2.0) - GOLDEN[:1]).max() < SHEET


@pytest.mark.parametrize("cdf", [*SIGMOIDS, "art"])
@every_network
def test_full_jacobian_against_50_digits(network: str, cdf: str) -> None:
    x, k, beta, lam = np.array([0.4, -1.3, 2.2, 0.9, 0.1, -0.6]), 3, 1.7, [0.3] if cdf == "art" else []
    layers = layers_of(network, x.size, k)
    f = functools.partial(exactly, layers, k, cdf, lam=bool(lam))
    want, whole = jacobian(f, [*x, beta, *lam])
    p, pullback = network_topk.vjp(x, k=k, network=network, beta=beta, **keywords(cdf))
    agree(p, want.reshape(k, x.size), VALUE, gauge=1.0)
    for entry, g in enumerate(np.eye(k * x.size)):
        grads = pullback(g.reshape(k, x.size))
        got = np.concatenate([np.ravel(part) for part in grads if part is not None])
        agree(got, whole[entry], GRADIENT, gauge=1.0)


@every_cdf
@every_network
@given(seed=seeds, n=st.integers(1, 40), data=st.data())
def test_it_is_the_top_of_the_whole_matrix_in_value_and_gradient(
    network: str, cdf: str, seed: int, n: int, data: st.DataObject
) -> None:
    rng, k = np.random.default_rng(seed), data.draw(st.integers(1, n))
    x, beta = rng.normal(0.0, 2.0, (2, n)), np.exp(rng.normal(size=2))
    g = rng.standard_normal((2, k, n))
    whole, pull_whole = network_permutation.vjp(x, network=layers_of(network, n, k), beta=beta, **keywords(cdf))
    p, pullback = network_topk.vjp(x, k=k, network=network, beta=beta, **keywords(cdf))
    padded = np.zeros((2, n, n))
    padded[:, n - k :] = g[:, ::-1]
    agree(p, whole[:, ::-1][:, :k], ORDER, gauge=1.0)
    for got, want in zip(pullback(g), pull_whole(padded), strict=True):
        assert (got is None) == (want is None)
        if got is not None:
            agree(got, want, ORDER * (1 + len(layers_of(network, n, k))), gauge=1.0 + np.abs(want).max(initial=0.0))


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 8, 9, 31, 32, 33, 64, 65, 127, 128, 129, 150])
def test_rows_do_not_notice_their_block(k: int) -> None:
    """Around the widths of blocks (1 to 32) and groups (128)."""
    rng = np.random.default_rng(k)
    x, g = rng.normal(size=150), rng.standard_normal((k, 150))
    p, pullback = network_topk.vjp(x, k=k, network="bitonic", cdf="logistic", beta=2.0)
    whole, pull_whole = network_permutation.vjp(x, network="bitonic", cdf="logistic", beta=2.0)
    padded = np.concatenate([np.zeros((150 - k, 150)), g[::-1]])
    agree(p, whole[::-1][:k], ORDER, gauge=1.0)
    agree(pullback(g).x, pull_whole(padded).x, GRADIENT, gauge=np.abs(pull_whole(padded).x).max())


def test_widths_hold_the_rows_they_are_chosen_for() -> None:
    for k in range(1, 200):
        assert width_of(k) in WIDTHS
        assert width_of(k) >= min(k, WIDTHS[-1])
        assert width_of(k) < 2 * k
    assert all(GROUP % width == 0 for width in WIDTHS)  # a block never reaches into the next group


def test_directional_derivative_at_a_thousand_values() -> None:
    """<g, P_k(x + h u) - P_k(x - h u)> / 2h; truncation and rounding are both below 1e-8 of its size."""
    rng = np.random.default_rng(0)
    x, u, g = rng.normal(size=1024), rng.normal(size=1024), rng.standard_normal((5, 1024))
    h, how = 1e-5, {"k": 5, "cdf": "cauchy", "beta": 1.5}
    _, pullback = network_topk.vjp(x, **how)
    found = float(pullback(g).x @ u)
    p = network_topk(np.stack([x + h * u, x - h * u]), **how)
    assert abs(found - float((g * (p[0] - p[1])).sum()) / (2 * h)) < 1e-7 * np.abs(pullback(g).x) @ np.abs(u)


@every_cdf
@every_network
@given(seed=seeds, n=st.integers(1, 40), data=st.data())
def test_rows_sum_to_1_and_columns_to_at_most_1(network: str, cdf: str, seed: int, n: int, data: st.DataObject) -> None:
    rng, k = np.random.default_rng(seed), data.draw(st.integers(1, n))
    beta = float(np.exp(rng.normal()))
    p = network_topk(rng.normal(0.0, 2.0, n), k=k, network=network, beta=beta, **keywords(cdf))
    ulps = PER_LAYER * (1 + len(layers_of(network, n, k)))
    agree(p.sum(1), np.ones(k), ulps)
    assert (p >= 0.0).all()
    assert (p.sum(0) <= 1.0 + 1e-15 * ulps).all()
    if k == n:
        agree(p.sum(0), np.ones(n), ulps)


# hard limits, networks -----------------------------------------------------------------------------------------------


@every_network
@pytest.mark.parametrize("n", [*range(1, 41), 42, 43, 44, 45, 46, 54])
def test_the_hard_limit_is_the_top_k_of_numpy(network: str, n: int) -> None:
    """Also where the widespread bitonic construction does not sort: n = 22, 38, 42 to 46, 54."""
    x = np.stack([np.random.default_rng([n, seed]).permutation(n) for seed in range(3)]).astype(float)
    order = np.argsort(-x, axis=-1)
    for k in range(1, n + 1):
        p = network_topk(x, k=k, network=network, cdf="heaviside", beta=1.0)
        same_bits(p, np.eye(n)[order[:, :k]])


def test_large_beta_gives_the_hard_limit() -> None:
    x = np.random.default_rng(0).normal(size=(4, 50))
    p = network_topk(x, k=5, beta=1e300)
    assert np.abs(p - np.eye(50)[np.argsort(-x)[:, :5]]).max() < 1e-14


@pytest.mark.parametrize(
    ("network", "n", "k", "layers"),
    [
        ("splitter", 16, 5, 10), ("splitter", 50, 5, 15), ("splitter", 1000, 5, 22), ("splitter", 1024, 5, 22),
        ("splitter", 10450, 5, 27), ("bitonic", 1024, 5, 55), ("bitonic", 10450, 5, 105),
    ],
)  # fmt: skip
def test_layers_are_as_many_as_the_thesis_counts(network: str, n: int, k: int, layers: int) -> None:
    assert len(layers_of(network, n, k)) == layers
    assert selecting(Gate("test"), network, n, k).starts.size - 1 <= layers  # whole layers of others' ranks may go


@every_network
@pytest.mark.parametrize("n", [1, 2, 5, 9, 16])
def test_only_comparators_that_no_output_depends_on_are_left_out(network: str, n: int) -> None:
    """Change one comparator's weight: the k outputs move if, and only if, it was kept."""
    rng = np.random.default_rng(n)
    for k in {1, min(3, n), n}:
        whole = comparators(Gate("test"), layers_of(network, n, k), n)
        kept = reaching(whole, k)
        weight = rng.uniform(0.1, 0.4, whole.first.size)
        pairs = list(zip(whole.first.tolist(), whole.second.tolist(), strict=True))

        def last(weight: np.ndarray, pairs=pairs, k=k) -> np.ndarray:
            m = np.eye(n)
            for (i, j), a in zip(pairs, weight, strict=True):
                m[[i, j]] = a * m[i] + (1 - a) * m[j], (1 - a) * m[i] + a * m[j]
            return m[n - k :]

        moves = []
        for c in range(weight.size):
            other = weight.copy()
            other[c] += 0.3
            if not np.array_equal(last(other), last(weight)):
                moves.append(pairs[c])
        assert moves == list(zip(kept.first.tolist(), kept.second.tolist(), strict=True))


def test_a_selection_is_made_of_whole_layers_in_order() -> None:
    whole, kept = comparators(Gate("t"), sorting.splitter(40, 3), 40), selecting(Gate("t"), "splitter", 40, 3)
    assert kept.starts[0] == 0
    assert kept.starts[-1] == kept.first.size < whole.first.size
    for start, stop in zip(kept.starts[:-1], kept.starts[1:], strict=True):
        wires = np.concatenate([kept.first[start:stop], kept.second[start:stop]])
        assert wires.size == np.unique(wires).size > 0


def test_a_network_of_ones_own_is_that_network() -> None:
    x = np.array([[0.4, -1.3, 2.2, 0.9], [1.0, 0.0, 0.3, 0.2]])
    p, pullback = network_topk.vjp(x, k=2, network=sorting.splitter(4, 2), beta=1.3)
    named, pull_named = network_topk.vjp(x, k=2, beta=1.3)
    g = np.random.default_rng(0).standard_normal(p.shape)
    same_bits(p, named)
    same_bits(tuple(pullback(g)), tuple(pull_named(g)))


def test_a_comparator_may_point_downward() -> None:
    """The first wire of a pair gets the minimum, wherever it is."""
    x = np.array([3.0, 1.0, 2.0])
    p = network_topk(x, k=1, network=[[(2, 0)], [(1, 0)], [(0, 2)]], cdf="heaviside", beta=1.0)
    moved = [3.0, 1.0, 2.0]
    for i, j in [(2, 0), (1, 0), (0, 2)]:
        moved[i], moved[j] = min(moved[i], moved[j]), max(moved[i], moved[j])
    assert float((p @ x)[0]) == moved[2]


# conventions ---------------------------------------------------------------------------------------------------------


def test_one_value_is_certain() -> None:
    p, pullback = network_topk.vjp(np.array([[2.5], [1.0]]), k=1, beta=1.0)
    same_bits(p, np.ones((2, 1, 1)))
    same_bits(pullback(np.full((2, 1, 1), 3.0)).x, np.zeros((2, 1)))


def test_ties_are_shared() -> None:
    p = network_topk(np.array([1.0, 1.0]), k=1, cdf="heaviside", beta=1.0)
    same_bits(p, np.array([[0.5, 0.5]]))
    every = network_topk(np.full(4, 0.7), k=1, beta=3.0)
    same_bits(every, np.full((1, 4), 0.25))


def test_small_entries_keep_their_relative_accuracy() -> None:
    """Entries are sums of products of positive weights; logistic tails reach 1e-100 here."""
    x = [240.0, 160.0, 80.0, 0.0]
    layers = sorting.bitonic(4)
    with mpmath.workdps(400):  # 1 - alpha is 1e-105, and must be right to 16 digits
        want = exactly(layers, 2, "logistic", [*map(mpf, x), mpf(1)], lam=False)
    p = network_topk(np.array(x), k=2, network="bitonic", cdf="logistic", beta=1.0).ravel()
    assert p.min() < 1e-60
    # each value is rounded at 240, and a tail magnifies an absolute error of its argument: 240 ulp per layer
    agree(p, [float(entry) for entry in want], 4 * 240.0)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 4)])
def test_empty_batches_come_back_empty(shape: tuple[int, ...]) -> None:
    p, pullback = network_topk.vjp(np.zeros(shape), k=2, beta=2.0)
    assert p.shape == (*shape[:-1], 2, shape[-1])
    grads = pullback(p)
    assert grads.x.shape == shape
    assert float(grads.beta) == 0.0


@every_cdf
@every_network
@pytest.mark.parametrize("beta", [1e-300, 1.0, 1e300])
def test_extreme_finite_values_give_finite_results(network: str, cdf: str, beta: float) -> None:
    edge = np.array([1e308, -1e308, 1.7e308, -1.7e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])
    p, pullback = network_topk.vjp(edge, k=4, network=network, beta=beta, **keywords(cdf))
    agree(p.sum(1), np.ones(4), VALUE)
    if (cdf, beta) == ("art", 1e300):  # its slope at a tie is beta 1e10 / 4, and edge has one: no float is that large
        return
    for grad in pullback(np.random.default_rng(0).standard_normal((4, 9))):
        assert grad is None or np.isfinite(grad).all()


def test_batches_parameters_and_layouts() -> None:
    rng = np.random.default_rng(3)
    x, beta = rng.normal(size=(2, 3, 7)), np.array([[0.7], [3.0]])
    g = rng.standard_normal((2, 3, 4, 7))
    p, pullback = network_topk.vjp(x, k=4, beta=beta)
    grads = pullback(g)
    assert (p.shape, grads.x.shape, grads.beta.shape, grads.lam) == ((2, 3, 4, 7), (2, 3, 7), (2, 1), None)
    total = np.zeros((2, 1))
    for row in np.ndindex(2, 3):
        one, pull_one = network_topk.vjp(x[row], k=4, beta=float(beta[row[0], 0]))
        same_bits(p[row], one)
        same_bits(grads.x[row], pull_one(g[row]).x)
        total[row[0]] += pull_one(g[row]).beta
    agree(grads.beta, total, 4.0)
    wide = np.asfortranarray(np.repeat(x, 2, axis=-1))[..., ::2]
    wide.setflags(write=False)
    same_bits(network_topk(wide, k=np.int32(4), beta=beta), p)


def test_integers_are_numbers() -> None:
    same_bits(network_topk(np.array([3, 1, 2]), k=2, beta=2), network_topk(np.array([3.0, 1.0, 2.0]), k=2, beta=2.0))


def test_float32_is_the_rounded_float64_answer() -> None:
    rng = np.random.default_rng(5)
    x, g = rng.normal(size=(2, 17)).astype(np.float32), rng.standard_normal((2, 3, 17)).astype(np.float32)
    p, pullback = network_topk.vjp(x, k=3, beta=2.0)
    want, pull_wide = network_topk.vjp(x.astype(float), k=3, beta=2.0)
    same_bits(p, want.astype(np.float32))
    grads, wide = pullback(g), pull_wide(g.astype(float))
    same_bits(grads.x, wide.x.astype(np.float32))
    agree(grads.beta, wide.beta, 2.0)


def test_nan_reaches_no_row_and_no_entry_that_does_not_depend_on_it() -> None:
    x, network = np.array([np.nan, 0.3, -1.0, 2.0, 0.1]), [[(0, 1), (2, 3)], [(3, 4)]]
    p, pullback = network_topk.vjp(x, k=4, network=network, beta=1.0)
    clean, pull_clean = network_topk.vjp(np.nan_to_num(x), k=4, network=network, beta=1.0)
    same_bits(p[:3], clean[:3])  # wires 4, 3, 2
    assert np.isnan(p[3, :2]).all()  # wire 1 depends on inputs 0 and 1, and not on the others
    same_bits(p[3, 2:], np.zeros(3))
    g = np.random.default_rng(0).standard_normal((4, 5))
    same_bits(pullback(g).x[2:], pull_clean(g).x[2:])
    assert np.isnan(pullback(g).x[:2]).all()


def test_nan_leaves_other_rows_of_the_batch_alone() -> None:
    x = np.array([[0.3, np.nan, -1.0], [0.1, 0.7, 0.2]])
    p, pullback = network_topk.vjp(x, k=2, beta=1.0)
    same_bits(p[1], network_topk(x[1], k=2, beta=1.0))
    assert np.isnan(p[0]).all()
    assert np.isfinite(pullback(np.ones((2, 2, 3))).x[1]).all()


@pytest.mark.parametrize("k", [0, -1, 4, 2.0, 2.5, True, np.True_, None, "2", np.array([1, 2])])
def test_k_is_a_whole_number_from_1_to_n(k: object) -> None:
    kind = ValueError if type(k) is int else TypeError
    with pytest.raises(kind, match=r"topk\.network_topk: argument 'k' is .* a whole number from 1 to n = 3"):
        network_topk(np.zeros(3), k=k, beta=1.0)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ("spliter", "did you mean 'splitter'"), ("bitonik", "did you mean 'bitonic'"), ([[(0, 3)]], r"\(0, 3\)"),
        ([[(0, 0)]], "twice"), ([[(0, 1), (1, 2)]], "twice"), ([[(-1, 1)]], "wires 0 to 2"),
    ],
)  # fmt: skip
def test_networks_that_do_not_fit_are_refused(network: object, says: str) -> None:
    with pytest.raises(ValueError, match=rf"topk\.network_topk: argument 'network' .*{says}"):
        network_topk(np.zeros(3), k=1, network=network, beta=1.0)


def test_a_cotangent_of_another_shape_is_refused() -> None:
    _, pullback = network_topk.vjp(np.zeros((2, 5)), k=3, beta=1.0)
    with pytest.raises(ValueError, match=r"shape \(2, 5, 3\); expected the shape of the output, \(2, 3, 5\)"):
        pullback(np.zeros((2, 5, 3)))


# threads, memory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "k"), [(1, 3), (2, 3), (7, 3), (1, 150), (3, 150)])
def test_bits_do_not_depend_on_threads_or_on_the_batch(eager_threads: None, rows: int, k: int) -> None:
    rng = np.random.default_rng(rows)
    x, g = rng.normal(size=(rows, 160)), rng.standard_normal((rows, k, 160))

    def once(x: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, pullback = network_topk.vjp(x, k=k, network="bitonic", beta=2.0)
        return p, pullback(g).x

    boundary.set_threads(1)
    alone = once(x, g)
    for threads in (2, 3, 5):
        boundary.set_threads(threads)
        same_bits(once(x, g), alone)
        same_bits(once(x[-1:], g[-1:]), tuple(part[-1:] for part in alone))


def traced_peak(network: str, batch: int) -> float:
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(batch, 10450)), rng.standard_normal((batch, 5, 10450))
    network_topk(x[:1], k=5, network=network, beta=1.0)  # keeps the list of comparators
    before = boundary.get_threads()
    boundary.set_threads(2)
    tracemalloc.start()
    try:
        _, residuals = network_topk.forward(x, k=5, network=network, beta=1.0)
        network_topk.backward(residuals, g)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        boundary.set_threads(before)
    return peak / MEBIBYTE


@pytest.mark.parametrize(
    ("network", "batch", "bound"), [("splitter", 1, 8.0), ("splitter", 10, 32.0), ("bitonic", 1, 64.0)]
)
def test_ten_thousand_values_need_little_memory(network: str, batch: int, bound: float) -> None:
    """31445 comparators of the splitter network, 419695 of the bitonic one: residuals, q and the tape of one block."""
    assert traced_peak(network, batch) < bound


def test_networks_are_kept_up_to_a_number_of_bytes() -> None:
    """Selections of a bitonic network on 5000 wires: about 6 MB each."""
    for k in range(1, 31):
        selecting(Gate("test"), "bitonic", 5000, k)
    kept = selection._kept
    assert 0.8 * kept.most < kept.size <= kept.most == selection.KEPT_BYTES
    assert selecting(Gate("test"), "bitonic", 5000, 30) is selecting(Gate("test"), "bitonic", 5000, 30)


def test_a_network_beyond_what_may_be_kept_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_kept", Kept(1000))
    for n, kept in ((5, True), (64, False)):
        assert (selecting(Gate("test"), "splitter", n, 3) is selecting(Gate("test"), "splitter", n, 3)) == kept
