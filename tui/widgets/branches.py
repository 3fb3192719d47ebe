"""The branch pane: where branches split, their first words, their probability."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Tree as TreeWidget
from textual.widgets.tree import TreeNode

from engine.tree import ROOT, Tree
from tui.palette import Palette

NUMBERS = 34
"""Cells beside a segment's first words: guides, length, probability."""

FIRST_TOKENS = 24
"""Tokens of a segment among which its first words are looked for."""


class Branches(TreeWidget[int]):
    """The tree as segments: tokens between splits. Enter or a click goes to the branch."""

    HELP = """\
    The tree: a line is the tokens between two splits, with how many there are and how probable they are together. t
    shows and hides it, enter or a click goes to a branch, [ and ] go through the siblings at the cursor.
    """

    DEFAULT_CSS = """
    Branches { background: $surface; padding: 0; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Branches:focus { background-tint: transparent; }
    Branches > .tree--guides, Branches > .tree--guides-hover, Branches > .tree--guides-selected { color: $panel; }
    Branches > .tree--cursor { background: $panel; color: $foreground; text-style: bold; }
    Branches:focus > .tree--cursor { background: $panel; color: $accent; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back")]

    class Chosen(Message):
        """A person chose a branch: go to this node."""

        def __init__(self, node: int) -> None:
            super().__init__()
            self.node = node

    class Left(Message):
        """The person is done here."""

    def __init__(self, palette: Palette) -> None:
        super().__init__("", id="branches")
        self.show_root = False
        self.guide_depth = 2
        self.auto_expand = False
        self._palette = palette
        self._shape: tuple[int, int] | None = None
        self._tails: dict[int, TreeNode[int]] = {}

    def set_palette(self, palette: Palette) -> None:
        """Draws with another theme at the next change."""
        self._palette = palette
        self._shape = None

    def forget(self) -> None:
        """Builds everything anew at the next change: another tree is shown."""
        self._shape = None

    def action_leave(self) -> None:
        """Gives the focus back."""
        self.post_message(self.Left())

    def show(self, tree: Tree, text_of: Callable[[list[int]], str]) -> None:
        """Builds the segments anew where a branch was born or another one is shown; else updates the end in view."""
        shape = (tree.splits, tree.leaf_below(tree.view.head))
        if shape == self._shape:
            return
        old, self._shape = self._shape, shape
        if old is not None and old[0] == shape[0] and tree.below(old[1], shape[1]):
            # No branch was born and the one in view grew: its last segment is the one that held the old end.
            segment = self._tails.pop(old[1], None)
            if segment is not None:
                self._tails[shape[1]] = segment
                self._relabel(segment, tree, text_of)
                return
        self._rebuild(tree, text_of)

    def _rebuild(self, tree: Tree, text_of: Callable[[list[int]], str]) -> None:
        self.clear()
        self._tails = {}
        path = set(tree.path)
        stack = [(child, self.root) for child in reversed(tree.nodes[ROOT].children)]
        current: TreeNode[int] | None = None
        while stack:
            first, parent = stack.pop()
            last = segment_end(tree, first)
            label = self._label(tree, first, last, text_of, first in path)
            children = tree.nodes[last].children
            if children:
                segment = parent.add(label, data=first, expand=True)
                stack.extend((child, segment) for child in reversed(children))
            else:
                segment = parent.add_leaf(label, data=first)
            self._tails[last] = segment
            if first in path:
                current = segment
        if current is not None:
            self.call_after_refresh(self.move_cursor, current)

    def _relabel(self, segment: TreeNode[int], tree: Tree, text_of: Callable[[list[int]], str]) -> None:
        if segment.data is not None:
            segment.set_label(self._label(tree, segment.data, tree.leaf_below(tree.view.head), text_of, True))

    def _label(self, tree: Tree, first: int, last: int, text_of: Callable[[list[int]], str], shown: bool) -> Text:
        start, end = tree.nodes[first], tree.nodes[last]
        above = tree.nodes[start.parent or ROOT]
        count, log_p = end.depth - above.depth, end.log_p - above.log_p
        tokens: list[int] = []
        node = start
        while node.step is not None and len(tokens) < FIRST_TOKENS:
            tokens.append(node.step.token)
            if node.id == last:
                break
            node = tree.nodes[node.children[0]]
        origin = start.step.origin if start.step else ""
        mark = {"prompt": "¶", "picked": "✎"}.get(origin, "·" if start.step and start.step.roll == 0 else "↻")
        words = text_of(tokens)
        room = max(12, self.size.width - NUMBERS)
        if cell_len(words) > room:
            words = set_cell_size(words, room - 1) + "…"
        style = self._palette.taken if shown else self._palette.text
        label = Text(no_wrap=True)
        label.append(f"{mark} ", Style(color=style.color))
        label.append(words, Style(color=style.color, bold=shown))
        probability = "" if log_p == 0 else f"  p {scientific(log_p)}"
        label.append(f"  {count} tok{probability}", Style(color=self._palette.muted.color))
        return label

    def on_tree_node_selected(self, event: TreeWidget.NodeSelected[int]) -> None:
        """Goes to the branch."""
        event.stop()
        if event.node.data is not None:
            self.post_message(self.Chosen(event.node.data))


def segment_end(tree: Tree, first: int) -> int:
    """The last node before the next split on the way down from a node."""
    while len(tree.nodes[first].children) == 1:
        first = tree.nodes[first].children[0]
    return first


def scientific(log_p: float) -> str:
    """exp(log_p) to two digits, also where it underflows: 0.034, 2.1e-37."""
    exponent = math.floor(log_p / math.log(10))
    if exponent >= -3:
        return f"{math.exp(log_p):.2g}"
    return f"{math.exp(log_p - exponent * math.log(10)):.1f}e{exponent}"
