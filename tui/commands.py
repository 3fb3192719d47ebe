"""The command palette: what the screen on top does, presets, themes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from textual import command
from textual.app import ComposeResult, SystemCommand
from textual.command import CommandList, CommandPalette
from textual.screen import Screen
from textual.worker import Worker

from tui.keymap import palette_of
from tui.main_screen import EndsOnce, MainScreen
from tui.playground.screen import Playground
from tui.widgets.choices import Lasting
from tui.workspace import Workspace


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


def commands_of(screen: Screen[Any], workspace: Workspace) -> Iterable[SystemCommand]:
    """Every command that works on a screen now."""
    if isinstance(screen, MainScreen):
        for command in palette_of(screen.KEYMAP):
            if screen.offered(command.do):
                yield SystemCommand(command.title, command.help, partial(screen.run_action, command.action))
    if isinstance(screen, Playground):
        for preset in workspace.presets:
            change = partial(screen.sampling.change_settings, preset.settings)
            yield SystemCommand(f"preset {preset.name}", preset.text, change)
            if not preset.shipped:
                forget = partial(screen.sampling.forget_preset, preset.name)
                yield SystemCommand(f"delete preset {preset.name}", "one of your own", forget)
    for theme in workspace.themes.values():
        yield SystemCommand(f"theme {theme.name}", theme.description, partial(set_theme, screen, theme.name))
    yield SystemCommand("quit", "end gpt2-remix", screen.app.action_quit)


def set_theme(screen: Screen[Any], name: str) -> None:
    """Draw with another theme."""
    screen.app.theme = name
