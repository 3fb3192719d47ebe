"""Advances lanes on a backend: what the network sees, one flip for each lane, why a lane stops; and scoring.

Works on token ids and `Step` records. Both front ends call these functions; neither has a copy.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.generation.backend import Backend, Logits, check_ids, window_start
from engine.sampling import coin as coins
from engine.sampling.chain import Moment, next_mu
from engine.sampling.distribution import Distribution, distribution
from engine.sampling.settings import CoinKind, Settings
from engine.session.tree import Step

MATCH, GUESSED = 3, 8
"""How many tokens must have come before in the same order for a guess, and the most that are guessed at once."""

StopReason = Literal["length", "end_of_text", "context"]


@dataclass(slots=True)
class Lane:
    """One stream being generated.

    Attributes:
        ids: prompt and what was appended; grows.
        settings, seed, coin: what its flips depend on.
        roll: the roll of its first flip; later positions are flipped for the first time.
        end_of_text: the id that ends it, None to go on past it.
        limit: stop after this many new tokens, None for no limit.
        slide: whether to go on past the context by sliding the window.
        steps: what was appended, in order.
        stop: why it ended; None while it goes on.
        prompt: how many of the ids are the prefix, for the settings that tell it from new text; all of `ids` at first
            where None.
        offset: added to the position for the coins (see `engine.sampling.chain.Moment`).
        mu: mirostat's state for the first new token; None where it begins.
        script: steps whose luck is taken again, or their picks, by the position that the coin is told; past them the
            lane goes on with its own settings and seed.
    """

    ids: list[int]
    settings: Settings
    seed: int
    coin: CoinKind = "interval"
    roll: int = 0
    end_of_text: int | None = None
    limit: int | None = None
    slide: bool = True
    steps: list[Step] = field(default_factory=list)
    stop: StopReason | None = None
    prompt: int | None = None
    offset: int = 0
    mu: float | None = None
    script: Mapping[int, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.prompt is None:
            self.prompt = len(self.ids)


def visible(ids: Sequence[int], position: int, context: int, end_of_text: int) -> tuple[int, list[int]]:
    """What the network is given to choose the token at a position: the window's start, and its ids.

    Nothing stands before the first token; as in GPT-2's training it is chosen as after `<|endoftext|>`.
    """
    if position == 0:
        return 0, [end_of_text]
    start = window_start(position, context)
    return start, list(ids[start:position])


def look(
    backend: Backend, requests: Sequence[tuple[Sequence[int], int]], end_of_text: int
) -> Logits:
    """Logits for choosing the token at a position of a sequence, for several (ids, position) pairs as one batch.

    Returns [len(requests), vocabulary] float32.
    """
    context = backend.info.context
    return backend.logits([visible(ids, position, context, end_of_text)[1] for ids, position in requests])


def flip(dist: Distribution, moment: Moment, *, coin: CoinKind, window: int = 0) -> Step:
    """Flips the coin of a moment: the step that it chooses.

    A greedy setting (temperature 0) leaves one token, so the coin is ignored; its u is recorded all the same.
    """
    place = (moment.seed, moment.coin_position, moment.roll)
    if coin == "gumbel":
        luck = coins.gumbel_luck(*place, dist.size)
        token = coins.choose_gumbel(dist.final, luck)
        u = float(luck[token])
    else:
        u = coins.interval_chance(*place)
        token = coins.choose_interval(dist.final, u)
    step = Step(moment.position, token, "sampled", u=u, roll=moment.roll, seed=moment.seed, coin=coin,
                settings=dist.settings, window=window, offset=moment.offset, mu=moment.mu)  # fmt: skip
    return measured(step, dist)


def pick(dist: Distribution, token: int, moment: Moment, *, window: int = 0) -> Step:
    """The step of a token that a person picked. Raises InputError outside the vocabulary."""
    check_ids([token], dist.size)
    step = Step(moment.position, token, "picked", settings=dist.settings, window=window, offset=moment.offset,
                mu=moment.mu)  # fmt: skip
    return measured(step, dist)


def chosen_again(dist: Distribution, step: Step) -> int:
    """The token that the coin of a step that was sampled chooses from another distribution."""
    assert step.seed is not None
    if step.coin == "gumbel":
        luck = coins.gumbel_luck(step.seed, step.position + step.offset, step.roll, dist.size)
        return coins.choose_gumbel(dist.final, luck)
    assert step.u is not None
    return coins.choose_interval(dist.final, step.u)


def mu_after(step: Step | None, settings: Settings) -> float | None:
    """Mirostat's state after a step of a stream; None where it begins: after the prefix, or with another tau or eta."""
    if not settings.mirostat_tau or step is None or step.settings is None:
        return None
    if (step.settings.mirostat_tau, step.settings.mirostat_eta) != (settings.mirostat_tau, settings.mirostat_eta):
        return None
    if "mirostat" in settings.off or "mirostat" in step.settings.off:
        return None
    if step.origin != "sampled" or step.p_final is None:
        return step.mu  # a token that a person picked says nothing of the sampling
    return next_mu(step.mu, settings, step.p_final)


