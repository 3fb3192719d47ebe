"""`gpt2-remix play`: lessons, in the app or without a terminal."""

from __future__ import annotations

from pathlib import Path

import click

from gpt2_remix.engine.cli.arguments import FilePath
from gpt2_remix.engine.cli.options import ModelChoice, commands, examples, json_option, model_options
from gpt2_remix.engine.cli.output import echo, note, print_json
from gpt2_remix.engine.errors import InputError


@commands.command(epilog=examples(
    "gpt2-remix play", "gpt2-remix play coin", "gpt2-remix play my-lesson.toml",
    "gpt2-remix play coin --cast coin.cast", "gpt2-remix play coin --pictures pictures",
))
@click.argument("lesson", required=False)
@click.option("--cast", type=FilePath(), metavar="FILE",
              help="Without a terminal, into a recording (asciicast v2) that asciinema and browsers play.")
@click.option("--pictures", type=FilePath(folder=True), metavar="FOLDER",
              help="Without a terminal, a picture (SVG) of each step, into this folder.")
@click.option("--theme", metavar="NAME", help="A theme's name (see `themes`).")
@model_options
@json_option
def play(
    lesson: str | None, cast: Path | None, pictures: Path | None, theme: str | None, model: ModelChoice, as_json: bool
) -> int:
    """Play a lesson: one that ships, or a TOML file of your own (docs/lessons.md says how they are written).

    Without LESSON those that ship are listed. In the app space goes on, any other key takes over, L goes on where the
    lesson stopped.
    """
    from gpt2_remix.tui.state.lesson import find_lesson, shipped

    if lesson is None:
        if cast is not None or pictures is not None:
            raise InputError("name the lesson that is to be recorded; `gpt2-remix play` lists those that ship")
        lessons = shipped()
        if as_json:
            print_json([{"name": one.name, "title": one.title, "minutes": one.minutes} for one in lessons])
            return 0
        for one in lessons:
            echo(f"{one.name:<14} {one.minutes:>3g} min  {one.title}")
        echo("gpt2-remix play NAME plays one; a file of your own works too. play tour: what opens the first time")
        return 0
    if as_json:
        raise InputError("--json lists the lessons that ship; leave out LESSON or --json")
    found = find_lesson(lesson)
    from gpt2_remix.tui.state.options import Options

    options = Options(lesson=found, model=model.name if model.given else None, load=model.options, theme=theme)
    if cast is None and pictures is None:
        from gpt2_remix.tui.cli.app import check_terminal, run_app

        check_terminal()
        return run_app(options)
    from gpt2_remix.tui.cli.recording import record

    record(options, cast, pictures, note)
    return 0
