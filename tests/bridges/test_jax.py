"""Operators inside JAX: its own gradient check, bits, jit, vmap of every mixture, dtypes, refusals."""

from __future__ import annotations

import doctest
import functools
import inspect
import subprocess
import sys
import warnings
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest

from refimpl import OPERATORS, distributions, sorting
from refimpl.bridges.jax import function

jax = pytest.importorskip("jax")
jnp = jax.numpy
every = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)

X = [[0.3, -1.2, 2.0, 0.9], [1.1, 0.2, -0.4, 3.0]]
CALM = 0.02  # from a kink: ten of JAX's steps
SAMPLES = 6


@pytest.fixture
def x64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)  # for all threads: callbacks run on any
    yield
    jax.config.update("jax_enable_x64", before)


def problems(op, wanted=SAMPLES):
    """(fixed arguments, names of the arrays, arrays), away from kinks."""
    found = 0
    for seed in range(1000):
        args = op.sample(np.random.default_rng(seed))
        if op.margin is not None and op.margin(**args) < CALM:
            continue
        names = [name for name in op.differentiable if name in args]
        fixed = {name: value for name, value in args.items() if name not in names}
        yield fixed, names, [np.asarray(args[name]) for name in names]
        found += 1
        if found == wanted:
            return
    pytest.fail(f"{op.id}: found {found} calm samples")


def of_arrays(f, fixed, names):
    return lambda *arrays: f(**fixed, **dict(zip(names, arrays, strict=True)))


def same(got, want, dtype):
    """One array, bit for bit, but for subnormal numbers: XLA's threads flush them to zero, also in what they call."""
    want = np.asarray(want, dtype)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.where(np.abs(want) < np.finfo(dtype).tiny, got, want), strict=True)
    np.testing.assert_allclose(got, want, rtol=0, atol=float(np.finfo(dtype).tiny))


def tupled(y):
    return tuple(y) if isinstance(y, tuple) else (y,)


@every
@pytest.mark.parametrize(("dtype", "step", "off"), [("float64", 1e-5, 1e-5), ("float32", 1e-3, 1e-2)])
def test_gradients_are_those_that_jax_finds_by_differences(op, dtype, step, off, request):
    """``off`` is what such steps leave: of rounding 1e-4 in float32, of the third derivative step^2 beta^3 / 6."""
    from jax.test_util import check_grads

    if dtype == "float64":
        request.getfixturevalue("x64")
    for fixed, names, arrays in problems(op, 4):
        use = jax.jit(of_arrays(function(op), fixed, names))
        arrays = [jnp.asarray(array, dtype) for array in arrays]
        check_grads(use, arrays, order=1, modes=["rev"], eps=step, atol=off, rtol=off)


@every
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_values_and_gradients_are_those_of_the_operator(op, compiled, dtype, request):
    if dtype == "float64":
        request.getfixturevalue("x64")
    for fixed, names, arrays in problems(op):
        arrays = [array.astype(dtype) for array in arrays]
        use = of_arrays(function(op), fixed, names)
        y, pull = jax.vjp(jax.jit(use) if compiled else use, *arrays)
        want, pullback = op.vjp(**fixed, **dict(zip(names, arrays, strict=True)))
        g = tuple(np.random.default_rng(0).standard_normal(part.shape).astype(dtype) for part in tupled(want))
        gradients = pullback(g if isinstance(want, tuple) else g[0])._asdict()
        for got, one in zip(tupled(y), tupled(want), strict=True):
            same(got, one, dtype)
        for name, got in zip(names, pull(g if isinstance(want, tuple) else jnp.asarray(g[0])), strict=True):
            same(got, gradients[name], dtype)


@every
def test_vmap_of_value_and_gradient_is_a_loop(op, x64):
    """Each array alone mapped, and all of them; the arrays themselves of mixed ranks."""
    for fixed, names, arrays in problems(op, 3):
        factor = 0.5 if "cross_entropy" in op.id else 1.25  # a probability times 1.25 may be none
        use = of_arrays(function(op), fixed, names)
        scalar = lambda *arrays, use=use: sum((part * part).sum() for part in tupled(use(*arrays)))  # noqa: E731
        both = jax.jit(jax.value_and_grad(scalar, tuple(range(len(names)))))
        for mapped in [*({name} for name in names), set(names)]:
            axes = tuple(0 if name in mapped else None for name in names)
            stacks = [
                np.stack([array, factor * array, 0.75 * array]) if name in mapped else array
                for name, array in zip(names, arrays, strict=True)
            ]
            values, gradients = jax.vmap(both, in_axes=axes)(*stacks)
            for i in range(3):
                value, wanted = both(*(s[i] if axis == 0 else s for s, axis in zip(stacks, axes, strict=True)))
                np.testing.assert_allclose(values[i], value, rtol=1e-13)  # sums may be added in another order
                for got, one in zip(gradients, wanted, strict=True):
                    np.testing.assert_allclose(got[i], one, rtol=1e-12, atol=1e-300)


