"""Reading sessions: what an errand does until one is open, and what is seen of a large one before that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.models.names import EMBEDDED, HUB, resolve
from gpt2_remix.tui.messages import SessionOpened, SessionProgress, SessionSeen

if TYPE_CHECKING:  # sqlite3 is not on the path to the first frame
    from gpt2_remix.engine.generation.step import Origin
    from gpt2_remix.engine.session.glimpse import Glimpse
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

LARGE = 20_000
"""Nodes from which on reading takes long enough that one wants to see something meanwhile."""


def read_session(
    path: Path, model: str | None, post: Callable[[Message], object], stopped: threading.Event
) -> SessionOpened:
    """Read a session, whatever state it is in; of a large one the end of its text is posted first.

    Args:
        path: its file.
        model: the name of the one to open it with; its own where None.
        post: takes `SessionSeen` and `SessionProgress`.
        stopped: set when nobody wants it any more.

    Raises:
        EngineError: it cannot be read, or was stopped.
    """
    from gpt2_remix.engine.session.glimpse import glimpse
    from gpt2_remix.engine.session.opening import open_session

    def progress(_: str, done: int, total: int | None) -> None:
        if stopped.is_set():
            raise EngineError(f"{path.name} was not opened")
        post(SessionProgress(done))

    seen = glimpse(path)
    if seen is not None and seen.nodes >= LARGE:
        post(SessionSeen(path, seen.nodes, tokens_of(seen, model)))
    opened = open_session(path, progress)
    models = opened.session.tree.models
    own = models[opened.session.tree.model].name if models else EMBEDDED
    return SessionOpened(opened, model or own)


def tokens_of(seen: Glimpse, model: str | None) -> list[tuple[bytes, Origin]]:
    """The bytes of what is seen, and how each came; none where the tokenizer is not on this machine."""
    try:
        tokenizer = _tokenizer(model or seen.model, seen.vocab_size)
    except EngineError:
        return []
    if tokenizer is None:
        return []
    return [(tokenizer.token_bytes(token) or f"[{token}]".encode(), how) for token, how in seen.stream]


def _tokenizer(model: str, vocab_size: int) -> Tokenizer | None:
    """A model's tokenizer, without a download. Raises EngineError."""
    from gpt2_remix.engine.models.opening import locate, read_tokenizer
    from gpt2_remix.engine.tokens.tokenizer import gpt2_tokenizer

    if resolve(model).kind != "hub":
        return read_tokenizer(locate(model))
    return gpt2_tokenizer(vocab_size) if model in HUB else None
