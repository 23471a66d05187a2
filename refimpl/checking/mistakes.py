"""The mistakes that people make in backward passes, each as a rule that predicts the wrong gradient.

A rule looks at the first half of the evidence, fits its unknowns there, and yields hypotheses: a diagnosis, and the
gradient it predicts for any sample. G is the claimed gradient, R the reference, J the Jacobian, g the cotangent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from refimpl.checking.evidence import TOLERANCE, Array, Arrays, Diagnosis, Evidence, Hypothesis, Rule, multiple, runs

Index = NDArray[np.intp]

CONSTANTS = {"2": 2.0, "1/2": 0.5, "3": 3.0, "1/3": 1 / 3, "4": 4.0, "1/4": 0.25, "ln 2": np.log(2.0)}
CONSTANTS |= {"1/ln 2": 1 / np.log(2.0), "pi": np.pi, "1/pi": 1 / np.pi, "2 pi": 2 * np.pi, "1/(2 pi)": 0.5 / np.pi}
CONSTANTS |= {"sqrt 2": np.sqrt(2.0), "1/sqrt 2": np.sqrt(0.5), "ln 10": np.log(10.0), "1/ln 10": 1 / np.log(10.0)}
POWERS = {"{}": 1.0, "1/{}": -1.0, "{}^2": 2.0, "1/{}^2": -2.0, "sqrt {}": 0.5, "1/sqrt {}": -0.5}
EXCESS = {-2.0: "has the wrong sign", -1.0: "is missing", -0.5: "is halved", 0.5: "is counted one and a half times"}
EXCESS |= {1.0: "is counted twice", -1.5: "is halved and has the wrong sign"}
ALTERED: dict[str, Callable[[Array], Array]] = {
    "abs(g)": np.abs,
    "relu(g)": lambda g: np.maximum(g, 0.0),
    "sign(g)": np.sign,
    "ones": np.ones_like,
    "clip(g, -1, 1)": lambda g: np.clip(g, -1.0, 1.0),
    "g^2": np.square,
    "g / |g|": lambda g: g / (np.linalg.norm(g) or 1.0),
    "g - mean(g)": lambda g: g - g.mean(),
    "reversed g": lambda g: g[::-1],
    "g rounded to float32": lambda g: g.astype(np.float32).astype(np.float64),
    "g rounded to float16": lambda g: g.astype(np.float16).astype(np.float64),
}


def zero(e: Evidence) -> Iterator[Hypothesis]:
    """G = 0."""
    says = Diagnosis("zero", {}, "The gradient is 0 everywhere.", "Is the argument detached, or its path left out?")
    yield says, lambda e, k: np.zeros_like(e.reference[k])


def constant_factor(e: Evidence) -> Iterator[Hypothesis]:
    """G = c R, and the names that c has."""
    c = multiple(np.concatenate(e.claimed), np.concatenate(e.reference))
    names = _names(c, e)
    text = " = ".join(names) if names else f"{c:.12g}"
    hint = "A factor of the chain rule is missing, doubled, or of the wrong sign."
    says = Diagnosis("constant_factor", {"factor": c, "names": names}, f"The gradient is right times {text}.", hint)
    yield says, lambda e, k: c * e.reference[k]


def _names(c: float, e: Evidence) -> list[str]:
    """Constants, and powers of parameters, equal to c; with a minus sign, those equal to -c."""
    known = dict(CONSTANTS)
    for name, value in e.parameters.items():
        known |= {form.format(name): float(value) ** power for form, power in POWERS.items() if value > 0.0}
    near = 10 * TOLERANCE[e.dtype] * abs(c)
    if abs(c + 1.0) <= near:
        return ["-1"]
    sign = "-" if c < 0.0 else ""
    return [sign + name for name, value in known.items() if abs(abs(c) - value) <= near and value != 1.0]


def missing_term(e: Evidence) -> Iterator[Hypothesis]:
    """G = R + c T for one term T of the derivation."""
    for name, term in e.terms.items():
        c = multiple(e.claimed[0] - e.reference[0], term[0])
        c = next((known for known in EXCESS if abs(c - known) < 1e-3), c)
        text = f"The term ({name}) {EXCESS.get(c, f'is multiplied by {1 + c:.12g}')}."
        hint = f"Look at the line of the backward pass that adds ({name})."
        yield Diagnosis("missing_term", {"term": name, "excess": c}, text, hint), partial(_plus, c, term)


def _plus(c: float, term: Arrays, e: Evidence, k: int) -> Array:
    return np.asarray(e.reference[k] + c * term[k])


def column_scale(e: Evidence) -> Iterator[Hypothesis]:
    """G = R diag(d)."""
    claimed, reference = np.array(e.claimed), np.array(e.reference)
    odd = np.any([e.off(k, e.reference[k]) for k in e.samples], axis=0)
    d = np.where(odd, (claimed * reference).sum(axis=0) / (reference**2).sum(axis=0), 1.0)
    zeroed = bool((np.abs(d[odd]) < TOLERANCE[e.dtype]).all())
    factors = "0" if zeroed else ", ".join(sorted({f"{c:.6g}" for c in d[odd].tolist()})[:4])
    detail = {"entries": np.flatnonzero(odd).tolist(), "factors": d[odd].tolist(), "zeroed": zeroed}
    text = f"Entries {runs(odd)} are right times {factors}, the others are right."
    hint = "Do these entries take a path of their own: ends, padding, a branch?"
    yield Diagnosis("column_scale", detail, text, hint), lambda e, k: d * e.reference[k]


def permuted(e: Evidence) -> Iterator[Hypothesis]:
    """G = R[p] with one p for all samples."""
    hint = "Compare the index expressions of forward and backward."
    for name, p in (*_standard_orders(e), ("a fixed permutation", _matching(e))):
        says = Diagnosis("permuted", {"order": name, "index": p.tolist()}, f"The entries are right but {name}.", hint)
        yield says, partial(_taken, p)


def _taken(p: Index, e: Evidence, k: int) -> Array:
    return np.asarray(e.reference[k][p])


def _standard_orders(e: Evidence) -> Iterator[tuple[str, Index]]:
    """The index maps that slips of the pen produce."""
    index = np.arange(e.claimed[0].size).reshape(e.axes)
    for shift in (1, -1):
        yield f"off by one ({shift:+d})", np.roll(index, shift, axis=-1).ravel()
    yield "reversed", index[..., ::-1].ravel()
    if index.ndim > 1:
        yield "reversed along the first axis", index[::-1].ravel()
        yield "transposed", np.swapaxes(index, -1, -2).ravel()


def _matching(e: Evidence) -> Index:
    """The p that matches equal numbers of the first sample: k-th smallest to k-th smallest."""
    p = np.empty(e.claimed[0].size, np.intp)
    p[np.argsort(e.claimed[0], kind="stable")] = np.argsort(e.reference[0], kind="stable")
    return p


def sorted_order(e: Evidence) -> Iterator[Hypothesis]:
    """G = R[argsort x], or one of its relatives: an inverse permutation was not applied, or applied twice."""
    hint = "Scatter the result back: out[perm] = sorted, not out = sorted."
    for descending, inverse in product((False, True), (False, True)):
        name = ("inverse of " if inverse else "") + ("descending" if descending else "ascending") + " order of x"
        says = Diagnosis("sorted_order", {"order": name}, f"The result is left in the {name}.", hint)
        yield says, partial(_sorted, descending, inverse)


def _order(descending: bool, inverse: bool, e: Evidence, k: int) -> Index | None:
    """Flat index of the argsort of x along its last axis, or None where x is not of the argument's size."""
    if not e.inputs or e.inputs[k].shape != e.claimed[k].shape:
        return None
    x = e.inputs[k].reshape(e.axes)
    order = np.argsort(-x if descending else x, axis=-1, kind="stable")
    order = np.argsort(order, axis=-1, kind="stable") if inverse else order
    return np.asarray(np.take_along_axis(np.arange(x.size).reshape(x.shape), order, -1).ravel())


