"""Heat: how much each token surprised, as a level for its background and a height for its bar."""

from __future__ import annotations

from typing import Literal

from engine.generation.step import Step
from tui.style.palette import HEAT_LEVELS

HeatMode = Literal["surprisal", "entropy", "probability", "verbatim", "off"]
HEAT_MODES: tuple[HeatMode, ...] = ("surprisal", "entropy", "probability", "verbatim", "off")

MOST_BITS = 14.0
"""Surprisal or entropy at which the scale ends; 14 bits are odds of 1 in 16,384."""

BARS = " ▁▂▃▄▅▆▇█"


def heat_value(step: Step, mode: HeatMode) -> float | None:
    """A step's place on the scale of a mode, 0 to 1; None where it is not known (yet) or heat is off."""
    if mode == "surprisal":
        return None if step.surprisal is None else min(1.0, step.surprisal / MOST_BITS)
    if mode == "entropy":
        return None if step.entropy is None else min(1.0, step.entropy / MOST_BITS)
    if mode == "probability":
        return step.p_raw
    return None


def heat_level(value: float | None) -> int:
    """The index of the background of a value; -1 for none."""
    return -1 if value is None else min(HEAT_LEVELS - 1, int(value * HEAT_LEVELS))


def heat_bar(value: float | None) -> str:
    """One character whose height is the value."""
    return " " if value is None else BARS[max(1, round(value * (len(BARS) - 1)))]


def heat_legend(mode: HeatMode) -> str:
    """What the scale of a mode means, for a title."""
    return {
        "surprisal": f"surprisal 0–{MOST_BITS:.0f} bits", "entropy": f"entropy 0–{MOST_BITS:.0f} bits",
        "probability": "probability 0–100 %", "verbatim": "verbatim", "off": "heat off",
    }[mode]  # fmt: skip
