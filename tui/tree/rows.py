"""The rows of the tree screen: segments, branches, or what was found; and what each says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gpt2_remix.engine.session.nodes import ROOT, Annotation
from gpt2_remix.engine.session.outline import Order, segments, sorted_leaves
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.style.numbers import age
from gpt2_remix.tui.widgets.outline import Label, Row, sign_of

SHOWN_TOKENS = 40
"""Tokens of a row of which the words are made; more do not fit."""

Kind = Literal["segments", "branches", "found"]


@dataclass(slots=True)
class TreeRows:
    """What is listed, and how.

    Attributes:
        exploration: whose tree.
        kind: segments of the tree, its branches, or what was found in it.
        order: of the branches.
        folded: first nodes of folded segments.
        show_hidden: whether hidden rows are listed.
        found, what: nodes that were found, and what was looked for.
        first: the first of two rows whose branches are to be compared; None while none was chosen.
        in_view: the nodes that the playground shows.
    """

    exploration: Exploration
    kind: Kind = "segments"
    order: Order = "probability"
    folded: set[int] = field(default_factory=set)
    show_hidden: bool = False
    found: list[int] = field(default_factory=list)
    what: str = ""
    first: int | None = None
    in_view: set[int] = field(default_factory=set)

    def rows(self) -> tuple[list[Row], str, str]:
        """The rows, their title, and what to say where there are none."""
        tree = self.exploration.tree
        if self.kind == "segments":
            return self._segments(), "tree", "nothing here yet: space in the playground makes a token"
        if self.kind == "branches":
            leaves = sorted_leaves(tree, self.order, hidden=self.show_hidden)
            return [Row(self._begins(leaf), leaf, 0) for leaf in leaves], f"branches by {self.order}", "no branches yet"
        return [Row(found, found, 0) for found in self.found], self.what, "nothing found; esc goes back"

    def row_of(self, rows: Sequence[Row], node: int) -> int:
        """The row whose segment holds a node, or the folded one above it."""
        firsts = {row.first: n for n, row in enumerate(rows)}
        tree = self.exploration.tree
        above: int | None = node
        while above is not None and above != ROOT:
            if above in firsts:
                return firsts[above]
            above = tree.nodes[above].parent
        return 0

    def leaf_of(self, row: Row) -> int:
        """The end of a row's branch."""
        return row.last if self.kind == "branches" else self.exploration.tree.leaf_below(row.last)

    def node_of(self, row: Row | None) -> int | None:
        """The node that a row's name and note are on."""
        return None if row is None else row.last if self.kind == "branches" else row.first

    def _segments(self) -> list[Row]:
        tree = self.exploration.tree
        rows: list[Row] = []
        under = -1  # how deep the folded row is whose segments are left out
        for segment in segments(tree, hidden=self.show_hidden):
            if 0 <= under < segment.depth:
                continue
            under = -1
            split = len(tree.nodes[segment.last].children) > 1
            folded = split and segment.first in self.folded
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

    def label(self, row: Row) -> Label:
        """What stands in a row."""
        exploration, tree = self.exploration, self.exploration.tree
        first, last = tree.nodes[row.first], tree.nodes[row.last]
        above = tree.nodes[first.parent or ROOT]
        whole = self.kind == "branches"
        count = last.depth if whole else last.depth - above.depth
        bits = last.bits_after(tree.nodes[ROOT] if whole else above)
        said = tree.annotations.get(row.first, Annotation())
        end = tree.annotations.get(row.last, Annotation())
        name = " ".join(filter(None, [said.name, end.name if row.last != row.first else ""]))
        found = self.kind == "found"
        words = self._around(row.first) if found else exploration.words(self._tokens(row))
        step = first.step
        sign = "◆" if row.last == self.first else "★" if said.star or end.star else sign_of(step)
        note = " ✉" if said.note or end.note else ""
        if found and step is not None and step.surprisal is not None:
            bits = step.surprisal
        surprisal = "given" if bits is None else f"{bits:.1f} bits"
        columns = [f"{count:>6,}", f"{surprisal:>9}", f"{age(last.born):>5}" if last.born else "     "]
        text = f"[{name}] {words}" if name else words
        return Label(sign, text + note, columns, shown=row.last in self.in_view, dim=said.hidden)

    def about(self, row: Row | None) -> list[str]:
        """More about a row, in two lines: its settings, and its note."""
        if row is None:
            return ["", ""]
        tree = self.exploration.tree
        born = tree.nodes[row.last].born
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(born)) if born else ""
        step = tree.nodes[row.first].step
        model = tree.models[tree.nodes[row.first].model].name if tree.models else ""
        settings = (step.settings.changed() or "pure sampling") if step is not None and step.settings else ""
        first = " · ".join(filter(None, [f"token {step.position}" if step else "", when, model, settings]))
        return [first, tree.annotations.get(row.first, Annotation()).note]
