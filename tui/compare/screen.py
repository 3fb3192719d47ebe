"""The compare screen: lanes side by side on the same coins, one cursor through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import HorizontalScroll
from textual.widget import Widget

from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.compare.advancing import Advancing
from gpt2_remix.tui.compare.agree import AgreeStrip
from gpt2_remix.tui.compare.columns import SHOWN_PREFIX, Columns
from gpt2_remix.tui.compare.host import Advance
from gpt2_remix.tui.compare.keymap import KEYMAP
from gpt2_remix.tui.compare.lane_column import LaneColumn
from gpt2_remix.tui.compare.lanes import Lanes
from gpt2_remix.tui.compare.traces import LaneTraces
from gpt2_remix.tui.keymap import Row, bindings_of
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.state.comparison import MOST_LANES, Comparison
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.workers.requests import RunRequest
from gpt2_remix.tui.workspace import Workspace


class CompareScreen(MainScreen[int | None]):
    """Lanes side by side; the comparison stays with the exploration. Dismissed with a place at which another token is
    to be tried, or None."""

    CSS_PATH = "compare.tcss"
    ONE_NETWORK: ClassVar[bool] = True
    KEYMAP: ClassVar[Sequence[Row]] = KEYMAP
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(KEYMAP)]
    CONDITIONAL: ClassVar[tuple[str, ...]] = ("advancing.run", "lanes.remove", "lanes.keep", "lanes.add", "what_if")

    def __init__(self, workspace: Workspace, exploration: Exploration, comparison: Comparison) -> None:
        super().__init__(workspace)
        self.exploration = exploration
        self.comparison = comparison
        self.advance = Advance(following=not comparison.scripted)  # there what was changed stays in view
        self._area = HorizontalScroll(id="lanes")
        self._area.can_focus = False
        self._agree = AgreeStrip(workspace.palette)
        self.traces = LaneTraces(self)
        self.drawing = Columns(self, self.traces, self._area)
        self.advancing = Advancing(self, self.drawing)
        self.lanes = Lanes(self, self.drawing, self.advancing)

    def body(self) -> Iterable[Widget]:
        """The columns over the agreement."""
        yield self._area
        yield self._agree

    def on_mount(self) -> None:
        """A column for each lane; a counterfactual comes as far as the stream that it is laid beside."""
        self.drawing.sync()
        if any(not lane.steps for lane in self.comparison.lanes) and self.comparison.behind():
            self.advancing.start(endless=False, goal=len(self.comparison))
        self.screen_layout_refresh_signal.subscribe(self, lambda _: self._laid_out())
        self.workspace.palette_changed.subscribe(self, lambda _: self._use_palette())
        self.workspace.index_changed.subscribe(self, self._index_changed)

    def _laid_out(self) -> None:
        """Other lanes have come into view: what is seen of them is asked for only when they are drawn."""
        if self.drawable and not self.drawing.drawn:
            self.changed(keep_selection=True)

    @property
    def drawable(self) -> bool:
        """See MainScreen."""
        return self.is_attached and self._area.is_attached and self._agree.is_attached and bool(self.columns)

    @property
    def columns(self) -> list[LaneColumn]:
        """In the order of the lanes."""
        return self.drawing.all

    @property
    def settled(self) -> bool:
        """Whether no lane runs or waits, and what is under the cursor is known in all lanes in view."""
        lanes = len(self.comparison.lanes)
        return (super().settled and not self.advance.running and not self.comparison.behind()
                and len(self.columns) == lanes and self.drawable and self.drawing.drawn and self.drawing.known())

    def describe(self) -> dict[str, Any]:
        """What it shows, in words; for tests."""
        comparison = self.comparison
        return {
            **super().describe(), "cursor": comparison.cursor, "selected": comparison.selected,
            "lanes": [lane.title for lane in comparison.lanes], "visible": [n for n, _ in self.drawing.visible()],
            "running": self.advance.running,
        }

    def draw(self, keep_selection: bool) -> None:
        """See MainScreen."""
        comparison = self.comparison
        self.drawing.draw()
        first, end = self._agree.range_for(comparison.cursor, len(comparison))
        self._agree.show(first, comparison.choices(first, end), comparison.cursor)
        self._draw_status()

    def _draw_status(self) -> None:
        comparison, info, wide = self.comparison, self.exploration.info, self.size.width >= 100
        lanes, shown = len(comparison.lanes), len(self.drawing.visible())
        coins = "own coins from " if comparison.own_coins else "same coins: " if wide else ""
        rate, speed = self.advance.rate, self.workspace.preferences.speed
        self.draw_status(f"{comparison.title}{f' · {info.name}' if info and wide else ''}", [
            f"{coins}seed {comparison.seed}" + (" gumbel" if comparison.coin == "gumbel" else ""),
            counted(lanes, "lane") + (f", {shown} in view" if shown < lanes else ""),
            f"token {comparison.base + comparison.cursor}",
            (f"{rate:,.0f} tok/s" if rate else "running") if self.advance.running else "paused",
            "at full speed" if speed is None else f"up to {speed:g}/s a lane",
        ])

    def resized(self) -> None:
        """Lay the columns out for another size."""
        self.call_after_refresh(self.drawing.to_selected)

    def _use_palette(self) -> None:
        for column in self.columns:
            column.set_palette(self.workspace.palette)
        self._agree.set_palette(self.workspace.palette)
        self.changed()

    def _index_changed(self, fresh: bool) -> None:
        if fresh:
            self.traces.restart()

    # What the workers answer

    def on_logits_ready(self, message: messages.LogitsReady) -> None:
        """Logits have come."""
        message.stop()
        if message.network != self.exploration.network or not isinstance(message.place, tuple):
            return
        version, place = message.place
        lane = next((lane for lane in self.comparison.lanes if lane.version == version), None)
        if lane is not None:
            self.comparison.remember(lane, place, message.logits)
            self.changed()

    def on_stepped(self, message: messages.Stepped) -> None:
        """Show lanes that went on."""
        message.stop()
        try:
            if self.advancing.take(message):
                self.draw_changes()
        finally:
            self.workspace.engine.handled()

    def on_traced(self, message: messages.Traced) -> None:
        """Tokens of a lane were looked up in the training text."""
        message.stop()
        if self.drawable and (found := self.traces.take(message)) is not None:
            self.drawing.traced(*found)

    def on_request_failed(self, message: messages.RequestFailed) -> None:
        """The engine could not do what was asked: say why; nothing is lost."""
        message.stop()
        if message.kind is RunRequest:
            self.advancing.stop()
        else:
            self.drawing.failed()
        self.workspace.say(message.reason, error=True)
        self.changed()

    # Keys

    def enabled(self, do: str) -> bool | None:
        """Which keys work now."""
        lanes = len(self.comparison.lanes)
        match do:
            case "advancing.run" | "advancing.pause":
                return self.advance.runs_on == (do == "advancing.pause")
            case "lanes.add" | "lanes.copy":
                return lanes < MOST_LANES
            case "lanes.remove":
                return lanes > 1
            case "lanes.keep":
                return bool(self.lanes.selected.steps)
            case "what_if":
                return self.comparison.scripted
        return True

    def offered(self, do: str) -> bool:
        """See MainScreen."""
        return bool(self.enabled(do)) if do in ("advancing.run", "advancing.pause", "what_if") else True

    def move(self, offset: int) -> None:
        """Move the cursor through all lanes."""
        self.move_to(self.comparison.cursor + offset)

    def move_to(self, place: int) -> None:
        """Move the cursor to a place."""
        comparison = self.comparison
        comparison.cursor = max(0, min(place, len(comparison)))
        self.advance.following = comparison.cursor >= len(comparison) - 1
        self.changed()

    def end(self) -> None:
        """Move the cursor to the next token; while running, it follows the newest one again."""
        self.move_to(len(self.comparison))

    def line(self, lines: int) -> None:
        """Move the cursor a line up or down in the selected lane."""
        column = self.columns[self.comparison.selected]
        self.move_to(column.text.line_step(lines) - min(len(self.lanes.selected.prefix), SHOWN_PREFIX))

    def part(self, direction: int) -> None:
        """Go to the next place where lanes that agreed hold different tokens, or to the one before."""
        comparison = self.comparison
        differ = [count > 1 for count in comparison.choices(0, len(comparison))]
        places = [n for n, apart in enumerate(differ) if apart and not (n and differ[n - 1])]
        ahead = [n for n in places if (n > comparison.cursor if direction > 0 else n < comparison.cursor)]
        if ahead:
            self.move_to(ahead[0] if direction > 0 else ahead[-1])
        else:
            self.workspace.say(f"no place {'after' if direction > 0 else 'before'} this one where the lanes part")

    @on(LaneColumn.Clicked)
    def _lane_clicked(self, event: LaneColumn.Clicked) -> None:
        self.lanes.select_at(self.columns.index(event.column))
        if event.index is not None:
            self.move_to(event.index - min(len(self.lanes.selected.prefix), SHOWN_PREFIX))

    @on(AgreeStrip.Clicked)
    def _place_clicked(self, event: AgreeStrip.Clicked) -> None:
        self.move_to(event.place)

    def statistics(self) -> None:
        """Show the statistics in place of candidates and coin (beside them in a tall terminal), or hide them."""
        self.toggle_class("statistics")

    def zoom(self) -> None:
        """One lane alone on the screen, or all again."""
        self.drawing.zoomed = not self.drawing.zoomed
        self.drawing.to_selected()

    def repeat(self) -> None:
        """Repeat the comparison with many seeds."""
        from gpt2_remix.tui.compare.repeat import RepeatScreen

        self.advancing.stop()
        self.changed()
        self.app.push_screen(RepeatScreen(self.workspace, self.exploration, self.comparison))

    def export(self) -> None:
        """Ask in which form and where to, and write it."""
        from gpt2_remix.tui.compare.exporting import ask

        self.advancing.stop()
        self.changed()
        ask(self)

    def on_exported(self, message: messages.Exported) -> None:
        """An export is there, or cannot be written."""
        message.stop()
        self.workspace.say(message.problem or f"wrote {message.path}", error=bool(message.problem))

    def help(self) -> None:
        """Explain the lanes, or the statistics where they are shown."""
        self.post_message(messages.ShowHelp("compare", "statistics" if self.has_class("statistics") else "lanes"))

    def what_if(self) -> None:
        """Try another token at the cursor, in the stream that this comparison was laid beside."""
        self.advancing.stop()
        self.dismiss(self.comparison.base + self.comparison.cursor)

    def close(self) -> None:
        """Go back to the playground."""
        self.advancing.stop()
        self.dismiss(None)
