"""`gpt2-remix themes`: the colour themes."""

from __future__ import annotations

from gpt2_remix.engine.cli.options import commands
from gpt2_remix.engine.cli.output import echo, note


@commands.command()
def themes() -> None:
    """The colour themes, shipped ones and your own."""
    from gpt2_remix.themes import load_themes, user_folder

    found, problems = load_themes()
    for theme in found.values():
        kind = "dark" if theme.dark else "light"
        own = "" if theme.shipped else f"  (your own: {theme.path})"
        echo(f"{theme.name:<18} {kind:<6} {theme.description}{own}")
    echo(f"your own go to {user_folder()}, one TOML file each")
    for problem in problems:
        note(problem)
