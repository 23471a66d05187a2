"""The package diffsort (PyTorch) as an implementation of the two network operators.

What is only a convention is turned into ours here, one line each; what is wrong stays as it is, for the check to find:

    its matrix is the transpose of ours
    one value for the steepness of the whole batch, or a tensor of one per row, shaped (batch, 1)
    "reciprocal" is beta/4 of ours, "logistic_phi" is our "art"
    its bitonic network is another one (not always a sorting one) unless n is a power of two
"""

from __future__ import annotations

import itertools
import warnings
from functools import cache
from typing import Any

import diffsort
import numpy as np
import torch

from refimpl import NotOffered
from validation.peers import Check, Witness, error_of

CDFS = {
    "logistic": "logistic",
    "reciprocal": "reciprocal",
    "cauchy": "cauchy",
    "optimal": "optimal",
    "gaussian": "gaussian",
    "art": "logistic_phi",
}
STEEPNESS = {"reciprocal": 4.0}


@cache
def network_of(name: str, n: int) -> Any:
    """The network as diffsort makes it: four selection matrices for each layer."""
    if name == "bitonic" and (n == 1 or n & (n - 1)):
        raise NotOffered("bitonic for a size that is no power of two")  # see WITNESSES
    return diffsort.get_sorting_network(name, n, "cpu")


def run(x: Any, network: str, cdf: str, beta: Any, lam: Any) -> tuple[Any, Any]:
    """Sorted values and matrix, over any batch axes."""
    if cdf not in CDFS or not isinstance(network, str):
        raise NotOffered("a sigmoid or a network of one's own")
    n = x.shape[-1]
    rows = x.reshape(-1, n)
    steepness = (STEEPNESS.get(cdf, 1.0) * beta).expand(x.shape[:-1]).reshape(-1, 1)
    exponent = 0.25 if lam is None else lam
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # D-03: it copies the steepness by torch.tensor(tensor)
        values, matrix = diffsort.sort(network_of(network, n), rows, steepness, exponent, CDFS[cdf])
    return values.reshape(x.shape), matrix.transpose(-1, -2).reshape(*x.shape, n)


