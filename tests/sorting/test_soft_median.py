"""The relaxed medians: the sheet, 50 digits, erratum P-30, hard limits, extremes, keywords, shapes."""

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
from refimpl.sorting import bubble_sort_by, soft_median

seeds = st.integers(0, 2**32 - 1)

SHEET, FOUR_DIGITS = 1e-12, 5e-5  # what the sheet prints
VALUE = 64.0  # gauged ulp of the exact kind: as the soft sort
PER_REMOVAL = 256.0  # gauged ulp for each unit of removal: log-weights of that size are rounded, in each of some rounds
GRADIENT = 2048.0  # gauged ulp: rounds multiply by Jacobians at arguments off by their rounding
OUTLIER = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
PRINT = {"kind": "fast", "selection": 1.0, "removal": 1.0}


def trimmed(v: list[mpf], n: int, rounds: int) -> list[mpf]:
    """The recursion as it stands, with its logsumexp."""
    x, b1, b2 = v[:n], v[n], v[n + 1]
    logs = [-mpmath.log(n)] * n

    def softmax(z: list[mpf]) -> list[mpf]:
        e = [mpmath.exp(entry) for entry in z]
        return [entry / sum(e) for entry in e]

    for _ in range(rounds):
        low = softmax([-b1 * a + b for a, b in zip(x, logs, strict=True)])
        high = softmax([b1 * a + b for a, b in zip(x, logs, strict=True)])
        logs = [c - b2 * (a + b) for a, b, c in zip(low, high, logs, strict=True)]
        total = mpmath.log(sum(mpmath.exp(c) for c in logs))
        logs = [c - total for c in logs]
    return [sum(mpmath.exp(c) * a for a, c in zip(x, logs, strict=True))]


