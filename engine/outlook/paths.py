"""Paths of the tree of continuations, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.outlook.patterns import Pattern
from gpt2_remix.engine.outlook.words import WordState
from gpt2_remix.engine.sampling.coin import descending

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEW = 256
"""Paths that are sorted at once, and kept where there are too many."""

UNDECIDED, NO, YES, STUCK = 0, 1, 2, 3
"""What is known of a pattern on a path; stuck: its search takes too long, so nothing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the continuations.

    Attributes:
        depth: how many tokens they have at most.
        find: whether their text contains a match; None where that is not asked.
        words: whether the next word is asked for.
        keep: how many continuations are kept.
    """

    depth: int
    find: Pattern | None = None
    words: bool = False
    keep: int = 10


@dataclass(frozen=True, slots=True)
class Continuation:
    """A decided path: its new ids and its probability."""

    ids: tuple[int, ...]
    p: float


@dataclass(slots=True, eq=False)
class Path:
    """A path of the tree whose next distribution is asked for, or known.

    Attributes:
        parent: the path that it continues; None for the root.
        token: its last id.
        weight: its probability.
        depth: how many tokens it has.
        data: their bytes.
        found: what is known of the pattern.
        state: the automaton's.
        word, reading: the next word as far as it was read, and the state after it; None once it is whole.
        key: what the next word is known to begin with.
        variants: the ways in which it can have come about (XTC's coin, where mirostat remembers): weight and mirostat's
            state of each.
        below: the paths that continue it and were expanded, by token.
        heaviest: the tokens that go on from it and what their paths weigh, the heaviest first; once it is expanded.
    """

    parent: Path | None
    token: int
    weight: float
    depth: int
    data: bytes = b""
    found: int = NO
    state: int = 0
    word: str = ""
    reading: WordState | None = None
    key: str = ""
    variants: tuple[tuple[float, float | None], ...] = ()
    below: dict[int, Path] = field(default_factory=dict)
    heaviest: list[tuple[int, float]] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        """Its new ids."""
        path: list[int] = []
        at: Path | None = self
        while at is not None and at.parent is not None:
            path.append(at.token)
            at = at.parent
        return path[::-1]


@dataclass(slots=True, eq=False)
class Children:
    """The open paths that go on from one path."""

    path: Path
    tokens: Ints
    weights: Floats
    found: NDArray[np.int8]
    states: Ints
    groups: Ints
    small: NDArray[np.bool_]
    parts: list[tuple[float, Floats, float | None]]
    order: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    def at(self, rank: int) -> int:
        """Where the path of a rank stands, 0 the heaviest; most are never asked for, and not sorted."""
        if rank >= self.order.size:
            self.order = descending(self.weights, min(len(self.tokens), max(FEW, 4 * rank)))
        return int(self.order[rank])
