"""Who works on a file or a folder: one lock for each, by whatever path it is reached.

A lock goes away with its process, however that ends. Locks lie in the cache folder: beside what they are of they would
be litter, and closing a second handle of a session's own file would drop SQLite's locks.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from gpt2_remix.engine.files import cache_folder, real_path


@dataclass(frozen=True, slots=True)
class Lock:
    """What is held: by its path, and by the file itself where there is one already."""

    locks: tuple[FileLock, ...]

    def release(self) -> None:
        """Others may take it now."""
        for lock in self.locks:
            with suppress(OSError):
                lock.release()


def try_lock(path: Path) -> Lock | None:
    """Take the lock of a file or a folder; None where another process has it.

    Where there is no folder for locks at all, the two cannot be told apart, and both get one.
    """
    held: list[FileLock] = []
    for name in _names(path):
        try:
            lock = _acquired(name)
        except Timeout:
            Lock(tuple(held)).release()
            return None
        held += [lock] if lock else []
    return Lock(tuple(held))


def _names(path: Path) -> Iterator[bytes]:
    """What locks are called after: the one path, and the file, which may have more names (hard links,
    another spelling where letters' case makes no difference)."""
    real = real_path(path)
    yield os.fsencode(real)
    with suppress(OSError):
        found = real.stat()
        yield f"{found.st_dev} {found.st_ino}".encode()


def _acquired(name: bytes) -> FileLock | None:
    """The lock of a name, held; None where no folder takes locks. Raises Timeout where another process holds it."""
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
