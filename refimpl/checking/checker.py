"""Is this implementation of an operator right? Three oracles that share nothing, and what follows from them.

``reference``           the library's own operator (for itself: the declared oracle, slow and obvious)
``finite differences``  of the implementation's own forward pass, with an error bound
``law``                 identities that hold exactly, each with its backward twin

Cotangents are random, signed and dense. Before an argument is called wrong by finite differences, two more step sizes
must say so. Oracles that contradict each other are a bug of this library and are reported as that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from refimpl import boundary
from refimpl.checking.compare import Comparison
from refimpl.checking.doors import Impl, one_operator
from refimpl.checking.evidence import Diagnosis
from refimpl.checking.frameworks import FRAMEWORKS
from refimpl.checking.implementation import (
    Implementation,
    NotOffered,
    Running,
    nothing,
    pack,
    reference,
)
from refimpl.checking.report import Report
from refimpl.checking.restriction import Restriction
from refimpl.checking.suspicion import diagnoses
from refimpl.checking.trial import Trials, is_float_array, size_of, verdict_of, weighed
from refimpl.law import Identity
from refimpl.op import AnyOp, Values

LAWFUL = 24  # random samples on which laws are tried
LARGEST32 = float(np.finfo(np.float32).max)
LAW_SLACK = 64.0  # laws compare two evaluations at inputs that were themselves rounded


def check(
    op: str | AnyOp,
    implementation: Callable[..., Any] | Implementation | Impl | None = None,
    *,
    framework: str = "numpy",
    only: Mapping[str, Any] | None = None,
    samples: int = 48,
    cases: bool = True,
    seed: int = 0,
    slack: float | None = None,
    name: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check an implementation of an operator; without one, the library's own.

    Parameters
    ----------
    op : str or operator
        "sorting.network_sort", or the operator itself.
    implementation : callable or Impl, optional
        An ``Impl`` is asked for this operator. A callable takes the operator's arguments. With framework "numpy" it
        returns ``(y, pullback)``; the pullback takes the cotangent of y and returns the gradients, by name, in declared
        order, or the first one alone. With "torch" or "jax" it takes and returns the framework's arrays, and the
        framework derives the VJP. Raise ``NotOffered`` for arguments it does not support.
    only : mapping, optional
        Restricts arguments, e.g. ``{"cdf": ("cauchy", "logistic"), "network": "odd_even", "beta": 2.0}``: names and
        flags select, a number replaces what was drawn.
    samples, seed : int
        How many random inputs are drawn, and from where.
    cases : bool
        Also try the operator's named inputs: larger, and stranger than the random ones.
    slack : float, optional
        Allowed error as a multiple of this library's own tolerance; default 1024 (about 1e-11 relative in float64).

    Returns
    -------
    Report
        ``.verdict``, ``.by_argument``, ``.diagnoses``, ``.text()``, ``.json()``, ``.raise_if_wrong()``.

    Examples
    --------
    >>> import numpy as np, refimpl
    >>> def logistic(x, *, family, scale=1.0, shape=None, shift=0.0, reversed=False, squared=False):
    ...     y = 1 / (1 + np.exp(-x / scale))
    ...     return y, lambda g: {"x": g * y * (1 - y)}      # forgot to divide by the scale
    >>> only = {"family": "logistic", "reversed": False, "squared": False, "shift": 0.0}
    >>> report = refimpl.check("distributions.cdf", logistic, only=only)
    >>> report.verdict, report.by_argument["value"], report.by_argument["x"], report.by_argument["scale"]
    ('wrong', 'right', 'wrong', 'not offered')
    """
    operator = one_operator(op)
    if implementation is None:
        subject = reference(operator)
    elif isinstance(implementation, Implementation):
        subject = implementation
    elif isinstance(implementation, Impl):
        subject = implementation.get(operator) or nothing(operator, implementation.name)
    else:
        if framework not in FRAMEWORKS:
            raise ValueError(f"check: framework is {framework!r}; expected one of {', '.join(FRAMEWORKS)}")
        if not callable(implementation):
            raise TypeError(f"check: the implementation is a {type(implementation).__name__}; expected a callable")
        subject = FRAMEWORKS[framework](operator, implementation, name)
    if samples < 1:
        raise ValueError(f"check: samples is {samples}; expected at least 1")
    return Examination(
        operator, subject, only or {}, samples, cases, seed, slack, progress or (lambda text: None)
    ).run()


