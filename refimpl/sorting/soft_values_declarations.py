"""What soft_values and soft_ranks declare: domain, definitions, laws, named inputs. Both are linear, without corners."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, symmetry
from refimpl.op import Arg, Array, Case, Values
from refimpl.sorting.permutation_losses_declarations import doubly_stochastic

BATCHES = (((), ()), ((), ()), ((2,), (2,)), ((2,), ()), ((), (3,)), ((2, 1), (3,)))  # of P, of x


def sizes(rng: np.random.Generator) -> dict[str, int]:
    n = int(rng.integers(1, 6))
    return {"n": n, "r": int(rng.integers(1, n + 1)), "batch": int(rng.integers(len(BATCHES)))}


def rank_sizes(rng: np.random.Generator) -> dict[str, int]:
    return {"n": int(rng.integers(1, 7)), "batch": int(rng.integers(len(BATCHES)))}


def _matrices(rng: np.random.Generator, size: Any) -> Array:
    return doubly_stochastic(rng, BATCHES[size["batch"]][0], size["n"])


VALUES_ARGS = (
    Arg(name="P", shape="... r n", domain="finite", sample=lambda rng, size: _matrices(rng, size)[..., : size["r"], :]),
    Arg(name="x", shape="... n", domain="finite",
        sample=lambda rng, size: rng.normal(0.0, 2.0, (*BATCHES[size["batch"]][1], size["n"]))),
)  # fmt: skip
RANKS_ARGS = (Arg(name="P", shape="... n n", domain="finite", sample=_matrices),)


def _exact(terms: Iterable[tuple[float, float]]) -> float:
    """The sum of products in fractions, rounded once."""
    pairs = [(float(a), float(b)) for a, b in terms]
    if any(math.isnan(a) or math.isnan(b) for a, b in pairs):
        return math.nan
    return float(sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(0)))


def values_by_definition(P: Any, x: Any) -> Array:
    """y_r = sum_c P_rc x_c, exactly rounded."""
    p, x = np.asarray(P, np.float64), np.asarray(x, np.float64)
    batch = np.broadcast_shapes(p.shape[:-2], x.shape[:-1])
    p, x = np.broadcast_to(p, (*batch, *p.shape[-2:])), np.broadcast_to(x, (*batch, x.shape[-1]))
    found = np.empty(p.shape[:-1])
    for at in np.ndindex(found.shape):
        found[at] = _exact((a, b) for a, b in zip(p[at], x[at[:-1]], strict=True) if a != 0.0)
    return found


def ranks_by_definition(P: Any) -> Array:
    """rank_c = sum_r r P_rc, exactly rounded."""
    p = np.asarray(P, np.float64)
    found = np.empty(p.shape[:-1])
    for at in np.ndindex(found.shape):
        column = p[(*at[:-1], slice(None), at[-1])]
        found[at] = _exact(enumerate(column, 1))
    return found


def _size(*arrays: Any) -> float:
    return float(max(np.abs(array).max(initial=0.0) for array in arrays))


def _linear(name: str) -> Callable[[Runner, Values, np.random.Generator], Sides]:
    """Additive in one argument."""

    def law(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        other = rng.standard_normal(np.shape(args[name]))
        one, two = run.value(args), run.value(changed(args, **{name: other}))
        left = run.value(changed(args, **{name: 2.0 * np.asarray(args[name]) - 3.0 * other}))
        return Sides(left, 2.0 * one - 3.0 * two, 3.0 * _size(one, two, left) + _terms(args, other))

    return law


def _terms(args: Values, other: Array) -> float:
    n = np.shape(args["P"])[-1]
    return float(3.0 * n * n * (1.0 + _size(other)) * (1.0 + _size(args.get("x", 0.0))))


def _free(name: str, of: str) -> Callable[[Runner, Values, np.random.Generator], Sides]:
    """The cotangent of a linear argument does not depend on that argument."""

    def law(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        g = rng.standard_normal(np.shape(run.value(args)))
        moved = changed(args, **{of: rng.standard_normal(np.shape(args[of]))})
        left, right = run.pull(args, g)[name], run.pull(moved, g)[name]
        return Sides(left, right, _size(left, right))

    return law


def _scaled(name: str, statement: str) -> Law:
    return symmetry(
        f"scale of {name}",
        statement,
        draw=lambda args, rng: float(2.0 ** rng.integers(-3, 4)),
        move=lambda args, c: changed(args, **{name: c * np.asarray(args[name])}),
        image=lambda y, c: c * y,
        pull_move=lambda grads, c: {**grads, name: c * grads[name]},
        pull_image=lambda g, c: c * g,
    )


def _order(args: Values, rng: np.random.Generator) -> Array:
    return rng.permutation(np.shape(args["P"])[-1])


def _row_order(args: Values, rng: np.random.Generator) -> Array:
    return rng.permutation(np.shape(args["P"])[-2])


def _euler(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """<gx, x> = <gP, P> = <g, y>."""
    y = run.value(args)
    g = rng.standard_normal(y.shape)
    grads = run.pull(args, g)
    sides = [float((grads[name] * np.asarray(args[name])).sum()) for name in grads]
    terms = _size(g) * (1.0 + _size(args["P"])) * (1.0 + _size(args.get("x", 1.0))) * 4.0 * y.size
    return Sides(np.array(sides), np.full(len(sides), float((g * y).sum())), terms)


def _within(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y, x = run.value(args), np.asarray(args["x"])
    return Sides(y, np.clip(y, x.min(-1, keepdims=True), x.max(-1, keepdims=True)), _size(x))


def _column_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """The cotangent of x, for a cotangent of ones, has the column sums of P, added up over the batch."""
    shape = np.shape(run.value(args))
    found, x = run.pull(args, np.ones(shape))["x"], np.shape(args["x"])
    sums = np.broadcast_to(np.sum(args["P"], -2), (*shape[:-1], x[-1]))
    while sums.ndim > len(x):
        sums = sums.sum(0)
    return Sides(found, sums, float(math.prod(shape)))


VALUES_LAWS = (
    Law(name="linear in x", statement="y(P, 2 x - 3 x') = 2 y(P, x) - 3 y(P, x'); gx does not depend on x",
        forward=_linear("x"), backward=_free("x", "x")),
    Law(name="linear in P", statement="y(2 P - 3 P', x) = 2 y(P, x) - 3 y(P', x); gP does not depend on P",
        forward=_linear("P"), backward=_free("P", "P")),
    _scaled("x", "y(P, c x) = c y(P, x)"),
    _scaled("P", "y(c P, x) = c y(P, x)"),
    Law(name="Euler", statement="<gP, P> = <gx, x> = <g, y>", backward=_euler),
    Law(name="range", statement="rows that sum to 1 give values within [min x, max x]", forward=_within,
        applies=lambda args: bool((np.abs(np.sum(args["P"], -1) - 1.0) < 1e-12).all())),
    Law(name="column sums", statement="a cotangent of ones gives gx = the column sums of P", backward=_column_sums),
    symmetry(
        "inputs permuted",
        "columns of P and values in another order: the same y",
        draw=_order,
        move=lambda args, a: changed(args, P=np.asarray(args["P"])[..., a], x=np.asarray(args["x"])[..., a]),
        image=lambda y, a: y,
        pull_move=lambda grads, a: {name: grad[..., np.argsort(a)] for name, grad in grads.items()},
        pull_image=lambda g, a: g,
    ),
    symmetry(
        "ranks permuted",
        "rows of P in another order: y in that order",
        draw=_row_order,
        move=lambda args, a: changed(args, P=np.asarray(args["P"])[..., a, :]),
        image=lambda y, a: y[..., a],
        pull_move=lambda grads, a: {**grads, "P": grads["P"][..., np.argsort(a), :]},
        pull_image=lambda g, a: g[..., np.argsort(a)],
    ),
    Law(name="ascending", statement="the soft values are in ascending order (false: those of a descending P)", false=True,
        forward=lambda run, args, rng: Sides(run.value(args), np.sort(run.value(args), axis=-1), 1.0),
        counterexample={"P": np.array([[0.0, 1.0], [1.0, 0.0]]), "x": np.array([1.0, 2.0])}),
    Law(name="symmetric in x", statement="y does not depend on the order of x alone (false)", false=True,
        forward=lambda run, args, rng: Sides(run.value(args), run.value(changed(args, x=args["x"][::-1])), 1.0),
        counterexample={"P": np.array([[0.75, 0.25], [0.25, 0.75]]), "x": np.array([1.0, 2.0])}),
)  # fmt: skip


def _total(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = run.value(args)
    n = y.shape[-1]
    return Sides(y.sum(-1), np.full(y.shape[:-1], n * (n + 1) / 2.0), float(n * n))


def _total_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent of ones gives 1 to n in every column."""
    shape = np.shape(args["P"])
    found = run.pull(args, np.ones(shape[:-1]))["P"]
    return Sides(found, np.broadcast_to(np.arange(1.0, shape[-1] + 1.0)[:, None], shape), float(shape[-1]))


