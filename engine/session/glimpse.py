"""The first look at a large session: the end of the text in view, read in a moment, before its tree is read whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gpt2_remix.engine.generation.step import Origin
from gpt2_remix.engine.session.folder import newest_model
from gpt2_remix.engine.session.records import ORIGINS
from gpt2_remix.engine.session.store import check_kind, connect

MOST = 4_000
"""Tokens that are read, from the head backwards: some sixty screens."""

STREAM = """
WITH RECURSIVE stream (node, back) AS (
    SELECT head, 1 FROM history WHERE place = (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'place')
    UNION ALL
    SELECT parent, back + 1 FROM stream JOIN nodes ON id = node WHERE parent IS NOT NULL AND back < ?
)
SELECT token, origin FROM stream JOIN nodes ON id = node ORDER BY back DESC
"""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is seen of a session first.

    Attributes:
        nodes: how many steps it holds.
        stream: the last tokens of the stream in view, `MOST` at most, and how each came.
        model: the name of the model that it was made with last, "" where that is not known.
        vocab_size: of that model.
    """

    nodes: int
    stream: list[tuple[int, Origin]]
    model: str
    vocab_size: int


def glimpse(path: Path) -> Glimpse | None:
    """Look at a session without reading it whole. None where nothing can be seen; `store.read` says why."""
    try:
        with closing(connect(path, read_only=True)) as db:
            check_kind(db, path)
            nodes = int(db.execute("SELECT count(*) FROM nodes").fetchone()[0])
            stream: list[tuple[int, Origin]] = [
                (int(token), origin if origin in ORIGINS else "sampled")
                for token, origin in db.execute(STREAM, (MOST,))
            ]
            model = newest_model(db)
    except (sqlite3.Error, ValueError, TypeError, OverflowError):
        return None
    return Glimpse(nodes, stream, model.name if model else "", model.vocab_size if model else 0)
