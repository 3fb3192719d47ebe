"""What the parts of the tree screen know of it."""

from __future__ import annotations

from typing import Any, Protocol

from textual.app import App

from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.tree.rows import TreeRows
from gpt2_remix.tui.widgets.outline import Outline
from gpt2_remix.tui.workspace import Workspace


class TreeHost(Protocol):
    """The screen, as its parts see it."""

    workspace: Workspace
    exploration: Exploration
    listed: TreeRows
    outline: Outline

    @property
    def app(self) -> App[Any]:
        """For dialogs."""
        ...

    def show_rows(self, node: int | None = None) -> None:
        """Make the rows anew; the cursor goes to a node where told."""
        ...

    def post_message(self, message: Any) -> bool:
        """Take answers from workers."""
        ...