def test_a_mapped_parameter_meets_a_batch_of_its_own_length(x64):
    """beta (3,) over x (3, 3, 4): aligned from the right it would fit the wrong axis without a word."""
    sort = function(sorting.network_sort)
    x, beta = np.random.default_rng(0).standard_normal((3, 3, 4)), np.array([0.5, 2.0, 8.0])
    got = jax.vmap(lambda x, beta: sort(x, beta=beta))(x, beta)
    np.testing.assert_array_equal(got, sorting.network_sort(x, beta=np.repeat(beta[:, None], 3, axis=1)))
    inner = jax.vmap(lambda x, beta: jax.vmap(lambda row: sort(row, beta=beta))(x))(x, beta)
    np.testing.assert_array_equal(inner, got)
    gbeta = jax.vmap(jax.grad(lambda beta, x: (sort(x, beta=beta) ** 2).sum()), in_axes=(0, None))(beta, x[0])
    for b, g in zip(beta, gbeta, strict=True):
        y, pullback = sorting.network_sort.vjp(x[0], beta=b)
        np.testing.assert_allclose(g, pullback(2.0 * y).beta, rtol=1e-13)


def without_batch_axes(op):
    """The same operator, declared for a single vector: JAX has to call it once for each entry."""
    calls = []

    def forward(x, *, network="bitonic", cdf="cauchy", beta, lam=None):
        assert np.ndim(x) == 1
        calls.append(np.shape(x))
        return op.forward(x, network=network, cdf=cdf, beta=beta, lam=lam)

    def value(x, *, network="bitonic", cdf="cauchy", beta, lam=None):
        return forward(x, network=network, cdf=cdf, beta=beta, lam=lam)[0]

    def backward(residuals, gy):
        return op.backward(residuals, gy)

    args = tuple(replace(arg, shape=arg.shape.replace("...", "").strip()) for arg in op.args)
    outputs = tuple(replace(out, shape=out.shape.replace("...", "").strip()) for out in op.outputs)
    return replace(op, value=value, forward=forward, backward=backward, args=args, outputs=outputs), calls


def test_an_operator_without_batch_axes_is_mapped_call_by_call(x64):
    op, calls = without_batch_axes(sorting.network_sort)
    x = np.array(X)
    got = jax.vmap(jax.value_and_grad(lambda x: function(op)(x, beta=2.0)[0]))(x)
    want = jax.vmap(jax.value_and_grad(lambda x: function(sorting.network_sort)(x, beta=2.0)[0]))(x)
    np.testing.assert_array_equal(got[0], want[0])
    np.testing.assert_array_equal(got[1], want[1])
    assert len(calls) >= 4


def test_batch_axes_numpy_arrays_and_integers():
    sort = function(sorting.network_sort)
    assert sort(jnp.zeros((2, 3, 4)), beta=5.0).shape == (2, 3, 4)
    assert sort(np.zeros((0, 4)), beta=5.0).shape == (0, 4)
    y, pull = jax.vjp(lambda beta: sort(jnp.array([3, 1, 2]), beta=beta), 100.0)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [1.0, 2.0, 3.0], atol=0.02)
    assert pull(y)[0].shape == ()


def test_constants_tell_one_and_true_and_networks_apart(x64):
    sort = function(sorting.network_sort)
    x = jnp.array([3.0, 1.0, 2.0])
    for network in ([[(0, 1)]], [[(1, 2)]], (((0, 1),),), "odd_even"):
        np.testing.assert_array_equal(
            sort(x, network=network, beta=2), sorting.network_sort(np.array(x), network=network, beta=2)
        )
    with pytest.raises(TypeError, match="'reversed' is 1; expected True or False"):
        function(distributions.cdf)(x, family="logistic", reversed=1)
    with pytest.raises(TypeError, match="argument 'network' is a dict; expected"):
        sort(x, network={}, beta=1.0)


def test_switching_x64_switches_what_comes_out():
    cdf = function(distributions.cdf)
    for wide, dtype in ((True, "float64"), (False, "float32"), (True, "float64")):
        with jax.enable_x64(wide):
            assert cdf(jnp.array([1, 2]), family="logistic").dtype == dtype


