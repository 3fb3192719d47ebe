"""What a person does in the compare screen, and with what-if, by key and by mouse."""

from __future__ import annotations

import pytest
from textual.events import Paste
from textual.geometry import Offset
from textual.widgets import Input, Static, TextArea

from gpt2_remix.engine.compare.lanes import LaneSpec, lane_starts
from gpt2_remix.engine.compare.repeats import repeat
from gpt2_remix.engine.compare.statistics import STATISTICS
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.coin import interval_chance
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.compare.agree import AgreeStrip
from gpt2_remix.tui.compare.host import network_of
from gpt2_remix.tui.compare.repeat import RepeatScreen
from gpt2_remix.tui.dialogs.help import HelpScreen
from gpt2_remix.tui.dialogs.lane import LaneScreen, many_lines, one_line
from gpt2_remix.tui.widgets.settings_list import SettingsList
from gpt2_remix.tui.workers.requests import RepeatRequest
from tests.kinds import known
from tests.tui.conftest import Drive
from tests.tui.helpers import alone

COLD, WARM = Settings(temperature=0.7), Settings(temperature=1.2)


async def test_two_temperatures_are_compared_at_once(drive: Drive, classics: Model) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        comparison = driver.compare.comparison
        assert [lane.settings for lane in comparison.lanes] == [COLD, WARM]
        await driver.lane_press("space", "space", "space", "space")
        prefix = driver.tree.ids()
        for lane in comparison.lanes:
            assert lane.new_ids == alone(classics, lane.settings, prefix, count=4)
        for place, steps in enumerate(zip(*(lane.steps for lane in comparison.lanes), strict=True)):
            assert {step.u for step in steps} == {interval_chance(7, len(prefix) + place, 0)}
        assert comparison.cursor == 3
        assert driver.tree.ids() == prefix


async def test_lanes_run_pause_and_stay_when_one_comes_back(drive: Drive, classics: Model) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("g")
        await driver.until(lambda: len(driver.compare.comparison) > 12)
        await driver.pilot.press("g")
        await driver.lanes_settled()
        comparison = driver.compare.comparison
        lengths = {len(lane.steps) for lane in comparison.lanes}
        assert len(lengths) == 1
        await driver.pilot.press("escape")
        await driver.press("c")
        assert driver.compare.comparison is comparison
        assert {len(lane.steps) for lane in comparison.lanes} == lengths


async def test_lanes_are_added_copied_edited_and_removed_while_they_run(drive: Drive, classics: Model) -> None:
    async with drive(speed=20.0) as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("g")
        await driver.until(lambda: len(driver.compare.comparison) > 5)
        comparison = driver.compare.comparison
        await driver.pilot.press("a")
        driver.app.post_message(Paste("nucleus,temperature=0.9"))
        await driver.pilot.press("enter")
        await driver.until(lambda: len(comparison.lanes) == 3 and len(comparison.lanes[2].steps) > 8)
        assert driver.compare.advance.running
        await driver.pilot.press("1", "d")
        await driver.until(lambda: len(comparison.lanes) == 4 and len(comparison.lanes[1].steps) > 8)
        assert comparison.lanes[1].settings == COLD
        await driver.pilot.press("s")
        driver.app.post_message(Paste("greedy"))
        await driver.pilot.press("enter")
        await driver.until(lambda: comparison.lanes[1].settings.greedy and len(comparison.lanes[1].steps) > 8)
        await driver.pilot.press("3", "x")
        await driver.until(lambda: len(driver.compare.columns) == 3)
        await driver.pilot.press("g")
        await driver.lanes_settled()
        assert [lane.settings for lane in comparison.lanes] == [
            COLD, Settings(temperature=0.0), Settings(temperature=0.9, top_p=0.95)
        ]
        count = len(comparison)
        for lane in comparison.lanes:
            assert lane.new_ids == alone(classics, lane.settings, driver.tree.ids(), count=count)


