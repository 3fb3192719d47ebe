"""What a person does in the playground, by key and by mouse."""

from __future__ import annotations

import numpy as np
import pytest
from textual.geometry import Offset

from gpt2_remix.engine.sampling import coin
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.playground.views.candidates import CandidateList
from gpt2_remix.tui.widgets.coin import Coin
from gpt2_remix.tui.widgets.token_text import TokenText
from tests.kinds import known
from tests.tui.conftest import Drive, Driver

PROMPT = [1026, 318, 257, 3872, 5820, 453, 7333, 2004]


async def click_token(driver: Driver, index: int) -> None:
    """Click on a token of the text."""
    text = driver.app.query_one(TokenText)
    x, y = text.offset_of(index)
    await driver.pilot.click(text, offset=Offset(x, y - text.scroll_offset.y))
    await driver.settled()


async def test_opens_on_the_prefix_with_candidates(drive: Drive) -> None:
    async with drive() as driver:
        assert driver.tree.ids() == PROMPT
        assert driver.exploration.cursor == 8
        assert driver.dist.rank(known(driver.view.list.selected_token)) == 0
        assert all(step.surprisal is not None for step in driver.tree.steps())


async def test_a_step_flips_the_coin_of_the_next_position(drive: Drive) -> None:
    async with drive() as driver:
        before = driver.dist
        await driver.press("space")
        step = driver.tree.step(8)
        assert step.u == coin.interval_chance(7, 8, 0)
        assert step.token == coin.choose_interval(before.final, step.u)
        assert (step.origin, step.roll, step.seed) == ("sampled", 0, 7)
        assert driver.exploration.cursor == 8
        await driver.press("space", "space", "space")
        assert len(driver.tree) == 12
        assert driver.exploration.cursor == 11


async def test_key_presses_faster_than_the_network_are_all_granted(drive: Drive) -> None:
    async with drive() as driver:
        driver.playground.exploration.use_network(
            driver.exploration.network, driver.info, known(driver.exploration.tokenizer))  # nothing is known any more
        for _ in range(10):
            driver.playground.choosing.step()
        assert len(driver.tree) == 8
        assert driver.playground.describe()["pending"] == 10
        await driver.settled()
        assert len(driver.tree) == 18


