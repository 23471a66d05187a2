"""The framework doors: right and wrong functions of PyTorch and JAX, and everything they may return."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

import refimpl
from refimpl import NotOffered, sorting
from refimpl.checking.frameworks import FRAMEWORKS, from_jax, from_torch

LOGISTIC = {"cdf": "logistic"}
SORT = {"cdf": "logistic", "network": "odd_even", "beta": 2.0}
CDF = {"family": "logistic"}
SAMPLES = 4


class Numbers:
    """What the functions below need of a framework."""

    def __init__(self, name: str) -> None:
        self.name, self.module = name, pytest.importorskip(name)
        self.array = self.module.tensor if name == "torch" else self.module.numpy.asarray
        self.sigmoid = self.module.sigmoid if name == "torch" else self.module.nn.sigmoid
        self.numpy = self.module if name == "torch" else self.module.numpy
        self.cut = (lambda x: x.detach()) if name == "torch" else self.module.lax.stop_gradient

    def check(self, op, function, only, **more):
        return refimpl.check(op, function, framework=self.name, only=only, samples=SAMPLES, **more)

    def integers(self, x):
        return x.to(self.module.int32) if self.name == "torch" else x.astype("int32")

    def stack(self, parts):
        return self.numpy.stack(parts, -1)


@pytest.fixture(params=["torch", "jax"])
def nn(request):
    return Numbers(request.param)


def swap_of(nn, through=lambda beta: beta):
    def swap(a, b, *, cdf, beta):
        alpha = nn.sigmoid(through(beta) * (b - a))
        return alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b

    return swap


def sort_of(nn, weight=lambda alpha: alpha):
    def network_sort(x, *, network, cdf, beta):
        columns, n = [x[..., i] for i in range(x.shape[-1])], x.shape[-1]
        for layer in range(n):
            for i in range(layer % 2, n - 1, 2):
                a, b = columns[i], columns[i + 1]
                alpha = weight(nn.sigmoid(beta * (b - a)))
                columns[i], columns[i + 1] = alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b
        return nn.stack(columns)

    return network_sort


def cdf_of(nn, of_scale=lambda scale: scale, of_shift=lambda shift: shift):
    def cdf(x, *, family, scale, shift, reversed, squared):
        u = (abs(x) * x if squared else x) / of_scale(scale)
        return nn.sigmoid(u - of_shift(shift)) if reversed else nn.sigmoid(u + of_shift(shift))

    return cdf


def test_right_functions(nn) -> None:
    for op, function, only in (
        ("sorting.swap", swap_of(nn), LOGISTIC),
        ("sorting.network_sort", sort_of(nn), SORT),
        ("distributions.cdf", cdf_of(nn), CDF),
    ):
        report = nn.check(op, function, only, cases=nn.name == "torch")  # large networks take JAX long to trace
        assert report.verdict == "right", report.text()
        assert report.by_argument["float32"] == "right"
        offered = [report.by_argument.get(name) for name in refimpl.catalog.find(op)[0].differentiable]
        assert offered.count("right") >= 2, report.text()


def test_a_cut_path_is_named(nn) -> None:
    """Zero for JAX; for torch, which knows that nothing depends on it, not offered."""
    report = nn.check("sorting.swap", swap_of(nn, nn.cut), LOGISTIC)
    assert report.by_argument["value"] == report.by_argument["a"] == report.by_argument["b"] == "right"
    assert report.by_argument["beta"] == {"jax": "wrong", "torch": "not offered"}[nn.name]
    if nn.name == "jax":
        assert report.diagnoses["beta"].kind == "zero"


def test_half_a_path_cut_is_wrong_for_both(nn) -> None:
    """The weights are taken as constants: the values are right, the gradients lack the sigmoid's slope."""
    report = nn.check("sorting.network_sort", sort_of(nn, nn.cut), {"cdf": "logistic", "network": "odd_even"})
    assert report.by_argument["value"] == "right"
    assert report.by_argument["x"] == "wrong"
    assert report.by_argument["beta"] in ("wrong", "not offered")
    assert report.exit_code == 1


def test_a_factor_of_two_is_named(nn) -> None:
    """2 s - stop(s) has the value of s and twice its slope."""
    doubled = cdf_of(nn, of_scale=lambda scale: 2 * scale - nn.cut(scale))
    report = nn.check("distributions.cdf", doubled, CDF)
    assert report.by_argument["scale"] == "wrong"
    assert report.by_argument["value"] == report.by_argument["x"] == report.by_argument["shift"] == "right"
    assert report.diagnoses["scale"].kind == "constant_factor"


