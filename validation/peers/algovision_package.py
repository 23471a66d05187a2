"""The package algovision (PyTorch) as an implementation of the relaxed bubble sort: the program of its own listing.

What is only a convention is turned into ours here, one line each; what is wrong stays as it is:

    beta belongs to an algorithm; a tensor of one per row works although undocumented
    epsilon = 0, so that no branch is skipped and no loop cut short; with its default 1e-5 see WITNESSES
    one batch axis
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from algovision import (
    GT,
    LT,
    Algorithm,
    Eq,
    For,
    If,
    Input,
    IsTrue,
    Let,
    LetInt,
    Output,
    Var,
    VarInt,
    While,
)

from validation.peers import Check, Witness, error_of


def program(beta: Any, epsilon: float = 0.0) -> Any:
    """Bubble sort as its documentation and the thesis write it."""
    return Algorithm(
        Input("array"),
        Output("array"),
        Output("loss"),
        Output("swapped"),
        Var("a", torch.tensor(0.0)),
        Var("b", torch.tensor(0.0)),
        Var("swapped", torch.tensor(1.0)),
        Var("loss", torch.tensor(0.0)),
        VarInt("n", lambda array: array.shape[1] - 1),
        While(
            IsTrue("swapped"),
            Let("swapped", 0),
            For(
                "i",
                "n",
                Let("a", "array", ["i"]),
                Let("b", "array", [lambda i: i + 1]),
                If(
                    GT("a", "b"),
                    if_true=[
                        Let("array", [lambda i: i + 1], "a"),
                        Let("array", ["i"], "b"),
                        Let("swapped", 1.0),
                        Let("loss", lambda loss: loss + 1.0),
                    ],
                ),
            ),
            LetInt("n", lambda n: n - 1),
        ),
        beta=beta,
        epsilon=epsilon,
    )


def bubble_sort(a: Any, *, beta: Any) -> tuple[Any, Any, Any]:
    """Array, expected swaps, swapped."""
    rows = a.reshape(-1, a.shape[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it indexes tensors by lists
        array, swaps, swapped = program(beta.expand(a.shape[:-1]).reshape(-1))(rows)
    return array.reshape(a.shape), swaps.reshape(a.shape[:-1]), swapped.reshape(a.shape[:-1])


# What is expected of the checks

KNOWN = {"runs": ("crashed", "A-08"), "a": ("wrong", "A-09"), "beta": ("wrong", "A-09")}
CHECKS = (Check("sorting.bubble_sort", bubble_sort, "algovision", "torch", {}, KNOWN),)


# Witnesses: the smallest input for each row of BUGS.md


def quiet(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return call()


def step(condition: Any, value: float = 1.0, **options: Any) -> Any:
    """y = value if condition(x, 0), else 0."""
    zeros = (Var("y", torch.tensor(0.0)), Var("zero", torch.tensor(0.0)))
    return Algorithm(Input("x"), *zeros, Output("y"), If(condition, if_true=Let("y", value)), **options)


def count(**options: Any) -> Any:
    """x plus one while x is less than the limit."""
    loop = While(LT("x", "limit"), Let("x", lambda x: x + 1.0))
    limit = options.pop("limit", 3.0)
    return Algorithm(Input("x"), Var("limit", torch.tensor(limit)), Output("x"), loop, **options)


def gradient_of_equality() -> str:
    x = torch.tensor([9.0], requires_grad=True)
    step(Eq("x", "zero"), beta=20.0)(x).backward()
    return str(x.grad.tolist())


def branch(x: list[float]) -> str:
    """1e6 where x > 0: of a batch, one number each."""
    return str([round(value, 2) for value in step(GT("x", "zero"), 1e6, beta=1.0)(torch.tensor(x)).tolist()])


def reused() -> str:
    condition = GT("x", "zero")
    step(condition, beta=1.0)
    return f"{float(step(condition, beta=100.0)(torch.tensor([0.5]))):.4f}"


def written_row() -> str:
    program = Algorithm(Input("M"), Input("r"), Output("M"), Let("M", [0], "r"))
    return str(quiet(lambda: program(torch.zeros(1, 3, 3), torch.tensor([[1.0, 2.0, 3.0]])))[0, 0].tolist())


def warned() -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Algorithm(Input("a"), Var("b", torch.tensor(0.0)), Output("b"), Let("b", "a", [0]))(torch.zeros(1, 2))
    return type(caught[0].message).__name__ if caught else "quiet"


def not_finite() -> str:
    x = torch.tensor([[3e38, -3e38]], requires_grad=True)
    quiet(lambda: program(1.0)(x))[0][0, 0].backward()
    return str(x.grad[0].tolist())


WITNESSES = (
    Witness("A-01", "Eq, float32, beta 20, difference 9: gradient (exact: 0)", gradient_of_equality, "[nan]"),
    Witness("A-02", "If: x = -11.6 alone", lambda: branch([-11.6]), "[0.0]"),
    Witness("A-02", "If: x = -11.6 next to 1", lambda: branch([-11.6, 1.0])[:5], "[9.18"),
    Witness(
        "A-03",
        "While: 0 counted up to 100 with max_iter=5",
        lambda: str(count(limit=100.0, beta=10.0, max_iter=5)(torch.zeros(1)).tolist()),
        "[5.0]",
    ),
    Witness(
        "A-04",
        "While, hard=True: 0 counted up to 3 (exact: 3)",
        lambda: f"{float(count(beta=1.0, hard=True)(torch.zeros(1))):.4f}",
        "2.8044",
    ),
    Witness("A-05", "a condition used in a second algorithm, beta 100 (exact: 1)", reused, "0.6225"),
    Witness("A-06", "Let: row 1, 2, 3 written into a 3 x 3 matrix", written_row, "[1.0, 1.0, 1.0]"),
    Witness("A-07", "PyTorch's warning about indexing by lists", warned, "UserWarning"),
    Witness(
        "A-08",
        "an empty batch",
        lambda: error_of(lambda: quiet(lambda: program(1.0)(torch.zeros(0, 3)))),
        "RuntimeError",
    ),
    Witness(
        "A-08",
        "a NaN",
        lambda: error_of(lambda: quiet(lambda: program(1.0)(torch.tensor([[float("nan"), 1.0]])))),
        "AssertionError",
    ),
    Witness("A-09", "bubble sort of 3e38, -3e38: gradient of the smaller (exact: 0, 1)", not_finite, "[nan, nan]"),
)
