"""Laws of cdf and pdf. False ones carry a counterexample."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Array, Values
from refimpl.scalars.distributions import SYMMETRIC


def _a_factor(args: Values, rng: np.random.Generator) -> float:
    return float(2.0 ** rng.integers(-3, 4))  # a power of two: exact, so that only the operator rounds


def _power(args: Values) -> int:
    return 2 if args.get("squared", False) else 1


def _scale_move(args: Values, c: float) -> Values:
    return changed(args, x=np.asarray(args["x"]) * c, scale=np.asarray(args.get("scale", 1.0)) * c ** _power(args))


def _euler(degree: int) -> Any:
    """X . gx + k scale . gscale = degree <g, y>, k = 1, or 2 when squared: the derivative of the scale law at c = 1."""

    def backward(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        y = run.value(args)
        g = rng.standard_normal(np.shape(y))
        grads = run.pull(args, g)
        along_x = np.asarray(args["x"]) * grads["x"]
        along_scale = np.asarray(args.get("scale", 1.0)) * grads["scale"] * _power(args)
        size = float(np.abs(along_x).sum() + np.abs(along_scale).sum() + np.abs(g * y).sum())
        left = np.asarray(along_x.sum() + along_scale.sum())
        return Sides(left, np.asarray(degree * (g * y).sum()), size)

    return backward


def _scaled_values(degree: int) -> Any:
    def forward(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        c = _a_factor(args, rng)
        y, moved = run.value(args), run.value(_scale_move(args, c))
        return Sides(moved, y * c**degree, float(np.abs(y).max(initial=0.0) * c**degree))

    return forward


def _mirror(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    """F_rev at -x, shift kept, is 1 - F at x."""
    there = run.value(args)
    back = run.value(changed(args, x=-np.asarray(args["x"]), reversed=not args.get("reversed", False)))
    return Sides(there + back, np.ones_like(there), 1.0)


def _mirror_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(args["x"]))
    there = run.pull(args, g)
    back = run.pull(changed(args, x=-np.asarray(args["x"]), reversed=not args.get("reversed", False)), g)
    flipped = {name: value if name == "x" or value is None else -value for name, value in back.items()}
    return stacked(there, flipped, float(np.abs(g).max(initial=0.0)))


def _increasing(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    gx = run.pull(args, np.ones(np.shape(args["x"])))["x"]
    return Sides(gx, np.maximum(gx, 0.0), 1.0)


def _symmetric(args: Values) -> bool:
    return args["family"] in SYMMETRIC and args["family"] != "heaviside"


def _negated(shift: Any) -> Any:
    return -np.asarray(shift)


def _point_symmetry(counterexample: Values | None = None) -> Law:
    return symmetry(
        "point symmetry" if counterexample is None else "point symmetry of every family",
        "F(-v) = 1 - F(v) for the symmetric families",
        draw=lambda args, rng: None,
        move=lambda args, a: changed(args, x=-np.asarray(args["x"]), shift=_negated(args.get("shift", 0.0))),
        image=lambda y, a: 1.0 - y,
        pull_move=lambda grads, a: {**grads, "x": -grads["x"], "shift": -grads["shift"]},
        pull_image=lambda g, a: -g,
        applies=_symmetric,
        counterexample=counterexample,
        floor=1.0,
    )


CDF_LAWS = (
    Law(name="range", statement="0 <= F <= 1", forward=lambda run, args, rng: _clipped(run.value(args))),
    Law(name="mirror", statement="F_rev(-x) = 1 - F(x)", forward=_mirror, backward=_mirror_twin),
    Law(
        name="scale",
        statement="F(c x; c scale) = F(x; scale); so x gx + scale gscale = 0",
        forward=_scaled_values(0),
        backward=_euler(0),
    ),
    Law(name="increasing", statement="dF/dx >= 0", backward=_increasing),
    _point_symmetry(),
    _point_symmetry({"x": np.array([0.7]), "family": "gumbel_max"}),
    Law(
        name="squared is F at the squared ratio",
        false=True,
        statement="cdf(d, scale, squared) = F(|d/scale| d/scale), as (5.5) is printed (false: erratum E-23)",
        forward=lambda run, args, rng: Sides(
            run.value({**args, "squared": True}),
            run.value({"family": args["family"], "x": np.abs(args["x"] / args["scale"]) * args["x"] / args["scale"]}),
            1.0,
        ),
        counterexample={"x": np.array([0.2]), "scale": 0.1, "family": "logistic"},
    ),
)


def _clipped(y: Array) -> Sides:
    return Sides(y, np.clip(y, 0.0, 1.0), 1.0)


PDF_LAWS = (
    Law(
        name="positive",
        statement="f >= 0",
        forward=lambda run, args, rng: (lambda y: Sides(y, np.maximum(y, 0.0), 1.0))(run.value(args)),
    ),
    Law(
        name="scale",
        statement="c f(c x; c scale) = f(x; scale); so x gx + scale gscale = -<g, f>",
        forward=_scaled_values(-1),
        backward=_euler(-1),
    ),
    symmetry(
        "mirror",
        "f_rev(-x) = f(x), shift kept",
        draw=lambda args, rng: None,
        move=lambda args, a: changed(args, x=-np.asarray(args["x"]), reversed=not args.get("reversed", False)),
        image=lambda y, a: y,
        pull_move=lambda grads, a: {**grads, "x": -grads["x"]},
        pull_image=lambda g, a: g,
    ),
)
