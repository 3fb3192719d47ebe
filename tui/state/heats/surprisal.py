"""Surprisal: how little the network expected the token: -log2 of its raw probability, in bits."""

from __future__ import annotations

from gpt2_remix.tui.state.heats.heat import MOST_BITS, Heat, HeatSource


def values(source: HeatSource) -> list[float | None]:
    """Each step's surprisal, MOST_BITS filling the scale."""
    return [None if step.surprisal is None else min(1.0, step.surprisal / MOST_BITS) for step in source.steps]


HEAT = Heat("surprisal", "how little the network expected the token: -log2 of its raw probability, in bits", values,
            lambda source: f"surprisal 0–{MOST_BITS:.0f} bits")
