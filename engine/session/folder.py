"""Where sessions are kept: the folder, what lies in it, and the bin."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import path_of, real_path, reason
from gpt2_remix.engine.locks import Lock
from gpt2_remix.engine.models.record import ModelRecord, model_record
from gpt2_remix.engine.session.locks import claimed, free_path, holding
from gpt2_remix.engine.session.records import UNREADABLE
from gpt2_remix.engine.session.store import APPLICATION_ID, SUFFIX, check_kind, connect, nothing_in


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a session without opening it whole.

    Attributes:
        model: the name of the model it was made with last; "" where that cannot be read.
        nodes: how many steps it holds; None where it cannot be read.
        changed: when it was written last, in seconds since 1970.
        size: of its file, in bytes.
        problem: why it cannot be read, "" where it can.
    """

    path: Path
    name: str
    words: str
    model: str
    nodes: int | None
    changed: float
    size: int
    problem: str = ""


def folder() -> Path:
    """Where sessions are kept where `--session` says nothing else."""
    return user_data_path("gpt2-remix") / "sessions"


def bin_folder() -> Path:
    """Where deleted ones are until the bin is emptied."""
    return folder() / "bin"


def fresh_path() -> Path:
    """A file for a new session, named after the moment."""
    return free_path(folder() / f"{time.strftime('%Y-%m-%d %H%M%S')}{SUFFIX}")


def list_sessions(where: Path | None = None) -> list[Listed]:
    """The sessions in a folder, the newest first."""
    where = folder() if where is None else where
    with suppress(OSError):
        found = [describe(path) for path in _one_each(where)]
        return sorted(found, key=lambda listed: listed.changed, reverse=True)
    return []


def _one_each(where: Path) -> list[Path]:
    """The sessions' files in a folder; a link only to what does not lie there under its own name."""
    found = list(where.glob(f"*{SUFFIX}"))
    plain = {real_path(path) for path in found if not path.is_symlink()}
    return [path for path in found if not path.is_symlink() or real_path(path) not in plain]


def newest_session() -> Listed | None:
    """The session in the folder that was written last and holds anything; no more files are opened than that takes."""
    def written(path: Path) -> float:
        with suppress(OSError):
            return path.stat().st_mtime
        return 0.0

    with suppress(OSError):
        paths = sorted(_one_each(folder()), key=written, reverse=True)
        return next((listed for listed in map(describe, paths) if listed.nodes), None)
    return None


def describe(path: Path) -> Listed:
    """What is known of a session without opening it whole."""
    changed, size = 0.0, 0
    with suppress(OSError):
        parts = [part.stat() for part in parts_of(path) if part.exists()]
        changed, size = max(part.st_mtime for part in parts), sum(part.st_size for part in parts)
    try:
        with closing(connect(path, read_only=True)) as db:
            if nothing_in(db):
                return Listed(path, "", "", "", 0, changed, size)
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                return Listed(path, "", "", "", None, changed, size, "not a session")
            meta = {str(key): str(value) for key, value in db.execute("SELECT key, value FROM meta")}
            nodes = int(db.execute("SELECT count(*) FROM nodes").fetchone()[0])
            model = newest_model(db)
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        return Listed(path, "", "", "", None, changed, size, f"damaged: {' '.join(str(error).split())[:60]}")
    name = "" if model is None else model.name
    return Listed(path, meta.get("name", ""), meta.get("words", ""), name, nodes, changed, size)


def made_with(path: Path) -> ModelRecord | None:
    """The model that a session was made with last; None where there is no session yet, or it cannot be read."""
    try:
        with closing(connect(path, read_only=True)) as db:
            return newest_model(db)
    except UNREADABLE:
        return None


def newest_model(db: sqlite3.Connection) -> ModelRecord | None:
    """The model that a session was made with last, None where that cannot be read. Raises sqlite3.Error."""
    record = db.execute("SELECT record FROM models ORDER BY id DESC LIMIT 1").fetchone()
    try:
        return model_record(json.loads(record[0])) if record else None
    except (ValueError, TypeError, KeyError, OverflowError, EngineError):
        return None


def parts_of(path: Path) -> list[Path]:
    """A session's file and what SQLite keeps beside it: where the file itself lies, whatever link leads there."""
    path = real_path(path)
    return [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]


def find_session(wanted: str) -> Path:
    """The session that a person means: a file, or the name (or file name) of one in the folder. Raises InputError."""
    path = path_of(wanted)
    if path.exists():
        return path
    for listed in list_sessions():
        if wanted in (listed.name, listed.path.name, listed.path.stem):
            return listed.path
    raise InputError(f"there is no session {wanted}; `gpt2-remix sessions` lists those that there are")


def copy_session(path: Path, wanted: Path) -> tuple[Path, Lock]:
    """Copy a session as it is on disk now, also one that is open, to the first free path like the one wanted.

    Returns:
        The path, and its lock, held. Raises EngineError; then nothing is left there.
    """
    target, lock = claimed(wanted)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(connect(path, read_only=True)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            target.unlink()
        lock.release()
        raise EngineError(f"{path} cannot be copied to {target}: {reason(error)}") from None
    return target, lock


def rename_session(path: Path, name: str) -> None:
    """Give a session that is not open another name. Raises EngineError, InputError where it is open somewhere."""
    with holding(path):
        try:
            with closing(connect(path)) as db:
                check_kind(db, path)
                db.execute("INSERT OR REPLACE INTO meta VALUES ('name', ?)", (name,))
        except sqlite3.Error as error:
            raise EngineError(f"{path} cannot be renamed: {error}") from None


def to_bin(path: Path) -> Path:
    """Move a session into the bin. Raises EngineError, InputError where it is open somewhere."""
    return _move(path, bin_folder(), "moved to the bin")


def from_bin(path: Path) -> Path:
    """Move a session out of the bin, back among the others. Raises EngineError."""
    return _move(path, folder(), "restored")


def _move(path: Path, where: Path, what: str) -> Path:
    """Move a session with its log, or the link to one that lies elsewhere, to a free path in a folder."""
    with holding(path):
        target, lock = claimed(where / path.name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                target.symlink_to(real_path(path))
                path.unlink()
            else:
                for part, moved in zip(parts_of(path), parts_of(target), strict=True):
                    if part.exists():
                        part.rename(moved)
        except OSError as error:
            raise EngineError(f"{path} cannot be {what}: {error.strerror}") from None
        finally:
            lock.release()
    return target


def count_binned() -> int:
    """How many sessions are in the bin."""
    return len(list(bin_folder().glob(f"*{SUFFIX}")))


def empty_bin() -> int:
    """Delete what is in the bin for good; how many sessions that were. Raises EngineError."""
    count = 0
    for path in list(bin_folder().glob(f"*{SUFFIX}")):
        try:
            for part in [path] if path.is_symlink() else parts_of(path):
                part.unlink(missing_ok=True)
        except OSError as error:
            raise EngineError(f"{path} cannot be deleted: {error.strerror}") from None
        count += 1
    return count
