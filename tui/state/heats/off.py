"""Off: the text alone."""

from __future__ import annotations

from gpt2_remix.tui.state.heats.heat import Heat

HEAT = Heat("off", "no colours", lambda source: [None] * len(source.steps), lambda source: "heat off")
