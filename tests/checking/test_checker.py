"""check(): each verdict, each door, each way an implementation can go wrong."""

import json

import numpy as np
import pytest

import refimpl
from refimpl import NotOffered, boundary, sorting
from refimpl.checking import Implementation, check
from refimpl.checking.implementation import Answer
from refimpl.checking.report import EXIT_CRASHED, EXIT_DISAGREE, EXIT_NOTHING, EXIT_RIGHT, EXIT_WRONG, exit_code, table

ONLY = {"cdf": "logistic"}
FEW = 10


def logistic_swap(a, b, *, cdf, beta):
    """A right implementation by somebody else, in plain NumPy."""
    alpha = 1.0 / (1.0 + np.exp(-beta * (b - a)))
    slope = beta * alpha * (1.0 - alpha)

    def pullback(g):
        q = slope * (g[0] - g[1]) * (a - b)
        gbeta = np.sum((g[0] - g[1]) * (a - b) * alpha * (1.0 - alpha) * (b - a))
        return alpha * g[0] + (1.0 - alpha) * g[1] - q, (1.0 - alpha) * g[0] + alpha * g[1] + q, gbeta

    return (alpha * a + (1.0 - alpha) * b, (1.0 - alpha) * a + alpha * b), pullback


def wrapped(change):
    """logistic_swap with its pullback's answer changed."""

    def implementation(a, b, *, cdf, beta):
        y, pullback = logistic_swap(a, b, cdf=cdf, beta=beta)
        return y, lambda g: change(pullback(g), g)

    return implementation


def test_right() -> None:
    report = check("sorting.swap", logistic_swap, only=ONLY, samples=FEW)
    assert report.verdict == "right", report.text()
    assert report.exit_code == EXIT_RIGHT
    assert report.by_argument["beta"] == "right"
    assert any("cdf other than" in text for text in report.not_checked)
    report.raise_if_wrong()


def test_wrong_names_the_argument_and_the_mistake() -> None:
    report = check("sorting.swap", wrapped(lambda grads, g: (grads[0], -grads[1], grads[2])), only=ONLY, samples=FEW)
    assert report.verdict == "wrong"
    assert report.exit_code == EXIT_WRONG
    assert report.by_argument["a"] == "right"
    assert report.by_argument["b"] == "wrong"
    assert report.diagnoses["b"].kind == "constant_factor"
    assert report.example is not None
    with pytest.raises(AssertionError, match="WRONG"):
        report.raise_if_wrong()


def test_wrong_value_comes_before_wrong_gradients() -> None:
    def forward_bug(a, b, *, cdf, beta):
        (low, high), pullback = logistic_swap(a, b, cdf=cdf, beta=beta)
        return (low, high + 1e-6), pullback

    report = check("sorting.swap", forward_bug, only=ONLY, samples=FEW)
    assert report.by_argument["value"] == "wrong"
    assert not report.diagnoses


def test_not_offered_gradients_are_counted_not_failed() -> None:
    report = check("sorting.swap", wrapped(lambda grads, g: {"a": grads[0], "b": grads[1]}), only=ONLY, samples=FEW)
    assert report.by_argument["beta"] == "not offered"
    assert report.verdict == "right"


def test_not_offered_at_all_is_nothing_ran() -> None:
    def nothing(a, b, *, cdf, beta, lam=None):
        raise NotOffered

    report = check("sorting.swap", nothing, samples=FEW)
    assert report.verdict == "not offered"
    assert report.exit_code == EXIT_NOTHING


def test_a_crash_is_a_verdict_with_its_place() -> None:
    def broken(a, b, *, cdf, beta):
        raise ZeroDivisionError("oops")

    report = check("sorting.swap", broken, only=ONLY, samples=FEW)
    assert report.verdict == "crashed"
    assert report.exit_code == EXIT_CRASHED
    assert "ZeroDivisionError: oops (in broken" in report.text()


