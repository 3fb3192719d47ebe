"""What all worker threads share: they stand back behind the screen, and say in one line what went wrong."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from textual.message import Message

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui.messages import WorkerFailed

SWITCH = 0.002
"""Seconds after which a thread that waits for Python's lock asks for it."""

NICENESS = 10

PAUSE = 0.5
"""Seconds until a worker that could not go on begins again."""


class CancelledError(Exception):
    """Raised inside long work that is no longer wanted."""


def step_back() -> None:
    """Let the screen go before this thread, and before those that it starts.

    Where both want a core the system asks the niceness; where both want Python's lock it passes on more often.
    """
    sys.setswitchinterval(SWITCH)
    if sys.platform == "linux":  # only there niceness belongs to a thread
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def start_thread(
    name: str, work: Callable[[], object], post: Callable[[Message], object], *, goes_on: bool = True
) -> threading.Thread:
    """Start a daemon thread that does not end silently: `WorkerFailed` says what it could not do, and it goes on.

    Args:
        name: what it is called where it fails.
        work: returns when there is no more to do; what it was asked for is kept outside of it.
        post: takes the message.
        goes_on: whether `work` is begun again after a failure.
    """

    def keep_on() -> None:
        while True:
            try:
                work()
            except Exception as error:
                post(WorkerFailed(name, reason_of(error)))
                if goes_on:
                    time.sleep(PAUSE)
                    continue
            return

    thread = threading.Thread(target=keep_on, name=name, daemon=True)
    thread.start()
    return thread


def reason_of(error: Exception) -> str:
    """A failure in one line."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; choose a smaller model or a shorter text"
    return " ".join(f"unexpected {type(error).__name__} in the engine: {error}".split())
