"""What sorting.soft_median declares: domain, definition, laws, named inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.law import Law, Runner, Sides, changed, symmetry
from refimpl.op import Arg, Array, Case, Values, log_uniform
from refimpl.sorting.bubble_permutation_declarations import (
    CORNER,
    HARD,
    STEEPNESS,
    a_factor,
    a_shift,
    rounds_by_definition,
)

DEPARTS = "n rounds of sorting (P-26); selection and removal instead of 1 and 1, and constant first weights (P-30)"
SELECTION, REMOVAL = (0.3, 8.0), (0.3, 60.0)
SHARP = 1e5  # selection at which values further apart than CORNER do not share


def sizes(rng: np.random.Generator) -> dict[str, int]:
    """Which kind is drawn here; -1 stands for the default number of rounds."""
    n = int(rng.integers(1, 9))
    fast = int(rng.integers(2))
    rounds = int(rng.integers(-3, n // 2 + 2 if fast else n + 3))
    return {"n": n, "batch": int(rng.integers(0, 4)), "fast": fast, "rounds": rounds}


def _sample_x(rng: np.random.Generator, size: Any) -> Array:
    return rng.normal(0.0, 2.0, (size["batch"], size["n"]) if size["batch"] else (size["n"],))


def _sample_kind(rng: np.random.Generator, size: Any) -> str:
    return "fast" if size["fast"] else "exact"


def _sample_rounds(rng: np.random.Generator, size: Any) -> int | None:
    return None if size["rounds"] < 0 else int(size["rounds"])


def _sampler(fast: bool, low: float, high: float) -> Any:
    def sample(rng: np.random.Generator, size: Any) -> Any:
        if bool(size["fast"]) != fast:
            return None
        if size["batch"] > 1 and rng.random() < 0.5:
            return np.array([log_uniform(rng, low, high) for _ in range(size["batch"])])
        return log_uniform(rng, low, high)

    return sample


ARGS = (
    Arg(name="x", shape="... n", domain="finite, n >= 1", sample=_sample_x),
    Arg(name="kind", shape="", domain="exact, fast", differentiable=False, sample=_sample_kind),
    Arg(name="steepness", shape="...", domain="> 0, exact only", optional=True, sample=_sampler(False, *STEEPNESS)),
    Arg(name="rounds", shape="", domain="whole, >= 0", differentiable=False, optional=True, sample=_sample_rounds),
    Arg(name="selection", shape="...", domain="> 0, fast only", optional=True, sample=_sampler(True, *SELECTION)),
    Arg(name="removal", shape="...", domain="> 0, fast only", optional=True, sample=_sampler(True, *REMOVAL)),
)


# The definition


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max())
    return np.asarray(e / e.sum())


def _trimmed(x: Array, b1: float, b2: float, rounds: int) -> float:
    """The recursion of the print, with its two factors."""
    logw = np.full(x.size, -math.log(x.size))
    for _ in range(rounds):
        logw = logw - b2 * (_softmax(-b1 * x + logw) + _softmax(b1 * x + logw))
        top = logw.max()
        logw = logw - (top + math.log(float(np.exp(logw - top).sum())))
    return float(np.exp(logw) @ x)


def median_by_definition(
    x: Any, *, kind: str = "exact", steepness: Any = None, rounds: int | None = None, selection: Any = None,
    removal: Any = None,
) -> Array:  # fmt: skip
    """One row of the batch at a time."""
    x = np.asarray(x, np.float64)
    batch, n = x.shape[:-1], x.shape[-1]
    y = np.zeros(batch)
    s, b1, b2 = (
        np.broadcast_to(1.0 if p is None else np.asarray(p, float), batch) for p in (steepness, selection, removal)
    )
    for row in np.ndindex(batch):
        if kind == "fast":
            y[row] = _trimmed(x[row], float(b1[row]), float(b2[row]), (n - 1) // 2 if rounds is None else rounds)
        else:
            b, _ = rounds_by_definition(x[row], x[row][:, None], float(s[row]), n if rounds is None else rounds)
            y[row] = (b[(n - 1) // 2] + b[n // 2]) / 2.0
    return y


# Laws


def _fast(args: Values) -> bool:
    return bool(args.get("kind") == "fast")


def _largest(args: Values) -> float:
    return float(np.abs(args["x"]).max(initial=0.0))


def _distinct(args: Values) -> bool:
    """No two values nearly equal, and rounds that sort or trim to the middle."""
    x = np.sort(np.asarray(args["x"]), axis=-1)
    return args.get("rounds") is None and float(np.diff(x, axis=-1).min(initial=1.0)) > CORNER


def _hull(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    y, x = run.value(args), np.asarray(args["x"])
    return Sides(y, np.clip(y, x.min(-1), x.max(-1)), _largest(args))


def _pull_keeps_sums(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    g = rng.standard_normal(np.shape(args["x"])[:-1])
    gx = run.pull(args, g)["x"]
    return Sides(gx.sum(-1), g, float(np.abs(gx).sum()))


def _hard(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    x = np.asarray(args["x"], np.float64)
    if _fast(args):
        moved = changed(args, selection=SHARP, removal=2.0 * SHARP * (1.0 + float(np.ptp(x)) if x.size else 1.0))
    else:
        moved = changed(args, steepness=HARD)
    return Sides(run.value(moved), np.median(x, axis=-1), _largest(args))


def _scaled(args: Values, k: float) -> Values:
    name = "selection" if _fast(args) else "steepness"
    return changed(args, **{"x": k * np.asarray(args["x"]), name: np.asarray(args[name]) / k})


def _scaled_back(grads: dict[str, Array], k: float) -> dict[str, Array]:
    found = {**grads, "x": k * grads["x"]}
    for name in ("steepness", "selection"):
        if found.get(name) is not None:
            found[name] = grads[name] / k
    return found


def _rolled(x: Array) -> Array:
    return np.roll(np.asarray(x), 1, axis=-1)


def _rolled_back(x: Array) -> Array:
    return np.roll(np.asarray(x), -1, axis=-1)


def _against_median(run: Runner, args: Values, rng: np.random.Generator) -> Sides:
    return Sides(run.value(args), np.median(np.asarray(args["x"]), axis=-1), 1.0)


OUTLIER = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
PRINTED: Values = {"x": OUTLIER, "kind": "fast", "selection": 1.0, "removal": 1.0}

LAWS = (
    Law(name="range", statement="min x <= y <= max x", forward=_hull),
    Law(
        name="hard limit",
        statement="the median, if sharp and no two values are equal",
        forward=_hard,
        applies=_distinct,
    ),
    Law(name="shift twin", statement="the gradient of x sums to the cotangent", backward=_pull_keeps_sums),
    symmetry(
        "shift",
        "y(x + c) = y(x) + c",
        draw=a_shift,
        move=lambda args, c: changed(args, x=np.asarray(args["x"]) + c),
        image=lambda y, c: y + c,
        pull_move=lambda grads, c: grads,
        pull_image=lambda g, c: g,
    ),
    symmetry(
        "scale",
        "y(k x; steepness / k) = k y(x; steepness), k > 0, and so with selection / k and the same removal",
        draw=a_factor,
        move=_scaled,
        image=lambda y, k: k * y,
        pull_move=_scaled_back,
        pull_image=lambda g, k: k * g,
    ),
    symmetry(
        "reflection",
        "y(-x) = -y(x), of the fast median",
        draw=lambda args, rng: None,
        move=lambda args, _: changed(args, x=-np.asarray(args["x"])),
        image=lambda y, _: -y,
        pull_move=lambda grads, _: {**grads, "x": -grads["x"]},
        pull_image=lambda g, _: -g,
        applies=_fast,
    ),
    symmetry(
        "permutation",
        "the fast median does not depend on the order of x",
        draw=lambda args, rng: None,
        move=lambda args, _: changed(args, x=_rolled(args["x"])),
        image=lambda y, _: y,
        pull_move=lambda grads, _: {**grads, "x": _rolled_back(grads["x"])},
        pull_image=lambda g, _: g,
        applies=_fast,
    ),
    Law(
        name="permutation of the exact median",
        statement="the exact median does not depend on the order of x (false)",
        false=True,
        forward=lambda run, args, rng: Sides(run.value(args), run.value(changed(args, x=_rolled(args["x"]))), 1.0),
        counterexample={"x": np.array([3.0, 1.0, 2.0, 7.0, 2.5]), "kind": "exact", "steepness": 1.0},
    ),
    Law(
        name="rounds of the print",
        statement="more rounds of the printed recursion reach the median (false: erratum P-30)",
        false=True,
        forward=_against_median,
        counterexample={**PRINTED, "rounds": 100},
    ),
    Law(
        name="removal beyond selection",
        statement="it is enough that removal exceeds selection (false: it must exceed selection times the range)",
        false=True,
        forward=_against_median,
        counterexample={**PRINTED, "selection": 10.0, "removal": 50.0},
    ),
    Law(
        name="scale of the print",
        statement="the fast median of k x is k times that of x, with the same selection (false: erratum P-30)",
        false=True,
        forward=lambda run, args, rng: Sides(
            run.value(changed(args, x=np.asarray(args["x"]) / 4.0)), run.value(args) / 4.0, 1.0
        ),
        counterexample=PRINTED,
    ),
)


# Named inputs

SHEET = "equation sheet, algonet.softmedian"
A3, A4 = np.array([3.0, 1.0, 2.0]), np.array([3.0, 1.0, 2.0, 0.5])
TIED = np.array([1.0, 0.0, 1.0, 0.0, 4.0])
X8 = 2.0 * np.cos(np.arange(8.0) ** 2)
FAST: Values = {"kind": "fast", "selection": 10.0, "removal": 2000.0}
# fmt: off
CASES = (
    Case(name="sheet, the middle of three", args={"x": A3, "steepness": 2.0}, tags=("basic",),
         expect=np.array(2.011349704671), source=SHEET),
    *(Case(name=f"sheet, print, {rounds} rounds", args={**PRINTED, "rounds": rounds}, tags=("basic",),
           expect=np.array(y), source=SHEET)
      for rounds, y in ((0, 21.2), (1, 11.862407972779), (2, 6.698040868477), (5, 2.642875781643))),
    Case(name="between the middle two", args={"x": A4, "steepness": 2.0}, tags=("basic",)),
    Case(name="sharp", args={"x": OUTLIER, **FAST}, tags=("saturated",), expect=np.array(2.0), source="the median"),
    Case(name="one value", args={"x": A3[:1], **FAST}, tags=("size_one",)),
    Case(name="one value, exact", args={"x": A3[:1], "steepness": 1.0}, tags=("size_one",)),
    Case(name="one value, removed", args={"x": A3[:1], **FAST, "rounds": 3}, tags=("size_one",)),
    Case(name="two values", args={"x": A3[:2], **FAST}, tags=("basic",), expect=np.array(2.0), source="the mean"),
    Case(name="two values, exact", args={"x": A3[:2], "steepness": 1.0}, tags=("basic",)),
    Case(name="ties", args={"x": TIED, "kind": "fast", "selection": 2.0, "removal": 9.0}, tags=("ties",)),
    Case(name="ties, exact", args={"x": TIED, "steepness": 3.0}, tags=("ties",)),
    Case(name="empty batch", args={"x": np.zeros((0, 3)), **FAST}, tags=("empty",)),
    Case(name="empty batch, exact", args={"x": np.zeros((0, 3)), "steepness": 1.0}, tags=("empty",)),
    Case(name="a row of parameters", tags=("batch",),
         args={"x": np.stack([X8, -X8 / 2.0]), "kind": "fast", "selection": np.array([1.5, 3.0]),
               "removal": np.array([8.0, 20.0])}),
    Case(name="two batch axes, exact", tags=("batch", "broadcast"),
         args={"x": np.arange(12.0).reshape(2, 2, 3) % 5.0, "steepness": np.array([[1.0], [4.0]])}),
    Case(name="65 values, exact", args={"x": 3.0 * np.sin(np.arange(65.0) ** 2), "steepness": 5.0}, tags=("odd_size",)),
    Case(name="NaN in one row", args={"x": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), **FAST}, tags=("nan",)),
    Case(name="complex x", args={"x": A3 * 1j, **FAST}, error=(TypeError, "complex128")),
    Case(name="no values", args={"x": np.zeros((2, 0)), **FAST}, error=(ValueError, "nothing to sort")),
    Case(name="infinite x", args={"x": np.array([1.0, np.inf]), **FAST}, error=(ValueError, "infinite at index")),
    Case(name="unknown kind", args={"x": A3, "kind": "exakt"}, error=(ValueError, "did you mean 'exact'")),
    Case(name="no steepness", args={"x": A3}, error=(TypeError, "'steepness' is missing")),
    Case(name="no removal", args={"x": A3, "kind": "fast", "selection": 1.0}, error=(TypeError, "'removal' is missing")),
    Case(name="steepness of the exact kind", args={"x": A3, **FAST, "steepness": 1.0},
         error=(TypeError, "kind='exact' only")),
    Case(name="removal of the fast kind", args={"x": A3, "steepness": 1.0, "removal": 1.0},
         error=(TypeError, "kind='fast' only")),
    Case(name="selection 0", args={"x": A3, **FAST, "selection": 0.0}, error=(ValueError, "finite values > 0")),
    Case(name="steepness negative", args={"x": A3, "steepness": -1.0}, error=(ValueError, "finite values > 0")),
    Case(name="rounds negative", args={"x": A3, **FAST, "rounds": -1}, error=(ValueError, "a whole number >= 0")),
)
# fmt: on
