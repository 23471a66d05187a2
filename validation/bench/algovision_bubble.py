"""The bubble sort of the thesis's listing as a program of the package algovision."""

from __future__ import annotations

from typing import Any

import torch
from algovision import GT, Algorithm, For, If, Input, IsTrue, Let, LetInt, Output, Var, VarInt, While


def bubble(beta: float) -> Any:
    """A module: arrays (batch, n) -> sorted arrays, expected number of swaps."""
    exchange = [
        Let("array", [lambda i: i + 1], "a"), Let("array", ["i"], "b"), Let("swapped", 1.0),
        Let("loss", lambda loss: loss + 1.0),
    ]  # fmt: skip
    return Algorithm(
        Input("array"), Output("array"), Output("loss"),
        Var("a", torch.tensor(0.0)), Var("b", torch.tensor(0.0)), Var("swapped", torch.tensor(1.0)),
        Var("loss", torch.tensor(0.0)), VarInt("n", lambda array: array.shape[1] - 1),
        While(
            IsTrue("swapped"), Let("swapped", 0),
            For(
                "i", "n", Let("a", "array", ["i"]), Let("b", "array", [lambda i: i + 1]),
                If(GT("a", "b"), if_true=exchange),
            ),
            LetInt("n", lambda n: n - 1),
        ),
        beta=beta,
    )  # fmt: skip
