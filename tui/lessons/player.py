"""Playing a lesson on the real app: each step does what a person's keys would do, and waits until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.timer import Timer

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.generation.backend import check_ids
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.nodes import View
from gpt2_remix.tui.lessons.deeds import awaits_kernels, do_for_them
from gpt2_remix.tui.main_screen import MainScreen, top_of
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.state.lesson import Lesson, LessonStep, in_field
from gpt2_remix.tui.state.stage import PACES
from gpt2_remix.tui.workspace import Workspace

if TYPE_CHECKING:  # these screens are not on the path to the first frame
    from gpt2_remix.tui.compare.screen import CompareScreen
    from gpt2_remix.tui.stage.screen import StageScreen

LOOK = 0.02
"""Seconds between two looks at whether something is done."""

BEAT = 0.7
"""Seconds for which a phase is seen where nobody is there."""

HANDS = "3 2 1"
"""What is typed for a room where nobody is there."""


async def _no_beat(seconds: float) -> None:
    """Nobody records."""


class LessonPlayer:
    """Plays the workspace's lesson. Belongs to the app's thread.

    Attributes:
        alone: whether nobody is there: stories are told phase by phase, and what a person is asked to do is done for
            them.
        on_beat: is awaited, alone, where a person would have seen something for some seconds.
        problem: why a step could not be done, in a line.
    """

    def __init__(self, app: App[Any], workspace: Workspace, playground: Playground, *, alone: bool = False) -> None:
        self._app = app
        self._workspace = workspace
        self._playground = playground
        self.alone = alone
        self._view: View | None = None  # where the lesson stopped
        self._tree: object = None
        self._redo = False  # whether the step that is shown was interrupted
        self._goal: int | None = None  # the length that flips come to
        self._left: int | None = None  # how many of an interrupted step's are to be made still
        self._place: type[MainScreen[Any]] = Playground
        self._kept = workspace.preferences  # before the lesson
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self.problem = ""
        self.on_beat: Callable[[float], Awaitable[object]] = _no_beat
        run = workspace.lesson
        run.alone = alone
        run.on_begin, run.on_go, run.on_leave, run.on_change = self.begin, self.go_on, self.leave, self._tell

    @property
    def idle(self) -> bool:
        """Whether the step that is shown is done."""
        return self._task is None or self._task.done()

    @property
    def _exploration(self) -> Exploration:
        return self._playground.exploration

    def begin(self, lesson: Lesson) -> None:
        """Play a lesson from its first step."""
        run = self._workspace.lesson
        self.leave()  # the one that plays
        if run.recording is not None:
            self._workspace.say("a lesson is being recorded: end that first (ctrl+p, end the recording)")
            return
        run.lesson, run.place, run.taken, run.busy, self._redo = lesson, -1, False, False, False
        self._view, self._goal, self._left, self._kept = None, None, None, self._workspace.preferences
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
            stage = self._stage
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
            if (stage := self._stage) is not None:
                stage.telling.pause()
            if self._goal is not None:  # of its flips only those are left that were not made
                self._left, self._view = max(0, self._goal - self._length), self._exploration.tree.view
        self._workspace.lesson_changed.publish(None)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    # A step

    async def _play(self, step: LessonStep) -> None:
        run = self._workspace.lesson
        run.busy = True
        self._tell()
        try:
            await self._until(lambda: self._exploration.ready and not (
                self.alone and awaits_kernels(self._workspace, self._exploration)))
            if run.lesson is not None and run.place and run.lesson.steps[run.place - 1].until is not None:
                await self._settled()  # what the person was asked to do is part of the lesson
            else:
                await self._come_back()
            if (left := self._left) is not None:
                self._left = None
                await self._flip(left)
            else:
                await self._do(step)
        except EngineError as error:
            self.problem = run.lesson.fault(run.place, error) if run.lesson is not None else str(error)
            self._workspace.say(self.problem, error=True)
        run.busy = False
        self._view, self._tree, self._place = self._exploration.tree.view, self._exploration.tree, type(self._top)
        if self.alone and step.until is not None:
            await self._for_them(step.until)
        if step.pause is not None and not self.alone:
            self._timer = self._app.set_timer(step.pause, self._pause_over)
        self._tell()

    def _pause_over(self) -> None:
        if not self._workspace.lesson.taken:
            self.go_on()

    async def _come_back(self) -> None:
        """Where a person has taken over: the text, and the place, are again those at which the lesson stopped."""
        tree, view = self._exploration.tree, self._view
        if view is not None and tree is self._tree and tree.view != view:
            tree.change(head=view.head, cursor=view.cursor, settings=view.settings, seed=view.seed, coin=view.coin)
            self._redraw()
        if view is None or type(self._top) is self._place:
            return
        comparison = self._exploration.comparison
        await self._show("playground")
        if self._place.__name__ == "StageScreen":
            await self._show("stage")
        elif self._place.__name__ == "CompareScreen" and comparison is not None:
            self._playground.places.show_comparison(comparison)
            await self._until(lambda: self._lanes is not None and self._lanes.drawable)

    def _redraw(self) -> None:
        if (stage := self._stage) is not None:
            stage.plays.leave()
            stage.telling.restart()
        for screen in self._app.screen_stack:
            if isinstance(screen, MainScreen):
                screen.changed()

    async def _until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await asyncio.sleep(LOOK)

    async def _settled(self) -> None:
        await asyncio.sleep(0)
        await self._until(lambda: self._playground.activity.run is None and self._top.settled)

    @property
    def _top(self) -> MainScreen[Any]:
        return top_of(self._app) or self._playground

    async def _do(self, step: LessonStep) -> None:
        """What a step changes, in the order of its fields."""
        self._playground.runs.stop()
        if step.prefix is not None or step.ids is not None:
            if self._stage is None:
                await self._show("playground")
            self._begin_with(step)
        if step.seed is not None or step.coin is not None or step.settings is not None:
            if step.settings is not None and self._exploration.info is not None:
                with in_field("set"):
                    step.settings.check_vocabulary(self._exploration.info.vocab_size)
            self._exploration.tree.change(seed=step.seed, coin=step.coin, settings=step.settings)
            self._redraw()
        if step.heat is not None:
            self._playground.looking.heat(step.heat)
        if step.show is not None:
            await self._show(step.show, step.lanes)
        await self._settled()
        if step.go is not None:
            if step.go > len(self._exploration.tree):
                raise InputError(f"go: the text has {len(self._exploration.tree)} tokens, and this is {step.go}")
            await self._show("playground")
            self._playground.cursor.move_to(step.go)
            await self._settled()
        if step.pick is not None:
            await self._pick(step.pick)
        if step.dice:
            self._exploration.dice = [*step.dice]
        if step.again:
            await self._again()
        if step.branch:
            await self._show("playground")
            self._playground.activity.count = step.branch
            self._playground.runs.branch()
            await self._settled()
        await self._flip(step.flip)
        if step.play is not None:
            await self._room_plays(step.play)

    def _begin_with(self, step: LessonStep) -> None:
        exploration = self._exploration
        tokenizer, info = exploration.tokenizer, exploration.info
        assert tokenizer is not None
        assert info is not None
        ids = [*step.ids] if step.ids is not None else tokenizer.encode(step.prefix or "")
        with in_field("ids"):
            check_ids(ids, info.vocab_size)
        exploration.dice = []
        exploration.tree.set_prompt(ids or [tokenizer.end_of_text])
        self._redraw()

    @property
    def _stage(self) -> StageScreen | None:
        from gpt2_remix.tui.stage.screen import StageScreen

        top = self._top
        return top if isinstance(top, StageScreen) else None

    @property
    def _lanes(self) -> CompareScreen | None:
        from gpt2_remix.tui.compare.screen import CompareScreen

        top = self._top
        return top if isinstance(top, CompareScreen) else None

    async def _show(self, where: str, lanes: Sequence[Settings] | None = None) -> None:
        """Go to a place."""
        playground = self._playground
        if where == "stage" and self._stage is not None:
            return
        if where == "playground" and self._top is playground and self._app.screen is playground:
            playground.panes.view.show_view("candidates")
            return
        while self._app.screen is not playground:
            self._app.pop_screen()
        await self._until(lambda: playground.is_current)
        if where == "stage":
            playground.places.stage()
            await self._until(lambda: self._stage is not None and self._stage.drawable)
            if self.alone and self._stage is not None:
                self._stage.telling.change_pace(-len(PACES))
        elif where == "compare":
            from gpt2_remix.tui.state.beginnings import comparison_of

            self._playground.places.show_comparison(comparison_of(self._exploration, lanes))
            await self._until(lambda: self._lanes is not None and self._lanes.drawable)
        elif where == "plot":
            playground.looking.view("plot")
        elif where == "branches" and not playground.panes.branches.has_class("shown"):
            playground.looking.branches()
            playground.panes.text.focus()
        playground.changed()

    async def _pick(self, wanted: str | int) -> None:
        from gpt2_remix.engine.generation.decode import pick_token

        exploration = self._exploration
        assert exploration.tokenizer is not None
        token = wanted
        if isinstance(wanted, str):
            ids = exploration.tokenizer.encode(wanted)
            if len(ids) != 1:
                raise InputError(f"pick: {wanted!r} is {len(ids)} tokens of this model; give one")
            token = ids[0]
        assert isinstance(token, int)
        if (stage := self._stage) is not None:
            stage.telling.restart()
            await self._settled()
            position = stage.telling.story.position
            dist = exploration.distribution(position)
            if dist is not None:
                stage.telling.place(pick_token(dist, token, exploration.context(position)))
        else:
            self._playground.choosing.pick(token)
        await self._settled()

    async def _again(self) -> None:
        if (stage := self._stage) is not None:
            stage.again()
            if self.alone:
                await self._tell_alone(stage)
            await self._until(lambda: self._stage is None or self._stage.telling.story.told)
        else:
            self._playground.choosing.flip_again()
        await self._settled()

    @property
    def _length(self) -> int:
        return len(self._lanes.comparison) if self._lanes is not None else len(self._exploration.tree)

    async def _flip(self, count: int) -> None:
        self._goal = self._length + count
        for _ in range(count):
            if (stage := self._stage) is not None:
                telling = stage.telling
                if telling.story.told or telling.story.phase is not None:
                    telling.restart()
                if self.alone:
                    await self._tell_alone(stage)
                    continue
                telling.space()
                await self._until(lambda: self._stage is None or self._stage.telling.story.told)
            elif (lanes := self._lanes) is not None:
                lanes.advancing.step()
            else:
                self._playground.choosing.step()
            await self._settled()
        self._goal = None

    async def _tell_alone(self, stage: StageScreen) -> None:
        """Tell a story to its end, phase by phase."""
        while not stage.telling.story.told:
            stage.telling.space()
            await self._settled()
            await self.on_beat(BEAT)

    async def _room_plays(self, play: str) -> None:
        """What the room plays; it is over when its token has joined the text."""
        await self._show("stage")
        await self._settled()
        stage = self._stage
        if stage is None:
            return
        length = len(self._exploration.tree)
        getattr(stage.plays, play)()
        await self._settled()
        if self.alone:
            for character in HANDS if play != "dice" else "42":
                await self.on_beat(BEAT)
                stage.plays.type(character)
            await self.on_beat(BEAT)
            stage.plays.enter()
            await self._tell_alone(stage)
        await self._until(lambda: self._stage is None or stage.plays.play is None
                          or len(self._exploration.tree) > length)
        await self._settled()

    async def _for_them(self, deed: str) -> None:
        """What a person is asked to do, where nobody is there."""
        if deed == "step" and self._top is not self._playground:
            await self._flip(1)
        else:
            do_for_them(self._playground, deed)
        await self._settled()
        self._view = self._exploration.tree.view
