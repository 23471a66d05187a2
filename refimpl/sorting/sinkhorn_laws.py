"""Laws of the Sinkhorn operators, most of them for any number of iterations, some in the limit. False ones at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Array, Values


def _n(args: Values) -> int:
    return int(np.shape(args["x"])[-1])


def plain(args: Values) -> bool:
    """No squashing."""
    return args.get("squash") is None


def _free(args: Values) -> bool:
    """Are there targets to move, and values that move with them?"""
    return plain(args) and args.get("targets") is not None


MANY = 60  # iterations that reach the limit at the temperature of ``_warm``


def _warm(args: Values) -> Array:
    """A temperature at which rows converge by a factor of 3 an iteration, whatever the values."""
    spread = 1.0 if args.get("squash") else float(np.ptp(args["x"]))
    y = args.get("targets")
    warm: Array = np.asarray(args["eps"]) + spread * (1.0 if y is None else float(np.ptp(y)))
    return warm


def limit(args: Values, **new: Any) -> Values:
    """The same arguments, warm, with enough iterations to be in the limit."""
    return changed(args, eps=_warm(args), iterations=MANY, tol=None, **new)


def _row_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    sums = run.value(args).sum(-1)
    return Sides(sums, np.ones_like(sums), 1.0)


def _pull_row_constants(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    shape = np.shape(run.value(args))
    g = rng.standard_normal((*shape[:-1], 1)) * np.ones(shape)
    grads = {name: grad for name, grad in run.pull(args, g).items() if grad is not None}
    size = float(np.abs(g).max(initial=0.0) * _n(args) / np.min(args["eps"]))
    return stacked(grads, {name: np.zeros_like(grad) for name, grad in grads.items()}, size)


def _column_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    sums = run.value(limit(args)).sum(-2)
    return Sides(sums, np.ones_like(sums), 1.0)


def _pull_column_constants(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    shape = np.shape(args["x"])
    g = rng.standard_normal((*shape[:-1], 1, shape[-1])) * np.ones((*shape, shape[-1]))
    grads = {name: grad for name, grad in run.pull(limit(args), g).items() if grad is not None}
    size = 16.0 * float(np.abs(g).max(initial=0.0) * _n(args))
    return stacked(grads, {name: np.zeros_like(grad) for name, grad in grads.items()}, size)


def _both_backwards(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal((*np.shape(args["x"]), _n(args)))
    unrolled = run.pull(limit(args), g)
    return stacked(run.pull(limit(args, backward="implicit"), g), unrolled, 4.0 * float(np.abs(g).sum()))


def _two(args: Values) -> bool:
    return _n(args) == 2 and plain(args)


def _logistic_matrix(args: Values) -> tuple[Array, Array, Array]:
    x, y = np.asarray(args["x"]), np.asarray([0.0, 1.0] if args.get("targets") is None else args["targets"])
    beta = (y[..., 1] - y[..., 0]) / _warm(args)
    gap = x[..., 1] - x[..., 0]
    alpha = 1.0 / (1.0 + np.exp(-beta * gap))
    return alpha, beta, gap


def _swap(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    alpha, _, _ = _logistic_matrix(args)
    want = np.stack([np.stack([alpha, 1.0 - alpha], -1), np.stack([1.0 - alpha, alpha], -1)], -2)
    return Sides(run.value(limit(args)), want, 1.0)


def _swap_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    alpha, beta, _ = _logistic_matrix(args)
    g = rng.standard_normal((*np.shape(args["x"]), 2))
    gap = beta * alpha * (1.0 - alpha) * (g[..., 0, 0] + g[..., 1, 1] - g[..., 0, 1] - g[..., 1, 0])
    return Sides(run.pull(limit(args), g)["x"], np.stack([-gap, gap], -1), 4.0 * float(np.abs(g).sum()))


def _both(args: Values, move: Any) -> Values:
    return changed(args, x=move(np.asarray(args["x"])), targets=move(np.asarray(args["targets"])))


def _reversed(args: Values) -> Values:
    return changed(args, x=-np.asarray(args["x"]), targets=-np.asarray(args["targets"])[..., ::-1])


def _shift(rng: np.random.Generator) -> float:
    return float(rng.integers(-3, 4))


def _factor(rng: np.random.Generator) -> float:
    return float(2.0 ** rng.integers(-2, 3))


ROWS_SUM = Law(
    name="row sums", statement="rows of P sum to 1 after any number of iterations", forward=_row_sums,
    backward=_pull_row_constants,
)  # fmt: skip
IN_THE_LIMIT = Law(
    name="column sums in the limit", statement="columns of P sum to 1 in the limit", forward=_column_sums,
    backward=_pull_column_constants,
)  # fmt: skip
EQUIVARIANT = symmetry(
    "permutation",
    "permuting x permutes the columns of P",
    draw=lambda args, rng: rng.permutation(_n(args)),
    move=lambda args, q: changed(args, x=np.asarray(args["x"])[..., q]),
    image=lambda p, q: p[..., q],
    pull_move=lambda grads, q: {**grads, "x": grads["x"][..., np.argsort(q)]},
    pull_image=lambda g, q: g[..., np.argsort(q)],
)
TOGETHER = symmetry(
    "shift",
    "P(x + c, targets + c) = P(x, targets)",
    draw=lambda args, rng: _shift(rng),
    move=lambda args, c: _both(args, lambda v: v + c),
    image=lambda p, c: p,
    pull_move=lambda grads, c: grads,
    pull_image=lambda g, c: g,
    applies=_free,
)
SCALED = symmetry(
    "scale",
    "P(c x, c targets; c^2 eps) = P(x, targets; eps), c > 0",
    draw=lambda args, rng: _factor(rng),
    move=lambda args, c: changed(_both(args, lambda v: c * v), eps=np.asarray(args["eps"]) * c * c),
    image=lambda p, c: p,
    pull_move=lambda grads, c: {
        "x": c * grads["x"], "eps": c * c * grads["eps"],
        "targets": None if grads["targets"] is None else c * grads["targets"],
    },
    pull_image=lambda g, c: g,
    applies=_free,
)  # fmt: skip
AFFINE = symmetry(
    "affine with squash",
    "with squash, P(c x + d) = P(x), c > 0: for n = 2 it does not depend on |x_1 - x_2| (E-17)",
    draw=lambda args, rng: (_factor(rng), _shift(rng)),
    move=lambda args, a: changed(args, x=a[0] * np.asarray(args["x"]) + a[1]),
    image=lambda p, a: p,
    pull_move=lambda grads, a: {**grads, "x": a[0] * grads["x"]},
    pull_image=lambda g, a: g,
    applies=lambda args: not plain(args),
)
IMPLICIT = Law(
    name="implicit", statement="the implicit gradient is the limit of the unrolled one", backward=_both_backwards,

)  # fmt: skip
THREE: Values = {"x": np.array([0.9, -0.4, 0.3]), "eps": 0.2, "iterations": 1}


def _transposed(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    exchanged = changed(args, x=np.asarray(args["targets"]), targets=np.asarray(args["x"]))
    return Sides(run.value(exchanged), np.swapaxes(run.value(args), -1, -2), 1.0)


FALSE_COLUMNS = Law(
    name="column sums", statement="columns of P sum to 1 after any number of iterations (false)", false=True,
    forward=lambda run, args, rng: Sides(run.value(args).sum(-2), np.ones(np.shape(args["x"])), 1.0),
    counterexample=THREE,
)  # fmt: skip
FALSE_SHIFT = Law(
    name="shift of x alone",
    statement="P(x + c) = P(x) after any number of iterations (false: columns of the cost move by different numbers)",
    false=True,
    forward=lambda run, args, rng: Sides(run.value(changed(args, x=np.asarray(args["x"]) + 1.0)), run.value(args), 1.0),
    counterexample=THREE,
)  # fmt: skip
FALSE_TRANSPOSE = Law(
    name="transposition",
    statement="exchanging ascending x and targets transposes P (false: in the limit only)",
    false=True,
    forward=_transposed,
    counterexample={"x": np.array([-0.4, 0.3, 0.9]), "targets": np.array([0.0, 0.2, 1.0]), "eps": 0.2, "iterations": 1},
)
SORT_LAWS = (
    ROWS_SUM, IN_THE_LIMIT, EQUIVARIANT, TOGETHER, SCALED, AFFINE, IMPLICIT,
    Law(name="logistic swap", statement="n = 2 without squash: a logistic swap, beta = (y_2 - y_1) / eps, in the limit",
        forward=_swap, backward=_swap_twin, applies=_two),
    symmetry(
        "reflection",
        "P(-x, -reverse targets): the rows of P in reverse order",
        draw=lambda args, rng: None,
        move=lambda args, a: _reversed(args),
        image=lambda p, a: p[..., ::-1, :],
        pull_move=lambda grads, a: {
            **grads, "x": -grads["x"], "targets": None if grads["targets"] is None else -grads["targets"][..., ::-1]
        },
        pull_image=lambda g, a: g[..., ::-1, :],
        applies=_free,
    ),
    FALSE_COLUMNS, FALSE_SHIFT, FALSE_TRANSPOSE,
)  # fmt: skip