def test_a_crash_in_the_pullback_is_a_verdict() -> None:
    report = check("sorting.swap", wrapped(lambda grads, g: grads[9]), only=ONLY, samples=FEW)
    assert report.verdict == "crashed"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda y, p: y, "expected the pair"),
        (lambda y, p: (y[0], p), "axis of length 1 too many or too few|leading axes|has shape"),
        (lambda y, p: ((y[0].astype(complex), y[1]), p), "complex"),
    ],
)
def test_answers_of_the_wrong_kind_are_named(answer, says) -> None:
    def implementation(a, b, *, cdf, beta):
        return answer(*logistic_swap(a, b, cdf=cdf, beta=beta))

    report = check("sorting.swap", implementation, only=ONLY, samples=FEW)
    assert report.verdict in ("wrong", "crashed")
    assert __import__("re").search(says, report.text())


def test_a_gradient_that_was_not_summed_over_a_broadcast_argument() -> None:
    def change(grads, g):
        return grads[0], grads[1], np.broadcast_to(grads[2], grads[0].shape)

    report = check("sorting.swap", wrapped(change), only=ONLY, samples=FEW)
    assert report.by_argument["beta"] == "wrong"
    assert "not summed over" in report.text()


def test_writing_into_an_input_is_seen() -> None:
    def writes(a, b, *, cdf, beta):
        answer = logistic_swap(a.copy(), b, cdf=cdf, beta=beta)
        a[...] = 0.0
        return answer

    report = check("sorting.swap", writes, only=ONLY, samples=FEW)
    assert report.by_argument["contract"] == "wrong"
    assert "writes into its argument a" in report.text()


def test_writing_into_the_cotangent_is_seen() -> None:
    def change(grads, g):
        g[0][...] = 0.0
        return grads

    assert "writes into the cotangent" in check("sorting.swap", wrapped(change), only=ONLY, samples=FEW).text()


def test_an_accumulating_buffer_is_seen() -> None:
    kept: dict[int, np.ndarray] = {}

    def change(grads, g):
        buffer = kept.setdefault(grads[0].size, np.zeros(grads[0].size))
        buffer += grads[0].ravel()
        return buffer.reshape(grads[0].shape).copy(), grads[1], grads[2]

    report = check("sorting.swap", wrapped(change), only=ONLY, samples=FEW)
    assert report.verdict == "wrong"
    assert report.by_argument["contract"] == "wrong"


@pytest.mark.parametrize("alter", [np.abs, np.sign, lambda g: np.clip(g, -1.0, 1.0), lambda g: np.maximum(g, 0.0)])
def test_altered_cotangents_are_seen(alter) -> None:
    def implementation(a, b, *, cdf, beta):
        y, pullback = logistic_swap(a, b, cdf=cdf, beta=beta)
        return y, lambda g: pullback((alter(g[0]), alter(g[1])))

    assert check("sorting.swap", implementation, only=ONLY, samples=FEW).verdict == "wrong"


def test_nan_is_wrong_not_ignored() -> None:
    report = check("sorting.swap", wrapped(lambda grads, g: (grads[0] * np.nan, *grads[1:])), only=ONLY, samples=FEW)
    assert report.by_argument["a"] == "wrong"
    assert report.diagnoses["a"].kind == "non_finite"


def test_empty_input_alone_is_vacuous() -> None:
    empty = {"a": np.zeros(0), "b": np.zeros(0), "beta": 1.0}
    op = sorting.swap
    from dataclasses import replace

    from refimpl.op import Case

    hollow = replace(op, sizes=lambda rng: {"n": 0, "cdf": 0}, cases=(Case(name="empty", args=empty),), laws=())
    report = check(hollow, logistic_swap, only=ONLY, samples=2)
    assert report.by_argument["value"] == "vacuous"
    assert report.exit_code != EXIT_WRONG


def test_oracles_that_disagree_have_their_own_exit_code() -> None:
    """A wrong reference: its gradient of a is off, its value is not. Somebody right then contradicts it."""
    from dataclasses import replace

    def wrong_backward(residuals, cotangents):
        grads = sorting.swap.backward(residuals, cotangents)
        return grads._replace(a=1.5 * grads.a)

    liar = replace(sorting.swap, backward=wrong_backward, terms=None)
    report = check(liar, logistic_swap, only=ONLY, samples=FEW)
    assert report.disagreements
    assert report.exit_code == EXIT_DISAGREE


