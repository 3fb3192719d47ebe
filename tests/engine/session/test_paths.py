"""One file is one session, by whatever path it is reached, and whatever is left of it."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.session import store
from gpt2_remix.engine.session.folder import (
    bin_folder,
    copy_session,
    describe,
    folder,
    from_bin,
    list_sessions,
    made_with,
    to_bin,
)
from gpt2_remix.engine.session.journal import Journal
from gpt2_remix.engine.session.locks import claimed, holding
from gpt2_remix.engine.session.opening import open_session
from gpt2_remix.engine.session.recovery import recover
from gpt2_remix.engine.session.store import ChangedError, Store, read, save_whole
from tests.engine.session.sessions import grown
from tests.kinds import known

KILLED = """
import os
from pathlib import Path
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.session import store
from gpt2_remix.engine.session.journal import Journal

path = Path({path!r})
session = store.read(path)
journal, tree, file = Journal.of_saved(session), session.tree, store.Store(path)
for token in (1, 2, 3, 4, 5):
    tree.graft(tree.leaves()[-1], [Step(tree.nodes[tree.leaves()[-1]].depth, token, "picked")])
file.write(journal.changes())
os._exit(9)
"""


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """A session whose last five tokens stand in its log, as after kill -9."""
    where = tmp_path / "talks"
    where.mkdir()
    path = where / "real.remix"
    save_whole(grown(3, 7), path)
    subprocess.run([sys.executable, "-c", KILLED.format(path=str(path))], check=False)
    assert store.log_of(path).exists()
    return path


def ways(path: Path) -> list[Path]:
    """Other paths that lead to a session."""
    here = path.parents[1]
    (here / "link.remix").symlink_to(path)
    (here / "second.remix").symlink_to(here / "link.remix")
    (here / "same").symlink_to(path.parent)
    return [here / "link.remix", here / "second.remix", here / "same" / path.name,
            path.parent / ".." / path.parent.name / path.name]


def test_a_log_is_read_through_every_path(logged: Path, tmp_path: Path) -> None:
    """Through a link the state of before was shown, and going on wrote over the newer tokens."""
    count = len(read(logged).tree.nodes)
    assert count == 7 + 5
    for way in ways(logged):
        assert len(read(way).tree.nodes) == count
        assert describe(way).nodes == count - 1
        assert made_with(way) == made_with(logged)
        assert len(recover(way)[0].tree.nodes) == count
        copy, lock = copy_session(way, tmp_path / "copy.remix")
        lock.release()
        assert len(read(copy).tree.nodes) == count


def test_it_is_one_session_with_one_lock(logged: Path) -> None:
    for way in ways(logged):
        opened = open_session(way)
        assert opened.path == logged
        for other in (*ways_again(logged), logged):
            second = open_session(other)
            assert second.path is not None
            assert second.path != logged
            assert "is open in another window" in second.notes[0]
            second.release()
            with pytest.raises(InputError, match="is open in another window"), holding(other):
                pass
        opened.release()


def ways_again(path: Path) -> list[Path]:
    """Those that `ways` made."""
    here = path.parents[1]
    return [here / "link.remix", here / "same" / path.name]


def test_a_log_is_read_where_nothing_can_be_written(logged: Path) -> None:
    if os.getuid() == 0:
        # root may write anywhere: what SQLite says of a folder that it may not write to is played by hand
        db = store.connect(logged, read_only=True)
        db.close()
        closed = sqlite3.connect(":memory:")
        closed.close()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "access", lambda *_: False)
            found = store._with_its_log(closed, logged)  # noqa: SLF001
        assert found.execute("SELECT count(*) FROM nodes").fetchone() == (11,)
        return
    logged.parent.chmod(0o500)
    assert len(read(logged).tree.nodes) == 12


def test_two_names_of_one_file_are_not_written_to(logged: Path) -> None:
    session = read(logged)
    save_whole(session, logged.with_name("whole.remix"))
    hard = logged.with_name("hard.remix")
    os.link(logged.with_name("whole.remix"), hard)
    opened = open_session(hard)
    assert opened.path == logged.with_name("hard copy.remix")
    assert "hard links" in opened.notes[0]
    opened.release()


def test_a_link_in_the_folder_is_moved_to_the_bin_and_back(logged: Path) -> None:
    folder().mkdir(parents=True)
    link = folder() / "talk.remix"
    link.symlink_to(os.path.relpath(logged, folder()))
    save_whole(grown(1, 9), folder() / "own.remix")
    (folder() / "own link.remix").symlink_to("own.remix")
    assert {listed.path.name for listed in list_sessions()} == {"talk.remix", "own.remix"}
    binned = to_bin(link)
    assert (binned.parent, len(read(binned).tree.nodes), logged.exists()) == (bin_folder(), 12, True)
    assert from_bin(binned) == link
    assert len(read(link).tree.nodes) == 12
    own = to_bin(folder() / "own.remix")
    save_whole(grown(1, 4), folder() / "own.remix")
    assert from_bin(own) == folder() / "own 2.remix"
    assert len(read(folder() / "own 2.remix").tree.nodes) == 9


def test_what_another_program_wrote_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    save_whole(grown(3, 7), path)
    windows = []
    for _ in range(2):
        session = read(path)
        windows.append((session, Journal.of_saved(session), Store(path)))
    for n, (session, journal, file) in enumerate(windows):
        tree = session.tree
        tree.graft(tree.leaves()[-1], [Step(tree.nodes[tree.leaves()[-1]].depth, 60 + n, "picked")])
        if n == 0:
            file.write(known(journal.changes()))
        else:
            with pytest.raises(ChangedError, match="written to by another program"):
                file.write(known(journal.changes()))
        file.close()
    assert read(path).tree.nodes[-1].step == windows[0][0].tree.nodes[-1].step
    other = Store(tmp_path / "b.remix")
    other.write(known(Journal(grown(1, 3)).changes(whole=True)))
    with pytest.raises(ChangedError):
        other.write(known(Journal(grown(2, 3)).changes(whole=True)))
    other.close()


MAKES = """
import sys
from pathlib import Path
from gpt2_remix.engine.session.store import Store
print("ready", flush=True)
for n in range(2000):
    Store(Path(sys.argv[1]) / f"{n}.remix").close()
