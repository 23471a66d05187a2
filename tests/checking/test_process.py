"""Programs that answer JSON lines: what they are told and what they may say, large messages, and that none is left."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from swap_programs import ARGS, HELLO, ONLY, logistic, python, swap

from refimpl import distributions, sorting
from refimpl.checking import Impl, NotOffered, check
from refimpl.checking.process import Program, Refused
from refimpl.checking.report import EXIT_RIGHT

# Right


def test_a_right_program_is_right() -> None:
    with Impl("mine").spawn(logistic()) as impl:
        report = check("sorting.swap", impl, only=ONLY, samples=8)
    assert report.exit_code == EXIT_RIGHT, report.text()
    assert [report.by_argument[name] for name in ("value", "a", "b", "beta")] == ["right"] * 4


def test_what_it_says_of_itself(start) -> None:
    program = start(logistic())
    assert program.name == "test"
    assert program.operators == (sorting.swap,)
    assert program.unknown == ("sorting.heap",)


def test_value_and_gradients_are_those_of_the_library(start) -> None:
    answer = swap(start(logistic())).run(ARGS)
    (low, high), pullback = sorting.swap.vjp(**ARGS)
    g = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert answer.dtype == "float64"
    assert np.abs(answer.y - np.stack([low, high])).max() < 1e-14
    for found, wanted in zip(answer.pull(g).values(), pullback(tuple(g)), strict=False):
        assert np.abs(found - wanted).max() < 1e-14


def test_requests_have_numbers_of_their_own_and_all_arguments(start, tmp_path: Path) -> None:
    record = tmp_path / "requests"
    program = start(logistic(f"open({str(record)!r}, 'a').write(line)"))
    swap(program).run(ARGS).pull(np.array([[1.0, -2.0], [0.5, 3.0]]))
    assert program.ask_many(sorting.swap, [{"a": ARGS["a"], "b": ARGS["b"], "beta": 1.0, "lam": None}]) == [None]
    first, second, third = map(json.loads, record.read_text().splitlines())
    assert [first["id"], second["id"], third["id"]] == [1, 2, 3]
    assert list(first) == ["id", "op", "args"]
    assert first["op"] == "sorting.swap"
    assert first["args"]["a"] == {"dtype": "f64", "shape": [2], "hex": "3ff00000000000004008000000000000"}
    assert second["args"] == first["args"]
    assert [g["hex"] for g in second["cotangents"]] == [
        "3ff0000000000000c000000000000000",
        "3fe00000000000004008000000000000",
    ]
    assert sorted(third["args"]) == ["a", "b", "beta", "cdf"]  # what is absent is left out, defaults are not
    assert third["args"]["cdf"] == "cauchy"


def test_skip_is_not_offered(start) -> None:
    program = start(logistic())
    with pytest.raises(NotOffered, match="not this"):
        swap(program).run({**ARGS, "cdf": "cauchy"})
    assert swap(program).run(ARGS).y.shape == (2, 2)


def test_error_is_a_refusal_with_its_text(start) -> None:
    program = start(logistic('answer = {"id": asked["id"], "error": "beta is odd"}'))
    with pytest.raises(Refused, match=r"answered sorting.swap with an error: beta is odd"):
        swap(program).run(ARGS)


def test_float32_is_sent_as_float32_where_it_is_taken(start) -> None:
    single = {**ARGS, "a": ARGS["a"].astype(np.float32), "b": ARGS["b"].astype(np.float32)}
    with pytest.raises(NotOffered, match="arrays are f32; offered: f64"):
        swap(start(logistic())).run(single)
    echo = python(
        "import json, sys\nfor line in sys.stdin:\n    asked = json.loads(line)\n    print(json.dumps("
        "{'id': asked['id'], 'outputs': [asked['args']['a']] * 2} if 'id' in asked else "
        "{'protocol': 1, 'name': 'echo', 'ops': ['sorting.swap']}), flush=True)"
    )
    program = start(echo)
    assert swap(program).run(single).dtype == "float32"
    strange = np.array([-0.0, np.nan, np.inf, -np.inf, 5e-324])
    back = swap(program).run({**ARGS, "a": strange, "b": strange}).y[0]
    assert back.tobytes() == strange.tobytes()
    assert all(gradient is None for gradient in swap(program).run(ARGS).pull(np.zeros((2, 2))).values())


@pytest.mark.parametrize(
    "value", [np.array([1j]), np.ma.masked_array([1.0], [True]), np.array([None]), np.array([1], "f2")]
)
def test_what_the_protocol_cannot_say_is_not_offered(start, value) -> None:
    with pytest.raises(NotOffered, match="no words for"):
        swap(start(logistic())).run({**ARGS, "a": value})


def test_many_at_once_are_the_same_as_one_by_one(start) -> None:
    program = start(logistic())
    inputs = [{**ARGS, "beta": 1.0 + k, "cdf": "cauchy" if k == 7 else "logistic"} for k in range(300)]
    together = program.ask_many(sorting.swap, inputs)
    assert [k for k, answer in enumerate(together) if answer is None] == [7]
    for k in (0, 150, 299):
        assert np.array_equal(together[k].y, swap(program).run(inputs[k]).y)


def test_threads_get_their_own_answers(start) -> None:
    program = start(logistic())
    implementation = swap(program)
    alone = [implementation.run({**ARGS, "beta": float(k)}).y for k in range(1, 40)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda k: implementation.run({**ARGS, "beta": float(k)}).y, range(1, 40)))
    assert all(map(np.array_equal, alone, together))


@pytest.mark.parametrize(
    "fault",
    ["pass", "sys.stderr.write('x' * (1 << 20)); sys.stderr.flush()"],
    ids=["quiet", "a megabyte on standard error"],
)
def test_megabytes_do_not_block(start, fault) -> None:
    many = np.linspace(-1.0, 1.0, 1 << 16)
    answer = swap(start(logistic(fault), 30.0)).run({**ARGS, "a": many, "b": many[::-1].copy()})
    assert answer.y.shape == (2, 1 << 16)


def test_a_program_that_answers_before_it_has_read_does_not_block(start) -> None:
    early = python(
        "import os, sys\nos.read(0, 1000)\n"
        'print(\'{"protocol": 1, "name": "early", "ops": ["distributions.cdf"]}\', flush=True)\n'
        "os.read(0, 10)\n"
        'print(\'{"id": 1, "outputs": [{"dtype": "f64", "shape": [65536], "hex": "\' + "0" * (1 << 20), end="")\n'
        "print('\"}]}', flush=True)\n"
        "while os.read(0, 1 << 20): pass\n"
    )
    args = {"x": np.zeros(1 << 16), "family": "logistic"}
    assert start(early).implementation(distributions.cdf).run(args).y.shape == (1 << 16,)


def test_one_string_is_split_as_a_shell_would(start) -> None:
    answering = f'input(); print("""{HELLO}""")'
    assert start(f"{sys.executable} -S -c '{answering}'").name == "x"


# Leaving nothing behind


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc").is_dir() else True


STUBBORN = (
    "import os, signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    f"print('''{HELLO}'''.replace('x', str(os.getpid())), flush=True)\nwhile True: time.sleep(1)"
)


def test_close_stops_what_does_not_end_by_itself() -> None:
    program = Program(python(STUBBORN))
    assert alive(int(program.name))
    program.close()
    program.close()
    assert not alive(int(program.name))


def test_programs_end_with_the_interpreter() -> None:
    outer = f"from refimpl.checking.process import Program\np = Program({python(STUBBORN)!r})\nprint(p.name)"
    ran = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, check=True, timeout=60)
    assert not alive(int(ran.stdout))


def test_an_interrupt_stops_the_program(start, monkeypatch: pytest.MonkeyPatch) -> None:
    program = start(logistic())
    child = program._child

    def interrupted(*_: object) -> list[bytes]:
        raise KeyboardInterrupt

    monkeypatch.setattr(child, "exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swap(program).run(ARGS)
    assert child.process.returncode is not None
    assert swap(program).run(ARGS).y.shape == (2, 2)