def measured(step: Step, dist: Distribution) -> Step:
    """The step with its token's place in the distribution filled in."""
    token = step.token
    return dataclasses.replace(
        step, p_raw=float(dist.raw[token]), p_final=float(dist.final[token]), rank=dist.rank(token),
        surprisal=dist.surprisal(token), entropy=dist.entropy_raw,
    )  # fmt: skip


def advance(backend: Backend, lanes: Sequence[Lane], end_of_text: int) -> list[tuple[Lane, Step, Distribution]]:
    """Appends one token to every lane that goes on, all of them in one batch. Empty when all have stopped."""
    context = backend.info.context
    for lane in lanes:
        if lane.stop is None and lane.limit is not None and len(lane.steps) >= lane.limit:
            lane.stop = "length"
        if lane.stop is None and not lane.slide and len(lane.ids) > context:
            lane.stop = "context"
    live = [lane for lane in lanes if lane.stop is None]
    if not live:
        return []
    views = [visible(lane.ids, len(lane.ids), context, end_of_text) for lane in live]
    # Numbers must be the same with guesses as without, and a row more must cost less than a pass: in int8 both hold.
    exact = backend.info.batch_invariant and backend.info.precision == "int8"
    guesses = [told(lane) or guess(ids) for lane, (_, ids) in zip(live, views, strict=True)] if exact else ()
    done: list[tuple[Lane, Step, Distribution]] = []
    rows = backend.logits([ids for _, ids in views], guesses)
    for lane, (window, _), logits in zip(live, views, rows, strict=True):
        step, dist = _next_step(lane, logits, window, end_of_text)
        lane.ids.append(step.token)
        lane.steps.append(step)
        if step.token == lane.end_of_text:
            lane.stop = "end_of_text"
        elif lane.limit is not None and len(lane.steps) >= lane.limit:
            lane.stop = "length"
        done.append((lane, step, dist))
    return done


def told(lane: Lane) -> list[int]:
    """What the stream whose luck a lane takes again held at the next positions: with the same coins a good guess."""
    place = len(lane.ids) + lane.offset
    return [step.token for n in range(place, place + GUESSED) if (step := lane.script.get(n)) is not None]


def guess(ids: Sequence[int]) -> list[int]:
    """How a text may go on if it repeats itself: what followed the last place that ended in the same tokens.

    As many tokens as agreed there, from MATCH to GUESSED; none where fewer did. Since the coin of each position is
    fixed, checking a guess changes no token, only how often the network runs. Source: prompt lookup decoding
    (Saxena 2023); coins that make the drafter irrelevant: Daliri et al. 2024 (arXiv 2408.07978).
    """
    if len(ids) <= MATCH:
        return []
    text = array("i", ids).tobytes()  # bytes are searched many times faster than numbers
    size = len(text) // len(ids)
    last, end = text[-MATCH * size :], len(text) - size
    while (found := text.rfind(last, 0, end)) % size:
        if found < 0:
            return []
        end = found + len(last) - 1
    place = found // size + MATCH
    agreed = MATCH
    while agreed < GUESSED and agreed < place and ids[place - 1 - agreed] == ids[-1 - agreed]:
        agreed += 1
    return list(ids[place : place + agreed])


