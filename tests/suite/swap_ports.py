"""Implementations of sorting.swap by somebody else, right and wrong. A helper, not a test."""

from __future__ import annotations

import os
import time

import numpy as np

ONLY = {"cdf": "logistic"}
_cache: dict[str, object] = {}


def swap(a, b, *, cdf, beta):
    """A right one that refuses what it should, in plain NumPy."""
    if any(isinstance(v, np.ma.MaskedArray) or np.asarray(v).dtype.kind not in "fiub" for v in (a, b)):
        raise TypeError("plain real arrays")
    if np.isinf(a).any() or np.isinf(b).any() or not (np.asarray(beta) > 0).all():
        raise ValueError("finite values, beta > 0")
    single = np.asarray(a).dtype == np.float32
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    alpha = 1.0 / (1.0 + np.exp(-beta * (b - a)))
    out = (lambda v: v.astype(np.float32)) if single else (lambda v: v)

    def pullback(g):
        g = np.asarray(g[0], np.float64), np.asarray(g[1], np.float64)
        q = beta * alpha * (1.0 - alpha) * (g[0] - g[1]) * (a - b)
        gbeta = np.sum((g[0] - g[1]) * (a - b) * alpha * (1.0 - alpha) * (b - a))
        return out(alpha * g[0] + (1.0 - alpha) * g[1] - q), out((1.0 - alpha) * g[0] + alpha * g[1] + q), gbeta

    return (out(alpha * a + (1.0 - alpha) * b), out((1.0 - alpha) * a + alpha * b)), pullback


def changed(change):
    """The right one, with its pullback's answer changed."""

    def implementation(a, b, *, cdf, beta):
        y, pullback = swap(a, b, cdf=cdf, beta=beta)
        return y, lambda g: change(pullback(g), g)

    return implementation


twice = changed(lambda grads, g: tuple(2.0 * part for part in grads))
clipped = changed(lambda grads, g: (np.clip(grads[0], -50.0, 50.0), *grads[1:]))
affine = changed(lambda grads, g: (grads[0] + 1e-3, *grads[1:]))


def writes(a, b, *, cdf, beta):
    answer = swap(a.copy(), b, cdf=cdf, beta=beta)
    if a.flags.writeable:
        a[...] = 0.0
    return answer


def writes_cotangent(a, b, *, cdf, beta):
    y, pullback = swap(a, b, cdf=cdf, beta=beta)

    def overwriting(g):
        answer = pullback(g)
        g[0][...] = 0.0
        return answer

    return y, overwriting


def stale(a, b, *, cdf, beta):
    """What the backward pass needs is kept in one place for all calls."""
    y, _cache["pullback"] = swap(a, b, cdf=cdf, beta=beta)
    return y, lambda g: _cache["pullback"](g)


def noisy(a, b, *, cdf, beta):
    _cache["calls"] = _cache.get("calls", 0) + 1
    (low, high), pullback = swap(a, b, cdf=cdf, beta=beta)
    return (low * (1.0 + 2e-16 * (_cache["calls"] % 2)), high), pullback


def single_inside(a, b, *, cdf, beta):
    (low, high), pullback = swap(a, b, cdf=cdf, beta=beta)
    return (np.asarray(low, np.float32).astype(np.asarray(a).dtype), high), pullback


def careless(a, b, *, cdf, beta):
    """Accepts anything that NumPy makes numbers of."""
    plain = [np.nan_to_num(np.real(np.asarray(v, complex))) for v in (a, b)]
    return swap(*plain, cdf=cdf, beta=np.maximum(beta, 1e-3))


def later_rows(a, b, *, cdf, beta):
    (low, high), pullback = swap(a, b, cdf=cdf, beta=beta)
    if np.ndim(low) > 1:
        low[1:] += 1e-3
    return (low, high), pullback


def contiguous_only(a, b, *, cdf, beta):
    """Reads the memory of its argument, whatever its strides."""
    base = a if a.flags.c_contiguous else np.full(a.shape, a.flat[0])
    return swap(base, b, cdf=cdf, beta=beta)


def writable_only(a, b, *, cdf, beta):
    a[...] = a
    return swap(a, b, cdf=cdf, beta=beta)


def raises(a, b, *, cdf, beta):
    raise ZeroDivisionError("oops")


def shapeless(a, b, *, cdf, beta):
    (low, high), pullback = swap(a, b, cdf=cdf, beta=beta)
    return (low[..., None], high[..., None]), pullback


def dies(a, b, *, cdf, beta):
    if np.size(a) > 3:
        os._exit(3)
    return swap(a, b, cdf=cdf, beta=beta)


def hangs(a, b, *, cdf, beta):
    if np.size(a) > 3:
        time.sleep(60.0)
    return swap(a, b, cdf=cdf, beta=beta)


RIGHT = {"sorting.swap": swap}
TWICE = {"sorting.swap": twice}
DIES = {"sorting.swap": dies}
HANGS = {"sorting.swap": hangs}
NOTHING = {"sorting.network_permutation": raises}
