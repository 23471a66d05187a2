"""One input, all that can be asked of it: value, contract, gradients, float32.

``Trials`` runs an implementation, compares what comes out, and keeps the tallies. ``checker.py`` decides which inputs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refimpl.checking.compare import Comparison, compare, describe_mismatch
from refimpl.checking.derivative import Judgement, judge
from refimpl.checking.implementation import (
    Answer,
    Gradients,
    Implementation,
    NotOffered,
    crash_text,
    pack,
    reference,
    shortened,
)
from refimpl.checking.report import Tally, Verdict, settled
from refimpl.op import AnyOp, Values

Array = NDArray[Any]

SLACK = 1024.0  # times our own tolerance: what another correct float64 implementation may be off (about 1e-11)
SLACK32 = 32.0  # the same in float32, whose sums and sigmoids others evaluate in float32 throughout
WHOLE_JACOBIAN = 600  # outputs up to which |J|^T |g| is formed row by row; beyond, the natural slope has to do
ORACLE_SLACK = 64.0  # the declared oracles use the plain formulas, with their cancellations


class Trials:
    """The implementation under test, and everything found so far."""

    def __init__(self, op: AnyOp, subject: Implementation, seed: int, slack: float | None) -> None:
        self.op, self.seed = op, seed
        self.subject = replace(subject, run=lambda args: subject.run(self.hand_over(args)))
        self.slack = (1.0 if subject.own else SLACK) if slack is None else slack
        self.reference = reference(op)
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.failing: dict[str, list[tuple[Values, dict[str, int]]]] = {}  # subject -> inputs that showed it
        self.disagreements: list[str] = []
        self.single = False  # it answers float64 input in float32
        self.given: Values = {}  # what the implementation was last handed: copies, so that writing into them shows

    def hand_over(self, args: Values) -> Values:
        self.given = {name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in args.items()}
        return self.given

    def note(self, subject: str, oracle: str) -> Tally:
        return self.tallies.setdefault((subject, oracle), Tally())

    def answer(self, args: Values) -> Answer | None:
        """The implementation's answer; None if it does not offer this, or crashed."""
        try:
            return self.subject.run(args)
        except NotOffered:
            self.note("runs", "contract").add("not offered")
        except (Exception, SystemExit) as crash:  # anything may come out of somebody else's code
            self.crashed(crash, args)
        return None

    def crashed(self, crash: BaseException, args: Values) -> None:
        self.note("runs", "contract").add("crashed", detail=crash_text(crash, args))

    def pulled(self, answer: Answer, cotangent: Array, args: Values) -> Gradients | None:
        given = np.array(cotangent)
        try:
            gradients = answer.pull(given)
        except NotOffered:
            self.note("runs", "contract").add("not offered")
            return None
        except (Exception, SystemExit) as crash:
            self.crashed(crash, args)
            return None
        if not _same(given, cotangent):
            self.note("contract", "contract").add("wrong", detail="writes into the cotangent")
        return gradients

    def trial(self, args: Values, sizes: dict[str, int]) -> bool:
        """Judge one input; says whether there was an answer of the right shape."""
        answer, given = self.answer(args), self.given
        if answer is None:
            return False
        truth = self.reference.run(args)
        y = np.asarray(pack(self.op, self.op.oracle(**args)), np.float64) if self.subject.own else truth.y
        self.note("runs", "contract").add("right")
        mismatch = describe_mismatch(answer.y, y, name="the value")
        if mismatch:
            self.note("value", "contract").add("wrong", detail=mismatch)
            self.failing.setdefault("value", []).append((args, sizes))
            return False
        if y.size == 0:
            self.note("value", "reference").add("vacuous")
            return True
        if answer.dtype == "float32":  # judged in float32, on the other path
            self.single = True
            return True
        self.value(args, sizes, answer, y)
        rng = np.random.default_rng([self.seed, 1])
        for draw in (rng.standard_normal, lambda shape: rng.choice([-1.0, 0.0, 1.0], shape)):  # dense; with zeros
            self.gradients(args, sizes, answer, truth, draw(y.shape))
        self.contract(args, answer, truth, rng)
        for name, before in args.items():
            if isinstance(before, np.ndarray) and not _same(before, given[name]):
                self.note("contract", "contract").add("wrong", detail=f"writes into its argument {name}")
        return True

    def value(self, args: Values, sizes: dict[str, int], answer: Answer, y: Array) -> None:
        slack = ORACLE_SLACK if self.subject.own else self.slack
        found = weighed(answer.y, y, gauge=max(_largest(y), self.subject.least), ulps=self.op.tol.value * slack)
        self.note("value", "reference").add(verdict_of(found), found.compared, found.max_gauged_ulps, _where(found))
        if not found.ok:
            self.failing.setdefault("value", []).append((args, sizes))

    def gradients(self, args: Values, sizes: dict[str, int], answer: Answer, truth: Answer, g: Array) -> None:
        claimed = self.pulled(answer, g, args)
        if claimed is None:
            return
        want, gauges = truth.pull(g), self.gauges(truth, args, g)
        for name, true in want.items():
            got = claimed.get(name)
            if true is None:
                continue
            if got is None:
                self.note(name, "reference").add("not offered", 0)
                continue
            mismatch = describe_mismatch(got, true, name=f"the gradient of {name}")
            if mismatch:
                self.note(name, "contract").add("wrong", detail=mismatch)
                self.failing.setdefault(name, []).append((args, sizes))
                continue
            agrees = True
            if not self.subject.own:  # our own gradient is not its own reference
                gauge = np.maximum(gauges[name], self.subject.least)
                found = weighed(got, true, gauge=gauge, ulps=self.op.tol.gradient * self.slack)
                self.note(name, "reference").add(
                    verdict_of(found), found.compared, found.max_gauged_ulps, _where(found)
                )
                agrees = found.ok
                if not agrees:
                    self.failing.setdefault(name, []).append((args, sizes))
            if sizes and self.op.backward_is == "derivative":
                self.probe(args, sizes, name, truth.y, g, got, true, gauges[name], agrees)

    def gauges(self, truth: Answer, args: Values, g: Array) -> dict[str, float]:
        """By argument, the size of what a pullback adds up: the largest entry of |J|^T |g|.

        At least |g| |y| / |argument|, the slope at which y changes by itself when the argument does: where a sigmoid is
        saturated the true gradient is far smaller, and an implementation that forms 1 - alpha loses it to rounding.
        """
        names = [name for name in self.op.differentiable if args.get(name) is not None]
        total = {name: np.zeros(np.shape(args[name])) for name in names}
        for index in np.ndindex(g.shape) if g.size <= WHOLE_JACOBIAN else ():
            basis = np.zeros(g.shape)
            basis[index] = 1.0
            for name, row in truth.pull(basis).items():
                if row is not None:
                    total[name] = total[name] + np.abs(row) * abs(g[index])
        natural = _largest(g) * _largest(truth.y)
        return {
            name: max(_largest(size), natural / max(1.0, _largest(np.asarray(args[name]))))
            for name, size in total.items()
        }

    def probe(
        self, args: Values, sizes: dict[str, int], name: str, y: Array, g: Array, got: Array, true: Array, gauge: float,
        agrees: bool,
    ) -> None:  # fmt: skip
        """The claimed gradient against finite differences of the implementation's own forward pass, in one direction."""
        x = np.asarray(args[name], np.float64)
        rng = np.random.default_rng([self.seed, 2, g.size])
        u = rng.standard_normal(x.shape) * np.maximum(np.abs(x), 0.5)
        kink = self.op.margin(**args) if self.op.margin else np.inf
        noise = float(np.finfo(np.float64).eps * np.abs(y * g).sum())  # of the rounding of each entry
        room = kink / (4.0 * float(np.abs(u).max()) * (1.0 + max(_largest(v) for v in args.values())))

        def judged(gradient: Array, subject: Implementation) -> Judgement:
            def along(at: Any) -> float:
                try:
                    y = subject.run({**args, name: at if np.ndim(at) else float(at)}).y
                    return math.fsum((y * g).ravel().tolist())
                except (Exception, SystemExit):  # beside what it supports: the probe looks nearer by
                    return np.nan

            size, margin = gauge * float(np.abs(u).sum()), room if np.isfinite(room) else None
            return judge(float((gradient * u).sum()), along, x, u, gauge=size, margin=margin, noise=noise)

        judgement = judged(got, self.subject)
        verdict: Verdict = judgement.overall  # type: ignore[assignment]
        self.note(name, "finite differences").add(verdict, detail="" if verdict == "right" else str(judgement.reason))
        if verdict == "wrong":
            self.failing.setdefault(name, []).append((args, sizes))
        values_agree = settled(self.note("value", "reference").verdicts) == "right"
        contradicted = (agrees and verdict == "wrong") or (not agrees and verdict == "right")
        if not self.subject.own and values_agree and contradicted:  # theirs to mend, unless our own gradient fails too
            if judged(true, self.reference).overall == "wrong":
                self.disagreements.append(f"{name}: finite differences refute the reference at {shortened(args)}")

    def contract(self, args: Values, answer: Answer, truth: Answer, rng: np.random.Generator) -> None:
        note = self.note("contract", "contract")
        g, h = rng.standard_normal(answer.y.shape), rng.standard_normal(answer.y.shape)
        pulls = [self.pulled(answer, one, args) for one in (g, h, 2.0 * g - 3.0 * h, np.zeros_like(g), g)]
        again = self.answer(args)
        fresh = self.pulled(again, g, args) if again else None
        if fresh is None or any(pull is None for pull in pulls):
            return
        first, second, mixed, nothing, repeated = ({k: v for k, v in (p or {}).items() if v is not None} for p in pulls)
        gauges = self.gauges(truth, args, 2.0 * np.abs(g) + 3.0 * np.abs(h))  # what is added up may cancel
        for name, gradient in first.items():
            size = max(
                2.0 * _largest(gradient) + 3.0 * _largest(second[name]), gauges.get(name, 0.0), self.subject.least
            )
            sums = weighed(mixed[name], 2.0 * gradient - 3.0 * second[name], gauge=size, ulps=64.0 * self.slack)
            once_more = fresh.get(name)
            for ok, text in (
                (sums.ok, f"the pullback is not linear (gradient of {name})"),
                (not np.nan_to_num(nothing[name]).any(), f"a zero cotangent gives a gradient of {name}"),
                (_same(gradient, repeated[name]), f"pulling back again gives another gradient of {name}"),
                (once_more is not None and _same(gradient, once_more), f"an equal call, another gradient of {name}"),
            ):
                note.add("right" if ok else "wrong", detail="" if ok else text)
        if again is not None:
            same = _same(again.y, answer.y)
            note.add("right" if same else "wrong", detail="" if same else "an equal call gives another value")

    def trial32(self, args: Values) -> None:
        """The float32 answer against the exact one at the float32 inputs."""
        single = {k: v.astype(np.float32) if is_float_array(v) else v for k, v in args.items()}
        answer = self.answer(single) if any(is_float_array(v) for v in args.values()) else None
        if answer is None or answer.y.size == 0:
            return
        truth = self.reference.run({k: v.astype(np.float64) if is_float_array(v) else v for k, v in single.items()})
        if answer.y.shape != truth.y.shape:
            return
        if answer.dtype != "float32":
            verdict: Verdict = "wrong" if self.subject.own else "not offered"
            return self.note("float32", "contract").add(verdict, 0, detail=f"float32 in gives {answer.dtype} out")
        slack = 1.0 if self.subject.own else SLACK32
        rng = np.random.default_rng([self.seed, 3])
        g = rng.standard_normal(truth.y.shape).astype(np.float32).astype(np.float64)
        claimed = self.pulled(answer, g.astype(np.float32), single)
        gauges = self.gauges(truth, args, g)
        amplified = max(gauges[name] * _largest(np.asarray(args[name], np.float64)) for name in gauges) / _largest(g)
        size = max(_largest(truth.y), amplified)  # the input was rounded, or rounds on the way
        pairs = [("value", answer.y, truth.y, size, self.op.tol.value)]
        for name, true in truth.pull(g).items():
            got = (claimed or {}).get(name)
            if true is not None and got is not None and got.shape == true.shape:
                pairs.append((name, got, true, gauges[name], self.op.tol.gradient))
        for name, got, true, gauge, ulps in pairs:
            found = weighed(got, true, dtype="float32", gauge=gauge, ulps=ulps * slack)
            text = "" if found.ok else f"{name}: {_where(found)}"
            note = self.note(name if self.single else "float32", "reference in float32")
            note.add(verdict_of(found), found.compared, found.max_gauged_ulps, text)


