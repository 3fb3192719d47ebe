"""What a person does in the playground, by key and by mouse."""

import numpy as np
import pytest
from textual.events import MouseScrollUp
from textual.geometry import Offset

from engine.sampling import coin
from engine.sampling.distribution import distribution
from engine.sampling.presets import find_preset
from engine.sampling.settings import CHAIN, Settings
from tui.dialogs.ask import AskScreen
from tui.playground.sampler import Sampler
from tui.playground.views.candidates import CandidateList
from tui.widgets.coin import Coin
from tui.widgets.token_text import TokenText

PROMPT = [1026, 318, 257, 3872, 5820, 453, 7333, 2004]


async def click_token(driver, index: int) -> None:
    """Clicks on a token of the text."""
    text = driver.app.query_one(TokenText)
    line = text._flow.line_of(index)
    x = sum(piece.width for piece in text._flow.lines[line] if piece.token < index)
    await driver.pilot.click(text, offset=Offset(x, line - text.scroll_offset.y))
    await driver.settled()


async def test_opens_on_the_prefix_with_candidates(drive) -> None:
    async with drive() as driver:
        assert driver.tree.ids() == PROMPT
        assert driver.exploration.cursor == 8
        assert driver.dist.rank(driver.playground.panes.view.list.selected_token) == 0
        assert all(step.surprisal is not None for step in driver.tree.steps())


async def test_a_step_flips_the_coin_of_the_next_position(drive) -> None:
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


async def test_key_presses_faster_than_the_network_are_all_granted(drive) -> None:
    async with drive() as driver:
        await driver.press(*["space"] * 10)
        assert len(driver.tree) == 18


async def test_stepping_and_running_give_the_same_stream(drive) -> None:
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
async def test_picking_at_the_first_token_in_the_middle_and_at_the_end(drive, position: int) -> None:
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
async def test_flipping_again_at_any_position_bears_a_sibling(drive, position: int) -> None:
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
async def test_branches_are_grown_as_one_batch(drive, position: int) -> None:
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
            ids = tuple(driver.tree.nodes[n].step.token for n in driver.tree.path_to(leaf))
            streams.add(ids)
            assert len(ids) == position + 20
            assert list(ids[:position]) == old[:position]
        distinct = {stream[:n] for stream in streams for n in range(position + 1, position + 21)}
        assert driver.exploration.computed - before <= len(distinct) + 2
        rolls = [driver.tree.nodes[node].step.roll for node in fresh[-4:]]
        assert rolls == list(range(rolls[0], rolls[0] + 4))
        assert driver.exploration.cursor == position


async def test_while_running_one_can_move_pick_flip_and_branch(drive) -> None:
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


async def test_picking_at_100_after_200_tokens_computes_one_and_looking_none(drive) -> None:
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


async def test_mouse_moves_flips_and_picks(drive) -> None:
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


async def test_settings_by_keys_typing_and_mouse_without_running_the_network(drive) -> None:
    async with drive() as driver:
        before, logits = driver.exploration.computed, driver.dist.logits
        await driver.press("s", "left", "left")
        assert driver.exploration.settings.temperature == 0.9
        await driver.press("0", "full_stop", "5", "enter")
        assert driver.exploration.settings.temperature == 0.5
        await driver.press("down", "down", "down", "4", "0", "enter")
        assert driver.exploration.settings == Settings(temperature=0.5, top_k=40)
        assert driver.dist.kept == 40
        assert driver.dist.logits is logits
        await driver.press("escape")
        await driver.pilot._post_mouse_events([MouseScrollUp], Sampler, offset=Offset(3, 1), button=0)
        await driver.until(lambda: driver.exploration.settings == Settings(temperature=0.55, top_k=40))
        assert driver.exploration.computed == before
        await driver.press("u", "u", "u", "u", "u")
        assert driver.exploration.settings == Settings()
        assert driver.tree.ids() == PROMPT


async def test_steps_are_switched_off_and_moved_and_say_what_they_leave(drive) -> None:
    chain = Settings(temperature=3.0, top_p=0.7)
    async with drive(settings=chain) as driver:
        sampler, computed = driver.playground.query_one(Sampler), driver.exploration.computed

        def note(name: str) -> str:
            return next(setting.note for setting in sampler._settings if setting.name == name)

        await driver.press("s")
        expected = distribution(driver.dist.logits, chain, account=True)
        kept = expected.stages[1].kept
        assert note("top_p").startswith(f"{kept:,}")
        assert f"{expected.stages[1].mass_removed:.0%}" in note("top_p")
        await driver.press("o")
        assert driver.exploration.settings.off == ("temperature",)
        assert note("temperature") == "off"
        assert driver.dist.kept < kept
        await driver.press("o", *["left_square_bracket"] * 3)
        assert driver.exploration.settings.order.index("temperature") == CHAIN.index("temperature") - 3
        assert sampler.selected == "temperature"
        await driver.press(*["right_square_bracket"] * 9)
        assert driver.exploration.settings.active() == ("top_p", "temperature")
        assert driver.dist.kept < kept
        await driver.press("home", "o")
        assert "not a step of the chain" in driver.notices()
        assert driver.exploration.computed == computed


