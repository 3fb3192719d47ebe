"""Who has a session open, and which files are free for new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import real_path
from gpt2_remix.engine.locks import Lock, try_lock


class holding:  # noqa: N801 - used as a function
    """`with holding(path): …` for what must not happen to a session that is open. Raises InputError where it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: Lock | None = None

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


def claimed(wanted: Path) -> tuple[Path, Lock]:
    """The first path like the one wanted that is free, and that no other window has taken for a session to come; its
    lock, which is held before anything is written. The folder's links are followed."""
    for path in numbered(real_path(wanted.parent) / wanted.name):
        if not os.path.lexists(path) and (lock := try_lock(path)) is not None:
            if not os.path.lexists(path):
                return path, lock
            lock.release()
    raise AssertionError("numbers do not end")
