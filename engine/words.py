"""Words that numbers need."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: "1 token", "2,000 tokens"; `many` where it is no s that is added."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
