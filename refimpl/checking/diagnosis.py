"""What is wrong with a wrong gradient, said by name.

Every rule in ``mistakes.RULES`` is one kind of mistake. It fits its unknowns to the first half of the evidence and
says what gradient the mistake would give. The first rule that predicts *all* the claimed gradients, held-out half
included, is the diagnosis: a name is given only if the gradient recomputed from it fits. What no rule predicts gets the
facts instead: not linear, of the size of a rounding error, wrong here and right there, or unclassified.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.checking.evidence import TOLERANCE, Array, Diagnosis, Evidence, Mask, explains, multiple, runs
from refimpl.checking.mistakes import RULES

__all__ = ["Diagnosis", "Evidence", "diagnose"]

BITS = {"bfloat16": 8, "float16": 11, "float32": 24}  # of the significand
FLOAT32_SIZED = (2.0**-28, 2.0**-19)  # largest relative error of a float64 result with float32 inside


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """The first mistake that explains all of the evidence, else the facts; None if the claimed gradients are right.

    Examples
    --------
    >>> R = np.random.default_rng(0).standard_normal((3, 5))
    >>> diagnose(Evidence(claimed=list(R / 5), reference=list(R), parameters={"n": 5})).sentence
    'The gradient is right times 1/n.'
    """
    with np.errstate(all="ignore"):
        found = _unrepeatable(evidence) or _non_finite(evidence)
        if found is not None:
            return found
        if explains(lambda e, k: e.reference[k], evidence):
            return _not_linear(evidence)
        return _named(evidence) or _low_precision(evidence) or _not_linear(evidence) or _facts(evidence)


def _named(evidence: Evidence) -> Diagnosis | None:
    """The first hypothesis, fitted to the first half, that predicts everything."""
    if len(evidence.claimed) < 2:
        return None
    fitted = (hypothesis for rule in RULES for hypothesis in rule(evidence.first()))
    return next((says for says, predict in fitted if explains(predict, evidence)), None)


def _unrepeatable(e: Evidence) -> Diagnosis | None:
    """A second, equal call gives another gradient: twice the first, or anything."""
    pairs = list(zip(e.claimed, e.repeats, strict=False))
    if all(np.array_equal(first, second, equal_nan=True) for first, second in pairs):
        return None
    if all(_relative(second, 2 * first) <= 1e-12 for first, second in pairs):
        text = "A second, equal call returns twice the first gradient."
        return Diagnosis("accumulates", {"factor": 2.0}, text, "Clear the buffer, or write = instead of +=.")
    spread = max(float(np.max(np.abs(second - first))) for first, second in pairs)
    text = f"Two equal calls differ by up to {spread:.3g}."
    return Diagnosis("nondeterministic", {"spread": spread}, text, "Unseeded randomness, a race, or state from a call?")


def _non_finite(e: Evidence) -> Diagnosis | None:
    """Nan or infinity where the reference has numbers, and the condition under which, if one fits all samples."""
    bad = [~np.isfinite(got) & np.isfinite(want) for got, want in zip(e.claimed, e.reference, strict=True)]
    if not any(mask.any() for mask in bad):
        return None
    where = next((name for name, masks in _conditions(e) if all(map(np.array_equal, bad, masks))), None)
    any_bad = np.any(bad, axis=0)
    text = f"nan or infinity {where or 'at entries ' + runs(any_bad)}."
    hint = "0 * inf, log(0), sqrt(0) or x - x in a branch that where() did not select?"
    return Diagnosis("non_finite", {"where": where, "entries": np.flatnonzero(any_bad).tolist()}, text, hint)


def _conditions(e: Evidence) -> list[tuple[str, list[Mask]]]:
    """Conditions on x and g under which gradients tend to break."""
    size = e.claimed[0].size
    conditions = [("everywhere", [np.ones(size, bool) for _ in e.samples])]
    if e.inputs and e.inputs[0].size == size:
        rows = [x.reshape(-1, e.axes[-1]) for x in e.inputs]
        ties = [_tied(row) for row in rows]
        conditions.append(("where x == 0", [x == 0.0 for x in e.inputs]))
        conditions.append(("where x has ties", [tie.ravel() for tie in ties]))
        conditions.append(("in rows where x has ties", [np.repeat(t.any(1), t.shape[1]) for t in ties]))
    if e.square:
        conditions.append(("where g == 0", [g == 0.0 for g in e.cotangents]))
    return conditions


def _tied(rows: Array) -> Mask:
    """The entries that occur more than once in their row."""
    order = np.argsort(rows, axis=-1)
    equal = np.diff(np.take_along_axis(rows, order, -1), axis=-1) == 0.0
    tied = np.zeros(rows.shape, bool)
    np.put_along_axis(tied, order[:, 1:], equal, -1)
    np.put_along_axis(tied, order[:, :-1], equal | np.take_along_axis(tied, order[:, :-1], -1), -1)
    return tied


def _low_precision(e: Evidence) -> Diagnosis | None:
    """A result that fewer bits can hold, or errors of both signs of the size that float32 makes."""
    hint = "Look for a constant, a buffer or a cast of that type."
    got, want = np.concatenate(e.claimed), np.concatenate(e.reference)
    scale = np.concatenate([np.full(g.size, e.scale(k)) for k, g in enumerate(e.claimed)])
    error = (got - want) / scale
    largest = float(np.abs(error).max())
    for name, bits in BITS.items():
        if _holds(got, bits) and not _holds(want, bits) and largest <= 2.0 ** (4 - bits):
            text = f"Every entry is a {name} number, and near the right one."
            return Diagnosis("low_precision", {"format": name, "largest_error": largest}, text, hint)
    mixed = got.size >= 16 and 0.2 < float(np.mean(error * np.sign(want) > 0.0)) < 0.8
    everywhere = float(np.mean(error != 0.0)) > 0.9 and float(np.median(np.abs(error))) > 2.0**-33
    if e.dtype == "float64" and mixed and everywhere and FLOAT32_SIZED[0] <= largest <= FLOAT32_SIZED[1]:
        text = f"Errors of both signs everywhere, at most {largest:.2g} of the largest entry: float32 rounding."
        return Diagnosis("low_precision", {"format": "float32", "largest_error": largest}, text, hint)
    return None


def _holds(values: Array, bits: int) -> bool:
    """Does a significand of so many bits hold every value?"""
    scaled = np.ldexp(np.frexp(values)[0], bits)
    return bool((scaled == np.rint(scaled)).all())


def _not_linear(e: Evidence) -> Diagnosis | None:
    """``G(a g + b g')`` is not ``a G(g) + b G(g')``."""
    worst = max((_relative(got, want) for got, want in e.linearity), default=0.0)
    if worst <= 10 * TOLERANCE[e.dtype]:
        return None
    text = f"The pullback is not linear in the cotangent: off by {worst:.3g} of its size."
    return Diagnosis("not_linear", {"mismatch": worst}, text, "Is the cotangent clipped, squared, or written over?")


def _relative(got: Array, want: Array) -> float:
    """``max |got - want| / max(|got|, |want|)``, 0 for zeros."""
    scale = max(float(np.abs(got).max(initial=0.0)), float(np.abs(want).max(initial=0.0)))
    return float(np.abs(np.asarray(got) - want).max(initial=0.0)) / scale if scale else 0.0


def _facts(e: Evidence) -> Diagnosis:
    """Where the gradient is wrong, if that is a place; else what else can be said."""
    off = np.array([e.off(k, e.reference[k]) for k in e.samples])
    return _conditional(e, off) or _localised(e, off) or _unclassified(e, off)


def _conditional(e: Evidence, off: Mask) -> Diagnosis | None:
    """Wrong exactly where x, |x| or |g| lies beyond a boundary; four entries on either side at least."""
    if min(off.sum(), (~off).sum()) < 4 or off.any(1).sum() < 2:
        return None
    same_size = e.inputs and e.inputs[0].size == off.shape[1]
    quantities = {"x": np.array(e.inputs), "|x|": np.abs(e.inputs), "-x": -np.array(e.inputs)} if same_size else {}
    quantities |= {"|g|": np.abs(e.cotangents)} if e.square else {}
    for name, values in quantities.items():
        right, wrong = float(values[~off].max()), float(values[off].min())
        if right < wrong:
            text = f"Right up to {name} = {right:.6g}, wrong from {name} = {wrong:.6g} on."
            detail = {"where": f"{name} > t", "between": (right, wrong)}
            return Diagnosis("localised", detail, text, "Look for a branch, a clamp or a threshold near that value.")
    return None


def _localised(e: Evidence, off: Mask) -> Diagnosis | None:
    """The same entries, or the same rows, are wrong in both halves of the evidence, and the others never."""
    half = max(1, len(off) // 2)
    rows = np.any(off.reshape(len(off), -1, e.axes[-1]), axis=-1)
    for what, masks in (("entries", off), ("rows", rows)):
        wrong, held_out = np.any(masks, axis=0), np.any(masks[half:], axis=0) & ~np.any(masks[:half], axis=0)
        if wrong.mean() <= 0.5 and not held_out.any():
            detail = {what: np.flatnonzero(wrong).tolist()}
            text = f"Wrong in {what} {runs(wrong)} of {wrong.size}, right in all others."
            return Diagnosis("localised", detail, text, "What is special about their place: ends, padding, later rows?")
    return None


def _unclassified(e: Evidence, off: Mask) -> Diagnosis:
    """The facts: how many entries are off, by how much, and what still holds."""
    got, want = np.concatenate(e.claimed), np.concatenate(e.reference)
    norms = float(np.linalg.norm(got) * np.linalg.norm(want))
    sums = all(
        abs((g - r).sum()) <= TOLERANCE[e.dtype] * np.abs(g).sum() for g, r in zip(e.claimed, e.reference, strict=True)
    )
    detail: dict[str, Any] = {
        "fraction_off": float(off.mean()),
        "largest_error": max(_relative(g, r) for g, r in zip(e.claimed, e.reference, strict=True)),
        "cosine": float(np.vdot(got, want)) / norms if norms else 0.0,
        "best_factor": multiple(got, want),
        "sum_right": sums,
    }
    text = (
        f"No known mistake explains it. {100 * detail['fraction_off']:.3g} % of the entries are off, by up to "
        f"{detail['largest_error']:.3g} of the largest; cosine {detail['cosine']:.6g}"
        + ("; the entries sum to the right value." if sums else ".")
    )
    hint = "Hand in the terms of the derivation to learn which one is wrong."
    return Diagnosis("unclassified", detail, text, hint)
