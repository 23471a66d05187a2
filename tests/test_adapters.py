"""Starting points in other languages: written by the command, built, run, checked; and one with a wrong sign is caught."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import refimpl
from refimpl.__main__ import main
from refimpl.adapters import TEMPLATES
from refimpl.checking import Impl
from refimpl.checking.frameworks import FRAMEWORKS
from refimpl.checking.report import EXIT_RIGHT, EXIT_USAGE, EXIT_WRONG

ONLY = {"cdf": "logistic"}
TOOLS = {"c": "gcc", "rust": "rustc", "julia": "julia"}
STRICT = {"c": ["-Wall", "-Wextra", "-pedantic", "-Werror"], "rust": ["-D", "warnings"]}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def need(language: str) -> None:
    if language in TOOLS:
        if shutil.which(TOOLS[language]) is None:
            pytest.skip(f"no {TOOLS[language]}")
    else:
        pytest.importorskip(language)
        if language not in FRAMEWORKS:
            pytest.skip(f"no framework door for {language}")


def built(language: str, text: str) -> list[str]:
    """The program, built from that text without a warning."""
    template = TEMPLATES[language]
    Path(template.file).write_text(text)
    for line in template.build:
        command = shlex.split(line.format(file=template.file, stem="adapter")) + STRICT[language]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        assert ran.stderr == ""
    return ["./adapter"] if template.build else ["julia", template.file]


@pytest.mark.parametrize("language", TOOLS)
def test_the_program_is_right(language: str) -> None:
    need(language)
    with Impl("adapter").spawn(built(language, TEMPLATES[language].text()), 60.0) as impl:
        report = refimpl.check("sorting.swap", impl, only=ONLY)
    assert report.exit_code == EXIT_RIGHT, report.text()
    assert [report.by_argument[name] for name in ("value", "a", "b", "beta", "laws")] == ["right"] * 5
    assert report.implementation == Path(TEMPLATES[language].file).name


CARGO = """
[package]
name = "adapter"
version = "0.1.0"
edition = "2021"

