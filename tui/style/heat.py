"""Heat as drawn: a number as the level of a token's background, and as the height of its bar."""

from __future__ import annotations

from gpt2_remix.tui.style.palette import HEAT_LEVELS

BARS = " ▁▂▃▄▅▆▇█"


def heat_level(value: float | None) -> int:
    """The index of the background of a value; -1 for none."""
    return -1 if value is None else min(HEAT_LEVELS - 1, int(value * HEAT_LEVELS))


def heat_bar(value: float | None) -> str:
    """One character whose height is the value."""
    return " " if value is None else BARS[max(1, round(value * (len(BARS) - 1)))]
