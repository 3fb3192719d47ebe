"""A stream goes on with the state that it has, whichever action takes it on: what it would give in one piece."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from gpt2_remix.engine.compare.lanes import LaneStart, run_together
from gpt2_remix.engine.compare.repeats import repeat
from gpt2_remix.engine.generation.lane import lane_at
from gpt2_remix.engine.generation.stream import Prefix
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.compare.repeat import RepeatScreen
from gpt2_remix.tui.state.lanes import LaneOptions
from tests.kinds import known
from tests.tui.conftest import Drive, Driver

STEERED = Settings(mirostat_tau=3.0, mirostat_eta=0.5)
PRESENT = Settings(presence_penalty=3.0)


def in_one_piece(model: Model, prompt: list[int], settings: Settings, count: int) -> list[int]:
    lane = lane_at(Prefix(prompt), len(prompt), settings, seed=7, limit=count)
    for _ in run_together(model.backend, [lane], model.tokenizer):
        pass
    return lane.tokens


async def set_settings(driver: Driver, settings: Settings) -> None:
    driver.playground.sampling.change_settings(settings)
    await driver.settled()


@pytest.mark.parametrize("settings", [STEERED, PRESENT], ids=["mirostat", "presence"])
async def test_branches_and_the_newest_token_have_the_streams_state(
    drive: Drive, classics: Model, settings: Settings
) -> None:
    """b left out prompt, offset and mu, and so did what was kept of the newest token's distribution."""
    async with drive() as driver:
        prompt = driver.tree.ids()
        whole = in_one_piece(classics, prompt, settings, 30)
        await set_settings(driver, settings)
        await driver.steps(6)
        grown = len(driver.tree)
        lane = lane_at(driver.tree, grown, settings, seed=8, limit=21)
        for _ in run_together(classics.backend, [lane], classics.tokenizer):
            pass
        await driver.press("space", "space")
        assert driver.tree.ids() == whole[: grown + 2]
        driver.playground.cursor.move_to(grown)
        await driver.press("1", "b")
        await driver.until(lambda: len(driver.tree) == grown + 20)
        await driver.press("end", "space")
        assert driver.tree.ids() == lane.tokens
        for position in (len(prompt) + 2, len(driver.tree) - 1):
            step = driver.tree.step(position)
            found = known(driver.exploration.distribution(position))
            assert float(found.final[step.token]) == pytest.approx(known(step.p_final), abs=1e-6)


async def test_lanes_in_mid_stream_give_what_the_stream_gives(drive: Drive, classics: Model) -> None:
    """Mirostat began anew in them; and what if with nothing changed gave another stream."""
    async with drive() as driver:
        prompt = driver.tree.ids()
        whole = in_one_piece(classics, prompt, STEERED, 20)
        await set_settings(driver, STEERED)
        await driver.steps(8)
        await driver.pilot.press("end", "c")
        await driver.lanes_settled()
        driver.compare.lanes.change(driver.compare.comparison.lanes[0], LaneOptions(STEERED))
        await driver.lanes_settled()
        await driver.lane_press("space", "space", "space", "space")
        assert driver.compare.comparison.lanes[0].new_ids == whole[len(prompt) + 8 :][:4]
        await driver.pilot.press("escape")
        await driver.settled()
        driver.playground.what_if.other_settings(LaneOptions(STEERED))
        await driver.until(lambda: driver.comparing)
        await driver.lanes_settled()
        first, second = driver.compare.comparison.lanes
        assert second.new_ids == first.new_ids == whole[len(prompt) :][:8]
        await driver.lane_press("space", "space")
        assert second.new_ids == first.new_ids == whole[len(prompt) :][:10]


async def test_a_repeat_in_mid_stream_has_its_prompt_and_the_lanes_own_seeds(drive: Drive, classics: Model) -> None:
    async with drive(size=(120, 36)) as driver:
        await set_settings(driver, PRESENT)
        await driver.steps(10)
        await driver.pilot.press("end", "c")
        await driver.lanes_settled()
        for lane, seed in zip(driver.compare.comparison.lanes, (None, 90), strict=True):
            driver.compare.lanes.change(lane, LaneOptions(PRESENT, None, seed))
            await driver.lanes_settled()
        await driver.pilot.press("m")
        screen = driver.on(RepeatScreen)
        screen.query_one("#seeds", Input).value = "4"
        screen.query_one("#tokens", Input).value = "6"
        await driver.pilot.press("enter")
        await driver.until(lambda: screen.progress is not None and screen.settled)
        starts = [LaneStart(driver.tree, PRESENT, seed) for seed in (7, 90)]
        *_, (expected, _, _) = repeat(classics.backend, starts, seed=7, repeats=4, limit=6,
                                      tokenizer=classics.tokenizer)
        assert expected.lanes[0][0].prompt == 8
        for ours, theirs in zip(known(known(screen.progress).table), expected.table(), strict=True):
            assert ours["mean_surprisal"] == pytest.approx(theirs["mean_surprisal"], rel=1e-4)
        assert ours["mean_surprisal"] != known(known(screen.progress).table)[0]["mean_surprisal"]


async def test_a_stream_whose_first_token_was_chosen_has_no_prompt(drive: Drive, classics: Model) -> None:
    """0 counted as false there, and all of it as the prompt."""
    async with drive() as driver:
        await set_settings(driver, PRESENT)
        await driver.press("home", "r")
        assert driver.tree.prompt_length() == 0
        await driver.press("end", *["space"] * 6)
        lane = lane_at(driver.tree, 1, PRESENT, seed=7, limit=6)
        for _ in run_together(classics.backend, [lane], classics.tokenizer):
            pass
        assert driver.tree.ids() == lane.tokens
        assert lane.prompt == 0
