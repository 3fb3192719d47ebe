"""What a worker thread is asked to do, and how it waits for more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Mailbox:
    """Requests for one thread: one place for each kind, in which a new request replaces the one that waits.

    Every method may be called from any thread; `wait` is for the one that works.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._places: dict[Any, Any] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more is to be done."""
        return self._closed

    @property
    def lock(self) -> threading.Condition:
        """Held, it keeps others from changing what waits: `with mailbox.lock: …`."""
        return self._changed

    def put(self, kind: Any, request: Any) -> None:
        """Ask for something, in place of what waits in this place."""
        with self._changed:
            self._places[kind] = request
            self._changed.notify_all()

    def get(self, kind: Any) -> Any:
        """What waits in a place; None where nothing does. It stays there."""
        return self._places.get(kind)

    def take(self, kind: Any) -> Any:
        """What waits in a place, which is empty then; None where nothing does."""
        with self._changed:
            self._changed.notify_all()
            return self._places.pop(kind, None)

    def drop(self, kind: Any, request: Any = None) -> bool:
        """Empty a place, or only where it still holds this request; whether it did."""
        with self._changed:
            if request is not None and self._places.get(kind) is not request:
                return False
            return self._places.pop(kind, None) is not None

    def clear(self) -> None:
        """Empty every place."""
        with self._changed:
            self._places.clear()

    def wake(self) -> None:
        """Let whoever waits look again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, pause: Callable[[], float | None]) -> bool:
        """Wait until there is something to do.

        Args:
            pause: says for how many seconds there is nothing to do: 0 for not at all, None for until woken. Called with
                the lock held.

        Returns:
            False where the mailbox was closed.
        """
        with self._changed:
            while not self._closed and (seconds := pause()) != 0:
                self._changed.wait(seconds)
            return not self._closed

    def close(self) -> None:
        """Nothing more is to be done: `wait` returns False."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