def test_a_wrong_value_is_wrong(nn) -> None:
    report = nn.check("distributions.cdf", cdf_of(nn, of_shift=lambda shift: -shift), CDF)
    assert report.by_argument["value"] == "wrong"


def returning(nn, answer):
    return lambda a, b, *, cdf, beta: answer(*swap_of(nn)(a, b, cdf=cdf, beta=beta))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda low, high: None, "returned a NoneType"),
        (lambda low, high: "sorted", "returned a str"),
        (lambda low, high: {"min": low, "max": high}, "returned a dict"),
        (lambda low, high: (low, None), "returned a tuple of 2"),
        (lambda low, high: np.zeros(3), "returned a ndarray"),
        (lambda low, high: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda low, high: sys.exit(3), "SystemExit"),
    ],
    ids=["None", "str", "dict", "half", "numpy", "raises", "exits"],
)
def test_no_answer_is_a_crash_that_says_what_came(nn, answer, text) -> None:
    report = nn.check("sorting.swap", returning(nn, answer), LOGISTIC)
    assert report.verdict == "crashed"
    assert report.exit_code == 4
    (detail,) = {finding.detail for finding in report.findings if finding.subject == "runs"}
    assert text in detail
    if text.startswith("returned"):
        assert {"torch": "a tensor, or a tuple of tensors", "jax": "a JAX array, or a tuple of"}[nn.name] in detail


def test_numpy_inside_is_a_crash_or_cuts_the_gradient(nn) -> None:
    """Both frameworks refuse to hand a recorded array to NumPy, torch at once, JAX where it traces."""
    report = nn.check("sorting.swap", returning(nn, lambda low, high: (nn.array(np.asarray(low)), high)), LOGISTIC)
    assert report.verdict == "crashed"


def test_a_wrong_shape_is_wrong(nn) -> None:
    report = nn.check("sorting.swap", returning(nn, lambda low, high: (low[None], high[None])), LOGISTIC)
    assert report.by_argument["value"] == "wrong"
    report = nn.check("sorting.swap", returning(nn, lambda low, high: low), LOGISTIC)
    assert report.by_argument["value"] == "wrong"


def test_integers_out_have_the_wrong_value_and_no_gradient(nn) -> None:
    def rounded(a, b, *, cdf, beta):
        low, high = swap_of(nn)(a, b, cdf=cdf, beta=beta)
        return nn.integers(low), nn.integers(high)

    report = nn.check("sorting.swap", rounded, LOGISTIC)
    assert report.by_argument["value"] == "wrong"
    door = FRAMEWORKS[nn.name](sorting.swap, rounded)
    answer = door.run({"a": np.array([2.0]), "b": np.array([1.0]), "cdf": "logistic", "beta": 2.0})
    assert np.issubdtype(np.dtype(answer.dtype), np.integer)
    assert answer.pull(np.ones((2, 1))) == {"a": None, "b": None, "beta": None}


def test_one_output_of_integers_leaves_the_gradient_of_the_other(nn) -> None:
    def half(a, b, *, cdf, beta):
        low, high = swap_of(nn)(a, b, cdf=cdf, beta=beta)
        return low, nn.integers(high)

    args = {"a": np.array([2.0]), "b": np.array([1.0]), "cdf": "logistic", "beta": 2.0}
    pulled = FRAMEWORKS[nn.name](sorting.swap, half).run(args).pull(np.ones((2, 1)))
    low = sorting.swap.vjp(**args)[1]((np.ones(1), np.zeros(1)))
    np.testing.assert_allclose([pulled["a"], pulled["b"]], [low.a, low.b], rtol=1e-14)


def test_a_list_of_outputs_and_nested_lists_of_layers_are_taken(nn) -> None:
    function = returning(nn, lambda low, high: [low, high])
    assert nn.check("sorting.swap", function, LOGISTIC).verdict == "right"
    door = FRAMEWORKS[nn.name](sorting.network_sort, sort_of(nn))
    ragged = [[(0, 1)], [(0, 1), (2, 3)]]
    y = door.run({"x": np.zeros(4), "network": ragged, "cdf": "logistic", "beta": 1.0}).y
    assert y.dtype == np.float64


