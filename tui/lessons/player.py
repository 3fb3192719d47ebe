"""Playing a lesson on the real app: each step does what a person's keys would do, and waits until it is done."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from textual.app import App
from textual.timer import Timer

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.session.nodes import View
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.tui.lessons.deeds import awaits_kernels
from gpt2_remix.tui.lessons.doing import Doing
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.state.lesson import Lesson, LessonStep
from gpt2_remix.tui.workspace import Workspace


class LessonPlayer:
    """Plays the workspace's lesson. Belongs to the app's thread.

    Attributes:
        doing: does its steps.
        problem: why a step could not be done, in a line.
    """

    def __init__(self, app: App[Any], workspace: Workspace, playground: Playground, *, alone: bool = False) -> None:
        self._app = app
        self._workspace = workspace
        self._playground = playground
        self.doing = Doing(app, playground, alone=alone)
        self._view: View | None = None  # where the lesson stopped
        self._tree: Tree | None = None
        self._redo = False  # whether the step that is shown was interrupted
        self._left: int | None = None  # how many of an interrupted step's are to be made still
        self._place: type[MainScreen[Any]] = Playground
        self._kept = workspace.preferences  # before the lesson
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self.problem = ""
        run = workspace.lesson
        run.alone = alone
        run.on_begin, run.on_go, run.on_leave, run.on_change = self.begin, self.go_on, self.leave, self._tell

    @property
    def idle(self) -> bool:
        """Whether the step that is shown is done."""
        return self._task is None or self._task.done()

    def begin(self, lesson: Lesson) -> None:
        """Play a lesson from its first step."""
        run = self._workspace.lesson
        self.leave()  # the one that plays
        if run.recording is not None:
            self._workspace.say("a lesson is being recorded: end that first (ctrl+p, end the recording)")
            return
        run.lesson, run.place, run.taken, run.busy, self._redo = lesson, -1, False, False, False
        self._view, self._left, self._kept = None, None, self._workspace.preferences
        self.doing.goal = None
        self.go_on()

    def leave(self) -> None:
        """End the lesson; what is on the screen stays, and what the person had chosen before is remembered."""
        run = self._workspace.lesson
        if run.lesson is None:
            return
        self._stop_waiting()
        if self._task is not None:
            self._task.cancel()
            self._task = None
        run.lesson, run.busy, run.taken = None, False, False
        kept, now = self._kept, self._workspace.preferences
        self._workspace.remember(replace(now, heat=kept.heat, settings=kept.settings, coin=kept.coin))
        self._playground.changed(keep_selection=True)
        self._tell()

    def go_on(self) -> None:
        """The next step; while a story is being told, its next phase."""
        run = self._workspace.lesson
        if run.lesson is None:
            return
        self._stop_waiting()
        if run.busy:
            stage = self.doing.stage
            if stage is not None and self._app.screen is stage and not stage.plays.typing:
                stage.telling.space()
            return
        if run.over:
            self.leave()
            return
        run.place += not self._redo
        self._redo = False
        if (step := run.step) is None:
            self._tell()
        else:
            self._task = asyncio.get_running_loop().create_task(self._play(step))

    def _tell(self) -> None:
        run = self._workspace.lesson
        if run.taken and run.busy and self._task is not None:
            self._task.cancel()
            run.busy = False
            self._redo = run.step is not None and run.step.play is None  # what the room is asked can be left out
            if (stage := self.doing.stage) is not None:
                stage.telling.pause()
            if self.doing.goal is not None:  # of its flips only those are left that were not made
                self._left, self._view = max(0, self.doing.goal - self.doing.length), self.doing.exploration.tree.view
        self._workspace.lesson_changed.publish(None)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    # A step

    async def _play(self, step: LessonStep) -> None:
        run = self._workspace.lesson
        run.busy, run.asked = True, False
        self._tell()
        try:
            await self.doing.until(lambda: self.doing.exploration.ready and not (
                self.doing.alone and awaits_kernels(self._workspace, self.doing.exploration)))
            if run.lesson is not None and run.place and run.lesson.steps[run.place - 1].until is not None:
                await self.doing.settled()  # what the person was asked to do is part of the lesson
            else:
                await self._come_back()
            if (left := self._left) is not None:
                self._left = None
                await self.doing.flip(left)
            else:
                await self.doing.do(step)
            if self.doing.alone and self._workspace.failed:  # nobody is there to read it, or to do something about it
                raise EngineError(self._workspace.failed)
        except EngineError as error:
            self.problem = run.lesson.fault(run.place, error) if run.lesson is not None else str(error)
            self._workspace.say(self.problem, error=True)
        run.busy = False
        self._tree, self._place = self.doing.exploration.tree, type(self.doing.top)
        self._view = self._tree.view
        if self.doing.alone and step.until is not None:
            await self.doing.for_them(step.until)
            self._view = self.doing.exploration.tree.view
        if step.pause is not None and not self.doing.alone:
            self._timer = self._app.set_timer(step.pause, self._pause_over)
        self._tell()

    def _pause_over(self) -> None:
        if not self._workspace.lesson.taken:
            self.go_on()

    async def _come_back(self) -> None:
        """Where a person has taken over: the text, and the place, are again those at which the lesson stopped."""
        tree, view = self.doing.exploration.tree, self._view
        if view is not None and tree is self._tree and tree.view != view:
            tree.change(head=view.head, cursor=view.cursor, settings=view.settings, seed=view.seed, coin=view.coin)
            self.doing.redraw()
        if view is None or type(self.doing.top) is self._place:
            return
        comparison = self.doing.exploration.comparison
        await self.doing.show("playground")
        if self._place.__name__ == "StageScreen":
            await self.doing.show("stage")
        elif self._place.__name__ == "CompareScreen" and comparison is not None:
            self._playground.places.show_comparison(comparison)
            await self.doing.until(lambda: self.doing.lanes is not None and self.doing.lanes.drawable)

