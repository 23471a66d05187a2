"""The package softtorch (PyTorch, Python >= 3.12) as an implementation of the sorting operators.

What is only a convention is turned into ours here, one line each; what is wrong stays as it is, for the check to find:

    standardize=False: its own squashing is another function than ours
    one softness for all rows: rows are taken one by one; softness is 1/beta, tau, or eps
    descending=True where ours descends
    fast_soft_sort has anchors 0 to 1: softness is eps/(n - 1) for sorting, eps (n - 1) for ranking
    its bitonic network is ours for n = 2^k; in other sizes it is padded (ST-01)
    ot: targets linspace(0, 1, n), to the end (sinkhorn_tol), implicit
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import softtorch

from refimpl import NotOffered
from validation.peers import Check, Witness


def by_rows(function: Callable[[Any, Any], Any], x: Any, parameter: Any) -> Any:
    """A function of one row and one number, over any batch axes."""
    n, batch = x.shape[-1], x.shape[:-1]
    numbers = parameter.expand(batch).reshape(-1)
    if not len(numbers):
        raise NotOffered("an empty batch")
    rows = torch.stack([function(row, number) for row, number in zip(x.reshape(-1, n), numbers, strict=True)])
    return rows.reshape(*batch, *rows.shape[1:])


def logistic_bitonic(network: Any, cdf: str) -> None:
    if (network, cdf) != ("bitonic", "logistic"):
        raise NotOffered("another network, or another sigmoid")


def whole(n: int) -> None:
    if n & (n - 1) or n == 1:
        raise NotOffered("a size that is no power of two")


def network_sort(x: Any, *, network: str = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Any:
    logistic_bitonic(network, cdf)
    options = {"method": "sorting_network", "standardize": False}
    return by_rows(lambda row, number: softtorch.sort(row, softness=1.0 / number, **options).values, x, beta)


def network_permutation(x: Any, *, network: str = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Any:
    logistic_bitonic(network, cdf)
    options = {"method": "sorting_network", "standardize": False}
    return by_rows(lambda row, number: softtorch.argsort(row, softness=1.0 / number, **options), x, beta)


def without_padding(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, for sizes that need no padding."""

    def restricted(x: Any, **options: Any) -> Any:
        whole(x.shape[-1])
        return function(x, **options)

    return restricted


def by_matrix(method: str, s: Any, tau: Any) -> Any:
    options = {"method": method, "standardize": False, "descending": True}
    return by_rows(lambda row, number: softtorch.argsort(row, softness=number, **options), s, tau)


def neural_sort(s: Any, *, tau: Any) -> Any:
    if s.shape[-1] > 8:
        raise NotOffered("more than 8 values: the definition is slow")
    return by_matrix("neuralsort", s, tau)


def soft_sort(s: Any, *, tau: Any, power: int = 1) -> Any:
    if power != 1:
        raise NotOffered("another power")
    return by_matrix("softsort", s, tau)


def soft_topk(s: Any, *, k: int, tau: Any, power: int = 1) -> Any:
    if power != 1:
        raise NotOffered("another power")
    options = {"method": "softsort", "standardize": False}
    return by_rows(lambda row, number: softtorch.topk(row, k, softness=number, **options).indices, s, tau)


def fast_sort(theta: Any, *, eps: Any, regularization: str = "l2") -> Any:
    mode, steps = {"l2": "c0", "kl": "smooth"}[regularization], max(theta.shape[-1] - 1, 1)
    options = {"method": "fast_soft_sort", "mode": mode, "standardize": False, "descending": True}
    return by_rows(lambda row, number: softtorch.sort(row, softness=number / steps, **options).values, theta, eps)


def fast_rank(theta: Any, *, eps: Any, regularization: str = "l2") -> Any:
    if regularization != "l2":
        raise NotOffered("kl: the projection of exponentials is another operator")
    options = {"method": "fast_soft_sort", "mode": "c0", "standardize": False}
    steps = max(theta.shape[-1] - 1, 1)
    return by_rows(lambda row, number: softtorch.rank(row, -1, softness=number * steps, **options), theta, eps)


