"""Luck in hindsight in sessions: kept, exported, and replayed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpt2_remix.engine.generation.step import Hindsight
from gpt2_remix.engine.generation.what_if import what_if
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import parse_settings
from gpt2_remix.engine.session.export.json import session_from_json, session_to_json
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.recovery import recover
from gpt2_remix.engine.session.replay import replay
from gpt2_remix.engine.session.store import connect, migrate, read, save_whole
from gpt2_remix.engine.session.tree import Tree
from tests.engine.session.sessions import MODEL, grown, same


@pytest.mark.parametrize("chosen", ["", "top_p=0.95", "mirostat_tau=4", "xtc_probability=0.5,xtc_threshold=0.02"])
def test_luck_in_hindsight_is_kept_and_replays(classics: Model, tmp_path: Path, chosen: str) -> None:
    """What it was drawn for stands in the session: the original text, its prompt, the settings, the seed, the model."""
    words, chain = classics.tokenizer, parse_settings(chosen)
    ids = tuple(words.encode("The quick brown fox jumps over the lazy dog and it is a truth"))
    question = Hindsight(ids, 3, chain, 5, "classics")
    *_, found = what_if(classics.backend, question, words, change={5: 287}, to=replace(chain, temperature=0.9))
    tree = Tree(seed=1)
    tree.use_model(MODEL)
    tree.set_prompt(list(found.ids[:3]))
    for step in found.steps:
        tree.append(step)
    session = Session(tree)
    save_whole(session, tmp_path / "a.remix")
    same(read(tmp_path / "a.remix"), session)
    same(session_from_json(session_to_json(session)), session)
    *_, told = replay(classics.backend, read(tmp_path / "a.remix").tree, words, {0})
    sampled = [step for step in found.steps if step.hindsight is not None]
    assert len(sampled) > 3
    assert (told.replayed, told.different, told.impossible) == (len(sampled), [], 0)
    node = next(node for node in tree.nodes if node.step is not None and node.step.hindsight is not None)
    assert node.step is not None
    node.step = replace(node.step, token=node.step.token + 1)  # a forged record is told
    *_, forged = replay(classics.backend, tree, words, {0})
    assert forged.different
    node.step = replace(node.step, hindsight=replace(question, model="gpt2"))
    *_, foreign = replay(classics.backend, tree, words, {0})
    assert foreign.impossible == 1


def test_what_its_luck_was_drawn_for_can_be_lost(tmp_path: Path) -> None:
    """The token stays, as one that somebody picked."""
    path = tmp_path / "a.remix"
    session = grown(3, 80)
    save_whole(session, path)
    db = connect(path)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("UPDATE questions SET record = id")
    db.close()
    found, lost = recover(path)
    assert lost > 0
    for old, new in zip(session.tree.nodes[1:], found.tree.nodes[1:], strict=True):
        assert old.step is not None
        assert new.step is not None
        assert new.step.token == old.step.token
        if old.step.hindsight is not None:
            assert (new.step.origin, new.step.u, new.step.hindsight) == ("picked", None, None)


def test_files_of_the_format_before_are_read_and_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    session = grown(3, 60)
    for node in session.tree.nodes:
        if node.step is not None and node.step.hindsight is not None:
            node.step = replace(node.step, hindsight=None)
    save_whole(session, path)
    db = connect(path)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("ALTER TABLE nodes DROP COLUMN hindsight")
    db.execute("DROP TABLE questions")
    db.execute("PRAGMA user_version = 3")
    db.close()
    same(read(path), session)
    db = connect(path)
    migrate(db, path)
    db.close()
    same(read(path), session)
