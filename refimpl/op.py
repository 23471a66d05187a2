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
from typing import Any, Generic, Literal, NamedTuple, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
Y = TypeVar("Y")  # outputs: an array, or a named tuple of arrays
R = TypeVar("R", bound=tuple[Any, ...])  # residuals: a named tuple of plain arrays
G = TypeVar("G", bound=tuple[Any, ...])  # gradients: a named tuple, one field per differentiable argument

Array = NDArray[Any]
Values = dict[str, Any]  # argument name -> value
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


class Runner:
    """What a law sees of an implementation: values and pullbacks at any arguments."""

    def value(self, args: Values) -> Array:
        raise NotImplementedError

    def pull(self, args: Values, cotangent: Array) -> dict[str, Array]:
        raise NotImplementedError


class Sides(NamedTuple):
    """Both sides of an identity, and the size of the terms that cancel in it (rounding is judged against that)."""

    left: Array
    right: Array
    gauge: float | Array


Identity = Callable[[Runner, Values, np.random.Generator], Sides]


@dataclass(frozen=True, kw_only=True)
class Law:
    """An exact statement about an operator. ``false`` laws are tempting and wrong; they carry a counterexample."""

    name: str
    statement: str
    forward: Identity | None = None
    backward: Identity | None = None
    applies: Callable[[Values], bool] = lambda args: True
    false: bool = False
    counterexample: Values | None = None

    def __post_init__(self) -> None:
        assert self.forward or self.backward, self.name
        assert self.false == (self.counterexample is not None), f"{self.name}: a false law has a counterexample"


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
    from refimpl.catalog import find

    return find(identifier)[0]


def changed(args: Values, **new: Any) -> Values:
    """The same arguments with some of them replaced."""
    return {**args, **new}


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def symmetry(
    name: str,
    statement: str,
    *,
    draw: Callable[[Values, np.random.Generator], Any],
    move: Callable[[Values, Any], Values],
    image: Callable[[Array, Any], Array],
    pull_move: Callable[[dict[str, Array], Any], dict[str, Array]],
    pull_image: Callable[[Array, Any], Array],
    applies: Callable[[Values], bool] = lambda args: True,
    counterexample: Values | None = None,
    floor: float = 0.0,
) -> Law:
    """The law f(move(x)) = image(f(x)), declared once. Differentiating it gives the backward twin for free:

        move^T vjp(move(x); g) = vjp(x; image^T g),

    with ``pull_move`` and ``pull_image`` the transposed derivatives of the two maps. ``floor`` is the least size of the
    terms that cancel in the image (1 for the image 1 - y).
    """

    def forward(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        a = draw(args, rng)
        left, right = run.value(move(args, a)), image(run.value(args), a)
        return Sides(left, right, max(floor, _largest(left, right)))

    def backward(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
        a = draw(args, rng)
        moved = move(args, a)
        g = rng.standard_normal(np.shape(run.value(moved)))
        left = pull_move(run.pull(moved, g), a)
        right = run.pull(args, pull_image(g, a))
        return stacked(left, right, np.abs(g).max(initial=0.0))

    return Law(
        name=name, statement=statement, forward=forward, backward=backward, applies=applies,
        false=counterexample is not None, counterexample=counterexample,
    )  # fmt: skip


def stacked(left: dict[str, Array], right: dict[str, Array], floor: float) -> Sides:
    """Two sets of gradients as one identity; each argument is judged against its own size, and at least ``floor``."""
    names = [name for name in left if left[name] is not None]
    blocks = [(np.ravel(left[name]), np.ravel(right[name])) for name in names]
    gauges = [np.full(a.shape, max(_largest(a, b), floor)) for a, b in blocks]
    if not blocks:
        return Sides(np.zeros(0), np.zeros(0), 1.0)
    return Sides(np.concatenate([a for a, _ in blocks]), np.concatenate([b for _, b in blocks]), np.concatenate(gauges))


def _largest(left: Array, right: Array) -> float:
    return float(max(np.abs(left).max(initial=0.0), np.abs(right).max(initial=0.0)))
