"""Exact futures: the words that may come next with proved bounds, and where the text can go."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.tui.playground.views.view import Position, View
from gpt2_remix.tui.state.futures import Continuation, FuturesSeen
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import fitted
from gpt2_remix.tui.widgets.bars import figure, percent

FIGURES = 12
"""Cells for two bounds."""


class FuturesView(Widget, can_focus=True, inherit_bindings=False):  # the screen owns all keys
    """Words with a bar from the lower to the upper bound, and below them a tree of continuations, folded."""

    DEFAULT_CSS = """
    FuturesView { height: 1fr; background: $surface; }
    """

    class Picked(Message):
        """A person wants a continuation."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="futures")
        self._palette = palette
        self._seen = FuturesSeen()
        self._words = ""
        self._name_of: Callable[[int], str] = str
        self._selected: tuple[int, ...] = ()
        self._place: object = None
        self._top = 0

    @property
    def seen(self) -> FuturesSeen:
        """What it shows."""
        return self._seen

    @property
    def chosen(self) -> tuple[int, ...]:
        """The ids of the selected continuation; empty where there is none."""
        return self._selected

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, position: Position, *, keep: bool) -> None:
        """Another position: its names; what is known of it comes by `tell`."""
        self._name_of = position.name

    def tell(self, place: object, seen: FuturesSeen, words: str) -> None:
        """What is known of a place now, and what is said where that is nothing yet."""
        if place != self._place:
            self._place, self._selected, self._top = place, (), 0
        if (seen, words) == (self._seen, self._words):
            return
        self._seen, self._words = seen, words
        if self._selected and seen.row(self._selected) is None:
            self._selected = ()
        if not self._selected and seen.tree:
            self._selected = seen.tree[0].path
        self.refresh()

    def summary(self) -> str:
        """How much is decided, and what that has cost."""
        seen = self._seen
        if not seen.computed and not seen.closed:
            return ""
        goes_on = "" if seen.over else "…"
        return f"{seen.decided:.1%} decided · {seen.computed:,} in {seen.seconds:.1f} s{goes_on}"

    # Rows

    def _heads(self) -> int:
        """How many rows words and pattern take; the tree has the others."""
        seen, height = self._seen, self.size.height
        words = min(len(seen.words), max(2, (height - 1) // 2))
        return words + (seen.find is not None)

    @property
    def _rows(self) -> list[tuple[Continuation, int]]:
        return list(self._seen.unfolded(self._selected))

    def move(self, rows: int) -> None:
        """Select another continuation; how it goes on is unfolded."""
        every = self._rows
        if not every:
            return
        at = next((n for n, (row, _) in enumerate(every) if row.path == self._selected), 0)
        wanted = every[max(0, min(len(every) - 1, at + rows))][0].path
        self._select(wanted)

    def _select(self, path: tuple[int, ...]) -> None:
        self._selected = path
        at = next((n for n, (row, _) in enumerate(self._rows) if row.path == path), 0)
        room = max(1, self.size.height - self._heads() - 1)
        self._top = max(min(self._top, at), at - room + 1, 0)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Select a continuation; a double click takes it."""
        offset = event.get_content_offset(self)
        place = -1 if offset is None else offset.y - self._heads() - 1 + self._top
        every = self._rows
        if offset is not None and offset.y > self._heads() and 0 <= place < len(every):
            self._select(every[place][0].path)
            if event.chain == 2:
                self.post_message(self.Picked())

    def on_mouse_scroll_down(self) -> None:
        """The wheel goes through the continuations."""
        self.move(1)

    def on_mouse_scroll_up(self) -> None:
        """The wheel goes through the continuations."""
        self.move(-1)

    def render_line(self, y: int) -> Strip:
        """A row."""
        width, palette, seen = self.size.width, self._palette, self._seen
        segments: list[Segment] = []
        heads = self._heads()
        if self._words and not seen.computed and not seen.closed:
            segments = [Segment(self._words if y == 0 else "", palette.muted)]
        elif seen.find is not None and y == 0:
            segments = self._bounds(f"/{show_text(seen.pattern, keep='')}/", *seen.find, 1.0)
        elif y < heads:
            word, lower, upper = seen.words[y - (seen.find is not None)]
            segments = self._bounds(show_text(word, keep=""), lower, upper, max(one[2] for one in seen.words))
        elif y == heads:
            segments = [Segment("goes on".ljust(max(0, width - 7)) + "   p  ", palette.muted)]
        elif (place := y - heads - 1 + self._top) < len(every := self._rows):
            segments = self._continuation(*every[place])
        return Strip(segments).adjust_cell_length(width, palette.text)

    def _bounds(self, name: str, lower: float, upper: float, scale: float) -> list[Segment]:
        """A name, a bar that is solid up to the lower bound and dotted up to the upper one, and both in figures."""
        palette, width = self._palette, self.size.width
        close = upper - lower < 0.0005
        figures = percent(lower) if close else f"{figure(lower).strip()}–{figure(upper).strip()} %"
        room = max(6, min(16, width // 3))
        bar = max(0, width - room - FIGURES - 2)
        solid = round(lower / scale * bar) if scale > 0 else 0
        dotted = max(0, (round(upper / scale * bar) if scale > 0 else 0) - solid)
        return [Segment(fitted(name, room), palette.value), Segment(" ", palette.text),
                Segment("█" * solid, palette.bar), Segment("░" * dotted, palette.muted),
                Segment(" " * (bar - solid - dotted), palette.text),
                Segment(f" {figures.rjust(FIGURES)}", palette.muted if not close else palette.value)]

    def _continuation(self, row: Continuation, depth: int) -> list[Segment]:
        palette, width = self._palette, self.size.width
        selected = row.path == self._selected
        fold = "▾" if row.below and self._selected[: len(row.path)] == row.path else "▸" if row.below else " "
        text = "".join(self._name_of(token) for token in row.path[-row.own :])
        words = f"{'  ' * min(depth, 6)}{fold} {text}"
        style = palette.value + palette.selected if selected else palette.value
        return [Segment(fitted(words, max(1, width - 8)), style),
                Segment(f" {percent(row.p)}", palette.selected + palette.muted if selected else palette.muted)]


VIEW = View("futures", """\
    Where the text can go from here, exactly: the tree of continuations, the heaviest expanded first, until everything
    is decided. A word's bar is solid up to what is proved, dotted up to what is still possible; it closes as the search
    goes on. Below stand continuations with what they weigh: ▸ goes on further, ↓ unfolds it, enter takes it over as a
    branch of picked tokens. Nothing is sampled, and nothing of the tree changes before that.
    """, FuturesView)
