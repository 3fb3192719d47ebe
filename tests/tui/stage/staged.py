"""The stage, opened and looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gpt2_remix.tui.stage.screen import StageScreen
from gpt2_remix.tui.state.stage import PACES
from tests.tui.conftest import Drive, Driver

SIZES = [(60, 18), (80, 24), (120, 36)]


@asynccontextmanager
async def staged(
    drive: Drive, pace: int = 0, moves: bool = False, **options: Any
) -> AsyncIterator[tuple[Driver, StageScreen]]:
    """The stage on a stream, at a pace (the first: a key for each phase), with or without animations."""
    async with drive(**options) as driver:
        driver.app.animation_level = "full" if moves else "none"
        driver.playground.places.stage()
        await driver.until(lambda: isinstance(driver.app.screen, StageScreen) and driver.app.screen.drawable)
        screen = driver.on(StageScreen)
        screen.telling.pace = PACES[pace]
        await still(driver, screen)
        yield driver, screen


async def still(driver: Driver, screen: StageScreen) -> None:
    await driver.until(lambda: screen.settled)
    await driver.pilot.pause()


async def press(driver: Driver, screen: StageScreen, *keys: str) -> dict[str, Any]:
    for key in keys:
        await driver.pilot.press(key)
        await still(driver, screen)
    return screen.describe()


def frames_of(screen: StageScreen) -> list[dict[str, Any]]:
    """What is drawn from here on."""
    frames: list[dict[str, Any]] = []
    draw = screen.draw

    def seen(keep_selection: bool) -> None:
        draw(keep_selection)
        frames.append(screen.describe())

    screen.draw = seen  # type: ignore[method-assign]
    return frames
