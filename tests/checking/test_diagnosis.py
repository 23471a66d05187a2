"""Wrong gradients are named exactly, and no wrong gradient is named that is not what its name says."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from refimpl.checking.diagnosis import Diagnosis, Evidence, diagnose
from refimpl.checking.evidence import runs

Array = NDArray[np.float64]
N, SAMPLES = 7, 6
PARAMETERS = {"n": float(N), "batch": 5.0, "beta": 3.7, "tau": 0.3}


def pullbacks(seed: int, shape: tuple[int, ...] = (N,), samples: int = SAMPLES) -> Evidence:
    """A random nonlinear map of full Jacobian, its pullback split into two terms, and correct claims."""
    rng = np.random.default_rng(seed)
    n = math.prod(shape)
    fixed = rng.standard_normal((n, n))
    x, g = (list(rng.standard_normal((samples, n)) * scale) for scale in (1.0, 1.7))
    mixing = [np.tanh(fixed + point) for point in x]
    slopes = [np.sin(3 * fixed * point) for point in x]
    terms = {
        "mixing": [m.T @ c for m, c in zip(mixing, g, strict=True)],
        "slope": [s.T @ c for s, c in zip(slopes, g, strict=True)],
    }
    reference = [a + b for a, b in zip(*terms.values(), strict=True)]
    return Evidence(
        claimed=reference,
        reference=reference,
        cotangents=g,
        inputs=x,
        repeats=reference,
        shape=shape,
        jacobians=[m + s for m, s in zip(mixing, slopes, strict=True)],
        terms=terms,
        parameters=PARAMETERS,
        others={"y": list(rng.standard_normal((samples, n)))},
    )


def claiming(wrong: Callable[[Evidence, int], Any], e: Evidence, **changes: Any) -> Evidence:
    """The evidence with other claims, repeatable ones unless said otherwise."""
    claims = [np.asarray(wrong(e, k), float) for k in e.samples]
    return dataclasses.replace(e, **{"claimed": claims, "repeats": claims} | changes)


def named(wrong: Callable[[Evidence, int], Any], seed: int = 0, **changes: Any) -> Diagnosis:
    found = diagnose(claiming(wrong, pullbacks(seed), **changes))
    assert found is not None
    assert found.sentence
    assert found.hint
    return found


def descending(x: Array) -> NDArray[np.intp]:
    return np.argsort(-x, kind="stable")


def inverse(order: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.argsort(order, kind="stable")


def rounded(bits: int, values: Array) -> Array:
    significand, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(significand, bits)), exponent - bits)


def test_a_right_gradient_has_no_diagnosis() -> None:
    assert diagnose(pullbacks(0)) is None
    assert diagnose(claiming(lambda e, k: e.reference[k] * (1 + 1e-13), pullbacks(0))) is None
    zeros = Evidence(claimed=[np.zeros(3)] * 3, reference=[np.zeros(3)] * 3)
    assert diagnose(zeros) is None


@pytest.mark.parametrize(
    ("factor", "name"),
    [(-1, "-1"), (2, "2"), (0.5, "1/2"), (N, "n"), (1 / N, "1/n"), (5, "batch"), (0.2, "1/batch"), (3.7, "beta"),
     (1 / 3.7, "1/beta"), (3.7**2, "beta^2"), (3.7**-2, "1/beta^2"), (math.sqrt(3.7), "sqrt beta"), (0.3, "tau"),
     (math.log(2), "ln 2"), (math.pi, "pi"), (1 / math.pi, "1/pi"), (-2, "-2"), (-3.7, "-beta"),
     (math.sqrt(2), "sqrt 2")],
)  # fmt: skip
def test_constant_factors(factor: float, name: str) -> None:
    found = named(lambda e, k: factor * e.reference[k])
    assert found.kind == "constant_factor"
    assert name in found.detail["names"]
    assert found.detail["factor"] == pytest.approx(factor, rel=1e-12)
    assert name in found.sentence


def test_a_factor_without_a_name() -> None:
    found = named(lambda e, k: 1.0173 * e.reference[k])
    assert (found.kind, found.detail["names"]) == ("constant_factor", [])
    assert "1.0173" in found.sentence


NAMED: dict[str, tuple[Callable[[Evidence, int], Any], str, dict[str, Any]]] = {
    "zero": (lambda e, k: 0 * e.reference[k], "zero", {}),
    "one column doubled": (
        lambda e, k: e.reference[k] * (1 + (np.arange(N) == 2)), "column_scale", {"entries": [2], "zeroed": False}),
    "two columns zeroed": (
        lambda e, k: e.reference[k] * (np.arange(N) < N - 2), "column_scale", {"entries": [5, 6], "zeroed": True}),
    "shifted": (lambda e, k: np.roll(e.reference[k], 1), "permuted", {"order": "off by one (+1)"}),
    "shifted back": (lambda e, k: np.roll(e.reference[k], -1), "permuted", {"order": "off by one (-1)"}),
    "reversed": (lambda e, k: e.reference[k][::-1], "permuted", {"order": "reversed"}),
    "some permutation": (
        lambda e, k: e.reference[k][[2, 0, 1, 3, 6, 5, 4]], "permuted", {"index": [2, 0, 1, 3, 6, 5, 4]}),
    "sorted": (lambda e, k: e.reference[k][inverse(descending(-e.inputs[k]))], "sorted_order",
               {"order": "inverse of ascending order of x"}),
    "sorted, other way": (lambda e, k: e.reference[k][descending(e.inputs[k])], "sorted_order",
                          {"order": "descending order of x"}),
    "jvp": (lambda e, k: e.jacobians[k] @ e.cotangents[k], "jvp_not_vjp", {}),
    "abs": (lambda e, k: e.jacobians[k].T @ abs(e.cotangents[k]), "cotangent_altered", {"function": "abs(g)"}),
    "relu": (lambda e, k: e.jacobians[k].T @ e.cotangents[k].clip(0), "cotangent_altered", {"function": "relu(g)"}),
    "sign": (lambda e, k: e.jacobians[k].T @ np.sign(e.cotangents[k]), "cotangent_altered", {"function": "sign(g)"}),
    "ones": (lambda e, k: e.jacobians[k].sum(0), "cotangent_altered", {"function": "ones"}),
    "clip": (lambda e, k: e.jacobians[k].T @ e.cotangents[k].clip(-1, 1), "cotangent_altered",
             {"function": "clip(g, -1, 1)"}),
    "float32 cotangent": (lambda e, k: e.jacobians[k].T @ e.cotangents[k].astype("f4"), "cotangent_altered",
                          {"function": "g rounded to float32"}),
    "straight through": (lambda e, k: e.cotangents[k], "straight_through", {}),
    "hard sort": (lambda e, k: e.cotangents[k][inverse(descending(e.inputs[k]))], "hard_permutation",
                  {"order": "descending"}),
    "hard sort, ascending": (lambda e, k: e.cotangents[k][inverse(descending(-e.inputs[k]))], "hard_permutation",
                             {"order": "ascending"}),
    "constant added": (lambda e, k: e.reference[k] + 0.25, "additive", {"of": "constant"}),
    "dirty buffer": (lambda e, k: e.reference[k] + np.arange(N), "additive", {"of": "constant"}),
    "weight decay": (lambda e, k: e.reference[k] + 0.01 * e.inputs[k], "additive", {"of": "x"}),
    "residual": (lambda e, k: e.reference[k] + e.cotangents[k], "additive", {"of": "g"}),
    "swapped": (lambda e, k: e.others["y"][k], "swapped_arguments", {"other": "y"}),
    "stale": (lambda e, k: e.jacobians[max(k - 1, 0)].T @ e.cotangents[k], "stale", {}),
    "term dropped": (lambda e, k: e.terms["mixing"][k], "missing_term", {"term": "slope", "excess": -1.0}),
    "term doubled": (lambda e, k: e.reference[k] + e.terms["slope"][k], "missing_term",
                     {"term": "slope", "excess": 1.0}),
    "term flipped": (lambda e, k: e.reference[k] - 2 * e.terms["mixing"][k], "missing_term",
                     {"term": "mixing", "excess": -2.0}),
    "term halved": (lambda e, k: e.reference[k] - e.terms["slope"][k] / 2, "missing_term",
                    {"term": "slope", "excess": -0.5}),
    "float32 result": (lambda e, k: e.reference[k].astype("f4"), "low_precision", {"format": "float32"}),
    "float16 result": (lambda e, k: e.reference[k].astype("f2"), "low_precision", {"format": "float16"}),
    "bfloat16 result": (lambda e, k: rounded(8, e.reference[k]), "low_precision", {"format": "bfloat16"}),
    "float32 inside": (lambda e, k: e.jacobians[k].astype("f4").astype(float).T @ e.cotangents[k], "low_precision",
                       {"format": "float32"}),
    "one entry": (lambda e, k: e.reference[k] + (np.arange(N) == 4) * np.sin(e.inputs[k][0]), "localised",
                  {"entries": [4]}),
    "saturated zero": (lambda e, k: e.reference[k] * (abs(e.inputs[k]) < 0.8), "localised", {"where": "|x| > t"}),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_kind_is_named(name: str, seed: int) -> None:
    wrong, kind, detail = NAMED[name]
    found = named(wrong, seed)
    assert found.kind == kind, found
    assert {key: found.detail[key] for key in detail} == detail


def test_three_samples_are_enough() -> None:
    for wrong, kind, _ in NAMED.values():
        if kind not in ("localised", "low_precision"):
            assert getattr(diagnose(claiming(wrong, pullbacks(5, samples=3))), "kind", None) == kind


def test_without_jacobians_and_inputs_nothing_is_made_up() -> None:
    bare: dict[str, Any] = {"jacobians": (), "inputs": (), "cotangents": (), "terms": {}, "others": {}}
    for name in ("jvp", "abs", "sorted", "stale", "term dropped", "weight decay"):
        assert named(NAMED[name][0], **bare).kind == "unclassified", name
    assert named(NAMED["reversed"][0], **bare).kind == "permuted"


def test_rows_and_axes_are_named_in_the_shape_of_the_argument() -> None:
    e = pullbacks(0, (4, 3))
    noise = np.random.default_rng(0)
    late = claiming(lambda e, k: e.reference[k] + np.repeat([0, 0, 1, 1], 3) * noise.standard_normal(12), e)
    found = diagnose(late)
    assert found is not None
    assert found.kind == "localised"
    assert found.detail == {"entries": [6, 7, 8, 9, 10, 11]}
    first = claiming(lambda e, k: e.reference[k] + np.repeat([0, 1, 1, 1], 3) * noise.standard_normal(12), e)
    shifted = claiming(lambda e, k: np.roll(e.reference[k].reshape(4, 3), 1, axis=1).ravel(), e)
    transposed = claiming(lambda e, k: e.reference[k].reshape(4, 3).T.ravel(), e)
    ordered = claiming(lambda e, k: np.take_along_axis(
        e.reference[k].reshape(4, 3), np.argsort(e.inputs[k].reshape(4, 3)), 1).ravel(), e)  # fmt: skip
    assert getattr(diagnose(first), "kind", None) == "unclassified"  # most rows are wrong: no place
    assert getattr(diagnose(shifted), "detail", {})["order"] == "off by one (+1)"
    assert getattr(diagnose(transposed), "detail", {})["order"] == "transposed"
    assert getattr(diagnose(ordered), "detail", {})["order"] == "ascending order of x"


def test_calls_that_do_not_repeat() -> None:
    e = pullbacks(0)
    twice = dataclasses.replace(e, repeats=[2 * r for r in e.reference])
    assert getattr(diagnose(twice), "kind", None) == "accumulates"
    other = dataclasses.replace(e, repeats=[r + 1e-9 for r in e.reference])
    found = diagnose(other)
    assert found is not None
    assert found.kind == "nondeterministic"
    assert found.detail["spread"] == pytest.approx(1e-9)


def test_not_linear() -> None:
    e = pullbacks(0)
    pairs = [(r, r * (1 + 1e-3)) for r in e.reference]
    found = diagnose(dataclasses.replace(e, linearity=pairs))
    assert found is not None
    assert found.kind == "not_linear"
    assert found.detail["mismatch"] == pytest.approx(1e-3, rel=0.01)
    assert diagnose(dataclasses.replace(e, linearity=[(r, r) for r in e.reference])) is None


def test_non_finite_says_where() -> None:
    def with_nan(where: Callable[[Evidence, int], NDArray[np.bool_]], x: Sequence[Array]) -> Diagnosis:
        e = dataclasses.replace(pullbacks(0), inputs=x)
        found = diagnose(claiming(lambda e, k: np.where(where(e, k), np.nan, e.reference[k]), e))
        assert found is not None
        assert found.kind == "non_finite"
        return found

    x = np.random.default_rng(0).standard_normal((SAMPLES, N))
    x[:, 3] = 0.0
    x[1::2, 2] = x[1::2, 5]
    assert with_nan(lambda e, k: e.inputs[k] == 0, list(x)).detail["where"] == "where x == 0"
    tied = with_nan(lambda e, k: (k % 2 == 1) & np.isin(np.arange(N), [2, 5]), list(x))
    assert tied.detail["where"] == "where x has ties"
    assert with_nan(lambda e, k: np.full(N, k % 2 == 1), list(x)).detail["where"] == "in rows where x has ties"
    assert with_nan(lambda e, k: np.ones(N, bool), list(x)).detail["where"] == "everywhere"
    odd = with_nan(lambda e, k: np.isin(np.arange(N), [0, 1, 4]) & (k > 0), list(x))
    assert odd.detail["where"] is None
    assert "0-1, 4" in odd.sentence


def test_a_nan_where_the_reference_has_one_is_right() -> None:
    spoilt = [np.where(np.arange(N) == 2, np.nan, r) for r in pullbacks(0).reference]
    e = dataclasses.replace(pullbacks(0), reference=spoilt)
    assert diagnose(claiming(lambda e, k: e.reference[k], e)) is None
    assert (
        getattr(diagnose(claiming(lambda e, k: np.nan_to_num(e.reference[k], nan=1.0), e)), "kind", "") == "localised"
    )


def test_unrelated_wrongs_are_never_named() -> None:
    rng = np.random.default_rng(17)
    kinds = []
    for seed in range(60):
        e = pullbacks(seed, samples=3)
        size = 10.0 ** rng.uniform(-5, 1)
        spoils: list[Callable[[Evidence, int], Array]] = [
            lambda e, k: e.reference[k] + size * rng.standard_normal(N),  # noqa: B023
            lambda e, k: rng.standard_normal(N),
            lambda e, k: e.reference[k] * (1 + size * rng.standard_normal(N)),  # noqa: B023
            lambda e, k: np.sin(e.reference[k]),
            lambda e, k: rng.permutation(e.reference[k]),
            lambda e, k: e.reference[k] * rng.choice([0.5, 2.0, -1.0]) ** (k + 1) + 1e-3,
            lambda e, k: e.reference[k] + np.sin(k) * e.terms["slope"][k] + e.terms["mixing"][k] ** 2,
            lambda e, k: e.jacobians[k].T @ np.tanh(e.cotangents[k]),
        ]
        kinds += [getattr(diagnose(claiming(spoil, e)), "kind", None) for spoil in spoils]
    assert set(kinds) <= {"unclassified", "localised"}, set(kinds)


def test_unclassified_facts() -> None:
    found = named(lambda e, k: e.reference[k] + np.resize([1.0, -1.0, 0.0], N - 1).tolist() @ np.eye(N)[:-1] * (k + 1))
    assert found.kind == "unclassified"
    assert found.detail["sum_right"]
    assert 0 < found.detail["fraction_off"] < 1
    assert -1 <= found.detail["cosine"] <= 1


def test_float32_claims_have_a_float32_tolerance() -> None:
    e = dataclasses.replace(pullbacks(0), dtype="float32")
    assert diagnose(claiming(lambda e, k: e.reference[k].astype("f4"), e)) is None
    doubled = diagnose(claiming(lambda e, k: (2 * e.reference[k]).astype("f4"), e))
    assert doubled is not None
    assert doubled.kind == "constant_factor"
    assert "2" in doubled.detail["names"]
    zeroed = diagnose(claiming(lambda e, k: (e.reference[k] * (np.arange(N) != 3)).astype("f4"), e))
    assert zeroed is not None
    assert (zeroed.kind, zeroed.detail["entries"]) == ("column_scale", [3])
    half = diagnose(claiming(lambda e, k: e.reference[k].astype("f2"), e))
    assert half is not None
    assert (half.kind, half.detail["format"]) == ("low_precision", "float16")


def test_a_scalar_argument() -> None:
    rng = np.random.default_rng(0)
    reference, cotangents = list(rng.standard_normal((4, 1))), list(rng.standard_normal((4, 5)))
    e = Evidence(claimed=reference, reference=reference, cotangents=cotangents, parameters=PARAMETERS, shape=())
    kinds = {
        "constant_factor": claiming(lambda e, k: e.reference[k] / 3.7, e),
        "zero": claiming(lambda e, k: 0 * e.reference[k], e),
        "additive": claiming(lambda e, k: e.reference[k] + 1, e),
        "low_precision": claiming(lambda e, k: e.reference[k].astype("f4"), e),
        "unclassified": claiming(lambda e, k: e.reference[k] + e.cotangents[k][:1] * 1e-7, e),
    }
    assert {kind: getattr(diagnose(wrong), "kind", None) for kind, wrong in kinds.items()} == {k: k for k in kinds}


def test_empty_arguments_have_nothing_wrong() -> None:
    assert diagnose(Evidence(claimed=[np.zeros(0)] * 3, reference=[np.zeros(0)] * 3)) is None


def test_evidence_that_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="2 inputs for 3"):
        Evidence(claimed=[np.zeros(2)] * 3, reference=[np.zeros(2)] * 3, inputs=[np.zeros(2)] * 2)
    with pytest.raises(ValueError, match="2 entries, the reference 3"):
        Evidence(claimed=[np.zeros(2)], reference=[np.zeros(3)])


def test_runs() -> None:
    assert runs(np.array([1, 1, 0, 1, 0, 1, 1, 1], bool)) == "0-1, 3, 5-7"
    assert runs(np.zeros(3, bool)) == ""
