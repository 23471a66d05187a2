"""The checks on one implementation, run one at a time."""

from __future__ import annotations

import contextlib
import difflib
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from refimpl import boundary, catalog
from refimpl.checking.doors import Impl
from refimpl.checking.implementation import reference
from refimpl.checking.report import settled
from refimpl.checking.restriction import Restriction
from refimpl.checking.suspicion import arrays_in, diagnoses
from refimpl.checking.trial import size_of
from refimpl.op import AnyOp, Values
from refimpl.suite.aspects import Check, checks_of
from refimpl.suite.bench import Bench
from refimpl.suite.inputs import Inputs, Sizes
from refimpl.suite.outcome import Found, Outcome, kind_of
from refimpl.suite.subjects import resolved
from refimpl.suite.words import filled, in_bits, one_line, shown

EXAMPLES = 12  # random inputs of each check


class Suite:
    """All checks of an implementation; without one, of the library's own operators.

    Parameters
    ----------
    impl : Impl, mapping or str, optional
        An ``Impl``; a mapping from operator ids to callables; or "module:attr", which names one of these, or one callable
        where ``ops`` names one operator.
    ops : str or sequence of str, optional
        Operators or rooms; default all. What the implementation does not have is not offered.
    only : mapping, optional
        Restricts arguments, as in ``refimpl.check``; operators without such an argument are not concerned.
    framework : str
        What callables speak: "numpy", "torch" or "jax".
    examples, seed : int
        How many inputs each check draws, and from where; the same seed gives the same inputs.
    again : str
        The command that a failing check prints, to be run again.
    """

    def __init__(
        self,
        impl: Impl | Mapping[str, Any] | str | None = None,
        ops: str | Sequence[str] | None = None,
        only: Mapping[str, Any] | None = None,
        *,
        framework: str = "numpy",
        examples: int = EXAMPLES,
        seed: int = 0,
        again: str = "",
    ) -> None:
        names = [ops] if isinstance(ops, str) else ops
        found = catalog.OPERATORS if names is None else [op for name in names for op in catalog.find(name)]
        self.operators: tuple[AnyOp, ...] = tuple(dict.fromkeys(found))
        self.impl = resolved(impl, framework, self.operators)
        self.name = self.impl.name if self.impl is not None else "refimpl"
        self.examples, self.seed, self.again = examples, seed, again
        self.inputs = self._inputs(dict(only or {}))
        self.checks = checks_of(self.operators)

    def _inputs(self, only: dict[str, Any]) -> dict[str, Inputs]:
        """Where the inputs of each operator come from; a restriction that makes no sense is refused here."""
        known = {argument.name for op in self.operators for argument in op.args}
        for name in only.keys() - known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"only has {name!r}; {hint}the arguments are {', '.join(sorted(known))}")
        found = {}
        for op in self.operators:
            mine = {name: value for name, value in only.items() if name in {argument.name for argument in op.args}}
            inputs = found[op.id] = Inputs(op, Restriction(op, mine))
            refused = inputs.refused(reference(op).run) if mine and self.offers(op.id) else ""
            if refused:
                raise ValueError(f"only = {mine} is outside the domain: {refused}")
        return found

    def offers(self, operator: str) -> bool:
        return self.impl is None or operator in self.impl

    def run(self, check: Check, listed: Mapping[str, Any] | None = None) -> Outcome:
        """Run one check. With the input at which it is known to fail, and does, nothing else is tried."""
        started = time.perf_counter()
        if not self.offers(check.op.id):
            outcome = self._outcome(check, "not offered", detail=f"{self.name} has no {check.op.id}")
        else:
            with quiet():
                outcome = self._run(check, listed)
        return replace(outcome, seconds=round(time.perf_counter() - started, 3))

    def _run(self, check: Check, listed: Mapping[str, Any] | None) -> Outcome:
        from refimpl.suite.search import Search

        if check.at is not None:
            found = self.judge(check, check.at, {}, 0)
            detail = found.detail or ("outside of what is supported" if found.verdict == "vacuous" else "")
            verdict = "not offered" if found.verdict == "vacuous" and filled(check.at) else found.verdict
            if not found.failed:
                return self._outcome(check, verdict, detail=detail, examples=1)
            return self._failure(check, found, (None, 0), (None, 0), 1)
        inputs = self.inputs[check.op.id]
        if listed and listed.get("sizes") is not None:
            outcome = self.at(check, listed["sizes"], int(listed.get("seed", 0)))
            if outcome.failed:
                return outcome
        search = Search(inputs, check.applies, lambda sizes, number: self.drawn(check, sizes, number))
        search.run(self.examples, zlib.crc32(check.id.encode()) ^ self.seed)
        if search.failing:
            smallest = search.failing[0]
            search.widen()
            telling = max(search.failing, key=lambda point: self._weight(inputs, point, check))
            found = search.tried[smallest] or Found("vacuous")
            pool = inputs.pool
            return self._failure(
                check, found, (pool[smallest[0]], smallest[1]), (pool[telling[0]], telling[1]), len(search.found)
            )
        verdicts = [found.verdict for found in search.found]
        verdict = settled(verdicts)
        detail = next((found.detail for found in search.found if found.verdict == verdict and found.detail), "")
        if verdict == "right" and "cannot tell" in verdicts:
            detail = f"{verdicts.count('cannot tell')} could not be told"
        detail = detail or ("nothing that is drawn meets its condition" if not search.found else "")
        return self._outcome(check, verdict, detail=detail, examples=len(search.found))

    def at(self, check: Check, sizes: Sizes | None, seed: int) -> Outcome:
        """One check at one input."""
        with quiet():
            found = self.drawn(check, sizes or {}, seed)
            if found.failed:
                return self._failure(check, found, (sizes, seed), (sizes, seed), 1)
        return self._outcome(check, found.verdict, detail=found.detail, examples=1)

    def drawn(self, check: Check, sizes: Sizes, seed: int) -> Found:
        args = self._args(check, sizes, seed)
        return Found("vacuous", "there is no such input") if args is None else self.judge(check, args, sizes, seed)

    def judge(self, check: Check, args: Values, sizes: Sizes, seed: int) -> Found:
        """What one input shows."""
        bench = self._bench(check, seed)
        check.judge(bench, args, sizes)
        return bench.found(check.subjects)

    def _bench(self, check: Check, seed: int) -> Bench:
        op = check.op
        entry = None if self.impl is None else self.impl.get(op)
        return Bench(op, reference(op) if entry is None else entry, self.inputs[op.id].only.only, seed, None)

    def _args(self, check: Check, sizes: Sizes | None, seed: int) -> Values | None:
        if check.at is not None:
            return check.at
        try:
            return self.inputs[check.op.id].draw(sizes or {}, seed, check.applies)
        except (KeyError, IndexError, ValueError, TypeError):  # sizes of another version of the operator
            return None

    def _weight(self, inputs: Inputs, point: tuple[int, int], check: Check) -> tuple[int, int]:
        """How much a failing input tells about the mistake: numbers can be named; beside that, the larger the better."""
        args = self._args(check, inputs.pool[point[0]], point[1]) or {}
        return -arrays_in(args), size_of(args)

    def _failure(
        self, check: Check, found: Found, smallest: tuple[Sizes | None, int], telling: tuple[Sizes | None, int],
        examples: int,
    ) -> Outcome:  # fmt: skip
        sizes, seed = smallest
        args = self._args(check, sizes, seed) or {}
        signature, sentence = self._signature(check, found, telling)
        return self._outcome(
            check, found.verdict, examples=examples, detail=f"{sentence} {found.detail}".strip(), signature=signature,
            sizes=sizes, seed=seed, telling=None if telling[0] is None else {"sizes": telling[0], "seed": telling[1]},
            shown=shown(args), args=in_bits(args), reproduction=self._reproduction(check, sizes, seed),
            disagreement="; ".join(found.disagreements),
        )  # fmt: skip

    def _signature(self, check: Check, found: Found, telling: tuple[Sizes | None, int]) -> tuple[str, str]:
        """The kind of failure, and a sentence where it has a diagnosis."""
        if found.verdict == "crashed":
            return f"crashed, {kind_of(found.detail)}", ""
        name = check.aspect.removeprefix("gradient of ")
        args = self._args(check, *telling)
        if name not in check.op.differentiable or telling[0] is None or args is None:
            return kind_of(found.detail), ""
        bench = self._bench(check, telling[1])
        check.judge(bench, args, telling[0])
        hits = [hit for hit in bench.failing.get(name, []) if hit[1]]
        if not hits or bench.note(name, "contract").verdicts:
            return kind_of(found.detail), ""
        bench.failing = {name: hits}
        diagnosis = diagnoses(bench).get(name)
        return (diagnosis.kind, diagnosis.sentence) if diagnosis else (kind_of(found.detail), "")

    def _reproduction(self, check: Check, sizes: Sizes | None, seed: int) -> str:
        if self.again:
            point = "" if sizes is None else f" --at '{one_line(sizes)} {seed}'"
            return f"{self.again} -k {check.id}{point}"
        only = self.inputs[check.op.id].only.only
        more = (f", sizes={sizes}, seed={seed}" if sizes is not None else "") + (f", only={only}" if only else "")
        return f"from refimpl.suite import replay; print(replay(IMPL, {check.id!r}{more}))"

    def _outcome(self, check: Check, verdict: Any, **more: Any) -> Outcome:
        return Outcome(check.id, check.op.id, check.aspect, verdict, **more)

    def close(self) -> None:
        if self.impl is not None:
            self.impl.close()


def replay(
    impl: Impl | Mapping[str, Any] | str | None, check: str, *, sizes: Sizes | None = None, seed: int = 0,
    only: Mapping[str, Any] | None = None, framework: str = "numpy",
) -> str:  # fmt: skip
    """One check, by its id, at one input (without sizes: at all that it tries). Returns what it found, as text."""
    suite = Suite(impl, check.partition("-")[0], only, framework=framework)
    found = [one for one in suite.checks if one.id == check]
    if not found:
        near = difflib.get_close_matches(check, [one.id for one in suite.checks], n=3)
        raise LookupError(f"no check {check!r}; did you mean {', '.join(near)}?" if near else f"no check {check!r}")
    outcome = suite.run(found[0]) if sizes is None else suite.at(found[0], sizes, seed)
    return outcome.text()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Fresh outputs of our own kernels are NaN, so that unwritten ones show; warnings are the implementation's affair."""
    with warnings.catch_warnings(), boundary.poisoned(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
