"""What is known about a wrong gradient, and what it means that a hypothesis explains it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Arrays = Sequence[Array]
Mask = NDArray[np.bool_]

TOLERANCE = {"float64": 1e-9, "float32": 1e-5, "float16": 1e-2, "bfloat16": 5e-2}
PER_SAMPLE = ("claimed", "reference", "cotangents", "inputs", "jacobians", "repeats")


@dataclass(frozen=True)
class Diagnosis:
    """The kind of mistake, its numbers, one sentence that says it, and where to look."""

    kind: str
    detail: dict[str, Any]
    sentence: str
    hint: str


@dataclass(frozen=True)
class Evidence:
    """Everything known about one argument over m >= 3 random inputs and cotangents; what is not known stays empty.

    Arrays are flattened on arrival; ``shape`` is the argument's, so that rows can be named. ``linearity`` holds pairs
    ``(G(a g + b g'), a G(g) + b G(g'))`` at one input each. ``parameters`` are named scalars (n, batch, beta, ...),
    the same for all samples. ``others`` holds the reference gradients of the other arguments. ``terms`` holds, by name,
    the terms of the derivation, which sum to the reference.
    """

    claimed: Arrays  # G_k, of the argument's size
    reference: Arrays  # R_k
    cotangents: Arrays = ()  # g_k, of the output's size
    inputs: Arrays = ()  # x_k
    jacobians: Arrays = ()  # J_k, (output size, argument size)
    repeats: Arrays = ()  # G_k from a second, equal call
    linearity: Sequence[tuple[Array, Array]] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, Arrays] = field(default_factory=dict)
    terms: Mapping[str, Arrays] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    dtype: str = "float64"

    def __post_init__(self) -> None:
        for name in PER_SAMPLE:
            arrays = [np.asarray(array, np.float64) for array in getattr(self, name)]
            if arrays and len(arrays) != len(self.claimed):
                raise ValueError(f"Evidence: {len(arrays)} {name} for {len(self.claimed)} claimed gradients")
            object.__setattr__(self, name, tuple(a if name == "jacobians" else a.ravel() for a in arrays))
        for name in ("others", "terms"):
            flat = {key: [np.ravel(array) for array in arrays] for key, arrays in getattr(self, name).items()}
            object.__setattr__(self, name, flat)
        for got, want in zip(self.claimed, self.reference, strict=True):
            if got.shape != want.shape:
                raise ValueError(f"Evidence: claimed gradient has {got.size} entries, the reference {want.size}")

    @property
    def samples(self) -> range:
        return range(len(self.claimed))

    @property
    def axes(self) -> tuple[int, ...]:
        """The argument's shape, at least one axis of it."""
        return self.shape or self.claimed[0].shape

    @property
    def square(self) -> bool:
        """Does the output have the argument's size?"""
        return bool(self.cotangents) and self.cotangents[0].shape == self.claimed[0].shape

    def first(self) -> Evidence:
        """The first half, on which unknowns are fitted; never all of it."""
        half = max(1, len(self.claimed) // 2)
        return replace(self, **{name: getattr(self, name)[:half] for name in PER_SAMPLE})

    def scale(self, k: int) -> float:
        """The largest finite entry of either gradient of sample k."""
        both = np.abs(np.concatenate([self.claimed[k], self.reference[k]]))
        return float(both.max(initial=0.0, where=np.isfinite(both)))

    def off(self, k: int, predicted: Array) -> Mask:
        """The entries of sample k that the prediction misses: ``|G - prediction| > tol max(|G|, |R|)``."""
        got = self.claimed[k]
        same = (got == predicted) | (np.isnan(got) & np.isnan(predicted))
        return np.asarray(~(same | (np.abs(got - predicted) <= TOLERANCE[self.dtype] * self.scale(k))))


Prediction = Callable[[Evidence, int], Array | None]  # G_k as the mistake makes it; None: nothing said of sample k
Hypothesis = tuple[Diagnosis, Prediction]
Rule = Callable[[Evidence], Iterator[Hypothesis]]


def explains(predict: Prediction, evidence: Evidence) -> bool:
    """Does the prediction match the claimed gradient of every sample it speaks of, and of more than half of them?"""
    said = 0
    for k in evidence.samples:
        predicted = predict(evidence, k)
        if predicted is not None:
            if predicted.shape != evidence.claimed[k].shape or evidence.off(k, predicted).any():
                return False
            said += 1
    return 2 * said > len(evidence.claimed)


def multiple(a: Array, b: Array) -> float:
    """The c that minimises ``|a - c b|``; 0 if b is 0."""
    return float(np.vdot(a, b) / np.vdot(b, b)) if b.any() else 0.0


def runs(mask: Mask) -> str:
    """The true entries as run-length text: ``0-3, 7, 9-10``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    pieces = [f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in edges.reshape(-1, 2).tolist()]
    return ", ".join(pieces[:12]) + (f", ... ({len(pieces)} runs)" if len(pieces) > 12 else "")
