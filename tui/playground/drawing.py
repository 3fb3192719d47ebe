"""Drawing the playground: the text, the position under the cursor, the settings, the status line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.session.outline import fell_again
from gpt2_remix.engine.words import counted
from gpt2_remix.tui.playground.forks import Forks
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.runs import MOST_BRANCHES
from gpt2_remix.tui.playground.verbatim import Verbatim
from gpt2_remix.tui.playground.what_if import WhatIf
from gpt2_remix.tui.state import sampling_panel as panel
from gpt2_remix.tui.state.heats import HEATS, Heat, HeatSource
from gpt2_remix.tui.style.heat import heat_level
from gpt2_remix.tui.style.status_bar import retitle
from gpt2_remix.tui.widgets.coin import CoinView
from gpt2_remix.tui.widgets.token_text import TokenCell

if TYPE_CHECKING:
    from gpt2_remix.engine.sampling.distribution import Stage

NAME_CELLS = 26


@dataclass(slots=True)
class Shown:
    """What the text pane holds: node ids, and the heat of their levels."""

    path: list[int] = field(default_factory=list)
    heat: str = ""


class Drawing:
    """Draws the state as it is now. Idempotent."""

    def __init__(self, host: Host, what_if: WhatIf, verbatim: Verbatim, forks: Forks) -> None:
        self._host = host
        self._what_if = what_if
        self._verbatim = verbatim
        self._forks = forks
        self._shown = Shown()

    def restart(self) -> None:
        """The exploration is another one: everything is drawn anew."""
        self._shown = Shown()
        self._host.panes.text.replace(0, [])
        self._host.panes.branches.forget()

    @property
    def _heat(self) -> Heat:
        return HEATS[self._host.workspace.preferences.heat]

    def levels(self, steps: Sequence[Step], first: int) -> list[int]:
        """The background of some steps."""
        heat = self._heat
        if heat.spans:
            return [-1] * len(steps)
        source = HeatSource(steps, first, self._verbatim.trace, self._forks.value)
        return [heat_level(value) for value in heat.values(source)]

    def text(self) -> None:
        """The stream, with heat and marks."""
        host, shown, heat = self._host, self._shown, self._heat
        exploration, pane = host.exploration, host.panes.text
        tree = exploration.tree
        path = list(tree.path)
        common = len(shown.path)
        if path[:common] != shown.path:
            common = next((n for n, (a, b) in enumerate(zip(path, shown.path, strict=False)) if a != b), len(path))
        if (heat.name != shown.heat or heat.grows) and common:
            pane.set_levels(0, self.levels([tree.step(position) for position in range(common)], 0))
            if heat.spans or (shown.heat and HEATS[shown.heat].spans):
                pane.set_marks(0, self._verbatim.marks(0, common))
        if common < len(shown.path):
            self._what_if.forget()
        if common < max(len(path), len(shown.path)):
            steps = tree.steps(common)
            self._verbatim.follow(common, [step.token for step in steps])
            marks = self._verbatim.marks(common, len(path))
            levels = self.levels(steps, common)
            pane.replace(common, [
                TokenCell(exploration.piece(step.token), self._what_if.kind(node, step), level, mark)
                for node, step, level, mark in zip(path[common:], steps, levels, marks, strict=True)
            ])
        self._shown = Shown(path, heat.name)
        window = exploration.window(exploration.cursor)
        pane.set_cursor(exploration.cursor, window)
        # Only what changes seldom: a new title draws the whole pane again. The number of tokens is in the status line.
        opened = host.workspace.autosave.session_of(exploration)
        name = opened.session.name if opened is not None else ""
        title = f"text · {name}" if name else "text"
        if window:
            title += f", seen from token {window} on"
        retitle(host.panes.text_pane, title=title)
        self.trace()

    def trace(self) -> None:
        """The strip of bars, the legend, and what the training text says of the cursor."""
        host, heat = self._host, self._heat
        exploration, strip = host.exploration, host.panes.strip
        tree, trace = exploration.tree, self._verbatim.trace
        first, end = strip.range_for(exploration.cursor, len(tree))
        source = HeatSource([tree.step(n) for n in range(first, end)], first, trace, self._forks.value)
        strip.show(first, heat.values(source), exploration.cursor)
        retitle(host.panes.text_pane, subtitle=heat.legend(source))
        self._verbatim.draw()

    def scored(self, steps: Sequence[Step]) -> None:
        """The probabilities of prompt tokens have come."""
        for step in steps:
            self._host.panes.text.set_levels(step.position, self.levels([step], step.position))

    def position(self, keep_selection: bool) -> None:
        """The distribution and the coin under the cursor."""
        host, exploration = self._host, self._host.exploration
        cursor, view = exploration.cursor, exploration.tree.view
        at_end = cursor >= len(exploration.tree)
        step = None if at_end else exploration.tree.step(cursor)
        empty = host.activity.waiting_for or ("the network is computing…" if exploration.ready else "no model")
        try:
            dist = exploration.distribution(cursor) if exploration.tokenizer else None
        except EngineError as error:
            dist, empty = None, str(error)
        title = f"next token at {cursor}" if at_end else f"token at {cursor}"
        host.panes.view.set_title(f"{title}, as after <|endoftext|>" if cursor == 0 else title)
        host.panes.view.show(dist, step.token if step else None, empty, keep=keep_selection)
        again = step is not None and fell_again(exploration.tree, step)
        host.panes.coin.show(CoinView(dist, step, view.seed, view.coin, again), exploration.name)
        flipped = step is not None and step.u is not None
        seed = step.seed if step is not None and flipped else view.seed
        roll = step.roll if step is not None and flipped else exploration.next_roll(cursor)
        kind = step.coin if step is not None and step.coin else view.coin
        title = "coin" if kind == "interval" else "coin: log p + luck"
        same = "the same again · " if again and kind == "gumbel" else ""
        rolled = f"seed {seed} · roll {roll}{self._maker(cursor)}"
        told = ", flipped again" if roll else ", the first flip"
        if step is not None and step.hindsight is not None:
            title, rolled, told = "coin: luck in hindsight", f"seed {seed}{self._maker(cursor)}", ", one of many"
        elif step is not None and step.by_hand:
            rolled, told = f"u by hand{self._maker(cursor)}", ", no seed"
        elif at_end and exploration.dice:
            rolled, told = f"next: u {exploration.dice[0]:g}", ", by hand"
        if cell_len(same + rolled + told) <= host.panes.coin.size.width - 2:
            rolled += told
        retitle(host.panes.coin, title=title, subtitle=same + rolled)

    def _maker(self, position: int) -> str:
        """The model that a token was made with, where that is not the one that runs."""
        tree = self._host.exploration.tree
        if position >= len(tree):
            return ""
        number = tree.nodes[tree.path[position]].model
        if number == tree.model or number >= len(tree.models):
            return ""
        record = tree.models[number]
        return f" · made with {record.name if record.name != tree.models[tree.model].name else 'other weights'}"

    def settings(self) -> None:
        """The sampling panel; while it has the focus, beside each rule of the chain what it leaves at the cursor."""
        host = self._host
        view, kept, presets = host.exploration.tree.view, host.workspace.preferences, host.workspace.presets
        sampler = host.panes.sampler
        rows = panel.chain_rows(view, kept, presets, self._stages()) if sampler.focused else []
        left = host.workspace.remembered
        retitle(sampler, subtitle="as you left them last time" if left is not None and left == view.settings else "")
        sampler.list.show(panel.shown(view, kept, presets), rows)

    def _stages(self) -> Sequence[Stage] | None:
        exploration = self._host.exploration
        try:
            dist = exploration.distribution(exploration.cursor, account=True)
        except EngineError:
            return None
        return dist.stages if dist is not None else None

    def branches(self) -> None:
        """The branches, where they are shown."""
        exploration, pane = self._host.exploration, self._host.panes.branches
        if pane.display:
            pane.show_tree(exploration.tree, exploration.words)

    def status(self, width: int) -> tuple[str, list[str], int]:
        """What the status line says of the model on the left, and of the stream on the right; how many at the end stay
        where there is little room."""
        host, exploration, activity = self._host, self._host.exploration, self._host.activity
        info, tree, left = exploration.info, exploration.tree, ""
        if info is not None:
            name = info.name if len(info.name) <= NAME_CELLS else f"…{info.name[1 - NAME_CELLS :]}"
            plain = "" if info.form != "numpy" else " numpy, compiling" if host.workspace.compiling else " numpy"
            left = f"{name} {info.parameters / 1e6:,.1f}M {info.precision}{plain}"
        parts = []
        if count := activity.count:
            grown = counted(min(count, MOST_BRANCHES), "branch", "branches")
            return left, [f"{count:,}▏", f"space +{count:,}", f"g to {count:,}", f"b {grown}"], 0
        if activity.waiting_for:
            parts.append(activity.waiting_for)
        elif info is None:
            parts.append("no model: press m to choose one")
        if exploration.tokenizer is not None:
            parts.append(counted(len(tree), "token"))
        if self._what_if.on:
            parts.append(self._what_if.words)
        if activity.run is not None:
            parts.append(f"{activity.run.rate:,.0f} tok/s" if activity.run.rate else "running")
        elif info is not None and not activity.waiting_for:
            parts.append("paused")
        branches = tree.leaf_count
        if branches > 1:
            parts.append(f"branch {tree.branch_number()} of {branches}")
        if info is not None and width >= 100 and not host.workspace.options.alone:
            parts.append(f"network: {counted(exploration.computed, 'token')}")
        last = [*filter(None, [host.workspace.trainings.words, host.workspace.autosave.state(exploration)])]
        return left, [*parts, *last], len(last)
