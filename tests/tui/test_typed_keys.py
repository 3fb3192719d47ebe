"""Keys that come at once, faster than what they do."""

from __future__ import annotations

import pytest
from textual import events

from gpt2_remix.tui.dialogs.prefix import PrefixScreen
from tests.tui.conftest import Drive, Driver


def send(driver: Driver, *keys: str) -> None:
    """Keys as a terminal sends them in one burst: nothing happens in between."""
    for key in keys:
        driver.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_keys_after_e_go_into_the_editor(drive: Drive) -> None:
    """They were lost for 100 ms, or ran commands of the playground."""
    async with drive() as driver:
        send(driver, "e", *"Truth", "enter")
        await driver.settled()
        assert driver.app.screen is driver.playground
        assert driver.decode(driver.tree.ids()) == "Truth"
        assert not driver.playground.activity.running


@pytest.mark.parametrize("use", ["enter", "ctrl+s"])
async def test_what_was_typed_just_before_is_used(drive: Drive, use: str) -> None:
    """ctrl+s acts before other keys: it took the text without the last letters."""
    async with drive() as driver:
        await driver.pilot.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, PrefixScreen))
        send(driver, *"Call me", "ctrl+j", *"Ishmael.", use)
        await driver.until(lambda: driver.decode(driver.tree.ids()) == "Call me\nIshmael.")


async def test_a_paste_comes_after_the_key_before_it(drive: Drive) -> None:
    async with drive() as driver:
        send(driver, "e", "A")
        driver.app.post_message(events.Paste(" whale"))
        send(driver, "!", "enter")
        await driver.until(lambda: driver.decode(driver.tree.ids()) == "A whale!")


async def test_keys_of_several_screens_in_one_burst(drive: Drive) -> None:
    async with drive() as driver:
        send(driver, "question_mark", "escape", "T", "escape", "e", *"No", "escape", "e", *"Yes", "enter", "space")
        await driver.until(lambda: driver.decode(driver.tree.ids()[:-1]) == "Yes")
