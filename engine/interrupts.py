"""Ctrl+c and requests to end, so that they do what they say at any moment, from the first one on.

Python turns ctrl+c into an exception wherever it happens to be. While a library is loaded that is inside of the
library, which takes it for a failure of its own or drops it: then the process is left at once, as nothing is there yet
that could be lost.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_caught: list[int] = []


def install() -> None:
    """Take over the signals that are nobody else's (under nohup, or in a test, they are somebody's)."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ENDS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)
    _caught.clear()


def caught() -> int | None:
    """The signal that ended the work; None for none."""
    return _caught[-1] if _caught else None


def exit_status() -> int:
    """Of a process that a signal ended; ctrl+c's where it is not known which."""
    return 128 + (caught() or signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if loading(frame):
        os._exit(128 + number)
    _caught.append(number)
    raise KeyboardInterrupt


def loading(frame: FrameType | None) -> bool:
    """Whether a module is being imported at this place."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def undisturbed() -> Iterator[None]:
    """Do something to its end: what comes meanwhile is told after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def later(number: int, frame: Any) -> None:
        waiting.append(number)

    before = {number: signal.signal(number, later) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            os.kill(os.getpid(), waiting[0])
