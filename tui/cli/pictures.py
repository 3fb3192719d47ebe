"""The screen as a picture: the app, without a terminal, on a session."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from textual.pilot import Pilot

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.session.folder import copy_session
from gpt2_remix.tui.app import RemixApp
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.style.svg import own_fonts

SIZE = (120, 36)
PATIENCE = 120.0
"""Seconds for a model to load and the screen to settle."""


def screen_of(path: Path, leaf: int | None) -> str:
    """An SVG of the playground on a copy of a session, or on one branch of it. Raises EngineError."""
    with tempfile.TemporaryDirectory() as folder:
        copy, lock = copy_session(path, Path(folder) / path.name)
        lock.release()  # the app takes it
        return asyncio.run(_draw(copy, leaf))


async def _draw(path: Path, leaf: int | None) -> str:
    app = RemixApp(Options(session=path))
    async with app.run_test(size=SIZE) as pilot:
        await _settled(app, pilot)
        if leaf is not None:
            app.playground.cursor.go_to(leaf)
            await pilot.pause()
            await _settled(app, pilot)
        app.clear_notifications()
        await pilot.pause()
        await pilot.pause()
        return own_fonts(app.export_screenshot(title="gpt2-remix"))


async def _settled(app: RemixApp, pilot: Pilot[None]) -> None:
    end = time.monotonic() + PATIENCE
    while not app.settled:
        if time.monotonic() > end:
            raise EngineError(f"the screen could not be drawn: {app.workspace.said or 'the model did not load'}")
        await pilot.pause(0.01)
