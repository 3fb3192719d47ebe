"""The editor of the prefix, left with what is none."""

from __future__ import annotations

from textual.widgets import Static

from gpt2_remix.tui.dialogs.prefix import PrefixScreen
from tests.tui.conftest import Drive


async def test_an_editor_left_with_wrong_ids_is_not_stuck(drive: Drive) -> None:
    async with drive() as driver:
        ids = driver.tree.ids()
        await driver.pilot.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, PrefixScreen) and driver.app.focused is not None)
        await driver.pilot.press("ctrl+t")
        await driver.type(", abc")
        await driver.pilot.press("ctrl+s")
        assert driver.on(PrefixScreen).ids is None
        await driver.pilot.press("ctrl+t", "ctrl+s")
        await driver.settled()
        assert driver.app.screen is driver.playground
        assert driver.tree.ids() == ids


async def test_a_prefix_that_was_cut_is_healed(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("e")
        await driver.type("a truth univer")
        await driver.pilot.pause()
        hint = driver.app.screen.query_one("#cut", Static)
        assert "it ends within a token" in str(hint.render())
        await driver.pilot.press("ctrl+k")
        await driver.settled()
        assert driver.decode(driver.tree.ids()) == "a truth"
        view = driver.playground.panes.view
        assert view.searching
        await driver.press("enter")
        assert driver.decode(driver.tree.ids()) == "a truth univers"
        await driver.pilot.press("e")
        await driver.type("whole,")
        await driver.pilot.pause()
        assert str(driver.app.screen.query_one("#cut", Static).render()) == ""
        await driver.pilot.press("ctrl+k", "escape")
        await driver.settled()
