"""A large session: its text is there before its tree is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual.widgets import Static

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session import records
from gpt2_remix.engine.session.glimpse import glimpse
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.store import read, save_whole
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.tui.sessions.opening import OpeningScreen
from gpt2_remix.tui.widgets.token_text import TokenText
from gpt2_remix.tui.workers import session_reader
from tests.engine.session.sessions import grown
from tests.tui.conftest import Drive


def forked(path: Path, length: int) -> Tree:
    """A stream, another one from its fifth token on, which is left, and an undo: the first one is in view."""
    tree = Tree(seed=1)
    tree.use_model(ModelRecord("classics", 5388032, "fp32", 8193, 512, (4, 256, 4)))
    tree.set_prompt([2, 3, 4, 5])
    for token in range(length):
        tree.append(Step(len(tree), token, "sampled", u=0.5, seed=1, coin="interval", settings=Settings()))
    tree.choose(Step(5, 7, "picked"), cursor=5)
    tree.undo()
    save_whole(Session(tree), path)
    return tree


def test_what_is_seen_first_is_the_end_of_the_stream_in_view(tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    tree = forked(path, 50)
    seen = glimpse(path)
    assert seen is not None
    assert [token for token, _ in seen.stream] == tree.ids() == read(path).tree.ids()
    assert [how for _, how in seen.stream] == ["prompt"] * 4 + ["sampled"] * 50
    assert seen.nodes == len(tree.nodes) - 1 == 55


def test_of_what_is_no_session_nothing_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.remix").write_bytes(b"SQLite format 3\0" + b"x" * 8192)
    assert glimpse(tmp_path / "a.remix") is None
    save_whole(Session(Tree(seed=0)), tmp_path / "empty.remix")
    seen = glimpse(tmp_path / "empty.remix")
    assert seen is None or not seen.stream


async def test_the_text_of_a_large_session_is_shown_while_it_is_read(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but "opening…" was shown until a million nodes had been read."""
    path = tmp_path / "a.remix"
    tree = forked(path, 60)
    monkeypatch.setattr(session_reader, "LARGE", 20)
    monkeypatch.setattr(records, "TOLD", 10)
    go_on = hold_reading(monkeypatch)
    async with drive(settle=False, session=path, prefix=None, seed=None) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, OpeningScreen))
        screen = driver.on(OpeningScreen)
        await driver.until(lambda: [text.count for text in screen.query(TokenText)] == [len(tree)])
        assert "0% of 65 tokens read" in str(screen.query_one("#reading", Static).content)
        await driver.pilot.press("home", "space", "pageup", "end")
        go_on.set()
        await driver.settled()
        assert driver.app.screen is driver.playground
        assert driver.tree.ids() == tree.ids()


async def test_a_large_session_can_be_let_go_of(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.remix"
    forked(path, 60)
    monkeypatch.setattr(session_reader, "LARGE", 20)
    monkeypatch.setattr(records, "TOLD", 10)
    go_on = hold_reading(monkeypatch)
    async with drive(settle=False, session=path, prefix=None, seed=None) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, OpeningScreen))
        await driver.pilot.press("escape")
        go_on.set()
        await driver.settled()
        assert driver.app.screen is driver.playground
        assert len(driver.tree.nodes) == 2  # a stream of its own
    assert len(read(path).tree.nodes) == 66


def hold_reading(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Reading goes on only when this is set."""
    go_on, real = threading.Event(), records.plausible

    def held(*row: object) -> bool:
        assert go_on.wait(60)
        return real(*row)  # type: ignore[arg-type]

    monkeypatch.setattr(records, "plausible", held)
    return go_on


async def test_a_prefix_given_with_a_session_becomes_a_branch_of_it(drive: Drive, tmp_path: Path) -> None:
    """The prefix's tokens counted as written already: the file "was written to by another program", and a new one made.
    """
    path = tmp_path / "a.remix"
    session = grown(4, 30)
    session.tree.models, session.tree.model = session.tree.models[:1], 0
    save_whole(session, path)
    async with drive(session=path, prefix="In the beginning", seed=3) as driver:
        await driver.press("space")
        await driver.until(lambda: not driver.app.workspace.autosave.busy)
        ids = driver.tree.ids()
        assert "another program" not in driver.notices()
    kept = read(path).tree
    assert kept.ids() == ids
    assert len(kept.nodes) == 30 + len(ids)
    assert not list(tmp_path.glob("a 2*"))