def test_second_derivatives_and_forward_mode_are_refused(x64):
    f = lambda x: (function(sorting.network_sort)(x, beta=2.0) ** 2).sum()  # noqa: E731
    x = jnp.array(X[0])
    with pytest.raises(NotImplementedError, match="network_sort: has no second derivative"):
        jax.jacrev(jax.grad(f))(x)
    with pytest.raises(NotImplementedError, match="has no second derivative"):
        jax.jit(jax.grad(lambda x: jax.grad(f)(x).sum()))(x)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(f, (x,), (x,))


def test_errors_are_the_operators_own(x64):
    sort, x = function(sorting.network_sort), jnp.array(X)
    for wrong, error, text in (
        ({"cdf": "cauchi", "beta": 1.0}, ValueError, "did you mean 'cauchy'"),
        ({"beta": -1.0}, ValueError, r"'beta' holds -1.0; expected finite values > 0"),
        ({"beta": jnp.ones(3)}, ValueError, r"'beta' has shape \(3,\); expected a number, or a shape that"),
        ({"beta": 1.0, "lam": 0.3}, TypeError, "'lam' is given"),
        ({}, TypeError, "missing a required argument"),
    ):
        use = functools.partial(sort, **wrong)
        for either in (use, jax.jit(use)):
            with pytest.raises(error, match=text):
                either(x)
    with pytest.raises(TypeError, match="no argument is a JAX array"):
        sort([1.0, 2.0], beta=1.0)
    with pytest.raises(TypeError, match="float16; expected float64 or float32"):
        sort(x.astype(jnp.float16), beta=1.0)
    with pytest.raises(TypeError, match="'beta' is a random generator"):
        sort(x, beta=np.random.default_rng(0))


@pytest.mark.filterwarnings("ignore")
def test_numbers_outside_the_domain_are_seen_on_the_host(x64):
    sort = jax.jit(lambda beta: function(sorting.network_sort)(jnp.array(X), beta=beta))
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"network_sort: argument 'beta' holds -1.0; expected finite"):
        sort(jnp.array(-1.0)).block_until_ready()
    np.testing.assert_array_equal(sort(jnp.array(1.0)), sorting.network_sort(np.array(X), beta=1.0))  # works on


@pytest.mark.filterwarnings("ignore")
def test_numbers_that_nobody_gave_cause_no_warning(x64):
    """To learn shapes the operator runs on stand-ins, which need not converge where the user's numbers do."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = function(sorting.sinkhorn_sort)(jnp.array([0.0, 1.0]), eps=0.3, iterations=2, tol=1e-13)
    assert p[0, 0] > 0.9


def test_a_shape_that_depends_on_the_numbers_is_refused(x64):
    """An operator that drops the negative entries: JAX cannot have it, and must not get another shape unawares."""
    op = distributions.cdf

    def value(x, *, family, scale=1.0, shape=None, shift=0.0, reversed=False, squared=False):
        return op.value(x[x >= 0.0], family=family, scale=scale)

    growing = replace(op, value=value)
    with pytest.raises(jax.errors.JaxRuntimeError, match="JAX needs shapes that do not depend on the numbers"):
        function(growing)(jnp.array([1.0, -2.0, 3.0, -5.0, -4.0, -6.0, -7.0]), family="logistic").block_until_ready()


def test_a_missing_gradient_is_zero(x64):
    op = distributions.cdf
    Gradients = namedtuple("Gradients", "x scale shape shift")

    def backward(residuals, gy):
        return Gradients(*op.backward(residuals, gy))._replace(scale=None)

    partial = function(replace(op, backward=backward))
    gradient = jax.grad(lambda x, scale: partial(x, family="logistic", scale=scale), argnums=(0, 1))
    assert [float(g) for g in gradient(0.0, 2.0)] == [0.125, 0.0]


def test_a_long_array_crosses_without_a_deadlock(x64):
    x = np.random.default_rng(0).standard_normal(400_000)
    cdf = function(distributions.cdf)
    y, g = jax.jit(jax.value_and_grad(lambda x: (2.0 * cdf(3.0 * x, family="logistic")).sum()))(x)
    assert np.isfinite(float(y))
    assert g.shape == x.shape


def test_a_function_looks_like_its_operator():
    sort = function(sorting.network_sort)
    assert sort.__name__ == "network_sort"
    assert inspect.signature(sort) == sorting.network_sort.signature


def test_without_jax_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ModuleNotFoundError, match="pip install jax"):
        function(sorting.network_sort)


def test_importing_the_bridges_imports_no_framework():
    program = "import refimpl.bridges.jax, refimpl.bridges.torch, sys; print(*{'jax', 'torch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_the_examples_run():
    import refimpl.bridges.jax

    result = doctest.testmod(refimpl.bridges.jax)
    assert result.attempted
    assert not result.failed
