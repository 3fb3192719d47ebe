"""Forks: where a text became what it is. How much hangs on each coin, and how far each token moved the story.

Source: Bigelow et al. 2025 (arXiv 2412.07961), with common coins in place of independent ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.generation.backend import Backend, visible_ids
from gpt2_remix.engine.generation.decode import advance, pick_token
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.score import each_logits
from gpt2_remix.engine.generation.stream import Stream, context_at
from gpt2_remix.engine.outlook.outcomes import Outcome, OutcomeReader
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import CoinKind, Settings, check_seed
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BATCH = 16
"""Continuations that run as one batch."""

SHUFFLES = 100
"""How often outcomes are shuffled among the alternatives, to see what few rolls make of nothing."""

SHUFFLE_STREAM = 4
"""The stream of numbers that these come from (see `engine.sampling.coin`)."""


@dataclass(frozen=True, slots=True)
class ForkQuestion:
    """What is asked of a text.

    Attributes:
        outcomes: named by patterns.
        settings, seed, coin: of the continuations; roll i has seed + 1 + i.
        threshold: the final probability from which on a token is an alternative.
        rolls: continuations of each alternative.
        length: their new tokens.
    """

    outcomes: tuple[Outcome, ...]
    settings: Settings
    seed: int
    coin: CoinKind = "interval"
    threshold: float = 0.05
    rolls: int = 32
    length: int = 40


@dataclass(slots=True)
class Alternative:
    """A token that could stand at a position.

    Attributes:
        token: its id.
        p: its final probability.
        outcomes: [rolls] int64, the place of each roll's outcome; -1 for rolls that are not done.
        texts: the new ids of each roll.
    """

    token: int
    p: float
    outcomes: Ints
    texts: list[list[int]] = field(default_factory=list)

    def shares(self, count: int) -> list[float]:
        """The share of each of `count` outcomes among the rolls that are done."""
        done = self.outcomes[self.outcomes >= 0]
        return [float((done == place).mean()) if done.size else 0.0 for place in range(count)]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rolls of a position say.

    Attributes:
        fork: how much hangs on this coin: the mean distance of an alternative's outcomes from the mixture of all.
        pull: how far the token that stands there moved the story: the distance of its own.
        fork_se, pull_se: their standard errors by the delete-one-roll jackknife; None with one roll.
        chance: the fork that so few rolls make of nothing.
    """

    fork: float
    pull: float
    fork_se: float | None
    pull_se: float | None
    chance: float

    @property
    def beyond_chance(self) -> float:
        """What of the fork exceeds chance."""
        return max(0.0, self.fork - self.chance)


@dataclass(slots=True)
class Fork:
    """A position, its alternatives, and what their rolls say once all are done.

    Attributes:
        position, token: what stands there.
        entropy: of the final distribution, in bits.
        alternatives: the most probable first.
        measured: None before that.
    """

    position: int
    token: int
    entropy: float
    alternatives: list[Alternative]
    measured: Measured | None = None

    @property
    def weights(self) -> Floats:
        """[alternatives]: their probabilities, brought to sum 1."""
        p = np.array([alternative.p for alternative in self.alternatives])
        return p / p.sum() if p.sum() > 0 else np.full(p.size, 1 / p.size)


@dataclass(slots=True)
class Forks:
    """What is known of a text so far; grows by `find_forks`.

    Attributes:
        question: what is asked.
        positions: all that are asked for, in order of position.
        order: the positions in the order in which they are done, the most uncertain first.
        computed: tokens that the network was run on for the rolls.
        rolls_done, rolls: how many are done, of how many.
        timeouts: searches that took too long and count as no match.
    """

    question: ForkQuestion
    positions: list[Fork]
    order: list[Fork]
    computed: int = 0
    rolls_done: int = 0
    rolls: int = 0
    timeouts: int = 0

    @property
    def done(self) -> list[Fork]:
        """Those that are done, in order of position."""
        return [fork for fork in self.positions if fork.measured is not None]


def measure(outcomes: Ints, weights: Floats, chosen: int, count: int, rng: np.random.Generator) -> Measured:
    """What the rolls of a position say.

    Args:
        outcomes: [alternatives, rolls], the place of each outcome.
        weights: [alternatives], summing to 1.
        chosen: the place of the alternative that stands there.
        count: of outcomes, "other" included.
        rng: for the shuffles.
    """
    rolls = outcomes.shape[1]
    came = np.eye(count)[outcomes]  # [alternatives, rolls, count]
    fork, pull = _distances(came.mean(axis=1), weights, chosen)
    fork_se = pull_se = None
    if rolls > 1:
        left = (came.sum(axis=1, keepdims=True) - came).transpose(1, 0, 2) / (rolls - 1)  # without each roll in turn
        both = np.array([_distances(shares, weights, chosen) for shares in left])
        fork_se, pull_se = (float(error) for error in np.sqrt(
            (rolls - 1) / rolls * ((both - both.mean(axis=0)) ** 2).sum(axis=0)))
    chance = float(np.mean([_distances(np.eye(count)[rng.permuted(outcomes, axis=0)].mean(axis=1), weights, chosen)[0]
                            for _ in range(SHUFFLES)]))
    return Measured(fork, pull, fork_se, pull_se, chance)


