"""Many continuations of one text laid over each other: one tree with counts, where they go together and where they
part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

OPEN_PART = 0.08
"""The part of all continuations that a strand holds at least to be unfolded at first."""


@dataclass(slots=True, eq=False)
class Strand:
    """What some continuations share.

    Attributes:
        tokens: the ids that they go through together.
        members: which continuations they are, by their place.
        depth: how many tokens come before these.
        below: how they go on, the most first; what ends here is in none of them.
    """

    tokens: tuple[int, ...]
    members: tuple[int, ...]
    depth: int
    below: list[Strand] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many go through it."""
        return len(self.members)


def overlay(streams: Sequence[Sequence[int]]) -> tuple[Strand, ...]:
    """Lay continuations over each other."""
    tops: list[Strand] = []
    waiting: list[tuple[list[int], int, list[Strand]]] = [([n for n, stream in enumerate(streams) if stream], 0, tops)]
    while waiting:
        members, depth, into = waiting.pop()
        by_token: dict[int, list[int]] = {}
        for member in members:
            if depth < len(streams[member]):
                by_token.setdefault(streams[member][depth], []).append(member)
        for same in sorted(by_token.values(), key=lambda group: (-len(group), group)):
            first, end = streams[same[0]], depth + 1
            shortest = min(len(streams[member]) for member in same)
            while end < shortest and all(streams[member][end] == first[end] for member in same):
                end += 1
            strand = Strand(tuple(first[depth:end]), tuple(same), depth)
            into.append(strand)
            if len(same) > 1:
                waiting.append((same, end, strand.below))
    return tuple(tops)


def unfolded(strands: Sequence[Strand], total: int) -> set[Strand]:
    """The strands that are unfolded at first: those that many go through."""
    return {strand for strand in every(strands) if strand.below and strand.count > 1
            and strand.count >= OPEN_PART * total}


def every(strands: Sequence[Strand]) -> Iterator[Strand]:
    """All strands, each before those below it."""
    stack = list(reversed(strands))
    while stack:
        strand = stack.pop()
        yield strand
        stack.extend(reversed(strand.below))


def together(strands: Sequence[Strand]) -> int:
    """How many tokens all of them share before the first one parts."""
    return len(strands[0].tokens) if len(strands) == 1 else 0
