"""Jumps from one place where lanes part to the next."""

from __future__ import annotations

from tests.tui.conftest import Drive


async def test_jumps_go_where_lanes_part(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press(*["space"] * 14)
        comparison = driver.compare.comparison
        first, second = (lane.new_ids for lane in comparison.lanes)
        parts = [n for n in range(14) if first[n] != second[n] and not (n and first[n - 1] != second[n - 1])]
        assert parts
        await driver.lane_press("end")
        for place in reversed(parts):
            await driver.lane_press("N")
            assert comparison.cursor == place
        await driver.lane_press("N")
        assert "no place before this one where the lanes part" in driver.notices()
        await driver.lane_press("home", "n")
        assert comparison.cursor == next((place for place in parts if place > 0), 0)
