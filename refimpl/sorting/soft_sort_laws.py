"""Laws of sorting.soft_sort and topk.soft_topk; false ones carry a counterexample. The matrix has k rows of n."""

from __future__ import annotations

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Array, Values


def _scores(args: Values) -> Array:
    return np.asarray(args["s"], np.float64)


def _power(args: Values) -> int:
    return int(args.get("power", 1))


def _shape(args: Values) -> tuple[int, ...]:
    """Of the matrix."""
    *batch, n = np.shape(args["s"])
    return (*batch, args.get("k", n), n)


def _row_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    sums = run.value(args).sum(-1)
    return Sides(sums, np.ones_like(sums), 1.0)


def _size_of_gradients(args: Values, g: Array) -> float:
    """What may cancel in a gradient of s or tau: weights times slopes times cotangents."""
    s, tau = _scores(args), float(np.min(args["tau"]))
    spread = float(np.ptp(s)) if s.size else 0.0
    steepest = max(1.0, spread) / tau
    return float(np.abs(g).sum()) * steepest * max(1.0, spread * steepest)


def _constant_rows(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent that is constant along the rows pulls back to nothing."""
    shape = _shape(args)
    g = np.broadcast_to(rng.standard_normal((*shape[:-1], 1)), shape).copy()
    grads = run.pull(args, g)
    return stacked(grads, {name: np.zeros_like(value) for name, value in grads.items()}, _size_of_gradients(args, g))


def _sums_to_nothing(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    gs = run.pull(args, rng.standard_normal(_shape(args)))["s"]
    return Sides(gs.sum(-1), np.zeros(gs.shape[:-1]), float(np.abs(gs).sum()))


def _euler(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Differentiate P(c s; c^power tau) = P(s; tau) in c at 1; by batch row where tau has one for each."""
    grads = run.pull(args, rng.standard_normal(_shape(args)))
    along = (_scores(args) * grads["s"]).sum(-1)
    per_tau = np.asarray(args["tau"]) * grads["tau"]
    left = along if np.ndim(per_tau) else along.sum()
    return Sides(left, -_power(args) * per_tau, float(np.abs(_scores(args) * grads["s"]).sum()))


def _weighted(p: Array, s: Array) -> Array:
    return np.asarray((p * s[..., None, :]).sum(-1))


def _descending(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y = _weighted(run.value(args), _scores(args))
    return Sides(y, -np.sort(-y, axis=-1), float(np.abs(_scores(args)).max(initial=0.0)))


def _largest_entries(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = run.value(args)
    order = np.argsort(-_scores(args), axis=-1, kind="stable")[..., : p.shape[-2]]
    return Sides(np.take_along_axis(p, order[..., None], -1)[..., 0], p.max(-1), 1.0)


def _minimum_rises(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    s = _scores(args)
    risen = s + np.eye(s.shape[-1])[0]
    before, after = (_weighted(run.value(changed(args, s=at)), at)[..., -1] for at in (s, risen))
    return Sides(after, np.maximum(before, after), 1.0)


def _logistic(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """Two scores: 1 / (1 + exp(-|d| / tau)) for the larger in row 0, for the smaller in row 1."""
    s, p = _scores(args), run.value(args)
    d = (s[..., 0] - s[..., 1]) / np.asarray(args["tau"])
    first = 1.0 / (1.0 + np.exp(-np.abs(d)))
    larger = np.where(d >= 0, 0, 1)[..., None]
    return Sides(np.take_along_axis(p[..., 0, :], larger, -1)[..., 0], first, 1.0)


def _a_shift(args: Values, rng: np.random.Generator) -> float:
    return float(rng.integers(-4, 5))


def _a_scale(args: Values, rng: np.random.Generator) -> tuple[float, float]:
    c = float(2.0 ** rng.integers(-3, 4))  # exact, so that only the operator rounds
    return c, c ** _power(args)


def _an_order(args: Values, rng: np.random.Generator) -> Array:
    return rng.permutation(np.shape(args["s"])[-1])


def reflected(counterexample: Values | None = None) -> Law:
    return symmetry(
        "reflection",
        "P(-s) is P(s) with its rows reversed" + ("" if counterexample is None else " (false for k < n)"),
        draw=lambda args, rng: None,
        move=lambda args, a: changed(args, s=-np.asarray(args["s"])),
        image=lambda p, a: p[..., ::-1, :],
        pull_move=lambda grads, a: {**grads, "s": -grads["s"]},
        pull_image=lambda g, a: g[..., ::-1, :],
        counterexample=counterexample,
    )


def _inverse(order: Array) -> Array:
    return np.argsort(order)


COMMON_LAWS = (
    Law(name="row sums", statement="rows of P sum to 1", forward=_row_sums, backward=_constant_rows),
    Law(
        name="range",
        statement="0 <= P <= 1",
        forward=lambda run, args, rng: (lambda p: Sides(p, np.clip(p, 0.0, 1.0), 1.0))(run.value(args)),
    ),
    symmetry(
        "shift",
        "P(s + c) = P(s)",
        draw=_a_shift,
        move=lambda args, c: changed(args, s=np.asarray(args["s"]) + c),
        image=lambda p, c: p,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    Law(name="shift twin", statement="the gradient of s sums to 0", backward=_sums_to_nothing),
    symmetry(
        "scale",
        "P(c s; c^power tau) = P(s; tau), c > 0",
        draw=_a_scale,
        move=lambda args, c: changed(args, s=np.asarray(args["s"]) * c[0], tau=np.asarray(args["tau"]) * c[1]),
        image=lambda p, c: p,
        pull_move=lambda grads, c: {**grads, "s": grads["s"] * c[0], "tau": grads["tau"] * c[1]},
        pull_image=lambda g, c: g,
    ),
    Law(name="scale twin", statement="<s, gs> + power tau gtau = 0", backward=_euler),
    symmetry(
        "permutation",
        "P(s[order]) = P(s)[:, order]",
        draw=_an_order,
        move=lambda args, order: changed(args, s=np.asarray(args["s"])[..., order]),
        image=lambda p, order: p[..., order],
        pull_move=lambda grads, order: {**grads, "s": grads["s"][..., _inverse(order)]},
        pull_image=lambda g, order: g[..., _inverse(order)],
    ),
    Law(name="largest entries", statement="row i is largest at the i-th largest score", forward=_largest_entries),
    Law(name="descending", statement="P s is descending", forward=_descending),
    Law(
        name="two scores",
        statement="n = 2, power 1: the logistic swap with beta = 1 / tau",
        forward=_logistic,
        applies=lambda args: np.shape(args["s"])[-1] == 2 and _power(args) == 1,
    ),
)

LAWS = (
    *COMMON_LAWS,
    Law(
        name="two scores, power 2",
        statement="n = 2, power 2: the logistic swap with beta = 1 / tau (false: it is logistic in d^2)",
        false=True,
        forward=_logistic,
        counterexample={"s": np.array([2.0, 0.0]), "tau": 1.0, "power": 2},
    ),
    reflected(),
    Law(
        name="columns",
        statement="columns of P sum to 1 (false: P is no doubly stochastic matrix)",
        false=True,
        forward=lambda run, args, rng: (lambda p: Sides(p.sum(-2), np.ones_like(p.sum(-2)), 1.0))(run.value(args)),
        counterexample={"s": np.array([0.9, 0.1, 0.5, 0.2]), "tau": 0.3},
    ),
    Law(
        name="monotone",
        statement="the relaxed minimum never falls when a score rises (false)",
        false=True,
        forward=_minimum_rises,
        counterexample={"s": np.array([1.2785, 0.0]), "tau": 1.0},
    ),
)
