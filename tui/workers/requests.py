"""What the engine's worker may be asked. Every request says which network it is meant for, and who is answered.

`network` is the number of the opened network: a request for one that was replaced meanwhile is dropped, and an answer
says which one gave it. `reply` takes the answers, messages: the `post_message` of the screen that asked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from textual.message import Message

from gpt2_remix.engine.generation.step import Hindsight, Step
from gpt2_remix.engine.sampling.settings import CoinKind, Settings

if TYPE_CHECKING:
    from gpt2_remix.engine.compare.lanes import LaneStart
    from gpt2_remix.engine.generation.lane import Lane
    from gpt2_remix.engine.generation.stream import Stream
    from gpt2_remix.engine.outlook.forks import ForkQuestion
    from gpt2_remix.engine.outlook.paths import Question
    from gpt2_remix.engine.session.journal import Session

Reply: TypeAlias = Callable[[Message], object]

numbers = count(1)
"""Numbers for requests whose answers must be told apart."""


@dataclass(frozen=True, slots=True)
class LogitsRequest:
    """Logits of the token after some ids, for several places in order; replaces the one that waits.

    Attributes:
        wanted: (place, ids): the place comes back with the logits.
    """

    network: int
    reply: Reply
    wanted: Sequence[tuple[Hashable, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Lanes to be advanced together, in place of those that are being advanced.

    Attributes:
        number: comes back with what they made.
        speed: tokens a second of each; None for as fast as it goes.
    """

    network: int
    reply: Reply
    number: int
    lanes: list[Lane]
    speed: float | None


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Probabilities of prompt tokens: the stream's ids, and (node, step) of those that are wanted."""

    network: int
    reply: Reply
    ids: Sequence[int]
    steps: Sequence[tuple[int, Step]]


@dataclass(frozen=True, slots=True)
class RechooseRequest:
    """What the coins of a stream would have chosen with other settings, from a position on."""

    network: int
    reply: Reply
    number: int
    steps: Sequence[Step]
    settings: Settings
    first: int


@dataclass(frozen=True, slots=True)
class HindsightRequest:
    """Luck in hindsight for the tokens of a text, from a position on."""

    network: int
    reply: Reply
    number: int
    question: Hindsight
    first: int


@dataclass(frozen=True, slots=True)
class FuturesRequest:
    """Exact futures of a stream: what `engine.outlook.explore.explore` takes."""

    network: int
    reply: Reply
    number: int
    stream: Stream
    settings: Settings
    question: Question
    budget: int


@dataclass(frozen=True, slots=True)
class ForksRequest:
    """Forks of a stream: what `engine.outlook.forks.find_forks` takes."""

    network: int
    reply: Reply
    number: int
    stream: Stream
    question: ForkQuestion
    first: int


@dataclass(frozen=True, slots=True)
class RepeatRequest:
    """Lanes to be run over several seeds: what `engine.compare.repeats.repeat` takes."""

    network: int
    reply: Reply
    number: int
    starts: Sequence[LaneStart]
    seed: int
    repeats: int
    limit: int
    coin: CoinKind
    stop_at_end: bool


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A session to be written as an HTML page with the candidates of every token.

    Attributes:
        copy: makes a copy of it that nobody changes; called in the worker's thread.
    """

    network: int
    reply: Reply
    copy: Callable[[], Session]
    leaf: int | None
    path: Path
    colors: dict[str, str]
    heat: tuple[str, str, str]


JobRequest: TypeAlias = (
    ScoreRequest | RechooseRequest | HindsightRequest | ExportRequest | RepeatRequest | FuturesRequest | ForksRequest
)
"""What is done part by part when nothing else is to do."""

Request: TypeAlias = LogitsRequest | RunRequest | JobRequest
