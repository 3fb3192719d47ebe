"""Logits -> Distribution: raw and final probabilities of every token, and what removed each removed one.

`distribution` runs the rules of `engine.sampling.chain` that the settings switch on, in their order, and keeps account
of what each of them removed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.sampling.chain.rules import RULES
from gpt2_remix.engine.sampling.chain.state import BITS, ChainState, Floats
from gpt2_remix.engine.sampling.coin import descending
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.settings import CHAIN, Settings

CODES = {name: code for code, name in enumerate(CHAIN, start=1)}
"""The number of each rule in `Distribution.removed`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What one rule of the chain did.

    Attributes:
        rule: its name.
        kept: how many tokens it left.
        mass_removed: the share of the probability that was left before it and is gone after it, 0 to 1.
    """

    rule: str
    kept: int
    mass_removed: float


@dataclass(frozen=True, eq=False)
class Distribution:
    """Raw and final probabilities of every token at one position, and what removed each removed token.

    Attributes:
        logits: [vocabulary] float32, as the network gave them.
        raw: [vocabulary] float64, their softmax at temperature 1; sums to 1.
        final: [vocabulary] float64, after the chain; sums to 1, exactly 0 for removed tokens.
        removed: [vocabulary] uint8, 0 for kept tokens, else 1 + the index in CHAIN of the rule that removed it.
        settings: the chain's settings.
        log_total: the natural logarithm of the sum of exp(logits).
        stages: what each rule that was on did, in their order; None where no account was kept.
    """

    logits: NDArray[np.float32]
    raw: Floats
    final: Floats
    removed: NDArray[np.uint8]
    settings: Settings
    log_total: float
    stages: tuple[Stage, ...] | None

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
        # Not np.dot: after it, BLAS's own threads go on spinning on the cores that the next token needs.
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
        """The name of the rule that removed the token, or None."""
        code = int(self.removed[token])
        return CHAIN[code - 1] if code else None

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


def distribution(
    logits: NDArray[np.float32], settings: Settings, context: SamplingContext | None = None, *, account: bool = False
) -> Distribution:
    """Run the chain over the logits of one position.

    Args:
        logits: [vocabulary] float32; not changed, kept by reference.
        settings: ids in them must be in the vocabulary (Settings.check_vocabulary).
        context: where in the stream this is; may be left out where `settings` neither look back nor flip.
        account: keep account of what each rule left; that takes another pass over the tokens for some rules.

    Raises:
        InputError: an id in the settings is outside the vocabulary, or a rule leaves no token.
        EngineError: the logits hold NaN or infinities.
    """
    settings.check_vocabulary(logits.size)
    context = SamplingContext() if context is None else context
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
    state = ChainState(scores, mass, context)
    stages: list[Stage] = []
    for name in settings.active():
        gone = RULES[name](state, settings)
        share = 0.0
        if gone is not None and gone.any():
            before = float(state.mass.sum()) if account else 0.0
            share = float(state.mass[gone].sum()) / before if account else 0.0
            if state.tokens.size == removed.size:  # the first cut, often of nearly all: without an index it is faster
                removed = gone * np.uint8(CODES[name])
            else:
                removed[state.tokens[gone]] = CODES[name]
            state.drop(gone)
        if not state.tokens.size:
            raise InputError(f"{name} leaves no token to choose from at position {context.position}; relax it")
        stages.append(Stage(name, int(state.tokens.size), share))
    if not stages:
        return Distribution(logits, raw, raw, removed, settings, log_total, ())
    final = state.mass / state.mass.sum()
    if final.size < logits.size:
        shares, final = final, np.zeros(logits.size)
        final[state.tokens] = shares
    return Distribution(logits, raw, final, removed, settings, log_total, tuple(stages) if account else None)