def _next_step(lane: Lane, logits: NDArray[np.float32], window: int, end_of_text: int) -> tuple[Step, Distribution]:
    position = len(lane.ids)
    settings, seed, roll, coin = lane.settings, lane.seed, 0 if lane.steps else lane.roll, lane.coin
    old = lane.script.get(position + lane.offset)
    if old is not None:
        settings = old.settings or settings
        if old.seed is not None and old.coin is not None:
            seed, roll, coin = old.seed, old.roll, old.coin
    mu = mu_after(lane.steps[-1], settings) if lane.steps else lane.mu
    moment = Moment(position, lane.ids if settings.looks_back else (), lane.prompt or 0, end_of_text, seed, roll,
                    lane.offset, mu)  # fmt: skip
    dist = distribution(logits, settings, moment)
    if old is not None and old.origin == "picked":
        return pick(dist, old.token, moment, window=window), dist
    return flip(dist, moment, coin=coin, window=window), dist


def score(
    backend: Backend, ids: Sequence[int], end_of_text: int, *, from_start: bool = False
) -> Iterator[tuple[int, Distribution]]:
    """The raw distribution of each position of a text, in order: (position, distribution).

    Position 0 comes only with `from_start`, as after `<|endoftext|>`. A text longer than the context is scored in
    windows that overlap by half: each position sees what `window_start` gives it, as when generating.
    """
    check_ids(ids, backend.info.vocab_size)
    plain = Settings()
    for position, logits in each_logits(backend, ids, end_of_text, 0 if from_start else 1):
        yield position, distribution(logits, plain)


def each_logits(
    backend: Backend, ids: Sequence[int], end_of_text: int, first: int = 0
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Logits for choosing each token of a sequence again, from position `first` on: (position, [vocabulary] float32).

    Every position sees what it saw when it was generated; of what the backend still keeps nothing is computed again.
    """
    context = backend.info.context
    if first == 0 and ids:
        yield 0, backend.logits([[end_of_text]])[0]
    position = max(1, first)
    while position < len(ids):
        start = window_start(position, context)
        end = position
        while end < len(ids) and window_start(end, context) == start:
            end += 1
        for chunk in backend.every_logits(ids[start : end - 1], first=position - start - 1):
            for logits in chunk:
                yield position, logits
                position += 1


def reconsider(
    backend: Backend, steps: Sequence[Step], settings: Settings, *, prompt: int, end_of_text: int, first: int = 0
) -> Iterator[tuple[int, int | None]]:
    """What the coins of a stream would have chosen with other settings, each after the tokens that do stand before it.

    Args:
        steps: the whole stream from position 0 on.
        settings: in place of those that each step records.
        prompt: how many of the steps are the prefix.
        first: the first position that is wanted; mirostat's state begins there.

    Yields (position, token) of every step that was sampled; None where the settings leave no token.
    """
    ids = [step.token for step in steps]
    first = next((step.position for step in steps[first:] if step.origin == "sampled"), len(ids))
    mu: float | None = None
    for position, logits in each_logits(backend, ids, end_of_text, first):
        step = steps[position]
        if step.origin != "sampled":
            continue
        before = steps[position - 1] if position else None
        if step.settings == settings:
            mu = mu_after(before, settings)
        moment = Moment(position, ids[:position] if settings.looks_back else (), prompt, end_of_text, step.seed or 0,
                        step.roll, step.offset, mu)  # fmt: skip
        try:
            dist = distribution(logits, settings, moment)
        except InputError:
            yield position, None
            continue
        if settings.mirostat_tau:
            mu = next_mu(mu, settings, float(dist.final[step.token]))
        yield position, chosen_again(dist, step)
