"""The session writer and autosave: what is given is on the disk, in order, also after a disk that failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.journal import Journal, Session
from gpt2_remix.engine.session.opening import OpenedSession
from gpt2_remix.engine.session.store import Store, read
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.tui.messages import NotSaved, Saved
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.workers.autosave import Autosave
from gpt2_remix.tui.workers.session_writer import SessionWriter
from gpt2_remix.tui.workers.threads import start_thread
from tests.engine.session.sessions import MODEL, grown, same
from tests.kinds import known
from tests.tui.workers.answers import Answers


def test_changes_of_several_sessions_are_written_in_order(tmp_path: Path) -> None:
    answers = Answers()
    writer = SessionWriter(answers.post)
    sessions = {tmp_path / f"{n}.remix": grown(n, 40) for n in range(3)}
    for path, session in sessions.items():
        journal = Journal(session)
        writer.put(path, known(journal.changes(whole=True)))
        session.tree.annotate(1, name="first")
        session.tree.move(0)
        writer.put(path, known(journal.changes()))
    writer.close(30)
    for path, session in sessions.items():
        same(read(path), session)
    assert {message.path for message in answers.everything()} == set(sessions)


def test_what_cannot_be_written_is_said_kept_and_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt2_remix.tui.workers.session_writer.RETRY", 0.05)
    answers, session = Answers(), grown(4, 30)
    writer = SessionWriter(answers.post)
    (tmp_path / "folder").write_text("a file where a folder should be")
    path = tmp_path / "folder" / "a.remix"
    writer.put(path, known(Journal(session).changes(whole=True)))
    assert answers.next(NotSaved).path == path
    (tmp_path / "folder").unlink()
    assert answers.next(Saved).path == path
    assert writer.wait_until_written(path, 10)
    writer.close(30)
    same(read(path), session)


def test_where_the_file_is_gone_everything_is_wanted_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt2_remix.tui.workers.session_writer.RETRY", 0.05)
    answers, session = Answers(), grown(4, 30)
    writer, journal, path = SessionWriter(answers.post), Journal(session), tmp_path / "a.remix"
    writer.put(path, known(journal.changes(whole=True)))
    answers.next(Saved)
    path.unlink()
    session.tree.annotate(1, star=True)
    writer.put(path, known(journal.changes()))
    assert answers.next(NotSaved).lost
    writer.put(path, known(journal.changes(whole=True)))
    answers.next(Saved)
    writer.close(30)
    same(read(path), session)


def test_what_no_file_can_hold_is_said_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rank of 2**63 ended the thread: "saving" for ever, and nothing was stored from then on."""
    monkeypatch.setattr("gpt2_remix.tui.workers.session_writer.RETRY", 0.05)
    answers, bad, good = Answers(), grown(4, 30), grown(5, 30)
    writer = SessionWriter(answers.post)
    node = bad.tree.nodes[5]
    node.step = replace(known(node.step), rank=2**63)
    writer.put(tmp_path / "bad.remix", known(Journal(bad).changes(whole=True)))
    assert "holds what no file can" in answers.next(NotSaved).reason
    writer.put(tmp_path / "good.remix", known(Journal(good).changes(whole=True)))
    assert answers.next(Saved).path == tmp_path / "good.remix"

    def breaks(self: object, changes: object) -> None:
        raise KeyError("what nobody thought of")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", breaks)
        good.tree.annotate(1, star=True)
        writer.put(tmp_path / "other.remix", known(Journal(good).changes(whole=True)))
        assert "unexpected KeyError" in next_of(answers, tmp_path / "other.remix").reason
    assert answers.next(Saved).path == tmp_path / "other.remix"
    writer.close(30)


def next_of(answers: Answers, path: Path) -> NotSaved:
    """What is said of a file."""
    while (message := answers.next(NotSaved)).path != path:
        pass
    return message


