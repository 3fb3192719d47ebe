"""Any session, grown by any actions under any settings in the real app, replays with 0 differences."""

from __future__ import annotations

import numpy as np
import pytest

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import Settings
from tests.engine.continuity import assert_continuous, assert_replays
from tests.tui.conftest import Drive, Driver

CHAINS = (
    Settings(), Settings(temperature=0.7, top_p=0.9), Settings(mirostat_tau=3.0, mirostat_eta=0.3),
    Settings(presence_penalty=3.0, frequency_penalty=0.5), Settings(repetition_penalty=1.4, min_new_tokens=6),
    Settings(no_repeat_ngram_size=2, top_k=30), Settings(xtc_probability=0.6, xtc_threshold=0.02),
    Settings(dry_multiplier=1.5, dry_allowed_length=1), Settings(temperature=0.0),
)


class Person:
    """Does random things in the app, the same ones for the same number."""

    def __init__(self, driver: Driver, seed: int) -> None:
        self.driver = driver
        self.rng = np.random.default_rng(seed)
        self.done: list[str] = []
        self.starts: set[Step] = set()

    def draw(self, below: int) -> int:
        return int(self.rng.integers(below))

    async def act(self) -> None:
        acts = [self.step, self.run, self.pick, self.flip, self.branch, self.move, self.settings, self.coin, self.undo,
                self.redo, self.sibling, self.compare, self.what_if_token, self.what_if_settings, self.prefix]
        weights = np.array([4, 3, 3, 3, 3, 3, 4, 1, 1, 1, 1, 3, 1, 1, 1], dtype=float)
        act = acts[int(self.rng.choice(len(acts), p=weights / weights.sum()))]
        self.done.append(act.__name__)
        await act()

    async def step(self) -> None:
        await self.driver.press(*["space"] * (1 + self.draw(4)))

    async def run(self) -> None:
        await self.driver.grow(4)

    async def pick(self) -> None:
        await self.driver.press(*["down"] * self.draw(4), "enter")

    async def flip(self) -> None:
        await self.driver.press("r")

    async def branch(self) -> None:
        await self.driver.press(str(1 + self.draw(3)), "b")

    async def move(self) -> None:
        await self.driver.press(*["left"] * (1 + self.draw(6)))

    async def settings(self) -> None:
        self.driver.playground.sampling.change_settings(CHAINS[self.draw(len(CHAINS))])
        await self.driver.settled()

    async def coin(self) -> None:
        self.driver.tree.change(coin="gumbel" if self.draw(2) else "interval")
        self.driver.playground.changed()
        await self.driver.settled()

    async def undo(self) -> None:
        await self.driver.press(*["u"] * (1 + self.draw(3)))

    async def redo(self) -> None:
        await self.driver.press("ctrl+r")

    async def sibling(self) -> None:
        await self.driver.press("right_square_bracket")

    async def prefix(self) -> None:
        ids = [int(n) for n in self.rng.integers(300, 5000, 1 + self.draw(4))]
        self.driver.playground.places.use_prefix(ids)
        await self.driver.settled()

    async def compare(self) -> None:
        driver = self.driver
        await driver.pilot.press("c")
        await driver.lanes_settled()
        if self.draw(2):  # a lane with a prefix of its own, of another length
            await driver.lane_press("tab", "tab")
            lane = driver.compare.lanes.selected
            own = "It was the best of times"[: 4 + self.draw(20)]
            from gpt2_remix.tui.state.lanes import LaneOptions

            driver.compare.lanes.change(lane, LaneOptions(CHAINS[self.draw(len(CHAINS))], own, None))
            await driver.lanes_settled()
        await driver.lane_press(*["space"] * (2 + self.draw(4)))
        for _ in range(1 + self.draw(2)):
            await self.keep()
            await driver.lane_press("tab")
        await driver.pilot.press("escape")
        await driver.settled()

    async def keep(self) -> None:
        """Keep the selected lane; its coins may be lined up with those of a lane 1 that has another prefix."""
        self.starts.update(self.driver.compare.lanes.selected.steps[:1])
        await self.driver.lane_press("k")

    async def what_if_token(self) -> None:
        driver = self.driver
        driver.playground.cursor.move_to(self.draw(max(1, len(driver.tree))))
        await driver.press(*["down"] * (1 + self.draw(3)))
        token = driver.playground.panes.view.list.selected_token
        cursor = driver.exploration.cursor
        if cursor < len(driver.tree) and token is not None and token != driver.tree.step(cursor).token:
            driver.playground.what_if.another_token(cursor, token)
            await self.kept_counterfactual()

    async def what_if_settings(self) -> None:
        driver = self.driver
        if len(driver.tree) > driver.tree.prompt_length():
            from gpt2_remix.tui.state.lanes import LaneOptions

            driver.playground.what_if.other_settings(LaneOptions(CHAINS[self.draw(len(CHAINS))]))
            await self.kept_counterfactual()

    async def kept_counterfactual(self) -> None:
        driver = self.driver
        await driver.until(lambda: driver.comparing)
        await driver.pilot.pause()
        await driver.lanes_settled()
        await driver.lane_press(*["space"] * self.draw(3))
        await self.keep()
        await driver.pilot.press("escape")
        await driver.settled()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_what_was_done_in_the_app_replays(drive: Drive, classics: Model, seed: int) -> None:
    async with drive() as driver:
        person = Person(driver, seed)
        for _ in range(25):
            await person.act()
        tree = driver.tree
    assert_replays(classics, tree, person.done)
    assert_continuous(tree, person.done, person.starts)
