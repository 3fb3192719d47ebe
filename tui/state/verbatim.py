"""What is known of one stream's way through the training text, without a widget: marks, spans, what to say of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpt2_remix.engine.generation.step import Step

if TYPE_CHECKING:
    from gpt2_remix.engine.sampling.distribution import Distribution
    from gpt2_remix.engine.trace.follow import SpanEnd, TokenMatch
    from gpt2_remix.engine.trace.index import Index

LONG = 24
"""Tokens of a span at which its bar is full."""

AROUND = 16
"""Tokens of a passage that are shown before and after a place, where there is room."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The span that a token stands in.

    Attributes:
        start, end: the span's positions, after the last of its tokens.
        place: where in the index the span begins.
        count: at how many places it stands.
    """

    start: int
    end: int
    place: int
    count: int


class StreamTrace:
    """One stream's marks, as far as they have come.

    Attributes:
        marks: for each token from the first on.
        verbatim: how many tokens stand in a span.
        longest: the longest span, in tokens.
    """

    def __init__(self, tell: Callable[[int, list[int], int], None], min_tokens: int) -> None:
        """`tell` is called with (how many tokens are kept, those that follow, from how many on a run counts)."""
        self._tell = tell
        self._ids: list[int] = []
        self._inside: list[bool] = []
        self.min_tokens = min_tokens
        self.marks: list[TokenMatch] = []
        self.verbatim = self.longest = 0

    def __len__(self) -> int:
        """How many tokens the stream has."""
        return len(self._ids)

    def follow(self, keep: int, ids: Sequence[int]) -> None:
        """The stream keeps its first tokens, then come others; their marks come as messages."""
        if keep == len(self._ids) and not ids:
            return
        del self._ids[keep:]
        self._ids.extend(ids)
        if keep < len(self.marks):
            from gpt2_remix.engine.trace.follow import covering

            del self.marks[keep:], self._inside[keep:]
            # What was in a span thanks to tokens that went may be in none now.
            near = max(0, keep - self.min_tokens)
            self._inside[near:] = covering(self.marks[near:], self.min_tokens)
            self._count()
        self._tell(keep, list(ids), self.min_tokens)

    def restart(self, min_tokens: int) -> None:
        """Ask for everything anew."""
        self.min_tokens = min_tokens
        self.marks, self._inside = [], []
        self.verbatim = self.longest = 0
        if self._ids:
            self._tell(0, list(self._ids), min_tokens)

    def take(self, first: int, ids: list[int], marks: Sequence[TokenMatch], min_tokens: int) -> int | None:
        """Take marks of the tokens from `first` on, as far as the stream still holds these.

        A mark depends on what stands before it alone; where some are missing they are asked for again.

        Returns the first position that looks otherwise now, None where nothing does.
        """
        if min_tokens != self.min_tokens:
            return None
        have = len(self.marks)
        if first > have:
            self._tell(have, self._ids[have:], self.min_tokens)
            return None
        here = self._ids[first : first + len(ids)]
        same = next((n for n, (a, b) in enumerate(zip(here, ids, strict=False)) if a != b), len(here))
        if same <= have - first:
            return None
        changed = have
        for position, mark in enumerate(marks[have - first : same], start=have):
            self.marks.append(mark)
            verbatim = mark.length >= self.min_tokens
            self._inside.append(verbatim)
            self.verbatim += verbatim
            if mark.length == self.min_tokens:  # the run has just become long enough: all of it is a span
                start = position - mark.length + 1
                self.verbatim += self._inside[start:position].count(False)
                self._inside[start:position] = [True] * (position - start)
                changed = min(changed, start)
            if verbatim:
                self.longest = max(self.longest, mark.length)
        return changed

    def _count(self) -> None:
        self.verbatim = self._inside.count(True)
        self.longest = max((mark.length for mark in self.marks if mark.length >= self.min_tokens), default=0)

    def share(self, first: int = 0) -> float | None:
        """The share of tokens from a position on that stand in spans; None where there are none."""
        known = len(self._inside) - first
        return (self.verbatim if first == 0 else self._inside[first:].count(True)) / known if known > 0 else None

    def longest_from(self, first: int) -> int:
        """The longest span that reaches past a position."""
        return max((mark.length for mark in self.marks[first:] if mark.length >= self.min_tokens), default=0)

    def drawn(self, first: int, end: int) -> list[TraceMark]:
        """How tokens are drawn; what has not come yet stands in no span."""
        return ["left" if mark.left else "verbatim" if inside else "other"
                for mark, inside in zip(self.marks[first:end], self._inside[first:end], strict=True)
                ] + ["other"] * (end - max(first, min(end, len(self.marks))))

    def heights(self, first: int, end: int) -> list[float | None]:
        """For each token how far its span has come, 0 to 1; None outside."""
        found: list[float | None] = []
        for mark, inside in zip(self.marks[first:end], self._inside[first:end], strict=True):
            found.append(min(1.0, max(mark.length, 1) / LONG) if inside else None)
        return found + [None] * (end - first - len(found))

    def goes_on(self, position: int) -> tuple[int, ...]:
        """The tokens with which the text goes on at a position, where what stands before it is a span."""
        return self.marks[position - 1].goes_on if 0 < position <= len(self.marks) else ()

    def left(self, position: int) -> SpanEnd | None:
        """The span that the token at a position left."""
        return self.marks[position].left if position < len(self.marks) else None

    def standing(self, position: int) -> Standing | None:
        """The span that a token stands in: the one that reaches furthest."""
        if position >= len(self.marks) or not self._inside[position]:
            return None
        found = None
        for end in range(position, len(self.marks)):
            mark = self.marks[end]
            if end - mark.length >= position:
                break  # no run that ends here or later holds the position
            if mark.length >= self.min_tokens:
                found = Standing(end - mark.length + 1, end + 1, mark.end - mark.length, mark.count)
        return found

    def ids(self, first: int = 0, end: int | None = None) -> list[int]:
        """Tokens of the stream."""
        return self._ids[max(0, first) : end]


def where(index: Index, place: int) -> str:
    """A place in the text, in words."""
    document = index.document_at(place)
    offset = place - document.start
    return f"{document.title}, token {offset:,} ({offset / max(1, document.tokens):.1%})"


def share_of(dist: Distribution | None, token: int) -> str:
    """A token's probability, in words: that which the coin works on, else the network's own; "" where not known."""
    if dist is None or token >= dist.size:
        return ""
    greedy, cut = dist.settings.temperature == 0, bool(dist.removed_by(token))
    p = float((dist.raw if greedy or cut else dist.final)[token])
    return f" ({p:{'.0%' if p >= 0.005 else '.1%'}}{', cut' if cut and not greedy else ''})"


def maker(step: Step) -> str:
    """Who chose a token."""
    if step.origin == "sampled" and step.settings is not None and step.settings.temperature == 0:
        return "the greedy choice is"
    return {"sampled": "the coin gave", "picked": "you picked"}.get(step.origin, "the prefix has")


TraceMark = Literal["", "other", "verbatim", "left"]
"""How a token stands to the training text: not shown, in no span, in a verbatim span, or the one that left a span."""
