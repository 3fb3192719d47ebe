"""The sampling context of a position: all that the chain and the coin may depend on beside logits and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class SamplingContext:
    """Where in a stream a token is chosen, and with which state. Made by `engine.generation.stream.context_at`.

    Attributes:
        position: 0-based index of the token to be chosen.
        ids: what stands before it; may be left out where `Settings.looks_back` says no.
        prompt: how many of them are the prefix.
        tokenizer: of the network's vocabulary, for rules on texts and on `<|endoftext|>`; None where none is on.
        seed, roll: the coin's.
        offset: added to the position for the coins, where lanes line up at the end of prefixes of different lengths.
        mu: mirostat's state, in bits; None where it begins.
        window: position of the first token that the network sees.
        u: given by a person in place of the interval coin's; None for the coin's own. Its record has no seed.
    """

    position: int = 0
    ids: Sequence[int] = ()
    prompt: int = 0
    tokenizer: Tokenizer | None = None
    seed: int = 0
    roll: int = 0
    offset: int = 0
    mu: float | None = None
    window: int = 0
    u: float | None = None

    @property
    def coin_position(self) -> int:
        """The position that the coins are told."""
        return self.position + self.offset
