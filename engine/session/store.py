"""Sessions in SQLite: one file a session, saved by appending, opened whole.

A session is its tree: steps, what decided them, the views that undo and redo go through, and what a person said of
nodes. `Changes` is what changed in a session since it was last saved; `Store.write` puts it into the file as one
transaction, so that a kill or a power cut loses no more than the last of them. A file that is damaged is read as far as
that goes (`recover`) and never written to.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import check_file, read_file, real_path, reason, written_beside
from gpt2_remix.engine.generation.step import Hindsight
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.journal import ChangedNode, Changes, Journal, Session
from gpt2_remix.engine.session.records import (
    NODE_COLUMNS,
    UNREADABLE,
    BadRecordError,
    Records,
    node_row,
    question_record,
)
from gpt2_remix.engine.session.tree import Tree

T = TypeVar("T", Settings, Hindsight)

SUFFIX = ".remix"

APPLICATION_ID = 0x67707432
"""Tells a session from other SQLite files ("gpt2")."""


VERSION = 4
"""Of the schema; `MIGRATIONS` lead from each version before to the next."""

# The root holds no step and no row: a parent or head that is NULL is the root.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE models (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE settings (id INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE);
CREATE TABLE questions (id INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE);
CREATE TABLE nodes (
    id INTEGER PRIMARY KEY, parent INTEGER REFERENCES nodes(id), model INTEGER NOT NULL REFERENCES models(id),
    born REAL NOT NULL, token INTEGER NOT NULL, origin TEXT NOT NULL, u REAL, roll INTEGER NOT NULL, seed INTEGER,
    coin TEXT, settings INTEGER REFERENCES settings(id), p_raw REAL, p_final REAL, rank INTEGER, surprisal REAL,
    entropy REAL, window INTEGER NOT NULL, offset INTEGER NOT NULL, mu REAL,
    hindsight INTEGER REFERENCES questions(id)
);
CREATE TABLE marks (
    node INTEGER PRIMARY KEY REFERENCES nodes(id), name TEXT NOT NULL, star INTEGER NOT NULL, hidden INTEGER NOT NULL,
    note TEXT NOT NULL
);
CREATE TABLE turns (node INTEGER PRIMARY KEY, child INTEGER NOT NULL REFERENCES nodes(id));
CREATE TABLE history (
    place INTEGER PRIMARY KEY, head INTEGER REFERENCES nodes(id), cursor INTEGER NOT NULL,
    settings INTEGER NOT NULL REFERENCES settings(id), seed INTEGER NOT NULL, coin TEXT NOT NULL
);
"""

MIGRATIONS: dict[int, str] = {
    # Settings need nothing: those of before are told by their record (`Settings.from_dict`).
    1: "CREATE TABLE turns (node INTEGER PRIMARY KEY, child INTEGER NOT NULL REFERENCES nodes(id));",
    2: "",  # flips whose u was given by hand have no seed, which programs of before take for damage
    3: "CREATE TABLE questions (id INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE);"
       "ALTER TABLE nodes ADD COLUMN hindsight INTEGER REFERENCES questions(id);",
}
"""SQL that leads from a version to the next."""


class DamagedError(EngineError):
    """A session file cannot be read whole; `recover` may read some of it."""


class ChangedError(EngineError):
    """A session file was written to by another program since it was read: writing on would mix two streams."""


