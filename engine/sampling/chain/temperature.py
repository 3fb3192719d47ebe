"""Rules that sharpen or flatten what is left: temperature, and dynamic temperature."""

from __future__ import annotations

import math

import numpy as np

from gpt2_remix.engine.sampling.chain.state import LARGEST, LOWEST, ChainState, Mask, entropy
from gpt2_remix.engine.sampling.settings import Settings


def temper(state: ChainState, settings: Settings) -> Mask | None:
    """Divide the logits by the temperature; 0 leaves the highest alone (ties: the smallest id).

    Logits (2, 1) are odds of e : 1 at temperature 1 and of e**2 : 1 at 0.5. Limits: 0 to 100. Source: transformers,
    TemperatureLogitsWarper.
    """
    return _temper(state, settings.temperature)


def temper_by_entropy(state: ChainState, settings: Settings) -> Mask | None:
    """Dynamic temperature: low where the network is sure, high where it is not.

    Between temperature - range (0 at least) and temperature + range, at (entropy / largest possible entropy) **
    exponent of the way. With temperature 1, range 0.5, exponent 1 an even choice gets 1.5, a certain one 0.5, and one
    with half the possible entropy 1. Limits: range 0 to 100, exponent 0.01 to 100. Source: kalomaze 2023; llama.cpp
    (dynatemp_range, dynatemp_exponent).
    """
    n = state.scores.size
    if n < 2:
        return None
    share = entropy(state) / math.log(n)
    low = max(0.0, settings.temperature - settings.dynatemp_range)
    high = settings.temperature + settings.dynatemp_range
    return _temper(state, low + (high - low) * min(1.0, share) ** settings.dynatemp_exponent)


def _temper(state: ChainState, temperature: float) -> Mask | None:
    scores = state.scores
    best = int(np.argmax(scores))
    if temperature <= 0:
        return ~state.mask(np.array([best]))
    if max(scores[best], -scores.min()) >= LARGEST * temperature:
        # Subtracting the highest first, and a floor, keep tiny temperatures from overflowing.
        with np.errstate(over="ignore"):
            state.rescore(np.maximum((scores - scores[best]) / temperature, LOWEST))
    else:
        state.rescore(scores / temperature)
    return None
