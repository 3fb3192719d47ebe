"""Forks: how much of what came later hung on each coin, beyond what chance makes of few rolls."""

from __future__ import annotations

from gpt2_remix.tui.state.forks import MOST_FORK
from gpt2_remix.tui.state.heats.heat import Heat, HeatSource


def values(source: HeatSource) -> list[float | None]:
    """Each step's fork beyond chance, MOST_FORK filling the scale."""
    found = [source.fork(source.first + n) for n in range(len(source.steps))]
    return [None if value is None else min(1.0, value / MOST_FORK) for value in found]


def legend(source: HeatSource) -> str:
    """The scale; how to ask, where nothing is known."""
    known = any(source.fork(source.first + n) is not None for n in range(len(source.steps)))
    return f"forks 0–{MOST_FORK:.0%} beyond chance" if known else "no forks yet: F looks for them"


HEAT = Heat("forks", "how much of what could follow hung on each coin, beyond chance (F asks for it)", values,
            legend, grows=True)
