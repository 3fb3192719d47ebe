"""The tree screen: the whole session as segments, or its branches in order, or what was found in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from engine.session.outline import (
    ORDERS,
    Order,
    find_text,
    least_likely,
    marked,
    segments,
    sorted_leaves,
    with_origin,
)
from engine.session.tree import ROOT, Mark
from tui.playground.branches import scientific
from tui.state.exploration import Exploration
from tui.style.status_bar import NEEDED, needs_room, status_line
from tui.tree.outline import Label, Outline, Row, sign_of
from tui.workers.autosave import age

if TYPE_CHECKING:
    from tui.app import RemixApp

SHOWN_TOKENS = 40
"""Tokens of a row of which the words are made; more do not fit."""

FOUND = 500
"""Rows of a search at most."""

Kind = Literal["segments", "branches", "found"]


class TreeScreen(Screen[int | None]):
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

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "go"),
        Binding("space", "fold", "fold"),
        Binding("n", "name", "name"),
        Binding("o", "note", "note", show=False),
        Binding("asterisk", "star", "star", key_display="*"),
        Binding("x", "hide", "hide"),
        Binding("c", "compare", "compare"),
        Binding("b", "branches", "branches"),
        Binding("s", "sort", "sort", show=False),
        Binding("slash", "find", "find", key_display="/"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("escape,q,T", "back", "back", key_display="esc"),
        Binding("H", "hidden", "show hidden", show=False),
        Binding("l", "least_likely", "least likely", show=False),
        Binding("p", "picked", "picked", show=False),
        Binding("m", "marked", "marked", show=False),
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "move(-1000000000)", "first", show=False),
        Binding("end", "move(1000000000)", "last", show=False),
        Binding("left", "parent", "parent", show=False),
        Binding("right", "child", "child", show=False),
    ]

    app: RemixApp

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration
        self._kind: Kind = "segments"
        self._order: Order = "probability"
        self._folded: set[int] = set()
        self._show_hidden = False
        self._found: list[int] = []
        self._what = ""
        self._first: int | None = None  # of two branches to compare
        self._view = set(exploration.tree.path)

    def compose(self) -> ComposeResult:
        """Rows, and more about the one under the cursor."""
        yield Static(id="status")
        yield Outline(self.app.palette, self._label, id="outline")
        yield Static(id="about")
        yield Footer(show_command_palette=False, compact=True)
        yield Static(id="too-small")

    def on_mount(self) -> None:
        """The cursor stands on what the playground shows."""
        self.outline.focus()
        tree = self.exploration.tree
        cursor = min(self.exploration.cursor, len(tree) - 1)
        self.call_after_refresh(self.show_rows, tree.path[cursor] if cursor >= 0 else None)

    @property
    def outline(self) -> Outline:
        """The rows."""
        return self.query_one(Outline)

    # Showing

    def show_rows(self, node: int | None = None) -> None:
        """Makes the rows anew; the cursor goes to a node where told."""
        if not self.is_attached or not self.query(Outline):
            return  # it closes
        tree = self.exploration.tree
        if self._kind == "segments":
            rows, empty = self._segments(), "nothing here yet: space in the playground makes a token"
            title = "tree"
        elif self._kind == "branches":
            rows = [Row(self._begins(leaf), leaf, 0) for leaf in
                    sorted_leaves(tree, self._order, hidden=self._show_hidden)]  # fmt: skip
            title, empty = f"branches by {self._order}", "no branches yet"
        else:
            rows = [Row(found, found, 0) for found in self._found]
            title, empty = self._what, "nothing found; esc goes back"
        outline = self.outline
        outline.border_title = title
        outline.border_subtitle = "tokens · probability · age"
        if node is not None and self._kind == "segments":
            outline.show(rows, empty)
            outline.cursor = self._row_of(rows, node)
            outline.move(0)
        else:
            outline.show(rows, empty)
        self._about()

    def _row_of(self, rows: list[Row], node: int) -> int:
        """The row whose segment holds a node, or the folded one above it."""
        firsts = {row.first: n for n, row in enumerate(rows)}
        tree = self.exploration.tree
        above: int | None = node
        while above is not None and above != ROOT:
            if above in firsts:
                return firsts[above]
            above = tree.nodes[above].parent
        return 0

    def _segments(self) -> list[Row]:
        tree = self.exploration.tree
        rows: list[Row] = []
        under = -1  # how deep the folded row is whose segments are left out
        for segment in segments(tree, hidden=self._show_hidden):
            if 0 <= under < segment.depth:
                continue
            under = -1
            split = len(tree.nodes[segment.last].children) > 1
            folded = split and segment.first in self._folded
            if folded:
                under = segment.depth
            rows.append(Row(segment.first, segment.last, segment.depth, "▸" if folded else "▾" if split else " "))
        return rows

    def _begins(self, leaf: int) -> int:
        """The first node of a branch that is its own: after its last split."""
        tree, node = self.exploration.tree, leaf
        while (parent := tree.nodes[node].parent) not in (None, ROOT) and len(tree.nodes[parent or 0].children) == 1:
            node = parent or 0
        return node

    def _tokens(self, row: Row) -> list[int]:
        """The first tokens of a row."""
        tree = self.exploration.tree
        path = [row.first]
        while path[-1] != row.last and len(path) < SHOWN_TOKENS:
            # A segment has one child at each node; a branch was walked up from its leaf.
            path.append(tree.nodes[path[-1]].children[0])
        return [step.token for node in path if (step := tree.nodes[node].step) is not None]

    def _around(self, node: int) -> str:
        """A found token in brackets, with what stands before and after it."""
        exploration, tree = self.exploration, self.exploration.tree
        before: list[int] = []
        above = tree.nodes[node].parent
        while above not in (None, ROOT) and len(before) < 6:
            before.append(above or 0)
            above = tree.nodes[above or 0].parent
        after: list[int] = []
        below = node
        while len(after) < SHOWN_TOKENS and (children := tree.nodes[below].children):
            below = children[0]
            after.append(below)

        def words(nodes: Sequence[int]) -> str:
            tokens = [step.token for known in nodes if (step := tree.nodes[known].step) is not None]
            return exploration.words(tokens) if tokens else ""

        return f"{words(before[::-1])} ⟦{words([node])}⟧ {words(after)}".strip()

    def _label(self, row: Row) -> Label:
        exploration = self.exploration
        tree = exploration.tree
        first, last = tree.nodes[row.first], tree.nodes[row.last]
        above = tree.nodes[first.parent or ROOT]
        whole = self._kind == "branches"
        count = last.depth if whole else last.depth - above.depth
        log_p = last.log_p if whole else last.log_p - above.log_p
        mark = tree.marks.get(row.first, Mark())
        end = tree.marks.get(row.last, Mark())
        name = " ".join(filter(None, [mark.name, end.name if row.last != row.first else ""]))
        found = self._kind == "found"
        words = self._around(row.first) if found else exploration.words(self._tokens(row))
        step = first.step
        sign = "◆" if row.last == self._first else "★" if mark.star or end.star else sign_of(step)
        note = " ✉" if mark.note or end.note else ""
        probability = "given" if log_p == 0 else f"p {scientific(log_p)}"
        if found and step is not None and step.surprisal is not None:
            probability = f"{step.surprisal:.1f} bits"
        columns = [f"{count:>6,}", f"{probability:>9}", f"{age(last.born):>5}" if last.born else "     "]
        said = f"[{name}] {words}" if name else words
        return Label(sign, said + note, columns, shown=row.last in self._view, dim=mark.hidden)

    def _about(self) -> None:
        tree, row = self.exploration.tree, self.outline.row
        lines = ["", ""]
        if row is not None:
            mark = tree.marks.get(row.first, Mark())
            born = tree.nodes[row.last].born
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(born)) if born else ""
            step = tree.nodes[row.first].step
            model = tree.models[tree.nodes[row.first].model].name if tree.models else ""
            settings = (step.settings.changed() or "pure sampling") if step is not None and step.settings else ""
            lines[0] = " · ".join(filter(None, [f"token {step.position}" if step else "", when, model, settings]))
            lines[1] = mark.note
        self.query_one("#about", Static).update(Text("\n".join(line.replace("\n", " ") for line in lines)))
        left = Text(" gpt2-remix ", style="bold", no_wrap=True)
        left.append(f" {self.exploration.model}", style="not bold")
        branches = tree.leaf_count
        hidden = sum(known.hidden for known in tree.marks.values())
        parts = [f"{len(tree.nodes) - 1:,} tokens", f"{branches:,} branch{'es' if branches != 1 else ''}"]
        if hidden:
            parts.append(f"{hidden} hidden{' (shown)' if self._show_hidden else ': H'}")
        if self._first is not None:
            parts.append("c on another row compares")
        self.query_one("#status", Static).update(status_line(left, parts, self.size.width), layout=False)

    def on_resize(self, event: events.Resize) -> None:
        """Below the size that is needed, one line says so."""
        width, height = event.size
        self.set_class(width < NEEDED[0] or height < NEEDED[1], "small")
        self.query_one("#too-small", Static).update(needs_room(width, height))

    # Keys

    def action_move(self, rows: int) -> None:
        """Moves over rows."""
        self.outline.move(rows)
        self._about()

    def action_page(self, pages: int) -> None:
        """Moves by a screenful."""
        self.action_move(pages * max(1, self.outline.size.height - 3))

    @on(Outline.Clicked)
    def _clicked(self, event: Outline.Clicked) -> None:
        self._about()
        if event.twice:
            self.action_go()

    def action_go(self) -> None:
        """Goes to the row in the playground."""
        row = self.outline.row
        if row is not None:
            self.dismiss(row.last if self._kind == "branches" else row.first)

    def action_back(self) -> None:
        """From what was found to the tree, from the tree to the playground."""
        if self._kind == "segments":
            self.dismiss(None)
        else:
            self._kind = "segments"
            self.show_rows(self.outline.row.first if self.outline.row else None)

    def action_fold(self) -> None:
        """Folds a row's branches, or unfolds them."""
        row = self.outline.row
        if row is not None and self._kind == "segments" and row.fold != " ":
            self._folded ^= {row.first}
            self.show_rows(row.first)

    def action_parent(self) -> None:
        """Folds, or goes to the row above that this one hangs on."""
        row = self.outline.row
        if row is None or self._kind != "segments":
            return
        if row.fold == "▾":
            self.action_fold()
        else:
            parent = self.exploration.tree.nodes[row.first].parent
            if parent not in (None, ROOT):
                self.outline.cursor = self._row_of(self.outline.rows, parent or 0)
                self.action_move(0)

    def action_child(self) -> None:
        """Unfolds, or goes to the next row."""
        row = self.outline.row
        if row is not None and row.fold == "▸":
            self.action_fold()
        else:
            self.action_move(1)

    def _marked_node(self) -> int | None:
        row = self.outline.row
        return None if row is None else row.last if self._kind == "branches" else row.first

    def action_star(self) -> None:
        """A star, or none."""
        node = self._marked_node()
        if node is not None:
            tree = self.exploration.tree
            tree.mark_node(node, star=not tree.marks.get(node, Mark()).star)
            self.show_rows()

    def action_hide(self) -> None:
        """Hides the row and what hangs on it, or shows it again; nothing is deleted."""
        row, tree = self.outline.row, self.exploration.tree
        if row is None:
            return
        hidden = not tree.marks.get(row.first, Mark()).hidden
        tree.mark_node(row.first, hidden=hidden)
        if hidden and not self._show_hidden:
            self.app.say("hidden, not deleted: H shows what is hidden, x brings it back")
        self.show_rows()

    def action_hidden(self) -> None:
        """Shows what is hidden too, or not."""
        self._show_hidden = not self._show_hidden
        self.show_rows()

    def _ask(self, title: str, hint: str, value: str, then: Callable[[str], object]) -> None:
        from tui.app import check_session_name
        from tui.dialogs.ask import AskScreen

        def answered(answer: str | None) -> None:
            if answer is not None:
                then(answer)
                self.show_rows()

        check = check_session_name if title == "name" else str
        self.app.push_screen(AskScreen(title, hint, value=value, check=check), answered)

    def action_name(self) -> None:
        """Names the row."""
        node, tree = self._marked_node(), self.exploration.tree
        if node is not None:
            known = tree.marks.get(node, Mark()).name
            self._ask("name", "shown before its words; empty takes it away", known,
                      lambda name: tree.mark_node(node, name=" ".join(name.split())))  # fmt: skip

    def action_note(self) -> None:
        """Writes a note on the row."""
        node, tree = self._marked_node(), self.exploration.tree
        if node is not None:
            known = tree.marks.get(node, Mark()).note
            self._ask("note", "shown below the tree and in exports; empty takes it away", known,
                      lambda note: tree.mark_node(node, note=note.strip()))  # fmt: skip

    def action_branches(self) -> None:
        """The branches as a list, or the tree again."""
        self._kind = "segments" if self._kind == "branches" else "branches"
        self.show_rows()

    def action_sort(self) -> None:
        """The branches in the next order."""
        orders: Sequence[Order] = [order for order in ORDERS if order != "tree"]
        if self._kind == "branches":
            self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self._kind = "branches"
        self.show_rows()

    def _show_found(self, found: list[int], what: str) -> None:
        self._found, self._what, self._kind = found[:FOUND], what, "found"
        self.outline.cursor = 0
        self.show_rows()

    def action_find(self) -> None:
        """Finds a text on any branch."""
        exploration = self.exploration

        def found(text: str) -> None:
            nodes = find_text(exploration.tree, exploration.piece, text, FOUND)
            many = f"{len(nodes)} or more" if len(nodes) >= FOUND else str(len(nodes))
            self._show_found(nodes, f"{many} × {exploration.words(()) if not text else text[:40]!r}")

        self._ask("find", "a text on any branch, capital or small letters alike", "", found)

    def action_least_likely(self) -> None:
        """The tokens with the highest surprisal."""
        self._show_found(least_likely(self.exploration.tree, FOUND), "the least likely choices")

    def action_picked(self) -> None:
        """The tokens that a person picked."""
        self._show_found(with_origin(self.exploration.tree, "picked"), "picked tokens")

    def action_marked(self) -> None:
        """The rows with a name, a star or a note."""
        self._show_found(marked(self.exploration.tree), "names, stars and notes")

    def action_compare(self) -> None:
        """The first of two branches, and then both side by side."""
        from tui.compare.screen import CompareScreen
        from tui.state.beginnings import of_branches

        row, tree = self.outline.row, self.exploration.tree
        if row is None:
            return
        leaf = row.last if self._kind == "branches" else tree.leaf_below(row.last)
        if self._first is None:
            self._first = row.last if self._kind != "branches" else leaf
            self.app.say("c on another row lays the two branches side by side")
            self.show_rows()
            return
        first = tree.leaf_below(self._first)
        self._first = None
        if first == leaf:
            self.app.say("that is the same branch; choose another row")
            self.show_rows()
            return
        self.exploration.comparison = of_branches(self.exploration, first, leaf)
        self.app.push_screen(CompareScreen(self.exploration, self.exploration.comparison), lambda _: self.show_rows())

    def action_help(self) -> None:
        """Explains the keys."""
        from tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen("tree"))
