"""Heats: a number for each token of a stream, drawn as its colour and as the strip below the text.

A new heat is a file here with a `HEAT`, and its place in the list: the key that goes through them (h), the palette, the
help, the legend and what is remembered come from the list.
"""

from __future__ import annotations

from gpt2_remix.tui.state.heats import entropy, forks, off, probability, surprisal, verbatim
from gpt2_remix.tui.state.heats.heat import Heat, HeatSource

HEATS: dict[str, Heat] = {
    heat.name: heat for heat in (surprisal.HEAT, entropy.HEAT, probability.HEAT, verbatim.HEAT, forks.HEAT, off.HEAT)
}
"""In the order in which the key goes through them."""

__all__ = ["HEATS", "Heat", "HeatSource", "next_heat"]


def next_heat(name: str) -> str:
    """The heat after another one."""
    names = list(HEATS)
    return names[(names.index(name) + 1) % len(names)]
