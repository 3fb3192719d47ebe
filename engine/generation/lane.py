"""Lanes: streams being generated, each from a position of another stream, with the state that it has there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.generation.stream import Stream, by_hand, context_at
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.settings import CoinKind, Settings

if TYPE_CHECKING:
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

StopReason = Literal["length", "end_of_text", "context"]


@dataclass(slots=True)
class Lane:
    """One stream being generated. Made by `lane_at`, or from a prefix alone: `Lane([91], Settings(), seed=7)`.

    It is a `Stream` itself.

    Attributes:
        tokens: its prefix and what was appended; grows.
        settings, seed, coin: what its flips depend on.
        roll: the roll of its first flip; later positions are flipped for the first time.
        end_of_text: the id that ends it, None to go on past it.
        limit: stop after this many new tokens, None for no limit.
        slide: whether to go on past the context by sliding the window.
        steps: what was appended, in order.
        stop: why it ended; None while it goes on.
        prompt: how many of the tokens are the prefix, for the settings that tell it from new text; all that it begins
            with where None.
        offset: added to positions for the coins.
        before: the step that its first new token comes after, where it goes on from a stream.
        script: steps whose luck is taken again, or their picks, by position; past them the lane goes on with its own
            settings and seed (see `engine.generation.counterfactual.script_of`).
        dice: the u of its first flips, given by hand.
    """

    tokens: list[int]
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
    before: Step | None = None
    script: Mapping[int, Step] = field(default_factory=dict)
    dice: Sequence[float] = ()

    def __post_init__(self) -> None:
        if self.prompt is None:
            self.prompt = len(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def step(self, position: int) -> Step:
        """See `Stream.step`; what stands before its first new token but one is not known."""
        start = len(self.tokens) - len(self.steps)
        if position >= start:
            return self.steps[position - start]
        if position == start - 1 and self.before is not None:
            return self.before
        return Step(position, self.tokens[position], "prompt", offset=self.offset)

    def ids(self, end: int | None = None, start: int = 0) -> list[int]:
        """See `Stream.ids`."""
        return self.tokens[start:end]

    def prompt_length(self) -> int:
        """See `Stream.prompt_length`."""
        assert self.prompt is not None
        return self.prompt

    @property
    def new_ids(self) -> list[int]:
        """What was appended."""
        return self.tokens[len(self.tokens) - len(self.steps) :]


def lane_at(
    stream: Stream, position: int, settings: Settings, *, seed: int, coin: CoinKind = "interval", roll: int = 0,
    end_of_text: int | None = None, limit: int | None = None, slide: bool = True,
    script: Mapping[int, Step] | None = None, dice: Sequence[float] = (),
) -> Lane:
    """A lane that goes on from a position of a stream with all the state that it has there.

    Args:
        stream: what it goes on from; a prefix alone is a `Prefix`.
        position: 0 ... len(stream); what stands there and after it is left out.
        settings, seed, coin, roll, end_of_text, limit, slide, script, dice: of the lane (see `Lane`).
    """
    context = context_at(stream, position, settings, seed=seed, roll=roll, tokenizer=None, context_length=0)
    before = stream.step(position - 1) if position else None
    if before is not None and before.offset != context.offset:
        before = replace(before, offset=context.offset)
    return Lane(stream.ids(position), settings, seed, coin, roll, end_of_text, limit, slide, prompt=context.prompt,
                offset=context.offset, before=before, script=script or {}, dice=dice)


@dataclass(frozen=True, slots=True)
class NextToken:
    """What a lane's next token is chosen with.

    Attributes:
        settings, coin, context: of the choice.
        picked: the token, where the lane's script says that a person picked it.
        again: the step of the lane's script, where its luck is to be drawn in hindsight.
    """

    settings: Settings
    coin: CoinKind
    context: SamplingContext
    picked: int | None = None
    again: Step | None = None


def next_token(lane: Lane, tokenizer: Tokenizer | None, context_length: int) -> NextToken:
    """What a lane's next token is chosen with: by its script as far as that goes, then by its own settings."""
    settings, seed, roll, coin = lane.settings, lane.seed, 0 if lane.steps else lane.roll, lane.coin
    old, u = lane.script.get(len(lane)), None
    if old is not None:
        settings = old.settings or settings
        if old.seed is not None and old.coin is not None:
            seed, roll, coin = old.seed, old.roll, old.coin
        u = old.u if old.by_hand else None
    elif len(lane.steps) < len(lane.dice):
        u = lane.dice[len(lane.steps)]
    context = context_at(lane, len(lane), settings, seed=seed, roll=roll, tokenizer=tokenizer,
                         context_length=context_length)
    if u is not None:
        context, coin = by_hand(context, u), "interval"
    if old is None:
        if not len(lane):
            context = replace(context, offset=lane.offset)
        return NextToken(settings, coin, context)
    context = replace(context, offset=old.offset)
    return NextToken(settings, coin, context, old.token if old.origin == "picked" else None,
                     old if old.hindsight is not None else None)
