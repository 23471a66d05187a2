"""Programs that do not start and programs that do not answer: each with its message, none for long."""

import time
from pathlib import Path

import numpy as np
import pytest
from swap_programs import ARGS, HELLO, ONLY, logistic, python, swap

from refimpl.checking import CannotLoad, Impl, check
from refimpl.checking.process import (
    FAILURES_IN_A_ROW,
    FAILURES_IN_ALL,
    Died,
    Garbage,
    Program,
    ProgramFailed,
    Refused,
    Silent,
)
from refimpl.checking.report import EXIT_CRASHED

# Not answering


HEX = 'answer["outputs"][0]["hex"]'
FAULTS = {
    "dies": ("sys.exit(3)", Died, "ended with exit status 3 instead of answering"),
    "dies silently": ("os._exit(0)", Died, r"\(request 1, sorting.swap\) ended with exit status 0"),
    "aborts": ("os.kill(os.getpid(), signal.SIGKILL)", Died, r"died of signal 9 \(SIGKILL\)"),
    "raises": ("raise KeyError('gamma')", Died, "exit status 1 .*on standard error: .*KeyError: 'gamma'"),
    "half an answer": ("sys.stdout.write('{\"id'); sys.exit(1)", Died, "in the middle of an answer .*'{\"id'"),
    "closes its output": ("os.close(1); time.sleep(60)", Died, "closed its standard output and ran on"),
    "no JSON": ("print('nan nan')", Garbage, "wrote 'nan nan'; expected one JSON object a line"),
    "chatty": ("print('computing', asked['id'])", Garbage, "diagnostics go to standard error"),
    "binary": ("sys.stdout.buffer.write(b'\\xff\\xfe\\n')", Garbage, "expected one JSON object a line"),
    "too deep": ("print('[' * 100000)", Garbage, "expected one JSON object a line"),
    "a list": ("answer = [answer]", Garbage, "expected one JSON object a line"),
    "another id": ("answer['id'] += 1", Garbage, "answered with id 2; expected 1"),
    "no id": ("del answer['id']", Garbage, "answered with id None; expected 1"),
    "twice": ("print(json.dumps(answer))", Garbage, "answered with id 1; expected 2"),
    "truncated array": (f"{HEX} = {HEX}[:-1]", Garbage, "output min has 31 digits in hex; shape .2. of f64 takes 32"),
    "no hexadecimal": (f"{HEX} = 'z' * len({HEX})", Garbage, "output min holds something that is no hexadecimal digit"),
    "one output": ("answer['outputs'].pop()", Garbage, "with 1 outputs; expected a list of 2: min, max"),
    "no outputs": ("del answer['outputs']", Garbage, "with outputs None; expected a list of 2"),
    "two shapes": (
        "answer['outputs'][0]['shape'] = [2, 1]", Garbage, r"outputs of shapes \(2, 1\) and \(2,\); expected one shape"
    ),
    "unknown gradient": (
        "if 'grads' in answer: answer['grads']['alpha'] = answer['grads']['a']", Garbage,
        "gradients for alpha; the arguments are a, b, beta",
    ),
    "gradients in a list": ("answer['grads'] = [1.0]", Garbage, r"grads \[1.0\]; expected an object by argument name"),
    "gradient of numbers": ("answer['grads'] = {'a': [1.0]}", Garbage, r"gradient of a is \[1.0\]; expected an object"),
    "refuses": ("answer = {'id': asked['id'], 'error': 'no memory'}", Refused, "an error: no memory"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_have_their_message_and_end_as_crashed(name: str) -> None:
    fault, kind, message = FAULTS[name]
    with Impl("mine").spawn(logistic(fault)) as impl:
        implementation = impl.get("sorting.swap")
        assert implementation is not None

        def ask_twice() -> None:
            for _ in range(2):
                implementation.run(ARGS).pull(np.ones((2, 2)))

        with pytest.raises(kind, match=message):
            ask_twice()
        began = time.monotonic()
        report = check("sorting.swap", impl, only=ONLY, samples=3)
    assert report.exit_code == EXIT_CRASHED
    assert kind.__name__ in report.text()
    assert time.monotonic() - began < 60.0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("time.sleep(60)", "gave no whole answer within 0.5 s, and was stopped; flush standard output"),
        (
            "sys.stdout.write('{'); sys.stdout.flush(); time.sleep(60)",
            "after it had begun one \\('{'\\), and was stopped",
        ),
        ("while True: print('still here', file=sys.stderr)", "on standard error: .*still here"),
    ],
    ids=["asleep", "half an answer", "only diagnostics"],
)
def test_a_program_that_hangs_is_stopped_soon(fault: str, message: str) -> None:
    with Impl("mine").spawn(logistic(fault), timeout=0.5) as impl:
        began = time.monotonic()
        implementation = impl.get("sorting.swap")
        assert implementation is not None
        with pytest.raises(Silent, match=message):
            implementation.run(ARGS)
        report = check("sorting.swap", impl, only=ONLY)
    assert report.exit_code == EXIT_CRASHED
    assert "Silent" in report.text()
    assert time.monotonic() - began < 30.0


