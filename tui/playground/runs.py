"""Runs: the stream going on by itself, and branches that grow for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt2_remix.engine.session.outline import unused_seeds
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import ActiveRun, Host
from gpt2_remix.tui.workers.requests import RunRequest, numbers

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.lane import Lane

MOST_BRANCHES = 16
MOST_TOKENS = 100_000


class Runs:
    """What g and b do."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def endless(self) -> bool:
        """Whether a run goes on until it is paused."""
        run = self._host.activity.run
        return run is not None and run.endless

    @property
    def goal(self) -> int | None:
        """The length at which the run that goes on ends; None where it has none."""
        return self._host.activity.run.goal if self._host.activity.run is not None else None

    def start(self) -> None:
        """Run from the end of the stream until paused, or until it has as many tokens as were typed before."""
        host, tree = self._host, self._host.exploration.tree
        goal = host.activity.take_count()
        if goal and goal <= len(tree):
            host.workspace.say(f"the text has {counted(len(tree), 'token')} already: "
                               f"{goal:,} and space makes {goal:,} more")
            host.changed(keep_selection=True)
            return
        self._start(goal or None)

    def add(self, count: int) -> None:
        """Run for some tokens from the end of the stream."""
        self._start(len(self._host.exploration.tree) + count)

    def _start(self, goal: int | None) -> None:
        host = self._host
        if not host.exploration.ready:
            host.workspace.say("the network is still loading; one moment")
            return
        tree = host.exploration.tree
        if tree.view.cursor < len(tree):
            tree.move(len(tree))
        tree.checkpoint()
        self.go_on(goal=goal)

    def go_on(self, *, following: bool = True, goal: int | None = None) -> None:
        """Run on from the end of the stream, as part of what was begun before, up to a length where one is given."""
        from gpt2_remix.engine.generation.lane import lane_at

        exploration = self._host.exploration
        tree, view = exploration.tree, exploration.tree.view
        if not exploration.ready or (goal is not None and goal <= len(tree)):
            return
        lane = lane_at(tree, len(tree), view.settings, seed=view.seed, coin=view.coin, end_of_text=self._end(),
                       limit=None if goal is None else goal - len(tree), dice=tuple(exploration.dice))
        self._begin([lane], [view.head], endless=True, following=following, goal=goal)

    def branch(self) -> None:
        """Grow new branches from the cursor for a while, each with luck of its own."""
        host, activity = self._host, self._host.activity
        count = min(MOST_BRANCHES, activity.take_count() or 1)
        exploration = host.exploration
        if not exploration.ready:
            host.workspace.say("the network is still loading; one moment")
            return
        from gpt2_remix.engine.generation.lane import lane_at

        tree, view, position = exploration.tree, exploration.tree.view, exploration.cursor
        self.stop()
        parent, seeds = tree.parent_of(position), unused_seeds(tree, count)
        lanes = [
            lane_at(tree, position, view.settings, seed=seed, coin=view.coin, end_of_text=self._end(),
                    limit=host.workspace.preferences.branch_length)
            for seed in seeds
        ]
        tree.change(head=parent, cursor=position, seed=seeds[0])
        self._begin(lanes, [parent] * count, endless=False, following=False)

    def follow(self, ids: Sequence[int]) -> None:
        """Take over how the text may go on from the cursor: as a branch of picked tokens."""
        from gpt2_remix.engine.generation.lane import lane_at
        from gpt2_remix.engine.generation.step import Step

        exploration = self._host.exploration
        if not ids or not exploration.ready:
            return
        tree, view, position = exploration.tree, exploration.tree.view, exploration.cursor
        script = {position + n: Step(position + n, token, "picked", settings=view.settings)
                  for n, token in enumerate(ids)}
        lane = lane_at(tree, position, view.settings, seed=view.seed, coin=view.coin, limit=len(ids), script=script)
        self.grow(lane, position)

    def grow(self, lane: Lane, position: int) -> None:
        """Grow one branch from a position of the stream to the lane's limit, and follow it."""
        tree = self._host.exploration.tree
        self.stop()
        parent = tree.parent_of(position)
        tree.change(head=parent, cursor=position)
        self._begin([lane], [parent], endless=False, following=True)

    def _end(self) -> int | None:
        """The id that ends a run, where it is to end there."""
        tokenizer = self._host.exploration.tokenizer
        assert tokenizer is not None
        return tokenizer.end_of_text if self._host.workspace.preferences.stop_at_end else None

    def _begin(
        self, lanes: list[Lane], tails: list[int], *, endless: bool, following: bool, goal: int | None = None
    ) -> None:
        host, number = self._host, next(numbers)
        host.activity.run = ActiveRun(number, tails, endless, following, goal)
        host.activity.pending.clear()
        host.workspace.engine.submit(RunRequest(
            host.exploration.network, host.post_message, number, lanes, host.workspace.preferences.speed
        ))
        host.changed(keep_selection=True)

    def stop(self) -> None:
        """End the run that goes on, if one does."""
        if self._host.activity.run is not None:
            self._host.activity.run = None
            self._host.workspace.engine.cancel(RunRequest)

    def pause(self) -> None:
        """Pause, and show where it stands."""
        self.stop()
        self._host.activity.count = 0
        self._host.changed()

    def take(self, message: messages.Stepped) -> bool:
        """Take over what the run has made; whether it is the one that goes on."""
        host, run = self._host, self._host.activity.run
        if run is None or message.number != run.number or not host.drawable:
            return False
        exploration, tree = host.exploration, host.exploration.tree
        for place, steps in enumerate(message.lanes):
            old = run.tails[place]
            run.tails[place] = tree.graft(old, steps)
            if place == 0 and run.endless:
                del exploration.dice[: sum(step.by_hand for step in steps)]
            if place == 0 and steps and tree.view.head == old:
                new = tree.nodes[run.tails[0]].depth
                cursor = new - 1 if run.following else exploration.cursor
                tree.change(record=False, head=run.tails[0], cursor=cursor)
                if (dist := message.dists[0]) is not None:
                    parent = tree.nodes[run.tails[0]].parent
                    exploration.remember_distribution(parent or 0, dist)
        run.rate = message.rate
        exploration.computed = message.computed
        if message.ended:
            host.activity.run = None
            host.panes.branches.forget()  # the lanes that were not in view have grown too
            if message.ended == "end_of_text":
                host.workspace.say("the text ended with <|endoftext|>; g goes on past it")
        host.changed(keep_selection=exploration.cursor < len(tree) - 1)
        return True
