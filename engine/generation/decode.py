"""Choosing tokens: logits at a position, one flip or pick, and lanes advanced together on a backend.

Works on token ids and `Step` records. Both front ends call these functions; neither has a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpt2_remix.engine.generation.backend import Backend, check_ids, visible_ids
from gpt2_remix.engine.generation.draft import draft_of
from gpt2_remix.engine.generation.hindsight import Floats, LuckInHindsight, choose_in_hindsight
from gpt2_remix.engine.generation.lane import Lane, next_token
from gpt2_remix.engine.generation.step import Step, with_probabilities
from gpt2_remix.engine.sampling import coin as coins
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import CoinKind
from gpt2_remix.engine.tokens.tokenizer import Tokenizer


def choose_token(dist: Distribution, context: SamplingContext, coin: CoinKind) -> Step:
    """Flip the coin of a context: the step that it chooses.

    A greedy setting (temperature 0) leaves one token, so the coin is ignored; its u is recorded all the same. Where a
    person gave the u (dice) it takes the place of the interval coin's.
    """
    seed: int | None
    if context.u is not None:
        token, u, seed, coin = coins.choose_interval(dist.final, context.u), context.u, None, "interval"
    else:
        seed = context.seed
        token, u = coins.flip(dist.final, coin, seed, context.coin_position, context.roll)
    step = Step(context.position, token, "sampled", u=u, roll=context.roll, seed=seed, coin=coin,
                settings=dist.settings, window=context.window, offset=context.offset, mu=context.mu)
    return with_probabilities(step, dist)


def pick_token(dist: Distribution, token: int, context: SamplingContext) -> Step:
    """The step of a token that a person picked. Raises InputError outside the vocabulary."""
    check_ids([token], dist.size)
    step = Step(context.position, token, "picked", settings=dist.settings, window=context.window, offset=context.offset,
                mu=context.mu)
    return with_probabilities(step, dist)


def advance(
    backend: Backend, lanes: Sequence[Lane], tokenizer: Tokenizer, asked: tuple[Backend, Tokenizer] | None = None
) -> list[tuple[Lane, Step, Distribution]]:
    """Append one token to every lane that goes on, all of them in one batch. Empty when all have stopped.

    Args:
        backend, tokenizer: of the network that the lanes run on.
        lanes: the ones that have stopped are left out.
        asked: the network that luck in hindsight is drawn for, where that is another one.

    Raises:
        InputError: the settings of a lane leave no token, or no luck can have chosen what its script holds.
        EngineError: the network failed.
    """
    length = backend.info.context
    for lane in lanes:
        if lane.stop is None and lane.limit is not None and len(lane.steps) >= lane.limit:
            lane.stop = "length"
        if lane.stop is None and not lane.slide and len(lane) > length:
            lane.stop = "context"
    live = [lane for lane in lanes if lane.stop is None]
    if not live:
        return []
    views = [visible_ids(lane.tokens, len(lane), length, tokenizer.end_of_text) for lane in live]
    # Numbers must be the same with drafts as without, and a row more must cost less than a pass: in int8 both hold.
    exact = backend.info.batch_invariant and backend.info.precision == "int8"
    drafts = [draft_of(lane, ids) for lane, ids in zip(live, views, strict=True)] if exact else ()
    tokens = [next_token(lane, tokenizer, length) for lane in live]
    lucks = _lucks(*(asked or (backend, tokenizer)), [token.again for token in tokens], backend.info.vocab_size)
    done: list[tuple[Lane, Step, Distribution]] = []
    for lane, logits, token, luck in zip(live, backend.logits(views, drafts), tokens, lucks, strict=True):
        dist = distribution(logits, token.settings, token.context)
        if token.picked is not None:
            step = pick_token(dist, token.picked, token.context)
        elif luck is not None and token.again is not None and token.again.hindsight is not None:
            step = choose_in_hindsight(dist, token.context, luck, token.again.hindsight)
        else:
            step = choose_token(dist, token.context, token.coin)
        lane.tokens.append(step.token)
        lane.steps.append(step)
        if step.token == lane.end_of_text:
            lane.stop = "end_of_text"
        elif lane.limit is not None and len(lane.steps) >= lane.limit:
            lane.stop = "length"
        done.append((lane, step, dist))
    return done


def _lucks(
    backend: Backend, tokenizer: Tokenizer, again: Sequence[Step | None], vocabulary: int
) -> list[Floats | None]:
    """The luck in hindsight of steps that are taken again, from the texts that it was drawn for; None for others."""
    asked = [step for step in again if step is not None]
    if not asked:
        return [None] * len(again)
    places = [(step.hindsight, step.coin_position) for step in asked if step.hindsight is not None]
    lucks = iter(LuckInHindsight(backend, tokenizer, vocabulary).at(places, [step.mu for step in asked]))
    return [next(lucks) if step is not None and step.hindsight is not None else None for step in again]
