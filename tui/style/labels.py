"""The chain's rules by name, where there is little room."""

from __future__ import annotations

from engine.sampling.fields import NUMBERS
from engine.sampling.settings import CHAIN

_FIRST_LABELS = {number.rule: number.label for number in reversed(NUMBERS)}

RULE_LABELS = {step: _FIRST_LABELS.get(step, step) for step in CHAIN} | {
    "logit_bias": "bias", "banned": "ban", "dynamic_temperature": "dyn. temp", "xtc": "xtc", "mirostat": "mirostat",
}
"""Those with a number of their own are called like it."""
