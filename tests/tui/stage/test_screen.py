"""The stage on the real app: stories by key and by time, what a room plays, sizes, the way out."""

from __future__ import annotations

from itertools import groupby

import pytest

from gpt2_remix.engine.sampling.coin import interval_chance
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.stage.bars import StageBars
from gpt2_remix.tui.stage.interval import StageCoin
from gpt2_remix.tui.stage.line import StageLine
from gpt2_remix.tui.state.stage import PACES
from gpt2_remix.tui.style.big_letters import big_letters
from tests.tui.conftest import Drive
from tests.tui.stage.staged import SIZES, frames_of, press, staged, still


async def test_each_key_tells_one_thing_more(drive: Drive) -> None:
    async with staged(drive, moves=True, settings=Settings(top_k=3)) as (driver, screen):
        length = len(driver.tree)
        seen = [await press(driver, screen, "space") for _ in range(5)]
        assert [told["phase"] for told in seen] == ["ask", "vector", "chain", "coin", "token"]
        assert [told["marker"] is not None for told in seen] == [False, False, False, True, True]
        assert [told["hit"] is not None for told in seen] == [False, False, False, False, True]
        assert [told["rows"] == [] for told in seen] == [True, False, False, False, False]
        assert [told["tokens"] - length for told in seen] == [0, 0, 0, 0, 1]
        step = driver.tree.step(length)
        assert step.u == interval_chance(7, length, 0) == seen[-1]["marker"]
        assert step.token == seen[-1]["hit"]
        assert len(driver.tree) == length + 1


async def test_what_the_stage_chooses_is_what_the_playground_would_have(drive: Drive) -> None:
    async with drive(settings=Settings(top_p=0.9)) as driver:
        await driver.steps(6)
        ids = driver.tree.ids()
    async with staged(drive, pace=len(PACES) - 1, settings=Settings(top_p=0.9)) as (driver, screen):
        await driver.pilot.press("g")
        await driver.until(lambda: len(driver.tree) >= len(ids))
        await press(driver, screen, "g")
        assert driver.tree.ids()[: len(ids)] == ids


async def test_frames_in_between_are_not_ahead_of_the_story(drive: Drive) -> None:
    """At a pace of two steps a second every frame is looked at until three tokens are there."""
    async with staged(drive, pace=6, moves=True) as (driver, screen):
        length = len(driver.tree)
        frames = []
        draw = screen.draw

        def seen(keep_selection: bool) -> None:
            draw(keep_selection)
            frames.append((screen.telling.story.phase, screen.describe(), len(driver.tree), screen.panes.text.count))

        screen.draw = seen  # type: ignore[method-assign]
        await driver.pilot.press("g")
        await driver.until(lambda: len(driver.tree) >= length + 3)
        await press(driver, screen, "g")
        assert {phase for phase, *_ in frames} >= {"ask", "vector", "coin", "token"}
        for phase, told, in_tree, shown in frames:
            if phase != "token":
                assert told["hit"] is None
                assert "→" not in told["coin"]
                assert shown <= in_tree


async def test_the_last_coin_is_flipped_again_and_undone(drive: Drive) -> None:
    async with staged(drive, pace=len(PACES) - 1) as (driver, screen):
        await press(driver, screen, "space", "space")
        length, last = len(driver.tree), driver.tree.step(len(driver.tree) - 1)
        await press(driver, screen, "r")
        again = driver.tree.step(length - 1)
        assert (again.roll, again.position, again.seed) == (last.roll + 1, last.position, last.seed)
        assert len(driver.tree) == length
        await press(driver, screen, "u")
        assert driver.tree.step(length - 1) == last
        await press(driver, screen, "ctrl+r")
        assert driver.tree.step(length - 1) == again


