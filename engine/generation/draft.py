"""Drafts: how a text may go on, so that the network checks several tokens in one pass.

Since the coin of each position is fixed, checking a draft changes no token, only how often the network runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from gpt2_remix.engine.generation.lane import Lane

NGRAM = 3
"""How many tokens must have come before in the same order."""

MAX_DRAFT_TOKENS = 8


def draft_of(lane: Lane, ids: Sequence[int]) -> list[int]:
    """The draft of a lane whose network sees `ids`; empty where there is none."""
    return script_draft(lane) or prompt_lookup_draft(ids)


def script_draft(lane: Lane) -> list[int]:
    """What the stream whose luck a lane takes again held at the next positions: with the same coins a good draft."""
    place = len(lane)
    steps = (lane.script.get(n) for n in range(place, place + MAX_DRAFT_TOKENS))
    return [step.token for step in steps if step is not None]


def prompt_lookup_draft(ids: Sequence[int]) -> list[int]:
    """How a text goes on if it repeats itself: what followed the last place that ended in the same tokens.

    As many tokens as agreed there, from NGRAM to MAX_DRAFT_TOKENS; none where fewer did. Source: prompt lookup decoding
    (Saxena 2023); coins that make the drafter irrelevant: Daliri et al. 2024 (arXiv 2408.07978).
    """
    if len(ids) <= NGRAM:
        return []
    text = array("i", ids).tobytes()  # bytes are searched many times faster than numbers
    size = len(text) // len(ids)
    last, end = text[-NGRAM * size :], len(text) - size
    while (found := text.rfind(last, 0, end)) % size:
        if found < 0:
            return []
        end = found + len(last) - 1
    place = found // size + NGRAM
    agreed = NGRAM
    while agreed < MAX_DRAFT_TOKENS and agreed < place and ids[place - 1 - agreed] == ids[-1 - agreed]:
        agreed += 1
    return list(ids[place : place + agreed])
