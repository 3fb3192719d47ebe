"""A stream against the training text while it grows: for each token the run that ends with it, and what it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gpt2_remix.engine.trace.index import Index
from gpt2_remix.engine.trace.match import NONE, Match, begun, confirmed, extended, goes_on
from gpt2_remix.engine.trace.spans import MIN_TOKENS

_MANY = 64
"""Places of a run that is not verbatim yet from which on they are looked up again rather than kept."""


@dataclass(frozen=True, slots=True)
class SpanEnd:
    """A run that a token left: the text goes on otherwise.

    Attributes:
        length: of the run before it, in tokens.
        end: where in the index the run ends, and the text goes on.
        expected: the tokens with which it goes on, the most frequent first.
    """

    length: int
    end: int
    expected: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """A token of a stream, seen from the training text.

    Attributes:
        length: of the longest run that ends with it, in tokens; 0 where it is too short to tell from chance.
        end: where in the index that run ends (first), after this token.
        count: at how many places the run stands.
        goes_on: the tokens with which the text goes on after it, where the run is verbatim.
        left: the verbatim run that this token left, if it did.
    """

    length: int = 0
    end: int = 0
    count: int = 0
    goes_on: tuple[int, ...] = ()
    left: SpanEnd | None = None


NO_MARK = TokenMatch()


@dataclass(slots=True)
class Follower:
    """Follows one stream through an index, token by token."""

    index: Index
    min_tokens: int = MIN_TOKENS
    ids: list[int] = field(default_factory=list)
    marks: list[TokenMatch] = field(default_factory=list)
    _matches: list[Match] = field(default_factory=list)

    def keep(self, count: int) -> None:
        """Forget everything after the first `count` tokens."""
        for known in (self.ids, self.marks, self._matches):
            del known[count:]

    def append(self, token: int) -> None:
        """One more token."""
        index = self.index
        before = self._matches[-1] if self._matches else NONE
        known = self.marks[-1] if self.marks else NO_MARK
        self.ids.append(token)
        match = extended(index, before, self.ids, len(self.ids))
        if match.length >= self.min_tokens:
            match = confirmed(index, match, self.ids, len(self.ids))
            if before.length < self.min_tokens:  # it was not looked at yet
                match = begun(index, match, self.ids, len(self.ids))
        left = None
        if known.length >= self.min_tokens and match.length <= known.length and known.goes_on:
            left = SpanEnd(known.length, known.end, known.goes_on)
        if match.length >= index.shortest:
            verbatim = match.length >= self.min_tokens
            after = tuple(goes_on(index, match, self.ids, len(self.ids))) if verbatim else ()
            self.marks.append(TokenMatch(match.length, int(match.ends.min()), match.count, after, left))
        else:
            self.marks.append(TokenMatch(left=left) if left else NO_MARK)
        small = match.length < self.min_tokens and match.count > _MANY
        self._matches.append(NONE if small else match)


def covering(marks: Sequence[TokenMatch], min_tokens: int) -> list[bool]:
    """Which tokens of a stream stand in a verbatim span of at least `min_tokens` tokens."""
    inside = [False] * len(marks)
    reach = len(marks)
    for position in range(len(marks) - 1, -1, -1):
        if marks[position].length >= min_tokens:
            reach = min(reach, position - marks[position].length + 1)
        if position >= reach:
            inside[position] = True
        else:
            reach = len(marks)
    return inside
