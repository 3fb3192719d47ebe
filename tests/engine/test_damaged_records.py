"""Numbers out of range in the JSON that this program reads: one line, or as if it were not there; never a traceback."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.models.provenance import RECORD, read_sources
from gpt2_remix.engine.session.folder import describe
from gpt2_remix.engine.session.recovery import recover
from gpt2_remix.engine.session.store import DamagedError, read, save_whole
from gpt2_remix.engine.tokens.corpus import Text
from gpt2_remix.engine.trace.index import read_index, write_index
from gpt2_remix.engine.trace.sources import texts_at_hand
from gpt2_remix.engine.train.plan import Plan, plan_from
from tests.engine.session.sessions import grown

HUGE = ("1e999", "-1e999", "NaN", "9" * 400, "null", '"x"', "[]")


@pytest.mark.parametrize("number", HUGE)
def test_the_model_in_a_session(tmp_path: Path, number: str) -> None:
    path = tmp_path / "a.remix"
    made = grown(2, 20)
    save_whole(made, path)
    with closing(sqlite3.connect(path)) as db:
        (record,) = db.execute("SELECT record FROM models WHERE id = 0").fetchone()
        db.execute("UPDATE models SET record = ?", (record.replace("5388032", number),))
        db.commit()
    describe(path)
    with pytest.raises(DamagedError):
        read(path)
    session, lost = recover(path)
    assert (len(session.tree.nodes), lost) == (20, len(made.tree.models))


@pytest.mark.parametrize("number", HUGE)
def test_the_documents_of_an_index(tmp_path: Path, number: str) -> None:
    ids = np.arange(100, dtype=np.uint16)
    write_index(tmp_path / "whole", [Text(tmp_path / "a.txt", "a", 1, 1, ids)], 200, 0.0)
    data = (tmp_path / "whole").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].replace(b", 100]]", f", {number}]]".replace('"', '\\"').encode())
    (tmp_path / "hurt").write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    with pytest.raises(EngineError, match="not an index of training text, or it is damaged"):
        read_index(tmp_path / "hurt", 200)


@pytest.mark.parametrize("number", HUGE)
def test_the_record_of_a_training(tmp_path: Path, number: str) -> None:
    source = {"title": "a", "path": str(tmp_path / "a.txt"), "size": "@", "tokens": 5}
    text = json.dumps({"sources": [source], "plan": {"held_out": "@"}}).replace('"@"', number)
    if number not in ("9" * 400,):
        with pytest.raises(InputError, match="damaged"):
            read_sources(json.loads(text))
    (tmp_path / RECORD).write_text(text)
    index: Any = None
    assert texts_at_hand(tmp_path, index, index) is None


@pytest.mark.parametrize("changes", [
    {"layers": 3_000_000}, {"width": 2**40}, {"heads": 0}, {"heads": 7}, {"layers": None}, {"layers": "x"},
    {"batch": 10**12}, {"heads": -1}, {"layers": True}, {"dropout": 7}, {"seed": -1}, {"steps": "z"}, {"seconds": -1.0},
    {"held_out": float("nan")}, {"other_rate": None}, {"muon": 1},
    {"vocab": -1}, {"width": float("inf")}, {"context": float("nan")},
])
def test_the_plan_of_a_training_bounds_what_is_built(changes: dict[str, Any]) -> None:
    from dataclasses import asdict

    plan = asdict(Plan(layers=2, width=64, heads=2, context=32, vocab=300, seconds=None, steps=5))
    assert plan_from(plan) == Plan(**plan)
    with pytest.raises(InputError, match="record of the training is damaged"):
        plan_from(plan | changes)