def test_a_small_error_is_wrong_and_no_disagreement() -> None:
    """Finite differences see 1e-9 where the reference's slack is wider: theirs to mend, not ours."""
    report = check(
        "sorting.swap", wrapped(lambda grads, g: (grads[0] * (1 + 1e-9), *grads[1:])), only=ONLY, samples=FEW
    )
    assert report.exit_code == EXIT_WRONG
    assert not report.disagreements


def test_float32_only_is_judged_in_float32() -> None:
    def single(a, b, *, cdf, beta):
        a, b = np.float32(a), np.float32(b)
        alpha = 1 / (1 + np.exp(-np.float32(beta) * (b - a)))
        slope = np.float32(beta) * alpha * (1 - alpha)

        def pullback(g):
            low, high = np.float32(g[0]), np.float32(g[1])
            q = slope * (low - high) * (a - b)
            return alpha * low + (1 - alpha) * high - q, (1 - alpha) * low + alpha * high + q

        return (alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b), pullback

    report = check("sorting.swap", single, only=ONLY, samples=FEW)
    assert report.verdict == "right", report.text()
    assert report.by_argument["a"] == "right"

    def off(a, b, *, cdf, beta):
        y, pullback = single(a, b, cdf=cdf, beta=beta)
        return y, lambda g: (pullback(g)[0] * np.float32(1.01), pullback(g)[1])

    assert check("sorting.swap", off, only=ONLY, samples=FEW).by_argument["a"] == "wrong"


def test_laws_stay_inside_what_is_supported() -> None:
    def gumbel(x, *, family, scale, shift, reversed, squared):
        assert not reversed
        v = x / scale + shift
        f = np.exp(-v - np.exp(-v))
        return np.exp(-np.exp(-v)), lambda g: {"x": g * f / scale, "shift": (g * f).sum()}

    only = {"family": "gumbel_max", "reversed": False, "squared": False, "scale": 1.5}
    report = check("distributions.cdf", gumbel, only=only, samples=FEW)
    assert report.verdict == "right", report.text()


def test_an_implementation_without_any_gradient_is_not_right() -> None:
    report = check("sorting.swap", wrapped(lambda grads, g: None), only=ONLY, samples=FEW)
    assert report.verdict == "not offered"
    assert report.exit_code == EXIT_NOTHING
    with pytest.raises(AssertionError):
        report.raise_if_wrong()


def test_refusing_part_of_the_domain_does_not_abort_the_probe() -> None:
    def up_to_twenty(a, b, *, cdf, beta):
        if beta > 20.0:
            raise NotOffered
        return logistic_swap(a, b, cdf=cdf, beta=beta)

    assert check("sorting.swap", up_to_twenty, only=ONLY).verdict == "right"


def test_leaving_by_sys_exit_is_a_crash() -> None:
    def leaves(a, b, *, cdf, beta):
        raise SystemExit(0)

    assert check("sorting.swap", leaves, only=ONLY, samples=FEW).exit_code == EXIT_CRASHED


def test_mistakes_that_only_show_on_large_inputs_are_seen() -> None:
    def narrow(x, **keywords):
        p, pullback = sorting.network_permutation.vjp(x, **keywords)

        def forgets(g):
            g = np.array(g)
            g[..., 64:] = 0.0
            return pullback(g)

        return p, forgets

    report = check("sorting.network_permutation", narrow, samples=FEW)
    assert report.by_argument["x"] == "wrong"

    def dead(x, **keywords):
        y, pullback = refimpl.distributions.cdf.vjp(x, **keywords)
        return y, lambda g: pullback(np.where(np.abs(x) > 8.0, 0.0, g))

    assert check("distributions.cdf", dead, samples=FEW).verdict == "wrong"


def test_swallowing_nan_is_seen() -> None:
    def swallows(a, b, **keywords):
        y, pullback = sorting.swap.vjp(np.nan_to_num(a), np.nan_to_num(b), **keywords)
        return y, pullback

    assert check("sorting.swap", swallows, samples=FEW).by_argument["value"] == "wrong"


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ({"cfd": "logistic"}, "did you mean 'cdf'"),
        ({"beta": -1.0}, "outside the domain"),
        ({"beta": (1.0, 2.0)}, "one number"),
    ],
)
def test_restrictions_are_checked(only, says) -> None:
    with pytest.raises(ValueError, match=says):
        check("sorting.swap", logistic_swap, only=only, samples=FEW)