def sorted_middle(v: list[mpf], n: int, rounds: int) -> list[mpf]:
    layers = [[(i, i + 1) for i in range(j % 2, n - 1, 2)] for j in range(rounds)]
    b = exact.sort(layers, "logistic", v[:n], v[n], mpf(0))
    return [(b[(n - 1) // 2] + b[n // 2]) / 2]


# values and gradients ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounds", "want", "within"),
    [(0, 21.2, SHEET), (1, 11.862407972779, SHEET), (2, 6.698040868477, SHEET), (5, 2.642875781643, SHEET),
     (20, 2.4881, FOUR_DIGITS), (100, 2.4927, FOUR_DIGITS)],
)  # fmt: skip
def test_the_printed_recursion_is_that_of_the_sheet(rounds: int, want: float, within: float) -> None:
    assert abs(soft_median(OUTLIER, **PRINT, rounds=rounds) - want) < within


@pytest.mark.parametrize(("removal", "want"), [(50.0, 2.5006), (2000.0, 2.0)])
def test_the_sharpened_recursion_is_that_of_the_sheet(removal: float, want: float) -> None:
    assert abs(soft_median(OUTLIER, kind="fast", selection=10.0, removal=removal) - want) < FOUR_DIGITS


def test_the_print_is_nearly_the_mean_where_values_are_close() -> None:
    """Erratum P-30: it is not scale covariant; the sheet finds weights within [.198, .202] here."""
    _, residuals = soft_median.forward(np.array([0.0, 0.1, 0.2, 0.3, 0.4]), **PRINT, rounds=2)
    assert residuals.fast is not None
    assert 0.198 <= residuals.fast.w.min() <= residuals.fast.w.max() <= 0.202


def test_the_exact_median_is_the_middle_of_the_sheets_sort() -> None:
    assert abs(soft_median(np.array([3.0, 1.0, 2.0]), steepness=2.0) - 2.011349704671) < SHEET
    even = soft_median(np.array([3.0, 1.0, 2.0, 0.0]), steepness=2.0)
    assert abs(even - (1.019017317591 + 1.980982682409) / 2.0) < SHEET


@given(seed=seeds, n=st.integers(1, 6), rounds=st.integers(0, 7))
def test_exact_kind_against_50_digits(seed: int, n: int, rounds: int) -> None:
    rng = np.random.default_rng(seed)
    x, s = rng.normal(size=n), float(np.exp(rng.uniform(-1.5, 1.5)))
    want, jacobian = exact.jacobian(lambda v: sorted_middle(list(v), n, rounds), [*x, s])
    y, pullback = soft_median.vjp(x, steepness=s, rounds=rounds)
    agree(y, want[0], VALUE, gauge=np.abs(x).max())
    grads = pullback(np.array(1.0))
    agree(np.append(grads.x, grads.steepness), jacobian[0], GRADIENT, gauge=1.0 + np.abs(jacobian).max())
    assert grads.selection is grads.removal is None


@given(seed=seeds, n=st.integers(1, 6), rounds=st.integers(0, 3))
def test_fast_kind_against_50_digits(seed: int, n: int, rounds: int) -> None:
    rng = np.random.default_rng(seed)
    x, b1, b2 = rng.normal(size=n), float(np.exp(rng.uniform(-1.0, 1.5))), float(np.exp(rng.uniform(-1.0, 1.5)))
    want, jacobian = exact.jacobian(lambda v: trimmed(list(v), n, rounds), [*x, b1, b2])
    y, pullback = soft_median.vjp(x, kind="fast", selection=b1, removal=b2, rounds=rounds)
    agree(y, want[0], PER_REMOVAL * (1.0 + b2), gauge=np.abs(x).max())
    grads = pullback(np.array(1.0))
    size = (1.0 + np.abs(jacobian).max()) * (1.0 + b2) ** rounds  # a round magnifies what it is given by up to b2
    agree([*grads.x, grads.selection, grads.removal], jacobian[0], GRADIENT, gauge=size)
    assert grads.steepness is None


@pytest.mark.parametrize("kind", ["exact", "fast"])
@given(seed=seeds, n=st.integers(1, 9))
def test_a_sharp_median_is_the_median(kind: str, seed: int, n: int) -> None:
    x = np.random.default_rng(seed).permutation(n) * 1.25 - 3.0
    how = {"steepness": 1e6} if kind == "exact" else {"selection": 200.0, "removal": 500.0 * (1.0 + np.ptp(x))}
    agree(soft_median(x, kind=kind, **how), np.median(x), 4.0, gauge=np.abs(x).max())


def test_it_is_the_middle_of_bubble_sort_by() -> None:
    rng = np.random.default_rng(0)
    for n in (7, 8, 40):
        x = rng.normal(size=n)
        b = bubble_sort_by(x[:, None], x, steepness=3.0, steps=n // 2)[:, 0]
        want = (b[(n - 1) // 2] + b[n // 2]) / 2.0
        agree(soft_median(x, steepness=3.0, rounds=n // 2), want, VALUE, gauge=np.abs(x).max())


@pytest.mark.parametrize("rounds", [0, 2, 5, None])
def test_equal_values_share_removal_and_gradients(rounds: int | None) -> None:
    x = np.array([1.0, 0.0, 1.0, 0.0, 4.0, 4.0, 2.0])
    y, pullback = soft_median.vjp(x, kind="fast", selection=3.0, removal=7.0, rounds=rounds)
    gx = pullback(np.array(1.0)).x
    for i, j in ((0, 2), (1, 3), (4, 5)):
        same_bits(gx[i], gx[j])
    y, pullback = soft_median.vjp(np.full(5, 1.5), kind="fast", selection=3.0, removal=7.0, rounds=rounds)
    agree(y, 1.5, 4.0)
    agree(pullback(np.array(1.0)).x, np.full(5, 0.2), 16.0)


# extremes and NaN ----------------------------------------------------------------------------------------------------

EDGE = np.array([1.7976931348623157e308, -1e308, 1.7e308, -1.7976931348623157e308, 0.0, 5e-324, 1e-300, 1.0, 1e308])


@pytest.mark.parametrize("removal", [1e-300, 1.0, 1e3, 1e300, 1.7e308])
@pytest.mark.parametrize("selection", [5e-324, 1e-300, 1.0, 1e3, 1e300, 1.7e308])
@pytest.mark.parametrize("rounds", [1, 3, 9])
def test_fast_values_are_finite_for_finite_inputs(selection: float, removal: float, rounds: int) -> None:
    for x in (EDGE, np.full(3, 1.7976931348623157e308), np.array([5e-324, 1e-310]), EDGE[:1]):
        y = soft_median(x, kind="fast", selection=selection, removal=removal, rounds=rounds)
        assert x.min() <= y <= x.max()


@pytest.mark.parametrize("removal", [1e-300, 1.0, 1e3, 1e300, 1.7e308])
@pytest.mark.parametrize("selection", [5e-324, 1e-300, 1.0, 1e3, 1e300, 1.7e308])
@pytest.mark.parametrize("rounds", [1, 3, 9])
def test_fast_gradients_are_finite_for_finite_inputs(selection: float, removal: float, rounds: int) -> None:
    small = np.random.default_rng(0).standard_normal(7)
    for x in (EDGE, small, 1e-300 * small, 1e300 * small, np.array([5e-324, 1e-310]), EDGE[:1]):
        _, pullback = soft_median.vjp(x, kind="fast", selection=selection, removal=removal, rounds=rounds)
        grads = pullback(np.array(-1.3))
        assert np.isfinite(grads.x).all()
        assert np.isfinite(grads.selection)
        assert np.isfinite(grads.removal)


@pytest.mark.parametrize("steepness", [1e-300, 1.0, 1e300])
def test_exact_values_and_gradients_are_finite(steepness: float) -> None:
    y, pullback = soft_median.vjp(EDGE, steepness=steepness)
    assert np.isfinite(y)
    assert all(np.isfinite(grad).all() for grad in pullback(np.array(1.0))[:2])
    even = soft_median(np.full(4, 1.7976931348623157e308), steepness=steepness)
    same_bits(even, np.array(1.7976931348623157e308))


def test_an_outlier_costs_no_digits_of_the_others() -> None:
    """Softmaxes are of differences from their largest entry, so that 1e17 does not swallow what is near 0."""
    x = np.array([1.0, 2.0, 4.0, 8.0, 1e17])
    agree(soft_median(x, kind="fast", selection=300.0, removal=1e20), 4.0, 4.0)


SHIFT_KEPT = 1e-6  # relative: a spread of 3e6 at 1e13 is rounded by 2^-10, or 4e-10 of it


def test_the_gradient_of_the_removal_does_not_change_with_a_shift() -> None:
    """p + r is nearly 2 / n here, so that a rounded sum of the weights' cotangents would show."""
    x = np.array([1637238.0, -1008448.0, -233811.0, 835791.0])
    how = {"kind": "fast", "selection": 2.3747e-9, "removal": 0.74389}
    _, jacobian = exact.jacobian(lambda v: trimmed(list(v), 4, 1), [*x, how["selection"], how["removal"]])
    for shift in (0.0, 1e13, -1e13):
        _, pullback = soft_median.vjp(x + shift, **how)
        assert abs(pullback(np.array(1.0)).removal / jacobian[0, -1] - 1.0) < SHIFT_KEPT


def test_the_reference_of_the_gradients_is_no_outlier() -> None:
    """With the outlier for a reference, differences of the other values would all be 0."""
    x = np.array([1e17, 1.0, 2.0, 4.0, 8.0])
    grads = soft_median.vjp(x, kind="fast", selection=0.5, removal=1e3, rounds=1)[1](np.array(1.0))
    _, jacobian = exact.jacobian(lambda v: trimmed(list(v), 5, 1), [*x, 0.5, 1e3])
    agree(
        np.append(grads.x, grads.removal),
        np.delete(jacobian[0], 5),
        GRADIENT * 1e3,
        gauge=np.abs(jacobian[0, :5]).max(),
    )


def test_more_rounds_than_lead_to_the_middle_are_allowed_and_leave_it() -> None:
    x = np.array([0.0, 1.0, 2.0, 4.0, 7.0])
    agree(soft_median(x, kind="fast", selection=200.0, removal=5e3), 2.0, 4.0)
    assert abs(soft_median(x, kind="fast", selection=200.0, removal=5e3, rounds=4) - 2.0) > 0.1


def test_a_removal_beyond_the_tails_of_the_selection_takes_others_too() -> None:
    """The neighbour of an outlier has a share exp(-b1 gap) of the selection; removal times that must be small."""
    x = np.array([0.0, 1.0, 2.3, 3.0, 4.0])
    agree(soft_median(x, kind="fast", selection=100.0, removal=1e3), 2.3, 4.0)
    assert abs(soft_median(x, kind="fast", selection=10.0, removal=1e6) - 2.3) > 1e-3


def test_nan_stays_in_its_row() -> None:
    x = np.array([[3.0, 1.0, 2.0], [np.nan, 1.0, 2.0], [1.0, 2.0, np.nan]])
    for how in ({"steepness": 2.0}, {"kind": "fast", "selection": 2.0, "removal": 9.0}, {**PRINT, "rounds": 0}):
        y, pullback = soft_median.vjp(x, **how)
        assert np.isnan(y).tolist() == [False, True, True]
        assert np.isfinite(pullback(np.ones(3)).x[0]).all()


# keywords ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "text"),
    [({**PRINT, "steepness": 1.0}, "'steepness' is given; expected it with kind='exact' only, not with 'fast'"),
     ({"steepness": 1.0, "selection": 1.0}, "'selection' is given; expected it with kind='fast' only, not with 'exact'"),
     ({"steepness": 1.0, "removal": 1.0}, "'removal' is given"), ({}, "'steepness' is missing"),
     ({"kind": "fast", "removal": 1.0}, "'selection' is missing"),
     ({"kind": "fast", "selection": 1.0}, "'removal' is missing")],
)  # fmt: skip
def test_keywords_belong_to_one_kind(how: dict, text: str) -> None:
    with pytest.raises(TypeError, match=f"sorting.soft_median: argument {text}"):
        soft_median(np.array([3.0, 1.0, 2.0]), **how)


@pytest.mark.parametrize("rounds", [-1, 1.5, True, "2"])
@pytest.mark.parametrize("how", [{"steepness": 1.0}, PRINT])
def test_rounds_are_a_whole_number(how: dict, rounds: object) -> None:
    with pytest.raises(ValueError, match=r"sorting\.soft_median: argument 'rounds' is .*a whole number >= 0"):
        soft_median(np.array([3.0, 1.0, 2.0]), **how, rounds=rounds)


@pytest.mark.parametrize("rounds", [2**31 // 3 + 1, 2**63, 10**19, 10**20, pytest.param(10**5000, id="huge")])
def test_more_rounds_of_trimming_than_there_may_be_are_refused(rounds: int) -> None:
    says = r"'rounds' is [m0-9].*; expected at most 715827882 rounds here \(2147483648 over n; floor.*: ask for fewer"
    with pytest.raises(ValueError, match=r"sorting\.soft_median: argument " + says):
        soft_median(np.array([3.0, 1.0, 2.0]), **PRINT, rounds=rounds)


# shapes and dtypes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["exact", "fast"])
def test_batches_are_their_rows(kind: str) -> None:
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=(2, 3, 5)), rng.standard_normal((2, 3))
    names = ("steepness",) if kind == "exact" else ("selection", "removal")
    shapes = ((2, 1), (3,))
    how = {name: np.exp(rng.normal(size=shape)) for name, shape in zip(names, shapes, strict=False)}
    y, pullback = soft_median.vjp(x, kind=kind, **how)
    grads, found = pullback(g), {name: np.zeros((2, 3)) for name in names}
    for at in np.ndindex(2, 3):
        alone = {name: float(np.broadcast_to(p, (2, 3))[at]) for name, p in how.items()}
        row, pull = soft_median.vjp(x[at], kind=kind, **alone)
        same_bits(y[at], row[()])
        same_bits(grads.x[at], pull(g[at]).x)
        for name in names:
            found[name][at] = getattr(pull(g[at]), name)
    for name, p in how.items():
        want = boundary.unbroadcast(found[name], p.shape)
        agree(getattr(grads, name), want, 16.0, gauge=np.abs(found[name]).sum())


@pytest.mark.parametrize("how", [{"steepness": 2.0}, {"kind": "fast", "selection": 2.0, "removal": 9.0}])
def test_float32_layouts_and_empty_batches(how: dict) -> None:
    rng = np.random.default_rng(2)
    x, g = rng.normal(size=(3, 6)).astype(np.float32), rng.standard_normal(3).astype(np.float32)
    y, pullback = soft_median.vjp(x, **how)
    want, pull = soft_median.vjp(x.astype(float), **how)
    same_bits(y, want.astype(np.float32))
    same_bits(pullback(g).x, pull(g).x.astype(np.float32))
    strided = np.asfortranarray(np.repeat(x, 2, axis=1))[:, ::2]
    strided.setflags(write=False)
    same_bits(soft_median(strided, **how), y)
    none, pull = soft_median.vjp(np.zeros((0, 4)), **how)
    assert none.shape == (0,)
    assert pull(none).x.shape == (0, 4)


def test_the_answer_may_be_overwritten() -> None:
    y, pullback = soft_median.vjp(np.array([[3.0, 1.0, 2.0, 7.0]]), kind="fast", selection=2.0, removal=9.0)
    want = pullback(np.ones(1))
    y[:] = 0.0
    same_bits(tuple(pullback(np.ones(1))), tuple(want))


@pytest.mark.parametrize("how", [{"steepness": 2.0}, {"kind": "fast", "selection": 2.0, "removal": 9.0}])
def test_threads_and_batch_splits_leave_every_bit(eager_threads: None, how: dict) -> None:
    rng = np.random.default_rng(7)
    x, g = rng.normal(size=(11, 30)), rng.standard_normal(11)
    found = []
    for threads in (1, 2, 5):
        boundary.set_threads(threads)
        y, pullback = soft_median.vjp(x, **how)
        found.append((y, *pullback(g)))
    for other in found[1:]:
        same_bits(other, found[0])


def test_a_cotangent_of_another_shape_is_refused() -> None:
    _, pullback = soft_median.vjp(np.arange(3.0), steepness=1.0)
    with pytest.raises(ValueError, match=r"sorting\.soft_median: argument 'cotangent' has shape \(3,\)"):
        pullback(np.ones(3))
