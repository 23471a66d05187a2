"""The first k rows of NeuralSort: the distributions of the k largest scores over the inputs.

    B_j = sum_l |s_j - s_l|,    P[i, :] = softmax_j(((n + 1 - 2i) s_j - B_j) / tau),    i = 1..k,  row 1 = maximum

Rows of NeuralSort do not depend on one another, so only k of them are made. Equation, kernels and derivation are those of
``sorting.neural_sort``: this file checks k and declares the operator on its two passes.
"""

from __future__ import annotations

from typing import Any

from refimpl.boundary import Array, Gate
from refimpl.op import Op, Out
from refimpl.sorting.neural_problem import Gradients, Residuals
from refimpl.sorting.neural_sort import rows, rows_backward
from refimpl.sorting.neural_sort_declarations import SOURCES, TOL, margin
from refimpl.topk import neural_topk_declarations as declare
from refimpl.topk.counts import wanted

gate = Gate("topk.neural_topk")


def value(s: Array, *, k: int, tau: Any) -> Array:
    """The k largest scores by NeuralSort: row m is the distribution of the m-th largest over the inputs.

        P[i, :] = softmax_j(((n + 1 - 2i) s_j - sum_l |s_j - s_l|) / tau),  i = 1..k

    Parameters
    ----------
    s : (..., n) float64 or float32
        Scores; any batch axes, n >= 1. A NaN spreads to all rows; infinities are refused.
    k : int
        How many rows, 1 <= k <= n; k = n gives ``sorting.neural_sort``.
    tau : float > 0, or an array that broadcasts against the batch axes
        Temperature; smaller is harder.

    Returns
    -------
    p : (..., k, n), dtype of ``s``
        Entries in [0, 1]; rows sum to 1. Columns may sum to more than 1: a score may take several places. ``p @ s`` are the
        k largest scores, softly, in descending order.

    Residuals
    ---------
    Those of ``sorting.neural_sort``, with one number for each of the k rows.

    Raises
    ------
    TypeError
        Complex, object, masked or float16 input, a k that is no whole number.
    ValueError
        n = 0, k outside 1..n, infinite s, tau <= 0, a tau whose shape does not broadcast.

    VJP
    ---
    That of ``sorting.neural_sort`` with sums over i = 1..k.

    Not smooth
    ----------
    As ``sorting.neural_sort``: at ties sign(0) = 0.

    Numerics
    --------
    As ``sorting.neural_sort``. Bits may differ from those of its first k rows, whose sums begin further down. Time
    O(n log n + k n), memory O(k n) for P, O(n) for residuals.

    Source
    ------
    Grover, Wang, Zweig, Ermon, ICLR 2019; Petersen, thesis, section 4.2 (equation sheet, topk.from_P).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import topk
    >>> topk.neural_topk(np.array([9.0, 1.0, 5.0, 2.0]), k=2, tau=1.0).round(3)
    array([[0.982, 0.   , 0.018, 0.   ],
           [0.017, 0.002, 0.934, 0.047]])
    """
    return forward(s, k=k, tau=tau)[0]


def forward(s: Array, *, k: int, tau: Any) -> tuple[Array, Residuals]:
    """The rows, and what the backward pass needs."""
    s = gate.array("s", s, rank=1)
    return rows(gate, s, wanted(gate, k, s.shape[-1]), tau)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the rows."""
    return rows_backward(gate, residuals, gp)


neural_topk = Op(
    id="topk.neural_topk",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.topk.neural_topk",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... k n"),),
    backward_is="derivative",
    margin=margin,
    oracle=declare.rows_by_definition,
    sources=SOURCES,
    tol=TOL,
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