def _hard(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    n = np.shape(args["P"])[-1]
    order = rng.permutation(n)  # the input at each rank
    return Sides(run.value({"P": np.eye(n)[order]}), np.argsort(order) + 1.0, float(n))


def _upside_down(args: Values) -> Values:
    return changed(args, P=np.asarray(args["P"])[..., ::-1, :])


def _reversed(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = run.value(args)
    return Sides(run.value(_upside_down(args)), y.shape[-1] + 1.0 - y, y.shape[-1] + 1.0)


def _reversed_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(args["P"])[:-1])
    left = run.pull(args, g)["P"] + run.pull(_upside_down(args), g)["P"][..., ::-1, :]
    return Sides(left, np.broadcast_to((g.shape[-1] + 1.0) * g[..., None, :], left.shape), 8.0 * _size(g))


RANKS_LAWS = (
    Law(name="total", statement="ranks of a doubly stochastic P sum to n (n + 1) / 2; ones pull back to 1 .. n",
        forward=_total, backward=_total_twin),
    Law(name="hard", statement="the ranks of a permutation matrix are the ranks", forward=_hard),
    Law(name="linear", statement="rank(2 P - 3 P') = 2 rank(P) - 3 rank(P'); gP does not depend on P",
        forward=_linear("P"), backward=_free("P", "P")),
    _scaled("P", "rank(c P) = c rank(P)"),
    Law(name="Euler", statement="<gP, P> = <g, rank>", backward=_euler),
    symmetry(
        "inputs permuted",
        "columns of P in another order: the ranks in that order",
        draw=_order,
        move=lambda args, a: changed(args, P=np.asarray(args["P"])[..., a]),
        image=lambda y, a: y[..., a],
        pull_move=lambda grads, a: {"P": grads["P"][..., np.argsort(a)]},
        pull_image=lambda g, a: g[..., np.argsort(a)],
    ),
    Law(name="direction", statement="rows from last to first: n + 1 - rank; the gradients of both add up to (n + 1) g",
        forward=_reversed, backward=_reversed_twin),
    Law(name="transposed", statement="rank(P^T) = rank(P) (false)", false=True,
        forward=lambda run, args, rng: Sides(run.value(args), run.value({"P": args["P"].T}), 1.0),
        counterexample={"P": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])}),
)  # fmt: skip

