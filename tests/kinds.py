"""Types of fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from tests.emulator import Emulator

Checkpoint: TypeAlias = Callable[..., Path]
"""`checkpoint(...)` makes a folder with a random GPT-2."""

Emulate: TypeAlias = Callable[..., Emulator]
"""`emulate(*arguments)` starts the real program in a pseudo-terminal."""

SnapCompare: TypeAlias = Callable[..., bool]
"""pytest-textual-snapshot's fixture."""

T = TypeVar("T")


def known(value: T | None) -> T:
    """The value, which is there."""
    assert value is not None
    return value
