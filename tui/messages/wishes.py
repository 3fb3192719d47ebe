"""What screens ask of the app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message


@dataclass(eq=False, repr=False)
class OpenModel(Message):
    """A person chose a model."""

    name: str


@dataclass(eq=False, repr=False)
class SwitchPrecision(Message):
    """A person wants the weights held the other way."""


@dataclass(eq=False, repr=False)
class OpenSession(Message):
    """A person chose a session, and perhaps the model to open it with."""

    path: Path
    model: str | None = None


@dataclass(eq=False, repr=False)
class ShowHelp(Message):
    """A person wants the help of a screen: of the pane where they are, and of the setting that is chosen there."""

    page: str
    here: str = ""
    chosen: str = ""
