"""Changing the lanes: their settings, prefixes and luck; adding, removing, keeping them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.sampling.settings import COINS, SEED_LIMIT, Settings
from gpt2_remix.tui.compare.advancing import Advancing
from gpt2_remix.tui.compare.columns import Columns
from gpt2_remix.tui.compare.host import CompareHost
from gpt2_remix.tui.dialogs.lane import LaneScreen
from gpt2_remix.tui.state.lanes import LaneOptions, LaneSetup, LaneState
from gpt2_remix.tui.state.sampling_panel import next_preset


class Lanes:
    """What s, a, d, x, p, k, r, o, i, e and the lane numbers do."""

    def __init__(self, host: CompareHost, columns: Columns, advancing: Advancing) -> None:
        self._host = host
        self._columns = columns
        self._advancing = advancing

    @property
    def selected(self) -> LaneState:
        """The lane that keys act on."""
        return self._host.comparison.lanes[self._host.comparison.selected]

    def select(self, offset: int) -> None:
        """Go to another lane."""
        self.select_at((self._host.comparison.selected + offset) % len(self._host.comparison.lanes))

    def select_at(self, place: int) -> None:
        """Go to a lane by its place."""
        if place < len(self._host.comparison.lanes):
            self._host.comparison.selected = place
            self._columns.to_selected()

    # One lane

    def settings(self) -> None:
        """Ask what the selected lane is to be."""
        lane = self.selected
        self._ask(f"lane {self._host.comparison.selected + 1}", lane.setup, partial(self.change, lane))

    def _ask(self, title: str, setup: LaneSetup, then: Callable[[LaneOptions | None], None]) -> None:
        options = LaneOptions(setup.settings, setup.own_prefix, setup.seed)
        workspace = self._host.workspace
        self._host.app.push_screen(LaneScreen(title, options, workspace.presets, workspace.palette), then)

    def change(self, lane: LaneState, options: LaneOptions | None) -> None:
        """Let a lane begin again with what was asked for, and catch up."""
        if options is None or lane not in self._host.comparison.lanes:
            return
        try:
            lane.restart(self._setup(lane.setup, options).without_script())
        except EngineError as error:
            self._host.workspace.say(str(error), error=True)
            return
        self._advancing.lanes_changed()

    def _setup(self, setup: LaneSetup, options: LaneOptions) -> LaneSetup:
        """A lane with what was asked for. Raises EngineError where this model cannot have it."""
        tokenizer, info = self._host.exploration.tokenizer, self._host.exploration.info
        if info is not None:
            options.settings.check_vocabulary(info.vocab_size)
        if options.prefix is not None and options.prefix != setup.own_prefix and tokenizer is not None:
            prefix = tokenizer.encode(options.prefix) or [tokenizer.end_of_text]
            setup = replace(setup, prefix=prefix, prompt=len(prefix), own_prefix=options.prefix, before=None)
        elif options.prefix is None and setup.own_prefix is not None:
            setup = self._host.comparison.on_common(setup)
        return replace(setup, settings=options.settings, seed=options.seed)

    def add(self) -> None:
        """Ask for another lane."""
        comparison = self._host.comparison
        plain = LaneSetup(Settings(), comparison.common, comparison.common_prompt, before=comparison.before)

        def add(options: LaneOptions | None) -> None:
            if options is None:
                return
            try:
                lane = LaneState(self._setup(plain, options))
            except EngineError as error:
                self._host.workspace.say(str(error), error=True)
                return
            comparison.add(lane)
            self._advancing.lanes_changed()

        self._ask(f"lane {len(comparison.lanes) + 1}", plain, add)

    def copy(self) -> None:
        """Add another lane like the selected one, beside it."""
        comparison = self._host.comparison
        comparison.add(LaneState(self.selected.setup), comparison.selected + 1)
        self._advancing.lanes_changed()

    def remove(self) -> None:
        """Take the selected lane away."""
        comparison = self._host.comparison
        if len(comparison.lanes) > 1:
            comparison.remove(comparison.selected)
            self._advancing.lanes_changed()

    def preset(self, direction: int) -> None:
        """Use the next preset for the selected lane."""
        lane = self.selected
        settings = next_preset(lane.settings, direction, self._host.workspace.presets)
        lane.restart(replace(lane.setup, settings=settings).without_script())
        self._advancing.lanes_changed()

    def keep(self) -> None:
        """Take the selected lane over into the tree."""
        from gpt2_remix.engine.generation.step import Step

        comparison, lane, tree = self._host.comparison, self.selected, self._host.exploration.tree
        if not lane.steps:
            self._host.workspace.say("this lane has no tokens yet; space makes one")
            return
        parent = comparison.parent
        if lane.setup.own_prefix is not None or parent is None:
            parent = tree.graft(0, [Step(n, token, "prompt") for n, token in enumerate(lane.prefix)])
        leaf = tree.graft(parent, lane.steps)
        tree.change(head=leaf, cursor=len(lane.prefix))
        number = comparison.selected + 1
        self._host.workspace.say(f"lane {number} is a branch of the tree now: esc shows it there")

    # All lanes

    def _begin_again(self, restart: Callable[[], None]) -> None:
        """Let all lanes begin again otherwise, and come as far as they were."""
        goal = len(self._host.comparison)
        restart()
        self._advancing.begin_again(goal)

    def luck(self) -> None:
        """Use the next seed for all lanes."""
        comparison = self._host.comparison
        self._begin_again(lambda: comparison.restart(seed=(comparison.seed + 1) % SEED_LIMIT))

    def own_coins(self) -> None:
        """Use common coins, or coins of its own for each lane."""
        comparison = self._host.comparison
        self._begin_again(lambda: comparison.restart(own_coins=not comparison.own_coins))

    def coin(self) -> None:
        """Use the other kind of coin."""
        comparison = self._host.comparison
        coin = COINS[(COINS.index(comparison.coin) + 1) % len(COINS)]
        self._begin_again(lambda: comparison.restart(coin=coin))

    def prefix(self) -> None:
        """Edit the prefix that all lanes share."""
        from gpt2_remix.tui.dialogs.prefix import PrefixScreen

        host, comparison = self._host, self._host.comparison

        def use(ids: list[int] | None) -> None:
            if ids is not None:
                comparison.set_common(ids)
                self._begin_again(comparison.restart)

        host.app.push_screen(PrefixScreen(host.workspace.palette, host.exploration, list(comparison.common)), use)
