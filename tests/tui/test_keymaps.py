"""One keymap a screen: what is done, shown, listed and documented comes from it and says the same."""

from __future__ import annotations

import inspect
from operator import attrgetter
from pathlib import Path

import pytest
from textual.binding import Binding

from gpt2_remix.tui.compare.screen import CompareScreen
from gpt2_remix.tui.keymap import Key, Row, all_keys, bindings_of, markdown_of, palette_of
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.playground.views import VIEWS
from gpt2_remix.tui.stage.screen import StageScreen
from gpt2_remix.tui.state.heats import HEATS
from gpt2_remix.tui.tree.screen import TreeScreen
from tests.tui.conftest import Drive, Driver

README = Path(__file__).parents[2] / "README.md"

SCREENS: list[type[MainScreen]] = [Playground, CompareScreen, TreeScreen, StageScreen]  # type: ignore[type-arg]


async def opened(driver: Driver, screen: type[MainScreen]) -> MainScreen:  # type: ignore[type-arg]
    """The screen, open."""
    if screen is not Playground:
        await driver.pilot.press({CompareScreen: "c", TreeScreen: "T", StageScreen: "P"}[screen])
        await driver.until(lambda: isinstance(driver.app.screen, screen))
    return driver.on(screen)


@pytest.mark.parametrize("screen", SCREENS)
async def test_everything_in_a_keymap_can_be_done(drive: Drive, screen: type[MainScreen]) -> None:  # type: ignore[type-arg]
    async with drive() as driver:
        found = await opened(driver, screen)
        for key in all_keys(screen.KEYMAP):
            call = attrgetter(key.do)(found)
            inspect.signature(call).bind(*([] if key.argument is None else [key.argument]))


@pytest.mark.parametrize("screen", SCREENS)
async def test_the_bindings_the_footer_and_the_palette_are_those_of_the_keymap(
    drive: Drive,
    screen: type[MainScreen],  # type: ignore[type-arg]
) -> None:
    async with drive() as driver:
        found = await opened(driver, screen)
        own = {binding.action for binding in bindings_of(screen.KEYMAP)}
        bound = {active.binding.action for active in found.active_bindings.values() if active.node is found}
        assert bound - {"screen.copy_text", "app.focus_next", "app.focus_previous"} <= own  # those are Textual's
        assert {(binding.key, binding.action) for binding in bindings_of(screen.KEYMAP)} <= {
            (binding.key, binding.action) for binding in screen.BINDINGS if isinstance(binding, Binding)
        }
        shown = {active.binding.description for active in found.active_bindings.values()
                 if active.node is found and active.binding.show and active.binding.action in own}
        assert shown <= {key.footer for key in all_keys(screen.KEYMAP)}
        listed = {command.title for command in driver.app.get_system_commands(found)}
        assert {command.title for command in palette_of(screen.KEYMAP) if found.in_palette(command.do)} <= listed


def told(key: Key, line: Row) -> bool:
    """Whether a line of the help speaks of a key; "ctrl: over words" speaks of ctrl and the keys of its line."""
    *modifiers, name = key.shown.split("+")
    words = f"{line.shown} {line.help}"
    one_to_nine = name.isdecimal() and "1–9" in words
    return key.shown in words or one_to_nine or (
        name in words and all(modifier in words for modifier in modifiers)
    )


@pytest.mark.parametrize("screen", SCREENS)
def test_every_key_is_in_a_line_of_the_help(screen: type[MainScreen]) -> None:  # type: ignore[type-arg]
    for line in screen.KEYMAP:
        for key in line.keys:
            assert not key.keys or told(key, line), (key, line.shown)
    titles = [key.title for key in all_keys(screen.KEYMAP) if key.title]
    assert len(titles) == len(set(titles))
    keys = [one for key in all_keys(screen.KEYMAP) for one in key.keys.split(",") if one]
    assert {one for one in keys if keys.count(one) > 1} <= {"g", "escape", "L"}  # they take turns


def test_heats_and_views_are_in_the_keymap() -> None:
    titles = {key.title for key in all_keys(Playground.KEYMAP)}
    assert {f"heat: {name}" for name in HEATS} | {f"view: {view.name}" for view in VIEWS} <= titles


@pytest.mark.parametrize("screen", SCREENS)
def test_the_table_in_the_readme_is_that_of_the_keymap(screen: type[MainScreen]) -> None:  # type: ignore[type-arg]
    assert markdown_of(screen.KEYMAP) in README.read_text("utf-8")


async def test_a_key_draws_once(drive: Drive) -> None:
    """Whatever a key does, and however many of its effects ask for it, the screen is drawn once for it."""
    async with drive() as driver:
        await driver.press("space", "space", "space")
        await driver.press(*["left"] * len(driver.tree), "end")  # the network is asked nothing below
        for key in ("left", "right", "h", "s", "escape", "t", "escape", "p", "up", "plus", "x", "1", "home",
                    "end", "l"):
            await driver.until(lambda: not driver.workspace.autosave.busy)  # the status line says when it is saved
            await driver.settled()
            drawn = []
            for _ in range(3):  # something else may be answered or saved meanwhile, but not each time
                driver.playground.looking.view("candidates")  # not on to the futures, which are searched for
                await driver.settled()
                before = driver.playground.draws
                driver.app.simulate_key(key)
                await driver.pilot.pause()
                drawn.append(driver.playground.draws - before)
                await driver.settled()
            assert min(drawn) <= 1, (key, drawn)
            if key in ("left", "right", "h", "home"):
                assert max(drawn) >= 1, (key, "nothing was drawn")
