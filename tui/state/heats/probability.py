"""Probability: that which the network gave the token."""

from __future__ import annotations

from gpt2_remix.tui.state.heats.heat import Heat, HeatSource


def values(source: HeatSource) -> list[float | None]:
    """Each step's raw probability."""
    return [step.p_raw for step in source.steps]


HEAT = Heat("probability", "the raw probability of the token", values, lambda source: "probability 0–100 %")
