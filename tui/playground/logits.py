"""Asking for what is missing: the logits at the cursor, of the next token and beside the cursor, and of the prefix."""

from __future__ import annotations

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.workers.requests import LogitsRequest, ScoreRequest


class Logits:
    """Asks the worker, and takes its answers over."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._scored_for: tuple[int, int] | None = None  # network and head that probabilities were asked for

    def ask(self) -> None:
        """Ask for what is missing."""
        host, exploration, activity = self._host, self._host.exploration, self._host.activity
        tree, cursor = exploration.tree, exploration.cursor
        if not exploration.ready:
            return
        first = exploration.place_after(activity.pending[0].after) if activity.pending else None
        wanted = [*([] if first is None else [first]), cursor, len(tree), cursor + 1, cursor - 1]
        if activity.run is not None:  # a run that is followed is elsewhere before what is beside the cursor has come
            wanted = [cursor] if activity.run.following else [cursor, cursor + 1, cursor - 1]
        missing = [
            position for position in dict.fromkeys(wanted)
            if 0 <= position <= len(tree) and not exploration.knows(position)
            # The newest token of a run is told by the run itself.
            and not (activity.run and position >= len(tree) - 1)
        ]
        places = tuple(tree.parent_of(position) for position in missing)
        if missing and places != activity.failed:
            host.workspace.engine.submit(LogitsRequest(exploration.network, host.post_message, [
                (tree.parent_of(position), tree.ids(position, exploration.window(position))) for position in missing
            ]))
        self._ask_for_scores()

    def _ask_for_scores(self) -> None:
        host, exploration = self._host, self._host.exploration
        tree = exploration.tree
        wanted_for = (exploration.network, tree.view.head)
        if host.activity.run is not None or wanted_for == self._scored_for or not len(tree):
            return
        self._scored_for = wanted_for
        if missing := exploration.without_probabilities():
            ids = tree.ids(missing[-1][1].position + 1)
            host.workspace.engine.submit(ScoreRequest(exploration.network, host.post_message, ids, missing))

    def take(self, message: messages.LogitsReady) -> bool:
        """Take over logits; whether they are those under the cursor."""
        exploration, activity = self._host.exploration, self._host.activity
        if message.network != exploration.network or not isinstance(message.place, int):
            return False
        exploration.remember(message.place, message.logits)
        exploration.computed = message.computed
        activity.failed = ()
        return exploration.tree.parent_of(exploration.cursor) == message.place

    def take_scores(self, message: messages.PromptScored) -> list[Step]:
        """Take over the probabilities of prompt tokens; those that are on screen."""
        exploration = self._host.exploration
        tree, shown = exploration.tree, []
        if message.network != exploration.network:
            return []
        exploration.computed = message.computed
        for node, step in message.steps:
            if node < len(tree.nodes):
                tree.set_probabilities(node, step)
                if step.position < len(tree) and tree.path[step.position] == node:
                    shown.append(step)
        return shown

    def failed(self) -> None:
        """The network could not give what was asked for last: it is not asked for the same again."""
        exploration, activity = self._host.exploration, self._host.activity
        tree, cursor = exploration.tree, exploration.cursor
        activity.pending.clear()
        wanted = [p for p in dict.fromkeys([cursor, len(tree), cursor + 1, cursor - 1]) if 0 <= p <= len(tree)]
        activity.failed = tuple(tree.parent_of(p) for p in wanted if not exploration.knows(p))
