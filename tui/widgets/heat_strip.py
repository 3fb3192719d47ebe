"""The heat of the tokens around the cursor as a row of bars: height is the value."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.heat import heat_bar
from tui.palette import Palette


class HeatStrip(Widget):
    """One line; a click goes to the token."""

    DEFAULT_CSS = "HeatStrip { height: 1; background: $surface; }"

    class Clicked(Message):
        """A person clicked on the bar of a position."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="heat")
        self._palette = palette
        self._values: Sequence[float | None] = ()
        self._first = 0
        self._cursor = 0

    def set_palette(self, palette: Palette) -> None:
        """Draws with another theme."""
        self._palette = palette
        self.refresh()

    def range_for(self, cursor: int, count: int) -> tuple[int, int]:
        """The positions that fit: those that end at the last token, moved back to hold the cursor."""
        width = max(1, self.size.width)
        first = max(0, min(count - width, cursor - width // 2))
        return first, min(count, first + width)

    def show(self, first: int, values: Sequence[float | None], cursor: int) -> None:
        """The values of the positions from `first` on."""
        if (first, values, cursor) != (self._first, self._values, self._cursor):
            self._first, self._values, self._cursor = first, values, cursor
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The bars."""
        palette = self._palette
        segments = []
        for position, value in enumerate(self._values, start=self._first):
            chosen = position == self._cursor
            segments.append(Segment(heat_bar(value), palette.marker if chosen else palette.bar))
        return Strip(segments).adjust_cell_length(self.size.width, palette.text)

    def on_click(self, event: events.Click) -> None:
        """Goes to the token of the bar."""
        position = self._first + event.x
        if position < self._first + len(self._values):
            event.stop()
            self.post_message(self.Clicked(position))
