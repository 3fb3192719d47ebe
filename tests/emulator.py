"""The real program in a pseudo-terminal, read by a terminal emulator (pyte)."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ptyprocess
import pyte

from gpt2_remix.engine.program import command as program


@contextmanager
def emulators() -> Iterator[Callable[..., Emulator]]:
    """`emulate(*arguments, size=…)` starts the program; all of them are ended at the end."""
    running: list[Emulator] = []

    def start(*arguments: str, **options: Any) -> Emulator:
        running.append(Emulator(*arguments, **options))
        return running[-1]

    try:
        yield start
    finally:
        for emulator in running:
            emulator.process.close(force=True)


class Emulator:
    """The program and what a person would see of it."""

    def __init__(
        self, *arguments: str, size: tuple[int, int] = (80, 24), folder: Path | None = None, **environment: str
    ) -> None:
        own = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}  # xdist's
        env = own | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environment
        command = program("tui", *arguments)
        self.process = ptyprocess.PtyProcess.spawn(command, env=env, cwd=folder, dimensions=(size[1], size[0]))
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def read(self) -> bool:
        """Take what was drawn; False at the end of the program."""
        try:
            data = self.process.read(65536)
        except EOFError:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    def pending(self) -> bool:
        """Whether something was drawn, after waiting for it for a moment."""
        return bool(select.select([self.process.fd], [], [], 0.02)[0])

    def until(self, condition: Callable[[str], object], seconds: float = 60) -> str:
        """Read until the screen shows something."""
        end = time.monotonic() + seconds
        while not condition(self.text):
            assert time.monotonic() < end, f"never shown; the screen:\n{self.text}"
            if self.pending():
                assert self.read(), f"the program ended; the screen:\n{self.text}"
        return self.text

    def until_all(self, *parts: str) -> str:
        """Read until the screen shows all of these at once: what is read may end in the middle of a frame."""
        return self.until(lambda text: all(part in text for part in parts))

    def resize(self, columns: int, rows: int) -> None:
        self.process.setwinsize(rows, columns)
        self.screen.resize(rows, columns)

    def finish(self) -> int:
        """Wait for the end; the exit code."""
        while self.read():
            pass
        self.process.wait()
        return int(self.process.exitstatus)
