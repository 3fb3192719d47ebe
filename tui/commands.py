"""The command palette: what the screen on top does, presets, themes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from textual import command
from textual.app import ComposeResult, SystemCommand
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen
from textual.worker import Worker

from gpt2_remix.tui.keymap import palette_of
from gpt2_remix.tui.main_screen import EndsOnce, MainScreen
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.state.lesson import shipped, tour
from gpt2_remix.tui.widgets.choices import Lasting
from gpt2_remix.tui.workspace import Workspace

LETTERS = "the terminal's: in most of them ctrl and + makes them larger, ctrl and - smaller"
"""Where the size of letters is set."""


class Found(CommandList, Lasting):
    """The palette's list."""


class Commands(EndsOnce[None], CommandPalette):
    """Textual's command palette, made for fast keys: it ends once, and what it cannot find any more ends nothing."""

    def compose(self) -> ComposeResult:
        """See `CommandPalette.compose`, which makes a list of its own kind."""
        command.CommandList = Found  # type: ignore[misc]
        try:
            yield from super().compose()
        finally:
            command.CommandList = CommandList  # type: ignore[misc]

    def _action_command_list(self, action: str) -> None:
        # Its list has lines only once it is laid out, and pages by them.
        with suppress(KeyError, IndexError):
            super()._action_command_list(action)

    def run_worker(self, *args: Any, **options: Any) -> Worker[Any]:
        """See `textual.dom.DOMNode.run_worker`: the search looks for its list, which a quick esc has taken away."""
        return super().run_worker(*args, **(options | {"exit_on_error": False}))


class Actions(Provider):
    """What the palette finds: by a title as Textual does, letters left out, and by whole words of what it is about."""

    async def discover(self) -> Hits:
        """Everything, by title."""
        for line in sorted(self.app.get_system_commands(self.screen), key=lambda line: line.title):
            yield DiscoveryHit(line.title, line.callback, help=line.help)

    async def search(self, query: str) -> Hits:
        """What fits the title first, then what fits by the words around it."""
        matcher, wanted = self.matcher(query), query.lower().split()
        for line in self.app.get_system_commands(self.screen) if wanted else ():
            about = f"{line.title} {line.help} {getattr(line, 'words', '')}".lower()
            if (score := matcher.match(line.title)) > 0:
                yield Hit(1 + score, matcher.highlight(line.title), line.callback, help=line.help)
            elif all(re.search(rf"\b{re.escape(word)}", about) for word in wanted):
                yield Hit(0.5, line.title, line.callback, help=line.help)


class Action(SystemCommand):
    """A command with other words by which people look for it."""

    words = ""


def action(title: str, help: str, callback: Callable[[], Any], words: str = "") -> Action:
    """A line of the palette."""
    made = Action(title, help, callback)
    made.words = words
    return made


def commands_of(screen: Screen[Any], workspace: Workspace) -> Iterable[SystemCommand]:
    """Every command that works on a screen now."""
    if isinstance(screen, MainScreen):
        for command in palette_of(screen.KEYMAP):
            if screen.in_palette(command.do):
                yield action(command.title, command.help, partial(screen.run_action, command.action), command.words)
    if isinstance(screen, Playground):
        for preset in workspace.presets:
            change = partial(screen.sampling.change_settings, preset.settings)
            yield action(f"preset {preset.name}", preset.text, change, "settings sampling")
            if not preset.shipped:
                forget = partial(screen.sampling.forget_preset, preset.name)
                yield SystemCommand(f"delete preset {preset.name}", "one of your own", forget)
    if isinstance(screen, MainScreen):
        for lesson in (*shipped(), tour()):
            yield action(f"lesson: {lesson.title}", f"{lesson.about} ({lesson.minutes:g} min)",
                         partial(workspace.lesson.on_begin, lesson), "lesson tour learn teach lecture demo play")
        if workspace.lesson.recording is not None:
            yield action("end the recording", "of a lesson: name its file", workspace.lesson.on_record,
                         "save stop lesson")
        elif not workspace.lesson.on:
            yield action("record a lesson", "by doing it: what you do from now on becomes its steps",
                         workspace.lesson.on_record, "lesson make own write author lecture")
    for theme in workspace.themes.values():
        yield action(f"theme {theme.name}", theme.description, partial(set_theme, screen, theme.name),
                     "colours colors dark light appearance")
    yield action("letter size", LETTERS, partial(workspace.say, LETTERS), "font bigger larger smaller zoom")
    yield action("quit", "end gpt2-remix; everything is saved", screen.app.action_quit, "exit close leave stop bye")


def set_theme(screen: Screen[Any], name: str) -> None:
    """Draw with another theme."""
    screen.app.theme = name
