"""Waiting for what worker threads answer."""

from __future__ import annotations

import queue
from typing import Any, TypeVar

from textual.message import Message

M = TypeVar("M", bound=Message)


class Answers:
    """Takes messages, as a screen does: `answers.post`."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Message] = queue.Queue()

    def post(self, message: Message) -> bool:
        """Take a message, in any thread."""
        self._queue.put(message)
        return True

    def next(self, kind: type[M], seconds: float = 60) -> M:
        """The next message of a kind; others are let go by."""
        while True:
            message = self._queue.get(timeout=seconds)
            if isinstance(message, kind):
                return message

    def everything(self) -> list[Any]:
        """What has come and was not asked for."""
        found = []
        while not self._queue.empty():
            found.append(self._queue.get())
        return found