async def test_a_candidate_is_picked_in_place_of_the_coin(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        length = len(driver.tree)
        told = await press(driver, screen, "space", "space", "down", "down")
        wanted = told["rows"][1]
        told = await press(driver, screen, "enter")
        step = driver.tree.step(length)
        assert (step.origin, driver.exploration.name(step.token)) == ("picked", wanted)
        assert "no coin" in told["coin"]


# Sizes, and the way out


@pytest.mark.parametrize("size", SIZES)
async def test_everything_fits(drive: Drive, size: tuple[int, int]) -> None:
    async with staged(drive, size=size) as (driver, screen):
        for keys in (["space"] * 4, ["a", "w"], ["escape", "d", "3"], ["escape", "v"], ["escape", "z"], ["z"], ["z"]):
            told = await press(driver, screen, *keys)
            assert told["line"]
            shown = [pane for pane in (screen.panes.text, screen.panes.bars, screen.panes.coin) if pane.display]
            bottoms = [pane.region.bottom for pane in shown]
            assert max(bottoms) <= screen.panes.line.region.y
            assert not screen.has_class("small")
        await press(driver, screen, "z", "space")
        assert sum(pane.display for pane in (screen.panes.text, screen.panes.bars, screen.panes.coin)) == 3


async def test_where_animations_are_off_each_phase_is_one_picture_in_its_time(drive: Drive) -> None:
    async with staged(drive, pace=6, settings=Settings(top_k=3)) as (driver, screen):
        length, frames = len(driver.tree), frames_of(screen)
        await press(driver, screen, "space")
        assert len(driver.tree) == length + 1
        pictures = [told for told, _ in groupby((frame["phase"], frame["marker"], frame["hit"]) for frame in frames)]
        u, token = interval_chance(7, length, 0), driver.tree.step(length).token
        assert pictures == [("ask", None, None), ("vector", None, None), ("chain", None, None), ("coin", u, None),
                            ("token", u, token)]


async def test_at_full_speed_the_candidates_and_what_the_coin_gave_are_drawn_for_each_token(drive: Drive) -> None:
    async with staged(drive, pace=len(PACES) - 1) as (driver, screen):
        length, frames = len(driver.tree), frames_of(screen)
        await driver.pilot.press("g")
        await driver.until(lambda: len(driver.tree) >= length + 8)
        await press(driver, screen, "g")
        seen = [(frame["hit"], frame["tokens"]) for frame in frames if frame["rows"]]
        for place in range(length, length + 8):
            token = driver.tree.step(place).token
            assert seen.index((None, place)) < seen.index((token, place + 1))


async def test_what_is_told_goes_on_from_where_it_is_when_the_pace_changes(drive: Drive) -> None:
    async with staged(drive, pace=1, moves=True) as (driver, screen):
        now = 0.0
        screen.telling._clock = lambda: now  # noqa: SLF001
        await driver.pilot.press("g")
        story = screen.telling.story
        await driver.until(lambda: screen.telling.dist is not None)
        for phase in ("vector", "coin"):
            while story.phase != phase or story.share < 0.3:
                now += 0.05
                screen.telling.tick()
            for key in (">", ">", "<", "<", "<"):
                share = story.share
                screen.telling.change_pace(1 if key == ">" else -1)
                screen.telling.tick()
                assert story.phase == phase
                assert story.share == pytest.approx(share)
                screen.telling.running = screen.telling._to_the_end = True  # noqa: SLF001
            screen.telling.change_pace(1)


async def test_at_rest_nothing_is_drawn(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        await press(driver, screen, "space", "space")
        assert not screen.describe()["moves"]


async def test_the_playground_shows_what_was_told(drive: Drive) -> None:
    async with staged(drive, pace=len(PACES) - 1) as (driver, screen):
        await press(driver, screen, "space", "space")
        ids = driver.tree.ids()
        await driver.pilot.press("escape")
        await driver.settled()
        assert driver.app.screen is driver.playground
        assert driver.playground.describe()["ids"] == ids
        assert driver.exploration.cursor == len(ids) - 1


def test_large_letters_are_there() -> None:
    """The font came with pyfiglet 1.0.4."""
    man = big_letters("·man")
    assert man is not None
    assert (len(man), len({len(line) for line in man})) == (4, 1)
    assert big_letters(",") is None
    assert big_letters("né") is None


async def test_a_screen_below_takes_no_answer_away(drive: Drive) -> None:
    async with staged(drive, pace=3) as (driver, screen):
        driver.tree.set_prompt([464, 995])
        screen.telling.restart()
        screen.go_on()
        screen.draw_changes()
        driver.playground.changed()
        driver.playground.draw_changes()
        await driver.until(lambda: screen.telling.story.told and not screen.telling.moving)
        assert len(driver.tree) == 3


@pytest.mark.parametrize("size", SIZES)
async def test_all_that_keys_do_can_be_done_by_mouse(drive: Drive, size: tuple[int, int]) -> None:
    async with staged(drive, size=size) as (driver, screen):
        line = screen.panes.line

        async def click(word: str) -> None:
            await driver.pilot.hover(StageCoin if screen.panes.coin.display else StageBars)  # a menu in any pane
            shown = "".join(segment.text for segment in line.render_line(0))
            assert word in line.menu
            assert all(other in shown for other in line.menu)
            await driver.pilot.click(StageLine, offset=(line.gutter.left + shown.rindex(word), 0))
            await driver.pilot.pause()

        assert line.menu == ()
        for word, kind in (("guess", "guess"), ("dice", "dice"), ("vote", "vote")):
            await click(word)
            await still(driver, screen)
            assert screen.plays.play is not None
            assert screen.plays.play.kind == kind
            assert line.menu == (*(["words"] if kind == "guess" else []), "enter", "erase", "leave")
            if kind == "guess":
                await click("words")
                assert screen.plays.play.words
            await press(driver, screen, "5")
            await click("erase")
            assert screen.plays.play.typed == ""
            await click("leave")
            assert not screen.plays.typing
        pace = screen.telling.pace
        await click(">")
        assert screen.telling.pace is not pace
        await click("<")
        assert screen.telling.pace is pace
        length = len(driver.tree)
        await click("zoom")
        assert screen.alone
        for _ in screen.panes.three:
            await driver.pilot.press("z")
        for _ in range(5):
            await driver.pilot.click(StageCoin)
            await still(driver, screen)
        assert len(driver.tree) == length + 1
        await click("again")
        await still(driver, screen)
        while not screen.telling.story.told:
            await driver.pilot.click(StageCoin)
            await still(driver, screen)
        assert driver.tree.step(length).roll == 1
        await click("undo")
        await still(driver, screen)
        assert driver.tree.step(length).roll == 0
        await click("run")
        assert screen.telling.running
        await click("run")
        await still(driver, screen)
        await click("leave")
        await driver.settled()
        assert driver.app.screen is driver.playground


async def test_a_key_for_each_phase_is_no_pace_to_run_at(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        assert screen.telling.pace.seconds is None
        await driver.pilot.press("g")
        assert screen.telling.running
        assert screen.telling.pace.seconds is not None


async def test_a_flip_of_before_that_shortens_the_text_comes_while_the_stage_is_open(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        driver.tree.set_prompt([464])
        screen.changed()
        await still(driver, screen)
        assert screen.telling.story.position == 1
        assert (await press(driver, screen, "space", "space"))["phase"] == "vector"


async def test_it_runs_and_keeps_its_pace_where_nothing_moves(drive: Drive) -> None:
    async with staged(drive, pace=PACES.index(next(pace for pace in PACES if pace.seconds == 0.5))) as (driver, screen):
        length = len(driver.tree)
        await driver.pilot.press("g")
        await driver.until(lambda: len(driver.tree) == length + 2)
        while screen.telling.story.phase != "ask":
            assert screen.describe()["tokens"] <= length + 4
            await driver.pilot.pause(0.01)
        await driver.pilot.press("less_than_sign", *["less_than_sign"] * len(PACES))
        assert not screen.telling.running  # a key for each phase: it waits for one
        length = len(driver.tree)
        await driver.pilot.pause(0.1)
        await press(driver, screen, "space")
        assert len(driver.tree) <= length + 1
