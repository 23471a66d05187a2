"""The aspects that take one drawn input as it is: runs, value, gradients, linear, pure, repeatable, float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from refimpl.checking.compare import describe_mismatch
from refimpl.checking.implementation import Answer, Array, Gradients
from refimpl.op import Values
from refimpl.suite.bench import Bench, offered, same_bits, sizes_or_one
from refimpl.suite.inputs import Sizes

LOUD = 2.0**10  # times a cotangent: shows gradients that are clipped; a power of two, so that nothing is rounded


def runs(bench: Bench, args: Values, sizes: Sizes) -> None:
    """It answers, with real numbers of the right shape, and its pullback answers too."""
    answer = bench.answer(args)
    if answer is None:
        return
    mismatch = describe_mismatch(answer.y, bench.reference.run(args).y, name="the value")
    bench.say("runs", not mismatch, mismatch or "")
    if not mismatch:
        bench.pulled(answer, bench.cotangent(answer.y.shape), args)


def value(bench: Bench, args: Values, sizes: Sizes) -> None:
    """The value is that of the reference (for the reference: of the declared oracle)."""
    ready = bench.ready(args)
    if ready is None:
        return
    if ready.answer.dtype == "float32":
        bench.single = True
        bench.trial32(args)
    else:
        bench.value(args, sizes, ready.answer, ready.want)


def gradient(name: str) -> Callable[[Bench, Values, Sizes], None]:
    """The gradient of one argument is that of the reference, and that of finite differences."""

    def judge(bench: Bench, args: Values, sizes: Sizes) -> None:
        ready = bench.ready(args)
        if ready is None:
            return
        answer, truth, want = ready
        if answer.dtype == "float32":
            bench.single = True
            bench.trial32(args)
            return
        bench.value(args, sizes, answer, want)  # oracles can contradict each other only where the value is right

        def pull(g: Array) -> Gradients:
            return {name: truth.pull(g)[name]}

        rng = np.random.default_rng([bench.seed, 1])
        for draw in (rng.standard_normal, lambda shape: rng.choice([-1.0, 0.0, 1.0], shape)):
            bench.gradients(args, sizes_or_one(sizes), answer, Answer(truth.y, pull, truth.dtype), draw(answer.y.shape))

    return judge


def linear(bench: Bench, args: Values, sizes: Sizes) -> None:
    """The pullback is linear: sums go to sums, large cotangents to large gradients, zero to zero."""
    ready = bench.ready(args)
    if ready is None:
        return
    answer = ready.answer
    g, h = bench.cotangent(answer.y.shape, 1), bench.cotangent(answer.y.shape, 2)
    pulls = [bench.pulled(answer, one, args) for one in (g, h, 2.0 * g - 3.0 * h, LOUD * g, 0.0 * g)]
    if any(pull is None for pull in pulls):
        return
    first, second, mixed, loud, nothing = map(offered, pulls)
    for name, one in first.items():
        size = float(np.abs(one).max(initial=0.0))
        other = float(np.abs(second[name]).max(initial=0.0))
        text = f"the pullback is not linear in the cotangent (gradient of {name})"
        bench.near(
            "linear", mixed[name], 2.0 * one - 3.0 * second[name], 2.0 * size + 3.0 * other, 64.0, answer,
            f"{text}, at 2 g - 3 h",
        )  # fmt: skip
        bench.near("linear", loud[name], LOUD * one, LOUD * size, 64.0, answer, f"{text}, at {LOUD:g} g")
        bench.say("linear", not nothing[name].any(), f"a zero cotangent gives a gradient of {name}")


def pure(bench: Bench, args: Values, sizes: Sizes) -> None:
    """Neither arguments nor cotangent nor the value already returned are written into."""
    answer = bench.answer(args)
    if answer is None:
        return
    given, y = bench.given, np.array(answer.y)
    unwritten(bench, args, given, "the forward pass")
    if bench.pulled(answer, bench.cotangent(y.shape), args) is None:  # tells of the cotangent
        return
    unwritten(bench, args, given, "the backward pass")
    bench.say("pure", same_bits(y, answer.y), "the pullback writes into the value already returned")


def unwritten(bench: Bench, args: Values, given: Values, what: str) -> None:
    for name, before in args.items():
        if isinstance(before, np.ndarray):
            bench.say("pure", same_bits(before, given[name]), f"{what} writes into its argument {name}")


def repeatable(bench: Bench, args: Values, sizes: Sizes) -> None:
    """Equal calls give equal bits, also when a pullback is called again, and when another input came in between."""
    ready = bench.ready(args)
    if ready is None:
        return
    first, g = ready.answer, bench.cotangent(ready.answer.y.shape)
    once = bench.pulled(first, g, args)
    again = bench.pulled(first, g, args)
    second = bench.answer(args)
    other = bench.op.sample(np.random.default_rng([bench.seed, 7]), sizes)
    between = bench.answer({**args, **{name: other[name] for name in args if isinstance(args[name], np.ndarray)}})
    late = bench.pulled(first, g, args)
    fresh = bench.pulled(second, g, args) if second else None
    if second is None or once is None or again is None or late is None or fresh is None:
        return
    bench.say("repeatable", same_bits(second.y, first.y), "an equal call gives another value")
    for name, gradient in offered(once).items():
        for what, other_pull in (
            ("pulling back again", again),
            ("pulling back after another input came in between" if between else "pulling back later", late),
            ("an equal call", fresh),
        ):
            got = other_pull.get(name)
            ok = got is not None and same_bits(gradient, got)
            bench.say("repeatable", ok, f"{what} gives another gradient of {name}")


def float32(bench: Bench, args: Values, sizes: Sizes) -> None:
    """float32 in gives float32 out, near the exact answer."""
    bench.trial32(args)
