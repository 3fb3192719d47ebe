"""Counterfactuals: the same luck after one change, and what a stream's coins would have chosen with other settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import Backend
from gpt2_remix.engine.generation.hindsight import LuckInHindsight, chance_of, scores_in_hindsight
from gpt2_remix.engine.generation.score import each_logits
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.generation.stream import HAND_SEED, StepList, context_at, mu_after
from gpt2_remix.engine.sampling import coin as coins
from gpt2_remix.engine.sampling.chain.truncation import next_mu
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import Tokenizer


def script_of(steps: Sequence[Step], settings: Settings | None = None, *, moved: int = 0) -> dict[int, Step]:
    """The luck of a stream, to be taken again: its flips and picks by position. The script of a counterfactual's lane.

    Args:
        steps: of the stream; given tokens are left out.
        settings: in place of the recorded ones.
        moved: by how many positions the lane's stream is longer before them; each keeps its coin.
    """
    return {
        step.position + moved: replace(step, position=step.position + moved, offset=step.offset - moved,
                                       settings=settings or step.settings)
        for step in steps if step.origin != "prompt"
    }


def replay_choice(dist: Distribution, step: Step, lucks: LuckInHindsight) -> tuple[int, float]:
    """The token that the coin of a sampled step chooses from another distribution, flipped again, and its chance.

    Raises InputError where its luck was drawn in hindsight, and this network or these settings give it none.
    """
    if step.hindsight is not None:
        (luck,) = lucks.at([(step.hindsight, step.coin_position)])
        token = int(np.argmax(scores_in_hindsight(dist.final, luck)))
        return token, chance_of(float(luck[token]))
    if step.by_hand:
        assert step.u is not None
        return coins.choose_interval(dist.final, step.u), step.u
    assert step.seed is not None
    assert step.coin is not None
    return coins.flip(dist.final, step.coin, step.seed, step.coin_position, step.roll)


def rechoose(
    backend: Backend, steps: Sequence[Step], settings: Settings, *, tokenizer: Tokenizer, first: int = 0
) -> Iterator[tuple[int, int | None]]:
    """What the coins of a stream would have chosen with other settings, each after the tokens that do stand before it.

    Args:
        steps: the whole stream from position 0 on.
        settings: in place of those that each step records.
        first: the first position that is wanted; mirostat's state begins there.

    Yields (position, token) of every step that was sampled; None where the settings leave no token.
    """
    stream = StepList(steps)
    first = next((step.position for step in steps[first:] if step.origin == "sampled"), len(steps))
    mu: float | None = None
    lucks = LuckInHindsight(backend, tokenizer)
    for position, logits in each_logits(backend, stream.ids(), tokenizer.end_of_text, first):
        step = steps[position]
        if step.origin != "sampled":
            continue
        if step.settings == settings:
            mu = mu_after(steps[position - 1] if position else None, settings)
        context = context_at(stream, position, settings, seed=HAND_SEED if step.seed is None else step.seed,
                             roll=step.roll, tokenizer=tokenizer,
                             context_length=backend.info.context)
        try:
            dist = distribution(logits, settings, replace(context, mu=mu))
            chosen = replay_choice(dist, step, lucks)[0]
        except InputError:
            yield position, None
            continue
        if settings.mirostat_tau:
            mu = next_mu(mu, settings, float(dist.final[step.token]))
        yield position, chosen
