"""JSON holds everything that the session file does, so that importing it gives the identical session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import read_file
from gpt2_remix.engine.generation.step import Hindsight
from gpt2_remix.engine.models.record import model_record
from gpt2_remix.engine.sampling.settings import COINS, SEED_LIMIT, Settings
from gpt2_remix.engine.session.journal import Session, turns
from gpt2_remix.engine.session.nodes import ROOT, Annotation, View
from gpt2_remix.engine.session.outline import branch_only
from gpt2_remix.engine.session.records import (
    LARGEST,
    LATER_COLUMNS,
    Known,
    NodeRow,
    grow_row,
    node_row,
    plausible,
    question_of,
    question_record,
    turn,
)
from gpt2_remix.engine.session.tree import Tree

FORMAT, FORMAT_VERSION = "gpt2-remix session", 4
"""Version 1 did not hold turns, and the settings' default order was another (see `Settings.from_dict`); versions before
4 held no luck in hindsight."""

FIELDS = NodeRow._fields[1:]

FRACTIONS = ("born", "u", "p_raw", "p_final", "surprisal", "entropy", "mu")
"""Fields that other programs may write without a point: 1 for 1.0."""


def session_to_json(session: Session, *, branch: int | None = None) -> str:
    """The whole session as one JSON document, one node a line; the same session always gives the same text.

    With `branch`, a leaf's node, only the path to it.
    """
    tree = session.tree if branch is None else branch_only(session.tree, branch)
    settings: dict[Settings, int] = {}
    questions: dict[Hindsight, int] = {}

    def number(chain: Settings | None) -> int | None:
        return None if chain is None else settings.setdefault(chain, len(settings))

    rows = []
    for node in tree.nodes[1:]:
        step = node.step
        assert step is not None
        asked = None if step.hindsight is None else questions.setdefault(step.hindsight, len(questions))
        rows.append(node_row(node.id, node.parent or ROOT, step, node.model, node.born, number(step.settings),
                             asked)[1:])
    views = [[view.head, view.cursor, number(view.settings), view.seed, view.coin] for view in tree.history()]
    head = {"format": FORMAT, "version": FORMAT_VERSION, "name": session.name, "created": session.created,
            "words": session.words, "models": [asdict(record) for record in tree.models]}
    marks = {str(node): asdict(mark) for node, mark in sorted(tree.annotations.items())}
    parts = [json.dumps(value, ensure_ascii=False, allow_nan=False) for value in (
        [chain.to_dict() for chain in settings], marks, list(FIELDS), views, tree.history_place, turns(tree),
        [question_record(question) for question in questions],
    )]
    lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
    opening = json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1]
    return (f'{opening},\n"settings": {parts[0]},\n"questions": {parts[6]},\n"marks": {parts[1]},\n'
            f'"fields": {parts[2]},\n"views": {parts[3]},\n"view": {parts[4]},\n"turns": {parts[5]},\n'
            f'"nodes": [\n{lines}\n]}}\n')


def session_from_json(text: str) -> Session:
    """The session that `session_to_json` wrote. Raises InputError that says what is wrong with it."""
    try:
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise InputError("this JSON is not a session; `gpt2-remix export --format json` makes one that is")
        if type(record["version"]) is not int or not 1 <= record["version"] <= FORMAT_VERSION:
            raise InputError(f"this export has format {str(record['version'])[:20]}; update gpt2-remix to read it")
        return _session(record)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        said = " ".join(str(error).split())[:80]
        raise InputError(f"this export is damaged ({type(error).__name__}: {said}); export the session again") from None


def read_export(path: Path) -> Session:
    """The session in a file that holds an export. Raises InputError."""
    try:
        text = read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); export the session again") from None
    try:
        return session_from_json(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _session(record: Mapping[str, Any]) -> Session:
    settings = {n: Settings.from_dict(chain) for n, chain in enumerate(record["settings"])}
    refers = Known(settings, {n: question_of(one) for n, one in enumerate(record.get("questions", []))})
    tree = Tree(seed=0)
    tree.models = [model_record(model) for model in record["models"]]
    tree.model = max(0, len(tree.models) - 1)
    fields = [name for name in FIELDS if record["version"] >= 4 or name not in LATER_COLUMNS]
    if record["fields"] != fields:
        raise ValueError("its nodes have other fields")
    for number, row in enumerate(record["nodes"], start=1):
        values: list[Any] = [float(value) if name in FRACTIONS and type(value) is int else value
                             for name, value in zip(fields, row, strict=True)]
        found = NodeRow(number, *values)
        known = type(found.parent) is int and 0 <= found.parent < number
        if not known or not plausible(found, refers, len(tree.models) - 1, tree.nodes[found.parent].depth) or (
            found.model >= len(tree.models)
        ):
            raise ValueError(f"node {number} makes no sense")
        grow_row(tree, found.parent, found, refers)
    for node, mark in record["marks"].items():
        if not 0 <= int(node) < len(tree.nodes):
            raise ValueError(f"a mark is on node {node}")
        tree.annotations[int(node)] = Annotation(
            _text(mark["name"]), bool(mark["star"]), bool(mark["hidden"]), _text(mark["note"])
        )
    for node, child in record.get("turns", {}).items():
        if not turn(tree, int(node), child):
            raise ValueError(f"there is no way from node {node} to node {child}")
    views = []
    for head, cursor, chain, seed, coin in record["views"]:
        whole = type(head) is type(cursor) is type(seed) is int
        if not (whole and 0 <= head < len(tree.nodes) and 0 <= cursor < LARGEST and 0 <= seed < SEED_LIMIT
                and coin in COINS):
            raise ValueError("a view makes no sense")
        views.append(View(head, cursor, settings[chain], seed, coin))
    if not views:
        raise ValueError("it has no view")
    if type(record["view"]) is not int or not 0 <= record["view"] < len(views):
        raise ValueError("no view is the one in view")
    tree.restore_history(views, record["view"])
    created = record["created"]
    if type(created) not in (int, float) or not 0 <= created < 2**53:
        raise ValueError("it was made at no time")
    return Session(tree, _text(record["name"]), created, _text(record["words"]))


def _text(value: Any) -> str:
    """A text that can be written. Raises ValueError where it is none."""
    if not isinstance(value, str):
        raise ValueError("a name or a note is no text")
    value.encode("utf-8")
    return value