def test_a_number_in_only_is_what_the_implementation_gets() -> None:
    seen = set()

    def spy(a, b, *, cdf, beta):
        seen.add(beta)
        return logistic_swap(a, b, cdf=cdf, beta=beta)

    assert check("sorting.swap", spy, only={"cdf": "logistic", "beta": (2.0,)}, samples=4).by_argument["a"] == "right"
    assert {2.0} < seen  # the probe moves beta a little; every input has 2


def test_a_wrong_law_shows_on_the_library_itself() -> None:
    from dataclasses import replace

    from refimpl.law import Law, Sides

    doubled = Law(
        name="doubled",
        statement="y = 2 y",
        forward=lambda run, args, rng: Sides(run.value(args), 2 * run.value(args), 1.0),
    )
    report = check(replace(sorting.swap, laws=(doubled,)), samples=FEW)
    assert report.by_argument["laws"] == "wrong"
    assert "doubled (forward)" in report.text()


def test_unwritten_outputs_show() -> None:
    """The check poisons fresh outputs of our own kernels, and stops when it is done."""
    seen, before = [], boundary.poison

    def spy(args):
        seen.append(bool(np.isnan(boundary.empty(1))[0]))
        y, _ = sorting.swap.vjp(args["a"], args["b"], cdf=args["cdf"], beta=args["beta"])
        return Answer(np.stack(y), lambda g: {"a": None, "b": None, "beta": None}, "float64")

    check("sorting.swap", Implementation("spy", spy), only=ONLY, samples=2)
    assert all(seen)
    assert boundary.poison == before


def test_float32_is_judged_in_float32() -> None:
    def half_digits(a, b, *, cdf, beta):
        y, pullback = logistic_swap(a, b, cdf=cdf, beta=beta)
        if np.asarray(a).dtype == np.float32:
            y = tuple(np.float32(np.float16(part)) for part in y)
        return y, pullback

    report = check("sorting.swap", half_digits, only=ONLY, samples=FEW)
    assert report.by_argument["float32"] == "wrong"
    assert report.by_argument["value"] == "right"


def test_json_has_a_stable_shape_and_the_table_one_line_each() -> None:
    report = check("sorting.swap", logistic_swap, only=ONLY, samples=FEW)
    as_json = json.loads(json.dumps(report.json()))
    assert {"format", "operator", "verdict", "exit_code", "findings", "by_argument", "not_checked"} <= set(as_json)
    assert len(table([report, report]).splitlines()) == 4
    assert exit_code([]) == EXIT_NOTHING


def test_bad_requests_are_answered_in_words() -> None:
    with pytest.raises(LookupError, match="did you mean sorting"):
        check("sorting.swpa", logistic_swap)
    with pytest.raises(LookupError, match=f"names {len(sorting.OPERATORS)} operators"):
        check("sorting", logistic_swap)
    with pytest.raises(TypeError, match="expected a callable"):
        check("sorting.swap", 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of numpy, torch"):
        check("sorting.swap", logistic_swap, framework="tensorflow")
    with pytest.raises(ValueError, match="draws has"):
        check("sorting.swap", logistic_swap, only={"cdf": "heaviside"})


def test_torch_door() -> None:
    torch = pytest.importorskip("torch")

    def torch_swap(a, b, *, cdf, beta):
        alpha = torch.sigmoid(beta * (b - a))
        return alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b

    report = refimpl.check("sorting.swap", torch_swap, framework="torch", only=ONLY, samples=FEW)
    assert report.verdict == "right", report.text()
    assert report.by_argument["beta"] == "right"

    def detached(a, b, *, cdf, beta):
        return torch_swap(a, b, cdf=cdf, beta=float(beta))

    assert (
        refimpl.check("sorting.swap", detached, framework="torch", only=ONLY, samples=FEW).by_argument["beta"]
        == "not offered"
    )
