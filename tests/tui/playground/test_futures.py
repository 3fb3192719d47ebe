"""The futures view: bounds that close, continuations that are taken over, patterns, stopping."""

from __future__ import annotations

import pytest

from gpt2_remix.engine.generation.stream import Prefix
from gpt2_remix.engine.outlook.explore import explore
from gpt2_remix.engine.outlook.paths import Question
from gpt2_remix.engine.outlook.patterns import compile_pattern
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.playground.views.futures import FuturesView
from gpt2_remix.tui.state.futures import FuturesSeen
from tests.kinds import known
from tests.tui.conftest import Drive, Driver

NARROW = Settings(top_k=4)


def view_of(driver: Driver) -> FuturesView:
    return driver.playground.panes.view.futures


def lines(driver: Driver) -> list[str]:
    view = view_of(driver)
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def look(driver: Driver) -> FuturesSeen:
    await driver.press("l", "l")
    assert driver.playground.panes.view.current == "futures"
    await driver.until(lambda: view_of(driver).seen.over)
    return view_of(driver).seen


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_what_is_shown_is_what_the_engine_proves(drive: Drive, size: tuple[int, int]) -> None:
    async with drive(settings=NARROW, size=size) as driver:
        ids, nodes = driver.tree.ids(), len(driver.tree.nodes)
        seen = await look(driver)
        *_, futures = explore(driver.backend, Prefix(ids), NARROW, Question(6, words=True), tokenizer=known(
            driver.exploration.tokenizer), budget=10_000)
        for told, word in zip(seen.words, futures.words(40), strict=True):
            assert told[0] == word[0]
            assert told[1:] == pytest.approx(word[1:])
        assert seen.decided == pytest.approx(futures.decided)
        assert seen.words[0][0] in lines(driver)[0]
        assert "goes on" in "\n".join(lines(driver))
        assert driver.tree.ids() == ids
        assert len(driver.tree.nodes) == nodes
        await driver.press("left", "right")  # coming back, it is known at once
        assert view_of(driver).seen == seen


async def test_a_continuation_is_taken_over_as_a_branch_of_picks(drive: Drive) -> None:
    async with drive(settings=NARROW) as driver:
        await driver.steps(3)
        old = driver.tree.ids()
        driver.playground.cursor.move_to(9)
        await driver.settled()
        await look(driver)
        rows = [row for row, _ in view_of(driver).seen.unfolded(view_of(driver).chosen)]
        await driver.pilot.press("down")
        assert view_of(driver).chosen == rows[1].path
        assert any("▾" in line for line in lines(driver))
        await driver.pilot.press("down")
        chosen = view_of(driver).chosen
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.tree.ids() == [*old[:9], *chosen])
        await driver.settled()
        steps = driver.tree.steps(9)
        assert [step.origin for step in steps] == ["picked"] * len(chosen)
        assert all(step.p_final is not None for step in steps)
        await driver.press("u")
        assert driver.tree.ids() == old


async def test_a_pattern_has_bounds_and_what_is_none_is_a_line(drive: Drive) -> None:
    async with drive(settings=NARROW) as driver:
        await look(driver)
        await driver.pilot.press("slash")
        await driver.type("(")
        await driver.pilot.press("enter")
        await driver.pilot.pause()
        assert "'(' is not a regular expression" in driver.notices()
        await driver.pilot.press("slash")
        await driver.type("by")
        await driver.press("enter")
        await driver.until(lambda: view_of(driver).seen.over and view_of(driver).seen.find is not None)
        *_, futures = explore(driver.backend, Prefix(driver.tree.ids()), NARROW, Question(
            6, compile_pattern("by"), words=True), tokenizer=known(driver.exploration.tokenizer), budget=10_000)
        assert view_of(driver).seen.find == pytest.approx(known(futures.find))
        assert lines(driver)[0].startswith("/by/")
        await driver.pilot.press("slash", "backspace", "backspace", "enter")
        await driver.until(lambda: view_of(driver).seen.find is None)


async def test_it_is_stopped_and_goes_no_further(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("right_parenthesis", "l", "l")
        await driver.until(lambda: view_of(driver).seen.computed > 0)
        await driver.pilot.press("escape")
        await driver.settled()
        seen = view_of(driver).seen
        assert seen.over
        assert seen.computed < 10_000
        await driver.pilot.pause(0.05)
        assert view_of(driver).seen == seen
        assert "in " in view_of(driver).summary()
        assert not driver.playground.futures.running


async def test_deeper_is_another_question(drive: Drive) -> None:
    async with drive(settings=Settings(top_k=2)) as driver:
        first = await look(driver)
        await driver.press("left_parenthesis", "left_parenthesis", "left_parenthesis")
        await driver.until(lambda: view_of(driver).seen.over)
        assert view_of(driver).seen.computed < first.computed
        assert "futures: 2 tokens ahead" in driver.notices()


async def test_a_run_is_not_followed(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("l", "l")
        length = len(driver.tree)
        await driver.tap("g")
        await driver.until(lambda: len(driver.tree) > length + 5)
        assert not driver.playground.futures.running
        await driver.tap("g")
        await driver.until(lambda: driver.playground.futures.running)
        await driver.pilot.press("escape")
        await driver.settled()


async def test_by_mouse(drive: Drive) -> None:
    async with drive(settings=NARROW) as driver:
        ids = driver.tree.ids()
        await look(driver)
        row = next(y for y, line in enumerate(lines(driver)) if line.startswith("goes on"))
        await driver.pilot.click(FuturesView, offset=(8, row + 3))
        await driver.pilot.pause()
        chosen = view_of(driver).chosen
        paths = [row.path for row, _ in view_of(driver).seen.unfolded(chosen)]
        await driver.pilot.click(FuturesView, offset=(8, row + 2 + paths.index(chosen)), times=2)
        await driver.until(lambda: driver.tree.ids() == [*ids, *chosen])