_P = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
_X = np.array([3.0, -1.0, 2.0])
VALUES_CASES = (
    Case(name="dyadic", args={"P": _P, "x": _X}, expect=np.array([1.75, 0.75, 1.5]), source="by hand"),
    Case(name="hard", args={"P": np.eye(3)[[1, 2, 0]], "x": _X}, expect=np.array([-1.0, 2.0, 3.0]), source="sorted x"),
    Case(name="first two", args={"P": _P[:2], "x": _X}, expect=np.array([1.75, 0.75]), source="by hand"),
    Case(name="no rows", args={"P": np.ones((0, 3)), "x": _X}, tags=("empty",)),
    Case(name="no batch", args={"P": np.ones((0, 3, 3)), "x": _X}, tags=("empty", "broadcast")),
    Case(name="one value", args={"P": np.array([[1.0]]), "x": np.array([0.3])}, tags=("size_one",)),
    Case(name="one matrix, two lists", args={"P": _P, "x": np.stack([_X, -_X])}, tags=("broadcast", "batch")),
    Case(name="two matrices, one list", args={"P": np.stack([_P, _P.T])[:, None], "x": _X}, tags=("broadcast",)),
    Case(name="huge", args={"P": _P, "x": np.array([8e306, 8e306, -8e306])}, tags=("extreme_large",)),
    Case(name="cancelling beyond the range", args={"P": np.ones((1, 95)), "x": np.repeat([5e306, -5e306], [50, 45])},
         expect=np.array([2.5e307]), source="the exact sum; 50 terms alone are 2.5e308", tags=("extreme_large",)),
    Case(name="subnormal", args={"P": np.eye(3), "x": np.array([5e-324, -1e-310, 0.0])},
         expect=np.array([5e-324, -1e-310, 0.0]), source="the identity", tags=("subnormal",)),
    Case(name="NaN at weight 0", args={"P": np.eye(3), "x": np.array([1.0, math.nan, 2.0])}, tags=("nan",)),
    Case(name="long", args={"P": np.full((2, 700), 1.0 / 700.0), "x": np.linspace(-1.0, 2.0, 700)}, tags=("basic",)),
    Case(name="no values", args={"P": np.ones((2, 0)), "x": np.ones(0)}, error=(ValueError, "nothing to sort")),
    Case(name="two sizes", args={"P": _P, "x": np.ones(2)}, error=(ValueError, "as many values as P has columns")),
    Case(name="a vector for P", args={"P": _X, "x": _X}, error=(ValueError, "at least 2 axes")),
    Case(name="a number for x", args={"P": _P, "x": 1.0}, error=(ValueError, "at least 1 axis")),
    Case(name="batches that do not fit", args={"P": np.stack([_P, _P]), "x": np.ones((3, 3))},
         error=(ValueError, "broadcast against P's")),
    Case(name="infinite x", args={"P": _P, "x": _X * np.inf}, error=(ValueError, "infinite at index (0,)")),
    Case(name="infinite P", args={"P": _P * np.inf, "x": _X}, error=(ValueError, "infinite at index (0, 0)")),
    Case(name="complex x", args={"P": _P, "x": _X * 1j}, error=(TypeError, "complex128")),
)  # fmt: skip
RANKS_CASES = (
    Case(name="dyadic", args={"P": _P}, expect=np.array([1.75, 2.0, 2.25]), source="by hand"),
    Case(name="hard", args={"P": np.eye(4)[[2, 0, 3, 1]]}, expect=np.array([2.0, 4.0, 1.0, 3.0]), source="by hand"),
    Case(name="constant", args={"P": np.full((5, 5), 0.2)}, expect=np.full(5, 3.0), source="(n + 1) / 2"),
    Case(name="one value", args={"P": np.array([[1.0]])}, expect=np.array([1.0]), source="rank 1", tags=("size_one",)),
    Case(name="batch", args={"P": np.stack([_P, _P[::-1]])}, expect=np.array([[1.75, 2.0, 2.25], [2.25, 2.0, 1.75]]),
         source="rank r becomes n + 1 - r", tags=("batch",)),
    Case(name="no batch", args={"P": np.ones((0, 3, 3))}, tags=("empty",)),
    Case(name="beyond the range and back", args={"P": np.array([[1.6e308, 0.0], [-1.5e308, 1.0]])},
         expect=np.array([-1.4e308, 2.0]), source="the exact sum", tags=("extreme_large",)),
    Case(name="NaN in a column", args={"P": np.array([[math.nan, 0.5], [0.5, 0.5]])}, tags=("nan",)),
    Case(name="many", args={"P": np.full((30, 30), 1.0 / 30.0)}, expect=np.full(30, 15.5), source="(n + 1) / 2"),
    Case(name="no values", args={"P": np.ones((0, 0))}, error=(ValueError, "nothing to sort")),
    Case(name="first rows only", args={"P": _P[:2]}, error=(ValueError, "a rank needs all n rows")),
    Case(name="a vector", args={"P": _X}, error=(ValueError, "at least 2 axes")),
    Case(name="infinite P", args={"P": _P * np.inf}, error=(ValueError, "infinite at index (0, 0)")),
    Case(name="complex P", args={"P": _P * 1j}, error=(TypeError, "complex128")),
)  # fmt: skip
