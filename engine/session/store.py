"""Sessions in SQLite: one file a session, saved by appending, opened whole.

A session is its tree: steps, what decided them, the views that undo and redo go through, and what a person said of
nodes. `Changes` is what became of a tree since it was saved last; `Store.write` puts it into the file as one
transaction, so that a kill or a power cut loses no more than the last of them. A file that is damaged is read as far as
that goes (`recover`) and never written to.
"""

from __future__ import annotations

import gc
import json
import math
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError, InputError
from engine.sampling.settings import COINS, SEED_LIMIT, Settings
from engine.session.tree import ROOT, Mark, ModelRecord, Step, Tree, View

SUFFIX = ".remix"

APPLICATION_ID = 0x67707432
"""Tells a session from other SQLite files ("gpt2")."""

MOST_MODELS = 64
"""Models that a damaged session may have been made with."""

VERSION = 1
"""Of the schema; `MIGRATIONS` lead from each version before to the next."""

# The root holds no step and no row: a parent or head that is NULL is the root.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE models (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE settings (id INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE);
CREATE TABLE nodes (
    id INTEGER PRIMARY KEY, parent INTEGER REFERENCES nodes(id), model INTEGER NOT NULL REFERENCES models(id),
    born REAL NOT NULL, token INTEGER NOT NULL, origin TEXT NOT NULL, u REAL, roll INTEGER NOT NULL, seed INTEGER,
    coin TEXT, settings INTEGER REFERENCES settings(id), p_raw REAL, p_final REAL, rank INTEGER, surprisal REAL,
    entropy REAL, window INTEGER NOT NULL, offset INTEGER NOT NULL, mu REAL
);
CREATE TABLE marks (
    node INTEGER PRIMARY KEY REFERENCES nodes(id), name TEXT NOT NULL, star INTEGER NOT NULL, hidden INTEGER NOT NULL,
    note TEXT NOT NULL
);
CREATE TABLE history (
    place INTEGER PRIMARY KEY, head INTEGER REFERENCES nodes(id), cursor INTEGER NOT NULL,
    settings INTEGER NOT NULL REFERENCES settings(id), seed INTEGER NOT NULL, coin TEXT NOT NULL
);
"""

MIGRATIONS: dict[int, str] = {}
"""SQL that leads from a version to the next."""

NODE_COLUMNS = (
    "id", "parent", "model", "born", "token", "origin", "u", "roll", "seed", "coin", "settings", "p_raw", "p_final",
    "rank", "surprisal", "entropy", "window", "offset", "mu",
)  # fmt: skip

ORIGINS = ("prompt", "sampled", "picked")


class DamagedError(EngineError):
    """A session file cannot be read whole; `recover` may read some of it."""


@dataclass(slots=True)
class Session:
    """A session in memory: its tree, its name ("" for none), when it began (seconds since 1970), its first words."""

    tree: Tree
    name: str = ""
    created: float = field(default_factory=time.time)
    words: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a tree since it was saved last.

    Attributes:
        whole: whether this is everything, for an empty file.
        nodes: new nodes, and those whose step changed: (id, parent, step, model, born).
        marks: node and mark, None where it is gone.
        models: all of them.
        history_from: the first place of the history that is another now.
        views: the history from there on.
        place: where in the history the view of now stands.
        name, created, words: of the session.
    """

    whole: bool
    nodes: list[tuple[int, int, Step, int, float]]
    marks: list[tuple[int, Mark | None]]
    models: list[ModelRecord]
    history_from: int
    views: list[View]
    place: int
    name: str
    created: float
    words: str