def test_a_thread_says_what_it_could_not_do_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt2_remix.tui.workers.threads.PAUSE", 0.01)
    answers, work = Answers(), [1, 0, 2, 0]

    def loop() -> None:
        while work:
            if not work.pop():
                raise ZeroDivisionError("0")

    start_thread("dividing", loop, answers.post).join(30)
    said = answers.everything()
    assert [(message.name, message.reason) for message in said] == [
        ("dividing", "unexpected ZeroDivisionError in the engine: 0")] * 2
    assert work == []


def test_every_thread_of_the_app_is_started_so() -> None:
    own = Path(__file__).parents[3] / "tui"
    assert [path.name for path in own.rglob("*.py") if "threading.Thread(" in path.read_text("utf-8")] == ["threads.py"]


def test_where_another_program_wrote_the_stream_goes_on_in_a_file_of_its_own(
    tmp_path: Path, exploration: Exploration
) -> None:
    answers, said, path = Answers(), list[str](), tmp_path / "a.remix"
    autosave = Autosave(SessionWriter(answers.post), said.append)
    autosave.save_in(exploration, OpenedSession(Session(exploration.tree, name="mine"), path, saved=False))
    autosave.tick()
    autosave.take(answers.next(Saved))
    theirs = read(path)
    journal, other = Journal.of_saved(theirs), Store(path)
    theirs.tree.graft(theirs.tree.leaves()[-1], [Step(2, 60, "picked")])
    other.write(known(journal.changes()))
    other.close()
    exploration.tree.graft(exploration.tree.leaves()[-1], [Step(2, 61, "picked")])
    autosave.tick()
    assert autosave.take(answers.next(NotSaved))
    assert said == ["a.remix was written to by another program; this stream goes on in a 2.remix"]
    autosave.tick()
    autosave.take(answers.next(Saved))
    assert autosave.close(30) == []
    same(read(path), theirs)
    assert [known(node.step).token for node in read(tmp_path / "a 2.remix").tree.nodes[1:]] == [5, 6, 61]


@pytest.fixture
def exploration() -> Exploration:
    tree = Tree(seed=1)
    tree.use_model(MODEL)
    tree.set_prompt([5, 6], record=False)
    return Exploration(seed=1, settings=Settings(), coin="interval", tree=tree)


def test_a_prefix_alone_is_no_session_and_a_choice_makes_one(tmp_path: Path, exploration: Exploration) -> None:
    answers, said = Answers(), list[str]()
    autosave = Autosave(SessionWriter(answers.post), said.append)
    path = tmp_path / "a.remix"
    autosave.save_in(exploration, OpenedSession(Session(exploration.tree), path, saved=False))
    autosave.tick()
    assert (autosave.busy, autosave.state(exploration), path.exists()) == (False, "", False)
    other = grown(2, 12).tree
    exploration.tree.graft(exploration.tree.view.head, [known(node.step) for node in other.nodes[4:6]])
    autosave.tick()
    assert (autosave.busy, autosave.state(exploration)) == (True, "saving")
    assert autosave.take(answers.next(Saved))
    assert (autosave.busy, autosave.state(exploration), said) == (False, "saved", [])
    assert autosave.exploration_in(path) is exploration
    autosave.close(30)
    assert len(read(path).tree.nodes) == len(exploration.tree.nodes)


def test_a_disk_that_fails_is_said_once(tmp_path: Path, exploration: Exploration) -> None:
    answers, said = Answers(), list[str]()
    autosave = Autosave(SessionWriter(answers.post), said.append)
    session = Session(exploration.tree, name="named")  # worth a file whatever it holds
    autosave.save_in(exploration, OpenedSession(session, tmp_path / "a.remix", saved=False))
    for _ in range(3):
        autosave.take(NotSaved(tmp_path / "a.remix", "the disk is full", False))
    assert said == ["not saved: the disk is full; everything stays in memory, and saving is tried again"]
    assert autosave.state(exploration) == "not saved"
    autosave.close(30)
