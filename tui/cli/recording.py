"""A lesson without a terminal: as a recording (asciicast v2) that terminals and browsers play, or as pictures.

The app is the real one. A frame is the whole screen when all has settled, and the clock is the lesson's own, not the
machine's: a recording is the same every time.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from textual.drivers.headless_driver import HeadlessDriver

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import check_can_write, reason, write_whole
from gpt2_remix.engine.models.opening import locate
from gpt2_remix.engine.words import counted
from gpt2_remix.themes import load_themes
from gpt2_remix.tui.app import RemixApp
from gpt2_remix.tui.state.lesson import Lesson
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.style.svg import own_fonts
from gpt2_remix.tui.workspace import no_theme

SIZE = (100, 30)

READING = 1.5
"""Seconds for which a step stands at least, and then for each of so many characters of its caption a second."""

CHARACTERS = 16

LOOK = 0.005
"""Seconds between two looks at whether something is done."""

PATIENCE = 180.0
"""Seconds for a model to load and a step to be done."""


class FrameDriver(HeadlessDriver):
    """Takes what would be drawn on a terminal while it is asked for."""

    taken: list[str] | None = None

    @property
    def is_headless(self) -> bool:
        """There is something that draws."""
        return False

    def write(self, data: str) -> None:
        """See `Driver.write`."""
        if self.taken is not None:
            self.taken.append(data)


def record(options: Options, cast: Path | None, pictures: Path | None, say: Callable[[str], object]) -> None:
    """Play a lesson alone, into a recording, a folder of pictures, or both.

    Args:
        options: with the lesson.
        cast: the file of the recording.
        pictures: the folder of the pictures.
        say: takes a line of what was written.

    Raises:
        InputError: a step cannot be done, or there is no such model or theme.
        EngineError: a file cannot be written.
    """
    assert options.lesson is not None
    if options.theme is not None and options.theme not in (themes := load_themes()[0]):
        raise InputError(no_theme(options.theme, themes))
    if options.model is not None:
        locate(options.model)  # as every command says that there is none: the app opens with another one
    if cast is not None:
        check_can_write(cast)
    if pictures is not None:
        try:
            pictures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EngineError(f"{pictures} cannot be made: {reason(error)}") from None
    with tempfile.TemporaryDirectory() as folder:
        alone = replace(options, alone=True, session=Path(folder) / "lesson.remix")
        frames, drawn = asyncio.run(_play(alone, options.lesson, pictures is not None))
    if cast is not None:
        write_whole(cast, asciicast(options.lesson, frames).encode())
        say(f"wrote {cast}: {frames[-1][0]:.0f} seconds")
    if pictures is not None:
        for number, picture in enumerate(drawn, start=1):
            write_whole(pictures / f"{options.lesson.name}-{number:02}.svg", picture.encode())
        say(f"wrote {counted(len(drawn), 'picture')} into {pictures}")


def asciicast(lesson: Lesson, frames: list[tuple[float, str]]) -> str:
    """Frames as asciicast v2: a line of JSON about them, then one for each."""
    head = {"version": 2, "width": SIZE[0], "height": SIZE[1], "title": lesson.title, "env": {"TERM": "xterm-256color"}}
    lines: list[Any] = [head, *([round(when, 3), "o", frame] for when, frame in frames)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


async def _play(options: Options, lesson: Lesson, drawing: bool) -> tuple[list[tuple[float, str]], list[str]]:
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}  # what it is drawn for, wherever that is
    app = RemixApp(options)
    app.driver_class = FrameDriver
    app.animation_level = "none"
    frames: list[tuple[float, str]] = []
    drawn: list[str] = []
    clock = 0.0

    async with app.run_test(headless=False, size=SIZE):
        async def beat(seconds: float) -> None:
            nonlocal clock
            frame = await _frame(app)
            if not frames or frames[-1][1] != frame:
                frames.append((clock, frame))
            clock += seconds

        app.lessons.doing.on_beat = beat
        for place, step in enumerate(lesson.steps):
            await _until(app, partial(_done, app, place))
            if app.lessons.problem:
                raise InputError(app.lessons.problem)
            words = step.question or step.caption
            await beat(step.pause if step.pause is not None else READING + len(words) / CHARACTERS)
            if drawing:
                drawn.append(own_fonts(app.export_screenshot(title="gpt2-remix")))
            app.lessons.go_on()
        frames.append((clock, "\x1b[?25h"))
        app.exit()
    return frames, drawn


def _done(app: RemixApp, place: int) -> bool:
    """Whether a step was reached, and is done."""
    return app.workspace.lesson.place == place and app.lessons.idle


async def _until(app: RemixApp, condition: Callable[[], object]) -> None:
    end = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        if problem := app.lessons.problem or app.workspace.failed:
            raise InputError(problem)
        if asyncio.get_running_loop().time() > end:
            raise EngineError(f"the lesson could not be played: {app.workspace.said or 'the model did not load'}")
        await asyncio.sleep(LOOK)


async def _drawn(app: RemixApp) -> None:
    """What was asked for is on the screen."""
    done = asyncio.Event()
    app.screen.call_after_refresh(done.set)
    await done.wait()


async def _frame(app: RemixApp) -> str:
    """The whole screen, as a terminal is told to draw it."""
    app.clear_notifications()
    while app.workspace.autosave.busy:  # the status line says so
        await asyncio.sleep(LOOK)
    for _ in range(3):  # a message, what it draws, and what that makes other widgets draw
        await _drawn(app)
    taken: list[str] = []
    FrameDriver.taken = taken
    try:
        app.screen.refresh(layout=False)
        while not taken:
            await asyncio.sleep(LOOK)
    finally:
        FrameDriver.taken = None
    return "\x1b[2J" + max(taken, key=len)  # beside it stand marks of where a frame begins and ends
