"""The bin of sessions gives back what is in it."""

from __future__ import annotations

from textual.widgets import DataTable, Static

from gpt2_remix.engine.session.folder import bin_folder, fresh_path, list_sessions
from gpt2_remix.engine.session.store import save_whole
from gpt2_remix.tui.sessions.screen import SessionsScreen
from tests.engine.session.sessions import grown
from tests.tui.conftest import Drive


async def test_a_deleted_session_is_restored_by_key(drive: Drive) -> None:
    """The bin could be emptied only."""
    save_whole(grown(1, 30), fresh_path())
    async with drive() as driver:
        await driver.settled()
        await driver.pilot.press("ctrl+o")
        screen = driver.on(SessionsScreen)
        table = screen.query_one(DataTable)
        await driver.until(lambda: table.row_count == 1)
        await driver.pilot.press("d")
        await driver.until(lambda: table.row_count == 0)
        await driver.pilot.press("b")
        await driver.until(lambda: [listed.name for listed in screen.shown] == ["name 1"])
        await driver.pilot.press("d", "c", "r")  # what is in the bin can be restored, and no more
        assert driver.app.screen is screen
        await driver.pilot.press("u")
        await driver.until(lambda: table.row_count == 0 and not list(bin_folder().glob("*.remix")))
        assert "the bin is empty" in str(screen.query_one("#problem", Static).content)
        await driver.pilot.press("escape")
        await driver.until(lambda: [listed.name for listed in screen.shown] == ["name 1"])
        assert [listed.nodes for listed in list_sessions()] == [29]
