"""Jumps: to the next uncertain token, the next fork, the next token that a person picked."""

from __future__ import annotations

from collections.abc import Callable

from gpt2_remix.tui.playground.forks import Forks
from gpt2_remix.tui.playground.host import Host

OPEN_PART = 0.2
"""The part of the tokens that count as uncertain: those whose choice was the most open."""


class Jumping:
    """What n, N and J do."""

    def __init__(self, host: Host, forks: Forks) -> None:
        self._host, self._forks = host, forks
        self._kinds: dict[str, Callable[[], list[int]]] = {
            "uncertain token": self._uncertain, "fork": self._forked, "picked token": self._picked,
        }
        self._kind = "uncertain token"

    def next(self, direction: int) -> None:
        """Go to the next place of the kind that is jumped to, or to the one before."""
        host, tree, cursor = self._host, self._host.exploration.tree, self._host.exploration.cursor
        places = self._kinds[self._kind]()
        ahead = [n for n in places if (n > cursor if direction > 0 else n < cursor)]
        if not ahead:
            where = "after" if direction > 0 else "before"
            more = "; F looks for forks" if self._kind == "fork" and not places else ""
            host.workspace.say(f"no {self._kind} {where} this one{more} (J: jump to something else)")
            return
        tree.move(ahead[0] if direction > 0 else ahead[-1])
        host.changed()

    def to(self, kind: str) -> None:
        """Jump to the next place of a kind, which n and N go through from now on."""
        self._kind = kind
        self.next(1)

    def kind(self) -> None:
        """Go through another kind of place from now on."""
        names = list(self._kinds)
        self._kind = names[(names.index(self._kind) + 1) % len(names)]
        self._host.workspace.say(f"n and N go to the next {self._kind} and the one before")

    def _uncertain(self) -> list[int]:
        tree = self._host.exploration.tree
        known = [(entropy, n) for n in range(len(tree)) if (entropy := tree.step(n).entropy) is not None]
        return sorted(n for _, n in sorted(known, reverse=True)[: max(1, round(len(known) * OPEN_PART))])

    def _forked(self) -> list[int]:
        return [n for n, node in enumerate(self._host.exploration.tree.path) if self._forks.seen.certain(node)]

    def _picked(self) -> list[int]:
        tree = self._host.exploration.tree
        return [n for n in range(len(tree)) if tree.step(n).origin == "picked"]