def test_it_is_started_again_and_then_right(start, tmp_path: Path) -> None:
    mark = tmp_path / "died"
    program = start(logistic(f"if not os.path.exists({str(mark)!r}): open({str(mark)!r}, 'w').close(); os._exit(5)"))
    with pytest.raises(Died, match="exit status 5"):
        swap(program).run(ARGS)
    assert swap(program).run(ARGS).y.shape == (2, 2)


@pytest.mark.parametrize(
    ("fault", "most"),
    [("os._exit(1)", FAILURES_IN_A_ROW), ("if asked['id'] % 2: os._exit(1)", FAILURES_IN_ALL)],
    ids=["always", "every second time"],
)
def test_it_is_started_only_so_often(start, tmp_path: Path, fault: str, most: int) -> None:
    count = tmp_path / "count"
    program = start(logistic(fault, started=f"open({str(count)!r}, 'a').write('x')"))
    failures = []
    for _ in range(2 * FAILURES_IN_ALL + 5):
        try:
            swap(program).run(ARGS)
        except ProgramFailed as failure:
            failures.append(str(failure))
    assert len(count.read_text()) == most
    assert f"is not asked again after {most} failures, the last of them: it ended with exit status 1" in failures[-1]


def test_it_cannot_be_started_again(start, tmp_path: Path) -> None:
    program = start(logistic("os._exit(2)"))
    program.command[0] = str(tmp_path / "gone")
    with pytest.raises(Died, match="exit status 2"):
        swap(program).run(ARGS)
    with pytest.raises(Died, match=r"cannot be started again: .*not found"):
        swap(program).run(ARGS)


# Not starting


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit(7)", "at the handshake it ended with exit status 7"),
        ("import nowhere", "on standard error: .*No module named 'nowhere'"),
        ("import time; time.sleep(60)", "at the handshake it gave no whole answer within 1.5 s"),
        ("print('Hello!')", "answers the handshake with 'Hello!'; expected .*diagnostics go to standard error"),
        ("print('[1]')", r"answers the handshake with '\[1\]'"),
        ("print('{}')", "answers the handshake with '{}'"),
        ("print('''" + HELLO.replace("1", "2") + "''')", "speaks protocol 2; this library speaks 1"),
        ("print('''" + HELLO.replace('["sorting.swap"]', '"all"') + "''')", "answers the handshake with .*all"),
        ("print('''" + HELLO.replace('"x"', "null") + "''')", "answers the handshake with .*null"),
        ("print('''" + HELLO.replace("swap", "swop") + "''')", "no operator 'sorting.swop'; did you mean sorting.swap"),
        (
            "print('''" + HELLO.replace('"sorting.swap"', "") + "''')",
            "offers no operator of this library: nothing; known",
        ),
        ("print('''" + HELLO[:-1] + ', "dtypes": ["f16"]}' + "''')", "takes the dtypes .'f16'.; expected some of f64"),
    ],
)
def test_bad_handshakes(program: str, message: str) -> None:
    with pytest.raises(CannotLoad, match=message):
        Impl("mine").spawn(python(program), timeout=0.5)


def test_programs_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text, mode in (
        ("plain", "", 0o644), ("text", "hello\n", 0o755), ("script", "#!/no/such/interpreter\n", 0o755),
    ):  # fmt: skip
        Path(name).write_text(text)
        Path(name).chmod(mode)
    for command, message in (
        (["./nowhere"], "./nowhere: not found; build it first, or give its path"),
        (["plain"], "there is one in this folder: write ./plain"),
        (["./plain"], "is not executable; chmod"),
        (["./text"], "Exec format error; name its interpreter first"),
        (["./script"], "the interpreter that its first line names is not"),
        ([], "no program is named"),
        ("", "no program is named"),
    ):
        with pytest.raises(CannotLoad, match=message):
            Program(command)
    with pytest.raises(CannotLoad, match="the timeout is 0; expected seconds > 0"):
        Program(["true"], 0)
