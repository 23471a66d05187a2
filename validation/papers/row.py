"""One reproduced number: what the paper prints, what this library gives, how far apart they may be, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """A printed value beside ours. ``ok`` is decided where the row is made, by one of the functions below."""

    source: str
    what: str
    printed: str | float
    ours: str | float
    tolerance: float  # absolute; 0 where words or whole numbers are compared
    reason: str  # why that is the tolerance, or what was measured
    ok: bool


def number(source: str, what: str, printed: float, ours: float, tolerance: float, reason: str) -> Row:
    """A row that holds if the two numbers differ by at most ``tolerance``."""
    return Row(
        source=source, what=what, printed=printed, ours=ours, tolerance=tolerance, reason=reason,
        ok=abs(ours - printed) <= tolerance,
    )  # fmt: skip


def at_most(source: str, what: str, bound: float, ours: float, slack: float, reason: str) -> Row:
    """A row that holds if ours is no larger than the printed bound."""
    return Row(
        source=source, what=what, printed=f"<= {text(bound)}", ours=ours, tolerance=slack, reason=reason,
        ok=ours <= bound + slack,
    )  # fmt: skip


def at_least(source: str, what: str, bound: float, ours: float, slack: float, reason: str) -> Row:
    """A row that holds if ours is no smaller than the printed bound."""
    return Row(
        source=source, what=what, printed=f">= {text(bound)}", ours=ours, tolerance=slack, reason=reason,
        ok=ours >= bound - slack,
    )  # fmt: skip


def word(source: str, what: str, printed: str, ours: str, reason: str) -> Row:
    """A row that holds if both say the same."""
    return Row(source=source, what=what, printed=printed, ours=ours, tolerance=0.0, reason=reason, ok=printed == ours)


def rounded(decimals: int) -> float:
    """Half a unit of the last printed digit, and a hair for a value that lies on the edge."""
    return 0.5000001 * 10.0**-decimals


def text(value: str | float) -> str:
    """Seven significant digits to compare with any print; one for rounding errors, which differ between machines."""
    if isinstance(value, str):
        return value
    return f"{value:.7g}" if value == 0.0 or abs(value) > 1e-9 else f"{value:.0e}"
