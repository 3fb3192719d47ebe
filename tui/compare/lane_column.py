"""One lane of a comparison: its text, and under the cursor its candidates and coin, or its statistics."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.color import Color
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.engine.compare.statistics import STATISTICS as MEANINGS
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import shortened
from gpt2_remix.tui.style.status_bar import retitle
from gpt2_remix.tui.widgets.bars import bar_segments, figure, percent, why_cut
from gpt2_remix.tui.widgets.coin import Coin, CoinView
from gpt2_remix.tui.widgets.token_text import TokenCell, TokenText

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

STATISTICS: dict[str, tuple[str, str, str]] = {
    "mean_surprisal": ("surprisal", "{:.2f} bits", MEANINGS["mean_surprisal"]),
    "mean_entropy": ("entropy", "{:.2f} bits", MEANINGS["mean_entropy"]),
    "perplexity": ("perplexity", "{:,.1f}", MEANINGS["perplexity"]),
    "distinct_1": ("distinct-1", "{:.1%}", MEANINGS["distinct_1"]),
    "distinct_2": ("distinct-2", "{:.1%}", MEANINGS["distinct_2"]),
    "repeated_4gram_fraction": ("repeats", "{:.1%}", MEANINGS["repeated_4gram_fraction"]),
    "verbatim": ("verbatim", "{:.1%}", "share of tokens in spans that stand word for word in the training text"),
    "longest": ("longest span", "{:,.0f}", "tokens of the longest such span"),
}
"""Label, form and meaning of each statistic."""


class LaneCandidates(Widget):
    """The most probable tokens at the cursor, and the one that was taken, drawn on a scale that all lanes share."""

    DEFAULT_CSS = "LaneCandidates { height: 4; background: $surface; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.palette = palette
        self._dist: Distribution | None = None
        self._taken: int | None = None
        self._scale = 1.0
        self._label_of: Callable[[int], str] = str
        self._empty = ""
        self._tokens: list[int] = []  # in the order in which they are drawn, for this height
        self._height = 0

    def show(
        self, dist: Distribution | None, taken: int | None, scale: float, label_of: Callable[[int], str], empty: str
    ) -> None:
        """Another place or scale."""
        if (dist, taken, scale, empty) != (self._dist, self._taken, self._scale, self._empty):
            self._dist, self._taken, self._scale = dist, taken, scale
            self._label_of, self._empty, self._height = label_of, empty, 0
            self.refresh()

    def _ordered(self, dist: Distribution) -> list[int]:
        """The candidates that there is room for, the taken one among them."""
        height = self.size.height
        if height != self._height:
            self._tokens = [int(token) for token in dist.order(height)]
            if self._taken is not None and self._taken not in self._tokens:
                self._tokens[-1] = self._taken
            self._height = height
        return self._tokens

    def render_line(self, y: int) -> Strip:
        """One candidate."""
        palette, width, dist = self.palette, self.size.width, self._dist
        if dist is None:
            words = self._empty if y == 0 else ""
            return Strip([Segment(words, palette.muted)]).adjust_cell_length(width, palette.text)
        tokens = self._ordered(dist)
        if y >= len(tokens):
            return Strip.blank(width, palette.text)
        token = tokens[y]
        taken, step = token == self._taken, dist.removed_by(token)
        style = palette.removed if step else palette.taken if taken else palette.text
        room = max(6, min(16, width // 3))
        bar = max(1, width - room - 11)
        label = self._label_of(token)
        label = shortened(label, room)
        final, raw = float(dist.final[token]), float(dist.raw[token])
        if step:
            label += why_cut(step, room - cell_len(label), bar)
            middle = []
        else:
            label = set_cell_size(label, room) + " "
            middle = bar_segments(final, raw, self._scale, bar, palette.bar_taken if taken else palette.bar, palette)
        mark = "●" if taken else " "
        segments = [Segment(f"{mark} ", style), Segment(label, style), *middle,
                    Segment(" " + (f"({figure(raw).strip()})".rjust(7) if step else percent(final)), style)]
        return Strip(segments).adjust_cell_length(width, palette.text)


class LaneStats(Widget):
    """The statistics of a lane, a line each; ▲ the highest of all lanes, ▼ the lowest."""

    HELP = """\
    v shows what the new tokens of each lane come to. ▲ marks the highest of all lanes and ▼ the lowest; neither is the
    better one: the likeliest text is not the best. m repeats a comparison with many seeds: mean and spread of each
    statistic, as a table and as a plot.
    """

    DEFAULT_CSS = "LaneStats { height: 9; background: $surface; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.palette = palette
        self.values: Mapping[str, float | None] = {}
        self.marks: Mapping[str, str] = {}

    def show(self, values: Mapping[str, float | None], marks: Mapping[str, str]) -> None:
        """Other values; marks are "▲", "▼" or ""."""
        if (values, marks) != (self.values, self.marks):
            self.values, self.marks = values, marks
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One statistic."""
        palette, width = self.palette, self.size.width
        if y == len(STATISTICS):
            return Strip([Segment("▲ highest  ▼ lowest".rjust(width), palette.muted)]).crop(0, width)
        if y > len(STATISTICS):
            return Strip.blank(width, palette.text)
        name = list(STATISTICS)[y]
        label, form, _ = STATISTICS[name]
        value = self.values.get(name)
        text = "–" if value is None else form.format(value)
        mark = self.marks.get(name, "")
        gap = max(1, width - cell_len(label) - cell_len(text) - 2)
        style = palette.value
        return Strip(
            [Segment(label, palette.label), Segment(" " * gap + text, style), Segment(f" {mark or ' '}", style)]
        ).adjust_cell_length(width, palette.text)


