"""How well predicted scores order their items. Metrics for evaluation: plain functions, no gradient.

    exact_match     EM = share of lists whose n predicted ranks are all right
    element_match   EW = share of single ranks that are right, its mean over lists

Ranks are those of a stable argsort of the scores, ties going to the lower index, in the prediction as in the truth.
EM <= EW; for n = 2 they are equal. Random scores get EM = 1/n! and EW = 1/n. EM5, the comparison across training
sizes, is ``exact_match`` of lists of 5 items, whatever n was trained with: scores belong to items one by one, so hand
in arrays (..., 5). (Petersen, thesis, section 3.5.)

CuPy arrays are refused: a sort and a count per evaluation are not worth kernels of their own; convert with ``.get()``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.boundary import Array, Gate


def exact_match(prediction: Any, truth: Any) -> float:
    """The share of lists whose ranks are all right (EM; of lists of 5 items, EM5).

    Parameters
    ----------
    prediction, truth : (..., n) real or integer, n >= 1, of one shape
        Scores; only their order counts. Infinities are scores like others, NaN is refused.

    Returns
    -------
    float
        Between 0 and ``element_match`` of the same arrays.

    Raises
    ------
    TypeError
        CuPy, complex, object or masked arrays.
    ValueError
        Two shapes, no items, no lists, NaN.

    Notes
    -----
    Ties are broken by index on both sides, so equal predictions match a truth that ascends. O(n log n) per list.

    Examples
    --------
    >>> from refimpl import sorting
    >>> sorting.exact_match([[0.1, 0.7, 0.4], [2.0, 1.0, 3.0]], [[10, 30, 20], [10, 20, 30]])
    0.5
    """
    return float(_right("sorting.exact_match", prediction, truth).all(-1).mean())


def element_match(prediction: Any, truth: Any) -> float:
    """The share of ranks that are right (EW), its mean over all lists.

    Parameters
    ----------
    prediction, truth : (..., n) real or integer, n >= 1, of one shape
        Scores; only their order counts. Infinities are scores like others, NaN is refused.

    Returns
    -------
    float
        Between ``exact_match`` of the same arrays and 1.

    Raises
    ------
    TypeError, ValueError
        As ``exact_match``.

    Examples
    --------
    >>> from refimpl import sorting
    >>> sorting.element_match([[0.1, 0.7, 0.4], [2.0, 1.0, 3.0]], [[10, 30, 20], [10, 20, 30]])
    0.6666666666666666
    """
    return float(_right("sorting.element_match", prediction, truth).mean())


def _right(name: str, prediction: Any, truth: Any) -> Array:
    """Item by item: is its predicted rank its rank?"""
    gate = Gate(name)
    predicted, true = _scores(gate, "prediction", prediction), _scores(gate, "truth", truth)
    if predicted.shape != true.shape:
        gate.refuse("truth", f"has shape {true.shape}", f"the shape of the prediction, {predicted.shape}")
    right: Array = _ranks(predicted) == _ranks(true)
    return right


def _scores(gate: Gate, name: str, scores: Any) -> Array:
    """The checked scores; integers stay integers, whose order float64 may lose."""
    if type(scores).__module__.startswith("cupy"):
        gate.refuse(name, "is a CuPy array", "a NumPy array: metrics run on the host, convert with .get()", TypeError)
    array = gate.array(name, scores, rank=1)
    if array.size == 0:
        what = "lists" if array.shape[-1] else "items"
        gate.refuse(name, f"has shape {array.shape}: no {what}", "at least one list of at least one item")
    if np.isnan(array).any():
        at = tuple(int(i) for i in np.argwhere(np.isnan(array))[0])
        gate.refuse(name, f"is NaN at index {at}", "scores that can be ordered")
    given = np.asarray(scores)
    return given if given.dtype.kind in "iu" else array


def _ranks(scores: Array) -> Array:
    """The rank of each item: the inverse of the stable argsort."""
    order = np.argsort(scores, axis=-1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(order.shape[-1]), order.shape), axis=-1)
    return ranks
