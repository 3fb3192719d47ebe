"""The gpt2-remix program: its commands, and what draws for those that need a screen."""

from __future__ import annotations

from pathlib import Path

from gpt2_remix.engine.cli.options import FrontEnd, commands
from gpt2_remix.engine.cli.run import run

commands.modules |= {"app": "gpt2_remix.tui.cli.app", "play": "gpt2_remix.tui.cli.play",
                     "themes": "gpt2_remix.tui.cli.themes"}


def run_program(given: list[str]) -> int:
    """Run a command line, without a command's name in front the app's. Returns the exit status."""
    names = set(commands.modules) | {"--help", "-h", "--version"}
    if not (given and given[0] in names):
        given = ["app", *given]
    return run(commands, given, FrontEnd(picture))


def picture(path: Path, leaf: int | None) -> str:
    """The app's screen on a session as SVG."""
    from gpt2_remix.tui.cli.pictures import screen_of

    return screen_of(path, leaf)
