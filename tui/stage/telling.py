"""Telling: a token's story goes on by itself or by key, and ends with the token in the tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui import messages
from gpt2_remix.tui.stage.host import Host
from gpt2_remix.tui.state.stage import (
    PACES,
    PHASES,
    Pace,
    Phase,
    Scene,
    Story,
    phases_of,
    scene_of,
    seconds_of,
)
from gpt2_remix.tui.workers.requests import LogitsRequest

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution


class Telling:
    """What space, g, r, < and > do.

    Attributes:
        story: of the token that is told; a new one has not begun.
        pace: how fast.
        running: whether the next story begins when one is told.
    """

    def __init__(self, host: Host, clock: Callable[[], float] = monotonic) -> None:
        self._host = host
        self._clock = clock
        kept = host.workspace.preferences.pace
        self.pace: Pace = next(pace for pace in PACES if pace.name == kept)
        self.running = False
        self._to_the_end = False  # whether the phases follow each other by themselves
        self._begun = 0.0
        self._failed: object = None  # the place that the network could not give, so that it is not asked again at once
        self.story = Story(len(host.exploration.tree))
        self.when_begun: Callable[[], object] | None = None
        self.when_told: Callable[[Step], object] | None = None

    # What is known

    @property
    def dist(self) -> Distribution | None:
        """The distribution of the story's token; None while it is not known, or where there can be none."""
        return self._looked_up()[0]

    @property
    def problem(self) -> str:
        """Why there can be no distribution, "" where there can."""
        return self._looked_up()[1]

    def _looked_up(self) -> tuple[Distribution | None, str]:
        story = self.story
        try:
            return self._host.exploration.distribution(story.position, story.roll, u=story.u), ""
        except EngineError as error:
            return None, str(error)

    @property
    def scene(self) -> Scene:
        """What is seen now."""
        story = self.story
        if self._host.still and story.moving:
            story = replace(story, share=1.0)  # nothing moves: what a phase shows is there at once
        return scene_of(story, self.dist)

    @property
    def moving(self) -> bool:
        """Whether a phase is being told, or the next one, or the next story, follows by itself."""
        return self.running or self.story.moving or (self._to_the_end and not self.story.told)

    @property
    def fast(self) -> bool:
        """Whether it runs as fast as frames can be drawn."""
        return self.running and self.pace.seconds == 0

    @property
    def _wanted(self) -> int:
        """The position whose logits are needed: at full speed the next one's, while a token that was told is shown."""
        return len(self._host.exploration.tree) if self.fast and self.story.told else self.story.position

    def follow(self) -> None:
        """Begin anew where the text that was told about is gone: a flip of before the stage came may come after it."""
        if self.story.position > len(self._host.exploration.tree):
            self.restart()

    def ask(self) -> None:
        """Ask the network for the logits of the story's position, where they are missing."""
        exploration, position = self._host.exploration, self._wanted
        tree = exploration.tree
        place = tree.parent_of(position)
        if exploration.ready and not exploration.knows(position) and place != self._failed:
            ids = tree.ids(position, exploration.window(position))
            self._host.workspace.engine.submit(
                LogitsRequest(exploration.network, self._host.post_message, [(place, ids)]))

    def take(self, message: messages.LogitsReady) -> None:
        """Logits have come."""
        exploration = self._host.exploration
        if message.network == exploration.network and isinstance(message.place, int):
            exploration.remember(message.place, message.logits)
            exploration.computed = message.computed
            self._failed = None
            if self.moving and not self.fast:
                self.tick()

    def failed(self) -> None:
        """The network could not give what was asked for: the story stops where it is."""
        self._failed = self._host.exploration.tree.parent_of(self._wanted)
        self.pause()

    # What keys do

    def space(self) -> None:
        """Go on: the next phase, or a whole step, by the pace; what moves comes to its end; what runs pauses."""
        if self.running:
            self.pause()
        elif self.story.moving and self.dist is not None:
            self.story.share = 1.0
            self._phase_told()
        else:
            self._to_the_end = self.pace.seconds is not None
            self._next()

    def run(self) -> None:
        """Go on from token to token, or pause."""
        if self.running:
            self.pause()
            return
        if self.pace.seconds is None:
            self.change_pace(1)  # what waits for a key does not run
        self.running = self._to_the_end = True
        if not self.story.moving:
            self._next()

    def pause(self) -> None:
        """Stop where it is."""
        self.running = self._to_the_end = False
        if self.story.moving:
            if self.dist is None:
                self.story.phase = None  # what was asked for comes later: then it begins anew
            else:
                self.story.share = 1.0
            if self.story.told:
                self._commit()
        self._host.move(False)
        self._host.changed()

    def change_pace(self, steps: int) -> None:
        """Slower or faster; what is being told goes on from where it is, at the new pace."""
        self.pace = PACES[max(0, min(len(PACES) - 1, PACES.index(self.pace) + steps))]
        if self.pace.seconds is None:
            self.running = self._to_the_end = False
        self._begun = self._clock() - self.story.share * self._seconds()
        workspace = self._host.workspace
        workspace.remember(replace(workspace.preferences, pace=self.pace.name))
        self._host.move(self.moving)
        self._host.changed()

    def again(self) -> None:
        """Flip the last token's coin again."""
        tree = self._host.exploration.tree
        position = len(tree) - 1
        if position < 0 or tree.step(position).origin == "prompt" or self.story.moving:
            return
        self.story = Story(position, self._host.exploration.next_roll(position))
        self._to_the_end = self.pace.seconds is not None
        self._enter("coin" if self.dist is not None else "ask")

    def restart(self) -> None:
        """The stream, or what its next token is chosen with, is another one: nothing of it has been told."""
        self.running = self._to_the_end = False
        self._host.move(False)
        self.story = Story(len(self._host.exploration.tree))
        self._host.changed()

    def place(self, step: Step) -> None:
        """Tell the end of a story: this step, which a person picked or rolled, joins the text."""
        self.story.step = step
        self._to_the_end = True
        self._enter("token")

    def go_to(self, phase: Phase) -> None:
        """Have told everything up to a phase, that one included."""
        self.story.phase, self.story.share = phase, 1.0
        self._host.changed()

    # How it goes on

    def tick(self) -> None:
        """A frame: tell as much as the time says."""
        if self.fast:
            self._tell_at_full_speed()
            return
        story = self.story
        if not story.moving:
            if self.moving and self.dist is not None:
                self._next()  # it waited for what another network had to give again
            elif not self.moving:
                self._host.move(False)
            return
        seconds = self._seconds()
        at_once = not seconds or (self._host.still and self.pace.seconds is None)
        passed = 1.0 if at_once else (self._clock() - self._begun) / seconds
        if story.phase == "ask" and self.dist is None:
            passed = min(passed, 0.99)
            if self._impossible():
                return
        story.share = max(story.share, min(1.0, passed))
        if story.share >= 1:
            self._phase_told()
        elif not self._host.still:
            self._host.changed()

    def _tell_at_full_speed(self) -> None:
        """One frame: the candidates of a token, or what the coin gave. Both are drawn, however fast the network is.

        What was told stays until the next distribution is known, so that nothing flickers.
        """
        exploration = self._host.exploration
        if self.story.phase is None or self.story.told:
            if not exploration.knows(self._wanted):
                self.ask()
                return
            self._begin_story()
        if self.dist is None:
            if not self._impossible():
                self.ask()
            return
        last = [phase for phase in phases_of(self.dist) if phase not in ("coin", "token")][-1]
        told = self.story.phase or "ask"
        if PHASES.index(told) < PHASES.index(last) or (told == last and self.story.share < 1):
            self.go_to(last)
        else:
            self.story.step = self.story.step or self._flipped()
            self.go_to("token")
            self._commit()

    def _impossible(self) -> bool:
        """Whether there can be no distribution; then it is said, and the story begins anew."""
        problem = self.problem
        if problem:
            self._host.workspace.say(problem, error=True)
            self.restart()
        return bool(problem)

    def _seconds(self) -> float:
        phase = self.story.phase or "ask"
        return seconds_of(phase, self.pace, phases_of(self.dist))

    def _phase_told(self) -> None:
        """What comes after a phase."""
        if self.story.told:
            self._commit()
            if self.running:
                self._next()
            else:
                self._to_the_end = False
        elif self._to_the_end:
            self._next()
        if not self.moving:
            self._host.move(False)
        self._host.changed()

    def _next(self) -> None:
        """Begin the next phase, or the next story."""
        story = self.story
        if story.phase is None or story.told:
            self._begin_story()
            self._enter("ask")
            return
        order = phases_of(self.dist)
        later = [phase for phase in order if PHASES.index(phase) > PHASES.index(story.phase)]
        self._enter(later[0])

    def _begin_story(self) -> None:
        """The next token's, unless one is there that has not begun."""
        exploration = self._host.exploration
        if self.story.told or self.story.position != len(exploration.tree):
            self.story = Story(len(exploration.tree))
        if self.when_begun is not None:
            self.when_begun()
        self.story.u = exploration.dice[0] if exploration.dice else None

    def _enter(self, phase: Phase) -> None:
        if phase in ("coin", "token") and self.story.step is None:
            self.story.step = self._flipped()
            if self.story.step is None:
                return
        self.story.phase, self.story.share, self._begun = phase, 0.0, self._clock()
        self._host.move(True)
        self._host.changed()
        if phase != "ask" or not self.running:  # its frame is drawn, and the network asked, before it goes on
            self.tick()

    def _flipped(self) -> Step | None:
        """What the coin chooses."""
        from gpt2_remix.engine.generation.decode import choose_token

        exploration, story, dist = self._host.exploration, self.story, self.dist
        if dist is None:
            return None
        roll = story.roll if story.roll is not None else exploration.next_roll(story.position)
        return choose_token(dist, exploration.context(story.position, roll, u=story.u), exploration.tree.view.coin)

    def _commit(self) -> None:
        """Put the token into the tree."""
        exploration, step = self._host.exploration, self.story.step
        assert step is not None
        tree = exploration.tree
        if step.by_hand and exploration.dice and exploration.dice[0] == step.u:
            del exploration.dice[0]
        # What followed another token here does not come back: a room sees one token join the text.
        tree.change(head=tree.add(tree.parent_of(step.position), step), cursor=step.position)
        if self.when_told is not None:
            self.when_told(step)
        self._host.workspace.lesson.did("told")