def _sorted(descending: bool, inverse: bool, e: Evidence, k: int) -> Array | None:
    order = _order(descending, inverse, e, k)
    return None if order is None else e.reference[k][order]


def jvp_not_vjp(e: Evidence) -> Iterator[Hypothesis]:
    """G = J g, not J^T g; J is square."""
    if e.jacobians and e.square:
        says = Diagnosis("jvp_not_vjp", {}, "This is J g, not J^T g.", "Transpose the matrix in the backward pass.")
        yield says, lambda e, k: np.asarray(e.jacobians[k] @ e.cotangents[k])


def cotangent_altered(e: Evidence) -> Iterator[Hypothesis]:
    """G = J^T h(g) for an h that has no business there."""
    if e.jacobians and e.cotangents:
        for name in ALTERED:
            text = f"The pullback is right, but of {name} instead of g."
            hint = "The cotangent must be used as it arrives."
            yield Diagnosis("cotangent_altered", {"function": name}, text, hint), partial(_altered, name)


def _altered(name: str, e: Evidence, k: int) -> Array:
    return np.asarray(e.jacobians[k].T @ ALTERED[name](e.cotangents[k]))


def straight_through(e: Evidence) -> Iterator[Hypothesis]:
    """G = g."""
    if e.square:
        text = "The cotangent is passed through unchanged."
        yield Diagnosis("straight_through", {}, text, "Is the operator detached?"), lambda e, k: e.cotangents[k]


