"""Logits -> Distribution: the chain, one small function for each step.

Every step is given what is left (`Left`: tokens and their scores) and says which of them it removes, as a mask, or None
for none; a step that changes scores puts new ones in. What one step removed later steps do not see. Order and meaning
follow Hugging Face transformers' logits processors and warpers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.coin import descending
from engine.errors import EngineError, InputError
from engine.settings import Settings

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]
Mask = NDArray[np.bool_]

LOWEST = np.finfo(np.float64).min

BITS = 1.0 / math.log(2.0)


class Left:
    """The tokens that are left, while the chain runs.

    Attributes:
        tokens: [n] their ids, ascending.
        scores: [n] float64 logits.
        mass: [n] float64, exp(scores - max(scores)): probabilities up to a common factor.
    """

    def __init__(self, scores: Floats, mass: Floats) -> None:
        self.tokens: Ids = np.arange(scores.size)
        self.scores = scores
        self.mass = mass

    def rescore(self, scores: Floats) -> None:
        """Puts other scores in."""
        self.scores = scores
        self.mass = np.exp(scores - scores.max())

    def drop(self, gone: Mask) -> None:
        """Removes tokens."""
        kept = np.flatnonzero(~gone)
        self.tokens, self.scores, self.mass = self.tokens.take(kept), self.scores.take(kept), self.mass.take(kept)


def add_bias(left: Left, settings: Settings) -> None:
    """Adds each bias to its token's logit (OpenAI's logit_bias). A bias of +1 multiplies the odds by e."""
    scores = left.scores.copy()
    for token, bias in settings.logit_bias:
        scores[left.tokens == token] += bias
    left.rescore(scores)


def ban(left: Left, settings: Settings) -> Mask:
    """Rules the banned tokens out (transformers: NoBadWordsLogitsProcessor for single tokens)."""
    return np.isin(left.tokens, settings.banned)


def temper(left: Left, settings: Settings) -> Mask | None:
    """Divides the logits by the temperature; 0 leaves the highest alone (ties: the smallest id).

    Logits (2, 1) are odds of e : 1 at temperature 1 and of e**2 : 1 at 0.5. Source: transformers,
    TemperatureLogitsWarper.
    """
    best = int(np.argmax(left.scores))
    if settings.temperature == 0:
        gone: Mask = np.arange(left.scores.size) != best
        return gone
    # Subtracting the highest first, and a floor, keep tiny temperatures from overflowing.
    left.rescore(np.maximum((left.scores - left.scores[best]) / settings.temperature, LOWEST))
    return None


def cut_top_k(left: Left, settings: Settings) -> Mask | None:
    """Keeps the k most probable tokens, and those tied with the k-th. Source: Fan et al. 2018 (arXiv 1805.04833).

    Scores (3, 2, 2, 1) with k = 2 keep the first three.
    """
    split = left.scores.size - settings.top_k
    if split <= 0:
        return None
    cut: Mask = left.scores < np.partition(left.scores, split)[split]
    return cut


def cut_top_p(left: Left, settings: Settings) -> Mask:
    """Keeps a token if the mass above it is less than p. Source: Holtzman et al. 2019 (arXiv 1904.09751).

    Probabilities (0.5, 0.3, 0.15, 0.05) with p = 0.9 keep the first three: above the third lies 0.8, above the
    fourth 0.95. The most probable token always stays; among ties the smaller ids do.
    """
    mass = left.mass
    goal = settings.top_p * mass.sum()
    # The nucleus is small most of the time: its edge is looked for among the first tokens before sorting them all.
    for split in (max(0, mass.size - 512), max(0, mass.size - 8192), 0):
        highest = np.sort(np.partition(mass, split)[split:])[::-1]
        total = np.cumsum(highest)
        if total[-1] >= goal:
            break
    kept = 1 + int(np.searchsorted(total[:-1], goal, side="left"))
    edge = highest[kept - 1]
    cut: Mask = mass < edge
    tied = np.flatnonzero(mass == edge)
    surplus = mass.size - int(np.count_nonzero(cut)) - kept
    cut[tied[tied.size - surplus :]] = True
    return cut


def cut_min_p(left: Left, settings: Settings) -> Mask:
    """Keeps tokens with at least min_p times the highest probability. Source: Nguyen et al. 2024 (arXiv 2407.01082).

    Probabilities (0.5, 0.3, 0.04) with min_p = 0.1 keep the first two: the bar is 0.05.
    """
    cut: Mask = left.scores < left.scores.max() + math.log(settings.min_p)
    return cut


@dataclass(frozen=True, slots=True)
class ChainStep:
    """A step of the chain: its name in records, the function, and whether these settings switch it on."""

    name: str
    apply: Callable[[Left, Settings], Mask | None]
    active: Callable[[Settings], bool]


CHAIN: tuple[ChainStep, ...] = (
    ChainStep("logit_bias", add_bias, lambda s: bool(s.logit_bias)),
    ChainStep("banned", ban, lambda s: bool(s.banned)),
    ChainStep("temperature", temper, lambda s: s.temperature != 1),
    ChainStep("top_k", cut_top_k, lambda s: s.top_k > 0),
    ChainStep("top_p", cut_top_p, lambda s: s.top_p < 1),
    ChainStep("min_p", cut_min_p, lambda s: s.min_p > 0),
)


@dataclass(frozen=True, eq=False)
class Distribution:
    """Raw and final probabilities of every token at one position, and what removed each removed token.

    Attributes:
        logits: [vocabulary] float32, as the network gave them.
        raw: [vocabulary] float64, their softmax at temperature 1; sums to 1.
        final: [vocabulary] float64, after the chain; sums to 1, exactly 0 for removed tokens.
        removed: [vocabulary] uint8, 0 for kept tokens, else 1 + the index in CHAIN of the step that removed it.
        settings: the chain's settings.
        log_total: the natural logarithm of the sum of exp(logits).
    """

    logits: NDArray[np.float32]
    raw: Floats
    final: Floats
    removed: NDArray[np.uint8]
    settings: Settings
    log_total: float

    @property
    def size(self) -> int:
        """The number of tokens in the vocabulary."""
        return self.logits.size

    @cached_property
    def kept(self) -> int:
        """How many tokens the chain left."""
        return int(np.count_nonzero(self.removed == 0))

    @cached_property
    def entropy_raw(self) -> float:
        """Entropy of the raw distribution in bits."""
        # Not np.dot: after it, BLAS's own threads go on spinning on the cores that torch's next token needs.
        return max(0.0, (self.log_total - float((self.raw * self.logits).sum())) * BITS)

    @cached_property
    def entropy_final(self) -> float:
        """Entropy of the final distribution in bits."""
        p = self.final[self.final > 0]
        return max(0.0, -float((p * np.log(p)).sum()) * BITS)

    def surprisal(self, token: int) -> float:
        """-log2 of the token's raw probability; finite even where that probability underflows."""
        return max(0.0, (self.log_total - float(self.logits[token])) * BITS)

    def rank(self, token: int) -> int:
        """The token's place among the raw probabilities: 0 the highest, ties by smaller id."""
        logit = self.logits[token]
        return int(np.count_nonzero(self.logits > logit) + np.count_nonzero(self.logits[:token] == logit))

    def removed_by(self, token: int) -> str | None:
        """The name of the step that removed the token, or None."""
        code = int(self.removed[token])
        return CHAIN[code - 1].name if code else None

    def order(self, count: int | None = None, among: Collection[int] | None = None) -> NDArray[np.intp]:
        """The first `count` token ids (all where None) by final, then raw probability, then smaller id.

        With `among`, only those ids.
        """
        if among is not None:
            everything = self.order()
            return everything[np.isin(everything, list(among))][:count]
        count = self.size if count is None else min(count, self.size)
        kept = descending(self.final, min(count, int(np.count_nonzero(self.final))))
        if kept.size == count:
            return kept
        rest = np.flatnonzero(self.final == 0)
        return np.concatenate([kept, rest[descending(self.raw[rest], count - kept.size)]])


