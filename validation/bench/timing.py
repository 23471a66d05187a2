"""Alternating measurements: every subject once, then every subject again; medians."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

ENOUGH = 20e-3  # seconds one sample lasts at least, by calling again


def medians(subjects: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of one call of each subject, the subjects taking turns.

    A turn begins with calls that do not count, for as long as a sample lasts: the threads of the subject before
    (OpenMP's spin for a while) go to sleep, and its own are awake.
    """
    repeats = {}
    for name, call in subjects.items():
        call()  # compiles, fills caches
        repeats[name] = max(1, int(ENOUGH / max(clocked(call, 1), 1e-7)))
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, call in subjects.items():
            if repeats[name] > 1:
                clocked(call, repeats[name])
            samples[name].append(clocked(call, repeats[name]))
    return {name: median(taken) for name, taken in samples.items()}


def clocked(call: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats
