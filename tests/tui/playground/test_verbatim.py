"""The way of a stream through the training text, in the app: spans grow, and the token that leaves one says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.trace.follow import Follower
from gpt2_remix.tui.playground.trace_line import TraceLine
from tests.kinds import Checkpoint, known
from tests.tui.conftest import Drive, Driver

OPENING = "Sir Walter Elliot, of Kellynch"


async def traced(driver: Driver) -> None:
    """Everything in view has been looked up."""
    await driver.until(lambda: driver.app.settled)
    await driver.pilot.pause()


def words(driver: Driver) -> str:
    """The line under the text."""
    return str(driver.playground.query_one(TraceLine).render())


def subtitle(driver: Driver) -> str:
    return str(driver.playground.query_one("#text-pane").border_subtitle)


async def show(driver: Driver) -> None:
    """Turn to the verbatim view."""
    while driver.app.workspace.preferences.heat != "verbatim":
        await driver.press("h")
    await traced(driver)


async def test_greedy_steps_grow_the_span_and_the_token_that_leaves_it_is_marked_at_once(drive: Drive) -> None:
    async with drive(prefix=OPENING, settings=Settings(temperature=0)) as driver:
        await show(driver)
        trace = driver.playground.verbatim.trace
        start, longest = len(driver.tree), []
        while not any(mark.left for mark in trace.marks):
            longest.append(trace.longest)
            assert len(longest) < 30
            assert driver.playground.panes.view.list.goes_on == trace.goes_on(driver.exploration.cursor)
            await driver.press("space")
            await traced(driver)
        assert longest == sorted(longest)
        assert longest[-1] == start + len(longest) - 1 >= 14  # from the first token on, all of it one span
        last = len(driver.tree) - 1
        assert [position for position, mark in enumerate(trace.marks) if mark.left] == [last]
        assert driver.exploration.cursor == last
        assert words(driver).startswith(f"left Persuasion here after {last} tokens: training goes on with ")
        raw = known(driver.exploration.distribution(last)).raw
        expected, taken = (f"{driver.exploration.name(token)} ({raw[token]:.0%})"
                           for token in (known(trace.left(last)).expected[0], driver.tree.step(last).token))
        assert words(driver).endswith(f"goes on with {expected}, the greedy choice is {taken}")
        assert [driver.playground.panes.text.cells[n].mark for n in range(last + 1)] == ["verbatim"] * last + ["left"]
        assert f"longest {last}" in subtitle(driver)
        await driver.press("left")
        await traced(driver)
        assert words(driver).startswith(f"{last} of {last} tokens from Persuasion, token ")


async def test_a_pick_leaves_the_text_and_going_back_returns_to_it(drive: Drive) -> None:
    async with drive(prefix=OPENING, settings=Settings(temperature=0)) as driver:
        await show(driver)
        await driver.press("space", "space")
        await traced(driver)
        trace, place = driver.playground.verbatim.trace, len(driver.tree)
        following = trace.goes_on(place)
        assert following
        listed = driver.playground.panes.view.list
        await driver.press("end")
        while listed.selected_token in following:
            await driver.press("down")
        token = listed.selected_token
        await driver.press("enter")
        await driver.press("left")
        await traced(driver)
        assert known(trace.left(place)).expected == following
        assert f"you picked {driver.exploration.name(known(token))}" in words(driver)
        await driver.press("u")
        await traced(driver)
        assert not any(mark.left for mark in trace.marks)


async def test_braces_change_how_long_a_span_must_be(drive: Drive) -> None:
    async with drive(prefix=f"{OPENING} Hall") as driver:
        await show(driver)
        tokens = len(driver.tree)
        assert 12 < tokens < 16
        assert subtitle(driver) == f"100% verbatim · longest {tokens} · ≥ 8"
        await driver.press(*["right_curly_bracket"] * 3)
        await traced(driver)
        assert subtitle(driver) == "0% verbatim · longest 0 · ≥ 16"
        assert driver.app.workspace.preferences.min_tokens == 16
        await driver.press(*["left_curly_bracket"] * 9)
        await traced(driver)
        assert subtitle(driver) == f"100% verbatim · longest {tokens} · ≥ 6"


async def test_with_the_text_at_hand_the_passage_stands_beside_the_stream(drive: Drive, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("Once there was a baker who sold only yesterday's bread, and nobody minded it.")
    prefix = "Once there was a baker who sold only yesterday's news"
    async with drive(prefix=prefix, sources=(f"My Tale={tmp_path / 'mine.txt'}",)) as driver:
        await show(driver)
        await driver.press("left")
        await traced(driver)
        said = words(driver)
        assert said.startswith("left My Tale here after ")
        assert "the prefix has ·news" in said
        theirs, ours = (line.split("┃") for line in said.splitlines()[-2:])
        assert theirs[0].removeprefix("text ") == ours[0].removeprefix("here ")
        assert theirs[1].startswith(" bread, and")
        assert ours[1].startswith(" news")


async def test_a_model_whose_text_is_not_known_says_what_to_do(drive: Drive, checkpoint: Checkpoint) -> None:
    folder = checkpoint(vocab_size=8193, n_positions=64, n_embd=16, n_layer=1)
    async with drive(model=str(folder)) as driver:
        await driver.settled()
        await show(driver)
        assert "--source FILE" in words(driver)
        await driver.press("space")
        assert subtitle(driver) == "spans of ≥ 8 tokens"


@pytest.mark.slow
async def test_many_keys_while_it_traces(drive: Drive) -> None:
    async with drive(prefix=OPENING) as driver:
        await show(driver)
        await driver.grow(60)
        keys = ["r", "g", "right_curly_bracket", "u", "g", "r", "b", "left_curly_bracket"]
        await driver.tap(*["left"] * 20, *keys)
        await driver.pilot.pause()
        await driver.settled()
        await traced(driver)
        trace = driver.playground.verbatim.trace
        assert trace.ids() == list(driver.tree.ids())
        follower = Follower(known(driver.workspace.index), trace.min_tokens)
        for token in trace.ids():
            follower.append(token)
        assert follower.marks == trace.marks
