"""The overlay: counts that add up, folding, going to a branch."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.compare.repeat import RepeatScreen
from gpt2_remix.tui.dialogs.overlay import OverlayScreen
from gpt2_remix.tui.state.overlay import every, overlay, together
from tests.tui.conftest import Drive


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=12))
def test_every_beginning_is_counted_as_often_as_it_comes(streams: list[list[int]]) -> None:
    begun = Counter(tuple(stream[:n]) for stream in streams for n in range(1, len(stream) + 1))
    found: Counter[tuple[int, ...]] = Counter()
    strands = overlay(streams)
    for strand in every(strands):
        before = tuple(streams[strand.members[0]][: strand.depth])
        for n in range(1, len(strand.tokens) + 1):
            found[(*before, *strand.tokens[:n])] += strand.count
        assert all(strand.count >= below.count for below in strand.below)
    assert found == begun
    if streams and all(streams):
        shared = next((n for n in range(min(map(len, streams))) if len({s[n] for s in streams}) > 1),
                      min(map(len, streams)))
        assert together(strands) == shared


async def test_a_batch_of_branches_is_one_tree_with_counts(drive: Drive) -> None:
    async with drive(settings=Settings(top_k=2)) as driver:
        driver.workspace.remember(driver.workspace.preferences)
        await driver.pilot.press("O")
        await driver.pilot.pause()
        assert "nothing goes on from here yet" in driver.notices()
        await driver.pilot.press("1", "2", "b")
        await driver.settled()
        driver.playground.cursor.move_to(8)
        await driver.settled()
        await driver.pilot.press("O")
        screen = driver.on(OverlayScreen)
        top = [strand for strand in screen.shown if strand.depth == 0]
        assert sum(strand.count for strand in top) == 12
        assert "12 continuations" in str(screen.query_one("#together").render())
        rows = len(screen.shown)
        await driver.pilot.press("left")
        assert len(screen.shown) < rows
        await driver.pilot.press("right")
        assert len(screen.shown) == rows
        await driver.pilot.press("down", "down")
        strand = screen.shown[2]
        await driver.pilot.press("enter")
        await driver.settled()
        ids = driver.tree.ids(start=8)
        assert tuple(ids[strand.depth : strand.depth + len(strand.tokens)]) == strand.tokens


async def test_many_seeds_of_a_lane_are_one_tree(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("m", "backspace", "backspace", "6", "tab", "backspace", "backspace", "8", "enter")
        repeat = driver.on(RepeatScreen)
        await driver.until(lambda: repeat.settled and repeat.progress is not None)
        await driver.pilot.press("ctrl+o")
        screen = driver.on(OverlayScreen)
        streams = repeat.progress.streams if repeat.progress is not None else []
        assert [len(lane) for lane in streams] == [6, 6]
        for _ in range(2):
            assert sum(strand.count for strand in screen.shown if strand.depth == 0) == 6
            await driver.pilot.press("tab")
        await driver.pilot.press("escape", "escape")