@dataclass(slots=True)
class Journal:
    """Says what became of a session since it was asked last. Belongs to the thread that owns the tree.

    Attributes:
        saved: how many nodes were given out.
    """

    session: Session
    saved: int = 1
    _last: tuple[Any, ...] = ()

    @classmethod
    def of_saved(cls, session: Session) -> Journal:
        """For a session as its file holds it."""
        journal = cls(session)
        journal.changes()
        session.tree.touched.clear()
        return journal

    def _now(self) -> tuple[Any, ...]:
        session, tree = self.session, self.session.tree
        return (len(tree.nodes), tree.view, tree.history_place, tree.can_redo, session.name, session.words,
                tuple(tree.models))  # fmt: skip

    @property
    def pending(self) -> bool:
        """Whether there is something new."""
        return bool(self.session.tree.touched) or self._now() != self._last

    def changes(self, *, whole: bool = False) -> Changes | None:
        """What is new; None where nothing is."""
        tree = self.session.tree
        if whole:
            self.saved, tree.settled, self._last = 1, 0, ()
            tree.touched = set(tree.marks)  # every node is a new one anyhow
        if not self.pending:
            return None
        self._last = self._now()
        touched, tree.touched = sorted(tree.touched), set()
        ids = [node for node in touched if node < self.saved] + list(range(self.saved, len(tree.nodes)))
        nodes = [
            (node.id, node.parent, node.step, node.model, node.born)
            for node in map(tree.nodes.__getitem__, ids) if node.step is not None and node.parent is not None
        ]  # fmt: skip
        views = tree.history(tree.settled)
        found = Changes(
            whole, nodes, [(node, tree.marks.get(node)) for node in touched], list(tree.models), tree.settled, views,
            tree.history_place, self.session.name, self.session.created, self.session.words,
        )  # fmt: skip
        self.saved = len(tree.nodes)
        tree.settled = tree.history_place  # views before it do not change without it sinking
        return found


class Store:
    """An open session file. Raises EngineError, one line, for everything that a disk may do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._settings: dict[Settings, int] = {}
        self._inode = 0
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = connect(path)
            try:
                fresh = not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
                if fresh:
                    create(self._db)
                else:
                    migrate(self._db, path)
            except BaseException:
                self._db.close()
                raise
            self._inode = os.stat(path).st_ino

    def close(self) -> None:
        """Ends with one file: the write-ahead log is taken in."""
        with suppress(sqlite3.Error):
            self._db.close()

    @property
    def lost(self) -> bool:
        """Whether the file is no longer where it was: written to all the same, it would be seen by nobody."""
        try:
            return os.stat(self.path).st_ino != self._inode
        except OSError:
            return True

    def write(self, changes: Changes) -> None:
        """Puts changes into the file, all or none of them. Raises EngineError."""
        with _explained(self.path):
            known = dict(self._settings)
            try:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._put(changes)
            except BaseException:
                self._settings = known
                raise

    def _put(self, changes: Changes) -> None:
        db = self._db
        if changes.whole:
            self._settings.clear()
            for table in ("history", "marks", "nodes", "settings", "models", "meta"):
                db.execute(f"DELETE FROM {table}")
        db.executemany("INSERT OR REPLACE INTO models VALUES (?, ?)",
                       [(n, json.dumps(asdict(record))) for n, record in enumerate(changes.models)])  # fmt: skip
        marks = ", ".join("?" * len(NODE_COLUMNS))
        update = ", ".join(f"{name} = excluded.{name}" for name in NODE_COLUMNS[1:])
        db.executemany(
            f"INSERT INTO nodes VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {update}",
            [self._row(*node) for node in changes.nodes],
        )
        db.executemany("DELETE FROM marks WHERE node = ?", [(node,) for node, mark in changes.marks if mark is None])
        db.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)", [
            (node, mark.name, mark.star, mark.hidden, mark.note) for node, mark in changes.marks if mark is not None
        ])  # fmt: skip
        db.execute("DELETE FROM history WHERE place >= ?", (changes.history_from,))
        db.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", [
            (place, view.head or None, view.cursor, self._settings_id(view.settings), view.seed, view.coin)
            for place, view in enumerate(changes.views, start=changes.history_from)
        ])  # fmt: skip
        meta = {"name": changes.name, "created": repr(changes.created), "place": str(changes.place),
                "words": changes.words}  # fmt: skip
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(meta.items()))

    def _row(self, node: int, parent: int, step: Step, model: int, born: float) -> tuple[Any, ...]:
        settings = None if step.settings is None else self._settings_id(step.settings)
        return (node, parent or None, model, born, step.token, step.origin, step.u, step.roll, step.seed, step.coin,
                settings, step.p_raw, step.p_final, step.rank, step.surprisal, step.entropy, step.window, step.offset,
                step.mu)  # fmt: skip

    def _settings_id(self, settings: Settings) -> int:
        found = self._settings.get(settings)
        if found is None:
            record = json.dumps(settings.to_dict())
            self._db.execute("INSERT OR IGNORE INTO settings (record) VALUES (?)", (record,))
            found = int(self._db.execute("SELECT id FROM settings WHERE record = ?", (record,)).fetchone()[0])
            self._settings[settings] = found
        return found


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode. Raises sqlite3.Error.

    Without a write-ahead log beside it nobody writes to the file: it is read as it lies, and nothing appears beside it.
    """
    where = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    if read_only and not path.with_name(path.name + "-wal").exists():
        where += "&immutable=1"
    db = sqlite3.connect(where, uri=True, isolation_level=None, timeout=5, check_same_thread=False)
    try:
        db.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # each commit is on the disk when it returns
    except BaseException:
        db.close()
        raise
    return db