def weighed(got: Array, want: Array, *, gauge: Any = None, ulps: float, dtype: str = "float64") -> Comparison:
    """``compare``, for numbers that somebody else made: gauges may be no numbers, shapes may differ."""
    if np.shape(got) != np.shape(want):
        return Comparison(False, np.size(want), np.size(want), np.inf, np.inf, np.inf, None, np.nan, np.nan, False)
    clean = None if gauge is None else np.nan_to_num(np.asarray(gauge, np.float64), nan=0.0, posinf=0.0)
    return compare(got, want, dtype=dtype, gauge=clean, ulps=ulps)


def verdict_of(found: Comparison) -> Verdict:
    return "vacuous" if not found.compared else "right" if found.ok else "wrong"


def _where(found: Comparison) -> str:
    if found.ok or found.worst is None:
        return ""
    worst = f"worst at {found.worst}: got {found.got:.17g}, want {found.want:.17g}"
    return f"{found.off} of {found.compared} entries off; {worst}"


def _same(a: Array, b: Array) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def is_float_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _largest(value: Any) -> float:
    """The largest finite magnitude in an array or a number, 0 in anything else."""
    if not isinstance(value, np.ndarray | float):
        return 0.0
    size = np.abs(np.asarray(value, np.float64))
    return float(np.where(np.isfinite(size), size, 0.0).max(initial=0.0))


def size_of(args: Values) -> int:
    return sum(np.size(value) for value in args.values() if isinstance(value, np.ndarray))
