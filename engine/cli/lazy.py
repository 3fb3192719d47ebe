"""A group of commands whose files are imported when they are asked for: a start pays for one of them, not for all.

Source: click's documentation, "Lazily Loading Subcommands".
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from gpt2_remix.engine.cli.arguments import Command


class LazyGroup(click.Group):
    """A group that knows which module registers which command.

    Attributes:
        modules: the module of each command, by its name; importing it registers the command.
    """

    command_class = Command

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.modules = dict(modules)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group.list_commands`."""
        return sorted({*super().list_commands(ctx), *self.modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group.get_command`."""
        if cmd_name not in self.commands and cmd_name in self.modules:
            import_module(self.modules[cmd_name])
        return super().get_command(ctx, cmd_name)
