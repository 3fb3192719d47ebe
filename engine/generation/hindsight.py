"""Luck in hindsight: for tokens that no coin chose, Gumbel luck that would have chosen them.

Given and picked tokens have no luck of their own, so nobody can ask what the same luck would have given after a change.
Luck that would have written them can be drawn; it is one of many, and a seed chooses among them. Under the settings and
the text that it is drawn for, each token wins its race again; under others the race may go to another one. Source:
Maddison et al. 2014 (arXiv 1411.0030); Chatzi et al. 2024 (arXiv 2409.17027); Ravfogel et al. 2024 (arXiv 2411.07180).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import Backend, check_ids, logits_at
from gpt2_remix.engine.generation.score import each_logits
from gpt2_remix.engine.generation.step import Hindsight, Step, with_probabilities
from gpt2_remix.engine.generation.stream import StepList, context_at, given_text
from gpt2_remix.engine.sampling import coin as coins
from gpt2_remix.engine.sampling.chain.truncation import next_mu
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import Distribution, distribution

if TYPE_CHECKING:
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

Floats = NDArray[np.float64]


def hindsight_luck(final: Floats, token: int, seed: int, position: int, vocabulary: int) -> Floats | None:
    """[vocabulary] float64: luck g under which a token wins the race; None where none can have chosen it.

    Args:
        final: the final probabilities at its position; where they are fewer than `vocabulary`, the others have none.
        token: that stands there.
        seed, position: of the coin.
        vocabulary: how many tokens there are, in the larger of two networks.
    """
    p = np.zeros(vocabulary)
    p[: final.size] = final
    if p[token] <= 0:
        return None
    chances = coins.uniforms(seed, position, 0, coins.HINDSIGHT_STREAM, vocabulary)
    with np.errstate(divide="ignore", over="ignore"):
        log_p: Floats = np.log(p)
        highest = float(-np.log(-np.log(chances[token])))
        luck: Floats = -np.log(np.exp(log_p - highest) - np.log(chances))
    luck[token] = highest - log_p[token]
    return luck


def choose_in_hindsight(dist: Distribution, context: SamplingContext, luck: Floats, question: Hindsight) -> Step:
    """The step that luck in hindsight chooses from a distribution: the highest log p + g, ties by smaller id."""
    token = int(np.argmax(scores_in_hindsight(dist.final, luck)))
    step = Step(context.position, token, "sampled", u=chance_of(float(luck[token])), seed=question.seed, coin="gumbel",
                settings=dist.settings, window=context.window, offset=context.offset, mu=context.mu,
                hindsight=question)
    return with_probabilities(step, dist)


@lru_cache(16)
def question_stream(question: Hindsight) -> StepList:
    """The text of a question as a stream: from its prompt on the tokens count as picked."""
    return given_text(question.ids, question.prompt)


def context_in_hindsight(
    question: Hindsight, position: int, *, tokenizer: Tokenizer | None, context_length: int, mu: float | None
) -> SamplingContext:
    """The context in which the token of a question's text would have been chosen."""
    context = context_at(question_stream(question), position, question.settings, seed=question.seed, roll=0,
                         tokenizer=tokenizer, context_length=context_length)
    return replace(context, offset=0, mu=mu)


