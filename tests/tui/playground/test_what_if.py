"""What if: other settings, another token, another prefix, and the same luck."""

from __future__ import annotations

import pytest
from textual.widgets import TextArea

from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.coin import choose_gumbel, choose_interval, gumbel_uniforms, interval_chance
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.dialogs.token import TokenScreen
from gpt2_remix.tui.dialogs.what_if import WhatIfScreen
from tests.kinds import known
from tests.tui.conftest import Drive
from tests.tui.helpers import alone


async def test_marks_name_the_tokens_that_other_settings_would_not_have_chosen(drive: Drive) -> None:
    async with drive() as driver:
        await driver.steps(20)
        backend, computed = driver.backend, driver.exploration.computed
        settings = Settings(temperature=0.6, top_k=30)
        driver.playground.sampling.change_settings(settings)
        await driver.press("w")
        assert isinstance(driver.app.screen, WhatIfScreen)
        await driver.pilot.press("enter")
        marks = driver.playground.what_if.marks
        await driver.until(lambda: marks is not driver.playground.what_if.marks or len(marks.chosen) == 20 or
                           len(driver.playground.what_if.marks.chosen) == 20)
        chosen = driver.playground.what_if.marks.chosen
        assert backend.computed == computed
        ids, kinds = driver.tree.ids(), [cell.kind for cell in driver.playground.panes.text.cells]
        for position in range(8, 28):
            dist = distribution(backend.logits([ids[:position]])[0], settings)
            token = choose_interval(dist.final, interval_chance(7, position, 0))
            assert chosen[driver.tree.path[position]] == token
            assert kinds[position] == ("sampled" if token == ids[position] else "otherwise")
        assert "otherwise" in kinds
        assert "of 20 otherwise" in driver.playground.status
        driver.playground.sampling.change_settings(Settings())
        await driver.settled()
        assert len(driver.playground.what_if.marks.chosen) == 20
        assert "what if: 0 of 20" in driver.playground.status
        await driver.press("space")
        await driver.until(lambda: len(driver.playground.what_if.marks.chosen) == 21)
        await driver.press("w")
        await driver.pilot.press("enter")
        assert not driver.playground.what_if.marks.on


@pytest.mark.parametrize("coin", ["interval", "gumbel"])
async def test_another_token_and_then_the_same_luck(drive: Drive, coin: str) -> None:
    async with drive(coin=coin) as driver:
        await driver.steps(12)
        old, steps = driver.tree.ids(), driver.tree.steps()
        driver.playground.cursor.move_to(11)
        await driver.settled()
        await driver.pilot.press("down", "down")
        token = driver.playground.panes.view.list.selected_token
        if token == old[11]:
            await driver.pilot.press("down")
            token = driver.playground.panes.view.list.selected_token
        computed = driver.exploration.computed
        await driver.pilot.press("w", "down", "enter")
        await driver.lanes_settled()
        comparison, backend = driver.compare.comparison, driver.backend
        first, second = comparison.lanes
        assert first.steps == steps[11:]
        assert second.new_ids[0] == token
        assert backend.computed - computed <= len(second.steps)
        for place, step in enumerate(second.steps[1:], start=1):
            ids = [*old[:11], *second.new_ids[:place]]
            dist = distribution(backend.logits([ids])[0], known(step.settings))
            if coin == "gumbel":
                assert step.token == choose_gumbel(dist.final, gumbel_uniforms(7, 11 + place, 0, 8193))
            else:
                assert step.token == choose_interval(dist.final, interval_chance(7, 11 + place, 0))
            assert step.u == steps[11 + place].u or coin == "gumbel"
        assert comparison.cursor == 0
        assert comparison.divergence(1).first == 0
        await driver.lane_press("space")
        assert len(first.steps) == len(second.steps) == 10


async def test_another_prefix_or_other_settings_keep_the_luck(drive: Drive, classics: Model) -> None:
    async with drive() as driver:
        await driver.steps(10)
        steps = driver.tree.steps(8)
        await driver.pilot.press("w", "down", "down", "enter")
        driver.app.screen.query_one("#as-text", TextArea).text = "ROMEO"
        await driver.pilot.pause()
        await driver.pilot.press("ctrl+s")
        await driver.lanes_settled()
        second = driver.compare.comparison.lanes[1]
        prefix = classics.tokenizer.encode("ROMEO")
        assert second.prefix == prefix
        assert second.new_ids == alone(classics, Settings(), prefix, count=10, offset=8 - len(prefix))
        assert [step.u for step in second.steps] == [step.u for step in steps]
        await driver.pilot.press("c")
        await driver.settled()
        await driver.pilot.press("w", *["down"] * 3, "enter")
        await driver.type("0.8")
        await driver.pilot.press("enter", "enter")
        await driver.lanes_settled()
        second = driver.compare.comparison.lanes[1]
        assert second.new_ids == alone(classics, Settings(temperature=0.8), driver.tree.ids(8), count=10)


async def test_another_token_in_the_prefix(drive: Drive) -> None:
    async with drive() as driver:
        await driver.steps(6)
        old = driver.tree.ids()
        driver.playground.cursor.move_to(3)
        await driver.settled()
        token = driver.playground.panes.view.list.selected_token
        await driver.pilot.press("w", "down", "enter")
        await driver.lanes_settled()
        first, second = driver.compare.comparison.lanes
        assert list(first.prefix) + first.new_ids == old
        assert second.prefix == [*old[:3], token, *old[4:8]]
        assert [step.u for step in second.steps] == [step.u for step in first.steps]


async def test_another_token_without_leaving(drive: Drive) -> None:
    """w said to leave, go to a token, and select one there first."""
    async with drive() as driver:
        await driver.steps(6)
        old = driver.tree.ids()
        await driver.pilot.press("w", "down", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, TokenScreen))
        assert "at 13" in driver.on(TokenScreen).title_words
        await driver.pilot.press("ctrl+left")
        await driver.until(lambda: "at 12" in driver.on(TokenScreen).title_words)
        await driver.pilot.press(*"queen", "enter")
        await driver.lanes_settled()
        first, second = driver.compare.comparison.lanes
        assert [*first.prefix, *first.new_ids] == old
        assert "queen" in driver.decode(second.new_ids[:1]).lower()
        assert driver.compare.comparison.base + len(second.prefix) - len(first.prefix) == 12
        await driver.pilot.press("home", "right", "w")  # and another one, from there
        await driver.until(lambda: isinstance(driver.app.screen, TokenScreen))
        assert "at 13" in driver.on(TokenScreen).title_words
        await driver.pilot.press("down", "up", "enter")
        await driver.lanes_settled()
        await driver.pilot.press("c")
        await driver.settled()
        assert driver.tree.ids() == old