async def test_an_own_preset_is_saved_by_name_and_deleted_from_the_palette(drive) -> None:
    async with drive() as driver:
        await driver.press("s", "left", "left", "n")
        await driver.pilot.press(*"greedy", "enter")
        assert isinstance(driver.app.screen, AskScreen)
        await driver.pilot.press(*["backspace"] * 6, *"mine", "enter")
        await driver.settled()
        assert find_preset("mine").settings == Settings(temperature=0.9)
        assert [preset.name for preset in driver.app.workspace.presets][-1] == "mine"
        commands = {command.title: command for command in driver.app.get_system_commands(driver.app.screen)}
        commands["delete preset mine"].callback()
        await driver.until(lambda: driver.app.workspace.presets[-1].shipped)


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("temperature", "-3", "out of range"),
        ("temperature", "..", "not a number"),
        ("top_k", "1.5", "whole number"),
        ("top_p", "9", "0 to 1"),
        ("seed", "-1", "not a seed"),
        ("seed", "9" * 30, "out of range"),
        ("speed", "0", "not a speed"),
        ("banned", "9999", "ids are 0 to 8192"),
        ("logit_bias", "5", "not a list"),
        ("branch_length", "0", "1 to 1000"),
        ("coin", "1", "change this one"),
    ],
)
async def test_bad_values_are_refused_in_one_line(drive, name: str, typed: str, said: str) -> None:
    async with drive() as driver:
        view = driver.tree.view
        driver.playground.query_one(Sampler).post_message(Sampler.Typed(name, typed))
        await driver.until(lambda: said in driver.notices())
        assert driver.tree.view == view


async def test_every_setting_steps_up_and_down(drive) -> None:
    async with drive() as driver:
        sampler = driver.playground.query_one(Sampler)
        for setting in list(sampler._settings):
            for direction in (1, 1, -1, -1, -1, 1):
                sampler.post_message(Sampler.Changed(setting.name, direction))
        await driver.settled()
        assert driver.dist.final.sum() == pytest.approx(1)


async def test_bans_and_biases_from_the_candidates(drive) -> None:
    async with drive() as driver:
        first = driver.playground.panes.view.list.selected_token
        await driver.press("x")
        assert driver.exploration.settings.banned == (first,)
        assert driver.dist.removed_by(first) == "banned"
        await driver.press("u", "plus", "plus", "minus")
        assert driver.exploration.settings.logit_bias[0][1] == 1.0


async def test_presets_go_round(drive) -> None:
    async with drive() as driver:
        seen = set()
        for _ in range(8):
            await driver.press("p")
            seen.add(driver.exploration.settings)
        assert len(seen) >= 6


async def test_undo_and_redo_of_a_whole_session(drive) -> None:
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


async def test_search_finds_tokens_by_text_and_by_id(drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("slash")
        await driver.pilot.press(*"mother")
        await driver.pilot.pause()
        names = driver.playground.panes.view
        assert "mother" in names.name_of(names.list.selected_token)
        await driver.press("enter")
        assert "mother" in driver.exploration.name(driver.tree.step(8).token)
        await driver.pilot.press("slash", *"860")
        await driver.pilot.pause()
        assert names.list.selected_token == 860
        await driver.press("escape")
        assert not names.searching
        await driver.pilot.press("slash", *"zzzzqq")
        await driver.pilot.pause()
        assert names.list.selected_token is None
        await driver.press("escape")


async def test_candidates_scroll_to_any_rank(drive) -> None:
    async with drive() as driver:
        candidates = driver.playground.panes.view
        candidates.action_row(5000)
        await driver.pilot.pause()
        assert driver.dist.rank(candidates.list.selected_token) == 5000
        candidates.action_row(10**6)
        await driver.pilot.pause()
        assert driver.dist.rank(candidates.list.selected_token) == 8192


async def test_gumbel_coin(drive) -> None:
    async with drive(coin="gumbel") as driver:
        before = driver.dist
        await driver.press("space")
        step = driver.tree.step(8)
        luck = coin.gumbel_uniforms(7, 8, 0, 8193)
        assert step.token == coin.choose_gumbel(before.final, luck)
        assert step.u == luck[step.token]


async def test_heat_modes_go_round(drive) -> None:
    async with drive() as driver:
        modes = []
        for _ in range(5):
            await driver.press("h")
            modes.append(driver.app.workspace.preferences.heat)
        assert sorted(modes) == ["entropy", "off", "probability", "surprisal", "verbatim"]
        assert modes[-1] == "surprisal"


async def test_words_lines_and_ends(drive) -> None:
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


async def test_the_tree_pane_goes_to_branches(drive) -> None:
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


async def test_past_the_context_the_window_is_shown(drive) -> None:
    async with drive() as driver:
        await driver.grow(530)
        assert driver.exploration.window(driver.exploration.cursor) == 256
        text = driver.playground.panes.text
        assert text._window == 256
        await driver.press("home")
        assert text._window == 0


async def test_the_end_of_a_text_stops_a_run(drive) -> None:
    async with drive(settings=Settings(logit_bias=((8192, 100.0),))) as driver:
        await driver.pilot.press("g")
        await driver.until(lambda: "ended with" in driver.notices())
        await driver.settled()
        assert driver.tree.ids()[-1] == 8192


async def test_ids_as_a_prefix(drive) -> None:
    async with drive(ids=[91, 860, 287]) as driver:
        assert driver.tree.ids() == [91, 860, 287]


async def test_an_empty_prefix_starts_from_the_end_of_a_text(drive) -> None:
    async with drive(prefix=None) as driver:
        assert driver.tree.ids() == [8192]
        await driver.press("space")
        assert len(driver.tree) == 2


async def test_what_was_seen_stays_when_settings_change(drive) -> None:
    async with drive() as driver:
        await driver.press("space")
        step = driver.tree.step(8)
        await driver.press("p")
        assert driver.tree.step(8) == step
        assert driver.dist.settings != step.settings
        assert np.count_nonzero(driver.dist.final) == 1  # the preset after pure is greedy
