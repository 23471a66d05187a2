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

from refimpl import boundary, catalog
from refimpl.checking.implementation import (
    Implementation,
    NotOffered,
    Running,
    from_callable,
    from_torch,
    pack,
    reference,
)
from refimpl.checking.report import Report
from refimpl.checking.suspicion import diagnoses
from refimpl.checking.trial import Trials, size_of, verdict_of, weighed
from refimpl.op import AnyOp, Values

LAWFUL = 24  # random samples on which laws are tried
LAW_SLACK = 64.0  # laws compare two evaluations at inputs that were themselves rounded
FRAMEWORKS = {"numpy": from_callable, "torch": from_torch}


def check(
    op: str | AnyOp,
    implementation: Callable[..., Any] | Implementation | None = None,
    *,
    framework: str = "numpy",
    only: Mapping[str, Any] | None = None,
    samples: int = 48,
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
    implementation : callable, optional
        Takes the operator's arguments. With framework "numpy" it returns ``(y, pullback)``; the pullback takes the
        cotangent of y and returns the gradients, by name, in declared order, or the first one alone. With "torch" it
        takes and returns tensors, and torch derives the VJP. Raise ``NotOffered`` for arguments it does not support.
    only : mapping, optional
        Restricts arguments, e.g. ``{"cdf": ("cauchy", "logistic"), "network": "odd_even"}``.
    samples, seed : int
        How many random inputs are drawn, and from where.
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
    operator = _operator(op)
    if implementation is None:
        subject = reference(operator)
    elif isinstance(implementation, Implementation):
        subject = implementation
    else:
        if framework not in FRAMEWORKS:
            raise ValueError(f"check: framework is {framework!r}; expected one of {', '.join(FRAMEWORKS)}")
        if not callable(implementation):
            raise TypeError(f"check: the implementation is a {type(implementation).__name__}; expected a callable")
        subject = FRAMEWORKS[framework](operator, implementation, name)
    return _Check(operator, subject, dict(only or {}), samples, seed, slack, progress or (lambda text: None)).run()


def _operator(op: str | AnyOp) -> AnyOp:
    if not isinstance(op, str):
        return op
    found = catalog.find(op)
    if len(found) != 1:
        raise LookupError(f"{op!r} names {len(found)} operators: {', '.join(o.id for o in found)}; name one")
    return found[0]


class _Check(Trials):
    """One run: random samples with their laws, named cases, and a diagnosis of what was wrong."""

    def __init__(
        self, op: AnyOp, subject: Implementation, only: Values, samples: int, seed: int, slack: float | None,
        progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        super().__init__(op, subject, seed, slack)
        self.only, self.samples, self.progress = only, samples, progress

    def run(self) -> Report:
        poisoned, boundary.poison = boundary.poison, True  # unwritten outputs of our own kernels show as NaN
        try:
            with np.errstate(all="ignore"):
                for number, (args, sizes) in enumerate(self.drawn()):
                    self.progress(f"{self.op.id}: sample {number + 1} of {self.samples}")
                    self.trial(args, sizes)
                    if number < LAWFUL:
                        self.laws(args)
                    self.trial32(args)
                self.progress(f"{self.op.id}: named cases")
                self.cases()
                self.progress(f"{self.op.id}: diagnosis")
                diagnosed = diagnoses(self)
        finally:
            boundary.poison = poisoned
        findings = tuple(tally.finding(subject, oracle) for (subject, oracle), tally in self.tallies.items())
        example = min((args for hits in self.failing.values() for args, _ in hits), key=size_of, default=None)
        return Report(
            self.op.id, self.subject.name, findings, diagnosed, tuple(self.not_checked()),
            tuple(dict.fromkeys(self.disagreements)), example, self.seed,
        )  # fmt: skip

    def drawn(self) -> Iterator[tuple[Values, dict[str, int]]]:
        """Random arguments from the declared domain, those that ``only`` admits."""
        rng = np.random.default_rng(self.seed)
        for _ in range(self.samples):
            for _ in range(4000):
                sizes = self.op.sizes(rng)
                args = self.op.sample(rng, sizes)
                if self.admits(args):
                    break
            else:
                raise ValueError(f"check: nothing {self.op.id} draws has {self.only}; look at the domains with 'show'")
            yield (
                {**args, **{key: value for key, value in self.only.items() if not isinstance(value, tuple | list)}},
                sizes,
            )

    def admits(self, args: Values) -> bool:
        """Choices must match; a number in ``only`` replaces what was drawn."""
        for key, wanted in self.only.items():
            options = wanted if isinstance(wanted, tuple | list) else (wanted,)
            if isinstance(args.get(key), str | bool) and args[key] not in options:
                return False
        return True

    def laws(self, args: Values) -> None:
        running = Running(self.subject)
        for law in self.op.laws:
            if law.false or not law.applies(args):
                continue
            for side, identity in (("forward", law.forward), ("backward", law.backward)):
                if identity is None:
                    continue
                try:
                    left, right, gauge = identity(running, args, np.random.default_rng([self.seed, 4]))
                except (NotOffered, KeyError):  # a law about a gradient that is not offered says nothing
                    self.note("laws", "law").add("not offered", 0)
                    continue
                except Exception as crash:
                    self.crashed(crash, args)
                    continue
                found = weighed(left, right, gauge=gauge, ulps=self.op.tol.gradient * self.slack * LAW_SLACK)
                text = (
                    "" if found.ok else f"{law.name} ({side}): {law.statement}; off by {found.max_gauged_ulps:.3g} ulp"
                )
                self.note("laws", "law").add(verdict_of(found), found.compared, found.max_gauged_ulps, text)

    def cases(self) -> None:
        for case in self.op.cases:
            if case.error is None:
                if self.admits(case.args) and all(k in case.args or not self.only for k in self.only):
                    self.trial(dict(case.args), {})
                    if case.expect is not None and self.subject.own:
                        got = pack(self.op.value(**case.args))
                        found = weighed(got, case.expect, gauge=float(np.abs(case.expect).max()), ulps=2.0**16)
                        self.note("cases", "case").add(
                            verdict_of(found), found.compared, detail="" if found.ok else case.name
                        )
            elif self.subject.own:
                self.refusal(case.name, case.args, case.error)
        for law in self.op.laws:
            if law.false and self.subject.own and law.counterexample is not None:
                identity = law.forward or law.backward
                assert identity is not None
                left, right, _ = identity(Running(self.subject), law.counterexample, np.random.default_rng(0))
                shown = bool(np.abs(left - right).max() > 1e-3)
                self.note("cases", "case").add(
                    "right" if shown else "wrong", detail="" if shown else f"{law.name} holds?"
                )

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
        for key, value in self.only.items():
            yield f"{key} other than {value}"
        for argument in self.op.args:
            if argument.differentiable and not any(subject == argument.name for subject, _ in self.tallies):
                yield f"gradient of {argument.name}"
