"""A number typed before space, g or b."""

from __future__ import annotations

import pytest

from tests.tui.conftest import Drive


@pytest.mark.parametrize(("keys", "length"), [
    ("1 2 space", 20), ("1 2 g", 12), ("3 space 2 space", 13), ("1 2 backspace g", 8), ("9 escape space", 9),
    ("1 2 x space", 9), ("5 g", 8),
])
async def test_so_many_tokens(drive: Drive, keys: str, length: int) -> None:
    async with drive() as driver:
        assert len(driver.tree) == 8
        for key in keys.split():
            await driver.press(key)
        assert len(driver.tree) == length


async def test_the_number_is_shown_while_it_is_typed(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("4", "0")
        assert driver.playground.status.split("fp32")[1].split() == ["40▏", "space", "+40", "g", "to", "40", "b", "16",
                                                                     "branches"]
        await driver.press("backspace", "backspace")
        assert "▏" not in driver.playground.status


async def test_run_to_a_length_that_is_there_says_so(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("8", "g")
        assert "8 tokens already" in driver.workspace.said
        assert len(driver.tree) == 8


async def test_a_changed_setting_and_a_pick_leave_the_goal(drive: Drive) -> None:
    async with drive(speed=20.0) as driver:
        await driver.pilot.press("2", "0", "g")
        await driver.until(lambda: len(driver.tree) > 9)
        await driver.pilot.press("p")
        await driver.until(lambda: len(driver.tree) > 11)
        driver.playground.choosing.flip_again()
        await driver.settled()
        assert len(driver.tree) == 20
