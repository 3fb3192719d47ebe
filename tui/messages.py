"""Everything that the worker may tell the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from engine.backend import Logits, ModelInfo
from engine.tokenizer import Tokenizer
from engine.tree import Step

if TYPE_CHECKING:
    from engine.sampling import Distribution


@dataclass
class Loading(Message):
    """A model is on its way: what is being done, bytes done, bytes in all (None where that is not known)."""

    name: str
    what: str
    done: int = 0
    total: int | None = None

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress matters."""
        return isinstance(message, Loading)


@dataclass
class TokenizerReady(Message):
    """The tokenizer and the size of the vocabulary (which padding may make larger) are there, the weights not yet."""

    name: str
    tokenizer: Tokenizer
    vocab_size: int


@dataclass
class ModelReady(Message):
    """A model can be run."""

    info: ModelInfo
    tokenizer: Tokenizer


@dataclass
class ModelFailed(Message):
    """A model cannot be loaded; `reason` is one line."""

    name: str
    reason: str


@dataclass
class Looked(Message):
    """Logits for the token after a node of the tree."""

    node: int
    logits: Logits
    computed: int


@dataclass
class Stepped(Message):
    """Steps that a run made since the last message, for each of its lanes, and the newest distribution of the first.

    Attributes:
        run: which run; messages of one that was replaced are dropped.
        rate: tokens a second over all lanes.
        ended: why the run is over, None while it goes on.
    """

    run: int
    lanes: list[list[Step]]
    dist: Distribution | None
    rate: float
    computed: int
    ended: str | None = None


@dataclass
class Measured(Message):
    """Probabilities of prompt tokens: (node, step with them filled in)."""

    steps: list[tuple[int, Step]]


@dataclass
class Failed(Message):
    """A request failed; `reason` is one line."""

    reason: str