[[bin]]
name = "adapter"
path = "adapter.rs"
"""


@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo")
def test_the_rust_program_is_a_cargo_project_by_five_lines(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text(CARGO)
    (tmp_path / "adapter.rs").write_text(TEMPLATES["rust"].text())
    subprocess.run(["cargo", "build", "--release", "--offline", "--quiet"], cwd=tmp_path, check=True, timeout=300)
    with Impl("cargo").spawn([str(tmp_path / "target" / "release" / "adapter")]) as impl:
        report = refimpl.check("sorting.swap", impl, only={"cdf": "logistic"}, samples=12)
    assert report.by_argument["a"] == report.by_argument["beta"] == report.verdict == "right"


@pytest.mark.parametrize(
    ("language", "right", "wrong", "argument"),
    [
        ("c", "p * ghi + beta * q;", "p * ghi - beta * q;", "b"),
        ("c", "*gbeta += ", "*gbeta -= ", "beta"),
        ("rust", "(p * glo + (1.0 - p) * ghi - beta * q,", "(p * glo + (1.0 - p) * ghi + beta * q,", "a"),
    ],
)
def test_a_wrong_sign_is_caught_and_its_argument_named(language: str, right: str, wrong: str, argument: str) -> None:
    need(language)
    text = TEMPLATES[language].text()
    assert text.count(right) == 1
    with Impl("adapter").spawn(built(language, text.replace(right, wrong))) as impl:
        report = refimpl.check("sorting.swap", impl, only=ONLY, samples=12)
    assert report.exit_code == EXIT_WRONG, report.text()
    wrongs = [name for name in ("value", "a", "b", "beta") if report.by_argument[name] == "wrong"]
    assert wrongs == [argument]
    assert list(report.diagnoses) == [argument]
    if argument == "beta":
        assert report.diagnoses["beta"].kind == "constant_factor"


@pytest.mark.parametrize("language", TOOLS)
def test_what_it_does_not_support_is_skipped_not_failed(language: str) -> None:
    need(language)
    with Impl("adapter").spawn(built(language, TEMPLATES[language].text()), 60.0) as impl:
        report = refimpl.check("sorting.swap", impl, samples=30)
    assert report.exit_code == EXIT_RIGHT, report.text()
    assert [f.oracle for f in report.findings if f.subject == "lam"] == []
    assert "gradient of lam" in report.not_checked


def test_the_c_program_survives_what_it_cannot_read() -> None:
    """Line by line, offline, under the sanitizers."""
    need("c")
    built("c", TEMPLATES["c"].text())
    sanitized = [
        "gcc",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover",
        "adapter.c",
        "-o",
        "checked",
        "-lm",
    ]
    if subprocess.run(sanitized, capture_output=True).returncode:
        pytest.skip("no sanitizers")
    number = '{"dtype":"f64","shape":[],"hex":"3ff0000000000000"}'
    long = '{"dtype":"f64","shape":[5000],"hex":"' + "0" * 80000 + '"}'
    lines = [
        '{"hello": true, "protocol": 1}', '{"id":1,"op":"sorting.swap","args":{}}', '{"id": 2', "{}", "",
        '{"id": 3, "args": {"cdf":"logistic","a":' + number + ',"b":' + number + ',"beta":' + number + "}}",
        '{"id": 4, "args": {"cdf":"logistic","a":' + long + ',"b":' + long + ',"beta":' + number + "}}",
        '{"id": 5, "args": {"cdf":"logistic","a":{"shape":[' + "1," * 99 + '1],"hex":""}}}',
        '{"id": 6, "args": {"cdf":"logistic","a":{"shape":[2],"hex":"3f', '{"id": 7, "cdf": "logistic", "cotangents": [}',
    ]  # fmt: skip
    ran = subprocess.run(["./checked"], input="\n".join(lines), capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    answers = ran.stdout.splitlines()
    assert len(answers) == len(lines)
    third = '{"id": 3, "outputs": [{"dtype": "f64", "shape": [], "hex": "3ff0000000000000"}, '
    assert [line for line in answers if line.startswith(third)]
    assert sum('"skip"' in line for line in answers) == 6


# The command


@pytest.mark.parametrize("language", TEMPLATES)
def test_new_writes_the_file_and_says_what_to_run(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapter", "new", language]) == 0
    template = TEMPLATES[language]
    assert Path(template.file).read_text() == template.text()
    said = capsys.readouterr().out
    assert f"wrote {template.file}" in said
    commands = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    assert 1 <= len(commands) <= 3
    assert "refimpl check sorting.swap" in commands[-1]


@pytest.mark.parametrize("language", TEMPLATES)
def test_templates_are_short_and_say_where_to_begin(language: str) -> None:
    text = TEMPLATES[language].text()
    assert "YOURS" in text
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 125


@pytest.mark.parametrize("language", TEMPLATES)
def test_the_commands_it_prints_run_as_they_are(
    language: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    need(language)
    (folder / "a folder").mkdir()
    suffix = Path(TEMPLATES[language].file).suffix
    assert main(["adapter", "new", language, "--output", f"a folder/port_of_{language}{suffix}"]) == 0
    commands = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert commands[0] == "cd 'a folder'"
    script = "set -e\n" + "\n".join(commands).replace("python -m", f"{shlex.quote(sys.executable)} -m") + " --samples 4"
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "right" in ran.stdout


def test_new_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("adapter.c").write_text("mine")
    assert main(["adapter", "new", "c"]) == EXIT_USAGE
    assert "adapter.c exists, and is left as it is" in capsys.readouterr().err
    assert Path("adapter.c").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["c", "--output", "nowhere/adapter.c"], "cannot write nowhere/adapter.c: No such file"),
        (["c", "--output", "adapter.cpp"], "--output is adapter.cpp; expected a file that ends with .c"),
        (["torch", "--output", "my-port.py"], "Python cannot import it: expected letters, digits and _"),
    ],
)
def test_new_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapter", "new", *arguments]) == EXIT_USAGE
    assert message in capsys.readouterr().err


def test_an_unknown_language_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["adapter", "new", "fortran"])
    assert ended.value.code == EXIT_USAGE
    said = capsys.readouterr().err
    assert all(language in said for language in TEMPLATES)