class Examination(Trials):
    """One run: random samples with their laws, named cases, and a diagnosis of what was wrong."""

    def __init__(
        self, op: AnyOp, subject: Implementation, only: Mapping[str, Any], samples: int, named: bool, seed: int,
        slack: float | None, progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        super().__init__(op, subject, seed, slack)
        self.only, self.samples, self.named, self.progress = Restriction(op, only), samples, named, progress

    def run(self) -> Report:
        with boundary.poisoned(), np.errstate(all="ignore"):  # unwritten outputs of our own kernels show as NaN
            for number, (args, sizes) in enumerate(self.drawn()):
                self.progress(f"{self.op.id}: sample {number + 1} of {self.samples}")
                answered = self.trial(args, sizes)
                if answered and number < LAWFUL:
                    self.laws(args)
                self.trial32(args)
            if self.named:
                self.progress(f"{self.op.id}: named cases")
                self.cases()
            if self.subject.own:
                self.contract_of_our_own()
            self.progress(f"{self.op.id}: diagnosis")
            diagnosed = diagnoses(self)
        return report_of(self, diagnosed, tuple(self.not_checked()))

    def drawn(self) -> Iterator[tuple[Values, dict[str, int]]]:
        """Random arguments from the declared domain, as far as ``only`` goes."""
        rng = np.random.default_rng(self.seed)
        for _ in range(self.samples):
            for _ in range(4000):
                sizes = self.op.sizes(rng)
                args = {**self.op.sample(rng, sizes), **self.only.numbers}
                if self.only.admits(args):
                    break
            else:
                text = f"nothing {self.op.id} draws has {self.only.only}"
                raise ValueError(f"check: {text}; 'refimpl show {self.op.id}' prints the domains")
            try:
                self.reference.run(args)
            except (TypeError, ValueError) as refused:
                raise ValueError(f"check: only = {self.only.only} is outside the domain: {refused}") from refused
            yield args, sizes

    def laws(self, args: Values) -> None:
        running = Running(self.subject, self.only.admits)
        for law in self.op.laws:
            if law.false or self.single or not law.applies(args):
                continue
            for side, identity in (("forward", law.forward), ("backward", law.backward)):
                if identity is None:
                    continue
                try:
                    found = self.sides_agree(identity, running, args)
                except NotOffered:  # the law needs a gradient, or arguments, that are not offered
                    self.note("laws", "law").add("not offered", 0)
                    continue
                except (Exception, SystemExit) as crash:
                    if not self.law_refutes_reference(f"{law.name} ({side})", identity, args):
                        self.crashed(crash, args)
                    continue
                if not found.ok and self.law_refutes_reference(f"{law.name} ({side})", identity, args):
                    continue
                text = f"{law.name} ({side}): {law.statement}; off by {found.max_gauged_ulps:.3g} ulp"
                self.note("laws", "law").add(
                    verdict_of(found), found.compared, found.max_gauged_ulps, "" if found.ok else text
                )

    def sides_agree(self, identity: Identity, running: Running, args: Values) -> Comparison:
        """Both sides of a law at one input."""
        left, right, gauge = identity(running, args, np.random.default_rng([self.seed, 4]))
        return weighed(left, right, gauge=gauge, ulps=self.op.tol.gradient * self.slack * LAW_SLACK)

    def law_refutes_reference(self, name: str, identity: Identity, args: Values) -> bool:
        """Whether our own operator fails the identity too: then one of these two is wrong, and not the implementation."""
        if self.subject.own:
            return False
        try:
            ok = self.sides_agree(identity, Running(self.reference, self.only.admits), args).ok
        except NotOffered:  # it led out of what ``only`` admits
            return False
        except (Exception, SystemExit):
            ok = False
        if not ok:
            self.disagreements.append(f"law {name} refutes the reference")
        return not ok

    def cases(self) -> None:
        """The named inputs, larger and stranger than the random ones."""
        for case in self.op.cases:
            if case.error is None and self.only.admits({**case.args, **self.only.numbers}):
                args = self.only.complete(case.args)
                if self.single and not fits_float32(args):
                    self.note("runs", "contract").add("not offered", 0)
                else:
                    self.trial(args, {})

    def contract_of_our_own(self) -> None:
        """Expected values, refusals, and false laws that are shown to be false."""
        note = self.note("cases", "case")
        for case in self.op.cases:
            if case.error is not None:
                self.refusal(case.name, case.args, case.error)
            elif case.expect is not None:
                got, want = pack(self.op, self.op.value(**case.args)), pack(self.op, case.expect)
                found = weighed(got, want, gauge=float(np.abs(want).max()), ulps=2.0**16)
                note.add(verdict_of(found), found.compared, detail="" if found.ok else case.name)
        for law in self.op.laws:
            identity = law.forward or law.backward
            if law.false and law.counterexample is not None and identity is not None:
                left, right, _ = identity(Running(self.subject), law.counterexample, np.random.default_rng(0))
                shown = bool(np.abs(left - right).max() > 1e-3)
                note.add("right" if shown else "wrong", detail="" if shown else f"{law.name} holds?")

    def refusal(self, name: str, args: Values, error: tuple[type[Exception], str]) -> None:
        kind, text = error
        try:
            self.op.value(**args)
        except kind as refused:
            ok = text in str(refused) and str(refused).startswith(self.op.id)
            self.note("cases", "case").add("right" if ok else "wrong", detail="" if ok else f"{name}: {refused}")
        except Exception as other:
            self.note("cases", "case").add("wrong", detail=f"{name}: {type(other).__name__}: {other}")
        else:
            self.note("cases", "case").add("wrong", detail=f"{name} is accepted")

    def not_checked(self) -> Iterator[str]:
        if not self.subject.own:
            yield "bad input (errors are this library's own contract)"
        if not self.named:
            yield "the named cases"
        for key, value in self.only:
            yield f"{key} other than {value}"
        for argument in self.op.args:
            if argument.differentiable and not any(subject == argument.name for subject, _ in self.tallies):
                yield f"gradient of {argument.name}"


def report_of(trials: Trials, diagnosed: dict[str, Diagnosis], not_checked: tuple[str, ...]) -> Report:
    """Everything found so far, with the smallest input that showed something wrong."""
    findings = tuple(tally.finding(subject, oracle) for (subject, oracle), tally in trials.tallies.items())
    example = min((args for hits in trials.failing.values() for args, _ in hits), key=size_of, default=None)
    op, disagreements = trials.op, tuple(dict.fromkeys(trials.disagreements))
    name, seed = trials.subject.name, trials.seed
    return Report(op.id, name, findings, diagnosed, not_checked, disagreements, example, seed, op.differentiable)


def fits_float32(args: Values) -> bool:
    """Whether all finite numbers stay finite in float32."""
    arrays = [value[np.isfinite(value)] for value in args.values() if is_float_array(value)]
    return all(float(np.abs(array).max(initial=0.0)) <= LARGEST32 for array in arrays)
