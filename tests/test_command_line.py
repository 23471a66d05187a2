"""python -m refimpl: what it prints and the code it ends with."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest

import refimpl.checking
from refimpl.__main__ import main
from refimpl.checking.explanations import DIAGNOSES, VERDICTS
from refimpl.checking.report import Verdict
from refimpl.commands import Progress

PORT = """
import numpy as np

def right(a, b, *, cdf, beta):
    alpha = 1 / (1 + np.exp(-beta * (b - a)))
    def pullback(g):
        q = beta * alpha * (1 - alpha) * (g[0] - g[1]) * (a - b)
        return alpha * g[0] + (1 - alpha) * g[1] - q, (1 - alpha) * g[0] + alpha * g[1] + q
    return (alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b), pullback

def wrong(a, b, *, cdf, beta):
    y, pullback = right(a, b, cdf=cdf, beta=beta)
    return y, lambda g: tuple(2 * part for part in pullback(g))

def crashing(a, b, *, cdf, beta):
    raise RuntimeError("boom")

several = {"sorting.swap": right}
unrelated = {"other": right}
number = 3
"""


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a_port.py").write_text(PORT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("a_port", None)
    return "a_port"


COMMON = ["--samples", "6"]
SWAP = ["check", "sorting.swap", "--only", "cdf=logistic", *COMMON]


def test_list_names_every_operator(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for name in ("distributions.cdf", "sorting.network_permutation", "d/d(x, beta, lam)", "CPU, GPU", "thesis"):
        assert name in printed


def test_show_prints_equation_laws_and_errata(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "network_sort"]) == 0
    printed = capsys.readouterr().out
    for text in (
        "alpha x_i + abar x_j",
        "holds  shift",
        "false  ascending outputs",
        "E-32",
        "refimpl.gpu.sorting.network_sort",
    ):
        assert text in printed


def test_check_of_our_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "swap", *COMMON]) == 0
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("implementation", "code", "says"),
    [
        ("a_port:right", 0, "right"),
        ("a_port:several", 0, "right"),
        ("a_port:wrong", 1, "constant_factor"),
        ("a_port:crashing", 4, "boom"),
        ("a_port:number", 2, "expected a callable"),
        ("a_port:absent", 2, "has no attribute 'absent'"),
        ("no_such_module:f", 2, "No module named"),
        ("a_port", 2, "MODULE:OBJECT"),
        ("a_port:unrelated", 2, "names no operator of this library; it has other"),
    ],
)
def test_check_of_somebody_elses(port: str, implementation: str, code: int, says: str, capsys) -> None:
    assert main([*SWAP, "--impl", implementation]) == code
    captured = capsys.readouterr()
    assert says in captured.out + captured.err


def test_torch_is_asked_for_by_name(port: str) -> None:
    with pytest.raises(SystemExit) as usage:
        main([*SWAP, "--impl", "a_port:right", "--framework", "fortran"])
    assert usage.value.code == 2


def test_json_to_a_file_and_to_standard_output(port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "report.json"
    assert main([*SWAP, "--impl", "a_port:wrong", "--json", str(target)]) == 1
    report = json.loads(target.read_text())
    assert report["exit_code"] == 1
    assert report["reports"][0]["verdict"] == "wrong"
    capsys.readouterr()
    assert main([*SWAP, "--impl", "a_port:right", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["reports"][0]["operator"] == "sorting.swap"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "nosuch"], "no operator 'nosuch'"),
        (["show", "sorting.network_srot"], "did you mean sorting.network_sort"),
        (["check", "swap", "--only", "cdf"], "expected ARG=VALUE"),
        (["check", "--impl", "math:sin"], "name the one operator"),
    ],
)
def test_usage_errors_are_answered_in_words(arguments: list[str], says: str, capsys) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "swap", "--json", "/no/such/folder/x.json"], "cannot write"),
        (["check", "swap", "--framework", "torch"], "there is no --impl"),
        (["check", "swap", "--only", "cfd=logistic"], "did you mean 'cdf'"),
    ],
)
def test_what_cannot_be_done_is_found_out_before_the_run(arguments: list[str], says: str, capsys) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_failing_input_is_saved_replayed_and_explained(port: str, tmp_path: Path, capsys) -> None:
    folder, report = tmp_path / "cases", tmp_path / "report.xml"
    assert main([*SWAP, "--impl", "a_port:wrong", "--save", str(folder), "--junit", str(report)]) == 1
    assert "next: refimpl explain constant_factor" in capsys.readouterr().out
    case = folder / "sorting.swap.json"
    assert main(["replay", str(case), "--impl", "a_port:wrong"]) == 1
    printed = capsys.readouterr().out
    assert "gradient of a" in printed
    assert "want" in printed
    assert main(["replay", str(case), "--impl", "a_port:right"]) == 0
    assert main(["replay", str(case)]) == 0
    failures = ElementTree.parse(report).getroot().findall(".//failure")
    assert any("constant_factor: The gradient is right times 2." in (one.get("message") or "") for one in failures)
    assert main(["explain", "constant-factor"]) == 0
    assert "chain rule" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "is no saved case"),
        ('{"format": 2, "op": "sorting.swap", "args": {}, "cotangents": []}', "this version reads 1"),
        ('{"format": 1, "op": "sorting.swop", "args": {}, "cotangents": []}', "did you mean"),
        ('{"format": 1, "op": "sorting.swap", "args": {}, "cotangents": []}', "has 2 outputs"),
        ('{"format": 1, "op": "sorting.swap", "args": {"a": {"dtype": "f64", "shape": [2], "hex": "3f"}}, "cotangents": []}',
         "shape [2] of f64 takes 32"),
    ],
)  # fmt: skip
def test_a_broken_case_is_refused_in_words(content: str, says: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "case.json"
    path.write_text(content)
    assert main(["replay", str(path)]) == 2
    assert says in capsys.readouterr().err


def test_every_diagnosis_has_an_explanation() -> None:
    checking = Path(refimpl.checking.__file__).parent
    source = "".join(path.read_text() for path in checking.glob("*.py"))
    kinds = set(re.findall(r'Diagnosis\(\s*"(\w+)"', source))
    assert kinds == set(DIAGNOSES)
    assert set(get_args(Verdict)) == set(VERDICTS)


def test_unknown_words_are_answered_with_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "constnat_factor"]) == 2
    assert "did you mean constant_factor" in capsys.readouterr().err
    assert main(["explain"]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_code_that_ends_the_process_is_not_right(port: str, tmp_path: Path) -> None:
    (tmp_path / "a_port.py").write_text(PORT + "import os\ndef ends(a, b, *, cdf, beta):\n    os._exit(0)\n")
    arguments = [*SWAP, "--impl", "a_port:ends"]
    done = subprocess.run([sys.executable, "-m", "refimpl", *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 4
    assert "ended the process before there was a report" in done.stderr
    right = [*SWAP, "--impl", "a_port:right"]
    done = subprocess.run([sys.executable, "-m", "refimpl", *right], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, "right" in done.stdout) == (0, True)


@pytest.mark.parametrize("option", ["--impl", "--cmd"])
def test_an_empty_implementation_is_not_the_librarys_own(option: str) -> None:
    for command in (["check", "swap"], ["conform", "swap"], ["vectors", "verify"]):
        with pytest.raises(SystemExit) as usage:
            main([*command, option, ""])
        assert usage.value.code == 2


def test_a_misspelt_id_is_refused(port: str, tmp_path: Path, capsys) -> None:
    (tmp_path / "a_port.py").write_text(PORT + "typo = {'sorting.swap': right, 'sorting.network_srot': right}\n")
    assert main(["check", "--impl", "a_port:typo"]) == 2
    assert "did you mean 'sorting.network_sort'" in capsys.readouterr().err


def test_naming_an_operator_twice_checks_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "swap", "sorting.swap", *COMMON]) == 0
    assert capsys.readouterr().out.count("refimpl sorting.swap") == 1


def test_progress_is_silent_away_from_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.started -= 10.0
    progress("sample 1 of 2")
    progress.close()
    assert capsys.readouterr().err == ""
    progress.terminal = True
    progress("sample 1 of 2")
    progress.close()
    assert "sample 1 of 2" in capsys.readouterr().err
