"""DRY's sequence breakers in a vocabulary: the tokens, and runs of tokens, at which a repetition ends.

As in llama.cpp (llama-sampler.cpp, get_overlapping_token_sequences and llama_sampler_dry_apply): every token that
contains a breaker's text breaks; where the text is longer than the end of a token that begins it, so does that token
with the ones that spell the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.chain.state import Ids
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

LONGEST_REST = 20
"""Tokens that may follow the first of a breaker; more are not looked at."""


@dataclass(frozen=True, slots=True)
class Breakers:
    """The breakers of some settings in a vocabulary.

    Attributes:
        alone: [n] the ids that break on their own, ascending.
        rests: first token -> the runs that break where they follow it.
    """

    alone: Ids
    rests: Mapping[int, tuple[tuple[int, ...], ...]]

    def room(self, history: Ids) -> int:
        """How many of the last tokens stand after the newest breaker; all of them where there is none."""
        alone = np.flatnonzero(np.isin(history, self.alone))
        newest = int(alone[-1]) if alone.size else -1
        for place in range(history.size - 1, max(newest, 0) - 1, -1) if self.rests else ():
            rests = [rest for rest in self.rests.get(int(history[place]), ())
                     if tuple(history[place + 1 : place + 1 + len(rest)].tolist()) == rest]
            if rests:
                return history.size - 1 - place - max(map(len, rests))
        return history.size - 1 - newest


@lru_cache(256)
def breakers_of(wanted: tuple[str | int, ...], tokenizer: Tokenizer | None) -> Breakers:
    """The breakers of `Settings.dry_breakers` in a tokenizer's vocabulary. Texts break nothing where it has none."""
    alone = {breaker for breaker in wanted if isinstance(breaker, int)}
    rests: defaultdict[int, set[tuple[int, ...]]] = defaultdict(set)
    for text in {breaker.encode() for breaker in wanted if isinstance(breaker, str)}:
        pieces = tokenizer.pieces if tokenizer else ()
        alone |= {token for token, piece in enumerate(pieces) if text in piece}
        beginnings = {text[:size]: _spelled(text[size:], tokenizer) for size in range(1, len(text))} if pieces else {}
        for beginning, rest in beginnings.items():
            for token, piece in enumerate(pieces):
                if rest and piece.endswith(beginning) and text not in piece:
                    rests[token].add(rest[:LONGEST_REST])
    return Breakers(np.array(sorted(alone), dtype=np.intp),
                    {token: tuple(sorted(found)) for token, found in rests.items()})


@lru_cache(256)
def _spelled(text: bytes, tokenizer: Tokenizer | None) -> tuple[int, ...]:
    """The tokens of the rest of a breaker; none where its bytes are no text and no token."""
    assert tokenizer is not None
    try:
        return tuple(tokenizer.encode(text.decode()))
    except (UnicodeDecodeError, InputError):
        return (tokenizer.pieces.index(text),) if text in tokenizer.pieces else ()
