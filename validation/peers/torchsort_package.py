"""The package torchsort (PyTorch, C++) as an implementation of the two fast soft sorting operators.

It builds its extension against the installed PyTorch: ``pip install --no-build-isolation torchsort==0.1.10``.

Conventions, turned into ours in one line each; what is wrong stays as it is, for the check to find:

    its sort is ascending: ours is minus its sort of -theta
    its rank 1 is the smallest value: ours is its rank of -theta
    regularization_strength is eps; a tensor of one per row, shaped (batch, 1), works although undocumented
    two axes only
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import torch
import torchsort

from refimpl import NotOffered
from validation.peers import Check, Witness


def run(function: Callable[..., Any], theta: Any, eps: Any, regularization: str) -> Any:
    """One of its functions over any batch axes."""
    rows = theta.reshape(-1, theta.shape[-1])
    strength = eps.expand(theta.shape[:-1]).reshape(-1, 1)
    return function(rows, regularization, strength).reshape(theta.shape)


def fast_sort(theta: Any, *, eps: Any, regularization: str = "l2") -> Any:
    return -run(torchsort.soft_sort, -theta, eps, regularization)


def fast_rank(theta: Any, *, eps: Any, regularization: str = "l2") -> Any:
    return run(torchsort.soft_rank, -theta, eps, regularization)


# What is expected of the checks

STRENGTH = {"eps": ("not offered", "T-06")}
SORT_L2 = {**STRENGTH, "value": ("wrong", "T-02"), "theta": ("wrong", "T-04")}
SORT_KL = {**STRENGTH, "value": ("wrong", "T-02"), "theta": ("wrong", "T-03")}
RANK_L2 = {**STRENGTH, "value": ("wrong", "T-01"), "theta": ("wrong", "T-01")}
NOISE = ("wrong", "1e-15 of rounding where the exact gradient is 0: hard ranks")
RANK_KL = {**RANK_L2, "theta": ("wrong", "T-03"), "contract": ("wrong", "T-01"), "laws": NOISE}


def moderate(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, where theta / eps is at most 80 and eps no speck: where no defect is known."""

    def restricted(theta: Any, *, eps: Any, regularization: str = "l2") -> Any:
        if not theta.numel() or not theta.abs().max() <= 80.0 * eps.min() or eps.min() < 1e-6:
            raise NotOffered("values far larger than eps, or NaN")
        return function(theta, eps=eps, regularization=regularization)

    return restricted


CHECKS = tuple(
    Check(f"sorting.{function.__name__}", function, f"torchsort {name}", "torch", {"regularization": name}, known)
    for function, name, known in (
        (fast_sort, "l2", SORT_L2),
        (fast_sort, "kl", SORT_KL),
        (fast_rank, "l2", RANK_L2),
        (fast_rank, "kl", RANK_KL),
    )
) + tuple(
    Check(
        f"sorting.{function.__name__}", moderate(function), f"torchsort {name}, theta <= 80 eps", "torch",
        {"regularization": name}, known,
    )
    for function, name, known in (
        (fast_sort, "l2", STRENGTH),
        (fast_sort, "kl", STRENGTH),
        (fast_rank, "l2", STRENGTH),
        (fast_rank, "kl", {**STRENGTH, "laws": NOISE}),
    )
)  # fmt: skip


# Witnesses: the smallest input for each row of BUGS.md


def values(function: Callable[..., Any], x: list[float], **options: Any) -> str:
    return str(function(torch.tensor([x]), **options)[0].tolist())


def gradient(function: Callable[..., Any], x: list[float], dtype: Any = torch.float32, **options: Any) -> str:
    """Of the first entry of the result."""
    leaf = torch.tensor([x], dtype=dtype, requires_grad=True)
    (found,) = torch.autograd.grad(function(leaf, **options)[0, 0], leaf)
    return str([round(value, 4) for value in found[0].tolist()])


def returns(n: int) -> str:
    """Whether float16 values are sorted within five seconds, in a process of their own."""
    code = f"import torch, torchsort; print('ready', flush=True); torchsort.soft_sort(torch.zeros(1, {n}).half())"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(5.0)
        except subprocess.TimeoutExpired:
            child.kill()
            return "still running after 5 s"
    return "returned"


def strength_gradient() -> str:
    strength = torch.tensor(1.0, requires_grad=True)
    torchsort.soft_rank(torch.tensor([[0.0, 0.3]], requires_grad=True), "l2", strength)[0, 0].backward()
    return str(strength.grad)


def second_derivative() -> str:
    x = torch.tensor([[0.0, 0.3]], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(torchsort.soft_rank(x, "kl")[0, 0], x, create_graph=True)
    (second,) = torch.autograd.grad(first[0, 0], x)
    return f"{float(second[0, 0]):.4f}"


WITNESSES = (
    Witness(
        "T-01", "float32 ranks of 0, 1e8 (exact: 1, 2)", lambda: values(torchsort.soft_rank, [0.0, 1e8]), "[1.0, 0.0]"
    ),
    Witness(
        "T-01",
        "float32 ranks of 0, 1 with strength 1e-8 (exact: 1, 2)",
        lambda: values(torchsort.soft_rank, [0.0, 1.0], regularization_strength=1e-8),
        "[1.0, 0.0]",
    ),
    Witness(
        "T-02",
        "float32: 2, 1 sorted with strength 1e-8 (exact: 1, 2)",
        lambda: values(torchsort.soft_sort, [2.0, 1.0], regularization_strength=1e-8),
        "[-0.0, -0.0]",
    ),
    Witness(
        "T-03",
        "float32, kl: gradient of the first rank of 100, 101 (exact: 0.5898, -0.5898)",
        lambda: gradient(torchsort.soft_rank, [100.0, 101.0], regularization="kl"),
        "[nan, nan]",
    ),
    Witness(
        "T-03",
        "float32, kl: gradient of the first rank of 88, 88.5 (exact: 0.705, -0.705)",
        lambda: gradient(torchsort.soft_rank, [88.0, 88.5], regularization="kl"),
        "[1.1326, 0.0]",
    ),
    Witness(
        "T-04",
        "gradient of the smaller of 0, 5e-10, strength 3e9 (exact: 1, 0)",
        lambda: gradient(torchsort.soft_sort, [0.0, 5e-10], torch.float64, regularization_strength=3e9),
        "[0.5, 0.5]",
    ),
    Witness("T-05", "2048 zeros sorted in float16", lambda: returns(2048), "returned"),
    Witness("T-05", "2049 zeros sorted in float16", lambda: returns(2049), "still running after 5 s"),
    Witness("T-06", "gradient for the strength", strength_gradient, "None"),
    Witness("T-07", "kl: second derivative of the first rank of 0, 0.3 (exact: 0.1092)", second_derivative, "0.7334"),
)
