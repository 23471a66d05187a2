"""Operators inside PyTorch: gradients by torch's own check, dtypes, batch axes, and one small problem learned."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest

from refimpl import OPERATORS, distributions, sorting
from refimpl.bridges.torch import function

torch = pytest.importorskip("torch")

X = [[0.3, -1.2, 2.0, 0.9], [1.1, 0.2, -0.4, 3.0]]


def doubles(values: object) -> object:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


CALLS = {
    "distributions.cdf": (
        (doubles(X), doubles(1.3), doubles(2.5), doubles(0.2)),
        lambda f: lambda x, scale, shape, shift: f(x, family="gamma", scale=scale, shape=shape, shift=shift),
    ),
    "distributions.pdf": (
        (doubles(X), doubles([1.3, 0.7, 2.0, 1.0])),
        lambda f: lambda x, scale: f(x, family="logistic", scale=scale, reversed=True),
    ),
    "sorting.swap": (
        (doubles(X[0]), doubles(X[1]), doubles(1.7), doubles(0.3)),
        lambda f: lambda a, b, beta, lam: f(a, b, cdf="art", beta=beta, lam=lam),
    ),
    "sorting.network_sort": (
        (doubles(X), doubles([0.9, 1.7])),
        lambda f: lambda x, beta: f(x, network="odd_even", cdf="cauchy", beta=beta),
    ),
    "sorting.network_permutation": ((doubles(X), doubles(1.7)), lambda f: lambda x, beta: f(x, beta=beta)),
}


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
def test_gradients_are_those_that_torch_finds_by_differences(op):
    inputs, use = CALLS[op.id]
    assert torch.autograd.gradcheck(use(function(op)), inputs, eps=1e-6, atol=1e-7)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
def test_values_and_gradients_are_those_of_the_operator(op):
    inputs, use = CALLS[op.id]
    y, pullback = use(op.vjp)(*(x.detach().numpy() for x in inputs))
    outputs = use(function(op))(*inputs)
    several = isinstance(outputs, tuple)
    assert type(outputs) is tuple or not several
    g = np.random.default_rng(0).standard_normal(np.shape(y))
    for got, want in zip(outputs if several else (outputs,), y if several else (y,), strict=True):
        np.testing.assert_array_equal(got.detach().numpy(), want)
    gradients = torch.autograd.grad(
        outputs, inputs, tuple(map(torch.tensor, g)) if several else torch.tensor(g), allow_unused=True
    )
    wanted = [gradient for gradient in pullback(tuple(g) if several else g) if gradient is not None]
    for got, want in zip(gradients, wanted, strict=False):
        np.testing.assert_array_equal(got.numpy(), want)


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


def test_a_function_looks_like_its_operator():
    sort = function(sorting.network_sort)
    assert sort.__name__ == "network_sort"
    assert inspect.signature(sort) == sorting.network_sort.signature


def test_without_torch_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match="pip install torch"):
        function(sorting.network_sort)


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
