"""What topk.network_topk declares: domain, kinks, definition, laws, named inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Gate
from refimpl.law import Law, Runner, Sides, changed, stacked, symmetry
from refimpl.op import Arg, Array, Values
from refimpl.sorting import definition, network_permutation, networks
from refimpl.sorting.cases import X3
from refimpl.topk.network_topk_cases import X5
from refimpl.topk.selection import NAMES

GENERIC = {argument.name: argument for argument in definition.NETWORK_ARGS}  # the arguments of all network operators


def sizes(rng: np.random.Generator) -> dict[str, int]:
    """Those of the network operators, and k."""
    drawn = definition.sizes(rng)
    return {**drawn, "network": int(rng.integers(len(NAMES))), "k": int(rng.integers(1, drawn["n"] + 1))}


ARGS = (
    GENERIC["x"],
    Arg(
        name="k",
        shape="",
        domain="a whole number from 1 to n",
        differentiable=False,
        sample=lambda rng, size: min(size["k"], size["n"]),
    ),
    Arg(
        name="network",
        shape="",
        domain=f"{', '.join(NAMES)}, or layers of pairs",
        differentiable=False,
        sample=lambda rng, size: NAMES[size["network"]],
    ),
    GENERIC["cdf"],
    GENERIC["beta"],
    GENERIC["lam"],
)


def wiring(network: Any, n: int, k: int) -> Any:
    """The network as ``network_permutation`` takes it, which knows no splitter networks."""
    return networks.splitter(n, k) if network == "splitter" else network


def margin(
    x: Any, *, k: int, network: Any = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> float:  # fmt: skip
    """That of the whole network; comparators that do not matter are counted too."""
    return definition.margin(x, network=wiring(network, np.shape(x)[-1], k), cdf=cdf, beta=beta, lam=lam)


def top_rows_by_definition(
    x: Any, *, k: int, network: Any = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = None
) -> Array:
    """The whole matrix by (3.5) to (3.11), upside down, its first k rows."""
    wires = wiring(network, np.shape(x)[-1], k)
    p = definition.matrix_by_definition(x, network=wires, cdf=cdf, beta=beta, lam=lam)
    return p[..., ::-1, :][..., :k, :]


# Laws


def _n(args: Values) -> int:
    return int(np.shape(args["x"])[-1])


def _permutation_args(args: Values) -> Values:
    """The same question to ``network_permutation``."""
    wires = wiring(args.get("network", "splitter"), _n(args), args["k"])
    return {name: value for name, value in changed(args, network=wires).items() if name not in ("x", "k")}


def _top_rows(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = network_permutation(np.asarray(args["x"]), **_permutation_args(args))
    return Sides(run.value(args), p[..., ::-1, :][..., : args["k"], :], 1.0)


def _pull_top_rows(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    x, k = np.asarray(args["x"]), args["k"]
    g = rng.standard_normal((*x.shape[:-1], k, _n(args)))
    padded = np.zeros((*x.shape, _n(args)))
    padded[..., _n(args) - k :, :] = g[..., ::-1, :]
    want = network_permutation.vjp(x, **_permutation_args(args))[1](padded)._asdict()
    pulled = run.pull(args, g)
    return stacked(pulled, {name: want[name] for name in pulled}, float(np.abs(g).max(initial=0.0)))


def _row_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    sums = run.value(args).sum(-1)
    return Sides(sums, np.ones_like(sums), 1.0)


def _size(args: Values, g: Array) -> float:
    """How large a gradient can be before it cancels."""
    steepest = (1.0 + np.max(args["beta"])) * (1.0 + np.abs(args["x"]).max(initial=0.0))
    return float(np.abs(g).max(initial=0.0) * _n(args) * steepest)


def _pull_constant_rows(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    shape = (*np.shape(args["x"])[:-1], args["k"])
    g = np.broadcast_to(rng.standard_normal((*shape, 1)), (*shape, _n(args))).copy()
    grads = {name: value for name, value in run.pull(args, g).items() if value is not None}
    return stacked(grads, {name: np.zeros_like(value) for name, value in grads.items()}, _size(args, g))


def _column_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    p = run.value(args)
    found = np.concatenate([p.ravel(), p.sum(-2).ravel()])
    return Sides(found, np.clip(found, 0.0, 1.0), 1.0)


def _cotangent(args: Values, rng: np.random.Generator) -> Array:
    return rng.standard_normal((*np.shape(args["x"])[:-1], args["k"], _n(args)))


def _shift_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    gx = run.pull(args, _cotangent(args, rng))["x"]
    return Sides(gx.sum(-1), np.zeros(gx.shape[:-1]), float(np.abs(gx).sum()))


def _scale_twin(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    grads = run.pull(args, _cotangent(args, rng))
    along_x, along_beta = np.asarray(args["x"]) * grads["x"], np.asarray(args["beta"]) * grads["beta"]
    return Sides(np.array(along_x.sum()), np.array(along_beta.sum()), float(np.abs(along_x).sum()))


def _scale_free(args: Values) -> bool:
    return bool(args.get("cdf", "cauchy") != "art")


def _scaled(grads: dict[str, Array], c: float) -> dict[str, Array]:
    return {**grads, "x": c * grads["x"], "beta": grads["beta"] / c}


def _draw_fewer(args: Values, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(1, args["k"] + 1)), int(args["k"])


def _with_zero_rows(g: Array, drawn: tuple[int, int]) -> Array:
    fewer, k = drawn
    return np.concatenate([g, np.zeros((*g.shape[:-2], k - fewer, g.shape[-1]))], axis=-2)


def _first_pair(args: Values) -> tuple[int, int]:
    wires = wiring(args.get("network", "splitter"), _n(args), args["k"])
    found = networks.comparators(Gate("law"), wires, _n(args))
    return int(found.first[0]), int(found.second[0])


def _exchanged(array: Array, pair: tuple[int, int]) -> Array:
    out, (i, j) = np.array(array), pair
    out[..., [i, j]] = out[..., [j, i]]
    return out


def _by(network: str) -> Any:
    return lambda run, args: run.value(changed(args, network=network))


THREE: Values = {"x": X3, "k": 2, "cdf": "cauchy", "beta": 1.0}
LAWS = (
    Law(
        name="top rows of P",
        statement="P_k is the last k rows of network_permutation on the same network, reversed",
        forward=_top_rows,
        backward=_pull_top_rows,
    ),
    Law(
        name="rows",
        statement="rows sum to 1; a cotangent that is constant along rows pulls back to 0",
        forward=_row_sums,
        backward=_pull_constant_rows,
    ),
    Law(name="range", statement="entries and column sums lie in [0, 1]", forward=_column_sums),
    symmetry(
        "shift",
        "P_k(x + c) = P_k(x)",
        draw=lambda args, rng: float(rng.uniform(-2.0, 2.0)),
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) + c),
        image=lambda p, c: p,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    Law(name="shift twin", statement="the gradient of x sums to 0", backward=_shift_twin),
    symmetry(
        "scale",
        "P_k(c x; beta / c) = P_k(x; beta), c > 0",
        draw=lambda args, rng: float(2.0 ** rng.integers(-3, 4)),
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) * c, beta=np.asarray(args["beta"]) / c),
        image=lambda p, c: p,
        pull_move=_scaled,
        pull_image=lambda g, c: g,
        applies=_scale_free,
    ),
    Law(name="scale twin", statement="x . gx = beta gbeta", backward=_scale_twin, applies=_scale_free),
    symmetry(
        "fewer rows",
        "the first k' rows of P_k are P_k', where the network does not depend on k",
        draw=_draw_fewer,
        move=lambda args, drawn: changed(args, k=drawn[0]),
        image=lambda p, drawn: p[..., : drawn[0], :],
        pull_move=lambda grads, drawn: grads,
        pull_image=_with_zero_rows,
        applies=lambda args: args.get("network", "splitter") != "splitter",
    ),
    symmetry(
        "first comparator",
        "exchanging the two inputs of a first-layer comparator exchanges two columns of P_k",
        draw=lambda args, rng: _first_pair(args),
        move=lambda args, pair: changed(args, x=_exchanged(args["x"], pair)),
        image=_exchanged,
        pull_move=lambda grads, pair: {**grads, "x": _exchanged(grads["x"], pair)},
        pull_image=_exchanged,
        applies=lambda args: _n(args) > 1,
    ),
    Law(
        name="permutation invariance",
        statement="permuting x permutes the columns of P_k (false: networks see the order)",
        false=True,
        forward=lambda run, args, rng: Sides(
            np.roll(run.value(args), 1, axis=-1), run.value(changed(args, x=np.roll(args["x"], 1, axis=-1))), 1.0
        ),
        counterexample={**THREE, "network": "bitonic"},
    ),
    Law(
        name="any network",
        statement="the splitter's and the bitonic network give the same P_k (false, except in the hard limit)",
        false=True,
        forward=lambda run, args, rng: Sides(_by("splitter")(run, args), _by("bitonic")(run, args), 1.0),
        counterexample={**THREE, "x": X5},
    ),
)
