"""How golden vectors are made: the dual numbers, the roundings, the definitions, and that nothing else makes them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from refimpl.catalog import OPERATORS
from refimpl.checking.vectors import load
from refimpl.checking.vectors_format import FOLDER, entry, line, manifest_text, written
from refimpl.op import AnyOp
from refimpl.sorting.networks import bitonic, odd_even
from validation.vectors import __main__ as generator
from validation.vectors import build
from validation.vectors.definitions import DENSITIES, cumulative
from validation.vectors.definitions import comparators as comparators_again
from validation.vectors.dual import Dual, rounded
from validation.vectors.recipes import Recipe, generic, irregular, retired

every_operator = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
ALL_IN = 1e-22  # what differences with a step of 1e-13 leave of 50 digits
NOISE = 1e-30  # of what is added up: the least of the precisions compared has 34 digits


# the files are what the generator makes


def test_regeneration_is_byte_identical(capsys: pytest.CaptureFixture[str]) -> None:
    assert generator.main(["--check"]) == 0, capsys.readouterr().out


@every_operator
def test_a_changed_file_is_noticed(op: AnyOp, tmp_path: Path) -> None:
    made = {f"{op.id}.json": (FOLDER / f"{op.id}.json").read_text()}
    (tmp_path / f"{op.id}.json").write_text(made[f"{op.id}.json"].replace('"id":1,', '"id":1001,', 1))
    assert generator.changed(made, tmp_path) == [f"{op.id}.json differs"]
    assert generator.changed({**made, "new.json": ""}, FOLDER)[0] == "new.json is missing"
    (tmp_path / "old.json").write_text("")
    assert "old.json belongs to no operator" in generator.changed(made, tmp_path)


@every_operator
def test_ids_are_places_in_the_list_so_that_appending_renumbers_nothing(
    op: AnyOp, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [line(case.encoded()) for case in build.vectors(op)]
    recipes = build.recipes_of(op)
    more = Recipe("one more", recipes[0].args, ("basic",))
    shortened = [recipes[0], retired(recipes[1].name), *recipes[2:], more]
    monkeypatch.setitem(build.RECIPES, op.id, shortened)
    new = {case.id: line(case.encoded()) for case in build.vectors(op)}
    assert set(new) == {1, *range(3, len(old) + 2)}
    assert [new[number] for number in range(3, len(old) + 1)] == old[2:]


def test_the_generator_never_calls_a_kernel() -> None:
    """It imports names and cases from the library, and evaluates nothing of it but the declared oracle."""
    used = set()
    for path in Path(generator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
    assert not used & {"vjp", "forward", "backward"}
    assert "oracle" in used


@pytest.mark.parametrize("digits", [34, 120])
@every_operator
def test_fifty_digits_are_enough(op: AnyOp, digits: int) -> None:
    """Fewer would do, and more give the same bits (tolerances aside, which are rounded on the way)."""
    for case, stored in zip(build.vectors(op, digits), load(op), strict=True):
        if case.kind == "invalid":
            continue
        names = [*("value" for _ in stored.outputs), *stored.grads]
        found = [*case.outputs, *(case.grads[name] for name in stored.grads)]
        for name, got, want in zip(names, found, [*stored.outputs, *stored.grads.values()], strict=True):
            zero = NOISE * stored.tol[name].gauge  # what cancels comes out as the rounding of so many digits
            noise = np.abs(want) < zero
            assert (np.abs(got[noise]) < zero).all(), (case.id, case.note)
            assert got[~noise].tobytes() == want[~noise].tobytes(), (case.id, case.note)


def test_an_operator_without_a_definition_gets_its_declared_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    op = OPERATORS[-1]
    monkeypatch.delitem(build.RECIPES, op.id)
    monkeypatch.setattr(build, "DEFINITIONS", {})
    text = build.text(op)
    told = entry(op.id, text)
    assert told["oracle"] == "declared"
    assert told["cases"] >= 24
    assert all(case.cotangents is None for case in build.vectors(op))
    assert any(case.kind == "invalid" for case in build.vectors(op))
    assert len(generic(op)) == told["cases"]
    assert text == build.text(op)
    assert manifest_text([told]) == manifest_text([told])


# its parts


def slope_by_differences(f: Callable[[mpf], mpf], at: mpf) -> mpf:
    step = mpf(10) ** -13
    return (8 * (f(at + step) - f(at - step)) - (f(at + 2 * step) - f(at - 2 * step))) / (12 * step)


@pytest.mark.parametrize("family", DENSITIES)
@pytest.mark.parametrize("at", [-2.7, -0.61, 0.23, 0.77, 3.9])
@pytest.mark.parametrize("reversed", [False, True])
def test_every_slope_is_that_of_differences(family: str, at: float, reversed: bool) -> None:
    """Of F and 1 - F the density, of the density its slope, of gamma both in the shape too."""
    with mpmath.workdps(60):
        v, p = mpf(at), mpf("2.35")
        side = cumulative(family, Dual(v, {0: mpf(1)}), Dual(p, {1: mpf(1)}), reversed)
        f = slope_by_differences(lambda t: cumulative(family, Dual(t), Dual(p), reversed).v, v)
        assert abs(side.d.get(0, 0) - f) < ALL_IN
        if family == "gamma":
            f = slope_by_differences(lambda q: cumulative(family, Dual(v), Dual(q), reversed).v, p)
            assert abs(side.d.get(1, 0) - f) < ALL_IN
        density = DENSITIES[family](Dual(v, {0: mpf(1)}), Dual(p, {1: mpf(1)}))
        f = slope_by_differences(lambda t: DENSITIES[family](Dual(t), Dual(p)).v, v)
        assert abs(density.d.get(0, 0) - f) < ALL_IN
        f = slope_by_differences(lambda q: DENSITIES[family](Dual(v), Dual(q)).v, p)
        assert abs(density.d.get(1, 0) - f) < ALL_IN


@pytest.mark.parametrize("n", range(1, 24))
def test_networks_are_those_of_the_library(n: int) -> None:
    """Two constructions of one network: the same comparators, in an order that only exchanges disjoint ones."""
    for name, network in (("odd_even", odd_even(n)), ("bitonic", bitonic(n))):
        again = comparators_again(name, n)
        assert sorted(again) == sorted(pair for layer in network for pair in layer)
        x = list(irregular("network", n))
        for i, j in again:
            x[i], x[j] = min(x[i], x[j]), max(x[i], x[j])
        assert x == sorted(x)


def test_rounding_is_to_nearest_even_in_both_formats() -> None:
    rng = np.random.default_rng(0)
    with mpmath.workdps(50):
        for exponent in (-1080, -1073, -1030, -150, -140, -1, 0, 60, 1000):
            for number in rng.normal(size=20):
                exact = mpmath.ldexp(mpf(float(number)), exponent)
                assert rounded(exact, "f64") == float(np.ldexp(number, exponent))
        for number in np.concatenate(
            [rng.normal(size=200), 2.0**-140 * rng.normal(size=50), [1e39, -1e39, 3.4028235e38]]
        ):
            with np.errstate(over="ignore"):
                assert rounded(mpf(float(number)), "f32") == float(np.float32(number))
        half = mpmath.ldexp(1, -53)
        assert rounded(1 + half, "f64") == 1.0
        assert rounded(1 + 3 * half, "f64") == 1.0 + 4 * 2.0**-53
        assert rounded(1 + half + half / 2**40, "f64") == 1.0 + 2.0**-52
        assert rounded(mpf(2) ** 1024, "f64") == np.inf
        assert rounded(-(mpf(2) ** -1075), "f64") == 0.0
        assert np.isnan(rounded(mpmath.nan, "f64"))


def test_irregular_numbers_are_the_same_everywhere() -> None:
    found = irregular("key", 3, 0.0, 1.0)
    assert [x.hex() for x in found] == ["0x1.26b1778867b6cp-2", "0x1.13dd2f9636488p-3", "0x1.1e44bfc11d294p-5"]


def test_the_text_of_a_file_is_canonical() -> None:
    assert written({"b": 1, "a": [1.0, "é"]}, [{"z": None}]) == '[{"a":[1.0,"\\u00e9"],"b":1},\n{"z":null}\n]\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        line({"x": float("nan")})
