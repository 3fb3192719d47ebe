"""Rules that look at what stands before, and at single tokens: penalties, repetitions, biases, bans."""

from __future__ import annotations

import math

import numpy as np

from gpt2_remix.engine.sampling.chain.breakers import breakers_of
from gpt2_remix.engine.sampling.chain.state import ChainState, Mask
from gpt2_remix.engine.sampling.settings import Settings

LARGEST_LOG = 88.7228391
"""The logarithm of the largest float32, at which llama.cpp ends the growth of DRY's penalty."""


def penalize_repetition(state: ChainState, settings: Settings) -> None:
    """Make every token of the text less likely: positive logits are divided by the penalty, negative ones multiplied.

    A logit of 2 becomes 1.6 at a penalty of 1.25, one of -2 becomes -2.5. Below 1 it rewards. The prefix counts, and
    how often a token stood does not. Limits: 0.01 to 100. Source: Keskar et al. 2019 (arXiv 1909.05858); transformers,
    RepetitionPenaltyLogitsProcessor.
    """
    penalty = settings.repetition_penalty
    seen, _ = state.find(state.history)
    scores = state.scores.copy()
    known = scores[seen]
    scores[seen] = np.where(known < 0, known * penalty, known / penalty)
    state.rescore(scores)


def penalize_presence(state: ChainState, settings: Settings) -> None:
    """Take the same from the logit of every token that was generated already.

    With a penalty of 0.5 a token that came once or ten times falls from 2 to 1.5. The prefix does not count. Limits:
    -10 to 10. Source: OpenAI's API (presence_penalty).
    """
    seen, _ = state.find(state.history[state.context.prompt :])
    scores = state.scores.copy()
    scores[seen] -= settings.presence_penalty
    state.rescore(scores)


def penalize_frequency(state: ChainState, settings: Settings) -> None:
    """Take the penalty from a token's logit once for each time that it was generated.

    With a penalty of 0.5 a token that came three times falls from 2 to 0.5. The prefix does not count. Limits: -10 to
    10. Source: OpenAI's API (frequency_penalty).
    """
    seen, times = state.find(state.history[state.context.prompt :])
    scores = state.scores.copy()
    scores[seen] -= settings.frequency_penalty * times
    state.rescore(scores)


def forbid_ngrams(state: ChainState, settings: Settings) -> Mask | None:
    """Remove every token that would complete a run of n tokens that stood before.

    After 7 8 9 7 8 with n = 3 the token 9 goes: 7 8 9 stood already. With n = 1 no token comes twice. The prefix
    counts. Source: Paulus et al. 2017 (arXiv 1705.04304); transformers, NoRepeatNGramLogitsProcessor.
    """
    size, history = settings.no_repeat_ngram_size, state.history
    if history.size < size:
        return None
    # Places that an earlier run of n - 1 tokens, equal to the last ones, ends before.
    places = np.arange(size - 1, history.size)
    for back in range(1, size):
        places = places[history[places - back] == history[-back]]
    return state.mask(state.find(history[places])[0])


def discourage_repeats(state: ChainState, settings: Settings) -> None:
    """DRY ("don't repeat yourself"): the longer the repetition that a token would lengthen, the less likely it gets.

    The penalty is multiplier * base ** (length - allowed_length), `length` being how many of the last tokens stand
    before an earlier occurrence of the candidate too, from allowed_length on. A sequence breaker ends a repetition: a
    text, in whatever token it stands, or a token id; a token that holds one is never penalized. After 7 8 9 7 8 with
    multiplier 1, base 2, allowed length 2 the token 9 loses 1 * 2 ** 0 = 1; after 6 7 8 9 6 7 8 it loses 2. The prefix
    counts. Limits: multiplier 0 to 100, base 1 to 100. Source: p-e-w 2024 (text-generation-webui pull request 5677);
    llama.cpp.
    """
    history = state.history
    breakers = breakers_of(settings.dry_breakers, state.context.tokenizer)
    limit = breakers.room(history)
    allowed = settings.dry_allowed_length
    if history.size <= allowed or limit < allowed:
        return
    steepest = int(LARGEST_LOG / math.log(settings.dry_base)) if settings.dry_base > 1.000001 else 0
    longest = min(limit, allowed + steepest) if steepest else limit
    lengths = np.zeros(state.vocabulary, dtype=np.intp)  # by token
    places = np.arange(1, history.size)  # of tokens that something stands before
    length = 0
    while places.size and length < longest:
        length += 1
        places = places[places >= length]
        places = places[history[places - length] == history[-length]]
        lengths[history[places]] = length
    if steepest == 0:  # the penalty does not grow
        steepest = max(0, longest - allowed)
    lengths[breakers.alone[breakers.alone < state.vocabulary]] = 0
    repeated = np.flatnonzero(lengths >= allowed)
    if not repeated.size:
        return
    at, _ = state.find(repeated)
    exponent = np.minimum(lengths[state.tokens[at]] - allowed, steepest)
    scores = state.scores.copy()
    scores[at] -= settings.dry_multiplier * settings.dry_base ** exponent.astype(np.float64)
    state.rescore(scores)


def add_bias(state: ChainState, settings: Settings) -> None:
    """Add each bias to its token's logit. A bias of +1 multiplies the odds by e. Limits: -100 to 100.

    Source: OpenAI's API (logit_bias); transformers, SequenceBiasLogitsProcessor for single tokens.
    """
    biases = dict(settings.logit_bias)
    at, _ = state.find(np.array(list(biases), dtype=np.intp))
    scores = state.scores.copy()
    scores[at] += np.array([biases[int(token)] for token in state.tokens[at]])
    state.rescore(scores)


def ban(state: ChainState, settings: Settings) -> Mask:
    """Rule out the banned tokens. Banning 13 leaves every other token with its share of what 13 had.

    Source: transformers, NoBadWordsLogitsProcessor for single tokens.
    """
    return state.mask(state.find(np.array(settings.banned, dtype=np.intp))[0])


def postpone_end(state: ChainState, settings: Settings) -> Mask | None:
    """Rule out `<|endoftext|>` until enough new tokens stand: with 5, the sixth new token is the first that may be it.

    Source: transformers, MinNewTokensLengthLogitsProcessor.
    """
    context = state.context
    if context.tokenizer is None or context.position - context.prompt >= settings.min_new_tokens:
        return None
    return state.mask(state.find(np.array([context.tokenizer.end_of_text]))[0])
