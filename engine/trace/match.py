"""The longest run of training text that ends at a token, from that at the token before; what the text goes on with.

Where only fingerprints are at hand, a token passes for the one that follows a run if both give the same fingerprint:
one in 65,536 does by chance. What stands after it in the text tells them apart: of the tokens that a fingerprint
allows the true one can always be followed by some that give the next fingerprints, the others soon cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.trace.index import WINDOW, Index, Places, mixed, mixed_one

_AHEAD = 24
"""Tokens that are read ahead at most to tell a token from others with the same fingerprint."""

_WIDEST = 256
"""Paths at most that are followed there; with vocabularies of more than 65,536 tokens they grow in number."""

_LOOKED_AT = 12
"""Places at most at which it is read what the text goes on with."""

_CONFIRMED = 64
"""Places at most at which the last token of a run is told from others with the same fingerprint."""


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
    if before.length >= index.listed:  # of shorter ones not all places are known
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

    Where only fingerprints are at hand they are read off them (`possible_tokens`).
    """
    ends = match.ends[match.ends < index.ends(match.ends - 1)] if match.length else match.ends
    if not len(ends):
        return []
    if index.tokens is not None:
        tokens, counts = np.unique(index.tokens[ends], return_counts=True)
        return [int(token) for token in tokens[np.argsort(-counts, kind="stable")]]
    counted: dict[int, int] = {}
    for place in ends[:_LOOKED_AT]:
        for token in possible_tokens(index, ids[end - WINDOW + 1 : end], int(place)):
            counted[token] = counted.get(token, 0) + 1
    return sorted(counted, key=lambda token: -counted[token])


def confirmed(index: Index, match: Match, ids: Sequence[int], end: int) -> Match:
    """A match that ends before position `end`, without the places at which its last token cannot stand.

    Nothing is left (`NONE`) where the run ends a token earlier, and the last one passed by its fingerprint alone.
    """
    if index.tokens is not None or match.length <= WINDOW:
        return match
    last, token = ids[end - WINDOW : end - 1], int(ids[end - 1])
    looked_at = match.ends[:_CONFIRMED].tolist()
    return _where(match, [token in possible_tokens(index, last, place - 1) for place in looked_at]) or NONE


def begun(index: Index, match: Match, ids: Sequence[int], end: int) -> Match:
    """A match that ends before position `end`, from the first token on that can stand where it begins.

    Going back from a run, too, a token may have passed by its fingerprint alone.
    """
    while index.tokens is None and match.length > WINDOW:
        first, length = end - match.length, match.length
        token, following = int(ids[first]), ids[first + 1 : first + WINDOW]
        places = (match.ends[:_CONFIRMED] - length).tolist()
        kept = _where(match, [token in possible_tokens(index, following, place, back=True) for place in places])
        if kept is not None:
            return kept
        match = Match(length - 1, match.ends)
    return match


def _where(match: Match, kept: list[bool]) -> Match | None:
    """The match at those of its first places that are kept, and at the others; None where none is left."""
    if all(kept):
        return match
    ends = match.ends[np.array(kept + [True] * (match.count - len(kept)))]
    return Match(match.length, ends) if len(ends) else None


def possible_tokens(index: Index, near: Sequence[int], place: int, *, back: bool = False) -> list[int]:
    """The tokens that may stand at a place next to three others, as far as fingerprints can tell.

    It is read on, away from those three, until one is left (it needs no closer look: the text has some token here), or
    until the document ends, or begins.

    Args:
        near: the three tokens before the place, or after it where `back`.
        place: in the index.
        back: whether it is read towards the beginning.
    """
    assert index.fingerprints is not None
    step = -1 if back else 1
    limit = int((index.starts if back else index.ends)(np.array([place]))[0]) - back
    start = tuple(int(token) for token in near)
    # What may stand here, each with the three tokens by which it may go on.
    paths = {(token, _shifted(start, token, back)) for token in _giving(index, start, place, back)}
    for further in range(place + step, limit, step)[:_AHEAD]:
        if len({first for first, _ in paths}) < 2 or len(paths) > _WIDEST:
            break
        paths = {(first, _shifted(window, token, back)) for first, window in paths
                 for token in _giving(index, window, further, back)}
    return sorted({first for first, _ in paths})


def _shifted(window: tuple[int, ...], token: int, back: bool) -> tuple[int, ...]:
    return (token, *window[:-1]) if back else (*window[1:], token)


def _giving(index: Index, near: tuple[int, ...], place: int, back: bool) -> tuple[int, ...]:
    """The tokens that give the fingerprint of the text at a place next to three others."""
    assert index.fingerprints is not None
    window = place if back else place - WINDOW + 1
    return _with_fingerprint(index.vocab_size, near, int(index.fingerprints[window]), back)


@lru_cache(2**12)
def _with_fingerprint(vocab_size: int, near: tuple[int, ...], wanted: int, back: bool) -> tuple[int, ...]:
    every = np.arange(vocab_size, dtype=np.uint32)
    a, b, c = near
    found = np.flatnonzero((mixed(every, a, b, c) if back else mixed(a, b, c, every)) == wanted)
    return tuple(int(token) for token in found)