class LaneColumn(Vertical):
    """A lane as a column; the screen gives it what to show."""

    HELP = """\
    c lays several settings side by side: lanes that run as one batch on the same coins. At the same place each lane
    gets the same u, so what differs is due to the settings alone. The token at which a lane leaves lane 1 is marked;
    from there its text has the lane's colour, dim where it is the same token again. The agree row shows ━ where all
    lanes hold the same token, else how many different ones there are. One cursor moves through all lanes; under it
    stand each lane's candidates and coin, on one scale; in brackets the raw probability, in %, of a token that was cut.
    k keeps a lane as a branch of the tree.
    """

    DEFAULT_CSS = """
    LaneColumn {
        height: 1fr; border: round $border; background: $surface; padding: 0 1;
        border-title-color: $foreground; border-subtitle-color: $text-muted;
    }
    LaneColumn TokenText { height: 1fr; }
    LaneColumn Coin { height: 3; }
    LaneColumn LaneStats { display: none; }
    """

    class Clicked(Message):
        """A person clicked on a lane: the token's index, or None for elsewhere in it."""

        def __init__(self, column: LaneColumn, index: int | None) -> None:
            super().__init__()
            self.column = column
            self.index = index

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.palette = palette
        self.text = TokenText(palette)
        self.text.can_focus = False
        self.candidates = LaneCandidates(palette)
        self.coin = Coin(palette, id=None)
        self.stats = LaneStats(palette)
        self._drawn: tuple[bool, Color] | None = None
        self._shown: tuple[Hashable, int] = (None, 0)

    def compose(self) -> ComposeResult:
        """Text, candidates, coin, statistics."""
        yield self.text
        yield self.candidates
        yield self.coin
        yield self.stats

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self.palette = self.candidates.palette = self.stats.palette = palette
        self.text.set_palette(palette)
        self.coin.set_palette(palette)
        self._drawn = None

    def head(self, title: str, subtitle: str, style: Style, selected: bool) -> None:
        """Its titles and colour."""
        retitle(self, title=title, subtitle=subtitle)
        self.text.set_apart(style)
        colour = Color.from_rich_color(style.color)
        if (selected, colour) != self._drawn:
            self._drawn = (selected, colour)
            self.styles.border_title_color = colour
            self.styles.border = ("heavy", colour) if selected else ("round", colour)

    def show_tokens(
        self, key: Hashable, prefix: int, count: int, settled: int, cells: Callable[[int], list[TokenCell]]
    ) -> None:
        """Its tokens; only what is new is laid out where `key` is the same as before.

        Args:
            key: another one where the past is another.
            prefix: how many cells stand before the new tokens.
            count: how many new tokens there are.
            settled: how many of them will look the same whatever comes.
            cells: gives the cells of everything (-1), or of the new tokens from a place on.
        """
        known, done = self._shown
        if key != known or settled < done:
            self.text.replace(0, cells(-1))
        elif prefix + count > self.text.count or settled > done:
            self.text.replace(prefix + done, cells(done))
        self._shown = (key, settled)

    def show_position(self, view: CoinView, scale: float, label_of: Callable[[int], str], empty: str) -> None:
        """Its candidates and its coin at the cursor."""
        self.candidates.show(view.dist, view.step.token if view.step else None, scale, label_of, empty)
        self.coin.show(view, label_of)

    @on(TokenText.Clicked)
    def _text_clicked(self, event: TokenText.Clicked) -> None:
        event.stop()
        self.post_message(self.Clicked(self, event.index))

    @on(Coin.Flipped)
    def _coin_clicked(self, event: Coin.Flipped) -> None:
        event.stop()

    def on_click(self, event: events.Click) -> None:
        """Select the lane."""
        self.post_message(self.Clicked(self, None))
