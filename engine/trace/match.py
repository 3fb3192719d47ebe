"""The longest run of training text that ends at a token, from that at the token before; what the text goes on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.trace.index import WINDOW, Index, Places, mixed, mixed_one

_AHEAD = 4
"""Tokens that are read ahead to tell a token from others with the same fingerprint."""

_LOOKED_AT = 12
"""Places at most at which it is read what the text goes on with."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """The longest run of tokens before a place in a stream that stands in the text word for word.

    Attributes:
        length: of the run, in tokens; 0 where there is none of four tokens.
        ends: [places] where in the index it ends, one for each place where it stands.
    """

    length: int = 0
    ends: Places = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def count(self) -> int:
        """At how many places it stands."""
        return len(self.ends)


NONE = Match()


def extended(index: Index, before: Match, ids: Sequence[int], end: int) -> Match:
    """The match that ends before position `end` of a stream, from the one that ends a token earlier.

    Args:
        index: the text.
        before: the match before position `end - 1` (`NONE` for an empty stream).
        ids: the stream; only what lies before `end` is looked at.
        end: how many of its tokens count.
    """
    if end < WINDOW:
        return NONE
    if before.length:
        # No longer run can end here than one that goes on, and all of its places are among those of the one before.
        ends = before.ends[before.ends < index.ends(before.ends - 1)]
        if len(ends):
            if index.tokens is not None:
                ends = ends[index.tokens[ends] == ids[end - 1]]
            else:
                assert index.fingerprints is not None
                ends = ends[index.fingerprints[ends - WINDOW + 1] == mixed_one(*ids[end - WINDOW : end])]
            if len(ends):
                return Match(before.length + 1, ends + 1)
    return found(index, ids, end)


def found(index: Index, ids: Sequence[int], end: int) -> Match:
    """The match that ends before position `end`, looked up."""
    parts = []
    for back in range(index.stride):
        first = end - WINDOW - back
        if first < 0:
            break
        places = index.places_of(mixed_one(*ids[first : first + WINDOW]))
        if index.tokens is not None:
            for n in range(WINDOW):
                places = places[index.tokens[places + n] == ids[first + n]]
        for step in range(1, back + 1):
            places = places[places + step + WINDOW <= index.ends(places)]
            places = places[_agree(index, places + step, ids, first + step, 3)]
        parts.append(places + back)
    places = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    if not len(places):
        return NONE
    length = WINDOW
    starts = index.starts(places)
    while length < end:
        back = length - WINDOW + 1
        going = places - back >= starts
        going[going] = _agree(index, places[going] - back, ids, end - length - 1, 0)
        if not going.any():
            break
        places, starts = places[going], starts[going]
        length += 1
    return Match(length, places + WINDOW)


def _agree(index: Index, places: Places, ids: Sequence[int], at: int, new: int) -> NDArray[np.bool_]:
    """Which windows at `places` agree with the stream's at `at`; all but their token number `new` are known to."""
    if index.tokens is not None:
        return np.asarray(index.tokens[places + new] == ids[at + new])
    assert index.fingerprints is not None
    return np.asarray(index.fingerprints[places] == mixed_one(*ids[at : at + WINDOW]))


def goes_on(index: Index, match: Match, ids: Sequence[int], end: int) -> list[int]:
    """The tokens with which the text goes on after a match that ends before position `end`; the most frequent first.

    Where only fingerprints are at hand they are read off them: of the tokens that give the next fingerprint those that
    some next tokens can follow, four deep (a token of 8,193 passes by chance once in some thousand times).
    """
    ends = match.ends[match.ends < index.ends(match.ends - 1)] if match.length else match.ends
    if not len(ends):
        return []
    if index.tokens is not None:
        tokens, counts = np.unique(index.tokens[ends], return_counts=True)
        return [int(token) for token in tokens[np.argsort(-counts, kind="stable")]]
    counted: dict[int, int] = {}
    last = [int(token) for token in ids[end - WINDOW + 1 : end]]
    for place in ends[:_LOOKED_AT]:
        limit = int(index.ends(np.array([place]))[0])
        for token in _possible(index, last, int(place), limit, _AHEAD):
            counted[token] = counted.get(token, 0) + 1
    return sorted(counted, key=lambda token: -counted[token])


def _possible(index: Index, last: Sequence[int], place: int, limit: int, depth: int) -> list[int]:
    """The tokens that may stand at a place after the three `last` ones, as far as fingerprints can tell."""
    assert index.fingerprints is not None
    wanted = index.fingerprints[place - WINDOW + 1]
    every = np.arange(index.vocab_size, dtype=np.uint32)
    tokens = np.flatnonzero(mixed(last[0], last[1], last[2], every) == wanted)
    if depth == 1 or place + 1 >= limit or len(tokens) < 2:
        # A single one needs no closer look: the text has some token here.
        return [int(token) for token in tokens]
    return [int(token) for token in tokens
            if _possible(index, [*last[1:], int(token)], place + 1, limit, depth - 1)]