def create(db: sqlite3.Connection) -> None:
    """Makes an empty session."""
    db.execute("BEGIN IMMEDIATE")
    for statement in filter(str.strip, SCHEMA.split(";")):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings an older session to this version's schema.

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
    """Raises InputError where this is no session, or one of a newer program."""
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if not 1 <= version <= VERSION:
        raise InputError(f"{path} was made by a newer gpt2-remix (format {version}); update this one to open it")


def read(path: Path) -> Session:
    """Reads a whole session; changes nothing.

    Raises:
        InputError: there is no such file, it is no session, or one of a newer program.
        DamagedError: it is one, but cannot be read whole.
    """
    db = _open_to_read(path)
    try:
        check_kind(db, path)
        problems = [row[0] for row in db.execute("PRAGMA quick_check(1)")]
        if problems != ["ok"]:
            raise DamagedError(f"{path} is damaged ({str(problems[0])[:80]})")
        with _without_collecting():
            return _Records(db, strict=True).session()
    except (sqlite3.Error, _BadRecordError, OverflowError, ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"{path} is damaged ({' '.join(str(error).split())[:80]})") from None
    finally:
        db.close()


def recover(path: Path) -> tuple[Session, int]:
    """Reads what can be read of a damaged session, and how many records were lost or hurt as far as is known.

    What followed a lost node begins at the root. A node whose settings are lost is kept with the plain ones.

    Raises InputError where nothing can be read, or it is no session.
    """
    nothing = f"{path} is damaged and nothing in it can be read; a copy of it may be whole"
    if not is_sqlite(path):
        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = _as_long_as_it_says(path, Path(folder))
            with closing(connect(copy, read_only=True)) as db:
                with suppress(sqlite3.Error):
                    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
                    if "nodes" not in tables and db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
                records = _Records(db, strict=False)
                session = records.session()
    except (sqlite3.Error, OSError):
        raise InputError(nothing) from None
    if len(session.tree.nodes) == 1:
        raise InputError(nothing)
    return session, records.lost


def _as_long_as_it_says(path: Path, folder: Path) -> Path:
    """A copy of a session and its log, filled up to the length in its header: SQLite reads no file that was cut off."""
    copy = folder / "copy"
    shutil.copyfile(path, copy)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        shutil.copyfile(log, folder / "copy-wal")
    with copy.open("r+b") as file:
        header = file.read(100)
        pages = int.from_bytes(header[28:32], "big")
        page = int.from_bytes(header[16:18], "big")
        wanted = pages * (65536 if page == 1 else page)
        if copy.stat().st_size < wanted < 2**36:
            file.truncate(wanted)
    return copy


