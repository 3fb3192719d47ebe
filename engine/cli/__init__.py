"""The commands that need no terminal UI, a file each; importing this registers them with `options.commands`."""

from engine.cli import bench, compare, export, generate, models, next_token, score, sessions, trace, train

__all__ = ["bench", "compare", "export", "generate", "models", "next_token", "score", "sessions", "trace", "train"]
