"""Inputs as people and programs read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.checking.bits import encode_args
from refimpl.op import Values
from refimpl.suite.inputs import Sizes


def filled(args: Values) -> bool:
    """Is there anything in these arrays?"""
    return all(np.size(value) for value in args.values())


def shown(args: Values) -> str:
    text = ", ".join(f"{name}={' '.join(repr(value).split())}" for name, value in args.items())
    return text if len(text) <= 400 else text[:397] + "..."


def in_bits(args: Values) -> dict[str, Any] | None:
    """The arguments as JSON; None for bad input that has no bits."""
    try:
        return encode_args(args)
    except (TypeError, ValueError):
        return None


def one_line(sizes: Sizes) -> str:
    return ",".join(f"{name}={value}" for name, value in sizes.items())
