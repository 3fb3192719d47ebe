"""The first thing on the screen, where nothing was said of what to begin with."""

from __future__ import annotations

from gpt2_remix.tui.dialogs.start import SENTENCES, StartScreen
from tests.tui.conftest import Drive, Driver


async def begun(driver: Driver) -> str:
    await driver.settled()
    assert driver.app.screen is driver.playground
    return driver.decode(driver.tree.ids())


async def test_typing_at_once_gives_a_sentence(drive: Drive) -> None:
    """It ran commands: T the tree, e the editor, h the heat."""
    async with drive(prefix=None) as driver:
        assert isinstance(driver.app.screen, StartScreen)
        await driver.press(*"The whale")
        assert "3 tokens" in str(driver.app.screen.query_one("#split").border_title)
        await driver.press("enter")
        assert await begun(driver) == "The whale"
        assert driver.tree.leaf_count == 1
        assert not driver.tree.can_undo
        await driver.press("space")
        assert len(driver.tree) == 4


async def test_a_sentence_given_before_the_model_is_there(drive: Drive) -> None:
    async with drive(prefix=None, settle=False) as driver:
        await driver.pilot.press(*"Oh", "enter")
        assert await begun(driver) == "Oh"


async def test_one_of_the_list_and_no_sentence(drive: Drive) -> None:
    for keys, text in (("down enter", SENTENCES[0]), ("down down enter", SENTENCES[1]), ("enter", "<|endoftext|>"),
                       ("escape", "<|endoftext|>"), ("down x enter", "x"), ("down up y enter", "y")):
        async with drive(prefix=None) as driver:
            await driver.press(*keys.split())
            assert await begun(driver) == text


async def test_the_last_session_is_offered(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("3", "space")
        ids = driver.tree.ids()
    async with drive(prefix=None) as driver:
        screen = driver.app.screen
        assert isinstance(screen, StartScreen)
        await driver.until(lambda: "go on with" in str(screen.offers[0].words))
        assert screen.offers[0].note.startswith("11 tokens")
        await driver.press("down", "enter")
        await driver.settled()
        assert driver.tree.ids() == ids


async def test_what_is_given_is_not_asked_for(drive: Drive) -> None:
    for given in ({"prefix": ""}, {"prefix": None, "ids": [91]}):
        async with drive(**given) as driver:
            assert driver.app.screen is driver.playground