def hindsight_script(
    backend: Backend, question: Hindsight, tokenizer: Tokenizer, first: int | None = None
) -> Iterator[Step]:
    """The tokens of a question's text as steps whose luck can be taken again, from its prompt on.

    Those that no luck can have chosen (their final probability is 0) are picked: they stay as they stand. Mirostat's
    state is that of a text that was sampled from the prompt on; it begins there, whatever `first` is.

    Args:
        backend: of the network that is asked.
        question: the text, and with which settings.
        tokenizer: of its vocabulary.
        first: the first position that is wanted.

    Raises:
        InputError: a token or a setting is outside the vocabulary, or the settings leave no token somewhere.
    """
    check_ids(question.ids, backend.info.vocab_size)
    question.settings.check_vocabulary(backend.info.vocab_size)
    mu: float | None = None
    first = question.prompt if first is None else first
    begin = question.prompt if question.settings.mirostat_tau else first
    for position, logits in each_logits(backend, question.ids, tokenizer.end_of_text, begin):
        context = context_in_hindsight(question, position, tokenizer=tokenizer, context_length=backend.info.context,
                                       mu=mu)
        dist = distribution(logits, question.settings, context)
        token = question.ids[position]
        p = float(dist.final[token])
        if position >= first:
            yield _as_chosen(question, dist, context, token)
        if question.settings.mirostat_tau:
            mu = next_mu(mu, question.settings, p)


def _as_chosen(question: Hindsight, dist: Distribution, context: SamplingContext, token: int) -> Step:
    if dist.final[token] <= 0:
        return with_probabilities(Step(context.position, token, "picked", settings=question.settings,
                                       window=context.window, mu=context.mu), dist)
    step = Step(context.position, token, "sampled", seed=question.seed, coin="gumbel", settings=question.settings,
                window=context.window, mu=context.mu, hindsight=question)
    return with_probabilities(step, dist)


def scores_in_hindsight(final: Floats, luck: Floats) -> Floats:
    """[vocabulary] float64: log p + g of each token of the network whose final probabilities these are."""
    with np.errstate(divide="ignore"):
        scores: Floats = np.log(final) + luck[: final.size]
    return scores


def chance_of(luck: float) -> float:
    """The u that records hold of a luck g: exp(-exp(-g))."""
    return math.exp(-math.exp(-luck))


class LuckInHindsight:
    """The luck of questions, computed again as it is asked for.

    Args:
        backend: of the network that it was drawn for.
        tokenizer: of its vocabulary.
        vocabulary: of the larger network, where another one generates.
    """

    def __init__(self, backend: Backend, tokenizer: Tokenizer, vocabulary: int = 0) -> None:
        self._backend, self._tokenizer = backend, tokenizer
        self._size = max(vocabulary, backend.info.vocab_size)
        self._mus: dict[Hindsight, dict[int, float | None]] = {}

    def at(self, places: Sequence[tuple[Hindsight, int]], mus: Sequence[float | None] | None = None) -> list[Floats]:
        """The luck at positions of questions' texts, [vocabulary] each; `mus` are mirostat's states there, if known.

        Raises InputError where there can be none.
        """
        for question, _ in places:
            if question.model not in ("", self._backend.info.name):
                raise InputError(f"this luck in hindsight was drawn for {question.model}; go on with that model")
            check_ids(question.ids, self._backend.info.vocab_size)
        lucks = []
        rows = logits_at(self._backend, [(question.ids, position) for question, position in places],
                         self._tokenizer.end_of_text) if places else ()
        for n, ((question, position), logits) in enumerate(zip(places, rows, strict=True)):
            mu = self._mu(question, position) if mus is None else mus[n]
            context = context_in_hindsight(question, position, tokenizer=self._tokenizer, mu=mu,
                                           context_length=self._backend.info.context)
            final = distribution(logits, question.settings, context).final
            luck = hindsight_luck(final, question.ids[position], question.seed, position, self._size)
            if luck is None:
                raise InputError(f"no luck can have chosen token {question.ids[position]} at position {position} with "
                                 "these settings; it stays as it stands")
            lucks.append(luck)
        return lucks

    def _mu(self, question: Hindsight, position: int) -> float | None:
        if not question.settings.mirostat_tau:
            return None
        if question not in self._mus:
            self._mus[question] = {step.position: step.mu
                                   for step in hindsight_script(self._backend, question, self._tokenizer)}
        return self._mus[question][position]


def impossible(steps: Sequence[Step]) -> list[int]:
    """The positions of a script at which no luck can have chosen what stands there."""
    return [step.position for step in steps if step.origin == "picked"]
