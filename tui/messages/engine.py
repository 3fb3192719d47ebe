"""What the engine's worker and the model's loader tell."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.engine.generation.backend import Logits, ModelInfo
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.tokens.tokenizer import Tokenizer
from gpt2_remix.tui.state.futures import FuturesSeen

if TYPE_CHECKING:
    from gpt2_remix.engine.outlook.forks import Fork
    from gpt2_remix.engine.sampling.distribution import Distribution


@dataclass(eq=False, repr=False)
class Loading(Message):
    """A model is on its way: what is being done, bytes done, bytes in all (None where that is not known)."""

    name: str
    what: str
    done: int = 0
    total: int | None = None

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, Loading)


@dataclass(eq=False, repr=False)
class TokenizerReady(Message):
    """The tokenizer and the size of the vocabulary (which padding may make larger) are there, the weights not yet."""

    name: str
    tokenizer: Tokenizer
    vocab_size: int


@dataclass(eq=False, repr=False)
class ModelReady(Message):
    """A model can be run; `record` is what sessions keep of it, `folder` where its files are.

    `network` is the number of what runs now: requests name it, and answers do.
    """

    network: int
    info: ModelInfo
    tokenizer: Tokenizer
    record: ModelRecord
    folder: Path


@dataclass(eq=False, repr=False)
class KernelsReady(Message):
    """Kernels were compiled: the model's network can change over to them; or a `problem` in one line."""

    name: str
    problem: str = ""


@dataclass(eq=False, repr=False)
class ChangedOver(Message):
    """The model goes on with another network; the steps that follow were made with it."""

    network: int
    info: ModelInfo
    record: ModelRecord


@dataclass(eq=False, repr=False)
class ModelFailed(Message):
    """A model cannot be loaded; `reason` is one line."""

    name: str
    reason: str


@dataclass(eq=False, repr=False)
class LogitsReady(Message):
    """Logits for a place that was asked for: after a node of the tree, or in a lane."""

    network: int
    place: Hashable
    logits: Logits
    computed: int


@dataclass(eq=False, repr=False)
class Stepped(Message):
    """Steps that a run made since the last message, for each of its lanes, and the newest distribution of each.

    Attributes:
        number: of the run; messages of one that was replaced are dropped.
        dists: for each lane; None for one that made no step.
        rate: tokens a second over all lanes.
        stops: why each lane ended, None for one that goes on.
        ended: why the run is over, None while it goes on.
    """

    number: int
    lanes: list[list[Step]]
    dists: list[Distribution | None]
    rate: float
    computed: int
    stops: list[str | None]
    ended: str | None = None


@dataclass(eq=False, repr=False)
class PromptScored(Message):
    """Probabilities of prompt tokens: (node, step with them filled in)."""

    network: int
    steps: list[tuple[int, Step]]
    computed: int


@dataclass(eq=False, repr=False)
class Rechosen(Message):
    """What coins of the stream would have chosen with other settings: (position, token), None for no token at all.

    Attributes:
        number: of the request; answers to one that was replaced are dropped.
        done: whether this was the last part.
    """

    number: int
    found: list[tuple[int, int | None]]
    done: bool


@dataclass(eq=False, repr=False)
class HindsightReady(Message):
    """Luck in hindsight was drawn: the steps whose luck can be taken again, in order."""

    number: int
    steps: list[Step]


@dataclass(eq=False, repr=False)
class FuturesGrown(Message):
    """More is known of the continuations of a position."""

    number: int
    seen: FuturesSeen

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, FuturesGrown)


@dataclass(eq=False, repr=False)
class ForksGrown(Message):
    """More is known of a stream's forks.

    Attributes:
        done: the positions that were done since the last message.
        rolls_done, rolls: how many rolls are done, of how many.
        computed, seconds: what it has cost.
        over: whether all is done.
    """

    number: int
    done: list[Fork]
    rolls_done: int
    rolls: int
    computed: int
    seconds: float
    over: bool


@dataclass(eq=False, repr=False)
class RepeatProgress(Message):
    """How far a repetition over seeds is: tokens done, tokens in all, and what is finished.

    Attributes:
        number: which repetition; messages of one that was stopped are dropped.
        table: for each lane mean and spread of each statistic; None before a seed is finished.
        divergences: for each lane and seed, after how many new tokens it left lane 1; None where it never did.
        streams: for each lane its new ids of each seed that is finished.
    """

    number: int
    done: int
    total: int
    seeds: int
    table: list[dict[str, tuple[float, float] | None]] | None
    divergences: list[list[int | None]]
    streams: list[list[list[int]]]

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, RepeatProgress) and message.number == self.number


@dataclass(eq=False, repr=False)
class RequestFailed(Message):
    """A request failed, and only that one; `reason` is one line.

    Attributes:
        kind: the type of the request.
        number: of a request that has one, else 0.
    """

    kind: type[object]
    number: int
    reason: str
