"""Differentiable top-k: which inputs are the k largest, in order.

    x        values              P_k      k x n matrix, row 0 = the largest: P_k x are the k largest, descending
    n        number of values    k        how many of the largest are wanted
    beta     inverse temperature C        comparators that reach one of the last k wires
    Y, G     rows carried back through a network, and their cotangent; columns are wires
    g...     cotangent of ...

``network_topk`` runs a network of relaxed swaps on values, and then carries k rows back through it.
"""

from refimpl.topk.network_topk import network_topk

OPERATORS = (network_topk,)

__all__ = ["OPERATORS", "network_topk"]
