"""Errands: what touches a disk or takes longer than a frame, done off the screen's thread, one after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from textual.message import Message

from gpt2_remix.tui.messages import ErrandFailed
from gpt2_remix.tui.workers.mailbox import Mailbox
from gpt2_remix.tui.workers.requests import Reply
from gpt2_remix.tui.workers.threads import reason_of, start_thread, step_back


class Errands:
    """Every method may be called from the app's thread and returns at once."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._mailbox = Mailbox()
        self._waiting: deque[tuple[Callable[[], Message], Reply, str]] = deque()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], Message], reply: Reply, what: str = "") -> None:
        """Do something, and answer with the message that it gives; `ErrandFailed` where it raises.

        Args:
            work: what is to be done; touches no widget and no tree.
            reply: takes the message.
            what: comes back with a failure, so that whoever asked knows which of its errands that was.
        """
        with self._mailbox.lock:
            self._waiting.append((work, reply, what))
            if self._thread is None:
                self._thread = start_thread("errands", self._loop, self._post)
        self._mailbox.wake()

    def close(self, seconds: float) -> None:
        """Finish the errand that is being done, and end; gives up after so many seconds."""
        self._mailbox.close()
        if self._thread is not None:
            self._thread.join(seconds)

    def _loop(self) -> None:
        step_back()
        while self._mailbox.wait(lambda: 0 if self._waiting else None):
            work, reply, what = self._waiting.popleft()
            try:
                message = work()
            except Exception as error:
                message = ErrandFailed(what, reason_of(error))
            reply(message)
