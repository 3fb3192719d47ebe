"""Repeating a comparison with many seeds: mean and spread of each statistic by lane, as a table and as a plot."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.widgets import Input, Label, ProgressBar, Static

from gpt2_remix.engine.compare.statistics import highest_and_lowest, mean_and_spread
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.settings import SEED_LIMIT
from gpt2_remix.tui.compare.lane_column import STATISTICS
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.messages import RepeatProgress, RequestFailed
from gpt2_remix.tui.state.comparison import Comparison
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.style.shorten import fitted, shortened
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.workers.requests import RepeatRequest, numbers
from gpt2_remix.tui.workspace import Workspace

MOST_SEEDS, MOST_TOKENS = 1000, 1000

LEFT = "leaves lane 1 after"
"""The row of how long the lanes stay with lane 1."""

LABEL_CELLS, LANE_CELLS, MOST_TITLE = 22, 21, 24
"""Cells of a table's columns."""


class RepeatScreen(Modal[None]):
    """Two fields, progress, and what has come of it so far."""

    DEFAULT_CSS = """
    RepeatScreen .dialog { height: 90%; max-width: 130; width: 94%; }
    RepeatScreen Horizontal { height: 1; }
    RepeatScreen Label { width: auto; color: $text-muted; margin-right: 1; }
    RepeatScreen Input { width: 8; background: $panel; padding: 0 1; margin-right: 2; }
    RepeatScreen ProgressBar { width: 1fr; }
    RepeatScreen VerticalScroll { height: 1fr; margin-top: 1; }
    RepeatScreen VerticalScroll:focus { background-tint: transparent; }
    RepeatScreen #result { height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "begin"),
        Binding("ctrl+x", "stop", "stop", priority=True),
        Binding("ctrl+t", "plot", "table or plot", priority=True),
        Binding("ctrl+o", "overlay", "overlay", priority=True),
        Binding("pagedown,down", "scroll(1)", "scroll", priority=True, key_display="↑↓"),
        Binding("pageup,up", "scroll(-1)", show=False, priority=True),
        Binding("tab", "app.focus_next", "next field"),
        Binding("escape", "close", "close", priority=True),
    ]

    def __init__(self, workspace: Workspace, exploration: Exploration, comparison: Comparison) -> None:
        super().__init__()
        self._workspace = workspace
        self._exploration = exploration
        self._comparison = comparison
        self._number = 0
        self._going = False
        self._plot = False
        self._last: RepeatProgress | None = None

    def compose(self) -> ComposeResult:
        """Fields and progress over the result."""
        tokens = len(self._comparison) or 60
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "the same comparison with many seeds"
            with Horizontal():
                yield Label("seeds")
                yield Input("20", compact=True, id="seeds")
                yield Label("tokens each")
                yield Input(str(min(tokens, MOST_TOKENS)), compact=True, id="tokens")
                yield ProgressBar(total=1, show_eta=True)
            yield Static(id="problem", classes="problem")
            with VerticalScroll():
                yield Static(id="result")
        yield Keys()

    def opened(self) -> None:
        """Enter begins."""
        self.query_one("#seeds", Input).focus()
        self._show()

    def resized(self, size: Size) -> None:
        """The plot is as wide as there is room."""
        self.call_after_refresh(self._show)

    def _read(self, field: str, most: int) -> int:
        text = self.query_one(f"#{field}", Input).value.strip()
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise InputError(f"{text[:20]!r} is no number of {field}: write 1 to {most}")
        return int(text)

    @on(Input.Submitted)
    def action_begin(self) -> None:
        """Begin, or begin again."""
        from gpt2_remix.engine.compare.lanes import LaneStart

        comparison, problem = self._comparison, ""
        try:
            repeats, limit = self._read("seeds", MOST_SEEDS), self._read("tokens", MOST_TOKENS)
            if comparison.seed + repeats * (len(comparison.lanes) + 1) >= SEED_LIMIT:
                raise InputError(f"seed {comparison.seed} leaves no room for so many seeds; choose a smaller one")
        except InputError as error:
            problem = str(error)
        self.query_one("#problem", Static).update(Text(problem))
        if problem:
            self.app.bell()
            return
        self._number, self._going, self._last = next(numbers), True, None
        total = limit * repeats * len(comparison.lanes)
        self.query_one(ProgressBar).update(total=total, progress=0)
        self._workspace.engine.submit(
            RepeatRequest(
                self._exploration.network, self.post_message, self._number,
                [LaneStart(comparison.stream(lane, 0), lane.settings, comparison.seed_of(place))
                 for place, lane in enumerate(comparison.lanes)],
                comparison.seed, repeats, limit, comparison.coin,
                self._workspace.preferences.stop_at_end,
            )
        )
        self._show()

    def action_scroll(self, direction: int) -> None:
        """Scroll the result, while a field has the focus too."""
        self.query_one(VerticalScroll).scroll_relative(y=4 * direction, animate=False)

    @property
    def settled(self) -> bool:
        """Whether nothing is being repeated."""
        return not self._going

    @property
    def progress(self) -> RepeatProgress | None:
        """What has come of it so far; None before the first seed."""
        return self._last

    def on_repeat_progress(self, message: RepeatProgress) -> None:
        """Show what has come of the seeds that are finished."""
        message.stop()
        if message.number != self._number:
            return
        self._last = message
        self._going = message.done < message.total
        self.query_one(ProgressBar).update(total=message.total, progress=message.done)
        self.refresh_bindings()
        self._show()

    def on_request_failed(self, message: RequestFailed) -> None:
        """The engine could not go on: say why; what is finished stays."""
        message.stop()
        self._workspace.say(message.reason, error=True)
        self._going = False
        self._show()

    def action_stop(self) -> None:
        """End it; what is finished stays."""
        if self._going:
            self._going = False
            self._workspace.engine.cancel(RepeatRequest)
            self._show()

    def action_plot(self) -> None:
        """The plot in place of the table, or back."""
        self._plot = not self._plot
        self._show()

    def action_overlay(self) -> None:
        """Lay the streams of a lane over each other: where they go together, and where they part."""
        from gpt2_remix.tui.dialogs.overlay import OverlayScreen

        if self._last is not None and self._last.seeds:
            names = [self._lane(n)[0] for n in range(len(self._last.streams))]
            self.app.push_screen(OverlayScreen("overlay", dict(zip(names, self._last.streams, strict=True)),
                                               self._exploration.words, self._workspace.palette, goes=False))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Before a seed is finished there is nothing to lay over each other."""
        if action == "overlay" and (self._last is None or not self._last.seeds):
            return False
        return super().check_action(action, parameters)

    def action_close(self) -> None:
        """Back to the lanes."""
        self._workspace.engine.cancel(RepeatRequest)
        self.dismiss(None)

    # Showing

    def _show(self) -> None:
        if not self.is_attached or not self.query("#result"):
            return  # it closes
        result, last = self.query_one("#result", Static), self._last
        if last is None or last.table is None:
            own = "each lane has coins of its own" if self._comparison.own_coins else "the lanes share the coins"
            words = (
                "running the first seeds…" if self._going else
                f"enter runs all {len(self._comparison.lanes)} lanes with seed {self._comparison.seed} and the seeds "
                f"after it; with each seed {own}. Mean and spread of each statistic follow as seeds are finished."
            )
            result.update(Text(words, style="dim"))
            return
        rows = self._rows(last)
        state = "" if self._going else ", done" if last.done >= last.total else ", stopped"
        said = f"\nmean ± standard deviation over {last.seeds} seeds{state}; ▲ highest, ▼ lowest; ctrl+t: "
        if self._plot:
            result.update(Text("\n").join([self._bars(name, cells) for name, cells in rows]
                                          + [Text(said + "the table", style="dim")]))
        else:
            from rich.console import Group

            result.update(Group(*self._tables(rows), Text(said + "a plot", style="dim")))

    def _rows(self, last: RepeatProgress) -> list[tuple[str, list[tuple[float, float] | None]]]:
        """For each statistic the mean and spread of each lane."""
        assert last.table is not None
        rows: list[tuple[str, list[tuple[float, float] | None]]] = [
            (name, [lane[name] for lane in last.table]) for name in last.table[0]
        ]
        left: list[tuple[float, float] | None] = []
        for parted in last.divergences:
            known = [float(value) for value in parted if value is not None]
            left.append(mean_and_spread(known) if known else None)
        return [*rows, (LEFT, left)]

    def _lane(self, number: int) -> tuple[str, Style]:
        lane, palette = self._comparison.lanes[number], self._workspace.palette
        return f"{number + 1} {lane.title}", palette.lanes[lane.number % len(palette.lanes)]

    def _marks(self, name: str, cells: list[tuple[float, float] | None]) -> dict[int, str]:
        if name == LEFT:
            return {}
        highest, lowest = highest_and_lowest([None if cell is None else cell[0] for cell in cells])
        return dict.fromkeys(lowest, "▼") | dict.fromkeys(highest, "▲")

    def _tables(self, rows: list[tuple[str, list[tuple[float, float] | None]]]) -> list[Table]:
        """Statistics down and lanes across, as many in one table as fit, the others below."""
        lanes, room = len(rows[0][1]), self.query_one(VerticalScroll).size.width
        each = max(1, (room - LABEL_CELLS) // LANE_CELLS)
        return [self._table(rows, range(first, min(first + each, lanes))) for first in range(0, lanes, each)]

    def _table(self, rows: list[tuple[str, list[tuple[float, float] | None]]], lanes: range) -> Table:
        """Some lanes in a table."""
        table = Table(box=None, padding=(0, 1), show_edge=False)
        table.add_column("", width=LABEL_CELLS - 2)
        for number in lanes:
            title, style = self._lane(number)
            title = shortened(title, MOST_TITLE)
            table.add_column(Text(title, Style(color=style.color)), justify="right", min_width=LANE_CELLS - 2)
        for name, values in rows:
            marks = self._marks(name, values)
            cells = [Text(_label(name), "dim")]
            for number in lanes:
                value = values[number]
                words = "–" if value is None else f"{_shown(name, value[0])} ± {_shown(name, value[1])}"
                cells.append(Text(f"{words} {marks.get(number, ' ')}"))
            table.add_row(*cells)
        return table

    def _bars(self, name: str, cells: list[tuple[float, float] | None]) -> Text:
        """One statistic: for each lane its mean as a point on a line from mean - spread to mean + spread."""
        known = [cell for cell in cells if cell is not None]
        text = Text(f"{_label(name)}\n", "bold")
        if not known:
            return text.append("–\n", "dim")
        low, high = min(m - s for m, s in known), max(m + s for m, s in known)
        room = max(20, self.query_one(VerticalScroll).size.width - 2)
        label = max(10, min(26, room // 3))
        width = max(10, room - label - 22)
        span = (high - low) or 1.0
        marks = self._marks(name, cells)
        for number, cell in enumerate(cells):
            title, style = self._lane(number)
            colour = Style(color=style.color)
            text.append(fitted(title, label) + " ", colour)
            if cell is None:
                text.append("–\n")
                continue
            start, middle, end = (
                round((value - low) / span * (width - 1)) for value in (cell[0] - cell[1], cell[0], cell[0] + cell[1])
            )
            line = [" "] * width
            line[start : end + 1] = "─" * (end + 1 - start)
            line[start], line[end], line[middle] = "├", "┤", "●"
            text.append("".join(line), colour)
            text.append(f" {_shown(name, cell[0]):>8} ± {_shown(name, cell[1])} {marks.get(number, '')}\n")
        return text


def _label(name: str) -> str:
    return STATISTICS[name][0] if name in STATISTICS else name


def _shown(name: str, value: float) -> str:
    form = STATISTICS[name][1] if name in STATISTICS else "{:.1f}"
    return form.replace(" bits", "").format(value)
