"""The commands that need no terminal UI, a file each; importing this registers them with `engine.cli.commands`."""

from engine.commands import compare, generate, models, next_token, score

__all__ = ["compare", "generate", "models", "next_token", "score"]
