"""A lesson that plays: which step, whose turn it is, and what the bar says of it. No widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpt2_remix.engine.words import counted
from gpt2_remix.tui.state.lesson import Lesson, LessonStep

if TYPE_CHECKING:  # tomlkit is not on the path to the first frame
    from gpt2_remix.tui.state.lesson_recorder import LessonRecorder

GOES_ON = ("choosing.step", "go_on", "advancing.step")
"""What the key for going on does where no lesson plays."""

DEEDS = {
    "choosing.step": "step", "runs.start": "step", "told": "step", "choosing.pick_selected": "pick",
    "pick": "pick", "choosing.flip_again": "again", "again": "again", "runs.branch": "branch",
    "looking.next_heat": "heat", "looking.heat": "heat", "cursor.move": "move", "cursor.word": "move",
    "cursor.line": "move", "cursor.move_to": "move",
}
"""What a key does, in the words of a step's `until`; on the stage a step is done when its token has been told."""

NEUTRAL = ("help", "zoom", "all_panes", "looking.zoom", "looking.all_panes", "looking.next_view", "looking.view",
           "app.action_quit", "telling.change_pace", "statistics", "cursor.candidate", "select", "lesson.toggle",
           "lesson.leave")
"""What a person may do without taking over."""


@dataclass(slots=True)
class LessonRun:
    """The lesson that plays, if one does.

    Attributes:
        lesson: None while none plays.
        place: of the step that is shown; -1 before the first, their number past the last.
        busy: whether that step is still being done.
        asked: whether it waits for what the room says.
        taken: whether a person has taken over; the lesson waits.
        alone: whether nobody is there, to whom keys are of no use.
        on_begin, on_go, on_leave, on_change: what the player does when one begins, goes on or is left, and when what is
            said changes.
        recording: the one that is being recorded.
        on_record, on_caption, on_note: what the recorder does when a recording is to begin or end, when something is to
            be said, and when something is going to be done.
        when_cut_short: what the app does when one was left before its end.
    """

    lesson: Lesson | None = None
    place: int = -1
    busy: bool = False
    asked: bool = False
    taken: bool = False
    alone: bool = False
    on_begin: Callable[[Lesson], object] = lambda _: None
    on_go: Callable[[], object] = lambda: None
    on_leave: Callable[[], object] = lambda: None
    on_change: Callable[[], object] = lambda: None
    recording: LessonRecorder | None = None
    on_record: Callable[[], object] = lambda: None
    on_caption: Callable[[], object] = lambda: None
    on_note: Callable[[str], object] = lambda _: None
    when_cut_short: Callable[[Lesson], object] = lambda _: None

    @property
    def on(self) -> bool:
        """Whether a lesson plays."""
        return self.lesson is not None

    @property
    def step(self) -> LessonStep | None:
        """The step that is shown."""
        if self.lesson is None or not 0 <= self.place < len(self.lesson.steps):
            return None
        return self.lesson.steps[self.place]

    @property
    def over(self) -> bool:
        """Whether the last step is done."""
        return self.lesson is not None and self.place >= len(self.lesson.steps)

    @property
    def waits_for(self) -> str | None:
        """What the person is to do."""
        step = self.step
        return step.until if step is not None and not self.busy and not self.taken else None

    def words(self) -> str:
        """What the lesson says now."""
        if self.recording is not None:
            return "Recording. Do what you want to show, then press L and say it: that is a step."
        if self.lesson is None:
            return ""
        if self.over:
            return self.lesson.end or f"That was “{self.lesson.title}”."
        if self.taken:
            return f"“{self.lesson.title}” waits. Do what you like."
        step = self.step
        return "" if step is None else step.question or step.caption

    def how(self) -> str:
        """How it goes on, and how far it is."""
        if self.recording is not None:
            return f"L: say it   {counted(self.recording.count, 'step')}"
        if self.lesson is None:
            return ""
        if self.over:
            return "space: done"
        count = f"{self.place + 1} of {len(self.lesson.steps)}"
        if self.alone:
            return count
        if self.taken:
            return f"L: go on   {count}"
        step = self.step
        if self.busy:
            what = "then: enter" if self.asked else "space: on"
            return f"{what:<12}   L: over to you   {count}"  # as wide as what comes then
        if step is not None and step.until is not None:
            return f"L: skip   esc: end   {count}"
        if step is not None and step.pause is not None:
            return f"L: over to you   {count}"
        return f"space: go on   L: over to you   {count}"

    # What keys do

    def works(self, do: str) -> bool:
        """Whether one of its keys does something now."""
        return self.recording is not None if do == "lesson.caption" else self.on

    def caption(self) -> None:
        """Say something of what was done, in the lesson that is being recorded."""
        self.on_caption()

    def takes(self, do: str) -> bool:
        """Whether a key's action belongs to the lesson; another one takes over."""
        if self.lesson is None:
            return False
        if do in GOES_ON and not self.taken and self.waits_for is None:
            self.on_go()
            return True
        if not self.taken and do not in NEUTRAL and self.waits_for is None and not self.over:
            self.taken = True
            self.on_change()
        return False

    def did(self, do: str) -> None:
        """A key's action is done: what the person was asked for may be it."""
        if self.waits_for is not None and DEEDS.get(do) == self.waits_for:
            self.on_go()

    def toggle(self) -> None:
        """Take over, or go on where the lesson stopped."""
        if self.lesson is None:
            return
        if self.taken or self.waits_for is not None:
            self.taken = False
            self.on_go()
        else:
            self.taken = not self.over
        self.on_change()

    def leave(self) -> None:
        """End the lesson; the text stays as it is."""
        if (lesson := self.lesson) is not None:
            over = self.over
            self.on_leave()
            if not over:
                self.when_cut_short(lesson)
