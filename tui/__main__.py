"""The gpt2-remix program: its commands, and what draws for those that need a screen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from gpt2_remix.engine.cli.options import FrontEnd, commands
from gpt2_remix.engine.cli.run import run

commands.modules |= {"app": "gpt2_remix.tui.cli.app", "themes": "gpt2_remix.tui.cli.themes"}


def picture(path: Path, leaf: int | None) -> str:
    """The app's screen on a session as SVG."""
    from gpt2_remix.tui.cli.pictures import screen_of

    return screen_of(path, leaf)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: `gpt2-remix COMMAND …`, or `gpt2-remix [PREFIX] …` for the app."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    names = set(commands.modules) | {"--help", "-h", "--version"}
    if not (given and given[0] in names):
        given = ["app", *given]
    sys.exit(run(commands, given, FrontEnd(picture)))


if __name__ == "__main__":
    main()