async def test_up_to_sixteen_lanes_scroll_and_the_last_one_stays(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press(*["d"] * 14)
        comparison = driver.compare.comparison
        assert len(comparison.lanes) == 16
        assert len({lane.number for lane in comparison.lanes}) == 16
        await driver.lane_press("d")
        assert len(comparison.lanes) == 16
        await driver.lane_press("space", "space")
        assert len({tuple(lane.new_ids) for lane in comparison.lanes[:15]}) == 1
        assert len(driver.compare.drawing.visible()) <= 4
        await driver.lane_press("shift+tab")
        visible = [n for n, _ in driver.compare.drawing.visible()]
        assert comparison.selected in visible
        await driver.lane_press(*["x"] * 20)
        assert len(comparison.lanes) == 1


async def test_one_cursor_moves_through_all_lanes_and_computes_nothing(drive: Drive) -> None:
    async with drive(size=(120, 36)) as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press(*["space"] * 6)
        comparison, backend = driver.compare.comparison, driver.backend
        before = backend.computed
        for key, place in (("home", 0), ("right", 1), ("ctrl+right", 6), ("left", 5), ("end", 6)):
            await driver.lane_press(key)
            assert comparison.cursor == place
            for n, lane in enumerate(comparison.lanes):
                dist = comparison.distribution(n, place, *network_of(driver.exploration))
                ids = list(lane.prefix) + lane.new_ids[:place]
                again = distribution(
                    backend.logits([ids])[0], lane.settings, SamplingContext(len(ids), ids, len(lane.prefix))
                )
                assert known(dist).final == pytest.approx(again.final, abs=1e-6)
        assert backend.computed - before <= 2  # the place after the last token, once in each lane
        await driver.pilot.click(AgreeStrip, offset=Offset(len(" agree ") + 2, 0))
        await driver.lanes_settled()
        assert comparison.cursor == 2
        column = driver.compare.columns[1]
        await driver.pilot.click(column.text, offset=Offset(0, 0))
        await driver.lanes_settled()
        assert comparison.selected == 1
        assert comparison.cursor == 0


async def test_a_prefix_and_a_seed_of_its_own(drive: Drive, classics: Model) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press("space", "space")
        await driver.pilot.press("2", "s", "tab")
        await driver.type("Call me Ishmael")
        await driver.pilot.press("enter")
        await driver.lanes_settled()
        comparison = driver.compare.comparison
        lane = comparison.lanes[1]
        assert lane.prefix == classics.tokenizer.encode("Call me Ishmael")
        assert [step.u for step in lane.steps] == [step.u for step in comparison.lanes[0].steps]
        assert lane.new_ids == alone(classics, WARM, lane.prefix, count=2, offset=comparison.base - len(lane.prefix))
        await driver.pilot.press("s")
        await driver.find("seed", "9", "9", "ctrl+s")
        await driver.lanes_settled()
        assert lane.steps[0].u == interval_chance(99, comparison.base, 0)
        await driver.pilot.press("e")
        driver.app.screen.query_one("#as-text", TextArea).text = "ROMEO"
        await driver.pilot.pause()
        await driver.pilot.press("ctrl+s")
        await driver.lanes_settled()
        assert comparison.lanes[0].prefix == classics.tokenizer.encode("ROMEO")
        assert lane.prefix == classics.tokenizer.encode("Call me Ishmael")


async def test_bad_lanes_are_refused_where_they_are_typed(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        settings = driver.compare.lanes.selected.settings
        await driver.pilot.press("s")
        screen = driver.on(LaneScreen)
        for text, said in (("temprature=1", "did you mean temperature"), ("top_p=9", "0 to 1"), ("gredy", "greedy")):
            driver.app.post_message(Paste(text))
            await driver.pilot.pause()
            assert said in str(screen.query_one("#problem", Static).content)
        await driver.find("seed", "minus", "4", "ctrl+s")
        assert driver.app.screen is screen
        assert "not a seed" in str(screen.query_one("#problem", Static).content)
        await driver.pilot.press("escape")
        await driver.lanes_settled()
        assert driver.compare.lanes.selected.settings == settings
        await driver.pilot.press("s")
        await driver.find("banned", "9", "9", "9", "9", "ctrl+s")
        await driver.until(lambda: "ids are 0 to 8192" in driver.notices())
        assert driver.compare.lanes.selected.settings == settings


def test_prefixes_with_line_breaks_fit_one_line() -> None:
    for text in ("a\nb\t\\n c", "\\", "plain", "\\\\n\n"):
        assert "\n" not in one_line(text)
        assert many_lines(one_line(text)) == text


async def test_a_lane_is_edited_as_the_playground_is(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("s")
        await driver.find("preset", "right", "right")
        screen = driver.on(LaneScreen)
        assert screen.options.settings == Settings(temperature=0)
        assert "one may happen" not in screen.query_one(SettingsList).explained
        await driver.find("top-k", "4", "0", "enter")
        assert screen.options.settings == Settings(temperature=0, top_k=40)
        await driver.find("t", "right")
        assert screen.options.settings == Settings(temperature=0.05, top_k=40)
        await driver.find("seed", "3", "enter")
        assert screen.options.seed == 3
        await driver.pilot.press("backspace", "enter")
        await driver.until(lambda: screen.options.seed is None)
        await driver.pilot.press("right", "right", "tab", *"Oh", "enter")
        await driver.lanes_settled()
        lane = driver.compare.lanes.selected
        assert (lane.settings, lane.setup.seed) == (Settings(temperature=0.05, top_k=40), 1)
        assert driver.decode(list(lane.prefix)) == "Oh"
        await driver.lane_press("p")
        assert driver.compare.lanes.selected.settings == Settings()


async def test_own_coins_other_luck_and_the_gumbel_coin(drive: Drive, classics: Model) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press("space", "space", "space")
        comparison, prefix = driver.compare.comparison, driver.tree.ids()
        await driver.lane_press("o")
        assert [lane.steps[0].u for lane in comparison.lanes] == [interval_chance(s, 8, 0) for s in (7, 8)]
        await driver.lane_press("o", "r")
        assert [lane.steps[0].u for lane in comparison.lanes] == [interval_chance(8, 8, 0)] * 2
        await driver.lane_press("i")
        for lane in comparison.lanes:
            assert lane.new_ids == alone(classics, lane.settings, prefix, seed=8, count=3, coin="gumbel")


async def test_a_lane_is_kept_as_a_branch_with_everything_that_decided_it(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("space", "space")
        old = driver.tree.ids()
        driver.playground.cursor.move_to(9)
        await driver.settled()
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press("space", "space", "space", "2", "k")
        lane = driver.compare.comparison.lanes[1]
        await driver.pilot.press("c")
        await driver.settled()
        assert driver.tree.ids() == [*old[:9], *lane.new_ids]
        assert driver.tree.steps(9) == lane.steps
        assert driver.exploration.cursor == 9
        await driver.press("u")
        assert driver.tree.ids() == old


async def test_a_kept_lane_with_its_own_prefix_is_another_branch_from_the_root(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("s", "tab")
        await driver.type("ROMEO")
        await driver.pilot.press("enter")
        await driver.lanes_settled()
        await driver.lane_press("space", "space", "k")
        lane = driver.compare.comparison.lanes[0]
        await driver.pilot.press("c")
        await driver.settled()
        assert driver.tree.ids() == list(lane.prefix) + lane.new_ids
        assert driver.tree.prompt_length() == len(lane.prefix)
        position = len(lane.prefix)
        await driver.press("r")  # flips go on with the coins of the lane's place
        assert driver.tree.step(position).offset == lane.steps[0].offset
        assert driver.tree.step(position).u == interval_chance(7, position + lane.steps[0].offset, 1)


async def test_statistics_with_marks(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press(*["space"] * 12, "v")
        stats = [column.stats for column in driver.compare.columns]
        assert all(widget.display for widget in stats)
        values = [known(widget.values["mean_surprisal"]) for widget in stats]
        marks = [widget.marks["mean_surprisal"] for widget in stats]
        assert marks[values.index(max(values))] == "▲"  # the highest, never the better one
        assert marks[values.index(min(values))] == "▼"
        steps = driver.compare.comparison.lanes[0].steps
        assert values[0] == pytest.approx(sum(known(step.surprisal) for step in steps) / 12)
        await driver.lane_press("v")
        assert not stats[0].display


async def test_many_seeds_as_a_table_and_a_plot(drive: Drive, classics: Model) -> None:
    async with drive(size=(120, 36)) as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press("space", "space", "space", "space")
        await driver.pilot.press("m")
        screen = driver.on(RepeatScreen)
        screen.query_one("#seeds", Input).value = "5"
        await driver.pilot.press("enter")
        await driver.until(lambda: screen.progress is not None and screen.settled)
        prefix = driver.tree.ids()
        *_, (expected, _, _) = repeat(
            classics.backend,
            lane_starts([LaneSpec(COLD), LaneSpec(WARM)], [prefix] * 2),
            seed=7,
            repeats=5,
            limit=4,
            tokenizer=classics.tokenizer,
        )
        assert known(screen.progress).seeds == 5
        for ours, theirs in zip(known(known(screen.progress).table), expected.table(), strict=True):
            assert ours["mean_surprisal"] == pytest.approx(theirs["mean_surprisal"], rel=1e-4)
        assert known(screen.progress).divergences == expected.divergences()
        await driver.pilot.press("ctrl+t", "ctrl+t", "escape")
        await driver.lanes_settled()


async def test_a_repetition_is_stopped_and_keeps_what_is_finished(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("m")
        screen = driver.on(RepeatScreen)
        screen.query_one("#seeds", Input).value = "0"
        await driver.pilot.press("enter")
        assert "1 to 1000" in str(screen.query_one("#problem", Static).content)
        screen.query_one("#seeds", Input).value = "900"
        screen.query_one("#tokens", Input).value = "8"
        await driver.pilot.press("enter")
        await driver.until(lambda: screen.progress is not None and screen.progress.seeds >= 8)
        await driver.pilot.press("ctrl+x")
        await driver.until(lambda: screen.settled and not driver.workspace.engine.works_on(RepeatRequest))
        assert 8 <= known(screen.progress).seeds < 900
        await driver.pilot.press("escape")
        await driver.lane_press("space")
        assert len(driver.compare.comparison) == 1


async def test_help_of_the_compare_screen_a_theme_and_a_small_terminal(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        assert driver.on(HelpScreen).topic.name == "lanes"
        await driver.pilot.press("escape", "v", "question_mark")
        topic = driver.on(HelpScreen).topic
        assert topic.name == "statistics"
        assert "many seeds" in topic.text
        assert list(topic.lines)[2] == ("perplexity", STATISTICS["perplexity"])
        await driver.pilot.press("escape")
        driver.app.theme = "paper"
        await driver.lane_press("space")
        await driver.pilot.resize_terminal(60, 15)
        await driver.until(lambda: driver.compare.query_one("#too-small").display)
        await driver.pilot.resize_terminal(200, 50)
        await driver.lane_press("space")
        assert len(driver.compare.drawing.visible()) == 2
        commands = {command.title for command in driver.app.get_system_commands(driver.app.screen)}
        assert {"add a lane", "keep the lane", "repeat with many seeds"} <= commands


async def test_the_selected_lane_is_alone_on_the_screen(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        screen = driver.compare

        async def shows(lanes: list[int]) -> None:
            await driver.until(lambda: screen.describe()["visible"] == lanes and screen.settled)
            some = f"2 lanes, {len(lanes)} in view" if len(lanes) < 2 else "2 lanes  "
            await driver.until(lambda: some in screen.status)

        for key, lanes in (("z", [0]), ("tab", [1]), ("z", [0, 1]), ("z", [1]), ("tab", [0]), ("z", [0, 1])):
            await driver.pilot.press(key)
            await shows(lanes)