def hard_permutation(e: Evidence) -> Iterator[Hypothesis]:
    """G = P^T g with the hard permutation that sorts x."""
    if e.square:
        for descending, inverse in product((False, True), (True, False)):
            name = ("descending" if descending else "ascending") + ("" if inverse else ", not inverted")
            text = f"This is the pullback of the hard sort ({name}): temperature and slopes play no part."
            says = Diagnosis("hard_permutation", {"order": name}, text, "Differentiate the relaxed forward.")
            yield says, partial(_hard, descending, inverse)


def _hard(descending: bool, inverse: bool, e: Evidence, k: int) -> Array | None:
    order = _order(descending, inverse, e, k)
    return None if order is None else e.cotangents[k][order]


def additive(e: Evidence) -> Iterator[Hypothesis]:
    """G = R + a, with a constant, or a multiple of x or of g."""
    a = e.claimed[0] - e.reference[0]
    kept = "Is there a regulariser, or a buffer that was not cleared?"
    says = Diagnosis("additive", {"of": "constant", "value": a.tolist()}, "A constant is added to the gradient.", kept)
    yield says, lambda e, k: e.reference[k] + a
    for of, arrays in (("x", e.inputs), ("g", e.cotangents)):
        if arrays and arrays[0].shape == a.shape:
            c = multiple(a, arrays[0])
            text = f"{c:.12g} {of} is added to the gradient."
            hint = kept if of == "x" else "Is there a residual connection that the forward pass does not have?"
            yield Diagnosis("additive", {"of": of, "factor": c}, text, hint), partial(_shifted, of, c)


def _shifted(of: str, c: float, e: Evidence, k: int) -> Array:
    return np.asarray(e.reference[k] + c * (e.inputs if of == "x" else e.cotangents)[k])


def swapped_arguments(e: Evidence) -> Iterator[Hypothesis]:
    """G is the reference gradient of another argument."""
    for name in e.others:
        text = f"This is the gradient with respect to {name}."
        hint = "Compare the order of the returned gradients with the order of the arguments."
        yield Diagnosis("swapped_arguments", {"other": name}, text, hint), partial(_other, name)


def _other(name: str, e: Evidence, k: int) -> Array:
    return e.others[name][k]


def stale(e: Evidence) -> Iterator[Hypothesis]:
    """G_k = J_{k-1}^T g_k: residuals of the previous call."""
    if e.jacobians and e.cotangents:
        text = "The pullback belongs to the previous input."
        hint = "Residuals must be kept per call, not in a global or an attribute."
        yield Diagnosis("stale", {}, text, hint), _previous


def _previous(e: Evidence, k: int) -> Array | None:
    return np.asarray(e.jacobians[k - 1].T @ e.cotangents[k]) if k else None


RULES: tuple[Rule, ...] = (
    zero,
    constant_factor,
    missing_term,
    column_scale,
    permuted,
    sorted_order,
    jvp_not_vjp,
    cotangent_altered,
    straight_through,
    hard_permutation,
    additive,
    swapped_arguments,
    stale,
)
