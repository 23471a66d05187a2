"""What sorting.soft_sort and topk.soft_topk declare: domain, kinks, definition, laws, named inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.op import Arg, Array, Case, Source, Tol, Values, log_uniform

TAU = (0.05, 5.0)  # sampled log-uniformly: from nearly hard to nearly flat, for scores of unit size


def sizes(rng: np.random.Generator) -> dict[str, int]:
    return {"n": int(rng.integers(1, 10)), "batch": int(rng.integers(0, 4)), "power": int(rng.integers(1, 3))}


def _sample_s(rng: np.random.Generator, size: Any) -> Array:
    return rng.normal(0.0, 1.5, (size["batch"], size["n"]) if size["batch"] else (size["n"],))


def _sample_tau(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] > 1 and rng.random() < 0.5:
        return np.array([log_uniform(rng, *TAU) for _ in range(size["batch"])])
    return log_uniform(rng, *TAU)


S_ARG = Arg(name="s", shape="... n", domain="finite, n >= 1", sample=_sample_s)
TAU_ARG = Arg(name="tau", shape="...", domain="> 0", sample=_sample_tau)
POWER_ARG = Arg(
    name="power",
    shape="",
    domain="1 or 2",
    differentiable=False,
    why_not="a choice of two: between them |D|^power has no second slope at D = 0, below 1 no first",
    sample=lambda rng, size: size["power"],
)
ARGS = (S_ARG, TAU_ARG, POWER_ARG)
SOURCES = (
    Source(
        where="Petersen, Learning with Differentiable Algorithms (thesis), 3.1.1, (3.1)",
        what="definition for power 1, descending (E-22)",
        departs="the derivative of tied scores is the mean over their orders",
    ),
    Source(
        where="Prillo and Eisenschlos, SoftSort, ICML 2020", what="definition with a power; 1 and 2 are offered here"
    ),
)
TOL = Tol(value=16.0, gradient=64.0, why="z exp(-z) ulp of a distance rounded twice; exp to 1 ulp; a sum of n terms")


def margin(s: Any, *, tau: Any, power: int = 1, k: int | None = None) -> float:
    """Half the least distance of one of the first k scores to another; infinite for a single score."""
    ordered = -np.sort(-np.asarray(s, np.float64), axis=-1)
    gaps = (ordered[..., :-1] - ordered[..., 1:])[..., :k]
    return float(gaps.min(initial=math.inf)) / 2.0


def matrix_by_definition(s: Any, *, tau: Any, power: int = 1) -> Array:
    """Row by row, entry by entry."""
    s = np.asarray(s, np.float64)
    taus = np.broadcast_to(np.asarray(tau, np.float64), s.shape[:-1])
    p = np.empty((*s.shape, s.shape[-1]))
    for row in np.ndindex(taus.shape):
        for i, at in enumerate(sorted(s[row], reverse=True)):
            weights = np.exp(-((np.abs(at - s[row]) / taus[row] ** (1.0 / power)) ** power))
            p[row][i] = weights / weights.sum()
    return p


# Named inputs. Equal scores are not among them: their gradient is a choice, and another may be as good.

S4 = np.array([0.9, 0.1, 0.5, 0.2])
SHEET_ROW = np.array([0.699274998645, 0.04858804026, 0.184326888399, 0.067810072697])
E1, E4 = math.exp(-1.0), math.exp(-4.0)
WIDE = np.array([-500.0, 30.0, 1000.0, -2.0, 0.5])
PLAIN: tuple[tuple[str, Values, tuple[str, ...]], ...] = (
    ("one score", {"s": np.array([2.5]), "tau": 1.0}, ("size_one",)),
    ("nearly hard", {"s": S4, "tau": 1e-3}, ("saturated",)),
    ("nearly flat", {"s": S4, "tau": 1e6, "power": 2}, ("boundary",)),
    ("huge", {"s": np.array([1e308, -1e308, 1.7e308, 0.0]), "tau": 1.0}, ("extreme_large",)),
    ("huge, power 2", {"s": np.array([1e308, -1e308, 1.7e308, 0.0]), "tau": 1.0, "power": 2}, ("extreme_large",)),
    ("tiny", {"s": S4 * 2.0**-500, "tau": 2.0**-501}, ("extreme_small",)),
    ("tiny, power 2", {"s": S4 * 2.0**-505, "tau": 2.0**-1013, "power": 2}, ("extreme_small",)),
    ("far apart", {"s": WIDE, "tau": 1.0}, ("extreme_large",)),
    ("far apart, power 2", {"s": WIDE, "tau": 90.0, "power": 2}, ("extreme_large",)),
    ("NaN in one row", {"s": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "tau": 1.0}, ("nan",)),
    ("empty batch", {"s": np.zeros((0, 3)), "tau": 1.0}, ("empty",)),
    (
        "two batch axes",
        {"s": np.arange(12.0).reshape(2, 2, 3) * 5.0 % 7.0, "tau": np.array([[1.0], [4.0]])},
        ("batch", "broadcast"),
    ),
    ("65 scores", {"s": 3.0 * np.sin(np.arange(65.0) ** 2), "tau": 0.3}, ("odd_size",)),
    ("150 scores, power 2", {"s": 3.0 * np.sin(np.arange(150.0) ** 2), "tau": 0.3, "power": 2}, ("odd_size",)),
)
S3 = np.array([3.0, 1.0, 2.0])
REFUSALS: tuple[tuple[str, Values, type[Exception], str], ...] = (
    ("complex s", {"s": np.array([1j, 2.0])}, TypeError, "complex128"),
    ("object s", {"s": np.array([1, None], object)}, TypeError, "object"),
    ("masked s", {"s": np.ma.masked_array([1.0, 2.0], [False, True])}, TypeError, "masked"),
    ("half precision s", {"s": np.zeros(2, np.float16)}, TypeError, "float16"),
    ("no scores", {"s": np.zeros((2, 0))}, ValueError, "nothing to sort"),
    ("scalar s", {"s": np.float64(1.0)}, ValueError, "at least 1 axis"),
    ("infinite s", {"s": np.array([1.0, np.inf])}, ValueError, "infinite at index"),
    ("tau 0", {"s": S3, "tau": 0.0}, ValueError, "finite values > 0"),
    ("tau negative", {"s": S3, "tau": -1.0}, ValueError, "finite values > 0"),
    ("tau NaN", {"s": S3, "tau": math.nan}, ValueError, "finite values > 0"),
    ("tau of the wrong shape", {"s": S3, "tau": np.ones(2)}, ValueError, "broadcasts"),
    ("power 0.5", {"s": S3, "power": 0.5}, ValueError, "1 or 2"),
    ("power 3", {"s": S3, "power": 3}, ValueError, "1 or 2"),
    ("power by name", {"s": S3, "power": "two"}, ValueError, "1 or 2"),
)


def cases(**more: Any) -> tuple[Case, ...]:
    """The inputs above, with more arguments (k)."""
    plain = (Case(name=name, args={**args, **more}, tags=tags) for name, args, tags in PLAIN)
    refused = (
        Case(name=name, args={"tau": 1.0, **args, **more}, error=(error, text)) for name, args, error, text in REFUSALS
    )
    return (*plain, *refused)


def _two(weight: float) -> Array:
    """Row 0 and row 1 of two scores, the larger first, whose distance has this weight."""
    return np.array([[1.0, weight], [weight, 1.0]]) / (1.0 + weight)


CASES = (
    Case(
        name="two scores",
        args={"s": np.array([1.0, 0.0]), "tau": 1.0},
        tags=("basic",),
        expect=_two(E1),
        source="the logistic swap with beta = 1",
    ),
    Case(
        name="two scores, power 2",
        args={"s": np.array([1.0, -1.0]), "tau": 1.0, "power": 2},
        tags=("basic",),
        expect=_two(E4),
        source="logistic of d^2 / tau",
    ),
    *cases(),
)
