"""A comparison as a file, from its screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste

from tests.tui.conftest import Drive


@pytest.mark.parametrize(("keys", "name", "holds"), [
    ("", "comparison.md", ["| lane | leaves lane 1 at |", "**1 temperature=0.7**", "> "]),
    ("down", "comparison.svg", ["<svg", "lane", "step"]),
])
async def test_a_comparison_is_exported(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str, name: str, holds: list[str]
) -> None:
    """ctrl+e did nothing there."""
    monkeypatch.chdir(tmp_path)
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.lane_press("space", "space")
        await driver.pilot.press("ctrl+e", *keys.split(), "enter")
        await driver.until(lambda: (tmp_path / name).exists() and name in driver.notices())
        text = (tmp_path / name).read_text().replace("&#160;", " ")
        assert all(part.replace("_", "\\_") in text or part in text for part in holds)


async def test_an_exported_picture_shows_the_keys(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last row was empty: the dialog had just gone."""
    monkeypatch.chdir(tmp_path)
    async with drive() as driver:
        await driver.pilot.press("ctrl+e", *["down"] * 4, "enter")
        await driver.until(lambda: (tmp_path / "session.svg").exists())
        assert "compare" in (tmp_path / "session.svg").read_text()


async def test_a_lane_is_typed_as_its_title_is_written(drive: Drive) -> None:
    """Letters were keys: the o of top_k switched a rule off, and a decimal comma was swallowed."""
    async with drive() as driver:
        await driver.pilot.press("c")
        await driver.lanes_settled()
        await driver.pilot.press("s")
        await driver.type("temperature=0,5 top_k=40")
        await driver.pilot.press("enter", "enter")
        await driver.lanes_settled()
        assert driver.compare.lanes.selected.title == "temperature=0.5 top_k=40"
        await driver.pilot.press("s")
        driver.app.post_message(Paste("temperature=0.7 top_k=20"))
        await driver.pilot.press("enter")
        await driver.lanes_settled()
        assert driver.compare.lanes.selected.title == "temperature=0.7 top_k=20"
