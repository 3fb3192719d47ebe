"""Streams of steps, and `context_at`: with which state the token at a position of a stream is chosen.

Whoever chooses a token (space, r, g, b, a comparison's lanes, a counterfactual, the commands, replay) asks here for its
prefix length, the offset of its coins, mirostat's state, the network's window and the roll. Derived anew elsewhere,
one of them is forgotten sooner or later, and the token does not replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from gpt2_remix.engine.generation.backend import window_start
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.chain.truncation import next_mu
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.settings import Settings

if TYPE_CHECKING:
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer


HAND_SEED = 0
"""Where a person gives the u of a flip no seed is kept: a rule of the chain that flips a coin of its own (XTC) has this
one."""


class Stream(Protocol):
    """Tokens from position 0 on, and how each came about: a tree's branch in view, a lane, a plain prefix."""

    def __len__(self) -> int:
        """How many tokens it has."""
        ...

    def step(self, position: int) -> Step:
        """The step at a position. Raises IndexError outside the stream."""
        ...

    def ids(self, end: int | None = None, start: int = 0) -> list[int]:
        """Token ids from `start` up to (not including) `end`."""
        ...

    def prompt_length(self) -> int:
        """How many tokens at the start are the prefix."""
        ...


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix, as a stream: no token of it was chosen.

    Attributes:
        tokens: its ids.
        offset: added to positions for the coins of what follows.
    """

    tokens: Sequence[int]
    offset: int = 0

    def __len__(self) -> int:
        return len(self.tokens)

    def step(self, position: int) -> Step:
        """See `Stream.step`."""
        return Step(position, self.tokens[position], "prompt", offset=self.offset)

    def ids(self, end: int | None = None, start: int = 0) -> list[int]:
        """See `Stream.ids`."""
        return list(self.tokens[start:end])

    def prompt_length(self) -> int:
        """See `Stream.prompt_length`."""
        return len(self.tokens)


@dataclass(slots=True)
class StepList:
    """A stream that is a list of its steps."""

    steps: Sequence[Step]
    _ids: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.steps)

    def step(self, position: int) -> Step:
        """See `Stream.step`."""
        return self.steps[position]

    def ids(self, end: int | None = None, start: int = 0) -> list[int]:
        """See `Stream.ids`."""
        if len(self._ids) != len(self.steps):
            self._ids = [step.token for step in self.steps]
        return self._ids[start:end]

    def prompt_length(self) -> int:
        """See `Stream.prompt_length`."""
        return next((n for n, step in enumerate(self.steps) if step.origin != "prompt"), len(self.steps))


def given_text(ids: Sequence[int], prompt: int) -> StepList:
    """A text that nobody generated here, as a stream: the first tokens are its prefix, the others count as picked."""
    return StepList([Step(position, token, "prompt" if position < prompt else "picked")
                     for position, token in enumerate(ids)])


def context_at(
    stream: Stream, position: int, settings: Settings, *, seed: int, tokenizer: Tokenizer | None, context_length: int,
    roll: int | None = None,
) -> SamplingContext:
    """The context in which the token at a position of a stream is chosen, for the first time or again.

    Args:
        stream: the stream; what stands at `position` and after it is not looked at, but for the coin's offset.
        position: 0 ... len(stream).
        settings: those that it is chosen with.
        seed: of the coin.
        tokenizer: of the network's vocabulary; None where it is not known yet.
        context_length: how many tokens the network sees at once; 0 where that is not known yet.
        roll: of the coin; None for the flip that stands there (its seed too), or the first one where none does.
    """
    there = stream.step(position) if position < len(stream) else None
    before = stream.step(position - 1) if position else None
    u: float | None = None
    if roll is None:
        flipped = there is not None and there.origin == "sampled"
        roll = there.roll if flipped and there is not None else 0
        seed = there.seed if flipped and there is not None and there.seed is not None else seed
        if there is not None and there.by_hand:
            seed, u = HAND_SEED, there.u
    near = there if there is not None and there.origin != "prompt" else before
    return SamplingContext(
        position, stream.ids(position) if settings.looks_back else (), min(stream.prompt_length(), position),
        tokenizer, seed, roll, near.offset if near is not None else 0, mu_after(before, settings),
        window_start(position, context_length) if context_length else 0, u,
    )


def context_further(
    context: SamplingContext, new: Sequence[int], settings: Settings, *, context_length: int
) -> SamplingContext:
    """The context some tokens further on, at the first flip there; mirostat's state stays for whoever follows it.

    Args:
        context: where the tokens begin; made by `context_at` with the same settings and context length.
        new: the ids in between.
        settings: those that the token after them is chosen with.
        context_length: how many tokens the network sees at once.
    """
    position = context.position + len(new)
    return replace(context, position=position, ids=[*context.ids, *new] if settings.looks_back else (), roll=0, u=None,
                   window=window_start(position, context_length))


def by_hand(context: SamplingContext, u: float) -> SamplingContext:
    """The same context where a person gives the u of the flip."""
    return replace(context, seed=HAND_SEED, roll=0, u=u)


def recorded_context(
    stream: Stream, position: int, settings: Settings, *, tokenizer: Tokenizer | None, context_length: int
) -> SamplingContext:
    """The context as the step at a position records it, for replaying it: its seed, roll, offset and mirostat state."""
    step = stream.step(position)
    seed = HAND_SEED if step.seed is None else step.seed
    context = context_at(stream, position, settings, seed=seed, roll=step.roll, tokenizer=tokenizer,
                         context_length=context_length)
    return replace(context, offset=step.offset, mu=step.mu, u=step.u if step.by_hand else None)


def mu_after(step: Step | None, settings: Settings) -> float | None:
    """Mirostat's state after a step; None where it begins: after the prefix, or with another tau or eta."""
    if not settings.mirostat_tau or step is None or step.settings is None:
        return None
    if (step.settings.mirostat_tau, step.settings.mirostat_eta) != (settings.mirostat_tau, settings.mirostat_eta):
        return None
    if "mirostat" in settings.off or "mirostat" in step.settings.off:
        return None
    if step.origin != "sampled" or step.p_final is None:
        return step.mu  # a token that a person picked says nothing of the sampling
    return next_mu(step.mu, settings, step.p_final)
