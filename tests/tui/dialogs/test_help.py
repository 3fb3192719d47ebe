"""The help: a topic for each pane, the one where one is first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Static

from gpt2_remix.engine.compare.statistics import STATISTICS
from gpt2_remix.engine.sampling.fields import LISTS, NUMBERS, help_of
from gpt2_remix.tui.compare.keymap import KEYMAP as COMPARE_KEYMAP
from gpt2_remix.tui.dialogs.help import HelpScreen, TopicTabs, unwrapped
from gpt2_remix.tui.help_pages import topics_of
from gpt2_remix.tui.keymap import Row
from gpt2_remix.tui.playground.keymap import KEYMAP
from gpt2_remix.tui.playground.views import VIEWS
from gpt2_remix.tui.stage.keymap import KEYMAP as STAGE_KEYMAP
from gpt2_remix.tui.state.heats import HEATS
from gpt2_remix.tui.tree.keymap import KEYMAP as TREE_KEYMAP
from tests.tui.conftest import Drive
from tests.tui.helpers import rendered

DOCS = Path(__file__).parents[3] / "docs"


async def test_help_names_every_key_and_closes(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("question_mark")
        await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
        pages = {}
        screen = driver.on(HelpScreen)
        assert screen.topic.name == "text"  # where one is
        await driver.pilot.press("left")
        while screen.topic.name not in pages:
            await driver.pilot.pause()
            pages[screen.topic.name] = " ".join(" ".join(map(rendered, screen.query(Static))).split())
            await driver.pilot.press("right")
        assert list(pages) == [topic.name for topic in topics_of("playground")]
        for line in KEYMAP:
            assert f"{line.shown} {line.help.split(';')[0]}" in pages["keys"]
        for heat in HEATS.values():
            assert f"{heat.name} {heat.help}" in pages["heat"]
        for view in VIEWS:
            assert unwrapped(view.help) in pages[view.name]
        for name in (*(number.name for number in NUMBERS), *LISTS):
            assert f"{name} {help_of(name)}" in pages["chain"]
        for meaning in STATISTICS.values():
            assert meaning in pages["statistics"]
        await driver.press("escape")
        assert driver.app.screen is driver.playground


@pytest.mark.parametrize(("page", "keymap"), [
    ("playground", KEYMAP), ("compare", COMPARE_KEYMAP), ("stage", STAGE_KEYMAP), ("tree", TREE_KEYMAP),
])
def test_what_can_be_tried_is_done_with_keys_of_that_screen(page: str, keymap: tuple[Row, ...]) -> None:
    known = {part for row in keymap for part in row.shown.split()} | {"ctrl+p"}
    tried = {part for topic in topics_of(page) for keys, _ in topic.tries for part in keys.split()}
    assert {part for part in tried if not part.isdecimal()} <= known


async def test_help_is_about_where_one_is(drive: Drive) -> None:
    async with drive() as driver:
        for keys, topic, words in (
            ((), "text", "The stream as tokens"), (("t",), "branches", "The tree"),
            (("t", "s"), "sampling", "temperature: divides the logits"),
            (("down",), "sampling", "dynatemp_range: temperature minus"),
            (("escape", "z", "z"), "candidates", "Every token by its final probability"), (("l",), "plot", "as a plot"),
            (("z",), "coin", "The interval is cut"),
        ):
            await driver.press(*keys)
            await driver.pilot.press("question_mark")
            await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
            screen = driver.on(HelpScreen)
            await driver.until(lambda: screen.query_one(TopicTabs).active)  # noqa: B023
            assert screen.topic.name == topic
            assert words in " ".join(" ".join(map(rendered, screen.query(Static))).split())
            assert topic in ("text", "plot") or screen.topic.tries
            await driver.press("escape")


async def test_it_may_be_closed_before_it_is_there(drive: Drive) -> None:
    async with drive() as driver:
        for turns in range(24):
            driver.app.simulate_key("question_mark")
            for _ in range(turns):
                await asyncio.sleep(0)
            driver.app.simulate_key("escape")
            await driver.until(lambda: driver.app.screen is driver.playground)
            await driver.until(lambda: driver.app.settled)


def test_statistics_are_explained_everywhere_in_the_same_words() -> None:
    page = (DOCS / "command-line.md").read_text("utf-8")
    assert [meaning for meaning in STATISTICS.values() if meaning not in " ".join(page.split())] == []
