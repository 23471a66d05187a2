"""One implementation, one input, one aspect: what ``checking`` asks of an implementation, asked one thing at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from refimpl.checking.checker import Examination
from refimpl.checking.compare import describe_mismatch
from refimpl.checking.implementation import Answer, Array, Implementation, NotOffered, pack
from refimpl.checking.report import ACROSS, Verdict, settled
from refimpl.checking.trial import SLACK32, verdict_of, weighed
from refimpl.op import AnyOp, Values
from refimpl.suite.inputs import Sizes
from refimpl.suite.outcome import Found


class Ready(NamedTuple):
    """An answer of the right shape, and what it should have been."""

    answer: Answer
    truth: Answer
    want: Array


class Bench(Examination):
    """Runs an implementation, asks, and keeps the tallies of one input."""

    def __init__(
        self, op: AnyOp, subject: Implementation, only: Mapping[str, Any], seed: int, slack: float | None
    ) -> None:
        super().__init__(op, subject, only, 1, True, seed, slack, lambda text: None)
        self.original = subject  # the one that is handed the caller's very arrays

    @property
    def foreign(self) -> bool:
        """The implementation is handed copies in a framework's arrays, or in bits, not the caller's own arrays."""
        return self.original.copies

    def found(self, subjects: Collection[str] | None) -> Found:
        """The gravest verdict about these subjects (None: all), with its first remark."""
        findings = [
            tally.finding(subject, oracle)
            for (subject, oracle), tally in self.tallies.items()
            if subjects is None or subject in subjects
        ]
        names = dict.fromkeys(finding.subject for finding in findings)
        verdicts = {name: settled([f.verdict for f in findings if f.subject == name]) for name in names}
        verdict: Verdict = min(verdicts.values(), key=ACROSS.index, default="vacuous")
        details = (f.detail for f in findings if f.verdict == verdict == verdicts[f.subject] and f.detail)
        return Found(verdict, next(details, ""), tuple(dict.fromkeys(self.disagreements)))

    def say(self, subject: str, ok: bool, detail: str) -> None:
        self.note(subject, "contract").add("right" if ok else "wrong", detail="" if ok else detail)

    def near(self, subject: str, got: Array, want: Array, gauge: Any, ulps: float, answer: Answer, detail: str) -> None:
        """Two results of one implementation agree, within what it is allowed to be off."""
        single = answer.dtype == "float32"
        slack, dtype = (SLACK32, "float32") if single and not self.subject.own else (self.slack, answer.dtype)
        form = dtype if dtype in ("float32", "float16") else "float64"
        found = weighed(got, want, gauge=gauge, ulps=ulps * slack, dtype=form)
        text = "" if found.ok else f"{detail}: {found.off} of {found.compared} entries, {found.max_gauged_ulps:.3g} ulp"
        self.note(subject, "contract").add(verdict_of(found), found.compared, found.max_gauged_ulps, text)

    def ready(self, args: Values) -> Ready | None:
        """The implementation's answer, if it has the right shape and any entries."""
        answer = self.answer(args)
        if answer is None:
            return None
        truth = self.reference.run(args)
        if describe_mismatch(answer.y, truth.y):
            self.note("runs", "contract").add("cannot tell", 0, detail="the value has the wrong shape")
            return None
        if truth.y.size == 0:
            return None
        want = np.asarray(pack(self.op, self.op.oracle(**args)), np.float64) if self.subject.own else truth.y
        return Ready(answer, truth, want)

    def raw(self, args: Values, cotangent: Array, label: str) -> tuple[Answer, dict[str, Array]] | None:
        """The implementation on these very arrays, and its gradients; ``label`` says what is special about them."""
        try:
            answer = self.original.run(args)
            return answer, offered(answer.pull(cotangent))
        except NotOffered:
            self.note("runs", "contract").add("not offered")
        except (Exception, SystemExit) as crash:  # anything may come out of somebody else's code
            self.note("runs", "contract").add("crashed", detail=f"{type(crash).__name__}: {crash} (with {label})"[:600])
        return None

    def cotangent(self, shape: tuple[int, ...], number: int = 1) -> Array:
        return np.random.default_rng([self.seed, number]).standard_normal(shape)


def offered(gradients: Mapping[str, Array | None] | None) -> dict[str, Array]:
    """The gradients that are there."""
    return {name: gradient for name, gradient in (gradients or {}).items() if gradient is not None}


def same_bits(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def sizes_or_one(sizes: Sizes) -> Sizes:
    """Never empty: the derivative probe is left out for named inputs, which have no sizes."""
    return sizes or {"drawn": 1}
