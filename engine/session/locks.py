"""Who has a session open: one lock for a session, by whatever path it is reached.

A lock goes away with its process, however that ends. Locks lie in the cache folder: beside the session they would be
litter, and closing a second handle of the session's own file would drop SQLite's locks.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import cache_folder, real_path


@dataclass(frozen=True, slots=True)
class SessionLock:
    """What is held as long as a session is open: by its path, and by the file itself where there is one already."""

    locks: tuple[FileLock, ...]

    def release(self) -> None:
        """Others may open it now."""
        for lock in self.locks:
            with suppress(OSError):
                lock.release()


def try_lock(path: Path) -> SessionLock | None:
    """Take the lock of a session; None where another window has it.

    Where there is no folder for locks at all, two windows cannot be told apart; the store still refuses to write over
    what another one wrote (`engine.session.store.ChangedError`).
    """
    held: list[FileLock] = []
    for name in _names(path):
        try:
            lock = _acquired(name)
        except Timeout:
            SessionLock(tuple(held)).release()
            return None
        held += [lock] if lock else []
    return SessionLock(tuple(held))


def _names(path: Path) -> Iterator[bytes]:
    """What a session's locks are called after: its one path, and its file, which may have more names (hard links,
    another spelling where letters' case makes no difference)."""
    real = real_path(path)
    yield os.fsencode(real)
    with suppress(OSError):
        found = real.stat()
        yield f"{found.st_dev} {found.st_ino}".encode()


def _acquired(name: bytes) -> FileLock | None:
    """The lock of a name, held; None where no folder takes locks. Raises Timeout where another window holds it."""
    file = f"{hashlib.sha256(name).hexdigest()[:32]}.lock"
    who = os.getuid() if hasattr(os, "getuid") else ""
    for folder in (cache_folder() / "locks", Path(tempfile.gettempdir()) / f"gpt2-remix-locks-{who}"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / file, timeout=0)
            lock.acquire()
        except Timeout:  # an OSError as well
            raise
        except (OSError, NotImplementedError):
            continue
        return lock
    return None


class holding:  # noqa: N801 - used as a function
    """`with holding(path): …` for what must not happen to a session that is open. Raises InputError where it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: SessionLock | None = None

    def __enter__(self) -> None:
        self._lock = try_lock(self._path)
        if self._lock is None:
            raise InputError(f"{self._path.name} is open in another window; close it there first")

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()


def numbered(wanted: Path) -> Iterator[Path]:
    """The path, and then those like it: "name 2.remix", …"""
    yield wanted
    for number in count(2):
        yield wanted.with_name(f"{wanted.stem} {number}{wanted.suffix}")


def free_path(wanted: Path) -> Path:
    """The path, or the first one like it that is free."""
    return next(path for path in numbered(wanted) if not os.path.lexists(path))


def claimed(wanted: Path) -> tuple[Path, SessionLock]:
    """The first path like the one wanted that is free, and that no other window has taken for a session to come; its
    lock, which is held before anything is written."""
    for path in numbered(wanted):
        if not os.path.lexists(path) and (lock := try_lock(path)) is not None:
            if not os.path.lexists(path):
                return path, lock
            lock.release()
    raise AssertionError("numbers do not end")
