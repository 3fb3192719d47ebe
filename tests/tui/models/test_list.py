"""The list of models: those with a name, and the folders of those that were trained or opened here."""

from __future__ import annotations

from pathlib import Path

from gpt2_remix.engine.models.names import embedded_folder
from gpt2_remix.tui.models.screen import ModelScreen
from gpt2_remix.tui.state import preferences
from gpt2_remix.tui.state.preferences import Preferences
from gpt2_remix.tui.widgets.choices import Choices
from tests.tui.conftest import Drive


async def test_a_folder_that_was_opened_is_offered_again(drive: Drive, tmp_path: Path) -> None:
    """What was just trained was nowhere in the list."""
    folder = str(embedded_folder())
    async with drive(model=folder) as driver:
        await driver.settled()
        assert driver.workspace.preferences.folders == (folder,)
        driver.workspace.remember(driver.workspace.preferences.with_folder(str(tmp_path / "gone")))
    async with drive() as driver:
        await driver.pilot.press("m")
        screen = driver.on(ModelScreen)
        await driver.until(lambda: screen.query_one(Choices).option_count > 1)
        first = screen.query_one(Choices).get_option_at_index(0)
        assert first.id == folder
        assert "a folder" in str(first.prompt)


def test_folders_are_kept_newest_first() -> None:
    kept = Preferences()
    for name in "abcabdefghij":
        kept = kept.with_folder(name)
    assert kept.folders == tuple("jihgfedb")
    preferences.save(kept)
    assert preferences.load() == (kept, None)
    preferences.config_file().write_text('{"folders": [1]}')
    loaded, problem = preferences.load()
    assert loaded.folders == ()
    assert problem is not None


async def test_settings_that_were_remembered_are_said(drive: Drive) -> None:
    async with drive() as driver:
        assert not driver.playground.panes.sampler.border_subtitle
        await driver.press("p")
        assert not driver.playground.panes.sampler.border_subtitle
    async with drive() as driver:
        assert driver.playground.panes.sampler.border_subtitle == "as you left them last time"
        await driver.press("p")
        assert not driver.playground.panes.sampler.border_subtitle


async def test_the_name_of_the_session_is_on_the_playground(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("ctrl+s")
        await driver.pilot.press(*"Emma", "enter")
        await driver.settled()
        assert driver.playground.panes.text_pane.border_title == "text · Emma"
