"""Laws of the network operators: about values first, then about the matrix. False ones carry a counterexample."""

from __future__ import annotations

import numpy as np

from refimpl.boundary import Gate
from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Array, Values
from refimpl.sorting.networks import comparators


def _n(args: Values) -> int:
    return int(np.shape(args["x"])[-1])


def _a_shift(args: Values, rng: np.random.Generator) -> float:
    return float(rng.uniform(-2.0, 2.0))


def _a_factor(args: Values, rng: np.random.Generator) -> float:
    return float(2.0 ** rng.integers(-3, 4))  # a power of two: exact, so that only the operator rounds


def _scaled(grads: dict[str, Array], c: float) -> dict[str, Array]:
    return {**grads, "x": c * grads["x"], "beta": grads["beta"] / c}


def _column_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y, x = run.value(args), np.asarray(args["x"])
    return Sides(y.sum(-1), x.sum(-1), float(np.abs(x).max(initial=0.0)) * _n(args))


def _pull_ones(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    grads = run.pull(args, np.ones(np.shape(args["x"])))
    want = {**{name: np.zeros_like(g) for name, g in grads.items() if g is not None}, "x": np.ones_like(grads["x"])}
    return stacked(grads, want, float(_n(args) * (1.0 + np.abs(args["x"]).max(initial=0.0))))


def _pull_keeps_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(args["x"]))
    return Sides(run.pull(args, g)["x"].sum(-1), g.sum(-1), float(np.abs(g).sum()))


def _within_range(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y, x = run.value(args), np.asarray(args["x"])
    low, high = x.min(-1, keepdims=True), x.max(-1, keepdims=True)
    return Sides(y, np.clip(y, low, high), float(np.abs(x).max(initial=0.0)))


def _first_pair(args: Values) -> tuple[int, int]:
    wires = comparators(Gate("law"), args.get("network", "bitonic"), _n(args))
    return int(wires.first[0]), int(wires.second[0])


def _exchanged(array: Array, pair: tuple[int, int]) -> Array:
    out = np.array(array)
    i, j = pair
    out[..., [i, j]] = out[..., [j, i]]
    return out


def _scale_free(args: Values) -> bool:
    return bool(args.get("cdf", "cauchy") != "art")


def _self_mirrored(args: Values) -> bool:
    n, network = _n(args), args.get("network", "bitonic")
    return (network == "bitonic" and n & (n - 1) == 0) or (network == "odd_even" and n % 2 == 0)


def _more_than_one(args: Values) -> bool:
    return _n(args) > 1


def _reflected(x: Array) -> Array:
    return -np.asarray(x)[..., ::-1]


def _reflection(counterexample: Values | None = None) -> Law:
    return symmetry(
        "reflection" if counterexample is None else "reflection, odd n of odd-even",
        "y(-reverse x) = -reverse y, where the network is its own mirror image",
        draw=lambda args, rng: None,
        move=lambda args, a: changed(args, x=_reflected(args["x"])),
        image=lambda y, a: _reflected(y),
        pull_move=lambda grads, a: {**grads, "x": _reflected(grads["x"])},
        pull_image=lambda g, a: _reflected(g),
        applies=_self_mirrored,
        counterexample=counterexample,
    )


def _first_comparator(of_matrix: bool) -> Law:
    return symmetry(
        "first comparator",
        "exchanging the two inputs of a first-layer comparator exchanges two columns of P and leaves P x as it is",
        draw=lambda args, rng: _first_pair(args),
        move=lambda args, pair: changed(args, x=_exchanged(args["x"], pair)),
        image=lambda y, pair: _exchanged(y, pair) if of_matrix else y,
        pull_move=lambda grads, pair: {**grads, "x": _exchanged(grads["x"], pair)},
        pull_image=lambda g, pair: _exchanged(g, pair) if of_matrix else g,
        applies=_more_than_one,
    )


def _permuted(x: Array) -> Array:
    return np.roll(np.asarray(x), 1, axis=-1)


SORT_LAWS = (
    symmetry(
        "shift",
        "y(x + c) = y(x) + c",
        draw=_a_shift,
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) + c),
        image=lambda y, c: y + c,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    symmetry(
        "scale",
        "y(c x; beta / c) = c y(x; beta), c > 0",
        draw=_a_factor,
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) * c, beta=np.asarray(args["beta"]) / c),
        image=lambda y, c: c * y,
        pull_move=_scaled,
        pull_image=lambda g, c: c * g,
        applies=_scale_free,
    ),
    _reflection(),
    _first_comparator(of_matrix=False),
    Law(name="sum", statement="sum y = sum x, so 1'J = 1'", forward=_column_sums, backward=_pull_ones),
    Law(
        name="shift twin", statement="J 1 = 1: the gradient sums to the sum of the cotangent", backward=_pull_keeps_sums
    ),
    Law(name="range", statement="min x <= y <= max x", forward=_within_range),
    Law(
        name="ascending outputs",
        statement="y is ascending (false: only pairs of the last layer are)",
        false=True,
        forward=lambda run, args, rng: Sides(run.value(args), np.sort(run.value(args)), 1.0),
        counterexample={"x": np.array([0.0, 0.0, -1.0]), "network": "odd_even", "cdf": "cauchy", "beta": 1.0},
    ),
    Law(
        name="permutation invariance",
        statement="y does not depend on the order of x (false for n >= 3)",
        false=True,
        forward=lambda run, args, rng: Sides(run.value(args), run.value(changed(args, x=_permuted(args["x"]))), 1.0),
        counterexample={"x": np.array([3.0, 1.0, 2.0]), "network": "odd_even", "cdf": "cauchy", "beta": 1.0},
    ),
    Law(
        name="monotone with the logistic sigmoid",
        statement="y_0 never falls when an input rises (false)",
        false=True,
        backward=lambda run, args, rng: (lambda g: Sides(g, np.maximum(g, 0.0), 1.0))(
            run.pull(args, np.array([1.0, 0.0]))["x"]
        ),
        counterexample={"x": np.array([0.0, 3.0]), "network": "odd_even", "cdf": "logistic", "beta": 1.0},
    ),
    _reflection({"x": np.array([0.0, 1.0, 3.0]), "network": "odd_even", "cdf": "cauchy", "beta": 1.0}),
)


