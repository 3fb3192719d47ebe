"""The tree screen: the whole session as segments, or its branches in order, or what was found in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.outline import ORDERS, Order
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.keymap import Row as KeyRow
from gpt2_remix.tui.keymap import bindings_of
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.tree.editing import Editing
from gpt2_remix.tui.tree.finding import Finding
from gpt2_remix.tui.tree.keymap import KEYMAP
from gpt2_remix.tui.tree.rows import TreeRows
from gpt2_remix.tui.widgets.outline import Outline
from gpt2_remix.tui.workspace import Workspace


class TreeScreen(MainScreen[int | None]):
    """Dismissed with the node to go to, or None."""

    HELP = """\
    T shows the whole session. A row is the tokens between two splits: how it came (¶ given, ✎ picked, ↻ flipped again),
    its first words, how many tokens, how probable they are together, how long ago. enter goes there, space folds, n
    names, o writes a note, * gives a star, x hides and shows again (H shows what is hidden), c on two rows lays their
    branches side by side. b lists the branches instead, s sorts them by probability a token, length or time. / finds a
    text on any branch, l the least likely choices, p the picked ones, m those with a name, a star or a note.
    """

    CSS = """
    TreeScreen { background: $background; }
    TreeScreen Outline {
        height: 1fr; border: round $secondary; border-title-color: $primary; border-subtitle-color: $text-muted;
        padding: 0 1;
    }
    TreeScreen #about { height: 2; background: $background; color: $text-muted; padding: 0 2; }
    TreeScreen.small > * { display: none; }
    TreeScreen.small #too-small { display: block; }
    """

    KEYMAP: ClassVar[Sequence[KeyRow]] = KEYMAP
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(KEYMAP)]

    def __init__(self, workspace: Workspace, exploration: Exploration) -> None:
        super().__init__(workspace)
        self.exploration = exploration
        self.listed = TreeRows(exploration, in_view=set(exploration.tree.path))
        self.outline = Outline(workspace.palette, self.listed.label, id="outline")
        self.editing = Editing(self)
        self.finding = Finding(self)
        self._go_to: int | None = None

    def body(self) -> Iterable[Widget]:
        """Rows, and more about the one under the cursor."""
        yield self.outline
        yield Static(id="about")

    def on_mount(self) -> None:
        """The cursor stands on what the playground shows."""
        self.outline.focus()
        tree = self.exploration.tree
        cursor = min(self.exploration.cursor, len(tree) - 1)
        self.show_rows(tree.path[cursor] if cursor >= 0 else None)  # at once: the next key moves on from there
        self.workspace.palette_changed.subscribe(self, lambda _: self.outline.set_palette(self.workspace.palette))

    @property
    def drawable(self) -> bool:
        """See MainScreen."""
        return self.is_attached and self.outline.is_attached and bool(self.query("#about"))

    # Showing

    def show_rows(self, node: int | None = None) -> None:
        """Make the rows anew; the cursor goes to a node where told."""
        self._go_to = node
        self.changed()

    def draw(self, keep_selection: bool) -> None:
        """See MainScreen."""
        rows, title, empty = self.listed.rows()
        outline, node = self.outline, self._go_to
        self._go_to = None
        outline.border_title, outline.border_subtitle = title, "tokens · bits a token · age"
        outline.show(rows, empty)
        if node is not None and self.listed.kind == "segments":
            outline.cursor = self.listed.row_of(rows, node)
            outline.move(0)
        self._about()

    def _about(self) -> None:
        tree, listed = self.exploration.tree, self.listed
        lines = listed.about(self.outline.row)
        for about in self.query("#about").results(Static):  # none while the app ends
            about.update(Text("\n".join(line.replace("\n", " ") for line in lines)))
        branches = tree.leaf_count
        hidden = sum(known.hidden for known in tree.annotations.values())
        parts = [counted(len(tree.nodes) - 1, "token"), counted(branches, "branch", "branches")]
        if hidden:
            parts.append(f"{hidden} hidden{' (shown)' if listed.show_hidden else ': H'}")
        if listed.first is not None:
            parts.append("c on another row compares")
        self.draw_status(self.exploration.model, parts)

    def on_found(self, message: messages.Found) -> None:
        """Show what was found."""
        message.stop()
        self.listed.found, self.listed.what, self.listed.kind = message.nodes, message.words, "found"
        self.outline.cursor = 0
        self.show_rows()

    def on_errand_failed(self, message: messages.ErrandFailed) -> None:
        """Say why nothing could be found."""
        message.stop()
        self.workspace.say(message.reason, error=True)

    # Keys

    def move(self, rows: int) -> None:
        """Move over rows."""
        self.outline.move(rows)
        self._about()

    def page(self, pages: int) -> None:
        """Move by a screenful."""
        self.move(pages * max(1, self.outline.size.height - 3))

    @on(Outline.Clicked)
    def _clicked(self, event: Outline.Clicked) -> None:
        self._about()
        if event.fold:
            self.fold()
        elif event.twice:
            self.go()

    def go(self) -> None:
        """Go to the row in the playground."""
        row = self.outline.row
        if row is not None:
            self.dismiss(row.last if self.listed.kind == "branches" else row.first)

    def back(self) -> None:
        """Go from what was found to the tree, from the tree to the playground."""
        if self.listed.kind == "segments":
            self.dismiss(None)
        else:
            self.listed.kind = "segments"
            self.show_rows(self.outline.row.first if self.outline.row else None)

    def fold(self) -> None:
        """Fold a row's branches, or unfold them."""
        row = self.outline.row
        if row is not None and self.listed.kind == "segments" and row.fold != " ":
            self.listed.folded ^= {row.first}
            self.show_rows(row.first)

    def parent_row(self) -> None:
        """Fold, or go to the row above that this one hangs on."""
        row = self.outline.row
        if row is None or self.listed.kind != "segments":
            return
        if row.fold == "▾":
            self.fold()
        else:
            parent = self.exploration.tree.nodes[row.first].parent
            if parent not in (None, ROOT):
                self.outline.cursor = self.listed.row_of(self.outline.rows, parent or 0)
                self.move(0)

    def child_row(self) -> None:
        """Unfold, or go to the next row."""
        row = self.outline.row
        if row is not None and row.fold == "▸":
            self.fold()
        else:
            self.move(1)

    def toggle_hidden(self) -> None:
        """Show what is hidden too, or not."""
        self.listed.show_hidden = not self.listed.show_hidden
        self.show_rows()

    def branches(self) -> None:
        """List the branches, or show the tree again."""
        self.listed.kind = "segments" if self.listed.kind == "branches" else "branches"
        self.show_rows()

    def sort(self) -> None:
        """List the branches in the next order."""
        orders: Sequence[Order] = [order for order in ORDERS if order != "tree"]
        if self.listed.kind == "branches":
            self.listed.order = orders[(orders.index(self.listed.order) + 1) % len(orders)]
        self.listed.kind = "branches"
        self.show_rows()

    def compare(self) -> None:
        """Take the first of two branches, and then lay both side by side."""
        from gpt2_remix.tui.compare.screen import CompareScreen
        from gpt2_remix.tui.state.beginnings import of_branches

        row, listed, say = self.outline.row, self.listed, self.workspace.say
        if row is None:
            return
        leaf = listed.leaf_of(row)
        if listed.first is None:
            listed.first = row.last
            say("c on another row lays the two branches side by side")
            self.show_rows()
            return
        first = self.exploration.tree.leaf_below(listed.first)
        listed.first = None
        if first == leaf:
            say("that is the same branch; choose another row")
            self.show_rows()
            return
        comparison = self.exploration.comparison = of_branches(self.exploration, first, leaf)
        screen = CompareScreen(self.workspace, self.exploration, comparison)
        self.app.push_screen(screen, lambda _: self.show_rows())

    def help(self) -> None:
        """Explain the keys."""
        self.post_message(messages.ShowHelp("tree"))