def network_sort(x: Any, *, network: str = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Any:
    return run(x, network, cdf, beta, lam)[0]


def network_permutation(x: Any, *, network: str = "bitonic", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Any:
    return run(x, network, cdf, beta, lam)[1]


# What is expected of the checks

EXACT = ("logistic", "reciprocal", "cauchy")
OPTIMAL = dict.fromkeys(("value", "x", "beta"), ("wrong", "D-05"))
ART = dict.fromkeys(("value", "x", "beta", "lam"), ("wrong", "D-04"))
GAUSSIAN = {"beta": ("not offered", "D-02")}

CHECKS = tuple(
    Check(f"sorting.{function.__name__}", function, f"diffsort {name}", "torch", {"cdf": cdfs}, known, samples)
    for function in (network_permutation, network_sort)
    for name, cdfs, known, samples in (
        ("logistic reciprocal cauchy", EXACT, {}, 10),
        ("gaussian", "gaussian", GAUSSIAN, 10),
        ("optimal", "optimal", OPTIMAL, 10),
        ("logistic_phi", "art", ART, 16),  # D-04 shows where differences are small: more inputs meet one
    )
)


# Witnesses: the smallest input for each row of BUGS.md


def one_swap(x: Any, distribution: str, steepness: Any = 1.0) -> Any:
    """Values and matrix of one comparator, through the package."""
    return diffsort.sort(diffsort.get_sorting_network("odd_even", 2, "cpu"), x, steepness, 0.25, distribution)


def swap(x: Any, distribution: str, steepness: Any = 1.0) -> Any:
    return one_swap(x, distribution, steepness)[1]


def slope(d: float, distribution: str, steepness: Any = 1.0) -> float:
    """d alpha / d b at a = 0, b = d, in float64."""
    x = torch.tensor([[0.0, d]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(swap(x, distribution, steepness)[0, 0, 0], x)
    return float(gradient[0, 1])


def unsorted_witness() -> str:
    x = torch.zeros(1, 22)
    x[0, [0, 2]] = 1.0
    y = diffsort.sort(diffsort.get_sorting_network("bitonic", 22, "cpu"), x, 1e6, distribution="logistic")[0]
    return "".join(f"{value:.0f}" for value in y[0])


def unsorted_share(n: int = 22, draws: int = 2000) -> float:
    """The share of random permutations of n values that the steep network leaves unsorted."""
    rng = np.random.default_rng(0)
    x = torch.tensor(np.array([rng.permutation(n) for _ in range(draws)]), dtype=torch.float32)
    y = diffsort.sort(diffsort.get_sorting_network("bitonic", n, "cpu"), x, 1e6, distribution="logistic")[0]
    return float((y.diff(dim=1) < 0).any(1).float().mean())


def zeros_and_ones(n: int) -> Any:
    """Two ones among zeros, a run of ones among zeros, and the opposite: 2 n^2 inputs instead of 2^n."""
    wires = range(n)
    pairs = [[w in pair for w in wires] for pair in itertools.combinations(wires, 2)]
    spans = [[low <= w < high for w in wires] for low, high in itertools.combinations(range(n + 1), 2)]
    x = np.array([*pairs, *spans], np.int8)
    return np.concatenate([x, 1 - x])


def fails(n: int, x: Any) -> bool:
    """Does the network, with hard comparators read off the package's matrices, leave a row of x unsorted?"""
    for split_a, split_b, combine_min, combine_max in diffsort.bitonic_network(n):
        a, b = x[:, split_a.argmax(1)], x[:, split_b.argmax(1)]
        x = x.copy()
        x[:, combine_min.argmax(0)], x[:, combine_max.argmax(0)] = np.minimum(a, b), np.maximum(a, b)
    return bool((np.diff(x, axis=1) < 0).any())


def failing_sizes(largest: int = 64) -> str:
    return " ".join(str(n) for n in range(2, largest + 1) if fails(n, zeros_and_ones(n)))


def steepness_gradients() -> str:
    found = []
    for distribution in CDFS.values():
        beta = torch.tensor(2.0, requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            p = swap(torch.tensor([[0.0, 1.0]], requires_grad=True), distribution, beta)
        (gradient,) = torch.autograd.grad(p[0, 0, 0], [beta], allow_unused=True)
        found += [distribution] if gradient is None else []
    return " ".join(found)


def rounded_sigma() -> str:
    """The slope of the normal distribution at 5 sigma, steepness a Python number: error against the exact slope."""
    exact = 10.0 * float(np.exp(-0.5 * 25.0)) / float(np.sqrt(2.0 * np.pi))
    return f"{abs(slope(0.5, 'gaussian', 10.0) / exact - 1.0):.1e}"


def not_finite(where: str) -> str:
    """Which distributions give NaN at x = (3e38, -3e38), in the sorted values or in their gradient."""
    found = []
    for distribution in CDFS.values():
        x = torch.tensor([[3e38, -3e38]], requires_grad=True)
        y = one_swap(x, distribution, 10.0)[0]
        (gradient,) = torch.autograd.grad(y[0, 0], x)
        found += [distribution] if bool((y if where == "value" else gradient).isnan().any()) else []
    return " ".join(found)


def of_integers() -> str:
    network = diffsort.get_sorting_network("odd_even", 3, "cpu")
    return str(diffsort.sort(network, torch.tensor([[3, 1, 2]]), 10.0)[0].tolist())


def steep_in_float32() -> str:
    """The slope of a logistic swap at beta d = 20: exactly 0 in float32, where the exact one is 4.1e-8."""
    x = torch.tensor([[0.0, 1.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(swap(x, "logistic", 20.0)[0, 0, 0], x)
    return f"{float(gradient[0, 1]):.1e}"


def jump_of_optimal() -> str:
    """The jump of alpha at y = 1/4, where (3.24) is continuous."""
    x = torch.tensor([[0.0, 0.25], [0.0, np.nextafter(0.25, 1.0)]], dtype=torch.float64)
    p = swap(x, "optimal")[:, 0, 0]
    return f"{float(p[1] - p[0]):.1e}"


WITNESSES = (
    Witness("D-01", "bitonic, n = 22: ones at wires 0 and 2 are not sorted", unsorted_witness, "0" * 19 + "101"),
    Witness(
        "D-01",
        "bitonic, n = 22: share of 2000 random permutations not sorted",
        lambda: f"{unsorted_share():.2f}",
        "0.47",
    ),
    Witness("D-01", "bitonic: sizes up to 64 that do not sort", failing_sizes, "22 38 42 43 44 45 46 54"),
    Witness("D-02", "distributions without a gradient for the steepness", steepness_gradients, "gaussian"),
    Witness("D-03", "gaussian, float64, steepness 10.0: relative error of the slope", rounded_sigma, "3.6e-07"),
    Witness(
        "D-04",
        "logistic_phi, lam = 1/4: slope at a tie; (3.13) has 2.5e9",
        lambda: f"{slope(0.0, 'logistic_phi'):.3g}",
        "79.1",
    ),
    Witness("D-05", "optimal: jump at y = 1/4", jump_of_optimal, "1.0e-10"),
    Witness(
        "D-06",
        "reciprocal: slope at 0 for steepness 1; (3.22) has 1",
        lambda: f"{slope(0.0, 'reciprocal'):.3g}",
        "0.25",
    ),
    Witness("D-07", "DiffSortNet('bitonic', 1)", lambda: error_of(one_value), "IndexError"),
    Witness("D-08", "NaN in the value at x = (3e38, -3e38)", lambda: not_finite("value"), "reciprocal logistic_phi"),
    Witness(
        "D-08",
        "NaN in the gradient at x = (3e38, -3e38)",
        lambda: not_finite("gradient"),
        "logistic reciprocal cauchy optimal gaussian logistic_phi",
    ),
    Witness("D-09", "integers 3, 1, 2 sorted", of_integers, "[[0, 0, 0]]"),
    Witness("D-10", "logistic, float32: slope at beta d = 20 (exact 4.1e-08)", steep_in_float32, "0.0e+00"),
)


def one_value() -> Any:
    return diffsort.DiffSortNet("bitonic", 1)(torch.zeros(1, 1))
