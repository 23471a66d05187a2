"""The catalogue is complete, its operators have the names that were promised, and files stay readable."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import refimpl
from refimpl import catalog, distributions, sorting
from refimpl.catalog import OPERATORS, ROOMS, find
from refimpl.op import Op

PACKAGE = Path(refimpl.__file__).parent
LONGEST = 300  # lines; beyond, it is two operators (DESIGN, section 2)
NOT_ROOMS = {"scalars", "checking", "commands", "adapters", "gpu", "suite", "bridges"}

# OPERATORS.md: names and keywords people port against
DISTRIBUTION = {"family": ..., "scale": 1.0, "shape": None, "shift": 0.0, "reversed": False, "squared": False}
NETWORK = {"network": "bitonic", "cdf": "cauchy", "beta": ..., "lam": None}
SINKHORN = {
    "eps": ...,
    "iterations": None,
    "tol": None,
    "targets": None,
    "squash": None,
    "backward": None,
}
SIGNATURES = {
    "distributions.cdf": (["x"], DISTRIBUTION),
    "distributions.pdf": (["x"], DISTRIBUTION),
    "sorting.swap": (["a", "b"], {"cdf": "cauchy", "beta": ..., "lam": None}),
    "sorting.network_sort": (["x"], NETWORK),
    "sorting.network_permutation": (["x"], NETWORK),
    "sorting.bubble_sort": (["a"], {"beta": ...}),
    "topk.network_topk": (["x"], {"k": ..., "network": "splitter", "cdf": "cauchy", "beta": ..., "lam": None}),
    "sorting.permutation_cross_entropy": (["P", "Q"], {}),
    "sorting.permutation_binary_cross_entropy": (["P", "Q"], {}),
    "sorting.soft_values": (["P", "x"], {}),
    "sorting.soft_ranks": (["P"], {}),
    "sorting.fast_sort": (["theta"], {"eps": ..., "regularization": "l2"}),
    "sorting.fast_rank": (["theta"], {"eps": ..., "regularization": "l2"}),
    "topk.topk_loss": (["P_k", "label", "weights"], {}),
    "topk.topk_split_loss": (["x", "P_k", "label", "weights"], {"variant": "split"}),
    "topk.subset": (["x", "label", "m"], {}),
    "sorting.bubble_permutation": (["a"], {"steepness": ..., "steps": None}),
    "sorting.bubble_sort_by": (["t", "a"], {"steepness": ..., "steps": None}),
    "sorting.soft_median": (
        ["x"],
        {"kind": "exact", "steepness": None, "rounds": None, "selection": None, "removal": None},
    ),
    "sorting.neural_sort": (["s"], {"tau": ...}),
    "topk.neural_topk": (["s"], {"k": ..., "tau": ...}),
    "sorting.soft_sort": (["s"], {"tau": ..., "power": 1}),
    "topk.soft_topk": (["s"], {"k": ..., "tau": ..., "power": 1}),
    "sorting.sinkhorn_sort": (["x"], SINKHORN),
    "topk.sinkhorn_topk": (["x"], {"k": ..., **SINKHORN}),
}


def modules_of(room: ModuleType) -> list[str]:
    return [f"{room.__name__}.{module.name}" for module in pkgutil.iter_modules(room.__path__)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_operator_of_a_room_is_listed_exactly_once(room: ModuleType) -> None:
    modules = [room, *map(importlib.import_module, modules_of(room))]
    found = {id(thing): thing for module in modules for thing in vars(module).values() if isinstance(thing, Op)}
    own = [op for op in found.values() if op.room == room.__name__.rpartition(".")[2]]
    assert sorted(op.id for op in own) == sorted(op.id for op in room.OPERATORS)
    for op in own:
        assert sum(op is listed for listed in OPERATORS) == 1
        assert getattr(room, op.name) is op
        assert op.name in room.__all__


def test_every_room_is_in_the_catalogue_and_is_a_public_name() -> None:
    rooms = {module.name for module in pkgutil.iter_modules([str(PACKAGE)]) if module.ispkg} - NOT_ROOMS
    assert rooms == {room.__name__.rpartition(".")[2] for room in ROOMS}
    assert rooms <= set(refimpl.__all__)


def test_ids_are_unique_and_name_their_room_and_file() -> None:
    assert len({op.id for op in OPERATORS}) == len(OPERATORS)
    for op in OPERATORS:
        assert op.backward.__module__ == f"refimpl.{op.id}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_importing_a_room_imports_all_its_modules(room: ModuleType) -> None:
    program = f"import sys, {room.__name__}; print(*(m for m in sys.argv[1:] if m not in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program, *modules_of(room)], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)
def test_signatures_are_those_promised(op: object) -> None:
    assert isinstance(op, Op)
    plain, keywords = SIGNATURES[op.id]
    parameters = op.signature.parameters.values()
    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == plain
    found = {p.name: ... if p.default is p.empty else p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert found == keywords
    assert list(found) == list(keywords)


def test_networks_have_the_promised_names() -> None:
    assert list(inspect.signature(sorting.odd_even).parameters) == ["n"]
    assert list(inspect.signature(sorting.bitonic).parameters) == ["n"]
    assert list(inspect.signature(sorting.splitter).parameters) == ["n", "k"]


def test_find_knows_ids_last_names_and_rooms() -> None:
    assert find("sorting.swap") == (sorting.swap,)
    assert find("swap") == (sorting.swap,)
    assert find("distributions") == distributions.OPERATORS


@pytest.mark.parametrize("wrong", ["sorting.swop", "netwerk_sort", "permutation"])
def test_find_suggests_what_was_meant(wrong: str) -> None:
    meant = {"sorting.swop": "sorting.swap", "netwerk_sort": "network_sort", "permutation": "network_permutation"}
    with pytest.raises(LookupError, match=f"no operator '{wrong}'; did you mean .*{meant[wrong]}"):
        find(wrong)


def test_find_lists_all_operators_when_nothing_is_near() -> None:
    with pytest.raises(LookupError) as raised:
        find("zzz")
    assert "did you mean" not in str(raised.value)
    assert all(op.id in str(raised.value) for op in OPERATORS)


def test_public_names_resolve_and_others_are_refused() -> None:
    for name in ("OPERATORS", "catalog", "distributions", "sorting", "get_threads", "set_threads"):
        assert name in dir(refimpl)
        assert getattr(refimpl, name) is not None
    assert refimpl.OPERATORS is catalog.OPERATORS
    with pytest.raises(AttributeError, match="no attribute 'sort'; it has catalog, "):
        _ = refimpl.sort  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_outgrows_its_story(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST
