"""The relaxed permutation matrix of a parallel bubble sort (SoftSort of the AlgoNet paper).

Odd-even transposition: round j = 0, 1, ... compares the neighbours (i, i + 1), i = j mod 2, j mod 2 + 2, ... With the
probability that a pair is in order already,

    e = sig(s (a_{i+1} - a_i)),    a_i' = e a_i + (1 - e) a_{i+1},    a_{i+1}' = (1 - e) a_i + e a_{i+1},

and the rows of a matrix, which starts as the identity, are mixed by the same e. After all rounds it is P, and P a are
the values, sorted. This is the odd-even network of ``network_permutation`` with the logistic sigmoid and any number of
rounds; the kernels are those of ``network_sort`` and ``network_permutation``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from refimpl.boundary import Array, Gate
from refimpl.op import Op, Out, Source, Tol
from refimpl.sorting import bubble_permutation_declarations as declare
from refimpl.sorting.definition import terms
from refimpl.sorting.network_permutation import backward as pull_matrix
from refimpl.sorting.network_permutation import run_matrix
from refimpl.sorting.network_sort import Residuals
from refimpl.sorting.problem import Problem, values_to_sort
from refimpl.sorting.transposition import asked_for, problem

gate = Gate("sorting.bubble_permutation")


class Gradients(NamedTuple):
    """Cotangents of the differentiable arguments."""

    a: Array
    steepness: Array


def value(a: Array, *, steepness: Any, steps: int | None = None) -> Array:
    """The doubly stochastic matrix P of a relaxed bubble sort: ``P @ a`` are the sorted values, ascending.

        M = I;  per pair (i, i + 1) of a round:  M_i, M_{i+1} = e M_i + (1 - e) M_{i+1}, (1 - e) M_i + e M_{i+1};  P = M

    Parameters
    ----------
    a : (..., n) float64 or float32
        Values to sort; any batch axes, n >= 1. NaN spreads to the entries that depend on it; infinities are refused.
    steepness : float > 0, or an array that broadcasts against the batch axes
        s, an inverse temperature; larger is harder.
    steps : int >= 0, optional
        Rounds; default n, which sort in the limit of a large steepness. 0 gives the identity, more than n mix further.

    Returns
    -------
    p : (..., n, n), dtype of ``a``
        Entries in [0, 1]; rows and columns sum to 1. Row r is the distribution of rank r over the inputs (rank 0 =
        minimum).

    Residuals
    ---------
    Those of ``network_sort``, O(C) numbers for C comparators: rows of M are made again in the backward pass.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input.
    ValueError
        n = 0, infinite a, steepness <= 0, steps that are no whole number >= 0 or have more than 2^31 pairs.

    VJP
    ---
    Pairs last to first, with the cotangent G of M and d = a_{i+1} - a_i: q = <G_i - G_{i+1}, M_i - M_{i+1}> plus the
    share of the values, which is (g_{i+1} - g_i) d; then gd = s e (1 - e) q goes to a_{i+1} and, negated, to a_i, and
    gsteepness = sum gd d / s. Derivation (1) to (5) in ``network_sort``, (2) and (6) in ``network_permutation``.

    Not smooth
    ----------
    Nowhere: analytic for every finite steepness. At a tie e = 1/2, and both values become their mean.

    Numerics
    --------
    1 - e is a tail of its own, so small entries keep their relative accuracy. Time O(C n) with C = steps (n - 1) / 2,
    memory O(n^2) for P and O(C) for residuals; going back, a workspace of up to 128 C numbers per thread.
    Gradients of cotangents near 1e308 may overflow to infinity or NaN.

    Source
    ------
    Petersen and others, AlgoNet, section 4.1, (6) and (7), as a row vector b = a M with M = P transposed. Departs: n
    rounds by default, since n - 1 do not sort n >= 3 values (erratum P-26; for n = 2 the second round has no pair).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import sorting
    >>> sorting.bubble_permutation(np.array([3.0, 1.0, 2.0]), steepness=1e6).round(3)
    array([[0., 1., 0.],
           [0., 0., 1.],
           [1., 0., 0.]])
    """
    return forward(a, steepness=steepness, steps=steps)[0]


def forward(a: Array, *, steepness: Any, steps: int | None = None) -> tuple[Array, Residuals]:
    """The matrix, and what the backward pass needs."""
    return run_matrix(setup(gate, a, steepness, steps))


def setup(gate: Gate, a: Any, steepness: Any, steps: Any) -> Problem:
    """Check the arguments."""
    a = values_to_sort(gate, "a", a)
    network = asked_for(gate, "steps", steps, a.shape[-1])
    return problem(gate, "a", a, a.shape[:-1], steepness, network, a.dtype)


# Derivation: the pairs are comparators, e is alpha and 1 - e is abar, so it is that of the network operators.


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of a and steepness from that of the matrix."""
    gp = gate.cotangent(gp, (*residuals.shapes[0], residuals.network.wires))
    pulled = pull_matrix(residuals, gp)
    return Gradients(a=pulled.x, steepness=pulled.beta)


bubble_permutation = Op(
    id="sorting.bubble_permutation",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.sorting.bubble_permutation",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... n n"),),
    backward_is="derivative",
    terms=terms(backward),
    oracle=declare.matrix_by_definition,
    sources=(
        Source(
            where="Petersen and others, AlgoNet, section 4.1, (6) and (7)",
            what="definition",
            departs="n rounds by default, not n - 1 for even n (P-26); P is the transpose of the printed M",
        ),
    ),
    tol=Tol(
        value=64.0, gradient=256.0, why="each round rounds two convex combinations, the gradient is a sum of C n terms"
    ),
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
