"""Four-digit numbers made of scikit-learn's bundled handwritten digits (8 x 8 pixels), and sets of them in known order.

The digits are those of the UCI collection (1797 of them); the thesis uses MNIST, which is larger and harder. Digits for
testing never occur in training.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

DIGITS = 4
HELD_OUT = 0.25  # of the digits, for testing; another tenth of the rest, for choosing temperatures
CHOOSING = 0.1


class Pool(NamedTuple):
    """Single digits."""

    images: Array  # (count, 8, 8), 0 to 1
    labels: Array  # (count,)


class Sets(NamedTuple):
    """Sets of n numbers, all different within a set."""

    images: Array  # (sets, n, 8, 32) float32
    ranks: Array  # (sets, n): 0 for the smallest number


def pools() -> tuple[Pool, Pool, Pool]:
    """Digits for training, for choosing temperatures, for testing."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.float32) / 16.0, bunch.target
    order = np.random.default_rng(2022).permutation(len(labels))
    test = int(HELD_OUT * len(order))
    choose = test + int(CHOOSING * (len(order) - test))
    return tuple(Pool(images[part], labels[part]) for part in (order[choose:], order[test:choose], order[:test]))  # type: ignore[return-value]


def draw(pool: Pool, rng: np.random.Generator, sets: int, n: int) -> Sets:
    """Sets of n numbers; a set with two equal numbers is drawn again."""
    chosen = rng.integers(len(pool.labels), size=(sets, n, DIGITS))
    while True:
        numbers = pool.labels[chosen] @ (10 ** np.arange(DIGITS)[::-1])
        ascending = np.sort(numbers, axis=1)
        equal = (ascending[:, 1:] == ascending[:, :-1]).any(axis=1)
        if not equal.any():
            break
        chosen[equal] = rng.integers(len(pool.labels), size=(int(equal.sum()), n, DIGITS))
    strips = np.concatenate([pool.images[chosen[..., digit]] for digit in range(DIGITS)], axis=-1)
    return Sets(strips, np.argsort(np.argsort(numbers, axis=1), axis=1))
