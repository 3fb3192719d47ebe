"""Rows of a session's file as records with names, and what makes a tree of them."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.step import Hindsight, Origin, Step
from gpt2_remix.engine.models.record import ModelRecord, model_record
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.sampling.settings import COINS, SEED_LIMIT, CoinKind, Settings
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.nodes import ROOT, Annotation, View
from gpt2_remix.engine.session.tree import Tree

TOLD = 5_000
"""Nodes after which whoever waits is told."""

MOST_MODELS = 64
"""Models that a damaged session may have been made with."""


UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What damage raises: SQLite's own messages may quote a damaged name, which Python cannot decode."""


class NodeRow(NamedTuple):
    """A node as the file keeps it: its columns in order, and the fields of the JSON export (all but the id).

    The fields of `engine.generation.step.Step` under their own names. Read from a file they may be of any type:
    `plausible` says whether they can be this program's.

    Attributes:
        id: the node's number in the tree, 1 or more.
        parent: the number of the node before it, 0 for the root.
        model: index into the session's models.
        born: Unix time in seconds.
        settings: id of the settings that the token was chosen under.
        hindsight: id of what its luck was drawn for, where that was drawn in hindsight.
    """

    id: int
    parent: int
    model: int
    born: float
    token: int
    origin: Origin
    u: float | None
    roll: int
    seed: int | None
    coin: CoinKind | None
    settings: int | None
    p_raw: float | None
    p_final: float | None
    rank: int | None
    surprisal: float | None
    entropy: float | None
    window: int
    offset: int
    mu: float | None
    hindsight: int | None = None


NODE_COLUMNS = NodeRow._fields

LATER_COLUMNS = {"hindsight": "NULL"}
"""Columns that files of an older format lack, and what stands for them there."""


@dataclass(slots=True)
class Known:
    """What rows of nodes refer to, by id: settings, and what luck in hindsight was drawn for."""

    settings: dict[int, Settings] = field(default_factory=dict)
    questions: dict[int, Hindsight] = field(default_factory=dict)


def question_record(question: Hindsight) -> dict[str, Any]:
    """What luck in hindsight was drawn for, in JSON."""
    return {"ids": list(question.ids), "prompt": question.prompt, "settings": question.settings.to_dict(),
            "seed": question.seed, "model": question.model}


def question_of(record: Any) -> Hindsight:
    """The inverse of `question_record`. Raises InputError, ValueError, TypeError or KeyError where it is none."""
    ids, prompt, seed, model = record["ids"], record["prompt"], record["seed"], record["model"]
    if type(ids) is not list or any(type(token) is not int or not 0 <= token < LARGEST for token in ids):
        raise ValueError("its text is none")
    if not (type(prompt) is type(seed) is int and 0 <= prompt <= len(ids) and 0 <= seed < SEED_LIMIT):
        raise ValueError("its prompt or seed is none")
    if not isinstance(model, str):
        raise ValueError("its model is none")
    return Hindsight(tuple(ids), prompt, Settings.from_dict(record["settings"]), seed, model)


def node_row(
    node: int, parent: int, step: Step, model: int, born: float, settings: int | None, hindsight: int | None
) -> NodeRow:
    """The row of a node, of its step and the ids of what that refers to."""
    return NodeRow(
        id=node, parent=parent, model=model, born=born, token=step.token, origin=step.origin, u=step.u, roll=step.roll,
        seed=step.seed, coin=step.coin, settings=settings, p_raw=step.p_raw, p_final=step.p_final, rank=step.rank,
        surprisal=step.surprisal, entropy=step.entropy, window=step.window, offset=step.offset, mu=step.mu,
        hindsight=hindsight,
    )


ORIGINS: tuple[Origin, ...] = get_args(Origin)


class BadRecordError(Exception):
    """A record that no version of this program writes."""


