"""This program's own modules as other processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = "gpt2_remix"


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules ("tui", "engine.gpt2.kernels.build").

    With `-P`: Python would otherwise take modules from the current folder, where a person's `json.py` may lie.
    """
    return [sys.executable, "-P", "-m", f"{PACKAGE}.{module}", *arguments]


def environment() -> dict[str, str]:
    """The environment for `command`: the package is found where this one lies, whatever else is installed."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), root])
    return os.environ | {"PYTHONPATH": path}
