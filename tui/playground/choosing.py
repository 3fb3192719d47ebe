"""Choosing tokens: the coin flipped, flipped again, or a person's pick; and what waits for the network."""

from __future__ import annotations

from collections.abc import Callable

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui.playground.host import Host, PendingRequest
from gpt2_remix.tui.playground.runs import Runs

MOST_PENDING = 32
"""Key presses that wait for the network; more than that nobody meant."""


class Choosing:
    """What space, enter, r, x, + and - do."""

    def __init__(self, host: Host, runs: Runs, read_rolls: Callable[[], None]) -> None:
        self._host = host
        self._runs = runs
        self._read_rolls = read_rolls

    # What waits for logits

    def when_known(self, position: int | None, action: Callable[[int], None]) -> None:
        """Run an action once the logits of a position are known, in the order requested; None is the stream's end.

        By its turn the stream may be another one: what waits goes where the tokens before its position have gone.
        """
        pending = self._host.activity.pending
        after = None if position is None else self._host.exploration.tree.parent_of(position)
        if len(pending) < MOST_PENDING:
            pending.append(PendingRequest(after, action))
        self.run_pending()

    def run_pending(self) -> None:
        """Run what no longer has to wait."""
        host, pending = self._host, self._host.activity.pending
        while pending:
            request = pending[0]
            place = host.exploration.place_after(request.after)
            if place is None:
                pending.popleft()
                continue
            if not host.exploration.knows(place):
                host.changed(keep_selection=True)  # drawing asks for what is missing
                return
            pending.popleft()
            try:
                request.action(place)
            except EngineError as error:
                pending.clear()
                host.workspace.say(str(error), error=True)

    # Steps

    def commit_step(self, step: Step, *, cursor: int) -> None:
        """Put a step into the stream; a run goes on from there."""
        endless, goal = self._runs.endless, self._runs.goal
        self._runs.stop()
        tree = self._host.exploration.tree
        if step.origin == "picked":
            tree.pick(step, cursor=cursor)
        else:
            tree.choose(step, cursor=cursor)
        if endless:
            self._runs.go_on(following=step.origin == "picked", goal=goal)
        self._host.changed()

    def step(self) -> None:
        """Append one token at the end of the stream, or as many as were typed before. While running: pause."""
        if self._host.activity.running:
            self._runs.pause()
        elif count := self._host.activity.take_count():
            self._runs.add(count)
        else:
            self._flip(None)

    def pick(self, token: int) -> None:
        """Pick a token at the cursor; the cursor goes to the next position."""

        def act(position: int) -> None:
            from gpt2_remix.engine.generation.decode import pick_token

            exploration = self._host.exploration
            dist = exploration.distribution(position)
            if dist is not None:
                step = pick_token(dist, token, exploration.context(position))
                self.commit_step(step, cursor=position + 1)

        self.when_known(self._host.exploration.cursor, act)

    def pick_selected(self) -> None:
        """Pick the selected candidate at the cursor; of futures, take the continuation over; of forks, read rolls."""
        if self._host.panes.view.futures.display:
            self._runs.follow(self._host.panes.view.futures.chosen)
            return
        if self._host.panes.view.forks.display:
            self._read_rolls()
            return
        token = self._host.panes.view.list.selected_token
        if token is not None:
            self.pick(token)

    def flip_again(self) -> None:
        """Flip the coin of the position under the cursor again; past the end, that of the last token."""
        exploration = self._host.exploration
        tree, position = exploration.tree, exploration.cursor
        if position >= len(tree):
            position = len(tree) - 1
            if position < 0 or tree.step(position).origin == "prompt":
                self._flip(None)
                return
        self._flip(position)

    def _flip(self, position: int | None) -> None:
        """Flip the coin of a position again; None flips that of the next token for the first time."""

        def act(place: int) -> None:
            from gpt2_remix.engine.generation.decode import choose_token

            exploration, tree = self._host.exploration, self._host.exploration.tree
            roll = exploration.next_roll(place)
            u = exploration.dice[0] if position is None and exploration.dice else None
            dist = exploration.distribution(place, roll, u=u)
            if dist is not None:
                step = choose_token(dist, exploration.context(place, roll, u=u), tree.view.coin)
                if u is not None:
                    del exploration.dice[0]
                self.commit_step(step, cursor=place)

        self.when_known(position, act)
