"""The mutants before other gradient checkers: ``python -m validation.mutants --rivals``.

Every checker judges the same wrong backward passes at the same inputs, on its defaults, as its manual shows it: torch and
JAX get the mutant as a function with a custom VJP, SciPy a scalar ``<g, y>`` and its gradient. Inputs are drawn from the
operator's domain until three show the mistake, so that what a checker misses is its own doing and not the draw's. Kernels
are poisoned for all: memory that was never written is NaN.
"""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl import boundary
from refimpl.checking import check
from refimpl.op import AnyOp, Values
from validation.mutants.build import build
from validation.mutants.mutant import Mutant

INPUTS = 3  # that show the mistake
DRAWS = 400  # to find them in
SEEN = 1e-10  # relative to the largest entry: less is another order of rounding
HABIT = 1e-5  # above which users call the norm that scipy.optimize.check_grad returns too large

Vjp = Callable[..., tuple[Any, Callable[[Any], Any]]]


class Problem(NamedTuple):
    """A backward pass at one input, as every checker gets it."""

    op: AnyOp
    args: Values
    vjp: Vjp

    @property
    def names(self) -> list[str]:
        """The differentiable arguments that are given: all are inputs of the checkers."""
        return [name for name in self.op.differentiable if self.args.get(name) is not None]

    @property
    def point(self) -> list[Any]:
        return [np.asarray(self.args[name], np.float64) for name in self.names]

    def at(self, values: Any) -> tuple[tuple[Any, ...], Callable[[Any], list[Any]]]:
        """Outputs, and ``cotangents -> gradients``, all float64 arrays; numbers without axes go in as floats."""
        arrays = [np.array(value, np.float64) for value in values]
        moved = {name: array if array.ndim else float(array) for name, array in zip(self.names, arrays, strict=True)}
        y, pullback = self.vjp(**{**self.args, **moved})
        several = isinstance(y, tuple)

        def pull(cotangents: Any) -> list[Any]:
            g = tuple(np.array(one, np.float64) for one in cotangents)
            gradients = pullback(g if several else g[0])
            return [np.asarray(getattr(gradients, name), np.float64) for name in self.names]

        return (tuple(map(np.asarray, y)) if several else (np.asarray(y),)), pull


class Refused(Exception):  # noqa: N818
    """A checker says that the gradient is wrong."""


def torch_gradcheck(fast: bool) -> Callable[[Problem], None]:
    """``torch.autograd.gradcheck`` in its slow and in its fast mode."""
    import torch

    def judge(problem: Problem) -> None:
        class Wrapped(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *tensors: Any) -> Any:
                y, ctx.pull = problem.at([tensor.detach().numpy() for tensor in tensors])
                outputs = tuple(torch.tensor(one) for one in y)
                return outputs if len(outputs) > 1 else outputs[0]

            @staticmethod
            def backward(ctx: Any, *cotangents: Any) -> Any:
                return tuple(torch.tensor(one) for one in ctx.pull([g.numpy() for g in cotangents]))

        inputs = tuple(torch.tensor(value, requires_grad=True) for value in problem.point)
        if not torch.autograd.gradcheck(Wrapped.apply, inputs, fast_mode=fast):
            raise Refused

    return judge


def jax_check_grads() -> Callable[[Problem], None]:
    """``jax.test_util.check_grads`` in reverse mode, in float64."""
    import jax
    from jax.test_util import check_grads

    def judge(problem: Problem) -> None:
        @jax.custom_vjp
        def wrapped(*values: Any) -> Any:
            return problem.at(values)[0]

        def backward(values: Any, cotangents: Any) -> Any:
            return tuple(problem.at(values)[1](cotangents))

        wrapped.defvjp(lambda *values: (wrapped(*values), values), backward)
        with jax.enable_x64(True):
            check_grads(wrapped, tuple(map(jax.numpy.asarray, problem.point)), order=1, modes=["rev"])

    return judge


def scipy_check_grad() -> Callable[[Problem], None]:
    """``scipy.optimize.check_grad`` of the scalar ``<g, y>`` with a dense g, refused where its norm exceeds the habit."""
    from scipy.optimize import check_grad

    def judge(problem: Problem) -> None:
        shapes = [value.shape for value in problem.point]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        rng = np.random.default_rng(0)
        cotangents = [rng.standard_normal(one.shape) for one in problem.at(problem.point)[0]]

        def parts(flat: Any) -> list[Any]:
            return [one.reshape(shape) for one, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]

        def scalar(flat: Any) -> float:
            return float(sum((g * y).sum() for g, y in zip(cotangents, problem.at(parts(flat))[0], strict=True)))

        def gradient(flat: Any) -> Any:
            return np.concatenate([np.ravel(one) for one in problem.at(parts(flat))[1](cotangents)])

        if not check_grad(scalar, gradient, np.concatenate([np.ravel(v) for v in problem.point])) < HABIT:
            raise Refused

    return judge


