"""The tour: who opens the app for the first time does each main thing once."""

from __future__ import annotations

import json

from gpt2_remix.tui.dialogs.start import StartScreen
from gpt2_remix.tui.state import preferences
from gpt2_remix.tui.state.lesson import TOUR
from tests.kinds import Emulate
from tests.tui.conftest import Drive, Driver


async def shown(driver: Driver, place: int) -> None:
    """The tour's step with this number is done, and the person's turn."""
    run = driver.workspace.lesson
    await driver.until(lambda: run.place == place and driver.app.lessons.idle and not run.busy)
    await driver.settled()


async def test_the_first_time_each_main_thing_is_done_once_and_never_again(drive: Drive) -> None:
    preferences.config_file().unlink()
    async with drive(settle=False, prefix=None, seed=None) as driver:
        run = driver.workspace.lesson
        await shown(driver, 0)
        assert run.lesson is not None
        assert run.lesson.name == TOUR
        assert len(run.lesson.steps) == 5
        assert driver.decode(driver.tree.ids()).startswith("Once upon a time")
        for n, (keys, origins) in enumerate((
            ("space", ["sampled"]), ("down enter", ["picked"]), ("left r", ["sampled"]),
        )):
            for key in keys.split():
                assert run.place == n  # nothing else goes on
                await driver.pilot.press(key)
            await shown(driver, n + 1)
            assert [step.origin for step in driver.tree.steps() if step.origin != "prompt"] == origins
        assert len(driver.tree.siblings(0)) == 1  # nothing stands before the sentence
        leaves = len(driver.tree.nodes)
        await driver.pilot.press("b")
        await shown(driver, 4)
        assert len(driver.tree.nodes) > leaves
        assert driver.playground.panes.branches.region
        await driver.pilot.press("h")
        await driver.until(lambda: run.over)
        assert "ctrl+p" in run.words()
        await driver.pilot.press("space")
        await driver.until(lambda: not run.on)
        assert not driver.app.asks
    assert json.loads(preferences.config_file().read_text())["toured"]
    async with drive(prefix=None, seed=None) as driver:
        assert isinstance(driver.app.screen, StartScreen)


async def test_who_skips_it_is_asked_for_a_sentence(drive: Drive) -> None:
    preferences.config_file().unlink()
    async with drive(settle=False, prefix=None, seed=None) as driver:
        await shown(driver, 0)
        await driver.pilot.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, StartScreen))
        assert not driver.workspace.lesson.on
        await driver.pilot.press(*"Hi", "enter")
        await driver.settled()
        assert driver.decode(driver.tree.ids()) == "Hi"


async def test_a_text_a_session_or_settings_of_before_it_begin_without_it(drive: Drive) -> None:
    path = preferences.config_file()
    path.unlink()
    async with drive() as driver:
        assert not driver.workspace.lesson.on
    path.write_text('{"theme": "paper"}')
    async with drive(prefix=None, seed=None) as driver:
        assert isinstance(driver.app.screen, StartScreen)


def test_in_a_terminal(emulate: Emulate) -> None:
    preferences.config_file().unlink()
    terminal = emulate(size=(80, 24))
    terminal.until_all("Press space", "L: skip", "1 of 5", "Once upon a time")
    terminal.process.write(b" ")
    terminal.until_all("2 of 5", "press ↓")
    terminal.process.write(b"q")
    assert terminal.finish() == 0
