"""Session files and exports as other moments and other hands left them: half made, of earlier formats, out of range."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import CHAIN, Settings
from gpt2_remix.engine.session.export.json import session_from_json, session_to_json
from gpt2_remix.engine.session.export.markdown import to_markdown
from gpt2_remix.engine.session.folder import describe
from gpt2_remix.engine.session.journal import Journal, Session
from gpt2_remix.engine.session.opening import open_session
from gpt2_remix.engine.session.store import Store, read, save_whole
from gpt2_remix.engine.session.tree import Tree
from tests.engine.cli.test_cli import document, run
from tests.engine.session.sessions import grown, same
from tests.kinds import known

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("moment", ["before a table", "among the tables", "before the first token", "empty"])
def test_a_session_whose_making_was_killed_is_a_new_one(
    tmp_path: Path, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was refused as "not a session", and the next start with that file with it."""
    path = tmp_path / "a.remix"
    path.touch()
    if moment != "empty":
        program = (
            "import os; from pathlib import Path; from gpt2_remix.engine.session import store\n"
            "def kill(*_): os.kill(os.getpid(), 9)\n"
            + {"before a table": "store.create = kill",
               "among the tables": "store.SCHEMA = store.SCHEMA.partition('CREATE TABLE marks')[0] + ';X'\n"
                                   "import sqlite3\n"
                                   "real = store.create\n"
                                   "def create(db):\n"
                                   "    try: real(db)\n"
                                   "    except sqlite3.Error: kill()\n"
                                   "store.create = create",
               "before the first token": "store.Store.write = kill"}[moment]
            + f"\nstore.Store(Path({str(path)!r})).write(None)"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    listed = describe(path)
    assert (listed.nodes, listed.problem) == (0, "")
    assert len(read(path).tree.nodes) == 1
    opened = open_session(path)
    assert (opened.saved, opened.path, opened.notes, len(opened.session.tree.nodes)) == (False, path, [], 1)
    opened.release()
    assert run(capsys, "generate", "It is", "-n", "3", "--seed", "1", "--session", str(path))[0] == 0
    assert len(read(path).tree.nodes) == 6


@pytest.mark.parametrize("form", ["remix", "json"])
def test_sessions_of_before_keep_the_order_of_their_chain_and_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """Made at f520529, where a bias came after the penalties and breakers were ids: with biases and penalties, with
    some rules in another order, with DRY, and plain."""
    path = tmp_path / "a.remix"
    if form == "remix":
        shutil.copy(DATA / "f520529-order.remix", path)
    else:
        assert run(capsys, "import", str(DATA / "f520529-order.json"), "-o", str(path))[0] == 0
    record = document(capsys, "replay", str(path))
    assert (record["nodes"], record["replayed"], record["different"]) == (37, 30, [])
    chains = {step.settings for node in read(path).tree.nodes if (step := node.step) and step.settings}
    assert sorted(chain.order.index("logit_bias") for chain in chains) == [0, 0, 5, 5]
    assert Settings() in chains  # in which no order decides anything
    # What is added today has today's order, and is written beside it.
    assert run(capsys, "generate", "-n", "2", "--seed", "9", "--set", "logit_bias=262:3,repetition_penalty=1.5",
               "--session", str(path))[0] == 0
    assert known(known(read(path).tree.nodes[-1].step).settings).order == CHAIN
    assert run(capsys, "export", str(path), "--format", "json", "-o", str(tmp_path / "a.json"))[0] == 0
    assert run(capsys, "import", str(tmp_path / "a.json"), "-o", str(tmp_path / "b.remix"))[0] == 0
    same(read(tmp_path / "b.remix"), read(path))
    record = document(capsys, "replay", str(tmp_path / "b.remix"))
    assert (record["replayed"], record["different"]) == (32, [])


def test_the_branch_in_view_is_the_one_that_comes_back(tmp_path: Path) -> None:
    """From a view in mid-stream the first branch came back, whichever it had been."""
    session = grown(4, 200)
    tree = session.tree
    split = next(node.id for node in tree.nodes if len(node.children) > 1 and node.depth > 2)
    Store(tmp_path / "a.remix").close()
    for child in reversed(tree.nodes[split].children):
        tree.go(tree.leaf_below(child))
        tree.change(head=split)
        assert tree.leaf_below(split) == tree.leaf_below(child)
        number = tree.branch_number()
        again = session_from_json(session_to_json(session))
        assert again.tree.branch_number() == number
        same(again, session)
        path = tmp_path / f"{child}.remix"
        save_whole(session, path)
        assert read(path).tree.branch_number() == number
        same(read(path), session)


def test_turns_are_saved_as_they_come(tmp_path: Path) -> None:
    session = grown(4, 200)
    tree, journal = session.tree, Journal(session)
    file = Store(tmp_path / "a.remix")
    file.write(known(journal.changes(whole=True)))
    for leaf in (*tree.leaves()[:5], *tree.leaves()[-5:], *tree.leaves()[:2]):
        tree.go(leaf)
        file.write(known(journal.changes()))
        same(read(file.path), session)
    file.close()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values in a JSON document stand."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


WRONG = ("2", "9" * 5000, str(2**63), str(-(2**63)), str(2**31), "-1", "1e999", "-1e999", "NaN", "1e308", "0.5", "null",
         "true", '"x"', '"\\ud800"', "[]", "{}", "[[]]", '"' + "x" * 300 + '"')


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_an_export_with_any_value_in_any_place_is_refused_or_can_be_kept(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A rank of 2**63 was "unexpected OverflowError", with exit 1; and a list in place of the marks."""
    text = session_to_json(grown(3, 12))
    record = json.loads(text)
    *way, last = data.draw(st.sampled_from([place for place in places(record) if place]))
    target = record
    for key in way:
        target = target[key]
    target[last] = "@@"
    hurt = json.dumps(record).replace('"@@"', data.draw(st.sampled_from(WRONG)))
    try:
        session = session_from_json(hurt)
    except InputError:
        return
    path = tmp_path_factory.mktemp("kept") / "a.remix"
    save_whole(session, path)
    same(read(path), session)
    same(session_from_json(session_to_json(session)), session)


def full(path: Path, content: bytes) -> int:
    """What a full disk does: half of it is there."""
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


NO_TEXTS: list[Any] = [None, [], {}, True, 3]

OTHER_TYPES: list[tuple[tuple[str | int, ...], Any]] = [
    *((("models", 0, field), value) for field in ("name", "precision", "sha256") for value in NO_TEXTS),
    *((("models", 0, field), value) for field in ("parameters", "vocab_size", "context")
      for value in (-1, True, 10**400, 1.5, "7", None)),
    (("models", 0, "shape"), [1, 2]), (("models", 0, "shape"), [1, 2, True]), (("created",), True),
    (("created",), 2**63), (("created",), "1"), (("version",), True), (("settings", 0), []),
    (("settings", 0, "banned"), {}), (("settings", 0, "logit_bias"), []), (("settings", 0, "dry_breakers"), "x"),
]


@pytest.mark.parametrize(("place", "value"), OTHER_TYPES)
def test_what_is_of_another_type_is_refused(place: tuple[str | int, ...], value: object) -> None:
    """They were taken, and became other text: a model named "{}"."""
    record = json.loads(session_to_json(grown(2, 12)))
    at: Any = record
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    with pytest.raises(InputError):
        session_from_json(json.dumps(record))


def test_a_file_with_two_names_is_said_to_be_perhaps_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log of a session lies beside one of its names: under the other an old state was shown without a word."""
    path, other = tmp_path / "a.remix", tmp_path / "b.remix"
    session = grown(1, 12)
    session.tree.models = session.tree.models[:1]
    save_whole(session, path)
    other.hardlink_to(path)
    for command in (("export", str(other), "--format", "json"), ("replay", str(other))):
        assert "more than one name on this disk" in run(capsys, *command)[2]
    opened = open_session(other)
    opened.release()
    assert "may be missing" in opened.notes[0]


@pytest.mark.parametrize("form", ["json", "md", "txt", "html"])
def test_an_export_replaces_a_file_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    session, target, link = grown(5, 30), tmp_path / "there", tmp_path / "link"
    save_whole(session, tmp_path / "a.remix")
    target.write_text("old")
    link.symlink_to(target)
    arguments = ("export", str(tmp_path / "a.remix"), "--format", form, "-o", str(link), "--no-candidates", "--model",
                 "classics")
    code, _, err = run(capsys, *arguments)
    assert code == 0, err
    assert link.is_symlink()
    whole = target.read_text("utf-8")
    assert len(whole) > 100
    from gpt2_remix.engine.errors import EngineError
    from gpt2_remix.engine.session.export.render import write_text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(EngineError, match=r"No space left.*is still there"):
            write_text(link, "new")
    assert target.read_text("utf-8") == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.remix", "home", "link", "there"]


def test_markdown_leaves_a_character_whole_where_the_origin_changes(classics: Model) -> None:
    from gpt2_remix.engine.generation.step import Step

    tokens = [token for character in "é日\U0001f600" for token in classics.tokenizer.encode(character)]
    assert len(tokens) > 5
    tree = Tree(seed=1)
    tree.set_prompt(classics.tokenizer.encode("so "), record=False)
    for n, token in enumerate(tokens):
        origin: Any = "picked" if n % 2 else "sampled"
        tree.append(Step(len(tree), token, origin, u=0.5, seed=1, coin="interval", settings=Settings()))
    text = to_markdown(Session(tree), classics.tokenizer)
    assert "\ufffd" not in text
    assert text.replace("*", "").endswith("so é日\U0001f600\n")
