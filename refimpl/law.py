"""What a law is: an exact identity that every right implementation obeys, and, where it has one, its backward twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Values = dict[str, Any]  # argument name -> value


class Runner:
    """What a law sees of an implementation: values and pullbacks at any arguments."""

    def value(self, args: Values) -> Array:
        raise NotImplementedError

    def pull(self, args: Values, cotangent: Array) -> dict[str, Array]:
        raise NotImplementedError


class Sides(NamedTuple):
    """Both sides of an identity, and the size of the terms that cancel in it (rounding is judged against that)."""

    left: Array
    right: Array
    gauge: float | Array


Identity = Callable[[Runner, Values, np.random.Generator], Sides]


@dataclass(frozen=True, kw_only=True)
class Law:
    """An exact statement about an operator. ``false`` laws are tempting and wrong; they carry a counterexample."""

    name: str
    statement: str
    forward: Identity | None = None
    backward: Identity | None = None
    applies: Callable[[Values], bool] = lambda args: True
    false: bool = False
    counterexample: Values | None = None

    def __post_init__(self) -> None:
        assert self.forward or self.backward, self.name
        assert self.false == (self.counterexample is not None), f"{self.name}: a false law has a counterexample"


def changed(args: Values, **new: Any) -> Values:
    """The same arguments with some of them replaced."""
    return {**args, **new}


def symmetry(
    name: str,
    statement: str,
    *,
    draw: Callable[[Values, np.random.Generator], Any],
    move: Callable[[Values, Any], Values],
    image: Callable[[Array, Any], Array],
    pull_move: Callable[[dict[str, Array], Any], dict[str, Array]],
    pull_image: Callable[[Array, Any], Array],
    applies: Callable[[Values], bool] = lambda args: True,
    counterexample: Values | None = None,
    floor: float = 0.0,
) -> Law:
    """The law f(move(x)) = image(f(x)), declared once. Differentiating it gives the backward twin for free:

        move^T vjp(move(x); g) = vjp(x; image^T g),

    with ``pull_move`` and ``pull_image`` the transposed derivatives of the two maps. ``floor`` is the least size of the
    terms that cancel in the image (1 for the image 1 - y).
    """

    def forward(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        a = draw(args, rng)
        left, right = run.value(move(args, a)), image(run.value(args), a)
        return Sides(left, right, max(floor, _largest(left, right)))

    def backward(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        a = draw(args, rng)
        moved = move(args, a)
        g = rng.standard_normal(np.shape(run.value(moved)))
        left = pull_move(run.pull(moved, g), a)
        right = run.pull(args, pull_image(g, a))
        return stacked(left, right, np.abs(g).max(initial=0.0))

    return Law(
        name=name, statement=statement, forward=forward, backward=backward, applies=applies,
        false=counterexample is not None, counterexample=counterexample,
    )  # fmt: skip


def stacked(left: dict[str, Array], right: dict[str, Array], floor: float) -> Sides:
    """Two sets of gradients as one identity; each argument is judged against its own size, and at least ``floor``."""
    names = [name for name in left if left[name] is not None]
    blocks = [(np.ravel(left[name]), np.ravel(right[name])) for name in names]
    gauges = [np.full(a.shape, max(_largest(a, b), floor)) for a, b in blocks]
    if not blocks:
        return Sides(np.zeros(0), np.zeros(0), 1.0)
    return Sides(np.concatenate([a for a, _ in blocks]), np.concatenate([b for _, b in blocks]), np.concatenate(gauges))


def _largest(left: Array, right: Array) -> float:
    return float(max(np.abs(left).max(initial=0.0), np.abs(right).max(initial=0.0)))