def _row_sums_of_matrix(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = run.value(args)
    sums = np.concatenate([p.sum(-1), p.sum(-2)], axis=-1)
    return Sides(sums, np.ones_like(sums), 1.0)


def _pull_constants(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent that is constant along columns, plus one constant along rows, pulls back to nothing."""
    n, shape = _n(args), np.shape(args["x"])
    g = rng.standard_normal((*shape, 1)) + rng.standard_normal((*shape[:-1], 1, n))
    grads = {name: value for name, value in run.pull(args, g).items() if value is not None}
    size = float(
        np.abs(g).max(initial=0.0) * n * (1.0 + np.max(args["beta"])) * (1.0 + np.abs(args["x"]).max(initial=0.0))
    )
    return stacked(grads, {name: np.zeros_like(value) for name, value in grads.items()}, size)


PERMUTATION_LAWS = (
    Law(
        name="doubly stochastic",
        statement="rows and columns of P sum to 1",
        forward=_row_sums_of_matrix,
        backward=_pull_constants,
    ),
    Law(
        name="range",
        statement="0 <= P <= 1",
        forward=lambda run, args, rng: (lambda p: Sides(p, np.clip(p, 0.0, 1.0), 1.0))(run.value(args)),
    ),
    symmetry(
        "shift",
        "P(x + c) = P(x), so the gradient of x sums to 0",
        draw=_a_shift,
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) + c),
        image=lambda p, c: p,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    Law(
        name="shift twin",
        statement="the gradient of x sums to 0",
        backward=lambda run, args, rng: (
            lambda gx: Sides(gx.sum(-1), np.zeros(gx.shape[:-1]), float(np.abs(gx).sum()))
        )(run.pull(args, rng.standard_normal((*np.shape(args["x"]), _n(args))))["x"]),
    ),
    symmetry(
        "scale",
        "P(c x; beta / c) = P(x; beta), c > 0",
        draw=_a_factor,
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) * c, beta=np.asarray(args["beta"]) / c),
        image=lambda p, c: p,
        pull_move=_scaled,
        pull_image=lambda g, c: g,
        applies=_scale_free,
    ),
    _first_comparator(of_matrix=True),
    Law(
        name="symmetric",
        statement="P is symmetric (false)",
        false=True,
        forward=lambda run, args, rng: (lambda p: Sides(p, np.swapaxes(p, -1, -2), 1.0))(run.value(args)),
        counterexample={"x": np.array([3.0, 1.0, 2.0]), "network": "odd_even", "cdf": "cauchy", "beta": 1.0},
    ),
)
