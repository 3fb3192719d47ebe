"""What all worker threads share: they stand back behind the screen, and say in one line what went wrong."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from gpt2_remix.engine.errors import EngineError

SWITCH = 0.002
"""Seconds after which a thread that waits for Python's lock asks for it."""

NICENESS = 10


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


def reason_of(error: Exception) -> str:
    """A failure in one line."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; choose a smaller model or a shorter text"
    return " ".join(f"unexpected {type(error).__name__} in the engine: {error}".split())
