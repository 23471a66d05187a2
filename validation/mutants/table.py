"""The tables of ``python -m validation.mutants --rivals``: caught, false alarms, and what each checker misses."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path

from refimpl.catalog import OPERATORS
from validation.mutants.corpus import MUTANTS
from validation.mutants.rivals import DEFAULT, INPUTS, SAME, Bout, false_alarms, fight, rivals

RIVALS = Path(__file__).with_name("RIVALS.md")
CALLS = """\
| checker | called as | refuses when |
|---|---|---|
| refimpl | `refimpl.check(op, f, cases=False)`: its own 48 inputs | the exit code is not 0 |
| refimpl, same inputs | `refimpl.check` on the inputs of the rivals, and no others | the exit code is not 0 |
| torch slow | `torch.autograd.gradcheck(f, inputs)` | it raises |
| torch fast | `torch.autograd.gradcheck(f, inputs, fast_mode=True)` | it raises |
| jax rev | `jax.test_util.check_grads(f, inputs, order=1, modes=["rev"])` | it raises |
| scipy | `scipy.optimize.check_grad` of `<g, y>`, g random and dense | the norm exceeds 1e-5 (users' habit) |"""


def compare(operator: str | None, markdown: bool) -> int:
    """Run and print everything; 1 if somebody catches more than ``check``."""
    started = time.monotonic()
    checkers, missing = rivals()
    names = [DEFAULT, SAME, *checkers]
    chosen = [mutant for mutant in MUTANTS if operator in (None, mutant.operator)]
    bouts = []
    for mutant in chosen:
        bouts.append(fight(mutant, checkers))
        passed = [name for name in names if not bouts[-1].refused[name]]
        print(
            f"{mutant.operator}, {mutant.name}: {'missed by ' + ', '.join(passed) if passed else 'all refuse'}",
            flush=True,
        )
    met = [op for op in OPERATORS if any(mutant.operator == op.id for mutant in chosen)]
    inputs = {op.id: [args for b in bouts if b.mutant.operator == op.id for args in b.inputs] for op in met}
    alarms = {op.id: false_alarms(op, inputs[op.id], checkers) for op in met}
    took = time.monotonic() - started
    used = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "jax", "scipy") if _installed(name))
    text = "\n\n".join(
        [
            "# The same mutants before other gradient checkers",
            f"Written by `python -m validation.mutants --rivals --markdown` ({used}; {took:.0f} s). Every checker judges "
            f"the same {len(chosen)} wrong backward passes on its defaults, in float64, at {INPUTS} inputs from the "
            "operator's domain that show the mistake; every number and array that has a gradient is an input. One refusal "
            "is enough.",
            CALLS,
            "## Caught",
            _rows(
                ["operator", *names],
                [[op.id, *_caught(bouts, op.id, names)] for op in met],
                _caught(bouts, None, names),
            ),
            "## False alarms: our own right backward pass, at the same inputs",
            _rows(
                ["operator", "inputs", *names[1:]],
                [[op.id, str(len(inputs[op.id])), *(str(alarms[op.id][name]) for name in names[1:])] for op in met],
                [
                    str(sum(map(len, inputs.values()))),
                    *(str(sum(a[name] for a in alarms.values())) for name in names[1:]),
                ],
            ),
            f"`{DEFAULT}` on its own inputs, through every door: `validation/alarms/ALARMS.md`.",
            "## Missed",
            *(_missed(bouts, name) for name in names),
            "PyTorch itself sums a gradient that was not summed over broadcast axes: there that mutant is no mistake.",
            *([f"Not installed, not run: {', '.join(missing)}."] if missing else []),
        ]
    )
    print("\n" + text)
    if markdown:
        RIVALS.write_text(text + "\n", encoding="utf-8")
    caught = {name: sum(bout.refused[name] for bout in bouts) for name in names}
    return 0 if caught[DEFAULT] == max(caught.values()) and not any(a[SAME] for a in alarms.values()) else 1


def _caught(bouts: list[Bout], operator: str | None, names: list[str]) -> list[str]:
    own = [bout for bout in bouts if operator in (None, bout.mutant.operator)]
    return [f"{sum(bout.refused[name] for bout in own)}/{len(own)}" for name in names]


def _missed(bouts: list[Bout], name: str) -> str:
    missed = [f"- {bout.mutant.operator}: {bout.mutant.name}" for bout in bouts if not bout.refused[name]]
    return "\n".join([f"**{name}**: {len(missed) or 'nothing'}", *([""] if missed else []), *missed])


def _rows(head: list[str], rows: list[list[str]], total: list[str]) -> str:
    lines = [head, ["---"] * len(head), *rows, ["**all**", *total]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _installed(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True