def sinkhorn_sort(
    x: Any, *, eps: Any, iterations: Any = None, tol: Any = None, targets: Any = None, squash: Any = None,
    backward: str | None = None,
) -> Any:  # fmt: skip
    if targets is not None or squash is not None or tol is None or x.shape[-1] == 1:
        raise NotOffered("targets, squashing, a number of iterations, or one value")
    if not x.numel() or not x.abs().max() < 10.0:
        raise NotOffered("values far from the targets: squares cancel")
    options = {"method": "ot", "standardize": False, "ot_kwargs": {"sinkhorn_tol": 1e-15}}
    return by_rows(lambda row, number: softtorch.argsort(row, softness=number, **options), x, eps)


# What is expected of the checks

NETWORK = {"cdf": "logistic", "network": "bitonic"}
PADDED = {**dict.fromkeys(("value", "x", "beta", "laws", "float32"), ("wrong", "ST-01"))}
NEURAL = {**dict.fromkeys(("value", "s", "tau", "laws", "float32"), ("wrong", "ST-03"))}
FAR = dict.fromkeys(("value", "theta", "eps"), ("wrong", "ST-05"))
RANK = {**FAR, "contract": ("wrong", "ST-05")}
HUGE = {"tau": ("wrong", "ST-06")}

CHECKS = (
    Check("sorting.network_sort", without_padding(network_sort), "softtorch, n = 2^k", "torch", NETWORK, {}, 16),
    Check(
        "sorting.network_permutation", without_padding(network_permutation), "softtorch, n = 2^k", "torch", NETWORK, {}, 16
    ),
    Check("sorting.network_sort", network_sort, "softtorch", "torch", NETWORK, PADDED, 3),
    Check("sorting.network_permutation", network_permutation, "softtorch", "torch", NETWORK, PADDED, 3),
    Check("sorting.neural_sort", neural_sort, "softtorch", "torch", {}, NEURAL, 3),
    Check("sorting.soft_sort", soft_sort, "softtorch", "torch", {}, HUGE, 3),
    Check("topk.soft_topk", soft_topk, "softtorch", "torch", {}, HUGE, 3),
    Check("sorting.fast_sort", fast_sort, "softtorch l2", "torch", {"regularization": "l2"}, FAR, 3),
    Check("sorting.fast_sort", fast_sort, "softtorch kl", "torch", {"regularization": "kl"}, FAR, 3),
    Check("sorting.fast_rank", fast_rank, "softtorch l2", "torch", {"regularization": "l2"}, RANK, 3),
    Check(
        "sorting.sinkhorn_sort", sinkhorn_sort, "softtorch", "torch", {"iterations": 2000, "tol": 1e-14},
        {"x": ("wrong", "ST-02"), "eps": ("not offered", "ST-02"), "contract": ("wrong", "ST-02")}, 2,
    ),
)  # fmt: skip


# Witnesses: the smallest input for each row of BUGS.md


def sort(x: Any, **options: Any) -> Any:
    return softtorch.sort(x, standardize=False, **options).values


def gradient(function: Callable[[Any], Any], x: list[float], dtype: Any = torch.float64) -> str:
    leaf = torch.tensor(x, dtype=dtype, requires_grad=True)
    (found,) = torch.autograd.grad(function(leaf), leaf)
    return shown(found)


def shown(x: Any) -> str:
    return str([round(value, 4) for value in x.tolist()])


def rows(*x: list[float]) -> str:
    """The first row of a batch, sorted by its network."""
    return shown(sort(torch.tensor(x), method="sorting_network", softness=1.0)[0])


