"""JSON holds everything that the session file does, so that importing it gives the identical session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.errors import InputError
from engine.models.record import model_record
from engine.sampling.settings import COINS, Settings
from engine.session.journal import Session
from engine.session.nodes import ROOT, Annotation, View
from engine.session.outline import branch_only
from engine.session.records import NodeRow, grow_row, node_row, plausible
from engine.session.tree import Tree

FORMAT, FORMAT_VERSION = "gpt2-remix session", 1

FIELDS = NodeRow._fields[1:]

FRACTIONS = ("born", "u", "p_raw", "p_final", "surprisal", "entropy", "mu")
"""Fields that other programs may write without a point: 1 for 1.0."""


def session_to_json(session: Session, *, branch: int | None = None) -> str:
    """The whole session as one JSON document, one node a line; the same session always gives the same text.

    With `branch`, a leaf's node, only the path to it.
    """
    tree = session.tree if branch is None else branch_only(session.tree, branch)
    settings: dict[Settings, int] = {}

    def number(chain: Settings | None) -> int | None:
        return None if chain is None else settings.setdefault(chain, len(settings))

    rows = []
    for node in tree.nodes[1:]:
        step = node.step
        assert step is not None
        rows.append(node_row(node.id, node.parent or ROOT, step, node.model, node.born, number(step.settings))[1:])
    views = [[view.head, view.cursor, number(view.settings), view.seed, view.coin] for view in tree.history()]
    head = {"format": FORMAT, "version": FORMAT_VERSION, "name": session.name, "created": session.created,
            "words": session.words, "models": [asdict(record) for record in tree.models]}
    marks = {str(node): asdict(mark) for node, mark in sorted(tree.annotations.items())}
    parts = [json.dumps(value, ensure_ascii=False, allow_nan=False) for value in (
        [chain.to_dict() for chain in settings], marks, list(FIELDS), views, tree.history_place
    )]
    lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
    opening = json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1]
    return (f'{opening},\n"settings": {parts[0]},\n"marks": {parts[1]},\n"fields": {parts[2]},\n'
            f'"views": {parts[3]},\n"view": {parts[4]},\n"nodes": [\n{lines}\n]}}\n')


def session_from_json(text: str) -> Session:
    """The session that `session_to_json` wrote. Raises InputError that says what is wrong with it."""
    try:
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise InputError("this JSON is not a session; `gpt2-remix export --format json` makes one that is")
        if record["version"] != FORMAT_VERSION:
            raise InputError(f"this export has format {record['version']}; update gpt2-remix to read it")
        return _session(record)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        said = " ".join(str(error).split())[:80]
        raise InputError(f"this export is damaged ({type(error).__name__}: {said}); export the session again") from None


def _session(record: Mapping[str, Any]) -> Session:
    settings = {n: Settings.from_dict(chain) for n, chain in enumerate(record["settings"])}
    tree = Tree(seed=0)
    tree.models = [model_record(model) for model in record["models"]]
    tree.model = max(0, len(tree.models) - 1)
    if record["fields"] != list(FIELDS):
        raise ValueError("its nodes have other fields")
    for number, row in enumerate(record["nodes"], start=1):
        values: list[Any] = [float(value) if name in FRACTIONS and type(value) is int else value
                             for name, value in zip(FIELDS, row, strict=True)]
        found = NodeRow(number, *values)
        if not plausible(found, settings, len(tree.models) - 1):
            raise ValueError(f"node {number} makes no sense")
        grow_row(tree, found.parent, found, settings)
    for node, mark in record["marks"].items():
        if not 0 <= int(node) < len(tree.nodes):
            raise ValueError(f"a mark is on node {node}")
        tree.annotations[int(node)] = Annotation(
            str(mark["name"]), bool(mark["star"]), bool(mark["hidden"]), str(mark["note"])
        )
    views = []
    for head, cursor, chain, seed, coin in record["views"]:
        if not 0 <= head < len(tree.nodes) or coin not in COINS or int(cursor) < 0 or int(seed) < 0:
            raise ValueError("a view makes no sense")
        views.append(View(int(head), int(cursor), settings[chain], int(seed), coin))
    if not views:
        raise ValueError("it has no view")
    tree.restore_history(views, max(0, min(int(record["view"]), len(views) - 1)))
    return Session(tree, str(record["name"]), float(record["created"]), str(record["words"]))
