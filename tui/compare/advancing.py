"""Advancing the lanes: a step, a run, catching up."""

from __future__ import annotations

from dataclasses import replace

from gpt2_remix.tui import messages
from gpt2_remix.tui.compare.columns import Columns
from gpt2_remix.tui.compare.host import CompareHost
from gpt2_remix.tui.state.sampling_panel import next_speed
from gpt2_remix.tui.workers.requests import RunRequest, numbers


class Advancing:
    """What space, g, < and > do."""

    def __init__(self, host: CompareHost, columns: Columns) -> None:
        self._host = host
        self._columns = columns

    def start(self, *, endless: bool, goal: int | None) -> None:
        """Advance all lanes to `goal` tokens, or without end; those that are behind catch up first."""
        host, comparison, advance = self._host, self._host.comparison, self._host.advance
        if not host.exploration.ready:
            host.workspace.say("the network is still loading; one moment")
            return
        advance.run, advance.endless, advance.rate = next(numbers), endless, 0.0
        kept = host.workspace.preferences
        tokenizer = host.exploration.tokenizer
        end = tokenizer.end_of_text if tokenizer and kept.stop_at_end else None
        lanes = []
        for place, lane in enumerate(comparison.lanes):
            limit = None if goal is None else max(0, goal - len(lane.steps))
            made = comparison.engine_lane(place, end, limit)
            if lane.stop == "end_of_text":
                made.stop = "end_of_text"
            lanes.append(made)
        speed = kept.speed if endless else None
        host.workspace.engine.submit(RunRequest(host.exploration.network, host.post_message, advance.run, lanes, speed))
        host.changed()

    def stop(self) -> None:
        """End the run that goes on, if one does."""
        if self._host.advance.running:
            self._host.advance.run = None
            self._host.workspace.engine.cancel(RunRequest)

    def catch_up(self) -> None:
        """Let lanes that are behind come as far as the longest."""
        if self._host.comparison.behind():
            self.start(endless=False, goal=len(self._host.comparison))
        else:
            self._host.changed()

    def lanes_changed(self) -> None:
        """What ran goes on with the lanes as they are now; what is new catches up."""
        self._columns.sync()
        if self._host.advance.runs_on:
            self.start(endless=True, goal=None)
        else:
            self.stop()
            self.catch_up()

    def begin_again(self, goal: int) -> None:
        """Lanes that began again come as far as they were: `goal` tokens."""
        self._columns.sync()
        if self._host.advance.runs_on:
            self.start(endless=True, goal=None)
        elif goal:
            self.start(endless=False, goal=goal)
        else:
            self._host.changed()

    def step(self) -> None:
        """Append one token in every lane; while running: pause."""
        advance = self._host.advance
        if advance.runs_on:
            self.pause()
        elif not advance.running:
            advance.following = True
            self.start(endless=False, goal=len(self._host.comparison) + 1)

    def run(self) -> None:
        """Let all lanes go on until paused."""
        self._host.advance.following = True
        self.start(endless=True, goal=None)

    def pause(self) -> None:
        """Pause; lanes that are behind still catch up."""
        self.stop()
        self.catch_up()

    def speed(self, direction: int) -> None:
        """Go faster or slower."""
        workspace = self._host.workspace
        speed = next_speed(workspace.preferences.speed, direction)
        workspace.remember(replace(workspace.preferences, speed=speed))
        workspace.engine.set_speed(speed)
        self._host.changed()

    def take(self, message: messages.Stepped) -> bool:
        """Take over what the lanes have made; whether it is the run that goes on."""
        comparison, advance = self._host.comparison, self._host.advance
        if message.number != advance.run:
            return False
        for lane, steps, dist, stop in zip(
            comparison.lanes, message.lanes, message.dists, message.stops, strict=True
        ):  # the run is replaced whenever lanes come, go or change
            lane.append(steps)
            if dist is not None and steps:
                comparison.remember_distribution(lane, len(lane.steps) - 1, dist)
            lane.stop = None if stop == "length" else stop
        advance.rate = message.rate
        if advance.following:
            comparison.cursor = max(0, len(comparison) - 1)
        if message.ended:
            advance.run = None
            if advance.endless and all(lane.stop == "end_of_text" for lane in comparison.lanes):
                self._host.workspace.say("every lane ended with <|endoftext|>")
        self._host.changed()
        return True
