"""SoftSort cut off at k: the first k rows of the relaxed permutation matrix, and no others.

    P_mj = softmax_j(-|s_[m] - s_j|^power / tau),    m = 1, ..., k

with s_[m] the m-th largest score. Equation, kernels and derivation are those of ``sorting/soft_sort.py``, which are
written for the first k rows of n; this file checks k and declares the operator.
"""

from __future__ import annotations

from typing import Any

from refimpl.boundary import Array, Gate
from refimpl.op import Op, Out
from refimpl.sorting.soft_sort import Gradients, Residuals, rows, rows_backward
from refimpl.topk import soft_topk_declarations as declare
from refimpl.topk.counts import wanted

gate = Gate("topk.soft_topk")


def value(s: Array, *, k: int, tau: Any, power: int = 1) -> Array:
    """Relaxed top-k: row m is a distribution over the scores of being the m-th largest, m = 0 the maximum.

        P_mj = exp(-|s_[m] - s_j|^power / tau) / sum_l exp(-|s_[m] - s_l|^power / tau)

    Parameters
    ----------
    s : (..., n) float64 or float32
        Scores; any batch axes, n >= 1. A NaN makes all of its batch row NaN; infinities are refused.
    k : int
        How many rows, 1 <= k <= n.
    tau : float > 0, or an array that broadcasts against the batch axes
        Temperature; smaller is harder.
    power : 1 or 2
        Of the distance; a choice, not a parameter (see ``sorting.soft_sort``).

    Returns
    -------
    p : (..., k, n), dtype of ``s``
        The first k rows of ``sorting.soft_sort``, bit for bit. Rows sum to 1, columns to anything between 0 and k.

    Residuals
    ---------
    As ``sorting.soft_sort``: scores, the k largest, and k sums; the weights are made again in the backward pass.

    Raises
    ------
    TypeError, ValueError
        As ``sorting.soft_sort``; TypeError for a k that is no whole number, ValueError for one outside 1..n.

    VJP
    ---
    That of ``sorting.soft_sort`` with the sums over the first k rows; derivation there.

    Not smooth
    ----------
    Where one of the first k scores is equal to another, which may lie beyond them. The gradient is the mean over all
    orders of the equal scores: what a rank pulls back is shared by all that could hold it.

    Numerics
    --------
    As ``sorting.soft_sort``. Time O(n k), and O(n log n) for sorting unless k is small; memory O(n) beyond P.

    Source
    ------
    Petersen, thesis, 4.2, with (3.1).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import topk
    >>> topk.soft_topk(np.array([1.0, 3.0, 2.0]), k=1, tau=0.5).round(3)
    array([[0.016, 0.867, 0.117]])
    """
    return forward(s, k=k, tau=tau, power=power)[0]


def forward(s: Array, *, k: int, tau: Any, power: int = 1) -> tuple[Array, Residuals]:
    """The rows, and what the backward pass needs."""
    s = gate.array("s", s, rank=1)
    return rows(gate, s, wanted(gate, k, s.shape[-1]), tau, power)


def backward(residuals: Residuals, gp: Any) -> Gradients:
    """Cotangents of s and tau from that of the rows."""
    return rows_backward(gate, residuals, gp)


soft_topk = Op(
    id="topk.soft_topk",
    value=value,
    forward=forward,
    backward=backward,
    gpu="refimpl.gpu.topk.soft_topk",
    args=declare.ARGS,
    outputs=(Out(name="p", shape="... k n"),),
    backward_is="derivative",
    margin=declare.margin,
    oracle=declare.rows_by_definition,
    sources=declare.SOURCES,
    tol=declare.TOL,
    sizes=declare.sizes,
    laws=declare.LAWS,
    cases=declare.CASES,
)
