"""Measures of a stream, token by token: surprisal, entropy, perplexity, variety, repetition; and where streams part.

Surprisal and entropy are those of the raw distribution, in bits; nothing here depends on the sampling settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gpt2_remix.engine.generation.step import Step

STATISTICS: dict[str, str] = {
    "mean_surprisal": "mean -log2 of the raw probability of the tokens, in bits",
    "mean_entropy": "mean entropy of the raw distributions, in bits",
    "perplexity": "2 to the mean surprisal: as many equally likely choices as the network saw",
    "distinct_1": "share of different tokens among all (Li et al. 2016, arXiv 1510.03055)",
    "distinct_2": "share of different pairs of neighbouring tokens among all pairs",
    "repeated_4gram_fraction": "share of runs of four tokens that stood before (as in Welleck et al. 2019)",
}
"""Each statistic's meaning. None is better for being higher or lower: the likeliest text is not the best one."""


@dataclass(slots=True)
class StreamStats:
    """Running measures of the tokens that were sampled and picked. Adding a token takes the same time at any length."""

    count: int = 0
    surprisal: float = 0.0
    entropy: float = 0.0
    _last: tuple[int, ...] = ()
    _grams: dict[int, set[tuple[int, ...]]] = field(default_factory=lambda: {1: set(), 2: set(), 4: set()})

    def add(self, step: Step) -> None:
        """Count one more token."""
        self.count += 1
        self.surprisal += step.surprisal or 0.0
        self.entropy += step.entropy or 0.0
        self._last = (*self._last[-3:], step.token)
        for size, seen in self._grams.items():
            if len(self._last) >= size:
                seen.add(self._last[-size:])

    def _share(self, size: int) -> float | None:
        total = self.count - size + 1
        return len(self._grams[size]) / total if total > 0 else None

    def to_dict(self) -> dict[str, float | None]:
        """Every statistic by name; None where there are too few tokens for it."""
        surprisal = self.surprisal / self.count if self.count else None
        different = self._share(4)
        return {
            "mean_surprisal": surprisal,
            "mean_entropy": self.entropy / self.count if self.count else None,
            "perplexity": None if surprisal is None else 2.0 ** min(surprisal, 1000.0),
            "distinct_1": self._share(1),
            "distinct_2": self._share(2),
            "repeated_4gram_fraction": None if different is None else 1.0 - different,
        }


def stream_stats(steps: Iterable[Step]) -> StreamStats:
    """The measures of some steps."""
    stats = StreamStats()
    for step in steps:
        stats.add(step)
    return stats


def divergence(first: Sequence[int], second: Sequence[int]) -> int | None:
    """The first index at which two streams hold different tokens, or one of them has none; None where they agree."""
    for index, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return index
    return min(len(first), len(second)) if len(first) != len(second) else None


@dataclass(frozen=True, slots=True)
class Divergence:
    """How two streams part and meet, by index.

    Attributes:
        first: the first index with different tokens; None where all that both hold is the same.
        apart: how many tokens from there until the same token stands at the same index again; None if never.
        together: how many tokens in a row are then the same.
        same: the number of indices with the same token.
        compared: how many indices both hold.
    """

    first: int | None
    apart: int | None
    together: int
    same: int
    compared: int


def compare_streams(first: Sequence[int], second: Sequence[int]) -> Divergence:
    """How two streams part and meet, as far as both go."""
    equal = [a == b for a, b in zip(first, second, strict=False)]
    if False not in equal:
        return Divergence(None, None, 0, len(equal), len(equal))
    left = equal.index(False)
    apart = next((n for n, same in enumerate(equal[left:]) if same), None)
    together = 0
    if apart is not None:
        run = equal[left + apart :]
        together = run.index(False) if False in run else len(run)
    return Divergence(left, apart, together, sum(equal), len(equal))


def highest_and_lowest(values: Sequence[float | None]) -> tuple[set[int], set[int]]:
    """The places of the highest and of the lowest values; none where all are alike or unknown."""
    known = [value for value in values if value is not None]
    if not known or min(known) == max(known):
        return set(), set()
    return {n for n, v in enumerate(values) if v == max(known)}, {n for n, v in enumerate(values) if v == min(known)}


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (of a sample, n - 1; 0 for a single value)."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    return mean, (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5


def over_seeds(tables: Sequence[Mapping[str, float | None]]) -> dict[str, tuple[float, float] | None]:
    """Mean and spread of each statistic over several streams of the same settings; None where none has a value."""
    found: dict[str, tuple[float, float] | None] = {}
    for name in STATISTICS:
        values = [value for table in tables if (value := table[name]) is not None]
        found[name] = mean_and_spread(values) if values else None
    return found