def test_what_is_not_offered_is_counted(nn) -> None:
    def declines(a, b, *, cdf, beta):
        raise NotOffered

    report = nn.check("sorting.swap", declines, LOGISTIC)
    assert report.verdict == "not offered"
    assert report.exit_code == 5


def test_a_custom_backward_pass_is_judged() -> None:
    """What people come for: a rule of their own, with one sign wrong."""
    jax = pytest.importorskip("jax")

    def rule(sign, offset=0.0):
        @jax.custom_vjp
        def squash(z):
            return jax.nn.sigmoid(z)

        squash.defvjp(
            lambda z: (jax.nn.sigmoid(z) + offset, z),
            lambda z, g: (sign * g * jax.nn.sigmoid(z) * jax.nn.sigmoid(-z),),
        )
        nn = Numbers("jax")
        nn.sigmoid = squash
        return cdf_of(nn)

    def verdict(function):
        return refimpl.check("distributions.cdf", function, framework="jax", only=CDF, samples=4)

    assert verdict(rule(1.0)).verdict == "right"
    assert verdict(rule(-1.0)).by_argument["x"] == "wrong"
    report = verdict(rule(1.0, offset=1e-3))
    assert report.verdict == "crashed"
    assert "under jax.vjp it returns another value" in report.text()


def test_a_jitted_function_is_right() -> None:
    jax = pytest.importorskip("jax")
    function = jax.jit(swap_of(Numbers("jax")), static_argnames="cdf")
    report = refimpl.check("sorting.swap", function, framework="jax", only=LOGISTIC, samples=4)
    assert report.verdict == "right", report.text()
    assert report.implementation == "swap"


@pytest.mark.parametrize("wide", [False, True])
def test_your_own_x64_setting_is_kept(wide) -> None:
    jax = pytest.importorskip("jax")
    before, seen = jax.config.jax_enable_x64, []

    def cdf(x, *, family, **defaults):
        seen.append((x.dtype.name, jax.config.jax_enable_x64))
        return jax.nn.sigmoid(x)

    door = from_jax(refimpl.distributions.cdf, cdf)
    jax.config.update("jax_enable_x64", wide)
    try:
        for dtype in ("float64", "float32"):
            answer = door.run({"x": np.zeros(2, dtype), "family": "logistic"})
            assert answer.dtype == dtype
            assert answer.pull(np.ones(2, dtype))["x"].dtype == dtype
            assert jax.config.jax_enable_x64 is wide
    finally:
        jax.config.update("jax_enable_x64", before)
    assert set(seen) == {("float64", True), ("float32", wide)}


@pytest.mark.parametrize(("door", "module"), [(from_torch, "torch"), (from_jax, "jax")])
def test_without_the_framework_the_message_says_what_to_install(door, module, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=f"pip install {module}"):
        door(sorting.swap, print)


def test_an_unknown_framework_is_refused() -> None:
    with pytest.raises(ValueError, match="framework is 'jaxx'; expected one of numpy, torch, jax"):
        refimpl.check("sorting.swap", print, framework="jaxx")


def test_the_bridges_are_right_through_the_doors(nn) -> None:
    """Our own passes, out to the framework and back in: both ways at once."""
    bridge = importlib.import_module(f"refimpl.bridges.{nn.name}")
    for op in refimpl.OPERATORS:
        report = nn.check(op, bridge.function(op), {}, cases=False)
        assert report.verdict == "right", report.text()


def test_subnormal_numbers_are_no_fault_of_a_jax_function() -> None:
    """XLA's threads take them for 0, in arguments and in results. 1e-300 is none."""
    pytest.importorskip("jax")
    bridged = importlib.import_module("refimpl.bridges.jax").function(sorting.soft_values)
    p, small = np.eye(2), np.array([1e-310, 1.0])
    with pytest.raises(NotOffered, match="subnormal"):
        from_jax(sorting.soft_values, bridged).run({"P": p, "x": small})
    report = refimpl.check("sorting.soft_values", bridged, framework="jax", samples=1)
    assert report.verdict == "right", report.text()
    off = refimpl.check("sorting.soft_values", lambda P, x: (1.0 + 1e-11) * bridged(P, x), framework="jax", samples=1)
    assert off.by_argument["value"] == "wrong"
