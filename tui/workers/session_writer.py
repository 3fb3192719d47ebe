"""Writing sessions: a thread with a queue for each file, so that no disk ever holds up the screen.

What could not be written is kept and tried again, in order. Where the file itself is gone, the app is asked for
everything anew.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui.messages import NotSaved, Saved
from gpt2_remix.tui.workers.threads import reason_of, start_thread

if TYPE_CHECKING:  # sqlite3 is not on the path to the first frame
    from gpt2_remix.engine.session.journal import Changes
    from gpt2_remix.engine.session.store import Store

RETRY = 2.0
"""Seconds until what could not be written is tried again."""


class SessionWriter:
    """Owns the open session files. Every method but `loop` may be called from the app's thread and returns at once."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._wake = threading.Condition()
        self._waiting: dict[Path, deque[Changes]] = {}
        self._stores: dict[Path, Store] = {}  # the thread's own
        self._closing: set[Path] = set()  # files that nothing more comes for
        self._retry_at: dict[Path, float] = {}
        self._end: float | None = None
        self._thread: threading.Thread | None = None

    def put(self, path: Path, changes: Changes) -> None:
        """Write changes to a session's file after those that wait; everything (`whole`) takes their place."""
        with self._wake:
            queue = self._waiting.setdefault(path, deque())
            if changes.whole:
                queue.clear()
                self._retry_at.pop(path, None)
            queue.append(changes)
            self._closing.discard(path)
            if self._thread is None:
                self._thread = start_thread("saving", self.loop, self._post)
            self._wake.notify_all()

    def leave(self, path: Path) -> None:
        """Nothing more comes for a file: it is closed once all is written."""
        with self._wake:
            self._closing.add(path)
            self._wake.notify_all()

    def wait_until_written(self, path: Path, seconds: float) -> bool:
        """Wait, in another thread than the app's, until all that was given for a file is in it; whether it is."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._waiting.get(path), seconds)

    def holds(self, path: Path) -> bool:
        """Whether something that was given for a file is not in it."""
        with self._wake:
            return bool(self._waiting.get(path))

    def close(self, seconds: float) -> None:
        """Write what waits, and end; give up after so many seconds."""
        with self._wake:
            self._end = time.monotonic() + seconds
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    # The thread

    def loop(self) -> None:
        """Write until closed."""
        stores = self._stores
        while True:
            with self._wake:
                while (path := self._ready()) is None and not self._over() and not self._closing & set(stores):
                    self._wake.wait(self._pause())
                over = self._over()
                changes = self._waiting[path][0] if path is not None else None
                closing = [p for p in self._closing if not self._waiting.get(p)]
                self._closing.difference_update(closing)
            for gone in closing:
                if (store := stores.pop(gone, None)) is not None:
                    store.close()
            if path is not None and changes is not None:
                self._write(stores, path, changes)
            elif over:
                for store in stores.values():
                    store.close()
                return

    def _ready(self) -> Path | None:
        now = time.monotonic()
        for path, queue in self._waiting.items():
            if queue and (self._retry_at.get(path, 0.0) <= now):
                return path
        return None

    def _over(self) -> bool:
        if self._end is None:
            return False
        return not any(self._waiting.values()) or time.monotonic() >= self._end or self._ready() is None

    def _pause(self) -> float | None:
        due = [when for path, when in self._retry_at.items() if self._waiting.get(path)]
        return max(0.01, min(due) - time.monotonic()) if due else None

    def _write(self, stores: dict[Path, Store], path: Path, changes: Changes) -> None:
        from gpt2_remix.engine.session.store import ChangedError, Store

        lost = False
        try:
            store = stores.get(path)
            if store is not None and store.lost:
                store.close()
                del stores[path]
                lost = not changes.whole
                if lost:
                    raise EngineError(f"{path} is no longer there")
                store = None
            if store is None:
                store = stores[path] = Store(path)
            store.write(changes)
        except Exception as error:
            taken = isinstance(error, ChangedError)
            with self._wake:
                self._retry_at[path] = time.monotonic() + RETRY
                if lost or taken:
                    self._waiting[path].clear()  # of no use without what stood in the file
            if taken and (other := stores.pop(path, None)) is not None:
                other.close()
            self._post(NotSaved(path, reason_of(error), lost, taken))
            return
        with self._wake:
            queue = self._waiting[path]
            if queue and queue[0] is changes:
                queue.popleft()
            self._retry_at.pop(path, None)
            done = not queue
            self._wake.notify_all()
        if done:
            self._post(Saved(path))
