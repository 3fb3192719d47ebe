"""What the other workers tell: of the training text, sessions, exports and trainings."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from gpt2_remix.engine.generation.step import Origin

if TYPE_CHECKING:
    from gpt2_remix.engine.models.hub import Listed as ListedModel
    from gpt2_remix.engine.session.folder import Listed
    from gpt2_remix.engine.session.opening import OpenedSession
    from gpt2_remix.engine.trace.follow import TokenMatch
    from gpt2_remix.engine.trace.index import Index


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
