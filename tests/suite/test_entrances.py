"""The ways in: python -m refimpl.suite, a test file of one's own, and the pytest plugin; each in a process of its own."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
REGISTERED = any(entry.name == "refimpl" for entry in importlib.metadata.entry_points(group="pytest11"))
PLUGIN = [] if REGISTERED else ["-p", "refimpl.suite.plugin"]
OWN_FILE = """
from refimpl.suite import conformance
test_conformance = conformance("swap_ports:{what}", ops="sorting.swap", only={{"cdf": "logistic"}},
    floor={floor}, examples=2)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "swap_ports.py").write_text((HERE / "swap_ports.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def suite(folder: Path, what: str, *more: str) -> subprocess.CompletedProcess[str]:
    few = ("--only", "cdf=logistic", "--explore", "2", "--seed", "0")
    return run(folder, "refimpl.suite", "--impl", f"swap_ports:{what}", *few, *more)


def collected(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *more)


def test_command_right_with_files(folder: Path) -> None:
    done = suite(folder, "RIGHT", "--json", "o.json", "--junit", "o.xml", "--floor", "25")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "checks ran on swap_ports:RIGHT" in done.stdout
    content = json.loads((folder / "o.json").read_text())
    assert content["exit_code"] == 0
    assert content["ran"] >= 25
    verdicts = {check["verdict"] for check in content["checks"] if check["operator"] == "sorting.swap"}
    assert "right" in verdicts
    assert not verdicts & {"wrong", "crashed"}
    assert {c["verdict"] for c in content["checks"] if c["operator"] != "sorting.swap"} == {"not offered"}
    found = ElementTree.parse(folder / "o.xml")
    assert len(found.findall(".//testcase")) == len(content["checks"]) + 2
    assert not found.findall(".//failure")


def test_command_wrong_known_and_mended(folder: Path) -> None:
    wrong = suite(folder, "TWICE", "-k", "gradient-of-a", "--junit", "o.xml", "sorting.swap")
    assert wrong.returncode == 1
    assert "sorting.swap-gradient-of-a is WRONG: The gradient is right times 2." in wrong.stdout
    assert "--at 'n=1,cdf=0 " in wrong.stdout
    assert ElementTree.parse(folder / "o.xml").find(".//failure") is not None
    again = next(line for line in wrong.stdout.splitlines() if "again: " in line)
    at = again.partition("--at ")[2].strip("'")
    assert suite(folder, "TWICE", "-k", "sorting.swap-gradient-of-a", "--at", at).returncode == 1
    assert suite(folder, "TWICE", "--known", "k.json", "--update", "-k", "runs").returncode == 2
    assert not (folder / "k.json").exists()
    assert suite(folder, "TWICE", "--known", "k.json", "--update").returncode == 0
    assert suite(folder, "TWICE", "--known", "k.json").returncode == 0
    mended = suite(folder, "RIGHT", "--known", "k.json")
    assert mended.returncode == 6
    assert "stale" in mended.stdout


def test_command_survives_what_dies_and_what_hangs(folder: Path) -> None:
    done = suite(folder, "DIES", "sorting.swap", "-k", "value", "-k", "case-ties")
    assert done.returncode == 4
    assert "exit status 3" in done.stdout
    assert "sorting.swap-case-ties is" not in done.stdout
    done = suite(folder, "HANGS", "sorting.swap", "-k", "value", "-k", "case-ties", "--limit", "2")
    assert done.returncode == 4
    assert "no answer within 2 s" in done.stdout


PROGRAM = """
import json, os, sys
import swap_ports
from refimpl.checking.bits import decode, decode_args, encode
for line in sys.stdin:
    asked = json.loads(line)
    if "hello" in asked:
        print(json.dumps({"protocol": 1, "name": "program", "ops": ["sorting.swap"]}), flush=True)
        continue
    args = decode_args(asked["args"])
    if "cotangents" in asked and sys.argv[1:]:
        os._exit(1)
    y, pull = swap_ports.swap(args["a"], args["b"], cdf=args["cdf"], beta=args["beta"])
    answer = {"id": asked["id"], "outputs": [encode(v) for v in y]}
    if "cotangents" in asked:
        grads = pull([decode(c) for c in asked["cotangents"]])
        answer["grads"] = {name: encode(g) for name, g in zip(("a", "b", "beta"), grads)}
    print(json.dumps(answer), flush=True)
"""


def test_command_asks_a_program(folder: Path) -> None:
    (folder / "program.py").write_text(PROGRAM)
    asked = [
        "refimpl.suite",
        "sorting.swap",
        "--only",
        "cdf=logistic",
        "--explore",
        "2",
        "--seed",
        "0",
        "-k",
        "of-beta",
    ]
    words = ["-k", "strided", "-k", "value", "-k", "linear", "-k", "law-order", "-k", "case-saturated", "-k", "runs"]
    done = run(folder, *asked, *words, "--cmd", f"{sys.executable} program.py")
    assert done.returncode == 0, done.stdout
    assert "7 checks ran" in done.stdout
    done = run(folder, *asked, *words, "--cmd", f"{sys.executable} program.py dies")
    assert done.returncode == 4
    assert "sorting.swap-runs is CRASHED: Died" in done.stdout
    assert "sorting.swap-value is" not in done.stdout  # right, though the checks before it killed the program
    assert "sorting.swap-law-order-forward is" not in done.stdout
    assert "not asked again" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--impl", "no_such:x"], 2, "no_such"),
        (["--impl", "swap_ports:RIGHT", "sorting.swop"], 2, "did you mean sorting.swap"),
        (["--impl", "swap_ports:RIGHT", "--only", "cfd=logistic"], 2, "did you mean 'cdf'"),
        (["--impl", "swap_ports:RIGHT", "--known", "none.json"], 2, "cannot read none.json"),
        (["--impl", "swap_ports:RIGHT", "--at", "n=1 0"], 2, "one check"),
        (["--framework", "torch"], 2, "there is no --impl"),
        (["--impl", "swap_ports:RIGHT", "network_sort"], 5, "NOTHING WAS CHECKED"),
        (["--impl", "swap_ports:RIGHT", "-k", "no-such-check"], 5, "NOTHING WAS CHECKED"),
        (["-k", "swap-runs", "--floor", "2"], 5, "FEWER THAN THE FLOOR"),
        (["-k", "swap-runs", "--explore", "2"], 0, "(seed "),
        (["-k", "swap-runs", "--list"], 0, "sorting.swap-runs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_command_codes_and_words(folder: Path, arguments: list[str], code: int, says: str) -> None:
    done = run(folder, "refimpl.suite", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout + done.stderr


def test_own_test_file(folder: Path) -> None:
    (folder / "test_mine.py").write_text(OWN_FILE.format(what="TWICE", floor=20))
    done = collected(folder, "--junit-xml", "o.xml", "-rf", "-k", "gradient or runs or value")
    assert done.returncode == 1
    assert "FAILED test_mine.py::test_conformance[sorting.swap-gradient-of-a]" in done.stdout
    assert "right times 2" in done.stdout
    assert "test_conformance[sorting.swap-runs]" not in done.stdout
    assert ElementTree.parse(folder / "o.xml").findall(".//failure")
    assert collected(folder, "-k", "runs or value or floor or known").returncode == 0
    suite(folder, "TWICE", "--known", "known.json", "--update")
    expected = collected(folder, "-k", "gradient or value")
    assert expected.returncode == 0, expected.stdout
    assert "xfailed" in expected.stdout
    listed = json.loads((folder / "known.json").read_text())
    listed["failures"].append({"id": "sorting.swap-value", "reason": "once"})
    listed["failures"].append({"id": "sorting.network_sort-case-none", "reason": "once"})
    (folder / "known.json").write_text(json.dumps(listed))
    stale = collected(folder, "-rf", "-k", "value or known")
    assert "FAILED test_mine.py::test_conformance[known-failures]" in stale.stdout
    assert "FAILED test_mine.py::test_conformance[sorting.swap-value]" in stale.stdout
    assert "stale" in stale.stdout


def test_own_test_file_has_a_floor(folder: Path) -> None:
    (folder / "test_mine.py").write_text(OWN_FILE.format(what="RIGHT", floor=100))
    done = collected(folder, "-rf")
    assert "FAILED test_mine.py::test_conformance[floor]" in done.stdout
    assert "1 failed" in done.stdout
    (folder / "test_mine.py").write_text(OWN_FILE.format(what="NOTHING", floor=None))
    done = collected(folder, "-rf")
    assert done.returncode == 1
    assert "0 checks ran on swap_ports:NOTHING; the floor is 1" in done.stdout


def test_plugin_collects_without_a_test_file(folder: Path) -> None:
    asked = [*PLUGIN, "--refimpl-impl", "swap_ports:TWICE", "--refimpl-only", "cdf=logistic"]
    done = collected(folder, *asked, "-k", "swap-gradient-of-a or swap-value", "-rf", "-n", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED refimpl::sorting.swap-gradient-of-a" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    header = run(folder, "pytest", *asked, "--collect-only")
    assert "refimpl conformance: swap_ports:TWICE, 39 checks of 1 operators" in header.stdout, header.stdout
    shared = collected(folder, *asked, "-k", "swap-runs or swap-value", "-n", "2")
    assert "2 passed" in shared.stdout
    refused = collected(folder, *PLUGIN, "--refimpl-impl", "no_such:x")
    assert refused.returncode == 4
    assert "no_such" in refused.stderr


def test_plugin_by_the_ini_key_in_runs_that_name_no_files(folder: Path) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nrefimpl_impl = swap_ports:RIGHT\n")
    (folder / "test_other.py").write_text("def test_other(): pass\n")
    assert "2 passed" in collected(folder, *PLUGIN, "--refimpl-only", "cdf=logistic", "-k", "other or swap-pure").stdout
    assert "1 passed" in collected(folder, *PLUGIN, "test_other.py").stdout


def test_plugin_does_nothing_unless_asked(folder: Path) -> None:
    (folder / "test_other.py").write_text(
        "import sys\n"
        "def test_other(request):\n"
        "    assert request.config.pluginmanager.hasplugin('refimpl') or 'refimpl.suite.plugin' in sys.modules\n"
        "    heavy = {'numpy', 'numba', 'scipy', 'refimpl.catalog', 'refimpl.suite.suite'} & set(sys.modules)\n"
        "    assert not heavy, heavy\n"
    )
    done = collected(folder, *PLUGIN, "-p", "no:hypothesispytest")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    (folder / "test_other.py").unlink()
    assert collected(folder, *PLUGIN).returncode == 5
