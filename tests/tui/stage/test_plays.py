"""What a room plays on the stage: it guesses, rolls dice, votes."""

from __future__ import annotations

from typing import Any

import pytest

from gpt2_remix.engine.generation.backend import logits_at
from gpt2_remix.engine.sampling.coin import choose_interval, interval_chance
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.stage.bars import StageBars
from gpt2_remix.tui.stage.interval import StageCoin
from gpt2_remix.tui.stage.line import StageLine
from gpt2_remix.tui.stage.screen import StageScreen
from gpt2_remix.tui.state import preferences
from gpt2_remix.tui.state.stage import PACES
from tests.kinds import known
from tests.tui.conftest import Drive
from tests.tui.stage.staged import press, staged, still


async def test_a_guess_hides_everything_until_the_reveal(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        length = len(driver.tree)
        told = await press(driver, screen, "a")
        assert told["names"] == "letters"
        hidden = screen.panes.bars.view
        assert not hidden.told
        drawn = "\n".join(screen.panes.bars.render_line(y).text for y in range(screen.panes.bars.size.height))
        assert drawn.split() == ["A", "B", "C", "D", "E"]
        names = {row.name.strip("·") for row in screen.panes.bars.view.rows}
        await press(driver, screen, "w")
        drawn = "\n".join(screen.panes.bars.render_line(y).text for y in range(screen.panes.bars.size.height))
        assert all(name in drawn for name in names)
        assert "%" not in drawn
        await press(driver, screen, "1", "2", "space", "5", "enter")
        revealed = screen.panes.bars.view
        assert revealed.told
        await press(driver, screen, "space", "space")  # the coin, the token
        assert len(driver.tree) == length + 1
        guess = driver.exploration.score.guesses
        assert len(guess) == 1
        (bits,) = guess.values()
        assert f"room {bits.room:.1f} bits, network {bits.network:.1f}" in screen.panes.line.words
        told = await press(driver, screen, *["space"] * 4)  # the next story: nobody guessed it
        assert len(driver.exploration.score.guesses) == 1
        assert told["names"] == "names"
        assert driver.tree.step(length).u == interval_chance(7, length, 0)  # the coin is the same, whatever they say
        await press(driver, screen, "u", "u", "a", "5", "enter", "space", "space")  # the same place once more
        assert len(driver.exploration.score.guesses) == 1


async def test_where_one_token_is_certain_the_network_needs_no_bits(drive: Drive) -> None:
    async with staged(drive, settings=Settings(top_k=1)) as (driver, screen):
        await press(driver, screen, "a", "5", "enter", *["space"] * 3)
        assert "network 0.0" in screen.panes.line.words


async def test_dice_that_wait_decide_on_the_stage_whatever_the_coin_is(drive: Drive) -> None:
    async with staged(drive, coin="gumbel", dice=(0.5,)) as (driver, screen):
        length = len(driver.tree)
        told = await press(driver, screen, *["space"] * 3)
        assert (told["phase"], told["marker"], told["hit"]) == ("coin", 0.5, None)
        told = await press(driver, screen, "space")
        assert told["coin"].startswith("u = 0.5  →")
        assert driver.tree.step(length).u == 0.5
        told = await press(driver, screen, *["space"] * 3)  # the next one is the race's
        assert told["coin"] == "the highest sum of log p and luck wins"


async def test_what_is_typed_wrong_is_said_and_nothing_lost(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        length = len(driver.tree)
        assert "type the hands" in (await press(driver, screen, "a", "enter"))["line"]
        assert "nobody raised a hand" in (await press(driver, screen, "0", "enter"))["line"]
        assert "there is no G; the letters are A to E" in (await press(driver, screen, "backspace", "g"))["line"]
        told = await press(driver, screen, *["5", "space"] * 6, "enter")
        assert "6 numbers for 5 letters" in told["line"]
        assert told["line"].startswith("5 5 5 5 5 5")
        await press(driver, screen, "escape")
        assert driver.app.screen is screen
        assert screen.plays.play is None
        assert len(driver.tree) == length


async def test_the_room_rolls_u_digit_by_digit(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        length = len(driver.tree)
        ids = driver.tree.ids()
        await press(driver, screen, "d")
        assert screen.panes.coin.view.digits == ""
        told = await press(driver, screen, "6", "0")
        assert "0.60" in told["line"]
        assert told["hit"] is None
        told = await press(driver, screen, "7", "backspace", "enter")
        step = driver.tree.step(length)
        logits = logits_at(driver.backend, [(ids, length)], known(driver.exploration.tokenizer).end_of_text)[0]
        assert step.token == choose_interval(distribution(logits, Settings()).final, 0.60)
        assert (step.u, step.seed, step.origin, step.coin) == (0.60, None, "sampled", "interval")


async def test_a_u_typed_as_a_number_is_that_u(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        pace = screen.telling.pace
        told = await press(driver, screen, "d", "0", ".", "6")
        assert told["line"].startswith("0.6▏")
        await press(driver, screen, "enter")
        assert driver.tree.step(len(driver.tree) - 1).u == 0.6
        assert screen.telling.pace == pace


async def test_the_pace_is_kept(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        await press(driver, screen, "greater_than_sign", "escape")
        driver.playground.places.stage()
        await driver.until(lambda: isinstance(driver.app.screen, StageScreen))
        assert driver.on(StageScreen).telling.pace == PACES[1]
    assert preferences.load()[0].pace == PACES[1].name


async def test_a_vote_takes_the_rooms_choice_and_shows_the_coins(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        length = len(driver.tree)
        told = await press(driver, screen, "v")
        assert told["names"] == "both"
        wanted = told["rows"][2]
        await press(driver, screen, "b", "1", "c", "7", "enter")
        step = driver.tree.step(length)
        assert (step.origin, driver.exploration.name(step.token)) == ("picked", wanted)
        assert "7 of 8" in screen.panes.line.words
        assert "the coin" in screen.panes.line.words


@pytest.mark.parametrize(("options", "said"), [
    ({"coin": "gumbel"}, "this is the race"), ({"settings": Settings(temperature=0)}, "no coin is flipped"),
    ({"settings": Settings(xtc_probability=0.5)}, "xtc flips a coin of its own"),
])
async def test_dice_say_where_they_cannot_be_rolled(drive: Drive, options: dict[str, Any], said: str) -> None:
    async with staged(drive, **options) as (driver, screen):
        await press(driver, screen, "d")
        assert said in driver.notices()
        assert screen.plays.play is None


async def test_what_was_typed_for_a_play_is_only_taken_away_by_esc(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        await press(driver, screen, "a", *"12 5", "r", "u", "g", "p", "v", "z", "z", "z", "z")
        assert screen.plays.play is not None
        assert screen.plays.play.typed == "12 5"
        await press(driver, screen, "escape")
        assert screen.plays.play is None


async def test_the_room_plays_by_mouse(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        await press(driver, screen, "a")
        rows = screen.panes.bars.heights()
        for row in (0, 2, 2):
            await driver.pilot.click(StageBars, offset=(5, sum(rows[:row])))
            await still(driver, screen)
        assert screen.plays.play is not None
        assert screen.plays.play.typed.startswith("1 0 2")
        await driver.pilot.click(StageLine, offset=(6, 0))
        await still(driver, screen)
        assert not screen.plays.play.open
        while not screen.telling.story.told:
            await driver.pilot.click(StageCoin)
            await still(driver, screen)
        names = [row.name for row in screen.panes.bars.view.rows]
        assert [name.rpartition(" ")[2] for name in names[:3]] == ["33%", "0%", "67%"]
        await press(driver, screen, "d")
        await driver.pilot.click(StageCoin, offset=(screen.panes.coin.size.width * 45 // 100, 1))
        await still(driver, screen)
        assert screen.plays.play.typed == "4"


async def test_a_play_shows_the_pane_that_it_needs(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        panes = screen.panes
        for zooms, key, needed, alone in ((1, "a", panes.bars, False), (2, "a", panes.bars, True),
                                          (3, "v", panes.bars, False), (3, "d", panes.coin, True)):
            await press(driver, screen, *["z"] * zooms, key)
            assert needed.display
            assert screen.alone == alone
            await press(driver, screen, "escape", *["escape"] * alone)
            assert not screen.alone
            assert screen.plays.play is None


async def test_others_together_have_a_bar_as_long_as_they_are_probable(drive: Drive) -> None:
    async with staged(drive, prefix="It is") as (driver, screen):
        await press(driver, screen, "a", "1", "enter")
        rows = screen.panes.bars.view.rows
        assert rows[-1].token is None
        lengths = {}
        for place, row in enumerate(rows):
            y = sum(screen.panes.bars.heights()[:place])
            text = screen.panes.bars.render_line(y).text
            lengths[place] = sum(text.count(sign) for sign in "█▉▊▋▌▍▎▏")
            assert row.raw > 0
        longest = max(range(len(rows)), key=lambda place: rows[place].raw)
        for place, row in enumerate(rows):
            assert abs(lengths[place] - row.raw / rows[longest].raw * lengths[longest]) <= 1.5


async def test_an_error_goes_with_what_it_was_about_and_what_is_taken_back_no_longer_counts(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        await press(driver, screen, "a", *["1", "space"] * 6, "enter", *["backspace"] * 3)
        told = await press(driver, screen, "enter")
        assert "letters" not in told["line"]
        await press(driver, screen, "space", "space", "a", "1", "enter", "space", "space")
        assert len(driver.exploration.score.guesses) == 2
        await press(driver, screen, "u")
        assert len(driver.exploration.score.guesses) == 1
        await press(driver, screen, "u")
        assert len(driver.exploration.score.guesses) == 0


async def test_undo_takes_back_the_token_that_is_on_its_way_and_no_other(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        await press(driver, screen, *["space"] * 4)
        length = len(driver.tree)
        await press(driver, screen, *["space"] * 3)
        assert screen.describe()["phase"] == "coin"
        told = await press(driver, screen, "u")
        assert (len(driver.tree), told["phase"]) == (length, None)


async def test_letters_typed_before_there_are_answers_are_nothing(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        for key, typed in (("v", "g"), ("a", "g")):
            await press(driver, screen, key)
            play = known(screen.plays.play)
            play.answers = ()  # as while the network computes
            screen.plays.type(typed)
            assert play.said == ""
            await press(driver, screen, "escape")


async def test_redo_while_a_token_is_on_its_way_is_redo(drive: Drive) -> None:
    async with staged(drive) as (driver, screen):
        await press(driver, screen, *["space"] * 4)
        ids = driver.tree.ids()
        await press(driver, screen, "u", *["space"] * 3)
        assert screen.describe()["phase"] == "coin"
        await press(driver, screen, "ctrl+r")
        assert driver.tree.ids() == ids