class Store:
    """An open session file, `called` another name where it is not at its place yet.

    Raises EngineError, one line, for everything that a disk may do.
    """

    def __init__(self, path: Path, *, called: Path | None = None) -> None:
        self.path = path = real_path(path)
        self._called = called or path
        self._ids: dict[Settings | Hindsight, int] = {}
        self._inode = 0
        with _explained(self._called):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = connect(path)
            try:
                fresh = not self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
                if fresh:
                    create(self.connection)
                else:
                    migrate(self.connection, path)
            except BaseException:
                self.connection.close()
                raise
            self._inode = os.stat(path).st_ino

    def close(self) -> None:
        """End with one file: the write-ahead log is taken in."""
        with suppress(sqlite3.Error):
            self.connection.close()

    @property
    def lost(self) -> bool:
        """Whether the file is no longer where it was: written to all the same, it would be seen by nobody."""
        try:
            return os.stat(self.path).st_ino != self._inode
        except OSError:
            return True

    def write(self, changes: Changes) -> None:
        """Put changes into the file, all or none of them.

        Raises:
            ChangedError: it does not hold what these are changes of.
            EngineError: it cannot be written.
        """
        with _explained(self._called):
            known = dict(self._ids)
            try:
                with self.connection:
                    self.connection.execute("BEGIN IMMEDIATE")
                    self._put(changes)
            except BaseException:
                self._ids = known
                raise

    def _put(self, changes: Changes) -> None:
        db = self.connection
        newest = int(db.execute("SELECT ifnull(max(id), 0) FROM nodes").fetchone()[0])
        if newest != changes.known:
            raise ChangedError(f"{self._called} was written to by another program meanwhile")
        if changes.whole:
            self._ids.clear()
            for table in ("history", "turns", "marks", "nodes", "questions", "settings", "models", "meta"):
                db.execute(f"DELETE FROM {table}")
        db.executemany("INSERT OR REPLACE INTO models VALUES (?, ?)",
                       [(n, json.dumps(asdict(record))) for n, record in enumerate(changes.models)])
        marks = ", ".join("?" * len(NODE_COLUMNS))
        update = ", ".join(f"{name} = excluded.{name}" for name in NODE_COLUMNS[1:])
        db.executemany(
            f"INSERT INTO nodes ({', '.join(NODE_COLUMNS)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {update}",
            [self._row(node) for node in changes.nodes],
        )
        db.executemany("DELETE FROM marks WHERE node = ?", [(node,) for node, mark in changes.marks if mark is None])
        db.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)", [
            (node, mark.name, mark.star, mark.hidden, mark.note) for node, mark in changes.marks if mark is not None
        ])
        db.executemany("INSERT OR REPLACE INTO turns VALUES (?, ?)", changes.turns)
        db.execute("DELETE FROM history WHERE place >= ?", (changes.history_from,))
        db.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", [
            (place, view.head or None, view.cursor, self._settings_id(view.settings), view.seed, view.coin)
            for place, view in enumerate(changes.views, start=changes.history_from)
        ])
        meta = {"name": changes.name, "created": repr(changes.created), "place": str(changes.place),
                "words": changes.words}
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(meta.items()))

    def _row(self, node: ChangedNode) -> tuple[Any, ...]:
        chain, question = node.step.settings, node.step.hindsight
        settings = None if chain is None else self._settings_id(chain)
        hindsight = None if question is None else self._id("questions", question, question_record)
        row = node_row(node.id, node.parent, node.step, node.model, node.born, settings, hindsight)
        return (row.id, row.parent or None, *row[2:])

    def _settings_id(self, settings: Settings) -> int:
        return self._id("settings", settings, Settings.to_dict)

    def _id(self, table: str, value: T, record_of: Callable[[T], dict[str, Any]]) -> int:
        found = self._ids.get(value)
        if found is None:
            record = json.dumps(record_of(value))
            self.connection.execute(f"INSERT OR IGNORE INTO {table} (record) VALUES (?)", (record,))
            found = int(self.connection.execute(f"SELECT id FROM {table} WHERE record = ?", (record,)).fetchone()[0])
            self._ids[value] = found
        return found


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode. Raises sqlite3.Error.

    Without a write-ahead log beside it nobody writes to the file: it is read as it lies, and nothing appears beside it.
    """
    path = real_path(path)  # the log lies beside the file itself, not beside a link to it
    if path.exists() and not path.is_file():
        raise sqlite3.OperationalError("it is not a file")
    where = f"{path.as_uri()}?mode={'ro' if read_only else 'rwc'}"
    logged = log_of(path).exists()
    if read_only and not logged:
        where += "&immutable=1"
    db = sqlite3.connect(where, uri=True, isolation_level=None, timeout=5, check_same_thread=False)
    try:
        db.execute("PRAGMA foreign_keys = ON")
        if read_only and logged:
            return _with_its_log(db, path)
        if not read_only:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # each commit is on the disk when it returns
    except BaseException:
        db.close()
        raise
    return db


def log_of(path: Path) -> Path:
    """The write-ahead log of a session's file (not of a link to it)."""
    return path.with_name(f"{path.name}-wal")


