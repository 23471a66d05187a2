"""What NeuralSort declares, for the whole matrix and for its first rows: domain, kinks, definition, laws."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Arg, Array, Source, Tol, Values, log_uniform

TAU = (0.1, 10.0)  # sampled log-uniformly, for scores of unit size: from nearly hard to nearly flat

SOURCES = (
    Source(
        where="Grover, Wang, Zweig, Ermon, Stochastic optimization of sorting networks (ICLR 2019), theorem 4",
        what="definition",
    ),
    Source(
        where="Petersen, Learning with Differentiable Algorithms (thesis), 3.1.1 and 4.2",
        what="the place of the operator in the field; the formula itself is omitted there",
        departs="descending, row 0 = maximum, where the networks of the same chapter ascend (E-22)",
    ),
)
TOL = Tol(
    value=16.0, gradient=64.0, why="exp magnifies the rounding of x, at most e^-x x < 1 of it; a sum of k n terms"
)


# The domain


def sizes(rng: np.random.Generator) -> dict[str, int]:
    return {"n": int(rng.integers(1, 9)), "batch": int(rng.integers(0, 4))}


def _sample_s(rng: np.random.Generator, size: Any) -> Array:
    shape = (size["batch"], size["n"]) if size["batch"] else (size["n"],)
    return rng.normal(0.0, 1.0, shape)


def _sample_tau(rng: np.random.Generator, size: Any) -> Any:
    if size["batch"] > 1 and rng.random() < 0.5:
        return np.array([log_uniform(rng, *TAU) for _ in range(size["batch"])])
    return log_uniform(rng, *TAU)


ARGS = (
    Arg(name="s", shape="... n", domain="finite, n >= 1", sample=_sample_s),
    Arg(name="tau", shape="...", domain="> 0", sample=_sample_tau),
)


def margin(s: Any, **others: Any) -> float:
    """Half the smallest difference of two scores: |s_j - s_l| has its kink at 0."""
    t = np.sort(np.asarray(s, np.float64), axis=-1)
    return float(np.diff(t, axis=-1).min(initial=math.inf)) / 2.0


# The definition


def matrix_by_definition(s: Any, *, tau: Any) -> Array:
    """B and the logits as they stand, as fractions: exact, whatever the size of s and tau. Then the softmax."""
    s = np.asarray(s, np.float64)
    n, batch = s.shape[-1], s.shape[:-1]
    taus = np.broadcast_to(np.asarray(tau, np.float64), batch)
    p = np.full((*batch, n, n), math.nan)
    for row in np.ndindex(batch):
        if np.isnan(s[row]).any():
            continue
        scores, heat = [Fraction(float(score)) for score in s[row]], Fraction(float(taus[row]))
        b = [sum(abs(one - other) for other in scores) for one in scores]
        for i in range(1, n + 1):
            logits = [((n + 1 - 2 * i) * scores[j] - b[j]) / heat for j in range(n)]
            e = np.exp([float(max(logit - max(logits), Fraction(-1000))) for logit in logits])
            p[row][i - 1] = e / e.sum()
    return p


# Laws. They hold for the first k rows as for all.


def _n(args: Values) -> int:
    return int(np.shape(args["s"])[-1])


def _several(args: Values) -> bool:
    return _n(args) > 1


def _spread(args: Values) -> float:
    s = np.asarray(args["s"], np.float64)
    return float((s.max(-1) - s.min(-1)).max(initial=0.0))


def _cotangent(run: Runner, args: Values, rng: np.random.Generator) -> Array:
    return rng.standard_normal(np.shape(run.value(args)))


def _size(g: Array, args: Values) -> float:
    """About the largest term of a gradient: n^2 entries of Z, and x, which e^-x keeps near 1."""
    return float(np.abs(g).max(initial=0.0)) * _n(args) ** 2 * (1.0 + 1.0 / float(np.min(args["tau"])))


def _row_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    sums = run.value(args).sum(-1)
    return Sides(sums, np.ones_like(sums), 1.0)


def _pull_rows(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """A cotangent that is constant along each row pulls back to nothing."""
    shape = np.shape(run.value(args))
    g = np.broadcast_to(rng.standard_normal((*shape[:-1], 1)), shape).copy()
    grads = run.pull(args, g)
    return stacked(grads, {name: np.zeros_like(one) for name, one in grads.items()}, _size(g, args))


def _shift_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    gs = run.pull(args, _cotangent(run, args, rng))["s"]
    return Sides(gs.sum(-1), np.zeros(gs.shape[:-1]), float(np.abs(gs).sum()))


def _euler(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """s . gs + tau gtau = 0, over the whole batch."""
    g = _cotangent(run, args, rng)
    grads = run.pull(args, g)
    by_s = (np.asarray(args["s"]) * grads["s"]).sum()
    by_tau = (np.asarray(args["tau"]) * grads["tau"]).sum()
    size = float(np.abs(np.asarray(args["s"]) * grads["s"]).sum()) + _size(g, args) * g.shape[-2]
    return Sides(by_s, -by_tau, size)


def _descending(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """P s: the mean of s under weights tilted by (n + 1 - 2i) / tau, which grows with the tilt."""
    y = np.einsum("...ij,...j->...i", run.value(args), np.asarray(args["s"], np.float64))
    return Sides(y, np.sort(y, axis=-1)[..., ::-1], float(np.abs(args["s"]).max(initial=0.0)) * _n(args))


def _modes(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = run.value(args)
    modes = np.argmax(p, axis=-1).astype(np.float64)
    return Sides(modes, np.argsort(-np.asarray(args["s"]), axis=-1)[..., : p.shape[-2]].astype(np.float64), 1.0)


def _apart(args: Values) -> bool:
    """No two scores so near that rounding could exchange two entries of a row."""
    return 2.0 * margin(args["s"]) > 1e-6 * float(np.max(args["tau"])) and 2.0 * margin(args["s"]) > 1e-9


def _tied(args: Values) -> Values:
    s = np.array(args["s"], np.float64)
    s[..., 0] = s[..., -1]
    return changed(args, s=s)


def _equal_columns(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = run.value(_tied(args))
    return Sides(p[..., 0], p[..., -1], 1.0)


def _equal_gradients(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = _cotangent(run, args, rng)
    g[..., 0] = g[..., -1]
    gs = run.pull(_tied(args), g)["s"]
    return Sides(gs[..., 0], gs[..., -1], max(float(np.abs(gs).max(initial=0.0)), _size(g, args)))


def _of_two(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    s = np.asarray(args["s"], np.float64)
    alpha = 1.0 / (1.0 + np.exp(-(s[..., 0] - s[..., 1]) / np.asarray(args["tau"])))
    return Sides(run.value(args)[..., 0, :], np.stack([alpha, 1.0 - alpha], -1), 1.0 + _spread(args))


LAWS = (
    Law(name="rows sum to 1", statement="P 1 = 1", forward=_row_sums, backward=_pull_rows),
    Law(
        name="range",
        statement="0 <= P <= 1",
        forward=lambda run, args, rng: (lambda p: Sides(p, np.clip(p, 0.0, 1.0), 1.0))(run.value(args)),
    ),
    symmetry(
        "shift",
        "P(s + c) = P(s), so the gradient of s sums to 0",
        draw=lambda args, rng: float(rng.integers(-4, 5)),
        move=lambda args, c: changed(args, s=np.asarray(args["s"]) + c),
        image=lambda p, c: p,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    Law(name="shift twin", statement="the gradient of s sums to 0", backward=_shift_twin),
    symmetry(
        "scale",
        "P(c s; c tau) = P(s; tau), c > 0",
        draw=lambda args, rng: float(2.0 ** rng.integers(-3, 4)),  # exact, so that only the operator rounds
        move=lambda args, c: changed(args, s=np.asarray(args["s"]) * c, tau=np.asarray(args["tau"]) * c),
        image=lambda p, c: p,
        pull_move=lambda grads, c: {**grads, "s": c * grads["s"], "tau": c * grads["tau"]},
        pull_image=lambda g, c: g,
    ),
    Law(name="scale twin", statement="s . gs + tau gtau = 0", backward=_euler),
    symmetry(
        "permutation",
        "the columns of P go with the scores",
        draw=lambda args, rng: rng.permutation(_n(args)),
        move=lambda args, order: changed(args, s=np.asarray(args["s"])[..., order]),
        image=lambda p, order: p[..., order],
        pull_move=lambda grads, order: {**grads, "s": grads["s"][..., np.argsort(order)]},
        pull_image=lambda g, order: g[..., np.argsort(order)],
    ),
    Law(name="descending", statement="P s is descending", forward=_descending),
    Law(
        name="unimodal",
        statement="row i is largest at the i-th largest score: the largest entries are those of a permutation",
        forward=_modes,
        applies=_apart,
    ),
    Law(
        name="ties",
        statement="equal scores have equal columns, and equal gradients where the cotangent has equal columns",
        forward=_equal_columns,
        backward=_equal_gradients,
    ),
    Law(
        name="two scores",
        statement="n = 2: the logistic swap with beta = 1 / tau, row 0 = (s(d), s(-d)), d = (s_0 - s_1) / tau",
        forward=_of_two,
        applies=lambda args: _n(args) == 2,
    ),
)
REFLECTION = symmetry(
    "reflection",
    "P(-s) is P(s) with its rows in reversed order",
    draw=lambda args, rng: None,
    move=lambda args, a: changed(args, s=-np.asarray(args["s"])),
    image=lambda p, a: p[..., ::-1, :],
    pull_move=lambda grads, a: {**grads, "s": -grads["s"]},
    pull_image=lambda g, a: g[..., ::-1, :],
)
TWICE = Law(
    name="no place twice",
    statement="no score takes more than one place: the columns of P sum to at most 1 (false)",
    false=True,
    forward=lambda run, args, rng: (lambda sums: Sides(sums, np.minimum(sums, 1.0), 1.0))(run.value(args).sum(-2)),
    counterexample={"s": np.array([0.9, 0.8, -1.0]), "tau": 1.0},
)
MONOTONE = Law(
    name="monotone",
    statement="(P s)_0 never falls when a score rises (false)",
    false=True,
    backward=lambda run, args, rng: _rise(run, args),
    counterexample={"s": np.array([3.0, 0.0]), "tau": 1.0},
)


def _rise(run: Runner, args: Values) -> Sides:
    """The derivative of (P s)_0 along each score: that of s in the product, and that of P."""
    p, s = run.value(args), np.asarray(args["s"], np.float64)
    g = np.zeros_like(p)
    g[..., 0, :] = s
    total = p[..., 0, :] + run.pull(args, g)["s"]
    return Sides(total, np.maximum(total, 0.0), 1.0)


SORT_LAWS = (
    *LAWS,
    REFLECTION,
    TWICE,
    MONOTONE,
    Law(
        name="symmetric",
        statement="P is symmetric (false)",
        false=True,
        forward=lambda run, args, rng: (lambda p: Sides(p, np.swapaxes(p, -1, -2), 1.0))(run.value(args)),
        counterexample={"s": np.array([3.0, 1.0, 2.0]), "tau": 1.0},
    ),
)
