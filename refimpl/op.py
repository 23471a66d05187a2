"""What an operator is: one frozen declaration, from which docs, checks, laws, suite, benches and GPU comparison are made.

An operator file ends with one ``Op(...)``. Calling it runs the forward pass; ``.vjp`` adds the pullback; ``.forward``
and ``.backward`` are the same two halves with the residuals in the open, as a named tuple of plain arrays.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, ParamSpec, TypeVar

import numpy as np

from refimpl.law import Array as Array
from refimpl.law import Law
from refimpl.law import Values as Values

P = ParamSpec("P")
Y = TypeVar("Y")  # outputs: an array, or a named tuple of arrays
R = TypeVar("R", bound=tuple[Any, ...])  # residuals: a named tuple of plain arrays
G = TypeVar("G", bound=tuple[Any, ...])  # gradients: a named tuple, one field per differentiable argument

Sampler = Callable[[np.random.Generator, Mapping[str, int]], Any]
BackwardIs = Literal["derivative", "implicit", "estimator", "surrogate"]


@dataclass(frozen=True, kw_only=True)
class Arg:
    """One argument. ``shape`` is in letters ("... n"); ``sample`` draws from the domain the operator is checked on."""

    name: str
    shape: str
    domain: str
    sample: Sampler | None = None  # None: the argument keeps its default
    differentiable: bool = True
    optional: bool = False  # may be absent (None); its gradient is then None too
    why_not: str = ""  # the declared reason where an argument that looks continuous is not differentiable

    def __post_init__(self) -> None:
        assert not (self.differentiable and self.why_not), self.name


@dataclass(frozen=True, kw_only=True)
class Out:
    """One output: its name and its shape in the letters of the arguments."""

    name: str
    shape: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the operator is defined, what was taken from there, and where this library departs from the print."""

    where: str
    what: str
    departs: str = ""


@dataclass(frozen=True, kw_only=True)
class Tol:
    """How many gauged ulps an implementation may be off, in value and in gradient, and why that is the number."""

    value: float
    gradient: float
    why: str

    def __post_init__(self) -> None:
        assert self.why, "a tolerance has a reason"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A named input. With ``error`` it must be refused: by that exception, with that text in the message."""

    name: str
    args: Values
    error: tuple[type[Exception], str] | None = None
    tags: tuple[str, ...] = ()
    expect: Any = None  # the value, where a closed form or the sheet gives one
    source: str = ""

    def __post_init__(self) -> None:
        assert self.expect is None or self.source, f"{self.name}: say where the expected value comes from"


@dataclass(frozen=True, kw_only=True, eq=False)
class Op(Generic[P, Y, R, G]):
    """A differentiable operator. Call it for the value; see the module docstring for the rest."""

    id: str
    value: Callable[P, Y]
    forward: Callable[P, tuple[Y, R]]
    backward: Callable[[R, Any], G]
    gpu: str | None  # module with the same three functions on CuPy arrays
    no_gpu: str = ""  # the reason, where there is none
    args: tuple[Arg, ...]
    outputs: tuple[Out, ...]
    backward_is: BackwardIs
    oracle: Callable[..., Any]  # slow, obvious, and independent of the kernel
    sources: tuple[Source, ...]
    tol: Tol
    terms: Callable[[R, Any], dict[str, G]] | None = None  # the gradient as a sum of named terms, for diagnoses
    margin: Callable[..., float] | None = None  # distance of an input to the nearest kink; None: smooth
    sizes: Callable[[np.random.Generator], dict[str, int]] = lambda rng: {}
    laws: tuple[Law, ...] = ()
    cases: tuple[Case, ...] = ()

    def __post_init__(self) -> None:
        assert self.sources, f"{self.id} names no source"
        assert bool(self.gpu) != bool(self.no_gpu), f"{self.id}: a GPU twin, or the reason why there is none"
        parameters = [name for name in inspect.signature(self.forward).parameters]
        declared = [argument.name for argument in self.args]
        assert parameters == declared, f"{self.id} declares {declared} and takes {parameters}"
        for function in (self.value, self.forward, self.backward):  # so that Python's own messages name the operator
            function.__qualname__ = self.id if function is self.value else f"{self.id}.{function.__name__}"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Y:
        first = args[0] if args else kwargs.get(self.args[0].name)
        side = self if type(first) is np.ndarray else self._side(first)
        y: Y = side.value(*args, **kwargs)
        return y

    def vjp(self, *args: P.args, **kwargs: P.kwargs) -> tuple[Y, Callable[[Any], G]]:
        """The value, and the pullback ``cotangent of the output -> gradients``. The pullback may be called again."""
        first = args[0] if args else kwargs.get(self.args[0].name)
        side = self if type(first) is np.ndarray else self._side(first)
        y, residuals = side.forward(*args, **kwargs)
        backward = side.backward

        def pullback(cotangent: Any) -> G:
            gradients: G = backward(residuals, cotangent)
            return gradients

        return y, pullback

    @property
    def name(self) -> str:
        return self.id.rpartition(".")[2]

    @property
    def room(self) -> str:
        return self.id.partition(".")[0]

    @property
    def differentiable(self) -> tuple[str, ...]:
        """Names of the differentiable arguments, in the order of the gradients."""
        return tuple(argument.name for argument in self.args if argument.differentiable)

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.value)

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def __signature__(self) -> inspect.Signature:
        return self.signature

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _by_id, (self.id,)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return inspect.getdoc(self.value) or ""

    def __repr__(self) -> str:
        return f"<operator {self.id}{self.signature}>"

    def sample(self, rng: np.random.Generator, sizes: Mapping[str, int] | None = None) -> Values:
        """Arguments drawn from the declared domain, of drawn or of given sizes."""
        sizes = self.sizes(rng) if sizes is None else sizes
        drawn = {argument.name: argument.sample(rng, sizes) for argument in self.args if argument.sample is not None}
        return {name: value for name, value in drawn.items() if value is not None}

    def _side(self, first: Any) -> Any:
        """This operator, or its GPU twin when a CuPy array arrives."""
        if not type(first).__module__.startswith("cupy"):
            return self
        if self.gpu is None:
            raise TypeError(f"{self.id}: got a CuPy array, and there is no GPU twin: {self.no_gpu}")
        return importlib.import_module(self.gpu)


AnyOp = Op[Any, Any, Any, Any]


def _by_id(identifier: str) -> AnyOp:
    room, _, name = identifier.partition(".")
    op: AnyOp = getattr(importlib.import_module(f"refimpl.{room}"), name)
    return op


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