def quiet_gradient(function: Callable[[Any], Any], x: list[float]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchopt uses a deprecated functorch
        return gradient(function, x)


def plan(x: Any) -> Any:
    options = {"method": "ot", "standardize": False, "ot_kwargs": {"sinkhorn_tol": 1e-12}}
    return softtorch.argsort(x, softness=0.1, **options)


def plan_of_softness() -> str:
    softness = torch.tensor(0.1, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = softtorch.argsort(torch.tensor([0.0, 0.2, 0.5]), method="ot", standardize=False, softness=softness)
    return str(p.requires_grad)


def largest_of_rows(x: list[float]) -> str:
    p = softtorch.argsort(torch.tensor(x), method="neuralsort", standardize=False, softness=2.0)
    return str(p.argmax(-1).tolist())


def huge() -> str:
    softness = torch.tensor(1.0, requires_grad=True)
    p = softtorch.argsort(torch.tensor([3e38, -3e38]), method="softsort", standardize=False, softness=softness)
    p[0, 0].backward()
    return str(float(softness.grad))


WITNESSES = (
    Witness(
        "ST-01",
        "sorting_network: 1, 2, 3 sorted (exact: sum 6)",
        lambda: rows([1.0, 2.0, 3.0]),
        "[1.6613, 1.804, 3.196]",
    ),
    Witness(
        "ST-01",
        "the same next to a row 7, 8, 9",
        lambda: rows([1.0, 2.0, 3.0], [7.0, 8.0, 9.0]),
        "[1.5092, 1.7706, 2.733]",
    ),
    Witness(
        "ST-01",
        "gradient of the largest of 0, 1, 2 (differences: -0.0869, -0.0598, 1.0598)",
        lambda: gradient(lambda x: sort(x, method="sorting_network", softness=1.0)[2], [0.0, 1.0, 2.0]),
        "[-0.025, -0.0348, 0.7552]",
    ),
    Witness(
        "ST-02",
        "ot: gradient of P[0, 0] at 0, 0.2, 0.5, 0.9 (differences: -0.8143, 0.811, 0.0033, 0)",
        lambda: quiet_gradient(lambda x: plan(x)[0, 0], [0.0, 0.2, 0.5, 0.9]),
        "[-1.3665, 0.0031, -0.0865, 0.0387]",
    ),
    Witness("ST-02", "ot: is there a gradient for the softness", plan_of_softness, "False"),
    Witness(
        "ST-03",
        "neuralsort: largest entry of each row for 2.3, 2.9, 3.6, 3.7 (NeuralSort: 0, 1, 2, 3)",
        lambda: largest_of_rows([2.3, 2.9, 3.6, 3.7]),
        "[0, 0, 3, 3]",
    ),
    Witness(
        "ST-04",
        "float32, as called by default: 0, 1e20, 2e20 sorted",
        lambda: str(
            [
                f"{value:.0e}"
                for value in softtorch.sort(torch.tensor([0.0, 1e20, 2e20]), method="softsort").values.tolist()
            ]
        ),
        "['1e+20', '1e+20', '1e+20']",
    ),
    Witness(
        "ST-05",
        "fast_soft_sort, float32 ranks of 0, 1e8 (exact: 2, 1)",
        lambda: shown(softtorch.rank(torch.tensor([0.0, 1e8]), -1, 1.0, "c0", "fast_soft_sort", standardize=False)),
        "[2.0, 0.0]",
    ),
    Witness(
        "ST-05",
        "fast_soft_sort, float32: gradient of the smaller of 0, 1e-7, softness 1e6 (exact: 1, 0)",
        lambda: gradient(
            lambda x: sort(x, method="fast_soft_sort", mode="c0", softness=1e6)[0], [0.0, 1e-7], torch.float32
        ),
        "[0.5, 0.5]",
    ),
    Witness(
        "ST-06",
        "softsort, float32: gradient of a softness at 3e38, -3e38",
        huge,
        "nan",
    ),
    Witness(
        "ST-07",
        "fast_soft_sort of 0, NaN, 1: a NaN that is not seen",
        lambda: shown(sort(torch.tensor([0.0, float("nan"), 1.0]), method="fast_soft_sort")),
        "[-4.3136, 0.6864, 1.0]",
    ),
)
