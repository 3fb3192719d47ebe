"""Moving: over tokens, words and lines, to siblings and branches, back and forth through what was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.runs import Runs


class Cursor:
    """What the arrow keys, [ and ], u and ctrl+r do."""

    def __init__(self, host: Host, runs: Runs) -> None:
        self._host = host
        self._runs = runs

    def move(self, offset: int) -> None:
        """Move the cursor over tokens."""
        self.move_to(self._host.exploration.cursor + offset)

    def move_to(self, position: int) -> None:
        """Move the cursor to a position; at the end of the stream it goes along with a run."""
        tree, run = self._host.exploration.tree, self._host.activity.run
        tree.move(position)
        if run is not None and run.endless:
            run.following = tree.view.cursor >= len(tree) - 1
        self._host.changed()

    def end(self) -> None:
        """Move the cursor to the next token; while running, it follows the newest one again."""
        self.move_to(len(self._host.exploration.tree))

    def word(self, direction: int) -> None:
        """Move the cursor to where the word before or after begins."""
        exploration = self._host.exploration
        position = exploration.cursor + direction
        while 0 < position < len(exploration.tree):
            if exploration.piece(exploration.tree.step(position).token)[:1].isspace():
                break
            position += direction
        self.move_to(position)

    def line(self, lines: int) -> None:
        """Move the cursor a line up or down."""
        self.move_to(self._host.panes.text.line_step(lines))

    def candidate(self, rows: int) -> None:
        """Select another candidate."""
        self._host.panes.view.move(rows)

    def least_likely(self) -> None:
        """Select the least likely candidate that the chain keeps."""
        candidates = self._host.panes.view.list
        if (kept := candidates.kept) is not None:
            self._host.panes.view.action_row(kept - 1 - candidates.selected)

    def sibling(self, offset: int) -> None:
        """Show the sibling before or after at the cursor."""
        self._runs.stop()
        exploration = self._host.exploration
        position = min(exploration.cursor, len(exploration.tree) - 1)
        if position < 0 or not exploration.tree.go_sibling(position, offset):
            self._host.workspace.say("no other branch starts here; r flips again, b branches")
        self._host.changed()

    def go_to(self, node: int) -> None:
        """Show the branch through a node, the cursor on it."""
        self._runs.stop()
        self._host.exploration.tree.go(node)
        self._host.changed()

    def undo(self) -> None:
        """Take the last change back."""
        self._through_history(self._host.exploration.tree.undo, "nothing to undo: this is how the session began")

    def redo(self) -> None:
        """Take the last undo back."""
        self._through_history(self._host.exploration.tree.redo, "nothing to redo: that was the newest change")

    def _through_history(self, move: Callable[[], bool], nothing: str) -> None:
        host = self._host
        self._runs.stop()
        host.activity.pending.clear()
        if not move():
            host.workspace.say(nothing)
        view = host.exploration.tree.view
        host.workspace.remember(replace(host.workspace.preferences, settings=view.settings, coin=view.coin))
        host.changed()
