"""Exact futures at the cursor: asked of the engine while their view is shown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.views import futures as view
from gpt2_remix.tui.state.futures import FuturesSeen
from gpt2_remix.tui.workers.requests import FuturesRequest, numbers

DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
"""Tokens that a continuation may have at most."""

BUDGET = 10_000
"""Distributions that are evaluated for one position."""

KEPT = 32
"""Positions of which what was found stays at hand."""


class Futures:
    """What the futures view asks for, and what it was told.

    Attributes:
        depth: of the continuations.
        pattern: that is searched for, "" for none.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.depth = 6
        self.pattern = ""
        self._asked: tuple[int, Hashable] | None = None
        self._known: OrderedDict[Hashable, FuturesSeen] = OrderedDict()

    @property
    def on(self) -> bool:
        """Whether the view is shown."""
        return self._host.panes.view.current == view.VIEW.name

    @property
    def running(self) -> bool:
        """Whether something is still computed for it."""
        return self._asked is not None

    def _key(self) -> Hashable:
        exploration = self._host.exploration
        tree = exploration.tree
        return (exploration.network, tree.parent_of(exploration.cursor), exploration.cursor, exploration.settings,
                self.pattern, self.depth)

    def ask(self) -> None:
        """Ask for the position under the cursor, where that is not known; let go of what is no longer looked at."""
        host, exploration = self._host, self._host.exploration
        if not self.on or not exploration.ready or host.activity.running:
            self.stop()
            return
        key = self._key()
        if self._asked is not None and self._asked[1] != key:
            self.stop()
        known = self._known.get(key)
        if self._asked is None and (known is None or not known.over):
            self._submit(key)

    def _submit(self, key: Hashable) -> None:
        from gpt2_remix.engine.generation.stream import StepList
        from gpt2_remix.engine.outlook.paths import Question
        from gpt2_remix.engine.outlook.patterns import compile_pattern

        host, exploration = self._host, self._host.exploration
        find = compile_pattern(self.pattern) if self.pattern else None
        steps = exploration.tree.steps()[: exploration.cursor]
        number = next(numbers)
        self._asked = number, key
        host.workspace.engine.submit(FuturesRequest(
            exploration.network, host.post_message, number, StepList(steps), exploration.settings,
            Question(self.depth, find, words=True), BUDGET))

    def stop(self) -> None:
        """Compute no more; what was found stays."""
        if self._asked is not None:
            key, self._asked = self._asked[1], None
            self._host.workspace.engine.cancel(FuturesRequest)
            if key in self._known:
                self._known[key] = replace(self._known[key], over=False)

    def halt(self) -> None:
        """Stop because a person wants it: it does not begin again here."""
        if self._asked is not None:
            key = self._asked[1]
            self.stop()
            self._known[key] = replace(self._known.get(key, FuturesSeen()), over=True)
            self._host.changed(keep_selection=True)

    def take(self, message: messages.FuturesGrown) -> None:
        """Take over what was found."""
        if self._asked is None or message.number != self._asked[0]:
            return
        key = self._asked[1]
        self._known[key] = message.seen
        self._known.move_to_end(key)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        if message.seen.over:
            self._asked = None
        self.draw()

    def failed(self) -> None:
        """The engine could not do it."""
        if self._asked is not None:
            self._known[self._asked[1]] = FuturesSeen(over=True)
            self._asked = None

    def draw(self) -> None:
        """Show what is known of the position under the cursor."""
        if not self.on:
            return
        key, pane = self._key(), self._host.panes.view
        words = "paused while the text runs" if self._host.activity.running else "looking ahead…"
        pane.futures.tell(key, self._known.get(key, FuturesSeen()), words)
        pane.summarize()

    # What a person wants

    def search(self, pattern: str) -> None:
        """Ask for the probability of a pattern; "" for none."""
        from gpt2_remix.engine.outlook.patterns import compile_pattern

        try:
            if pattern:
                compile_pattern(pattern)
        except EngineError as error:
            self._host.workspace.say(str(error), error=True)
            return
        self.pattern = pattern
        self._host.changed(keep_selection=True)

    def deeper(self, direction: int) -> None:
        """Look further ahead, or less far."""
        place = DEPTHS.index(self.depth) + direction
        self.depth = DEPTHS[max(0, min(place, len(DEPTHS) - 1))]
        self._host.workspace.say(f"futures: {self.depth} tokens ahead")
        self._host.changed(keep_selection=True)
