"""Doing what a step of a lesson says, as a person's keys would: each thing is done before the next one begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import App

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import check_ids
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.lessons.deeds import do_for_them
from gpt2_remix.tui.main_screen import MainScreen, top_of
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.state.lesson import LessonStep, in_field
from gpt2_remix.tui.state.stage import PACES

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


class Doing:
    """Does steps on the real screens.

    Attributes:
        alone: whether nobody is there: stories are told phase by phase, and what a person is asked to do is done for
            them.
        on_beat: is awaited, alone, where a person would have seen something for some seconds.
        goal: the length that the flips which are being made come to; None for none.
    """

    def __init__(self, app: App[Any], playground: Playground, *, alone: bool) -> None:
        self._app = app
        self._playground = playground
        self.alone = alone
        self.on_beat: Callable[[float], Awaitable[object]] = _no_beat
        self.goal: int | None = None

    @property
    def exploration(self) -> Exploration:
        """The one on the screen."""
        return self._playground.exploration

    def redraw(self) -> None:
        """What is told on the stage begins anew, and every screen is drawn."""
        if (stage := self.stage) is not None:
            stage.plays.leave()
            stage.telling.restart()
        for screen in self._app.screen_stack:
            if isinstance(screen, MainScreen):
                screen.changed()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a state."""
        while not condition():
            await asyncio.sleep(LOOK)

    async def settled(self) -> None:
        """Wait until nothing runs, and what is to be seen is known."""
        await asyncio.sleep(0)
        await self.until(lambda: self._playground.activity.run is None and self.top.settled)

    @property
    def top(self) -> MainScreen[Any]:
        """The uppermost screen that is no dialog."""
        return top_of(self._app) or self._playground

    async def do(self, step: LessonStep) -> None:
        """What a step changes, in the order of its fields."""
        self._playground.runs.stop()
        if step.prefix is not None or step.ids is not None:
            if self.stage is None:
                await self.show("playground")
            self._begin_with(step)
        if step.seed is not None or step.coin is not None or step.settings is not None:
            named = "preset" if "preset" in step.lines else "set"
            self._check(named, [step.settings] if step.settings is not None else [])
            self.exploration.tree.change(seed=step.seed, coin=step.coin, settings=step.settings)
            self.redraw()
        if step.heat is not None:
            self._playground.looking.heat(step.heat)
        self._check("lanes", step.lanes or [])
        if step.show is not None:
            await self.show(step.show, step.lanes)
        await self.settled()
        if step.go is not None:
            if step.go > len(self.exploration.tree):
                raise InputError(f"go: the text has {len(self.exploration.tree)} tokens, and this is {step.go}")
            await self.show("playground")
            self._playground.cursor.move_to(step.go)
            await self.settled()
        if step.pick is not None:
            await self._pick(step.pick)
        if step.dice:
            self._take_dice(step.dice)
        if step.again:
            await self._again()
        if step.branch:
            await self.show("playground")
            self._playground.activity.count = step.branch
            self._playground.runs.branch()
            await self.settled()
        await self.flip(step.flip)
        if step.play is not None:
            await self._room_plays(step.play)

    def _check(self, field: str, all_settings: Sequence[Settings]) -> None:
        info = self.exploration.info
        assert info is not None
        with in_field(field):
            for settings in all_settings:
                settings.check_vocabulary(info.vocab_size)

    def _take_dice(self, dice: Sequence[float]) -> None:
        if self.exploration.tree.view.coin == "gumbel":
            raise InputError("dice: they give the u of the interval coin, and this is the Gumbel coin; say "
                             'coin = "interval"')
        if self.lanes is not None:
            raise InputError('dice: lanes flip their own coins; say show = "playground" or show = "stage" first')
        self.exploration.dice = [*dice]

    def _begin_with(self, step: LessonStep) -> None:
        exploration = self.exploration
        tokenizer, info = exploration.tokenizer, exploration.info
        assert tokenizer is not None
        assert info is not None
        ids = [*step.ids] if step.ids is not None else tokenizer.encode(step.prefix or "")
        with in_field("ids"):
            check_ids(ids, info.vocab_size)
        exploration.dice = []
        exploration.tree.set_prompt(ids or [tokenizer.end_of_text])
        self.redraw()

    @property
    def stage(self) -> StageScreen | None:
        """The stage, where it is on top."""
        from gpt2_remix.tui.stage.screen import StageScreen

        top = self.top
        return top if isinstance(top, StageScreen) else None

    @property
    def lanes(self) -> CompareScreen | None:
        """The comparison, where it is on top."""
        from gpt2_remix.tui.compare.screen import CompareScreen

        top = self.top
        return top if isinstance(top, CompareScreen) else None

    async def show(self, where: str, lanes: Sequence[Settings] | None = None) -> None:
        """Go to a place."""
        playground = self._playground
        if where == "stage" and self.stage is not None:
            return
        if where == "playground" and self.top is playground and self._app.screen is playground:
            playground.panes.view.show_view("candidates")
            return
        while self._app.screen is not playground:
            self._app.pop_screen()
        await self.until(lambda: playground.is_current)
        if where == "stage":
            playground.places.stage()
            await self.until(lambda: self.stage is not None and self.stage.drawable)
            if self.alone and self.stage is not None:
                self.stage.telling.change_pace(-len(PACES))
        elif where == "compare":
            from gpt2_remix.tui.state.beginnings import comparison_of

            self._playground.places.show_comparison(comparison_of(self.exploration, lanes))
            await self.until(lambda: self.lanes is not None and self.lanes.drawable)
        elif where == "plot":
            playground.looking.view("plot")
        elif where == "branches" and not playground.panes.branches.has_class("shown"):
            playground.looking.branches()
            playground.panes.text.focus()
        playground.changed()

    async def _pick(self, wanted: str | int) -> None:
        from gpt2_remix.engine.generation.decode import pick_token

        exploration = self.exploration
        assert exploration.tokenizer is not None
        assert exploration.info is not None
        token = wanted
        if isinstance(wanted, str):
            ids = exploration.tokenizer.encode(wanted)
            if len(ids) != 1:
                raise InputError(f"pick: {wanted!r} is {len(ids)} tokens of this model; give one")
            token = ids[0]
        assert isinstance(token, int)
        with in_field("pick"):
            check_ids([token], exploration.info.vocab_size)
        if self.lanes is not None:
            await self.show("playground")
        if (stage := self.stage) is not None:
            stage.telling.restart()
            await self.settled()
            position = stage.telling.story.position
            dist = exploration.distribution(position)
            if dist is not None:
                stage.telling.place(pick_token(dist, token, exploration.context(position)))
        else:
            self._playground.choosing.pick(token)
        await self.settled()

    async def _again(self) -> None:
        if self.lanes is not None:
            await self.show("playground")
        if (stage := self.stage) is not None:
            tree = self.exploration.tree
            if not len(tree) or tree.step(len(tree) - 1).origin == "prompt":
                raise InputError("again: the last token is given; flip = 1 comes first")
            stage.again()
            if self.alone:
                await self._tell_alone(stage)
            await self.until(lambda: self.stage is None or self.stage.telling.story.told)
        else:
            self._playground.choosing.flip_again()
        await self.settled()

    @property
    def length(self) -> int:
        """How many tokens the text on the screen has; of lanes, how many new ones."""
        return len(self.lanes.comparison) if self.lanes is not None else len(self.exploration.tree)

    async def flip(self, count: int) -> None:
        """Flip so many coins, where the lesson is."""
        self.goal = self.length + count
        for _ in range(count):
            if (stage := self.stage) is not None:
                telling = stage.telling
                if telling.story.told or telling.story.phase is not None:
                    telling.restart()
                if self.alone:
                    await self._tell_alone(stage)
                    continue
                telling.space()
                await self.until(lambda: self.stage is None or self.stage.telling.story.told)
            elif (lanes := self.lanes) is not None:
                lanes.advancing.step()
            else:
                self._playground.choosing.step()
            await self.settled()
        self.goal = None

    async def _tell_alone(self, stage: StageScreen) -> None:
        """Tell a story to its end, phase by phase."""
        while not stage.telling.story.told:
            stage.telling.space()
            await self.settled()
            await self.on_beat(BEAT)

    async def _room_plays(self, play: str) -> None:
        """What the room plays; it is over when its token has joined the text."""
        await self.show("stage")
        await self.settled()
        stage = self.stage
        if stage is None:
            return
        if refusal := stage.plays.refusal(play):
            raise InputError(f"play: {refusal}")
        length = len(self.exploration.tree)
        getattr(stage.plays, play)()
        await self.settled()
        run = stage.workspace.lesson
        run.asked = not self.alone
        stage.workspace.lesson_changed.publish(None)
        if self.alone:
            for character in HANDS if play != "dice" else "42":
                await self.on_beat(BEAT)
                stage.plays.type(character)
            await self.on_beat(BEAT)
            stage.plays.enter()
            await self._tell_alone(stage)
        await self.until(lambda: self.stage is None or not stage.plays.typing)
        run.asked = False
        stage.workspace.lesson_changed.publish(None)
        await self.until(lambda: self.stage is None or stage.plays.play is None
                         or len(self.exploration.tree) > length)
        await self.settled()

    async def for_them(self, deed: str) -> None:
        """What a person is asked to do, where nobody is there."""
        if deed == "step" and self.top is not self._playground:
            await self.flip(1)
        else:
            do_for_them(self._playground, deed)
        await self.settled()
