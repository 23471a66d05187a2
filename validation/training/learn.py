"""One training run: the network of the thesis at a quarter of its width, Adam, and the metrics of section 3.5."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from refimpl.sorting import element_match, exact_match
from validation.training.digits import Pool, draw
from validation.training.methods import Loss

BATCH = 100  # sets a step, as in the thesis
RATE = 1e-3  # the thesis takes 10^-3.5 and 10^5 to 10^6 steps
ON_THE_WAY, AT_THE_END = 300, 3000  # sets for a measurement


class Measured(NamedTuple):
    """At one step of training: exact match, element-wise match, and exact match of sets of five, in percent."""

    step: int
    em: float
    ew: float
    em5: float


def model(seed: int) -> Any:
    """Two convolutions and two full layers; a number comes out for every 8 x 32 image."""
    torch.manual_seed(seed)
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 2 * 8, 64), nn.ReLU(), nn.Linear(64, 1),
    )  # fmt: skip


def scores_of(network: Any, images: Any) -> Any:
    """(sets, n, 8, 32) -> (sets, n)."""
    tensor = torch.as_tensor(images)
    return network(tensor.reshape(-1, 1, *tensor.shape[2:])).reshape(tensor.shape[:2])


def train(loss: Loss, n: int, pool: Pool, judge: Pool, seed: int, steps: int, every: int) -> list[Measured]:
    """Train for so many steps; measure on the other pool every so many."""
    network, rng = model(seed), np.random.default_rng([seed, n])
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    curve = []
    for step in range(1, steps + 1):
        sets = draw(pool, rng, BATCH, n)
        optimizer.zero_grad()
        loss(scores_of(network, sets.images), torch.as_tensor(sets.ranks)).backward()
        optimizer.step()
        if step % every == 0 or step == steps:
            curve.append(measure(network, n, judge, step, AT_THE_END if step == steps else ON_THE_WAY))
    return curve


def measure(network: Any, n: int, pool: Pool, step: int, count: int) -> Measured:
    """On the same sets every time."""
    found = {}
    with torch.no_grad():
        for size in {n, 5}:
            sets = draw(pool, np.random.default_rng(size), count, size)
            scores = scores_of(network, sets.images).numpy()
            found[size] = 100.0 * exact_match(scores, sets.ranks), 100.0 * element_match(scores, sets.ranks)
    return Measured(step, *found[n], found[5][0])
