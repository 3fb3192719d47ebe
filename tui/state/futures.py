"""What is known of the continuations of a text, as the screen shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.outlook.futures import Futures
    from gpt2_remix.engine.outlook.paths import Path

WORDS = 40
"""Words that are told."""

WIDE = 12
"""Continuations of one path that are told."""

LEAST = 0.001
"""What a continuation weighs at least to be told."""

GOES_ALONG = 0.85
"""The part of its weight from which on a token stands in the row of the one before it."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """A row of the tree of continuations.

    Attributes:
        path: all new ids up to its end.
        own: how many of them, at the end, are the row's own.
        p: what its paths weigh.
        below: how it goes on, the heaviest first.
    """

    path: tuple[int, ...]
    own: int
    p: float
    below: tuple[Continuation, ...] = ()


@dataclass(frozen=True, slots=True)
class FuturesSeen:
    """What is known at one moment.

    Attributes:
        computed, seconds: what it has cost.
        decided: what the decided paths weigh.
        closed: whether nothing is left to expand.
        over: whether nothing more is computed.
        pattern: that was asked for, "" for none.
        find: bounds of the probability of a match.
        words: (word, lower, upper bound), by lower bound.
        tree: the heaviest continuations.
        timeouts: searches that took too long.
    """

    computed: int = 0
    seconds: float = 0.0
    decided: float = 0.0
    closed: bool = False
    over: bool = False
    pattern: str = ""
    find: tuple[float, float] | None = None
    words: tuple[tuple[str, float, float], ...] = ()
    tree: tuple[Continuation, ...] = ()
    timeouts: int = 0

    def row(self, path: Sequence[int]) -> Continuation | None:
        """The row that a path ends at; None where it is no longer told."""
        rows = self.tree
        while True:
            row = next((row for row in rows if tuple(path[: len(row.path)]) == row.path), None)
            if row is None or len(row.path) == len(path):
                return row
            rows = row.below

    def unfolded(self, path: Sequence[int] | None) -> Iterator[tuple[Continuation, int]]:
        """The rows that are seen where one is selected, and how deep each is: what is above it, and how it goes on."""
        yield from _unfolded(self.tree, tuple(path or ()), 0)


def _unfolded(rows: Sequence[Continuation], path: tuple[int, ...], depth: int) -> Iterator[tuple[Continuation, int]]:
    for row in rows:
        yield row, depth
        if path[: len(row.path)] == row.path:
            yield from _unfolded(row.below, path, depth + 1)


def futures_seen(futures: Futures, seconds: float, *, over: bool) -> FuturesSeen:
    """What is known of continuations at this moment; made in the worker's thread."""
    question = futures.question
    pattern = question.find.text if question.find is not None else ""
    words = tuple(futures.words(WORDS)) if question.words else ()
    return FuturesSeen(futures.computed, seconds, futures.decided, futures.closed, over, pattern, futures.find, words,
                       _tree(futures.root, ()), futures.timeouts)


def _tree(above: Path, before: tuple[int, ...]) -> tuple[Continuation, ...]:
    rows = []
    for token, weight in above.heaviest[:WIDE]:
        if weight < LEAST:
            break
        path, own, at = (*before, token), 1, above.below.get(token)
        while at is not None and at.heaviest and at.heaviest[0][1] >= GOES_ALONG * at.weight:
            token, weight = at.heaviest[0]
            path, own, at = (*path, token), own + 1, at.below.get(token)
        rows.append(Continuation(path, own, weight, _tree(at, path) if at is not None else ()))
    return tuple(rows)
