"""Operators inside PyTorch: gradients by torch's own check, dtypes, batch axes, and one small problem learned."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import sys
from dataclasses import replace

import numpy as np
import pytest

from refimpl import OPERATORS, distributions, sorting, topk
from refimpl.bridges.torch import function

torch = pytest.importorskip("torch")

X = [[0.3, -1.2, 2.0, 0.9], [1.1, 0.2, -0.4, 3.0]]


def doubles(values: object) -> object:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


every = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)


def problems(op, wanted):
    """(function of the differentiable arguments, those of the operator's samples that are not near a kink)."""
    found = 0
    for seed in range(1000):
        args = op.sample(np.random.default_rng(seed))
        if op.margin is not None and op.margin(**args) < 1e-3:  # a thousand of gradcheck's steps
            continue
        names = [name for name in op.differentiable if name in args]
        fixed = {name: value for name, value in args.items() if name not in names}

        def use(f, fixed=fixed, names=names):
            return lambda *values: f(**fixed, **dict(zip(names, values, strict=True)))

        yield use, [np.asarray(args[name]) for name in names]
        found += 1
        if found == wanted:
            return
    pytest.fail(f"{op.id}: found {found} samples away from kinks")


@every
def test_gradients_are_those_that_torch_finds_by_differences(op):
    """Slow and fast mode. ``atol`` is what a step of 1e-6 leaves of the rounding of values of size 10."""
    for use, arrays in problems(op, 12):
        inputs = [doubles(array) for array in arrays]
        assert torch.autograd.gradcheck(use(function(op)), inputs, eps=1e-6, atol=1e-7, rtol=1e-4)
        assert torch.autograd.gradcheck(use(function(op)), inputs, eps=1e-6, atol=1e-7, rtol=1e-4, fast_mode=True)


def test_a_wrong_backward_pass_does_not_pass_torchs_check():
    from torch.autograd.gradcheck import GradcheckError

    op = sorting.network_sort

    def backward(residuals, gy):
        gradients = op.backward(residuals, gy)
        return gradients._replace(beta=2.0 * gradients.beta)

    doubled = function(replace(op, backward=backward))
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(lambda x, beta: doubled(x, beta=beta), (doubles(X), doubles(1.7)))


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("layout", ["plain", "strided"])
def test_values_and_gradients_are_those_of_the_operator(op, dtype, layout):
    for use, arrays in problems(op, 6):
        inputs = [torch.tensor(array, dtype=dtype) for array in arrays]
        if layout == "strided":  # every other entry of a tensor, axes in the opposite order of memory
            inputs = [torch.stack([t.mT.contiguous().mT if t.ndim > 1 else t] * 2, -1)[..., 0] for t in inputs]
        inputs = [tensor.requires_grad_() for tensor in inputs]
        y, pullback = use(op.vjp)(*(tensor.detach().numpy() for tensor in inputs))
        outputs, several = use(function(op))(*inputs), isinstance(y, tuple)
        assert isinstance(outputs, tuple) == several
        parts = tuple(y) if several else (y,)
        g = tuple(np.random.default_rng(0).standard_normal(part.shape).astype(part.dtype) for part in parts)
        for got, want in zip(outputs if several else (outputs,), parts, strict=True):
            assert got.requires_grad
            np.testing.assert_array_equal(got.detach().numpy(), want, strict=True)
        cotangents = tuple(map(torch.tensor, g)) if several else torch.tensor(g[0])
        gradients = torch.autograd.grad(outputs, inputs, cotangents)
        wanted = [gradient for gradient in pullback(g if several else g[0]) if gradient is not None]
        for got, tensor, want in zip(gradients, inputs, wanted, strict=True):
            assert got.dtype == tensor.dtype
            np.testing.assert_array_equal(got.numpy(), np.asarray(want, got.numpy().dtype), strict=True)


def test_single_precision_stays_single():
    x = torch.tensor(X, dtype=torch.float32, requires_grad=True)
    beta = torch.tensor(2.0, dtype=torch.float32, requires_grad=True)
    p = function(sorting.network_permutation)(x, beta=beta)
    assert p.dtype == torch.float32
    (p * torch.randn(p.shape)).sum().backward()
    assert x.grad.dtype == beta.grad.dtype == torch.float32
    assert beta.grad.shape == ()


def test_batch_axes_and_arrays_that_are_not_contiguous():
    sort = function(sorting.network_sort)
    x = torch.arange(24.0, dtype=torch.float64).reshape(4, 3, 2).permute(2, 1, 0)
    assert sort(x, beta=5.0).shape == (2, 3, 4)
    x.requires_grad_()
    sort(x, beta=5.0).sum().backward()  # the cotangent of a sum has stride 0
    np.testing.assert_allclose(x.grad, np.ones((2, 3, 4)), rtol=0, atol=1e-12)


def test_only_what_is_a_tensor_and_asks_gets_a_gradient():
    x, scale = torch.tensor(X[0], dtype=torch.float64), doubles(1.5)
    y = function(distributions.cdf)(x, family="logistic", scale=scale)
    y.sum().backward()
    assert x.grad is None
    assert scale.grad is not None


def test_unused_outputs_count_as_zero():
    a, b = doubles([3.0]), doubles([1.0])
    low, _ = function(sorting.swap)(a, b, beta=2.0)
    low.sum().backward()
    assert float(a.grad + b.grad) == pytest.approx(1.0, abs=1e-12)


def test_writing_into_an_input_before_backward_is_noticed():
    x = torch.tensor(X[0], dtype=torch.float64, requires_grad=True)
    inner = x * 1.0
    y = function(distributions.cdf)(inner, family="logistic")
    inner.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def with_shared_output(op):
    """The same operator, whose residuals hold the very array it returns, as those of an exponential would."""

    def forward(x, *, family, scale=1.0, shape=None, shift=0.0, reversed=False, squared=False):
        y, residuals = op.forward(x, family=family)
        return y, (residuals, y)

    def backward(residuals, gy):
        return op.backward(residuals[0], gy)

    return replace(op, forward=forward, backward=backward)


def test_writing_into_an_output_is_noticed_where_the_backward_pass_reads_it():
    x = doubles(X[0])
    y = function(with_shared_output(distributions.cdf))(x, family="logistic")
    y.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    z = function(distributions.cdf)(x, family="logistic")
    z.mul_(2.0)  # nothing of cdf's is overwritten
    z.sum().backward()
    np.testing.assert_array_equal(x.grad, 2.0 * distributions.pdf(np.array(X[0]), family="logistic"))


@pytest.mark.parametrize("quiet", [torch.no_grad, torch.inference_mode, None])
def test_where_no_gradient_is_wanted_no_residuals_are_made(quiet):
    def forward(x, *, network="bitonic", cdf="cauchy", beta, lam=None):
        raise AssertionError("the forward pass ran")

    sort = function(replace(sorting.network_sort, forward=forward))
    x = torch.tensor(X, dtype=torch.float64, requires_grad=quiet is not None)
    with quiet() if quiet else contextlib.nullcontext():
        y = sort(x, beta=2.0)
    assert not y.requires_grad
    np.testing.assert_array_equal(y.numpy(), sorting.network_sort(np.array(X), beta=2.0))
    if quiet:
        with pytest.raises(AssertionError, match="the forward pass ran"):
            sort(x, beta=2.0)


def test_backward_again_needs_retain_graph_as_everywhere_in_torch():
    x = doubles(X)
    y = function(sorting.network_sort)(x, beta=2.0)
    (first,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
    (second,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(first, second)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(y.sum(), x)


def test_cotangents_may_be_views_with_the_sign_flipped():
    x = doubles(X[0])
    y = function(distributions.cdf)(x, family="logistic")
    g = torch.complex(torch.ones(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)).conj().imag
    assert g.is_neg()
    y.backward(g)
    np.testing.assert_array_equal(x.grad, -distributions.pdf(np.array(X[0]), family="logistic"))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own use of it
def test_transforms_are_refused():
    sort, x = function(sorting.network_sort), doubles(X)
    row = lambda x: sort(x, beta=2.0)  # noqa: E731
    for transformed in (
        torch.func.vmap(row),
        torch.func.jacrev(row),
        torch.func.grad(lambda x: row(x).sum()),
        lambda x: torch.func.jvp(row, (x,), (x,)),
    ):
        with pytest.raises(
            RuntimeError, match=r"network_sort: does not work inside torch.func .* leading axes as batch"
        ):
            transformed(x)
    with pytest.raises(RuntimeError, match="network_sort: a cotangent cannot be read; batched gradients"):
        torch.autograd.grad(row(x), x, torch.ones(3, 2, 4, dtype=torch.float64), is_grads_batched=True)


def test_a_second_derivative_is_refused_rather_than_incomplete():
    x = doubles(X[0])
    y = function(distributions.cdf)(x, family="logistic").sum() + (x**2).sum()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(y, x, create_graph=True)


def test_errors_are_the_operators_own():
    sort = function(sorting.network_sort)
    with pytest.raises(ValueError, match="did you mean 'cauchy'"):
        sort(doubles(X), cdf="cauchi", beta=1.0)
    with pytest.raises(TypeError, match="no argument is a tensor"):
        sort(np.zeros(3), beta=1.0)
    with pytest.raises(TypeError, match="missing a required argument"):
        sort(doubles(X))
    with pytest.raises(TypeError, match=r"argument 'x' has dtype torch.bfloat16; expected float64 or float32"):
        sort(torch.zeros(3, dtype=torch.bfloat16), beta=1.0)
    with pytest.raises(TypeError, match="float16; expected float64 or float32"):
        sort(torch.zeros(3, dtype=torch.float16), beta=1.0)


def test_a_function_looks_like_its_operator():
    sort = function(sorting.network_sort)
    assert sort.__name__ == "network_sort"
    assert inspect.signature(sort) == sorting.network_sort.signature


def test_without_torch_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match="pip install torch"):
        function(sorting.network_sort)


def test_the_examples_run():
    import refimpl.bridges.torch

    result = doctest.testmod(refimpl.bridges.torch)
    assert result.attempted
    assert not result.failed


def test_values_learn_the_order_they_are_told():
    """Scores start in the wrong order; the cross-entropy of P against the wanted permutation puts them right."""
    wanted = torch.tensor([2, 0, 3, 1])  # the input that belongs at each rank
    x = torch.tensor([0.4, -0.3, 0.1, -0.2], dtype=torch.float64, requires_grad=True)
    permutation = function(sorting.network_permutation)
    optimizer = torch.optim.Adam([x], lr=0.1)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        p = permutation(x, network="odd_even", cdf="cauchy", beta=4.0)
        loss = -torch.log(p[torch.arange(4), wanted]).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert x.detach().argsort().tolist() == wanted.tolist()


def test_several_outputs_have_their_names() -> None:
    a = torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    y = function(sorting.bubble_sort)(a, beta=2.0)
    assert y._fields == ("array", "swaps", "swapped")
    y.swaps.backward()
    want = sorting.bubble_sort.vjp(a.detach().numpy(), beta=2.0)[1]((np.zeros(3), 1.0, 0.0)).a
    assert np.array_equal(a.grad.numpy(), want)


def test_a_gradient_that_does_not_exist_is_refused() -> None:
    p, label = torch.full((2, 3), 1 / 3), torch.tensor(1)
    weights = torch.tensor([0.5, 0.5], requires_grad=True)
    loss = function(topk.topk_loss)
    with pytest.raises(
        TypeError, match=r"topk\.topk_loss: argument 'weights' asks for a gradient and has none \(.+\); pass"
    ):
        loss(p, label, weights)
    assert torch.isfinite(loss(p, label, weights.detach()))
