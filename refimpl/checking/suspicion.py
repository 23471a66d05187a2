"""Why a gradient is wrong: fresh evidence about one argument, handed to the diagnosis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from refimpl.checking.diagnosis import diagnose
from refimpl.checking.evidence import Diagnosis, Evidence
from refimpl.checking.implementation import Answer, unpack
from refimpl.checking.trial import Trials, is_float_array, size_of
from refimpl.op import Values

Array = NDArray[Any]

SAMPLES = 6  # half of them fit the unknowns of a diagnosis, the others must agree with it


def diagnoses(trials: Trials) -> dict[str, Diagnosis]:
    """A diagnosis for every argument whose gradient was wrong; none while the value is wrong too: forward bugs first."""
    found: dict[str, Diagnosis] = {}
    if "value" in trials.failing:
        return found
    for name in trials.op.differentiable:
        hits = [(args, sizes) for args, sizes in trials.failing.get(name, []) if sizes]
        if hits:
            args, sizes = max(hits, key=lambda hit: (-arrays_in(hit[0]), size_of(hit[0])))
            diagnosis = diagnosed(trials, name, args, sizes)
            if diagnosis is not None:
                found[name] = diagnosis
    return found


def arrays_in(args: Values) -> int:
    """How many arguments are arrays. Few is good: numbers can appear in a diagnosis; then, a large input says more."""
    return sum(is_float_array(value) for value in args.values())


def diagnosed(trials: Trials, name: str, args: Values, sizes: dict[str, int]) -> Diagnosis | None:
    """Fresh inputs of the same sizes and fresh cotangents; numbers and choices stay as they were."""
    rng = np.random.default_rng([trials.seed, 5])
    claimed, repeats, cotangents, inputs, jacobians = [], [], [], [], []
    wanted: list[Array] = []
    linearity: list[tuple[Array, Array]] = []
    others: dict[str, list[Array]] = {}
    terms: dict[str, list[Array]] = {}
    for _ in range(SAMPLES):
        fresh = trials.op.sample(rng, sizes)
        point = {k: fresh[k] if is_float_array(v) and np.shape(fresh[k]) == v.shape else v for k, v in args.items()}
        answer, truth = trials.answer(point), trials.reference.run(point)
        if answer is None:
            return None
        g, h = rng.standard_normal(truth.y.shape), rng.standard_normal(truth.y.shape)
        gradients = [(trials.pulled(answer, one, point) or {}).get(name) for one in (g, g, h, g + h)]
        first, second, third, both = gradients
        if first is None or second is None or third is None or both is None:
            return None
        if first.shape != np.shape(point[name]):  # said in words already
            return None
        claimed.append(first)
        repeats.append(second)
        linearity.append((both, first + third))
        cotangents.append(g)
        inputs.append(np.asarray(point[name], np.float64))
        jacobians.append(jacobian(truth, name))
        for term, gradient in terms_of(trials, point, g).items():
            terms.setdefault(term, []).append(np.asarray(getattr(gradient, name)))
        for other, want in truth.pull(g).items():
            if want is not None:
                (wanted if other == name else others.setdefault(other, [])).append(want)
    numbers = {key: value for key, value in args.items() if isinstance(value, float)}
    counts = {key: float(sizes[key]) for key in ("n", "batch") if sizes.get(key, 0) > 1}
    return diagnose(
        Evidence(
            claimed, wanted, cotangents, inputs, jacobians, repeats, linearity, {**counts, **numbers}, others, terms,
            shape=inputs[0].shape,
        )
    )  # fmt: skip


def terms_of(trials: Trials, args: Values, g: Array) -> dict[str, Any]:
    """The reference gradient as the operator declares its terms, if it does."""
    if trials.op.terms is None:
        return {}
    return trials.op.terms(trials.op.forward(**args)[1], unpack(trials.op, args, g))


def jacobian(truth: Answer, name: str) -> Array:
    """One row for each entry of the output."""
    rows = []
    for index in np.ndindex(truth.y.shape):
        basis = np.zeros(truth.y.shape)
        basis[index] = 1.0
        rows.append(np.ravel(np.asarray(truth.pull(basis)[name], np.float64)))
    return np.array(rows)