"""


@pytest.mark.slow
def test_a_kill_while_a_file_is_made_leaves_a_new_session(tmp_path: Path) -> None:
    """25 of 60 were refused."""
    random.seed(1)
    states = set()
    for run in range(8):
        where = tmp_path / str(run)
        where.mkdir()
        with subprocess.Popen([sys.executable, "-c", MAKES, str(where)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            end = time.monotonic() + random.uniform(0.005, 0.05)
            while time.monotonic() < end:
                pass
            process.kill()
        for path in where.glob("*.remix"):
            states.add(path.stat().st_size)
            opened = open_session(path)
            assert (opened.path, len(opened.session.tree.nodes), opened.notes) == (path, 1, [])
            opened.release()
    assert len(states) > 1


def test_an_empty_file_is_a_new_session(tmp_path: Path) -> None:
    path = tmp_path / "made by mktemp"
    path.touch()
    opened = open_session(path)
    assert (opened.path, opened.notes) == (path, [])
    opened.release()
    save_whole(grown(1, 6), path)
    assert len(read(path).tree.nodes) == 6


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """Locks, and so every use of a session, ended in UnicodeEncodeError."""
    path = tmp_path / os.fsdecode(b"caf\xe9.remix")
    opened = open_session(path)
    assert opened.path == path
    save_whole(grown(1, 6), path)
    opened.release()
    assert len(read(path).tree.nodes) == 6
    assert describe(path).nodes == 5
    copy, lock = copy_session(path, path)
    assert copy.name == os.fsdecode(b"caf\xe9 2.remix")
    lock.release()
    made, lock = claimed(path)
    assert made.name == os.fsdecode(b"caf\xe9 3.remix")
    lock.release()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.remix"
    os.mkfifo(pipe)
    for use in (open_session, read, recover):
        with pytest.raises(InputError, match="not a file"):
            use(pipe)
    assert "not a file" in describe(pipe).problem
    with pytest.raises(EngineError):
        Store(pipe)


def test_without_a_folder_for_locks_two_windows_do_not_lose_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    first, second = open_session(tmp_path / "a.remix"), open_session(tmp_path / "a.remix")
    assert (first.path, second.path) == (tmp_path / "a.remix", tmp_path / "a 2.remix")
    first.release()
    second.release()
