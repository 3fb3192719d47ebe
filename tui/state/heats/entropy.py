"""Entropy: how open the choice was: the entropy of the raw distribution, in bits."""

from __future__ import annotations

from gpt2_remix.tui.state.heats.heat import MOST_BITS, Heat, HeatSource


def values(source: HeatSource) -> list[float | None]:
    """Each step's entropy, MOST_BITS filling the scale."""
    return [None if step.entropy is None else min(1.0, step.entropy / MOST_BITS) for step in source.steps]


HEAT = Heat("entropy", "how open the choice was: the entropy of the raw distribution, in bits", values,
            lambda source: f"entropy 0–{MOST_BITS:.0f} bits")
