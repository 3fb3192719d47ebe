"""Tracing streams in the training text, in a thread of its own: it posts messages.

The text may be large and on a slow disk, so nothing here may keep the network or the screen waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.tui.messages import Indexed, Indexing, Traced
from gpt2_remix.tui.workers.mailbox import Mailbox
from gpt2_remix.tui.workers.requests import Reply
from gpt2_remix.tui.workers.threads import CancelledError, reason_of, step_back

if TYPE_CHECKING:
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer
    from gpt2_remix.engine.trace.follow import Follower
    from gpt2_remix.engine.trace.index import Index

TEXT = "text"
"""The mailbox's place for the text to trace in."""

AT_ONCE = 256
"""Tokens between two messages of a long stream."""

MOST_STREAMS = 40
"""Streams that are followed; those not asked for longest go first."""


@dataclass(frozen=True, slots=True)
class Text:
    """Which text to trace in: what a model (these weights) was trained on, or files in its place."""

    model: str
    weights: str
    folder: Path
    tokenizer: Tokenizer
    vocab_size: int
    sources: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a stream: keep so many tokens, then come these. `reply` takes the marks."""

    reply: Reply
    stream: Hashable
    keep: int
    ids: list[int]
    min_tokens: int


class Tracer:
    """Every public method may be called from the app's thread and returns at once."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._mailbox = Mailbox()
        self._text: Text | None = None
        self._edits: deque[Edit] = deque()
        self._index: Index | None = None
        self._followers: dict[Hashable, Follower] = {}

    def open(self, text: Text) -> None:
        """Trace in this text from now on; an `Indexed` message says when, and streams are to be told anew then."""
        with self._mailbox.lock:
            self._text = text
            self._edits.clear()
            self._mailbox.put(TEXT, text)

    def edit(self, edit: Edit) -> None:
        """A stream went on, or is another one from some token on."""
        with self._mailbox.lock:
            if self._text is not None and self._mailbox.get(TEXT) is None:
                self._edits.append(edit)
        self._mailbox.wake()

    def close(self) -> None:
        """End the thread."""
        self._mailbox.close()

    def loop(self) -> None:
        """Work until closed."""
        step_back()
        while self._mailbox.wait(lambda: 0 if self._mailbox.get(TEXT) is not None or self._edits else None):
            text = self._mailbox.get(TEXT)
            try:
                if text is not None:
                    self._index = self._read(text)
                else:
                    self._trace_next()
            except CancelledError:
                continue
            except Exception as error:
                self._index = None
                self._mailbox.drop(TEXT, text)
                self._post(Indexed(self._text.model if self._text else "", None, reason_of(error)))

    def _trace_next(self) -> None:
        with self._mailbox.lock:
            edit = self._edits.popleft() if self._edits else None
        if edit is not None and self._index is not None:
            self._trace(self._index, edit)

    def _read(self, text: Text) -> Index | None:
        from gpt2_remix.engine.trace.sources import find_index

        def progress(what: str, done: int, total: int | None) -> None:
            if self._mailbox.closed or self._text is not text:
                raise CancelledError
            self._post(Indexing(what, done, total))

        self._followers.clear()
        index = find_index(text.folder, text.tokenizer, text.vocab_size, text.sources, progress)
        if not self._mailbox.drop(TEXT, text):
            return None  # another text is wanted
        self._post(Indexed(text.model, index))
        return index

    def _trace(self, index: Index, edit: Edit) -> None:
        from gpt2_remix.engine.trace.follow import Follower

        follower = self._followers.pop(edit.stream, None)
        if follower is None or follower.min_tokens != edit.min_tokens:
            follower = Follower(index, edit.min_tokens)
        self._followers[edit.stream] = follower
        while len(self._followers) > MOST_STREAMS:
            del self._followers[next(iter(self._followers))]
        if edit.keep > len(follower.ids):
            return  # told of a stream that was let go of: the screen tells it whole when it needs it
        follower.keep(edit.keep)
        for start in range(0, len(edit.ids), AT_ONCE):
            part = edit.ids[start : start + AT_ONCE]
            first = len(follower.ids)
            for token in part:
                follower.append(token)
            edit.reply(Traced(edit.stream, first, part, follower.marks[first:], edit.min_tokens))
            if self._mailbox.closed or self._mailbox.get(TEXT) is not None:
                return