def distribution(logits: NDArray[np.float32], settings: Settings) -> Distribution:
    """Runs the chain over the logits of one position.

    Args:
        logits: [vocabulary] float32; not changed, kept by reference.
        settings: ids in them must be in the vocabulary (Settings.check_vocabulary).

    Raises:
        InputError: an id in the settings is outside the vocabulary, or every token is banned.
        EngineError: the logits hold NaN or infinities.
    """
    settings.check_vocabulary(logits.size)
    scores = logits.astype(np.float64)
    highest = scores.max()
    with np.errstate(invalid="ignore"):  # damaged logits are refused below
        mass = np.exp(scores - highest)
    total = mass.sum()
    if not np.isfinite(highest + total):
        raise EngineError("the network returned numbers that are not finite here; its weights may be damaged")
    raw = mass / total
    log_total = float(highest + np.log(total))
    removed = np.zeros(logits.size, dtype=np.uint8)
    active = [(code, step) for code, step in enumerate(CHAIN, start=1) if step.active(settings)]
    if not active:
        return Distribution(logits, raw, raw, removed, settings, log_total)
    left = Left(scores, mass)
    for code, step in active:
        gone = step.apply(left, settings)
        if gone is not None and gone.any():
            if left.tokens.size == removed.size:  # the first cut, often of nearly all: without an index it is faster
                removed = gone * np.uint8(code)
            else:
                removed[left.tokens[gone]] = code
            left.drop(gone)
        if not left.tokens.size:
            raise InputError("these settings leave no token to choose from; ban fewer tokens")
    final = left.mass / left.mass.sum()
    if final.size < logits.size:
        shares, final = final, np.zeros(logits.size)
        final[left.tokens] = shares
    return Distribution(logits, raw, final, removed, settings, log_total)