def _open_to_read(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise InputError(f"there is no session {path}")
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a session; name a file")
    if not is_sqlite(path):
        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
    try:
        return connect(path, read_only=True)
    except sqlite3.Error as error:
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
    try:
        with path.open("rb") as file:
            return file.read(16) in (b"SQLite format 3\0", b"")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


class _BadRecordError(Exception):
    """A record that no version of this program writes."""


class _Records:
    """Turns rows into a session; strict, or leaving out what makes no sense."""

    def __init__(self, db: sqlite3.Connection, *, strict: bool) -> None:
        self.db = db
        self.strict = strict
        self.lost = 0

    def rows(self, table: str, columns: Sequence[str], key: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a table in order; where it cannot be read whole, those that can, one by one."""
        statement = f"SELECT {', '.join(columns)} FROM {table}"
        if self.strict:
            yield from self.db.execute(f"{statement} ORDER BY {key}")
            return
        last = -1
        failures = 0
        while failures < 4:
            try:
                for row in self.db.execute(f"{statement} WHERE {key} > ? ORDER BY {key}", (last,)):
                    if not isinstance(row[0], int) or row[0] <= last:
                        return  # pages that point at each other would never end
                    yield row
                    last, failures = row[0], 0
                return
            except sqlite3.Error:
                self.lost += 1
                failures += 1
                last += 64 ** (failures - 1)  # the page with the next ones cannot be read: further on, perhaps

    def bad(self, what: str) -> None:
        """Gives up, or counts one more that is lost."""
        if self.strict:
            raise _BadRecordError(what)
        self.lost += 1

    def session(self) -> Session:
        """Everything."""
        meta: dict[str, str] = {}
        with self._tolerant():
            meta = dict(self.db.execute("SELECT key, value FROM meta"))
        settings = self._settings()
        if not self.strict:
            settings[-1] = Settings()  # in place of those that are lost
        models = self._models()
        tree, places = self._nodes(settings, max(models, default=-1) if self.strict else MOST_MODELS)
        last = max([*models, *(node.model for node in tree.nodes)], default=-1)
        tree.models = [models.get(n, ModelRecord("unknown")) for n in range(last + 1)]
        tree.model = max(0, len(tree.models) - 1)
        self._marks(tree, places)
        self._history(tree, places, settings, meta)
        created = 0.0
        with self._tolerant():
            created = float(meta["created"])
        return Session(tree, str(meta.get("name", "")), created if math.isfinite(created) else 0.0,
                       str(meta.get("words", "")))  # fmt: skip

    def _tolerant(self) -> suppress:
        errors = () if self.strict else (sqlite3.Error, _BadRecordError, ValueError, TypeError, KeyError, OverflowError)
        return suppress(*errors)

    def _settings(self) -> dict[int, Settings]:
        found: dict[int, Settings] = {}
        for number, record in self.rows("settings", ("id", "record"), "id"):
            try:
                found[number] = Settings.from_dict(json.loads(record))
            except (ValueError, TypeError, RecursionError, InputError):
                self.bad(f"settings {number}")
        return found

    def _models(self) -> dict[int, ModelRecord]:
        found: dict[int, ModelRecord] = {}
        for number, record in self.rows("models", ("id", "record"), "id"):
            try:
                found[number] = model_record(json.loads(record))
            except (ValueError, TypeError, KeyError, RecursionError, InputError):
                self.bad(f"model {number}")
        return found

    def _nodes(self, settings: dict[int, Settings], models: int) -> tuple[Tree, dict[int, int]]:
        """The tree, and the place of each saved node in it: they differ where nodes are missing."""
        tree = Tree(seed=0)
        places = {ROOT: ROOT}
        columns = ["ifnull(parent, 0)" if name == "parent" else name for name in NODE_COLUMNS]
        for row in self.rows("nodes", columns, "id"):
            known = row[1] in places
            if not known or (self.strict and row[0] != len(tree.nodes)):
                self.bad(f"node {row[0]}")
            if not self.strict and row[10] is not None and row[10] not in settings:
                self.bad(f"settings of node {row[0]}")
                row = (*row[:10], -1, *row[11:])
            if not plausible(row, settings, models):
                self.bad(f"node {row[0]}")
                continue
            places[row[0]] = grow_row(tree, places[row[1]] if known else ROOT, row, settings)
        return tree, places

    def _marks(self, tree: Tree, places: dict[int, int]) -> None:
        for node, name, star, hidden, note in self.rows("marks", ("node", "name", "star", "hidden", "note"), "node"):
            if node not in places or not isinstance(name, str) or not isinstance(note, str):
                self.bad(f"mark {node}")
                continue
            tree.marks[places[node]] = Mark(name, bool(star), bool(hidden), note)

    def _history(
        self, tree: Tree, places: dict[int, int], settings: dict[int, Settings], meta: dict[str, str]
    ) -> None:
        views: list[View] = []
        lost = self.lost
        columns = ("place", "ifnull(head, 0)", "cursor", "settings", "seed", "coin")
        for place, head, cursor, chain, seed, coin in self.rows("history", columns, "place"):
            good = (
                head in places and chain in settings and coin in COINS and isinstance(cursor, int) and cursor >= 0
                and isinstance(seed, int) and 0 <= seed < SEED_LIMIT
            )  # fmt: skip
            if not good or (self.strict and place != len(views)):
                self.bad(f"view {place}")
                continue
            views.append(View(places[head], cursor, settings[chain], seed, coin))
        now = len(views) - 1
        with self._tolerant():
            now = int(meta["place"])
        deepest = max(tree.nodes, key=lambda node: node.depth)
        if views and self.lost > lost:  # perhaps it was the newest one
            last = views[-1]
            views.append(View(deepest.id, deepest.depth, last.settings, last.seed, last.coin))
            now = len(views) - 1
        if views:
            tree.restore_history(views, max(0, min(now, len(views) - 1)))
        elif len(tree.nodes) > 1:
            self.bad("no view")
            tree.change(record=False, head=deepest.id, cursor=deepest.depth)


def plausible(row: Sequence[Any], settings: dict[int, Settings], models: int) -> bool:
    """Whether a node's record can be one of this program's: damaged ones mostly are not."""
    (number, parent, model, born, token, origin, u, roll, seed, coin, chain, p_raw, p_final, rank, surprisal, entropy,
     window, offset, mu) = row  # fmt: skip
    if not (type(number) is type(parent) is type(model) is type(token) is type(roll) is type(window) is type(offset)
            is int):  # fmt: skip
        return False
    if not (0 <= parent < number and 0 <= model <= max(0, models) and token >= 0 and roll >= 0 and window >= 0):
        return False
    if origin not in ORIGINS or type(born) is not float or (chain is not None and chain not in settings):
        return False
    for fraction in (u, p_raw, p_final):
        if fraction is not None and not (type(fraction) is float and 0 <= fraction <= 1.0000001):
            return False
    for bits in (surprisal, entropy):
        if bits is not None and not (type(bits) is float and bits >= 0):
            return False
    if mu is not None and type(mu) is not float:
        return False
    if rank is not None and not (type(rank) is int and rank >= 0):
        return False
    if origin == "sampled":
        return coin in COINS and type(seed) is int and 0 <= seed < SEED_LIMIT and chain is not None
    return True


def grow_row(tree: Tree, parent: int, row: Sequence[Any], settings: dict[int, Settings]) -> int:
    """Adds the node of a plausible record (NODE_COLUMNS) below a node; its place in the tree."""
    (_, _, model, born, token, origin, u, roll, seed, coin, chain, p_raw, p_final, rank, surprisal, entropy, window,
     offset, mu) = row  # fmt: skip
    known = None if chain is None else settings[chain]
    step = Step(tree.nodes[parent].depth, token, origin, u, roll, seed, coin, known, p_raw, p_final, rank, surprisal,
                entropy, window, offset, mu)  # fmt: skip
    return tree.grow(parent, step, model, born)


def model_record(record: dict[str, Any]) -> ModelRecord:
    """A ModelRecord from its JSON form. Raises InputError, KeyError, TypeError, ValueError."""
    layers, width, heads = (int(n) for n in record["shape"])
    return ModelRecord(
        str(record["name"]), int(record["parameters"]), str(record["precision"]), int(record["vocab_size"]),
        int(record["context"]), (layers, width, heads), str(record["sha256"]), str(record.get("form", "")),
    )  # fmt: skip


class _explained:  # noqa: N801 - used as a function
    """Turns what SQLite and the disk say into one line: `with _explained(path): …`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise EngineError(f"{self._path} cannot be written: {words}") from None


def save_whole(session: Session, path: Path) -> None:
    """Writes a session into a new file. Raises InputError where there is one already, EngineError."""
    if path.exists():
        raise InputError(f"{path} is there already; name another file")
    store = Store(path)
    try:
        changes = Journal(session).changes(whole=True)
        assert changes is not None
        store.write(changes)
    finally:
        store.close()
