"""The branch pane: where branches split, their first words, their probability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.outline import segments
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.outline import Label, Outline, Row, sign_of

FIRST_TOKENS = 24
"""Tokens of a segment among which its first words are looked for."""


class Branches(Outline):
    """The tree as segments: tokens between splits. Enter or a double click goes to the branch."""

    HELP = """\
    The tree: a line is the tokens between two splits, with how many there are and how probable they are together. t
    shows and hides it, enter or a double click goes to a branch, [ and ] go through the siblings at the cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "go"),
        Binding("down", "row(1)", "select", key_display="↑↓"),
        Binding("up", "row(-1)", show=False),
        Binding("pagedown", "row(10)", show=False),
        Binding("pageup", "row(-10)", show=False),
        Binding("escape", "leave", "back"),
    ]

    class Chosen(Message):
        """A person chose a branch: go to this node."""

        def __init__(self, node: int) -> None:
            super().__init__()
            self.node = node

    class Left(Message):
        """The person is done here."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, self._label, id="branches")
        self._tree: Tree | None = None
        self._words: Callable[[list[int]], str] = str
        self._shape: tuple[int, int] | None = None
        self._view: frozenset[int] = frozenset()  # the ends of the segments that are in view

    def forget(self) -> None:
        """Build everything anew at the next change: another tree is shown, or one grew out of view."""
        self._shape = None

    def show_tree(self, tree: Tree, words: Callable[[list[int]], str]) -> None:
        """Build the rows anew where a branch was born or another one is shown; else update the end in view."""
        leaf = tree.leaf_below(tree.view.head)
        shape = (tree.splits, leaf)
        if shape == self._shape and tree is self._tree:
            return
        old, self._shape = self._shape, shape
        grown = tree is self._tree and old is not None and old[0] == shape[0] and tree.below(old[1], leaf)
        self._tree, self._words = tree, words
        if grown and old is not None:
            # No branch was born and the one in view grew: its last segment is the one that held the old end.
            place = next((n for n, row in enumerate(self.rows) if row.last == old[1]), None)
            if place is not None:
                self.rows[place] = replace(self.rows[place], last=leaf)
                self._view = self._view - {old[1]} | {leaf}
                self.refresh()
                return
        rows = [Row(part.first, part.last, part.depth, "▾" if len(tree.nodes[part.last].children) > 1 else " ")
                for part in segments(tree)]
        path = set(tree.path)
        self._view = frozenset(row.last for row in rows if row.first in path)
        current = next((n for n in range(len(rows) - 1, -1, -1) if rows[n].first in path), 0)
        self.cursor = current
        self.show(rows, "no branches yet: space makes a token")

    def _label(self, row: Row) -> Label:
        tree = self._tree
        assert tree is not None
        start, end = tree.nodes[row.first], tree.nodes[row.last]
        above = tree.nodes[start.parent or ROOT]
        count, bits = end.depth - above.depth, end.bits_after(above)
        tokens: list[int] = []
        node = start
        while node.step is not None and len(tokens) < FIRST_TOKENS:
            tokens.append(node.step.token)
            if node.id == row.last:
                break
            node = tree.nodes[node.children[0]]
        sign = sign_of(start.step)
        mean = "" if bits is None else f"{bits:.1f} bits"
        return Label(sign, self._words(tokens), [f"{count} tok", f"{mean:>9}"], shown=row.last in self._view)

    def action_row(self, rows: int) -> None:
        """Another row."""
        self.move(rows)

    def action_choose(self) -> None:
        """Go to the branch."""
        if self.row is not None:
            self.post_message(self.Chosen(self.row.first))

    def action_leave(self) -> None:
        """Give the focus back."""
        self.post_message(self.Left())

    @on(Outline.Clicked)
    def _clicked(self, event: Outline.Clicked) -> None:
        event.stop()
        if event.twice:
            self.action_choose()
