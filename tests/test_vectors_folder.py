"""Folders of golden vectors: lint, diff, exports in every shape, the command line."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ours import same_bits

from refimpl.__main__ import main
from refimpl.catalog import OPERATORS
from refimpl.checking import vectors
from refimpl.checking.bits import encode
from refimpl.checking.vectors_export import SHAPES, export, fields
from refimpl.checking.vectors_format import FOLDER, TAGS, BadVectors, manifest, manifest_text
from refimpl.checking.vectors_lint import diff, lint

BUDGET = 1_500_000  # bytes, compressed, in the wheel
SWAP = "sorting.swap"
IDS = [op.id for op in OPERATORS]
every_operator = pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.id)


# the folder itself


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "vectors")
    return tmp_path / "vectors"


def test_nothing_to_complain_about(folder: Path) -> None:
    assert lint(folder) == []
    assert diff(FOLDER, folder) == []


def edited(folder: Path, change: Callable[[dict[str, Any]], Any], heal: bool = True) -> None:
    """Change the first case of the swap file; keep file and manifest in step unless told otherwise."""
    from refimpl.checking.vectors_format import entry, written

    path = folder / f"{SWAP}.json"
    header, *cases = json.loads(path.read_text())
    change(cases[0])
    path.write_text(written(header, cases))
    if heal:
        listed = [entry(e["op"], (folder / e["file"]).read_text()) for e in manifest(folder)["files"]]
        (folder / "manifest.json").write_text(manifest_text(listed))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda case: case.update(id=2), "ids must be"),
        (lambda case: case.update(tags=["basic", "tie"]), "unknown tags: tie"),
        (lambda case: case.update(tags=[]), "a case has a tag"),
        (lambda case: case.update(kind="approximate"), "kind is 'approximate'"),
        (lambda case: case.pop("note"), "missing or unknown keys: note"),
        (lambda case: case.update(surprise=1), "missing or unknown keys: surprise"),
        (lambda case: case.update(outputs={}), "of the wrong type: outputs"),
        (lambda case: case["outputs"].pop(), "1 outputs; the header names 2"),
        (lambda case: case["outputs"][0].update(hex="00"), "2 digits in hex"),
        (lambda case: case["outputs"][0].update(dtype="f16"), "f16"),
        (lambda case: case["grads"]["beta"].update(shape=[1]), "the gradient of beta has shape (1,)"),
        (lambda case: case["tol"].pop("a"), "tolerances are for"),
        (lambda case: case["tol"]["a"].update(ulp=-1), "ulp is -1"),
        (lambda case: case["tol"]["a"].update(gauge="7ff0000000000000"), "the gauge is inf"),
        (lambda case: case["tol"]["a"].update(gauge="xyz"), "gauge"),
        (lambda case: case.update(cotangents=None), "gradients without a cotangent"),
        (lambda case: case.update(kind="invalid"), "must be refused, and has an answer"),
    ],
)
def test_lint_refuses_each_kind_of_corruption(change: Callable[[dict[str, Any]], Any], text: str, folder: Path) -> None:
    edited(folder, change)
    found = lint(folder)
    assert any(text in fault for fault in found), found
    assert main(["vectors", "lint", str(folder)]) == 1


def test_lint_sees_edits_blanks_strangers_and_holes(folder: Path) -> None:
    edited(folder, lambda case: case.update(note="edited"), heal=False)
    assert any("sha256" in fault for fault in lint(folder))
    path = folder / "distributions.cdf.json"
    path.write_text(path.read_text().replace('"id":1,', '"id": 1,'))
    assert any("distributions.cdf.json: not in canonical form" in fault for fault in lint(folder))
    (folder / "sorting.new.json").write_text("[]")
    assert "sorting.new.json: not in the manifest" in lint(folder)
    (folder / "distributions.pdf.json").unlink()
    assert any("distributions.pdf.json: cannot read" in fault for fault in lint(folder))
    (folder / "manifest.json").write_text("{")
    assert len(lint(folder)) == 1


def test_vectors_that_cannot_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / f"{SWAP}.json"
    whole = path.read_text()
    for text, told in (
        (whole[: len(whole) // 2], "cut short"),
        (whole.replace('"format":1', '"format":2', 1), "format 2"),
        (whole.replace("near_ties", "ties"), "not the file that the manifest describes"),
    ):
        path.write_text(text)
        with pytest.raises(BadVectors, match=told):
            vectors.load(SWAP, folder)
        assert main(["vectors", "verify", "--vectors", str(folder)]) == 2
        assert told in capsys.readouterr().err
    assert main(["vectors", "verify", "--vectors", str(folder / "nowhere")]) == 2
    manifest_path = folder / "manifest.json"
    manifest_path.write_text(manifest_path.read_text().replace('"format": 1', '"format": 3'))
    assert main(["vectors", "verify", "--vectors", str(folder)]) == 2
    assert "format 3" in capsys.readouterr().err


def test_diff_counts_ulps(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def nudge(case: dict[str, Any]) -> None:
        array = np.array(vectors.load(SWAP)[0].outputs[0])
        case["outputs"][0] = encode(np.nextafter(np.nextafter(array, np.inf), np.inf))

    edited(folder, nudge)
    assert main(["vectors", "diff", str(FOLDER), str(folder)]) == 1
    assert f"{SWAP} case 1: changed: outputs (outputs 0 by 2 ulp)" in capsys.readouterr().out
    edited(folder, lambda case: case.update(id=999))
    found = diff(FOLDER, folder)
    assert any("case 1: removed" in text for text in found)
    assert any("case 999: added" in text for text in found)


# other shapes


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_written_for_some_operators_only(shape: str, tmp_path: Path) -> None:
    assert main(["vectors", "export", str(tmp_path / "to"), SWAP, "--as", shape]) == 0
    text = "".join(path.read_bytes().decode("latin1") for path in (tmp_path / "to").iterdir())
    assert "cubic" in text or shape == "npz"
    assert "network_sort" not in text


def test_json_export_is_a_folder_of_vectors(tmp_path: Path) -> None:
    export(tmp_path, "json", [SWAP])
    assert lint(tmp_path) == []
    assert vectors.verify(None, [SWAP], tmp_path).exit_code == 0


def test_txt_and_npz_hold_the_same_numbers(tmp_path: Path) -> None:
    export(tmp_path, "txt", [SWAP])
    export(tmp_path, "npz", [SWAP])
    rows = [line.split() for line in (tmp_path / f"{SWAP}.txt").read_text().splitlines()[1:]]
    found = {(row[0], row[2], row[3]): row[4] for row in rows if row[3] != "-1"}
    with np.load(tmp_path / f"{SWAP}.npz") as arrays:
        for case in vectors.load(SWAP):
            for name, array in fields(case):
                same_bits(arrays[f"{case.id}.{name}"], array)
                form = ">f" if array.dtype == np.float32 else ">d"
                for k, number in enumerate(array.ravel()):
                    assert found[str(case.id), name, str(k)] == struct.pack(form, number).hex()


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_the_c_header_compiles_and_holds_the_same_numbers(tmp_path: Path) -> None:
    export(tmp_path, "c-header", [SWAP, "distributions.cdf"])
    (tmp_path / "show.c").write_text(
        '#include "sorting_swap.h"\n#include "distributions_cdf.h"\n#include <stdio.h>\n#include <inttypes.h>\n'
        "int main(void) { (void)distributions_cdf_count; (void)distributions_cdf;\n"
        "for (size_t k = 0; k < sorting_swap_count; k++) for (size_t i = 0; i < sorting_swap[k].size; i++)\n"
        'printf("%d %s %zu %016" PRIx64 "\\n", sorting_swap[k].id, sorting_swap[k].field, i, sorting_swap[k].bits[i]); }\n'
    )
    subprocess.run(["gcc", "-Wall", "-Werror", "show.c", "-o", "show"], cwd=tmp_path, check=True)
    told = subprocess.run([str(tmp_path / "show")], capture_output=True, text=True, check=True).stdout.splitlines()
    want = [
        f"{case.id} {name} {k} {struct.pack('>d', number).hex()}"
        for case in vectors.load(SWAP)
        for name, array in fields(case)
        for k, number in enumerate(array.ravel())
    ]
    assert told == want


# the command line


def test_list_names_files_and_every_tag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", "list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in (*IDS, *TAGS))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["list", "sorting.swop"], "did you mean sorting.swap"),
        (["export", "somewhere", "swop"], "did you mean"),
        (["verify", "a.jsonl", "--impl", "a:b"], "two things to verify"),
        (["verify", "--impl", "no_such_module:x"], "no_such_module"),
        (["diff", "/nowhere", "/nowhere"], "holds no vectors"),
    ],
)
def test_usage(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_an_implementation_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_swaps.py").write_text(
        "from refimpl import sorting\nswap = sorting.swap.vjp\nOPS = {'sorting.swap': swap}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["vectors", "verify", "--impl", "my_swaps:swap", "--op", SWAP]) == 0
    assert main(["vectors", "verify", "--impl", "my_swaps:OPS"]) == 0
