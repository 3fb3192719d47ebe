"""Sessions in SQLite: saved as they grow, read back the same, recovered where they are damaged."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.locks import try_lock
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session import store
from gpt2_remix.engine.session.folder import (
    bin_folder,
    copy_session,
    describe,
    empty_bin,
    find_session,
    folder,
    fresh_path,
    list_sessions,
    to_bin,
)
from gpt2_remix.engine.session.journal import Journal, Session
from gpt2_remix.engine.session.recovery import recover
from gpt2_remix.engine.session.store import DamagedError, Store, read, save_whole
from gpt2_remix.engine.session.tree import Tree
from tests.engine.session.sessions import MODEL, grown, same, sessions
from tests.kinds import known

fixture_is_fine = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@fixture_is_fine
@given(sessions)
def test_a_session_is_read_as_it_was_saved(tmp_path_factory: pytest.TempPathFactory, session: Session) -> None:
    path = tmp_path_factory.mktemp("s") / "a.remix"
    save_whole(session, path)
    same(read(path), session)
    assert Journal.of_saved(read(path)).changes() is None


@fixture_is_fine
@given(st.integers(0, 10**6), st.lists(st.integers(0, 7), max_size=30))
def test_saved_bit_by_bit_it_is_the_same(tmp_path_factory: pytest.TempPathFactory, seed: int, acts: list[int]) -> None:
    """Whatever happens between two saves: growing, undo and redo, marks, measuring."""
    path = tmp_path_factory.mktemp("s") / "a.remix"
    session = grown(seed, 6)
    tree, journal, file = session.tree, Journal(session), Store(path)
    rng = random.Random(seed)

    def save() -> None:
        changes = journal.changes()
        if changes is not None:
            file.write(known(changes))

    save()
    for act in acts:
        step = Step(len(tree), rng.randrange(8193), "sampled", u=rng.random(), seed=tree.view.seed,
                    coin=tree.view.coin, settings=tree.view.settings, p_raw=0.5, p_final=0.5, rank=0, surprisal=1.0,
                    entropy=1.0)
        if act == 0:
            tree.append(step)
        elif act == 1:
            tree.append(step, record=False)
        elif act == 2:
            tree.undo()
        elif act == 3:
            tree.redo()
        elif act == 4:
            tree.move(rng.randrange(len(tree) + 1))
        elif act == 5:
            tree.change(settings=Settings(temperature=rng.random()))
        elif act == 6:
            tree.annotate(rng.randrange(1, len(tree.nodes)), star=rng.random() < 0.5, name=rng.choice(["", "x"]))
        elif act == 7:
            save()
    session.name = "now with a name"
    save()
    same(read(path), session)
    file.close()
    same(read(path), session)
    assert os.listdir(path.parent) == ["a.remix"]  # a closed session is one file


def test_measured_prompt_tokens_are_saved_anew(tmp_path: Path) -> None:
    session = Session(Tree(seed=1))
    session.tree.use_model(MODEL)
    session.tree.set_prompt([5, 6], record=False)
    journal, file = Journal(session), Store(tmp_path / "a.remix")
    file.write(known(journal.changes()))
    step = known(session.tree.nodes[1].step)
    session.tree.set_probabilities(
        1, Step(0, step.token, "prompt", surprisal=3.5, entropy=1.0, p_raw=0.1, p_final=0.1, rank=4)
    )
    file.write(known(journal.changes()))
    file.close()
    assert known(read(tmp_path / "a.remix").tree.nodes[1].step).surprisal == 3.5


def test_the_schema_is_as_promised(tmp_path: Path) -> None:
    save_whole(grown(1, 9), tmp_path / "a.remix")
    db = sqlite3.connect(tmp_path / "a.remix")
    assert db.execute("PRAGMA application_id").fetchone() == (store.APPLICATION_ID,)
    assert db.execute("PRAGMA user_version").fetchone() == (store.VERSION,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    file = Store(tmp_path / "a.remix")
    assert file.connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert file.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    file.close()


def test_older_formats_are_migrated_and_newer_ones_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.remix"
    save_whole(grown(3, 9), path)
    now = store.VERSION
    monkeypatch.setattr(store, "VERSION", now + 2)
    monkeypatch.setattr(store, "MIGRATIONS", {
        now: "ALTER TABLE marks ADD COLUMN colour TEXT NOT NULL DEFAULT ''",
        now + 1: "CREATE TABLE more (id INTEGER PRIMARY KEY)",
    })
    Store(path).close()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (now + 2,)
    assert db.execute("SELECT count(*) FROM more").fetchone() == (0,)
    same(read(path), grown_like(path, 3, 9))
    monkeypatch.setattr(store, "VERSION", 1)
    for act in (read, Store):
        with pytest.raises(InputError, match="newer gpt2-remix"):
            act(path)


def grown_like(path: Any, seed: int, size: int) -> Session:
    """The same session with the times of the one in a file: they are those of its birth."""
    session, saved = grown(seed, size), read(path)
    for ours, theirs in zip(session.tree.nodes, saved.tree.nodes, strict=True):
        ours.born = theirs.born
    return session


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04" * 100, b"\x00" * 5000])
def test_foreign_files_are_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.remix"
    path.write_bytes(content)
    for act in (read, recover):
        with pytest.raises(EngineError, match=r"a\.remix (is not a session|is damaged)"):
            act(path)
    assert path.read_bytes() == content
    db = sqlite3.connect(tmp_path / "other.db")
    db.execute("CREATE TABLE t (a)")
    db.commit()
    db.close()
    acts: tuple[Callable[[Path], object], ...] = (read, recover, Store)
    for refuse in acts:
        with pytest.raises(InputError, match="not a session"):
            refuse(tmp_path / "other.db")


@pytest.mark.slow
def test_any_corrupted_byte_leads_to_a_recovery_or_an_explaining_line(tmp_path: Path) -> None:
    """Positions are sampled all over the file, the header and the page headers more densely."""
    whole = tmp_path / "whole.remix"
    session = grown(5, 400)
    save_whole(session, whole)
    content = whole.read_bytes()
    rng = random.Random(0)
    places = [*range(100), *(page + n for page in range(0, len(content), 4096) for n in range(0, 16, 3)),
              *(rng.randrange(len(content)) for _ in range(400))]
    path = tmp_path / "hurt.remix"
    outcomes = []
    for place in places:
        hurt = bytearray(content)
        hurt[place] ^= rng.choice([0xFF, 0x01, 0x80, 0x55])
        path.write_bytes(hurt)
        outcomes.append(opened(path, tmp_path / "again.remix"))
        assert path.read_bytes() == bytes(hurt)  # the damaged file is never touched
    said = [outcome for outcome in outcomes if outcome not in ("whole", "recovered")]
    assert all(str(path) in line for line in said)
    assert outcomes.count("recovered") > 20
    assert outcomes.count("recovered") > len(said) // 2


def opened(path: Path, target: Path) -> str:
    """What became of opening a file: "whole", "recovered" (and saved anew), or the line that says why not."""
    try:
        read(path)
    except DamagedError:
        pass
    except EngineError as error:
        return str(error)
    else:
        return "whole"
    try:
        found, _ = recover(path)
    except EngineError as error:
        return str(error)
    save_whole(found, target)
    same(read(target), found)
    target.unlink()
    return "recovered"


def test_a_cut_off_file_gives_back_its_first_part(tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    session = grown(5, 2000)
    save_whole(session, path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(DamagedError):
        read(path)
    found, lost = recover(path)
    assert len(found.tree.nodes) > 300
    assert lost
    for ours, theirs in zip(found.tree.nodes[1:200], session.tree.nodes[1:200], strict=True):
        assert ours.step == theirs.step


def test_what_is_not_finished_is_not_there(tmp_path: Path) -> None:
    """A process that is killed in the middle of a transaction leaves what stood before it."""
    path = tmp_path / "a.remix"
    save_whole(grown(5, 50), path)
    before = read(path)
    program = (
        "import os, sys; from pathlib import Path; from gpt2_remix.engine.session.store import connect\n"
        f"db = connect(Path({str(path)!r})); db.execute('BEGIN IMMEDIATE')\n"
        "db.execute('DELETE FROM history'); db.execute('DELETE FROM marks'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    same(read(path), before)
    Store(path).close()
    same(read(path), before)


def test_a_full_disk_and_a_missing_folder_are_one_line(tmp_path: Path) -> None:
    file = Store(tmp_path / "deep" / "er" / "a.remix")
    file.connection.execute("PRAGMA max_page_count = 12")
    session = grown(5, 3000)
    changes = Journal(session).changes()
    with pytest.raises(EngineError, match=r"a\.remix cannot be written: .*full"):
        file.write(known(changes))
    file.connection.execute("PRAGMA max_page_count = 1000000")
    file.write(known(changes))  # as it was kept
    same(read(file.path), session)
    there: bool = not file.lost
    assert there
    file.path.rename(tmp_path / "elsewhere")
    gone: bool = file.lost
    assert gone
    with pytest.raises(EngineError, match="cannot be written"):
        Store(tmp_path / "elsewhere" / "a.remix")


# The folder


def test_listing_naming_copying_deleting(tmp_path: Path) -> None:
    assert list_sessions() == []
    for seed in (1, 2):
        path = fresh_path()
        save_whole(grown(seed, 20, words=f"words {seed}"), path)
        os.utime(path, (1000 * seed, 1000 * seed))
    (folder() / "broken.remix").write_bytes(b"nonsense")
    found = list_sessions()
    assert [listed.words for listed in found if not listed.problem] == ["words 2", "words 1"]
    assert [bool(listed.problem) for listed in found].count(True) == 1
    good = next(listed for listed in found if listed.words == "words 1")
    assert (good.name, good.nodes, good.model) == ("name 1", 19, read(good.path).tree.models[-1].name)
    assert find_session("name 1") == find_session(good.path.name) == find_session(str(good.path)) == good.path
    with pytest.raises(InputError, match="there is no session"):
        find_session("nothing")
    copy_session(good.path, tmp_path / "copy.remix")
    same(read(tmp_path / "copy.remix"), read(good.path))
    moved = to_bin(good.path)
    assert moved.parent == bin_folder()
    assert not good.path.exists()
    assert describe(moved).nodes == 19
    assert empty_bin() == 1
    assert list(bin_folder().iterdir()) == []


def test_a_session_is_open_in_one_place(tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    save_whole(grown(1, 5), path)
    lock = try_lock(path)
    assert lock is not None
    program = (
        f"from pathlib import Path; "
        f"from gpt2_remix.engine.locks import try_lock; print(try_lock(Path({str(path)!r})))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "None"
    with pytest.raises(InputError, match="open in another window"):
        to_bin(path)
    lock.release()
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "FileLock" in other.stdout