async def test_stepping_and_running_give_the_same_stream(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press(*["space"] * 12)
        stepped = driver.tree.ids()
        await driver.press(*["u"] * 12)
        assert driver.tree.ids() == PROMPT
        nodes = len(driver.tree.nodes)
        await driver.grow(12)
        assert driver.tree.ids(20) == stepped
        assert len(driver.tree.nodes) == nodes + len(driver.tree) - 20


@pytest.mark.parametrize("position", [0, 3, 8, 14, 19, 20])
async def test_picking_at_the_first_token_in_the_middle_and_at_the_end(drive: Drive, position: int) -> None:
    async with drive() as driver:
        await driver.steps(12)
        old = driver.tree.ids()
        driver.playground.cursor.move_to(position)
        await driver.press("down", "down")
        token = driver.playground.panes.view.list.selected_token
        await driver.press("enter")
        assert driver.tree.ids() == [*old[:position], token]
        assert driver.tree.step(position).origin == "picked" or token == old[position]
        assert driver.exploration.cursor == position + 1
        if position < 20:
            await driver.press("left", "left_square_bracket")
            assert driver.tree.ids() == old


@pytest.mark.parametrize("position", [0, 3, 8, 14, 19])
async def test_flipping_again_at_any_position_bears_a_sibling(drive: Drive, position: int) -> None:
    async with drive() as driver:
        await driver.steps(12)
        old = driver.tree.ids()
        driver.playground.cursor.move_to(position)
        await driver.settled()
        first = driver.tree.next_roll(position)
        await driver.press("r", "r")
        step = driver.tree.step(position)
        assert step.roll == first + 1
        assert step.u == coin.interval_chance(7, position, first + 1)
        assert step.token == coin.choose_interval(driver.dist.final, step.u)
        assert driver.tree.ids() == [*old[:position], step.token]
        assert driver.exploration.cursor == position
        assert len(driver.tree.siblings(position)) == 3
        await driver.press("right_square_bracket")
        assert driver.tree.ids() == old


@pytest.mark.parametrize("position", [0, 8, 20])
async def test_branches_are_grown_as_one_batch(drive: Drive, position: int) -> None:
    async with drive() as driver:
        await driver.steps(12)
        old = driver.tree.ids()
        driver.playground.cursor.move_to(position)
        await driver.settled()
        before = driver.exploration.computed
        await driver.press("4", "b")
        fresh = driver.tree.siblings(position)
        assert len(fresh) == (4 if position == 20 else 5)
        streams = set()
        for node in fresh[-4:]:
            leaf = driver.tree.leaf_below(node)
            ids = tuple(driver.step_of(n).token for n in driver.tree.path_to(leaf))
            streams.add(ids)
            assert len(ids) == position + 20
            assert list(ids[:position]) == old[:position]
        distinct = {stream[:n] for stream in streams for n in range(position + 1, position + 21)}
        assert driver.exploration.computed - before <= len(distinct) + 2
        assert [(driver.step_of(node).seed, driver.step_of(node).roll) for node in fresh[-4:]] == [
            (8, 0), (9, 0), (10, 0), (11, 0)]
        assert driver.exploration.cursor == position


async def test_each_branch_has_luck_of_its_own(drive: Drive) -> None:
    """At a low temperature three branches had the luck of the seed after their first token, and were all the same."""
    async with drive(settings=Settings(temperature=0.7)) as driver:
        tree = driver.tree
        for _ in range(2):
            await driver.press("end", "3", "b")
            tree.change(head=driver.tree.parent_of(8))
        texts = {tuple(driver.step_of(n).token for n in tree.path_to(leaf)) for leaf in tree.leaves()}
        assert len(texts) == 6
        seeds = [{driver.step_of(n).seed for n in tree.path_to(leaf)[8:]} for leaf in tree.leaves()]
        assert seeds == [{8}, {9}, {10}, {11}, {12}, {13}]
        # What is appended to one has its luck too; flipping again keeps the seed and raises the roll.
        tree.go(tree.leaves()[4])
        await driver.press("end", "space", "r")
        assert [(step.seed, step.roll) for step in tree.steps(27)] == [(12, 0), (12, 1)]
        await driver.press("left_square_bracket")
        assert tree.step(len(tree) - 1).roll == 0
        tree.go(tree.leaves()[1])
        await driver.press("end", "space")
        assert tree.step(len(tree) - 1).seed == 9
        # A seed that a person chose holds until another branch is shown.
        tree.change(seed=5000)
        await driver.press("space", "end", "enter", "space")
        assert [step.seed for step in tree.steps(len(tree) - 3)] == [5000, None, 5000]
        tree.undo()
        assert tree.view.seed == 5000


async def test_a_coin_that_falls_on_the_same_token_again_says_so(drive: Drive) -> None:
    async with drive(settings=Settings(top_k=1)) as driver:
        await driver.press("space")
        for roll in range(1, 4):
            await driver.press("r")
            shown = driver.app.export_screenshot()
            assert f"again,&#160;roll&#160;{roll}" in shown
        driver.playground.cursor.move_to(3)
        await driver.settled()
        assert "again,&#160;roll" not in driver.app.export_screenshot()


async def test_while_running_one_can_move_pick_flip_and_branch(drive: Drive) -> None:
    async with drive(speed=200.0) as driver:
        await driver.pilot.press("g")
        await driver.until(lambda: len(driver.tree) > 20)
        await driver.tap("home", "right", "right")
        await driver.until(lambda: driver.exploration.cursor == 2)
        grown = len(driver.tree)
        await driver.until(lambda: len(driver.tree) > grown + 3)
        assert driver.exploration.cursor == 2
        await driver.tap("r")
        await driver.until(lambda: driver.tree.step(2).origin == "sampled" and len(driver.tree) > 6)
        assert driver.playground.activity.running
        assert driver.exploration.cursor == 2
        await driver.tap("down", "down", "enter")
        await driver.until(lambda: driver.tree.step(2).origin == "picked" and len(driver.tree) > 6)
        assert driver.playground.activity.running
        await driver.tap("2", "b")
        await driver.until(lambda: driver.tree.leaf_count >= 4)
        await driver.settled()


async def test_picking_at_100_after_200_tokens_computes_one_and_looking_none(drive: Drive) -> None:
    async with drive() as driver:
        await driver.grow(200)
        before = driver.exploration.computed
        for position in range(1, len(driver.tree), 7):
            driver.playground.cursor.move_to(position)
            await driver.settled()
        driver.playground.cursor.move_to(100)
        await driver.settled()
        assert driver.exploration.computed == before
        await driver.press("down", "enter")
        assert driver.exploration.computed == before + 1
        await driver.press("left", "left_square_bracket", "end", "left", "u", "u")
        assert driver.exploration.computed == before + 1


async def test_mouse_moves_flips_and_picks(drive: Drive) -> None:
    async with drive() as driver:
        await driver.steps(12)
        for index in (0, 4, 15, 19):
            await click_token(driver, index)
            assert driver.exploration.cursor == index
        await driver.pilot.click(Coin)
        await driver.settled()
        assert driver.tree.step(19).roll == 1
        await driver.pilot.click(CandidateList, offset=Offset(5, 4))
        third = driver.playground.panes.view.list.selected_token
        assert driver.dist.order(4)[3] == third
        await driver.pilot.click(CandidateList, offset=Offset(5, 4), times=2)
        await driver.settled()
        assert driver.tree.step(19).token == third
        await driver.pilot.click("#heat", offset=Offset(2, 0))
        await driver.settled()
        assert driver.exploration.cursor == 2


async def test_undo_and_redo_of_a_whole_session(drive: Drive) -> None:
    async with drive() as driver:
        views = [driver.tree.view]
        for keys in (["space"], ["r"], ["2", "b"], ["p"], ["home", "down", "enter"]):
            await driver.press(*keys)
        last = driver.tree.ids()
        while driver.tree.can_undo:
            await driver.press("u")
        assert driver.tree.view == views[0]
        assert driver.tree.ids() == PROMPT
        while driver.tree.can_redo:
            await driver.press("ctrl+r")
        assert driver.tree.ids() == last


async def test_gumbel_coin(drive: Drive) -> None:
    async with drive(coin="gumbel") as driver:
        before = driver.dist
        await driver.press("space")
        step = driver.tree.step(8)
        luck = coin.gumbel_uniforms(7, 8, 0, 8193)
        assert step.token == coin.choose_gumbel(before.final, luck)
        assert step.u == luck[step.token]


async def test_heat_modes_go_round(drive: Drive) -> None:
    async with drive() as driver:
        modes = []
        for _ in range(6):
            await driver.press("h")
            modes.append(driver.app.workspace.preferences.heat)
        assert sorted(modes) == ["entropy", "forks", "off", "probability", "surprisal", "verbatim"]
        assert modes[-1] == "surprisal"


async def test_words_lines_and_ends(drive: Drive) -> None:
    async with drive() as driver:
        await driver.grow(60)
        await driver.press("home")
        assert driver.exploration.cursor == 0
        await driver.press("ctrl+right", "ctrl+right")
        assert driver.exploration.cursor == 2
        await driver.press("ctrl+left")
        assert driver.exploration.cursor == 1
        await driver.press("shift+down")
        assert driver.exploration.cursor > 4
        await driver.press("shift+up")
        assert driver.exploration.cursor <= 2
        await driver.press("end")
        assert driver.exploration.cursor == len(driver.tree)


async def test_the_tree_pane_goes_to_branches(drive: Drive) -> None:
    async with drive(size=(120, 36)) as driver:
        await driver.press("space", "space", "space", "left", "left", "r")
        short = driver.tree.ids()
        await driver.press("t")
        await driver.pilot.press("up")
        await driver.press("enter")
        assert driver.tree.ids() != short
        assert len(driver.tree) == 11
        await driver.press("t")
        assert not driver.playground.query_one("#branches").display


async def test_past_the_context_the_window_is_shown(drive: Drive) -> None:
    async with drive() as driver:
        await driver.grow(530)
        assert driver.exploration.window(driver.exploration.cursor) == 256
        text = driver.playground.panes.text
        assert text.window == 256
        await driver.press("home")
        assert text.window == 0


async def test_the_end_of_a_text_stops_a_run(drive: Drive) -> None:
    async with drive(settings=Settings(logit_bias=((8192, 100.0),))) as driver:
        await driver.pilot.press("g")
        await driver.until(lambda: "ended with" in driver.notices())
        await driver.settled()
        assert driver.tree.ids()[-1] == 8192


async def test_ids_as_a_prefix(drive: Drive) -> None:
    async with drive(ids=[91, 860, 287]) as driver:
        assert driver.tree.ids() == [91, 860, 287]


async def test_an_empty_prefix_starts_from_the_end_of_a_text(drive: Drive) -> None:
    async with drive(prefix=None) as driver:
        await driver.press("escape")
        assert driver.tree.ids() == [8192]
        await driver.press("space")
        assert len(driver.tree) == 2


async def test_what_was_seen_stays_when_settings_change(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("space")
        step = driver.tree.step(8)
        await driver.press("p")
        assert driver.tree.step(8) == step
        assert driver.dist.settings != step.settings
        assert np.count_nonzero(driver.dist.final) == 1  # the preset after pure is greedy


async def test_the_others_are_counted_whenever_other_rows_are_in_view(drive: Drive) -> None:
    async with drive() as driver:
        panel = driver.playground.panes.view.list

        async def counted() -> str:
            await driver.settled()
            await driver.until(lambda: panel.border_subtitle == panel.summary())
            return str(panel.border_subtitle)

        at_first = await counted()
        await driver.press("slash", *"qqzz")
        assert await counted() != at_first
        await driver.press("escape")
        assert await counted() == at_first
        await driver.press("s")
        assert await counted() != at_first  # the settings take rows
        await driver.press("escape")
        assert await counted() == at_first


async def test_the_coin_of_an_undone_flip_is_the_one_that_space_flips(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("space", "r", "u", "u")
        assert "roll 0" in str(driver.playground.panes.coin.border_subtitle)
        await driver.press("space")
        step = driver.tree.step(len(driver.tree) - 1)
        assert step.roll == 0


async def test_ctrl_c_copies_what_is_marked_and_closes_what_is_open(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with drive() as driver:
        monkeypatch.setattr("gpt2_remix.tui.app.TWICE", 0.0)  # no second one comes in time
        await driver.pilot.press("ctrl+c")
        assert "once more quits" in driver.workspace.said
        await driver.pilot.press("m")
        await driver.pilot.press("ctrl+c")
        await driver.settled()
        assert driver.app.screen is driver.playground
        await driver.pilot.press("slash")
        await driver.type("truth")
        await driver.pilot.press("shift+home", "ctrl+c")
        assert driver.app.clipboard == "truth"
        assert driver.app.is_running
