"""What if: other settings, another token, another prefix, and the same luck."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static, TextArea

from gpt2_remix.engine.generation.step import Hindsight
from gpt2_remix.engine.generation.what_if import what_if
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.coin import choose_gumbel, choose_interval, gumbel_uniforms, interval_chance
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.replay import replay
from gpt2_remix.engine.session.store import read
from gpt2_remix.tui.dialogs.token import TokenScreen
from gpt2_remix.tui.dialogs.what_if import WhatIfScreen
from gpt2_remix.tui.state.lanes import LaneOptions
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
        await driver.until(lambda: "of 20 otherwise" in driver.playground.status)
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


async def test_another_token_in_the_prefix_takes_luck_in_hindsight(drive: Drive) -> None:
    """Given tokens after it have luck that was drawn for them, sampled ones keep their own coin."""
    async with drive() as driver:
        await driver.steps(6)
        old, steps = driver.tree.ids(), driver.tree.steps()
        driver.playground.cursor.move_to(3)
        await driver.settled()
        await driver.pilot.press("down", "down")
        token = driver.playground.panes.view.list.selected_token
        await driver.pilot.press("w", "down", "enter")
        await driver.until(lambda: driver.comparing)
        await driver.lanes_settled()
        first, second = driver.compare.comparison.lanes
        assert list(first.prefix) + first.new_ids == old
        assert list(second.prefix) == old[:3]
        assert (second.steps[0].token, second.steps[0].origin) == (token, "picked")
        for step in second.steps[1:5]:
            question = known(step.hindsight)
            assert (question.ids, question.prompt, question.seed) == (tuple(old), 3, 7)
        assert [(step.u, step.coin) for step in second.steps[5:11]] == [(step.u, step.coin) for step in steps[8:14]]


@pytest.mark.parametrize("again", [0, 2])
async def test_a_sentence_that_no_model_wrote(drive: Drive, tmp_path: Path, again: int) -> None:
    """In the app as by the command; kept, it is in the session and replays."""
    path = tmp_path / "a.remix"
    async with drive(prefix="The quick brown fox jumps over the lazy dog", session=path) as driver:
        ids = driver.tree.ids()
        driver.playground.cursor.move_to(5)
        await driver.settled()
        await driver.pilot.press("down", "down", "down", "w")
        screen = driver.on(WhatIfScreen)
        assert "luck in hindsight" in "".join(str(hint.render()) for hint in screen.query(".hint").results(Static))
        for _ in range(again):  # another seed of it
            await driver.pilot.press("up", "enter", "down")
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.comparing)
        await driver.lanes_settled()
        first, second = driver.compare.comparison.lanes
        token = second.steps[0].token
        question = Hindsight(tuple(ids), 5, Settings(), 7 + again)
        *_, found = what_if(driver.backend, question, known(driver.exploration.tokenizer), change={5: token})
        assert [*second.prefix, *second.new_ids] == found.ids
        assert [*first.prefix, *first.new_ids] == ids
        await driver.pilot.press("end", "k", "c")
        await driver.settled()
        kept = [node.step for node in driver.tree.nodes if node.step is not None and node.step.hindsight is not None]
        assert len(kept) == len(found.ids) - 6
        driver.playground.cursor.move_to(7)
        await driver.press("right")
    *_, told = replay(driver.backend, read(path).tree, known(driver.exploration.tokenizer), {0})
    assert (told.replayed, told.different, told.impossible) == (len(kept), [], 0)


async def test_luck_that_cannot_be_is_told(drive: Drive) -> None:
    async with drive(prefix="The quick brown fox jumps over", settings=Settings(top_k=3)) as driver:
        driver.playground.cursor.move_to(2)
        await driver.settled()
        await driver.pilot.press("down", "w", "enter")
        await driver.until(lambda: driver.comparing)
        await driver.lanes_settled()
        assert "no luck can have chosen what stands at" in driver.notices()


async def test_luck_for_a_text_that_is_gone_answers_nothing(drive: Drive) -> None:
    """It crashed the app, or laid the new text beside the old one's luck."""
    async with drive(ids=list(range(100, 400))) as driver:
        driver.playground.cursor.move_to(3)
        await driver.settled()
        driver.playground.what_if.another_token(3, 287)
        assert driver.playground.activity.waiting_for
        driver.playground.places.use_prefix([1026, 373])
        await driver.settled()
        assert not driver.comparing
        assert driver.playground.activity.waiting_for == ""
        assert driver.tree.ids() == [1026, 373]


async def test_a_picked_token_keeps_what_it_would_have_with_nothing_changed(drive: Drive) -> None:
    """The question's prompt was another one than the lane's, from which penalties count."""
    settings = Settings(frequency_penalty=1.5, presence_penalty=1.0)
    async with drive(prefix="the the the", settings=settings) as driver:
        await driver.steps(2)
        for _ in range(3):  # picks of a token that was generated before
            await driver.press("end", "down", "enter")
        ids, prompt = driver.tree.ids(), driver.tree.prompt_length()
        driver.playground.what_if.other_settings(LaneOptions(settings))
        await driver.until(lambda: driver.comparing)
        await driver.lanes_settled()
        second = driver.compare.comparison.lanes[1]
        assert [*second.prefix, *second.new_ids] == ids
        assert {known(step.hindsight).prompt for step in second.steps if step.hindsight is not None} == {prompt}
        await driver.pilot.press("c")
        await driver.settled()
        driver.playground.cursor.move_to(prompt + 1)
        await driver.settled()
        driver.playground.what_if.another_token(prompt + 1, ids[prompt + 1])
        await driver.until(lambda: driver.comparing)
        await driver.lanes_settled()
        second = driver.compare.comparison.lanes[1]
        assert [*second.prefix, *second.new_ids] == ids


async def test_the_dialog_says_where_luck_is_drawn_in_hindsight(drive: Drive) -> None:
    async with drive() as driver:
        await driver.steps(3)
        await driver.press("left", "left")
        await driver.press("down", "down", "down", "enter")
        await driver.press("space", "space", "end")
        assert [step.origin for step in driver.tree.steps(8)].count("picked") == 1
        await driver.pilot.press("w")
        hints = driver.on(WhatIfScreen).query(".hint").results(Static)
        assert "luck in hindsight" in "".join(str(hint.render()) for hint in hints)
        await driver.pilot.press("escape")


async def test_other_settings_for_a_text_that_was_only_given(drive: Drive) -> None:
    async with drive(prefix="The quick brown fox jumps over") as driver:
        ids = driver.tree.ids()
        driver.playground.what_if.other_settings(LaneOptions(Settings(temperature=0.5)))
        await driver.until(lambda: driver.comparing)
        await driver.lanes_settled()
        question = Hindsight(tuple(ids), 1, Settings(), 0)
        *_, found = what_if(driver.backend, question, known(driver.exploration.tokenizer), to=Settings(temperature=0.5))
        second = driver.compare.comparison.lanes[1]
        assert [*second.prefix, *second.new_ids] == found.ids


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
