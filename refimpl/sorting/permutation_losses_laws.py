"""Laws of the losses between permutation matrices; the false ones carry a counterexample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Array, Values
from refimpl.sorting.permutation_losses_declarations import P0, Q0, cross_entropy_by_definition


def _n(args: Values) -> int:
    return int(np.shape(args["P"])[-1])


def _both(args: Values, change: Callable[[Array], Array]) -> Values:
    return changed(args, P=change(np.asarray(args["P"])), Q=change(np.asarray(args["Q"])))


def _rows_sum_to_1(M: Array) -> bool:
    return bool((np.abs(np.sum(M, -1) - 1.0) < 1e-12).all())


def _is_doubly_stochastic(M: Array) -> bool:
    return _rows_sum_to_1(M) and _rows_sum_to_1(np.swapaxes(M, -1, -2))


def _simple(name: str, statement: str, draw: Any, move: Any, back: Any) -> Law:
    """The loss does not change when both matrices are moved; ``back`` moves the gradients back."""
    return symmetry(
        name,
        statement,
        draw=draw,
        move=lambda args, a: _both(args, lambda m: move(m, a)),
        image=lambda y, a: y,
        pull_move=lambda grads, a: {key: back(grad, a) for key, grad in grads.items()},
        pull_image=lambda g, a: g,
    )


def _order(args: Values, rng: np.random.Generator) -> Array:
    return rng.permutation(_n(args))


def _mixed(args: Values, rng: np.random.Generator) -> tuple[Array, float]:
    return rng.uniform(0.02, 0.98, np.shape(args["Q"])), float(rng.uniform(0.1, 0.9))


def _affine(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    other, t = _mixed(args, rng)
    q = np.asarray(args["Q"])
    left = run.value(changed(args, Q=t * q + (1.0 - t) * other))
    right = t * run.value(args) + (1.0 - t) * run.value(changed(args, Q=other))
    return Sides(left, right, float(np.abs(right).max(initial=0.0)))


def _affine_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """The cotangent of P is affine in Q, that of Q does not depend on Q."""
    other, t = _mixed(args, rng)
    q = np.asarray(args["Q"])
    g = rng.standard_normal(np.shape(run.value(args)))
    at = [run.pull(changed(args, Q=target), g) for target in (t * q + (1.0 - t) * other, q, other)]
    right = {"P": t * at[1]["P"] + (1.0 - t) * at[2]["P"], "Q": at[1]["Q"]}
    return stacked(at[0], right, float(np.abs(g).max(initial=0.0)))


def _with_zeros(args: Values, rng: np.random.Generator, ones: bool) -> tuple[Values, Values, Array]:
    """The same P with some entries at 0 (or 1), and with these 2^-53 away, where no other term tells the difference."""
    p = np.asarray(args["P"], np.float64)
    hit, up = rng.random(p.shape) < 0.5, (rng.random(p.shape) < 0.5) & ones
    inner = np.where(up, 1.0 - 2.0**-53, 2.0**-53)
    return changed(args, P=np.where(hit, up * 1.0, p)), changed(args, P=np.where(hit, inner, p)), hit


def _flat(ones: bool) -> Callable[[Runner, Values, np.random.Generator], Sides]:
    def forward(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        edge, inner, _ = _with_zeros(args, rng, ones)
        left, right = run.value(edge), run.value(inner)
        return Sides(left, right, float(np.abs(right).max(initial=0.0)))

    return forward


def _no_slope(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    edge, _, hit = _with_zeros(args, rng, False)
    g = rng.standard_normal(np.shape(run.value(edge)))
    found = run.pull(edge, g)["P"]
    return Sides(np.where(hit, found, 0.0), np.zeros(hit.shape), float(np.abs(g).max(initial=0.0)))


def _no_slope_binary(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """At P = 0 with Q = 1, and at P = 1 with Q = 0, both terms are flat or weigh nothing."""
    shape = np.broadcast_shapes(np.shape(args["P"]), np.shape(args["Q"]))
    hit, up = rng.random(shape) < 0.5, rng.random(shape) < 0.5
    p = np.where(hit, 1.0 * up, np.broadcast_to(args["P"], shape))
    q = np.where(hit, 1.0 - up, np.broadcast_to(args["Q"], shape))
    at = changed(args, P=p, Q=q)
    g = rng.standard_normal(np.shape(run.value(at)))
    found = run.pull(at, g)["P"]
    return Sides(np.where(hit, found, 0.0), np.zeros(shape), float(np.abs(g).max(initial=0.0)))


def _hard(args: Values, rng: np.random.Generator) -> Array:
    hard: Array = np.eye(_n(args))[rng.permutation(_n(args))]
    return hard


def _least(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """0 at P = Q hard; positive elsewhere, which shows as max(loss, tiny) = loss."""
    hard = _hard(args, rng)
    at, beside = run.value({"P": hard, "Q": hard}), run.value(changed(args, Q=hard))
    return Sides(np.append(beside, at), np.append(np.maximum(beside, 1e-6), 0.0), 0.0)


def _gibbs(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    loss, entropy = run.value(args), run.value(changed(args, P=args["Q"]))
    return Sides(loss, np.maximum(loss, entropy), float(np.abs(loss).max(initial=0.0)))


def _euler(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """P gP is -(g/n) Q, entry by entry; and the gradient by Q, weighted with Q, is the loss."""
    shape = np.broadcast_shapes(np.shape(args["P"]), np.shape(args["Q"]))
    whole: Values = {name: np.ascontiguousarray(np.broadcast_to(args[name], shape)) for name in ("P", "Q")}
    y = run.value(whole)
    g = rng.standard_normal(y.shape)
    grads = run.pull(whole, g)
    left = {"P": whole["P"] * grads["P"], "Q": (whole["Q"] * grads["Q"]).sum((-1, -2))}
    right = {"P": -g[..., None, None] / _n(args) * whole["Q"], "Q": g * y}
    return stacked(left, right, float(np.abs(g).max(initial=0.0)))


def _scales(args: Values, rng: np.random.Generator) -> tuple[Array, Array]:
    rows, columns = rng.uniform(0.5, 1.0, (2, _n(args)))
    return rows[:, None], columns


_SHARED = (
    _simple("transposition", "L(P^T, Q^T) = L(P, Q): rows and columns give one sum", lambda args, rng: None,
            lambda m, a: np.swapaxes(m, -1, -2), lambda g, a: np.swapaxes(g, -1, -2)),
    _simple("rows", "permuting the rows of both changes nothing", _order,
            lambda m, a: m[..., a, :], lambda g, a: g[..., np.argsort(a), :]),
    _simple("columns", "permuting the columns of both changes nothing", _order,
            lambda m, a: m[..., a], lambda g, a: g[..., np.argsort(a)]),
    Law(name="affine in the target", statement="L(P, t Q + (1-t) Q') = t L(P, Q) + (1-t) L(P, Q')",
        forward=_affine, backward=_affine_twin),
    Law(name="least", statement="for a permutation matrix Q: L(Q, Q) = 0, and L(P, Q) > 0 for interior P",
        forward=_least, applies=lambda args: _n(args) > 1),
)  # fmt: skip

CROSS_ENTROPY_LAWS = (
    *_SHARED,
    Law(name="clamp", statement="below pmin the loss is constant in P, and gP = 0", forward=_flat(False),
        backward=_no_slope),
    Law(name="Euler", statement="P gP = -(g/n) Q; <Q, gQ> = g L", backward=_euler),
    Law(name="Gibbs", statement="L(P, Q) >= L(Q, Q) where rows sum to 1", forward=_gibbs,
        applies=lambda args: _rows_sum_to_1(args["P"]) and _rows_sum_to_1(args["Q"])),
    symmetry(
        "gauge",
        "for doubly stochastic Q: L(diag(a) P diag(b), Q) = L(P, Q) - (1/n) sum (log a + log b)",
        draw=_scales,
        move=lambda args, a: changed(args, P=a[0] * np.asarray(args["P"]) * a[1]),
        image=lambda y, a: y - (np.log(a[0]).sum() + np.log(a[1]).sum()) / len(a[1]),
        pull_move=lambda grads, a: {"P": a[0] * grads["P"] * a[1]},
        pull_image=lambda g, a: g,
        applies=lambda args: _is_doubly_stochastic(args["Q"]),
        floor=1.0,
    ),
    Law(name="symmetric", statement="L(P, Q) = L(Q, P) (false)", false=True,
        forward=lambda run, args, rng: Sides(run.value(args), run.value({"P": args["Q"], "Q": args["P"]}), 1.0),
        counterexample={"P": P0, "Q": np.array([[0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]) * [1, 1, 0.5]}),
)  # fmt: skip

BINARY_LAWS = (
    *_SHARED,
    Law(name="clamp", statement="below pmin, and above 1 - pmin, the clamped term is constant in P", forward=_flat(True),
        backward=_no_slope_binary),
    symmetry(
        "complement",
        "L(1 - P, 1 - Q) = L(P, Q); the gradients change sign",
        draw=lambda args, rng: None,
        move=lambda args, a: _both(args, lambda m: 1.0 - m),
        image=lambda y, a: y,
        pull_move=lambda grads, a: {name: -grad for name, grad in grads.items()},
        pull_image=lambda g, a: g,
    ),
    Law(name="cross entropy", statement="the binary loss is the cross entropy of permutation_cross_entropy (false)",
        false=True,
        forward=lambda run, args, rng: Sides(run.value(args), cross_entropy_by_definition(**args), 1.0),
        counterexample={"P": P0, "Q": Q0}),
)  # fmt: skip
