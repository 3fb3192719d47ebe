"""What the parts of the stage know of it."""

from __future__ import annotations

from typing import Any, Protocol

from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.workspace import Workspace


class Host(Protocol):
    """The stage, as its parts see it."""

    workspace: Workspace
    exploration: Exploration
    selected: int | None

    @property
    def can_pick(self) -> bool:
        """Whether a candidate can be picked."""
        ...

    @property
    def alone(self) -> bool:
        """Whether one pane is alone on the screen."""
        ...

    @property
    def still(self) -> bool:
        """Whether nothing is to move (Textual's animations are off)."""
        ...

    @property
    def shown(self) -> int:
        """How many candidates there is room for."""
        ...

    def changed(self, *, keep_selection: bool = False) -> None:
        """Draw once when what is being done is done."""
        ...

    def make_room(self, kind: str) -> None:
        """Show all panes, where the one that is alone on the screen is not what a play needs."""
        ...

    def move(self, on: bool) -> None:
        """Call `Telling.tick` for every frame, or no longer."""
        ...

    def post_message(self, message: Any) -> bool:
        """Take answers from workers."""
        ...
