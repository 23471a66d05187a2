"""The public packages give the recorded outcome, and BUGS.md says what is recorded: every snippet in it is run."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import warnings
from pathlib import Path

import pytest

from validation.peers import Check, Witness
from validation.peers import __main__ as command

BUGS = Path(command.__file__).parents[1] / "BUGS.md"
PREFIXES = {"D": "diffsort", "S": "scipy", "T": "torchsort", "K": "difftopk", "O": "ott", "A": "algovision",
            "ST": "softtorch", "SJ": "softjax"}  # fmt: skip
SECTIONS = re.split(r"^## ", BUGS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


def adapter(name: str):
    return pytest.importorskip(
        f"validation.peers.{command.PEERS[name]}", reason=f"{name} is not installed", exc_type=ModuleNotFoundError
    )


@pytest.mark.filterwarnings("ignore")  # the packages' own; where one is a defect, its witness looks for it
@pytest.mark.parametrize("name", command.PEERS)
def test_checks_and_witnesses_are_as_recorded(name, capsys):
    adapter(name)
    assert command.main([name]) == 0, capsys.readouterr().out
    assert "NOT AS RECORDED" not in capsys.readouterr().out


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.split(" ")[0])
def test_every_snippet_prints_what_it_says(section):
    """``print(...)  # output`` in each python block of BUGS.md, one line of output each."""
    adapter(PREFIXES[section.split("-")[0]])
    (code,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    printed = io.StringIO()
    expected = pytest.warns() if "# warns" in code else warnings.catch_warnings()
    with contextlib.redirect_stdout(printed), expected:
        exec(compile(code, BUGS.name, "exec"), {})
    assert printed.getvalue().splitlines() == re.findall(r"print\(.*\)  # (.*)", code)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_row_of_the_list_has_a_witness_and_every_witness_a_row(prefix):
    module = adapter(PREFIXES[prefix])
    listed = {row for section in SECTIONS if (row := section.split(" ")[0]).split("-")[0] == prefix}
    assert {witness.bug for witness in module.WITNESSES} == listed
    reasons = {reason for check in module.CHECKS for _, reason in check.known.values()}
    assert {reason for reason in reasons if re.fullmatch(r"[A-Z]+-\d+", reason)} <= listed


def test_a_defect_that_is_new_or_gone_fails(monkeypatch, capsys):
    from validation.peers import scipy_stats

    check, witness = dataclasses.replace(scipy_stats.CHECKS[0], samples=2), scipy_stats.WITNESSES[0]
    gone = dataclasses.replace(check, known={**check.known, "value": ("wrong", "S-0")})
    new = dataclasses.replace(check, known={})
    monkeypatch.setattr(scipy_stats, "CHECKS", (gone, new))
    monkeypatch.setattr(scipy_stats, "WITNESSES", (dataclasses.replace(witness, recorded="0.5"),))
    assert command.main(["scipy"]) == 1
    surprises = [line for line in capsys.readouterr().out.splitlines() if "NOT AS RECORDED" in line]
    assert sum("value: right, recorded is wrong" in line for line in surprises) == 1
    assert sum("scale: not offered, recorded is right" in line for line in surprises) == 1
    assert sum("recorded is 0.5" in line for line in surprises) == 1


def test_a_package_that_is_missing_is_said_and_skipped(monkeypatch, capsys):
    monkeypatch.setitem(command.PEERS, "diffsort", "not_there")
    assert command.main(["diffsort"]) == 5
    assert "pip install -e '.[peers]'" in capsys.readouterr().out


def test_the_records_are_what_the_command_reads():
    from validation.peers import scipy_stats

    assert all(isinstance(check, Check) for check in scipy_stats.CHECKS)
    assert all(isinstance(witness, Witness) for witness in scipy_stats.WITNESSES)
