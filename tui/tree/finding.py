"""Finding in the tree, off the screen's thread: a text, unlikely choices, picked tokens, what has a name or note."""

from __future__ import annotations

from collections.abc import Callable

from gpt2_remix.engine.session.outline import annotated, find_text, least_likely, with_origin
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.tui.dialogs.ask import AskScreen
from gpt2_remix.tui.messages import Found
from gpt2_remix.tui.tree.host import TreeHost

MOST_FOUND = 500
"""Rows of a search at most."""


class Finding:
    """What /, l, p and m do."""

    def __init__(self, host: TreeHost) -> None:
        self._host = host

    def _find(self, search: Callable[[Tree], tuple[list[int], str]]) -> None:
        copy = self._host.exploration.tree.copier()  # what is searched does not change meanwhile; numbers stay

        def work() -> Found:
            nodes, words = search(copy())
            return Found(nodes[:MOST_FOUND], words)

        self._host.workspace.errands.submit(work, self._host.post_message, "find")

    def text(self) -> None:
        """Find a text on any branch."""
        piece = self._host.exploration.piece

        def search(tree: Tree, text: str) -> tuple[list[int], str]:
            nodes = find_text(tree, piece, text, MOST_FOUND)
            many = f"{len(nodes)} or more" if len(nodes) >= MOST_FOUND else str(len(nodes))
            return nodes, f"{many} × {text[:40]!r}"

        def asked(text: str | None) -> None:
            if text:
                self._find(lambda tree: search(tree, text))

        hint = "a text on any branch, capital or small letters alike"
        self._host.app.push_screen(AskScreen("find", hint, check=str), asked)

    def least_likely(self) -> None:
        """Find the tokens with the highest surprisal."""
        self._find(lambda tree: (least_likely(tree, MOST_FOUND), "the least likely choices"))

    def picked(self) -> None:
        """Find the tokens that a person picked."""
        self._find(lambda tree: (with_origin(tree, "picked"), "picked tokens"))

    def annotated(self) -> None:
        """Find the rows with a name, a star or a note."""
        self._find(lambda tree: (annotated(tree), "names, stars and notes"))
