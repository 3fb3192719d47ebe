"""Driving the real app on the embedded model: keys and mouse in, state out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from gpt2_remix.engine.generation.backend import ModelInfo
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.sampling.distribution import Distribution
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.tui import messages
from gpt2_remix.tui.app import RemixApp
from gpt2_remix.tui.compare.screen import CompareScreen
from gpt2_remix.tui.playground.screen import Playground
from gpt2_remix.tui.playground.views.pane import ViewPane
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.state.training import Training
from gpt2_remix.tui.workspace import Workspace
from tests.kinds import known

PREFIX = "It is a truth universally acknowledged"


S = TypeVar("S", bound=Screen[Any])


@dataclass
class Driver:
    """The app and what a test asks of it."""

    app: RemixApp
    pilot: Pilot[None]

    @property
    def playground(self) -> Playground:
        return self.app.playground

    @property
    def exploration(self) -> Exploration:
        return self.playground.exploration

    @property
    def tree(self) -> Tree:
        return self.exploration.tree

    @property
    def workspace(self) -> Workspace:
        return self.app.workspace

    @property
    def view(self) -> ViewPane:
        """The view of the position under the cursor."""
        return self.playground.panes.view

    @property
    def dist(self) -> Distribution:
        """The distribution under the cursor."""
        return known(self.exploration.distribution(self.exploration.cursor))

    @property
    def backend(self) -> LocalBackend:
        """What runs the network, to look at."""
        backend = self.workspace.engine.backend
        assert isinstance(backend, LocalBackend)
        return backend

    @property
    def info(self) -> ModelInfo:
        """Of the model that runs."""
        return known(self.exploration.info)

    @property
    def training(self) -> Training:
        """The newest one."""
        return known(self.workspace.trainings.training)

    def decode(self, ids: Sequence[int]) -> str:
        """Ids as text."""
        return known(self.exploration.tokenizer).decode(ids)

    def step_of(self, node: int) -> Step:
        """The step of a node of the tree."""
        return known(self.tree.nodes[node].step)

    def on(self, kind: type[S]) -> S:
        """The screen on top, which is of this kind."""
        screen = self.app.screen
        assert isinstance(screen, kind)
        return screen

    def open_model(self, name: str) -> None:
        """As a person who chose a model."""
        self.app.post_message(messages.OpenModel(name))

    async def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait for a state."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"the state was never reached: {self.app.screen}"
            await self.pilot.pause(0.005)

    async def settled(self) -> None:
        """The network is there, nothing runs or waits, and the position under the cursor is known and drawn."""
        await self.until(lambda: self.app.settled and (self._known() or self.app.asks))
        await self.pilot.pause()

    def _known(self) -> bool:
        return self.exploration.distribution(self.exploration.cursor) is not None

    @property
    def compare(self) -> CompareScreen:
        """The compare screen, perhaps behind a dialog."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, CompareScreen))

    @property
    def comparing(self) -> bool:
        """Whether the compare screen is open."""
        return any(isinstance(screen, CompareScreen) for screen in self.app.screen_stack)

    async def lanes_settled(self) -> None:
        """No lane runs or waits, and what is under the cursor is known in all lanes in view."""
        await self.until(lambda: isinstance(self.app.screen, CompareScreen) and self.compare.settled)
        await self.pilot.pause()

    async def lane_press(self, *keys: str) -> None:
        """Press keys in the compare screen and wait until all is settled."""
        for key in keys:
            await self.pilot.press(key)
            await self.lanes_settled()

    async def type(self, text: str) -> None:
        """Type a text into a field."""
        names = {" ": "space", ",": "comma", "=": "equals_sign", ".": "full_stop", "_": "underscore"}
        await self.pilot.press(*(names.get(character, character) for character in text))

    async def find(self, name: str, *keys: str) -> None:
        """Go to a setting in the editor by its name, and press keys there."""
        await self.pilot.press("slash", *name, "enter", *keys)

    async def press(self, *keys: str) -> None:
        """Press keys and wait until all is settled."""
        for key in keys:
            await self.pilot.press(key)
        await self.settled()

    async def steps(self, count: int) -> None:
        """So many steps, without the time that pressing a key takes a pilot."""
        for _ in range(count):
            self.playground.choosing.step()
        await self.settled()

    async def tap(self, *keys: str) -> None:
        """Press keys one after the other, whatever goes on: a pilot waits for a screen that is at rest."""
        for key in keys:
            self.app.simulate_key(key)
            await asyncio.sleep(0.01)

    async def grow(self, count: int) -> None:
        """Run until the stream has grown by at least so many tokens."""
        goal = len(self.tree) + count
        await self.tap("g")
        await self.until(lambda: len(self.tree) >= goal)
        await self.tap("g")
        await self.settled()

    def notices(self) -> str:
        """All lines that were shown and have not gone away."""
        return " | ".join(str(notification.message) for notification in self.app._notifications)  # noqa: SLF001


Drive: TypeAlias = Callable[..., AbstractAsyncContextManager[Driver]]
"""`async with drive(...) as driver`."""


@asynccontextmanager
async def driving(size: tuple[int, int] = (80, 24), settle: bool = True, **options: Any) -> AsyncIterator[Driver]:
    """The app on the embedded model, once it is settled."""
    given: dict[str, Any] = {"prefix": PREFIX, "seed": 7, "speed": 10000.0} | options
    if "ids" in given:
        given["prefix"] = None
    app = RemixApp(Options(**given))
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        if settle and (given.get("model") is None or given.get("model") == "classics"):
            await driver.settled()
        yield driver


@pytest.fixture
def drive() -> Drive:
    """`async with drive(...) as driver`."""
    return driving