def _with_its_log(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The same, or where SQLite cannot read a log in its folder (it wants to write beside it), a copy of both."""
    try:
        db.execute("PRAGMA schema_version").fetchone()
        return db
    except sqlite3.DatabaseError:
        if os.access(path.parent, os.W_OK):
            return db  # it is for another reason, which whoever reads it says
    db.close()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        try:
            shutil.copyfile(path, copy)
            shutil.copyfile(log_of(path), log_of(copy))
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from None
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with closing(sqlite3.connect(copy)) as source:
            source.backup(memory)
        return memory


def create(db: sqlite3.Connection) -> None:
    """Make an empty session."""
    db.execute("BEGIN IMMEDIATE")
    for statement in filter(str.strip, SCHEMA.split(";")):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring an older session to this version's schema.

    Raises:
        InputError: it is no session, or one of a newer program.
    """
    check_kind(db, path)
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    while version < VERSION:
        db.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, MIGRATIONS[version].split(";")):
            db.execute(statement)
        version += 1
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("COMMIT")


def check_kind(db: sqlite3.Connection, path: Path) -> None:
    """Raise InputError where this is no session, or one of a newer program."""
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if not 1 <= version <= VERSION:
        raise InputError(f"{path} was made by a newer gpt2-remix (format {version}); update this one to open it")


def is_unwritten(path: Path) -> bool:
    """Whether a file is a session into which nothing was put yet (see `nothing_in`)."""
    try:
        with closing(connect(path, read_only=True)) as db:
            return nothing_in(db)
    except UNREADABLE:
        return False


def nothing_in(db: sqlite3.Connection) -> bool:
    """Whether a database is empty, or a session's with empty tables. Raises sqlite3.Error.

    So a kill in the moment in which a session's file is made leaves it.
    """
    tables = [str(row[0]) for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if not tables:
        return True
    ours = db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    return ours and not any(db.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0] for table in tables)


def read(path: Path, progress: Progress | None = None) -> Session:
    """Read a whole session; change nothing. One into which nothing was put yet is empty.

    `progress` is called with the nodes read so far.

    Raises:
        InputError: there is no such file, it is no session, or one of a newer program.
        DamagedError: it is one, but cannot be read whole.
    """
    db = _open_to_read(path)
    try:
        if nothing_in(db):
            return Session(Tree(seed=0))
        check_kind(db, path)
        problems = [row[0] for row in db.execute("PRAGMA quick_check(1)")]
        if problems != ["ok"]:
            raise DamagedError(f"{path} is damaged ({str(problems[0])[:80]})")
        with _without_collecting():
            return Records(db, strict=True, progress=progress).session()
    except (sqlite3.Error, BadRecordError, OverflowError, ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"{path} is damaged ({' '.join(str(error).split())[:80]})") from None
    finally:
        db.close()


def _open_to_read(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise InputError(f"there is no session {path}")
    check_file(path)
    if not is_sqlite(path):
        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
    try:
        return connect(path, read_only=True)
    except UNREADABLE as error:
        raise InputError(f"{path} cannot be read: {error}") from None


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Hundreds of thousands of objects that all stay: looking for garbage among them takes longer than making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def is_sqlite(path: Path) -> bool:
    """Whether a file begins as SQLite's do; an empty one does too. Raises InputError where it cannot be read."""
    return read_file(path, 16) in (b"SQLite format 3\0", b"")


class _explained:  # noqa: N801 - used as a function
    """Turns what SQLite and the disk say into one line: `with _explained(path): …`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise EngineError(f"{self._path} cannot be written: {reason(error)}") from None
        if isinstance(error, OverflowError | UnicodeEncodeError):
            raise EngineError(f"{self._path} cannot be written: the session holds what no file can ({error})") from None


def save_whole(session: Session, path: Path) -> None:
    """Write a session into a new file, whole or not at all.

    Raises:
        InputError: there is a file already that holds something.
        EngineError: it cannot be written.
    """
    if path.exists() and not is_unwritten(path):
        raise InputError(f"{path} is there already; name another file")
    changes = Journal(session).changes(whole=True)
    assert changes is not None
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as part:
            store = Store(part, called=path)
            try:
                store.write(changes)
            finally:
                store.close()