MAKERS: dict[str, Callable[[], Callable[[Problem], None]]] = {
    "torch slow": lambda: torch_gradcheck(fast=False),
    "torch fast": lambda: torch_gradcheck(fast=True),
    "jax rev": jax_check_grads,
    "scipy": scipy_check_grad,
}
DEFAULT, SAME = "refimpl", "refimpl, same inputs"


def rivals() -> tuple[dict[str, Callable[[Problem], None]], list[str]]:
    """The checkers that are installed, and the names of those that are not."""
    found, missing = {}, []
    for name, maker in MAKERS.items():
        try:
            found[name] = maker()
        except ModuleNotFoundError:
            missing.append(name)
    return found, missing


def refuses(judge: Callable[[Problem], None], problem: Problem) -> bool:
    """Whether a checker calls this wrong: it raises, or says so."""
    with boundary.poisoned(), np.errstate(all="ignore"):
        try:
            judge(problem)
        except Exception:  # every framework has exceptions of its own for a failed check
            return True
    return False


def refused_here(op: AnyOp, vjp: Vjp, inputs: list[Values]) -> bool:
    """What ``check`` says when it gets the inputs of its rivals, and no others."""
    number = itertools.count()
    fixed = dataclasses.replace(
        op,
        sizes=lambda rng: {"input": next(number) % len(inputs)},
        args=tuple(
            dataclasses.replace(arg, sample=lambda rng, sizes, name=arg.name: inputs[sizes["input"]].get(name))
            for arg in op.args
        ),
    )
    return check(fixed, vjp, samples=len(inputs), cases=False).exit_code != 0


def revealing(mutant: Mutant, op: AnyOp, vjp: Vjp) -> list[Values]:
    """Inputs at which the mutant's gradient is not ours, or, if there are too few, any."""
    rng = np.random.default_rng(zlib.crc32(f"{mutant.operator} {mutant.name}".encode()))
    drawn = [op.sample(rng) for _ in range(DRAWS)]
    shown = list(itertools.islice((args for args in drawn if differs(op, vjp, args)), INPUTS))
    return (shown + drawn)[:INPUTS]


def differs(op: AnyOp, vjp: Vjp, args: Values) -> bool:
    """Whether a backward pass is visibly another one than ours at this input."""
    rng = np.random.default_rng(0)
    with boundary.poisoned(), np.errstate(all="ignore"):
        y, pull = Problem(op, args, op.vjp).at(Problem(op, args, op.vjp).point)
        g = [rng.standard_normal(one.shape) for one in y]
        ours = pull(g)
        try:
            theirs = Problem(op, args, vjp).at(Problem(op, args, vjp).point)[1](g)
        except Exception:  # a mutant may fail in any way
            return True
    return any(
        a.shape != b.shape or not (np.abs(a - b) <= SEEN * np.abs(a).max(initial=0.0)).all()
        for a, b in zip(ours, theirs, strict=True)
    )


class Bout(NamedTuple):
    """One mutant before all checkers: who refused it, and at which inputs."""

    mutant: Mutant
    refused: dict[str, bool]
    inputs: list[Values]


def fight(mutant: Mutant, checkers: dict[str, Callable[[Problem], None]]) -> Bout:
    """Every checker on one mutant; one refusal at one of the inputs is enough."""
    op, vjp = build(mutant)
    inputs = revealing(mutant, op, vjp)
    refused = {DEFAULT: check(op, vjp, cases=False).exit_code != 0, SAME: refused_here(op, vjp, inputs)}
    for name, judge in checkers.items():
        refused[name] = any(refuses(judge, Problem(op, args, vjp)) for args in inputs)
    return Bout(mutant, refused, inputs)


def false_alarms(op: AnyOp, inputs: list[Values], checkers: dict[str, Callable[[Problem], None]]) -> dict[str, int]:
    """At how many of the inputs each checker refuses our own right backward pass."""
    counts = {SAME: sum(refused_here(op, op.vjp, [args]) for args in inputs)}
    for name, judge in checkers.items():
        counts[name] = sum(refuses(judge, Problem(op, args, op.vjp)) for args in inputs)
    return counts