class Records:
    """Turns rows into a session; strict, or leaving out what makes no sense."""

    def __init__(self, db: sqlite3.Connection, *, strict: bool, progress: Progress | None = None) -> None:
        self.db = db
        self.strict = strict
        self._progress = progress
        self.lost = 0

    def rows(self, table: str, columns: Sequence[str], key: str) -> Generator[tuple[Any, ...]]:
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
            except UNREADABLE:
                self.lost += 1
                failures += 1
                last += 64 ** (failures - 1)  # the page with the next ones cannot be read: further on, perhaps

    def bad(self, what: str) -> None:
        """Give up, or count one more that is lost."""
        if self.strict:
            raise BadRecordError(what)
        self.lost += 1

    def session(self) -> Session:
        """Everything."""
        meta: dict[str, str] = {}
        with self._tolerant():
            meta = dict(self.db.execute("SELECT key, value FROM meta"))
        known = Known(self._settings(), self._questions())
        settings = known.settings
        if not self.strict:
            settings[-1] = Settings()  # in place of those that are lost
        models = self._models()
        tree, places = self._nodes(known, max(models, default=-1) if self.strict else MOST_MODELS)
        last = max([*models, *(node.model for node in tree.nodes)], default=-1)
        tree.models = [models.get(n, ModelRecord("unknown")) for n in range(last + 1)]
        tree.model = max(0, len(tree.models) - 1)
        self._marks(tree, places)
        self._turns(tree, places)
        self._history(tree, places, settings, meta)
        created = 0.0
        with self._tolerant():
            created = float(meta["created"])
        return Session(tree, str(meta.get("name", "")), created if math.isfinite(created) else 0.0,
                       str(meta.get("words", "")))

    def _tolerant(self) -> suppress:
        errors = () if self.strict else (sqlite3.Error, BadRecordError, ValueError, TypeError, KeyError, OverflowError)
        return suppress(*errors)

    def _settings(self) -> dict[int, Settings]:
        found: dict[int, Settings] = {}
        for number, record in self.rows("settings", ("id", "record"), "id"):
            try:
                found[number] = Settings.from_dict(json.loads(record))
            except (ValueError, TypeError, RecursionError, InputError):
                self.bad(f"settings {number}")
        return found

    def _questions(self) -> dict[int, Hindsight]:
        found: dict[int, Hindsight] = {}
        for number, record in self.rows("questions", ("id", "record"), "id") if self._has("questions") else ():
            try:
                found[number] = question_of(json.loads(record))
            except (ValueError, TypeError, KeyError, RecursionError, InputError):
                self.bad(f"question {number}")
        return found

    def _has(self, table: str) -> bool:
        """Whether there is a table: older formats have fewer."""
        with self._tolerant():
            found = self.db.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
            return bool(found)
        return False

    def _models(self) -> dict[int, ModelRecord]:
        found: dict[int, ModelRecord] = {}
        for number, record in self.rows("models", ("id", "record"), "id"):
            try:
                found[number] = model_record(json.loads(record))
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError, InputError):
                self.bad(f"model {number}")
        return found

    def _nodes(self, known: Known, models: int) -> tuple[Tree, dict[int, int]]:
        """The tree, and the place of each saved node in it: they differ where nodes are missing."""
        tree = Tree(seed=0)
        places = {ROOT: ROOT}
        for values in self._node_rows():
            row = NodeRow._make(values)
            placed = row.parent in places
            if not placed or (self.strict and row.id != len(tree.nodes)):
                self.bad(f"node {row.id}")
            if not self.strict and row.settings is not None and row.settings not in known.settings:
                self.bad(f"settings of node {row.id}")
                row = row._replace(settings=-1)
            if not self.strict and row.hindsight is not None and row.hindsight not in known.questions:
                self.bad(f"luck of node {row.id}")  # the token stays, as one that somebody picked
                row = row._replace(origin="picked", u=None, roll=0, seed=None, coin=None, hindsight=None)
            parent = places[row.parent] if placed else ROOT
            if not plausible(row, known, models, tree.nodes[parent].depth):
                self.bad(f"node {row.id}")
                continue
            places[row.id] = grow_row(tree, parent, row, known)
        return tree, places

    def _node_rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of the nodes; whoever waits is told how many there were."""
        there = {"parent": "ifnull(parent, 0)"}
        with self._tolerant():
            held = {str(row[1]) for row in self.db.execute("PRAGMA table_info(nodes)")}
            there |= {name: value for name, value in LATER_COLUMNS.items() if name not in held}
        columns = [there.get(name, name) for name in NODE_COLUMNS]
        rows = self.rows("nodes", columns, "id")
        if self._progress is None:
            yield from rows
            return
        in_all = int(self.db.execute("SELECT count(*) FROM nodes").fetchone()[0])
        with closing(rows):  # where progress raises, before the database is closed
            for done, row in enumerate(rows):
                if done % TOLD == 0:
                    self._progress("reading", done, in_all)
                yield row

    def _marks(self, tree: Tree, places: dict[int, int]) -> None:
        for node, name, star, hidden, note in self.rows("marks", ("node", "name", "star", "hidden", "note"), "node"):
            if node not in places or not isinstance(name, str) or not isinstance(note, str):
                self.bad(f"mark {node}")
                continue
            tree.annotations[places[node]] = Annotation(name, bool(star), bool(hidden), note)

    def _turns(self, tree: Tree, places: dict[int, int]) -> None:
        for node, child in self.rows("turns", ("node", "child"), "node") if self._has("turns") else ():
            if not turn(tree, places.get(node), places.get(child)):
                self.bad(f"turn at {node}")

    def _history(
        self, tree: Tree, places: dict[int, int], settings: dict[int, Settings], meta: dict[str, str]
    ) -> None:
        views: list[View] = []
        lost = self.lost
        columns = ("place", "ifnull(head, 0)", "cursor", "settings", "seed", "coin")
        for place, head, cursor, chain, seed, coin in self.rows("history", columns, "place"):
            good = (
                head in places and chain in settings and coin in COINS and isinstance(cursor, int)
                and 0 <= cursor < LARGEST and isinstance(seed, int) and 0 <= seed < SEED_LIMIT
            )
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


LARGEST = 2**31
"""Ids, ranks, rolls and positions are below it."""


def turn(tree: Tree, node: int | None, child: int | None) -> bool:
    """Let the stream have last gone through a child of a node. False where it is none."""
    if node is None or not 0 <= node < len(tree.nodes) or child not in tree.nodes[node].children:
        return False
    tree.nodes[node].visited = child
    return True


def plausible(row: NodeRow, known: Known, models: int, position: int) -> bool:
    """Whether the record of a node at a position can be one of this program's: damaged ones mostly are not."""
    if not (type(row.id) is type(row.parent) is type(row.model) is type(row.token) is type(row.roll)
            is type(row.window) is type(row.offset) is int):
        return False
    if not (0 <= row.parent < row.id and 0 <= row.model <= max(0, models)):
        return False
    if not all(0 <= number < LARGEST for number in (row.token, row.roll, row.window, row.offset + position)):
        return False
    if row.origin not in ORIGINS or type(row.born) is not float or not math.isfinite(row.born):
        return False
    if row.settings is not None and row.settings not in known.settings:
        return False
    if not _plausible_hindsight(row, known, position):
        return False
    for fraction in (row.u, row.p_raw, row.p_final):
        if fraction is not None and not (type(fraction) is float and 0 <= fraction <= 1.0000001):
            return False
    for bits in (row.surprisal, row.entropy):
        if bits is not None and not (type(bits) is float and 0 <= bits < math.inf):
            return False
    if row.mu is not None and not (type(row.mu) is float and math.isfinite(row.mu)):
        return False
    if row.rank is not None and not (type(row.rank) is int and 0 <= row.rank < LARGEST):
        return False
    if row.coin not in (*COINS, None):
        return False
    if row.seed is not None and not (type(row.seed) is int and 0 <= row.seed < SEED_LIMIT):
        return False
    if row.origin != "sampled":
        return True
    by_hand = row.seed is None and row.coin == "interval" and row.roll == 0 and row.u is not None and row.u < 1
    return None not in (row.u, row.settings, row.coin) and (row.seed is not None or by_hand)


def _plausible_hindsight(row: NodeRow, known: Known, position: int) -> bool:
    if row.hindsight is None:
        return True
    question = known.questions.get(row.hindsight) if type(row.hindsight) is int else None
    if question is None or (row.origin, row.coin, row.roll, row.seed) != ("sampled", "gumbel", 0, question.seed):
        return False
    return question.prompt <= position + row.offset < len(question.ids)


def grow_row(tree: Tree, parent: int, row: NodeRow, known: Known) -> int:
    """Add the node of a plausible record below a node; its place in the tree."""
    settings = None if row.settings is None else known.settings[row.settings]
    question = None if row.hindsight is None else known.questions[row.hindsight]
    step = Step(
        position=tree.nodes[parent].depth, token=row.token, origin=row.origin, u=row.u, roll=row.roll, seed=row.seed,
        coin=row.coin, settings=settings, p_raw=row.p_raw, p_final=row.p_final, rank=row.rank, surprisal=row.surprisal,
        entropy=row.entropy, window=row.window, offset=row.offset, mu=row.mu,
        hindsight=question,
    )
    return tree.grow(parent, step, row.model, row.born)
