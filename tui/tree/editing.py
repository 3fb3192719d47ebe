"""What a person says of rows: names, notes, stars, and what is hidden."""

from __future__ import annotations

from collections.abc import Callable

from gpt2_remix.engine.session.nodes import Annotation
from gpt2_remix.tui.dialogs.ask import AskScreen
from gpt2_remix.tui.tree.host import TreeHost
from gpt2_remix.tui.workspace import check_session_name


class Editing:
    """What n, o, * and x do."""

    def __init__(self, host: TreeHost) -> None:
        self._host = host

    def _node(self) -> int | None:
        return self._host.listed.node_of(self._host.outline.row)

    def _known(self, node: int) -> Annotation:
        return self._host.exploration.tree.annotations.get(node, Annotation())

    def _ask(self, title: str, hint: str, value: str, check: Callable[[str], object],
             then: Callable[[str], object]) -> None:
        def answered(answer: str | None) -> None:
            if answer is not None:
                then(answer)
                self._host.show_rows()

        self._host.app.push_screen(AskScreen(title, hint, value=value, check=check), answered)

    def name(self) -> None:
        """Name the row."""
        node, tree = self._node(), self._host.exploration.tree
        if node is not None:
            self._ask("name", "shown before its words; empty takes it away", self._known(node).name,
                      check_session_name, lambda name: tree.annotate(node, name=" ".join(name.split())))

    def note(self) -> None:
        """Write a note on the row."""
        node, tree = self._node(), self._host.exploration.tree
        if node is not None:
            self._ask("note", "shown below the tree and in exports; empty takes it away", self._known(node).note,
                      str, lambda note: tree.annotate(node, note=note.strip()))

    def star(self) -> None:
        """Give the row a star, or take it away."""
        node = self._node()
        if node is not None:
            self._host.exploration.tree.annotate(node, star=not self._known(node).star)
            self._host.show_rows()

    def hide(self) -> None:
        """Hide the row and what hangs on it, or show it again; nothing is deleted."""
        row = self._host.outline.row
        if row is None:
            return
        hidden = not self._known(row.first).hidden
        self._host.exploration.tree.annotate(row.first, hidden=hidden)
        if hidden and not self._host.listed.show_hidden:
            self._host.workspace.say("hidden, not deleted: H shows what is hidden, x brings it back")
        self._host.show_rows()
