"""Any operator as a differentiable function of JAX arrays, under jit, grad and vmap.

    sort = function(sorting.network_sort)
    jax.jit(jax.grad(lambda x: sort(x, cdf="cauchy", beta=8.0)[0]))(x)      # by our hand-written backward pass

Arrays cross to NumPy on the host and back. The backward pass runs the forward pass again, so a gradient costs two forward
passes and one backward pass: JAX carries residuals from one to the other only if they are arrays. float64 needs
jax.config.update("jax_enable_x64", True), for the whole process: callbacks run on threads that know no local setting.

>>> import jax.numpy as jnp, refimpl.bridges.jax
>>> from refimpl import sorting
>>> refimpl.bridges.jax.function(sorting.network_sort)(jnp.array([3.0, 1.0, 2.0]), cdf="logistic", beta=100.0)
Array([1., 2., 3.], dtype=float32)
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.bridges.shapes import Fixed, Kind, core, outputs
from refimpl.op import AnyOp, Array, Values


def function(op: AnyOp) -> Callable[..., Any]:
    """The operator for JAX arrays: same arguments, of which any numeric ones may be JAX arrays; outputs as JAX arrays.

    Parameters
    ----------
    op : operator
        For example ``refimpl.sorting.network_permutation``.

    Returns
    -------
    callable
        Gradients reach every differentiable argument that is an array. Python numbers, names, flags and lists are
        constants; under jit they are part of the program. NumPy arrays become JAX arrays, as everywhere in JAX.

    Raises
    ------
    ModuleNotFoundError
        JAX is not installed.

    Notes
    -----
    What is wrong whatever the numbers are (names, shapes, dtypes) raises the operator's own error while JAX traces. A
    number outside the domain is seen on the host only: JAX then raises ``JaxRuntimeError``, whose text ends with the
    operator's error. Second derivatives are refused. XLA's threads flush subnormal numbers to zero; all other numbers
    are the operator's own, bit for bit.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from refimpl import distributions
    >>> cdf = function(distributions.cdf)
    >>> slope = jax.grad(lambda x, scale: cdf(x, family="logistic", scale=scale), argnums=(0, 1))
    >>> [float(g) for g in slope(0.0, jnp.array(2.0))]
    [0.125, -0.0]
    """
    try:
        jax: Any = importlib.import_module("jax")
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("refimpl.bridges.jax needs JAX: pip install jax") from missing

    def spec(kind: Kind) -> Any:
        dtype = np.float32 if kind.dtype == np.float64 and not jax.config.jax_enable_x64 else kind.dtype
        return jax.ShapeDtypeStruct(kind.shape, dtype)

    @functools.lru_cache(maxsize=256)
    def bridged(names: tuple[str, ...], kinds: tuple[Kind, ...], fixed: Fixed, x64: bool) -> Any:
        """One function of the arrays called ``names``, and a new one when x64 is switched.

        They are kept: JAX recognises what it has compiled by the callbacks in it.
        """
        host = Host(op, names, kinds, fixed)
        results = tuple(map(spec, host.outputs))
        wanted = tuple(
            name for name in op.differentiable if name in names and kinds[names.index(name)].dtype.kind == "f"
        )
        gradients = tuple(spec(kinds[names.index(name)]) for name in wanted)
        method = "broadcast_all" if host.batched else "sequential"

        def value(*arrays: Any) -> Any:
            return host.value(results, *arrays)

        def pullback(*arrays: Any) -> Any:
            return host.pullback(wanted, *arrays)

        def primal(*arrays: Any) -> Any:
            y = jax.pure_callback(value, results, *arrays, vmap_method=method)
            return tuple(y) if host.several else y[0]

        def pulled(*arrays: Any) -> Any:
            return tuple(jax.pure_callback(pullback, gradients, *arrays, vmap_method=method))

        def refuse(primals: Any, tangents: Any) -> Any:
            raise NotImplementedError(f"{op.id}: has no second derivative; differentiate once, in reverse mode")

        apply, pull = jax.custom_vjp(primal), jax.custom_jvp(pulled)
        pull.defjvp(refuse)

        def forward(*arrays: Any) -> Any:
            return apply(*arrays), arrays

        def backward(arrays: Any, cotangents: Any) -> Any:
            parts = cotangents if host.several else (cotangents,)
            found = dict(zip(wanted, pull(*arrays, *parts), strict=True)) if wanted else {}
            return tuple(found.get(name) for name in names)  # None: no gradient, zero for JAX

        apply.defvjp(forward, backward)
        return apply

    def call(*args: Any, **keywords: Any) -> Any:
        given = op.signature.bind(*args, **keywords).arguments
        for name, value in given.items():
            if isinstance(value, jax.Array) or (isinstance(value, np.ndarray) and name in op.differentiable):
                given[name] = jax.numpy.asarray(value)
            elif isinstance(value, np.random.Generator):
                came = f"argument {name!r} is a random generator, which JAX would run any number of times"
                raise TypeError(f"{op.id}: {came}; draw the numbers and pass them as an array")
        names = tuple(name for name, value in given.items() if isinstance(value, jax.Array))
        if not names:
            raise TypeError(f"{op.id}: no argument is a JAX array; call the operator itself for numbers")
        fixed = Fixed(op, {name: value for name, value in given.items() if name not in names})
        kinds = tuple(Kind(given[name].shape, np.dtype(given[name].dtype)) for name in names)
        x64 = bool(jax.config.jax_enable_x64)
        return bridged(names, kinds, fixed, x64)(*(given[name] for name in names))

    functools.update_wrapper(call, op.value)
    call.__name__ = call.__qualname__ = op.name
    return call


class Host:
    """The operator on the host, where JAX hands over arrays, under vmap with leading axes that it put in front."""

    def __init__(self, op: AnyOp, names: tuple[str, ...], kinds: tuple[Kind, ...], fixed: Fixed) -> None:
        self.op, self.names, self.kinds, self.fixed = op, names, kinds, fixed
        self.outputs = outputs(op, dict(zip(names, kinds, strict=True)), fixed)
        self.several = len(op.outputs) > 1
        declared = {argument.name: argument for argument in op.args}
        spread = {name: argument for name, argument in declared.items() if argument.shape.startswith("...")}
        ranks = {name: len(kind.shape) for name, kind in zip(names, kinds, strict=True)}
        ranks.update({name: np.ndim(value) for name, value in fixed.values.items() if name in spread})
        batch = {name: rank - len(core(spread[name])) for name, rank in ranks.items() if name in spread}
        most = max(batch.values(), default=0)
        self.missing = {name: most - axes for name, axes in batch.items()}
        # Leading axes are batch axes of the operator itself where all arrays are declared to have them. Elsewhere JAX
        # calls once for each entry, which is always right.
        self.batched = all(name in spread for name in names) and all(o.shape.startswith("...") for o in op.outputs)

    def arrays(self, given: tuple[Any, ...]) -> tuple[tuple[int, ...], Values]:
        """The axes that vmap put in front, and the arguments, whose own batch axes are then counted from the right."""
        arrays = [np.asarray(array) for array in given]
        front = arrays[0].shape[: arrays[0].ndim - len(self.kinds[0].shape)]
        found = {}
        for name, kind, array in zip(self.names, self.kinds, arrays, strict=False):
            if array.dtype != kind.dtype:  # a callback on a thread that does not have the caller's settings
                came = f"argument {name!r} was traced as {kind.dtype} and arrives as {array.dtype}"
                raise RuntimeError(f"{self.op.id}: {came}; set jax_enable_x64 for the whole process")
            ones = (1,) * (self.missing[name] if front else 0)
            found[name] = array.reshape(front + ones + kind.shape)
        return front, found

    def value(self, results: tuple[Any, ...], *given: Any) -> tuple[Array, ...]:
        front, arrays = self.arrays(given)
        y = self.op.value(**self.fixed.values, **arrays)
        parts = y if self.several else (y,)
        for out, part, result in zip(self.op.outputs, parts, results, strict=True):
            if np.shape(part) != front + result.shape:
                came = f"output {out.name!r} has shape {np.shape(part)}, and {front + result.shape} on other numbers"
                raise RuntimeError(f"{self.op.id}: {came}; JAX needs shapes that do not depend on the numbers")
        return tuple(_rounded(part, result.dtype) for part, result in zip(parts, results, strict=True))

    def pullback(self, wanted: tuple[str, ...], *given: Any) -> tuple[Array, ...]:
        front, arrays = self.arrays(given[: len(self.names)])
        cotangents = tuple(np.asarray(g) for g in given[len(self.names) :])
        _, residuals = self.op.forward(**self.fixed.values, **arrays)
        gradients = self.op.backward(residuals, cotangents if self.several else cotangents[0])._asdict()
        kinds = dict(zip(self.names, self.kinds, strict=True))
        found = []
        for name in wanted:
            shape, gradient = front + kinds[name].shape, gradients[name]
            gradient = np.zeros(shape) if gradient is None else np.asarray(gradient).reshape(shape)
            found.append(_rounded(gradient, kinds[name].dtype))
        return tuple(found)


def _rounded(array: Any, dtype: Any) -> Array:
    with np.errstate(over="ignore"):  # a parameter's gradient is float64 and may be beyond float32
        return np.asarray(array).astype(dtype, copy=False)
