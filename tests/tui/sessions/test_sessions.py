"""What a person does with sessions and the tree: saved, found, named, hidden, compared, exported, opened again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import DataTable, Input, Static

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.export.json import session_from_json
from gpt2_remix.engine.session.folder import bin_folder, list_sessions
from gpt2_remix.engine.session.nodes import Annotation
from gpt2_remix.engine.session.opening import open_session
from gpt2_remix.engine.session.outline import find_text, least_likely, segments, sorted_leaves, split_of
from gpt2_remix.engine.session.store import read, save_whole
from gpt2_remix.tui.compare.screen import CompareScreen
from gpt2_remix.tui.dialogs.ask import AskScreen
from gpt2_remix.tui.sessions.export import ExportScreen
from gpt2_remix.tui.sessions.screen import SessionsScreen
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.style.numbers import age
from gpt2_remix.tui.tree.screen import TreeScreen
from tests.engine.session.sessions import grown
from tests.kinds import known
from tests.tui.conftest import Drive, Driver


async def saved(driver: Driver) -> None:
    await driver.settled()
    await driver.until(lambda: not driver.app.workspace.autosave.busy)


async def branched(driver: Driver) -> None:
    """Five steps, a flip and three branches from the middle."""
    await driver.steps(5)
    driver.playground.cursor.move_to(10)
    await driver.settled()
    await driver.press("r", "left", "3", "b")


async def test_what_is_done_is_on_disk_and_undone_after_a_restart(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    async with drive(session=path) as driver:
        await branched(driver)
        await driver.press("p", "down", "enter")
        await saved(driver)
        ids, views, place = driver.tree.ids(), driver.tree.history(), driver.tree.history_place
        same = read(path).tree
        assert (same.ids(), same.history(), same.history_place) == (ids, views, place)
    async with drive(session=path, prefix=None, seed=None) as driver:
        assert driver.tree.ids() == ids
        steps = 0
        while driver.tree.can_undo:
            await driver.press("u")
            steps += 1
        assert steps == place
        assert len(driver.tree) == 8
        while driver.tree.can_redo:
            await driver.press("ctrl+r")
        assert driver.tree.ids() == ids
        assert driver.exploration.settings == views[place].settings


async def test_a_session_whose_view_stands_at_the_root_keeps_its_branches(drive: Drive, tmp_path: Path) -> None:
    """As after a kill while branches were grown from the first position."""
    path = tmp_path / "a.remix"
    session = grown(5, 40)
    session.tree.models, session.tree.model = session.tree.models[:1], 0
    for node in session.tree.nodes:
        node.model = 0
    session.tree.change(head=0, cursor=0)
    save_whole(session, path)
    async with drive(session=path, prefix=None, seed=None) as driver:
        assert len(driver.tree) == 0
        assert len(driver.tree.nodes) == 40
        await driver.press("space")
        await saved(driver)
    assert len(read(path).tree.nodes) == 41


async def test_nothing_done_leaves_no_file(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("right", "h", "home")
        await saved(driver)
    assert list_sessions() == []
    async with drive() as driver:
        await driver.press("space")
        await saved(driver)
        (listed,) = list_sessions()
        assert listed.nodes == 9
        assert listed.words.startswith("It is a truth")


async def test_ctrl_s_only_gives_a_name(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("space")
        await driver.pilot.press("ctrl+s")
        assert isinstance(driver.app.screen, AskScreen)
        await driver.type("my talk")
        await driver.pilot.press("enter")
        await saved(driver)
        assert list_sessions()[0].name == "my talk"


async def test_sessions_are_listed_searched_renamed_copied_deleted_and_opened(drive: Drive, tmp_path: Path) -> None:
    from gpt2_remix.engine.session.folder import fresh_path

    for seed in (1, 3):
        session = grown(seed, 30, words=f"words of {seed}")
        session.tree.models = session.tree.models[:1]
        session.tree.model = 0
        for node in session.tree.nodes:
            node.model = 0
        save_whole(session, fresh_path())
    async with drive() as driver:
        await driver.press("space")
        await saved(driver)
        old = driver.tree.ids()
        await driver.pilot.press("ctrl+o")
        screen = driver.on(SessionsScreen)
        table = screen.query_one(DataTable)
        assert table.row_count == 3
        screen.query_one(Input).value = "of 3"
        await driver.until(lambda: table.row_count == 1)
        await driver.pilot.press("r", *["backspace"] * 10)
        await driver.type("renamed")
        await driver.pilot.press("enter")
        screen.query_one(Input).value = ""
        await driver.until(lambda: any(listed.name == "renamed" for listed in screen.shown))
        rows = [listed.name for listed in screen.shown]
        table.move_cursor(row=rows.index("renamed"))
        await driver.pilot.press("c")
        await driver.until(lambda: table.row_count == 4)
        assert screen.shown[table.cursor_row].name == "renamed"  # the copy is above it: the selection went with it
        table.move_cursor(row=[listed.name for listed in screen.shown].index("name 1"))
        await driver.pilot.press("d")
        await driver.until(lambda: table.row_count == 3)
        assert len(list(bin_folder().glob("*.remix"))) == 1
        own = next(n for n, listed in enumerate(screen.shown) if listed.words.startswith("It is"))
        table.move_cursor(row=own)
        await driver.pilot.press("d")
        assert "open here" in str(screen.query_one("#problem", Static).content)
        await driver.pilot.press("B")
        await driver.type("no")
        await driver.pilot.press("enter")
        assert isinstance(driver.app.screen, AskScreen)
        await driver.pilot.press("backspace", "backspace")
        await driver.type("yes")
        await driver.pilot.press("enter")
        await driver.until(lambda: not list(bin_folder().glob("*.remix")))
        table.move_cursor(row=[listed.name for listed in screen.shown].index("renamed"))
        path = screen.shown[table.cursor_row].path
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.app.workspace.autosave.exploration_in(path) is driver.exploration)
        await driver.settled()
        assert driver.tree.ids() == read(path).tree.ids()
        # The one before is let go and can be opened again.
        await driver.pilot.press("ctrl+o")
        screen, table = driver.on(SessionsScreen), driver.app.screen.query_one(DataTable)
        await driver.until(lambda: any(listed.words.startswith("It is") for listed in screen.shown))
        table.move_cursor(row=next(n for n, k in enumerate(screen.shown) if k.words.startswith("It is")))
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.tree.ids() == old)


async def test_the_tree_screen_goes_folds_names_stars_notes_and_hides(drive: Drive) -> None:
    async with drive(size=(120, 36)) as driver:
        await branched(driver)
        await driver.pilot.press("T")
        screen = driver.on(TreeScreen)
        await driver.until(lambda: screen.outline.rows)
        tree, outline = driver.tree, screen.outline
        assert sum(row.depth == 0 for row in outline.rows) == 1
        everything = len(outline.rows)
        await driver.pilot.press("home", "space")
        await driver.until(lambda: len(outline.rows) == 1)
        await driver.pilot.press("space", "end")
        await driver.until(lambda: len(outline.rows) == everything)
        node = known(outline.row).first
        await driver.pilot.press("n")
        await driver.type("best one")
        await driver.pilot.press("enter", "asterisk", "o")
        await driver.type("why")
        await driver.pilot.press("enter")
        assert tree.annotations[node] == Annotation("best one", star=True, note="why")
        await driver.pilot.press("x")
        await driver.until(lambda: len(outline.rows) == everything - 1)
        assert tree.annotations[node].hidden
        await driver.pilot.press("H")
        assert len(outline.rows) == everything
        await driver.pilot.press("end", "x")
        assert not tree.annotations[node].hidden
        await driver.pilot.press("m")
        assert [row.first for row in outline.rows] == [node]
        await driver.pilot.press("enter")
        await driver.settled()
        assert node in tree.path
        await saved(driver)
        assert tree.annotations[node].name == "best one"


async def test_a_note_on_any_token(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    async with drive(session=path) as driver:
        await driver.steps(4)
        driver.playground.cursor.move_to(10)
        await driver.settled()
        await driver.pilot.press("o")
        await driver.type("here it turns")
        await driver.pilot.press("enter")
        node = driver.tree.path[10]
        assert driver.tree.annotations[node] == Annotation(note="here it turns")
        await saved(driver)
        assert read(path).tree.annotations[node].note == "here it turns"
        await driver.pilot.press("T", "m")
        await driver.until(lambda: isinstance(driver.app.screen, TreeScreen) and driver.on(TreeScreen).outline.rows)
        assert [row.first for row in driver.on(TreeScreen).outline.rows] == [node]
        await driver.pilot.press("escape", "escape", "o", *["backspace"] * 13, "enter")
        await driver.settled()
        assert node not in driver.tree.annotations


async def test_branches_are_sorted_and_two_compared(drive: Drive) -> None:
    async with drive(size=(120, 36)) as driver:
        await branched(driver)
        tree = driver.tree
        await driver.pilot.press("T", "b")
        screen = driver.on(TreeScreen)
        for order in ("probability", "length", "time"):
            assert [row.last for row in screen.outline.rows] == sorted_leaves(tree, order)
            await driver.pilot.press("s")
        depths = [tree.nodes[leaf].depth for leaf in sorted_leaves(tree, "length")]
        assert depths == sorted(depths, reverse=True)
        first, second = screen.outline.rows[0].last, screen.outline.rows[2].last
        await driver.pilot.press("home", "c", "down", "down", "c")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        lanes = driver.compare.comparison.lanes
        a, b, node = split_of(tree, first, second)
        assert (lanes[0].steps, lanes[1].steps) == (a, b)
        assert lanes[0].prefix == [known(tree.nodes[n].step).token for n in tree.path_to(node)]
        assert driver.compare.comparison.divergence(1).first == 0
        await driver.lane_press("space")
        await driver.pilot.press("c")
        await driver.until(lambda: driver.app.screen is screen)
        await driver.pilot.press("escape", "escape")
        await driver.settled()


async def test_find_text_least_likely_and_picked(drive: Drive) -> None:
    async with drive(size=(120, 36)) as driver:
        await branched(driver)
        await driver.press("end", "down", "down", "enter")
        tree = driver.tree
        await driver.pilot.press("T", "slash")
        await driver.type("UNIVERSALLY acknowledged")
        await driver.pilot.press("enter")
        screen = driver.on(TreeScreen)
        await driver.until(lambda: screen.outline.rows)
        found = tree.nodes[screen.outline.rows[0].first].step
        assert driver.exploration.piece(known(found).token).decode().strip() in "universally"
        await driver.pilot.press("escape", "l")
        surprisals = [known(known(tree.nodes[row.first].step).surprisal) for row in screen.outline.rows]
        assert surprisals == sorted(surprisals, reverse=True)
        await driver.pilot.press("p")
        assert [known(tree.nodes[row.first].step).origin for row in screen.outline.rows] == ["picked"]
        await driver.pilot.press("enter")
        await driver.settled()


def test_find_is_what_a_plain_search_finds(classics: Model) -> None:
    tree = grown(6, 300).tree
    piece = classics.tokenizer.token_bytes
    for leaf in tree.leaves()[:5]:
        path = tree.path_to(leaf)
        text = b"".join(piece(known(tree.nodes[node].step).token) for node in path).decode("utf-8", errors="replace")
        wanted = next((text[n : n + 6] for n in range(4, len(text) - 6) if text[n : n + 6].isascii()), None)
        if wanted is None:
            continue
        found = find_text(tree, piece, wanted.upper())
        assert any(node in path for node in found)
        for node in found:
            branches = [path for leaf in tree.leaves() if node in (path := tree.path_to(leaf))]
            texts = [b"".join(piece(known(tree.nodes[n].step).token) for n in path[path.index(node) :])
                     for path in branches]
            begins = [text.lower().find(wanted.lower().encode()) for text in texts]
            assert any(0 <= place < len(piece(known(tree.nodes[node].step).token)) for place in begins)
    assert find_text(tree, piece, "") == []
    assert find_text(tree, piece, "no such text anywhere at all") == []
    assert len(least_likely(tree, 7)) == 7


@pytest.mark.parametrize("form", ["html", "json", "md", "txt", "svg"])
async def test_export_from_the_app(drive: Drive, tmp_path: Path, form: str) -> None:
    async with drive() as driver:
        await branched(driver)
        await driver.pilot.press("ctrl+e")
        screen = driver.on(ExportScreen)
        await driver.pilot.press(*["down"] * ["html", "json", "md", "txt", "svg"].index(form))
        target = tmp_path / f"out.{form}"
        screen.query_one(Input).value = str(tmp_path / "none" / "x")
        await driver.pilot.press("tab", "enter")
        assert "no folder" in str(screen.query_one("#problem", Static).content)
        screen.query_one(Input).value = str(target)
        await driver.pilot.press("enter")
        await driver.until(lambda: "wrote" in driver.notices())
        text = target.read_text("utf-8")
        if form == "json":
            assert session_from_json(text).tree.ids() == driver.tree.ids()
        if form == "html":
            assert text.count("<details") == text.count("</details>") == len(segments(driver.tree))
            assert "%" in text
        if form == "svg":
            assert text.startswith("<svg")
            assert "http://" not in text.replace("http://www.w3.org", "")


async def test_a_branch_goes_to_the_clipboard(drive: Drive) -> None:
    async with drive() as driver:
        await driver.steps(3)
        await driver.pilot.press("ctrl+e", *["down"] * 5, "enter")
        await driver.until(lambda: "clipboard" in driver.notices())
        assert driver.app.clipboard.startswith("It is a truth")


async def test_an_export_is_taken_in_and_a_session_of_another_model_keeps_its_records(
    drive: Drive, tmp_path: Path
) -> None:
    from gpt2_remix.engine.models.record import ModelRecord
    from gpt2_remix.engine.session.export.json import session_to_json

    session = grown(8, 60, vocabulary=8193)
    session.tree.models = [ModelRecord("classics", 1, "fp32", 8193, 512, (1, 8, 1), "00" * 32)]
    for node in session.tree.nodes:
        node.model = 0
    file = tmp_path / "talk.json"
    file.write_text(session_to_json(session))
    async with drive(session=file, prefix=None, seed=None) as driver:
        assert driver.tree.ids() == session.tree.ids()
        assert "taken in" in driver.notices()
        assert "other weights" in driver.notices()
        driver.playground.cursor.move_to(2)
        await driver.settled()
        assert "made with other weights" in str(driver.playground.query_one("#coin").border_subtitle)
        await driver.press("end", "space")
        newest = driver.tree.nodes[driver.tree.view.head]
        assert newest.model == 1
        assert driver.tree.models[1].sha256 != "00" * 32
        assert all(node.model == 0 for node in driver.tree.nodes[1 : len(session.tree.nodes)])
        await saved(driver)


async def test_a_model_that_cannot_be_had_does_not_keep_a_session_shut(drive: Drive, tmp_path: Path) -> None:
    from gpt2_remix.engine.models.record import ModelRecord

    session = grown(9, 40)
    session.tree.models = [ModelRecord(str(tmp_path / "gone"), 1, "fp32", 8193, 512, (1, 8, 1))]
    for node in session.tree.nodes:
        node.model = 0
    save_whole(session, tmp_path / "a.remix")
    async with drive(session=tmp_path / "a.remix", prefix=None, seed=None) as driver:
        assert driver.tree.ids() == session.tree.ids()
        assert "is opened with classics" in driver.notices()


def test_opening_files_of_every_kind(tmp_path: Path) -> None:
    new = open_session(tmp_path / "new.remix")
    assert not new.saved
    assert new.path == tmp_path / "new.remix"
    new.release()
    with pytest.raises(InputError, match="folder"):
        open_session(tmp_path)
    (tmp_path / "x.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(InputError, match="not a session"):
        open_session(tmp_path / "x.json")
    (tmp_path / "empty.remix").write_bytes(b"")  # a kill in the moment in which it was made
    begun = open_session(tmp_path / "empty.remix")
    assert (begun.saved, begun.path) == (False, tmp_path / "empty.remix")
    begun.release()


def test_ages() -> None:
    assert [age(0, seconds) for seconds in (5, 65, 7300, 200000, 10**8)] == ["5 s", "1 m", "2 h", "2 d", "3 y"]


def test_an_exploration_can_be_kept_in_a_dictionary() -> None:
    assert len({Exploration(seed=1, settings=Settings(), coin="interval") for _ in range(2)}) == 2