def _distances(shares: Floats, weights: Floats, chosen: int) -> tuple[float, float]:
    """Fork and pull of shares [alternatives, outcomes]."""
    apart = 0.5 * np.abs(shares - weights @ shares).sum(axis=1)
    return float(weights @ apart), float(apart[chosen])


def shuffler(seed: int, position: int) -> np.random.Generator:
    """The numbers by which outcomes are shuffled at a position."""
    return np.random.Generator(np.random.Philox(
        key=seed, counter=np.array([0, position, 0, SHUFFLE_STREAM], dtype=np.uint64)))


def find_forks(
    backend: Backend, stream: Stream, question: ForkQuestion, *, tokenizer: Tokenizer, first: int | None = None,
    batch: Callable[[], int] = lambda: BATCH,
) -> Generator[Forks]:
    """Find the forks of a stream, from the most uncertain position on.

    Yields the same `Forks` again after each pass of the network; closing the generator stops it. Nothing is computed
    twice while the cache holds it.

    Args:
        backend: gives the logits.
        stream: whose forks.
        question: what is asked.
        tokenizer: of the network's vocabulary.
        first: the first position; the end of the prompt where left out.
        batch: says how many continuations go on in the next pass, at most BATCH.

    Raises:
        InputError: the last roll's seed is no seed, or the settings name an id outside the vocabulary.
        EngineError: the network failed.
    """
    check_seed(question.seed + question.rolls)
    question.settings.check_vocabulary(backend.info.vocab_size)
    ids = stream.ids()
    known: dict[int, tuple[Distribution, SamplingContext]] = {}
    forks = Forks(question, [], [])
    first = stream.prompt_length() if first is None else first
    for position, logits in each_logits(backend, ids, tokenizer.end_of_text, first):
        context = context_at(stream, position, question.settings, seed=question.seed, roll=0, tokenizer=tokenizer,
                             context_length=backend.info.context)
        dist = distribution(logits, question.settings, context)
        alternatives = _alternatives(dist, ids[position], question)
        forks.positions.append(Fork(position, ids[position], dist.entropy_final, alternatives))
        forks.rolls += question.rolls * len(alternatives)
        known[position] = dist, context
        yield forks
    order = sorted(forks.positions, key=lambda fork: (len(fork.alternatives) == 1, -fork.entropy, fork.position))
    forks.order = order
    reader = OutcomeReader(question.outcomes)
    yield forks
    for fork in order:
        # What stands in the text is asked for again, so that the cache drops rolls and not that.
        backend.logits([visible_ids(ids, max(1, len(ids) - 1), backend.info.context, tokenizer.end_of_text)])
        start, before = backend.computed, forks.computed
        dist, context = known.pop(fork.position)
        for _ in _rolled(backend, ids, fork, dist, context, question, reader, tokenizer, forks, batch):
            forks.computed, forks.timeouts = before + backend.computed - start, reader.timeouts
            yield forks
        chosen = next(n for n, other in enumerate(fork.alternatives) if other.token == fork.token)
        fork.measured = measure(np.stack([other.outcomes for other in fork.alternatives]), fork.weights, chosen,
                                reader.other + 1, shuffler(question.seed, fork.position))
        yield forks


def _alternatives(dist: Distribution, chosen: int, question: ForkQuestion) -> list[Alternative]:
    enough = [int(token) for token in np.flatnonzero(dist.final >= question.threshold)]
    tokens = sorted({chosen, *enough}, key=lambda token: (-float(dist.final[token]), token))
    rolls = question.rolls
    return [Alternative(token, float(dist.final[token]), np.full(rolls, -1), [[] for _ in range(rolls)])
            for token in tokens]


def _rolled(
    backend: Backend, ids: Sequence[int], fork: Fork, dist: Distribution, context: SamplingContext,
    question: ForkQuestion, reader: OutcomeReader, tokenizer: Tokenizer, forks: Forks,
    batch: Callable[[], int],
) -> Generator[None]:
    """Roll the continuations of every alternative of a position, so many at a time as one batch."""
    waiting: deque[tuple[Alternative, int, Lane]] = deque()
    for alternative in fork.alternatives:
        if alternative.token == tokenizer.end_of_text:
            alternative.outcomes[:] = reader.read(b"")
            forks.rolls_done += question.rolls
            continue
        step = pick_token(dist, alternative.token, context)
        for roll in range(question.rolls):
            lane = Lane([*ids[: fork.position], alternative.token], question.settings, question.seed + 1 + roll,
                        question.coin, end_of_text=tokenizer.end_of_text, limit=question.length, prompt=context.prompt,
                        offset=context.offset, before=step)
            waiting.append((alternative, roll, lane))
    going: list[tuple[Alternative, int, Lane]] = []
    while waiting or going:
        size = max(1, min(batch(), BATCH))
        while waiting and len(going) < size:
            going.append(waiting.popleft())
        now, still = going[:size], going[size:]
        advance(backend, [lane for _, _, lane in now], tokenizer)
        for alternative, roll, lane in now:
            new = [token for token in lane.new_ids if token != tokenizer.end_of_text]
            data = tokenizer.decode_bytes([alternative.token, *new])
            outcome = reader.read(data) if lane.stop is not None else reader.settled(data)
            if outcome is None:
                still.append((alternative, roll, lane))
                continue
            alternative.outcomes[roll] = outcome
            alternative.texts[roll] = lane.new_ids
            forks.rolls_done += 1
        going = still
        yield
