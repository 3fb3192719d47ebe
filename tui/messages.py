"""Everything that the workers may tell the app and its screens.

Nobody compares or prints them: without the methods for that, 30 classes are made in half the time at each start.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from gpt2_remix.engine.generation.backend import Logits, ModelInfo
from gpt2_remix.engine.generation.step import Origin, Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from gpt2_remix.engine.models.hub import Listed as ListedModel
    from gpt2_remix.engine.sampling.distribution import Distribution
    from gpt2_remix.engine.session.folder import Listed
    from gpt2_remix.engine.session.opening import OpenedSession
    from gpt2_remix.engine.trace.follow import TokenMatch
    from gpt2_remix.engine.trace.index import Index


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
class RepeatProgress(Message):
    """How far a repetition over seeds is: tokens done, tokens in all, and what is finished.

    Attributes:
        number: which repetition; messages of one that was stopped are dropped.
        table: for each lane mean and spread of each statistic; None before a seed is finished.
        divergences: for each lane and seed, after how many new tokens it left lane 1; None where it never did.
    """

    number: int
    done: int
    total: int
    seeds: int
    table: list[dict[str, tuple[float, float] | None]] | None
    divergences: list[list[int | None]]

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, RepeatProgress) and message.number == self.number


@dataclass(eq=False, repr=False)
class Indexing(Message):
    """A training text is being read: what is done, how much of how much."""

    what: str
    done: int
    total: int | None

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, Indexing)


@dataclass(eq=False, repr=False)
class Indexed(Message):
    """A model's training text can be traced in; `index` is None where none is known, or for a `problem` in one line."""

    model: str
    index: Index | None
    problem: str = ""


@dataclass(eq=False, repr=False)
class Traced(Message):
    """Tokens of a stream as seen from the training text.

    Attributes:
        stream: which one, as it was asked for.
        first: the position of the first of them.
        ids: what stood there when it was asked: what has become another stream is dropped.
        marks: one for each.
        min_tokens: from how many tokens on a run counts.
    """

    stream: Hashable
    first: int
    ids: list[int]
    marks: list[TokenMatch]
    min_tokens: int


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


@dataclass(eq=False, repr=False)
class ErrandFailed(Message):
    """An errand failed: which one, and why in one line."""

    what: str
    reason: str


@dataclass(eq=False, repr=False)
class SessionOpened(Message):
    """A session was read from its file (or is a new one); `model` is the name of the one to open it with."""

    opened: OpenedSession
    model: str


@dataclass(eq=False, repr=False)
class SessionSeen(Message):
    """A large session is being read: how many nodes it holds, and the end of the text in view.

    Attributes:
        tokens: bytes of each token and how it came; empty where its tokenizer is not here.
    """

    path: Path
    nodes: int
    tokens: list[tuple[bytes, Origin]]


@dataclass(eq=False, repr=False)
class SessionProgress(Message):
    """How many nodes of a session were read."""

    done: int

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, SessionProgress)


@dataclass(eq=False, repr=False)
class SessionsListed(Message):
    """The sessions that there are, the newest first, and how many are in the bin."""

    sessions: list[Listed]
    binned: int


@dataclass(eq=False, repr=False)
class NewestSession(Message):
    """The session that was written last; None where there is none."""

    session: Listed | None


@dataclass(eq=False, repr=False)
class SessionsChanged(Message):
    """A session was copied, renamed or deleted: the list is another one."""


@dataclass(eq=False, repr=False)
class ModelsListed(Message):
    """The models that can be chosen."""

    models: list[ListedModel]


@dataclass(eq=False, repr=False)
class Found(Message):
    """What was found in a tree: nodes in order, and what was looked for in words."""

    nodes: list[int]
    words: str


@dataclass(eq=False, repr=False)
class Saved(Message):
    """Everything that was given for a session file is on the disk."""

    path: Path


@dataclass(eq=False, repr=False)
class NotSaved(Message):
    """A session file could not be written; what was given is kept and tried again.

    Attributes:
        lost: whether the file is gone, so that everything is wanted anew.
        taken: whether another program wrote into the file, so that everything is wanted anew, in another one.
    """

    path: Path
    reason: str
    lost: bool
    taken: bool = False


@dataclass(eq=False, repr=False)
class WorkerFailed(Message):
    """A thread met with what it did not expect: its name, and the failure in a line."""

    name: str
    reason: str


@dataclass(eq=False, repr=False)
class Exported(Message):
    """How far an export is; `problem` is one line where it failed."""

    path: str
    done: int = 0
    total: int = 0
    problem: str = ""
    finished: bool = False

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, Exported) and not message.finished


@dataclass(eq=False, repr=False)
class TrainingEvent(Message):
    """A line of `train --events`, of the training with this number."""

    number: int
    event: dict[str, Any]


@dataclass(eq=False, repr=False)
class TrainingOver(Message):
    """A training's process has ended; `problem` is one line where it failed."""

    number: int
    problem: str = ""


# From screens to the app


@dataclass(eq=False, repr=False)
class OpenModel(Message):
    """A person chose a model."""

    name: str


@dataclass(eq=False, repr=False)
class SwitchPrecision(Message):
    """A person wants the weights held the other way."""


@dataclass(eq=False, repr=False)
class OpenSession(Message):
    """A person chose a session, and perhaps the model to open it with."""

    path: Path
    model: str | None = None


@dataclass(eq=False, repr=False)
class ShowHelp(Message):
    """A person wants the help of a screen: of the pane where they are, and of the setting that is chosen there."""

    page: str
    here: str = ""
    chosen: str = ""
