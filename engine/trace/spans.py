"""A whole stream against the training text: its verbatim spans, their share, and where it leaves them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from gpt2_remix.engine.trace.index import Document, Index
from gpt2_remix.engine.trace.match import NONE, Match, begun, confirmed, extended

MIN_TOKENS = 8
"""Tokens from which on a run counts as verbatim where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of a stream that stands in the text, as long as it can be.

    Attributes:
        start, end: the stream's positions from the first of its tokens to after the last.
        document: where it stands (first).
        offset: the place of its first token in the document, 0 for the document's first token.
        count: at how many places it stands.
        place: where in the index that is.
    """

    start: int
    end: int
    document: Document
    offset: int
    count: int
    place: int

    @property
    def length(self) -> int:
        """In tokens."""
        return self.end - self.start


def matches(index: Index, ids: Sequence[int]) -> Iterator[Match]:
    """The match that ends after each token of a stream."""
    match = NONE
    for end in range(1, len(ids) + 1):
        match = extended(index, match, ids, end)
        yield match


def span_of(index: Index, match: Match, end: int) -> Span:
    """The span of a match that ends before position `end`."""
    place = int(match.ends.min()) - match.length
    document = index.document_at(place)
    return Span(end - match.length, end, document, place - document.start, match.count, place)


def spans(index: Index, ids: Sequence[int], min_tokens: int = MIN_TOKENS) -> list[Span]:
    """The verbatim spans of a stream of at least `min_tokens` tokens, none of them part of another.

    They may overlap: the end of one may stand elsewhere in the text together with what follows it.
    """
    found: list[Span] = []
    earlier = before = NONE
    for position, match in enumerate(chain(matches(index, ids), [NONE])):
        if before.length >= min_tokens and match.length <= before.length:
            sure, end = confirmed(index, before, ids, position), position
            if not sure.length and earlier.length < before.length:  # it ended there, and was taken to go on
                sure, end = earlier, position - 1
            sure = begun(index, sure, ids, end)
            if sure.length >= min_tokens:
                found.append(span_of(index, sure, end))
        earlier, before = before, match
    return found


def covered(found: Sequence[Span]) -> int:
    """How many tokens stand in at least one span."""
    total = reach = 0
    for span in found:
        total += max(0, span.end - max(span.start, reach))
        reach = max(reach, span.end)
    return total
