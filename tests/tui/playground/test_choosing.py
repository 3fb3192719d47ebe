"""Actions that wait for the network, and what becomes of them while they do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpt2_remix.tui.playground.screen import Playground
from tests.tui.conftest import Drive

Act = Callable[[Playground], None]

flip: Act = lambda playground: playground.choosing.flip_again()  # noqa: E731
pick: Act = lambda playground: playground.choosing.pick(262)  # noqa: E731
step: Act = lambda playground: playground.choosing.step()  # noqa: E731


@pytest.mark.parametrize(("acts", "length"), [
    ([(20, flip), (99, flip)], 21), ([(20, pick), (60, flip), (99, pick)], 21),
    ([(99, flip), (20, flip), (98, pick)], 21), ([(20, flip), (100, flip), (99, flip), (100, step)], 23),
    ([(20, flip), (20, flip), (21, flip), (0, flip), (5, pick)], 1),
])
async def test_what_waits_goes_where_its_place_has_gone(
    drive: Drive, acts: list[tuple[int, Act]], length: int
) -> None:
    """The first one shortened the stream; the next stood at a number past its end (IndexError)."""
    async with drive() as driver:
        driver.playground.places.use_prefix([*range(300, 400)])
        for position, act in acts:  # faster than the network gives anything
            driver.tree.move(position)
            act(driver.playground)
        assert driver.playground.activity.pending
        await driver.settled()
        assert not driver.playground.activity.pending
        assert len(driver.tree) == length


async def test_what_waits_for_the_same_place_is_done_in_order(drive: Drive) -> None:
    async with drive() as driver:
        driver.playground.places.use_prefix([*range(300, 400)])
        driver.tree.move(50)
        for _ in range(3):
            driver.playground.choosing.flip_again()
        await driver.settled()
        assert len(driver.tree) == 51
        flipped = [driver.step_of(node) for node in driver.tree.siblings(50)]
        assert [step.roll for step in flipped if step.origin == "sampled"] == [0, 1, 2]
        driver.tree.move(51)
        for _ in range(3):
            driver.playground.choosing.step()
        await driver.settled()
        assert len(driver.tree) == 54
